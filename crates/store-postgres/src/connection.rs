//! Connections: made, checked, used, given up.
//!
//! A connection is only handed out once the server behind it was found to take writes and to have
//! our tables, and has every statement prepared, so that what is sent later is sent in one go: a
//! [`flight`](Connection::fly) of statements, one behind the other without waiting, then their
//! answers in the same order. Each answer has a time limit that the client keeps, because a frozen
//! server keeps none. A connection that overran it, that broke, or whose user went away in the
//! middle, is not used again.
//!
//! The pool is deadpool's. Its ready-made manager for PostgreSQL is not used because it neither
//! looks at the server before it hands a connection out, nor tries hosts one by one.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use acquaint_store::{StoreError, StoreResult};
use deadpool::Runtime;
use deadpool::managed::{self, Metrics, PoolConfig, QueueMode, RecycleError, RecycleResult, Timeouts};
use futures_util::future::{FutureExt as _, MaybeDone, maybe_done};
use futures_util::{StreamExt as _, pin_mut};
use tokio::time::timeout;
use tokio_postgres::types::ToSql;
use tokio_postgres::{CancelToken, Client, Config, Row, Statement};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::Options;
use crate::address::Address;
use crate::error::{Reaction, Trouble, describe};
use crate::inspect::{Needs, Server};
use crate::sql::Sql;
use crate::stats::Counters;
use crate::value::Param;

/// A connection on loan from the pool.
pub(crate) type Loan = managed::Object<Manager>;
pub(crate) type Pool = managed::Pool<Manager>;

/// A statement with its parameters.
pub(crate) struct Step<'a> {
    pub(crate) sql: Sql,
    pub(crate) params: Vec<Param<'a>>,
    /// Whose rows it touches, for a database that has to ask several nodes: one parameter more there.
    pub(crate) members: Option<Param<'a>>,
    /// How many rows it must touch; otherwise what was decided no longer holds. On one node the statement
    /// itself is refused then, and has one parameter more; of several, the count is looked at here.
    pub(crate) touches: Option<i64>,
}

impl<'a> Step<'a> {
    pub(crate) fn new(sql: Sql, params: Vec<Param<'a>>) -> Self {
        Self { sql, params, members: None, touches: None }
    }

    pub(crate) fn of_members(self, members: impl ToSql + Sync + Send + 'a) -> Self {
        Self { members: Some(Box::new(members)), ..self }
    }

    pub(crate) fn touching(self, rows: usize) -> Self {
        Self { touches: Some(i64::try_from(rows).unwrap_or(i64::MAX)), ..self }
    }
}

/// A parameter.
pub(crate) fn param<'a>(value: impl ToSql + Sync + Send + 'a) -> Param<'a> {
    Box::new(value)
}

/// What came back for a statement.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) rows: Vec<Row>,
    pub(crate) touched: u64,
}

/// A connection with its prepared statements.
pub(crate) struct Connection {
    client: Client,
    /// By the number of their [`Sql`]; those that begin and end transactions are sent as they are.
    statements: Vec<Option<Statement>>,
    cancel: (CancelToken, MakeRustlsConnect),
    deadline: Duration,
    counters: Arc<Counters>,
    /// Whether the tables are spread over several nodes.
    pub(crate) is_distributed: bool,
    /// Statements are under way, or went wrong in a way that leaves the connection in doubt.
    in_doubt: bool,
    in_transaction: bool,
}

impl Connection {
    /// Sends all statements, then waits for their answers.
    ///
    /// # Errors
    /// The first thing that went wrong.
    pub(crate) async fn fly(&mut self, steps: &[Step<'_>]) -> Result<Vec<Reply>, Trouble> {
        self.in_doubt = true;
        let outcome = self.answers(steps).await;
        match &outcome {
            Ok(_) => self.in_doubt = false,
            Err(Trouble::Deadline(_)) => self.cancel(),
            Err(trouble) => self.in_doubt = !matches!(trouble.reaction(), Reaction::Again | Reaction::Conflict),
        }
        let last = steps.iter().rev().find_map(|step| match step.sql {
            Sql::Begin | Sql::BeginReading => Some(true),
            Sql::Commit | Sql::Rollback => Some(false),
            _ => None,
        });
        self.in_transaction = last.unwrap_or(self.in_transaction);
        outcome
    }

    async fn answers(&self, steps: &[Step<'_>]) -> Result<Vec<Reply>, Trouble> {
        let mut under_way: Vec<MaybeDone<Pin<Box<_>>>> =
            steps.iter().map(|step| maybe_done(Box::pin(self.send(step)))).collect();
        // The first look at each, in their order, is what sends it. Behind one that could not be sent nothing is:
        // COMMIT would make half of a commit stand.
        let unsent = poll_fn(|context| {
            let unsent = under_way.iter_mut().position(|reply| {
                let _ = reply.poll_unpin(context);
                matches!(reply, MaybeDone::Done(Err(error)) if error.code().is_none())
            });
            Poll::Ready(unsent)
        })
        .await;
        under_way.truncate(unsent.map_or(steps.len(), |place| place + 1));
        let mut replies = Vec::with_capacity(steps.len());
        let mut trouble = None;
        for (place, (step, mut reply)) in steps.iter().zip(under_way).enumerate() {
            timeout(self.deadline, &mut reply).await.map_err(|_| Trouble::Deadline(self.deadline))?;
            // What follows the first error is refused for no reason of its own.
            match Pin::new(&mut reply).take_output() {
                Some(Ok(reply)) if self.falls_short(step, &reply) => {
                    trouble = trouble.or(Some(Trouble::Unmet(step.sql)));
                }
                Some(Ok(reply)) => replies.push(reply),
                Some(Err(error)) => {
                    let breaks_off = unsent == Some(place) && !matches!(step.sql, Sql::Commit | Sql::Position);
                    let met = if breaks_off { Trouble::Unsent(error) } else { Trouble::at(step.sql, error) };
                    trouble = trouble.or(Some(met));
                }
                None => {}
            }
        }
        trouble.map_or(Ok(replies), Err)
    }

    async fn send(&self, step: &Step<'_>) -> Result<Reply, tokio_postgres::Error> {
        let Some(Some(statement)) = self.statements.get(step.sql as usize) else {
            #[expect(clippy::disallowed_methods, reason = "the one place where statements are sent")]
            self.client.batch_execute(&step.sql.text(self.is_distributed)).await?;
            return Ok(Reply { rows: Vec::new(), touched: 0 });
        };
        let mut params: Vec<_> = step.params.iter().map(|param| param.as_ref() as &(dyn ToSql + Sync)).collect();
        if self.is_distributed {
            params.extend(step.members.iter().map(|param| param.as_ref() as &(dyn ToSql + Sync)));
        } else {
            params.extend(step.touches.iter().map(|rows| rows as &(dyn ToSql + Sync)));
        }
        #[expect(clippy::disallowed_methods, reason = "the one place where statements are sent")]
        let stream = self.client.query_raw(statement, params).await?;
        pin_mut!(stream);
        let mut rows = Vec::new();
        while let Some(row) = stream.next().await {
            rows.push(row?);
        }
        Ok(Reply { rows, touched: stream.rows_affected().unwrap_or_default() })
    }

    /// Whether a statement that could not count its rows itself touched fewer than it must.
    fn falls_short(&self, step: &Step<'_>, reply: &Reply) -> bool {
        self.is_distributed && step.touches.is_some_and(|rows| u64::try_from(rows) != Ok(reply.touched))
    }

    /// Rolls back if a transaction is open and the connection still good for it.
    pub(crate) async fn roll_back(&mut self) {
        if self.in_transaction && !self.in_doubt {
            // If this fails, the connection is given up, and the server rolls back.
            let _ = self.fly(&[Step::new(Sql::Rollback, Vec::new())]).await;
        }
    }

    /// Asks the server to stop what it does for this connection. A frozen one does not hear it.
    fn cancel(&self) {
        self.counters.overran();
        let ((token, tls), limit) = (self.cancel.clone(), self.deadline);
        tokio::spawn(async move {
            // Whether it helped shows in the connections made after this one.
            let _ = timeout(limit, token.cancel_query(tls)).await;
        });
    }

    fn is_good(&self) -> bool {
        !self.in_doubt && !self.in_transaction && !self.client.is_closed()
    }
}

/// Makes connections.
pub(crate) struct Manager {
    address: Address,
    needs: Needs,
    tls: MakeRustlsConnect,
    deadline: Duration,
    /// Whether places in the log are asked for, which not every kind of PostgreSQL has.
    reads_log: bool,
    counters: Arc<Counters>,
    /// The host that was good last.
    first: AtomicUsize,
}

impl Manager {
    fn new(address: &Address, needs: Needs, options: &Options, counters: &Arc<Counters>) -> Result<Self, String> {
        Ok(Self {
            tls: crate::tls::connector(address)?,
            address: address.clone(),
            needs,
            deadline: options.deadline,
            reads_log: !options.replicas.is_empty(),
            counters: Arc::clone(counters),
            first: AtomicUsize::new(0),
        })
    }

    /// Tries the hosts one by one, beginning with the one that was good last.
    async fn connect(&self) -> Result<Connection, Trouble> {
        let mut reasons = Vec::new();
        let (count, first) = (self.address.hosts.len(), self.first.load(Ordering::Relaxed));
        for place in (0..count).map(|offset| (first + offset) % count) {
            let Some(host) = self.address.hosts.get(place) else { continue };
            let name = Address::host_name(host);
            match timeout(self.deadline, self.connect_to(host)).await {
                Ok(Ok(connection)) => {
                    self.first.store(place, Ordering::Relaxed);
                    self.counters.connected();
                    return Ok(connection);
                }
                Ok(Err(reason)) => reasons.push(reason),
                Err(_) => reasons.push(format!("{name} did not answer within {} s", self.deadline.as_secs_f64())),
            }
        }
        Err(Trouble::NoConnection(reasons.join("; ")))
    }

    async fn connect_to(&self, host: &Config) -> Result<Connection, String> {
        let client = connect(host, &self.tls).await?;
        let server = Server::inspect(&client, host).await?;
        server.fits(self.needs)?;
        let refused = |error: tokio_postgres::Error| format!("{}: {}", Address::host_name(host), describe(&error));
        self.set_limits(&client).await.map_err(refused)?;
        let is_sent = |sql: Sql| !sql.is_control() && (self.reads_log || !sql.is_of_the_log());
        let spread = server.is_distributed;
        let statements = Sql::ALL.iter().map(|sql| prepare(&client, *sql, is_sent(*sql), spread));
        let statements = futures_util::future::try_join_all(statements);
        Ok(Connection {
            statements: statements.await.map_err(refused)?,
            cancel: (client.cancel_token(), self.tls.clone()),
            client,
            deadline: self.deadline,
            counters: Arc::clone(&self.counters),
            is_distributed: server.is_distributed,
            in_doubt: false,
            in_transaction: false,
        })
    }

    /// The server keeps the limits too, so that what a client left behind does not hold locks for
    /// long. Statements take rows as arrays of any length, and each finds its rows by an index: one
    /// plan serves them all, whatever the tables looked like when it was made.
    async fn set_limits(&self, client: &Client) -> Result<(), tokio_postgres::Error> {
        let (limit, idle) = (self.deadline.as_millis(), 2 * self.deadline.as_millis());
        let settings = format!(
            "SET statement_timeout = {limit}; SET idle_in_transaction_session_timeout = {idle}; \
             SET plan_cache_mode = force_generic_plan; \
             SET jit = off; SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off"
        );
        #[expect(clippy::disallowed_methods, reason = "before the first statement there is nothing to go around")]
        client.batch_execute(&settings).await
    }
}

/// Prepares a statement, if it will be sent as one.
async fn prepare(
    client: &Client,
    sql: Sql,
    is_sent: bool,
    spread: bool,
) -> Result<Option<Statement>, tokio_postgres::Error> {
    if !is_sent {
        return Ok(None);
    }
    #[expect(clippy::disallowed_methods, reason = "the one place where statements are prepared")]
    client.prepare(&sql.text(spread)).await.map(Some)
}

/// A plain connection to one host.
///
/// # Errors
/// A sentence that says what is wrong with it.
pub(crate) async fn connect(host: &Config, tls: &MakeRustlsConnect) -> Result<Client, String> {
    let name = Address::host_name(host);
    let (client, connection) = host.connect(tls.clone()).await.map_err(|error| match error.as_db_error() {
        Some(_) => format!("{name}: {}", describe(&error)),
        None => format!("cannot connect to PostgreSQL at {name}: {}: is it running there?", describe(&error)),
    })?;
    tokio::spawn(async move {
        // Whoever waits for an answer is told; this is for the log.
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a connection ended");
        }
    });
    Ok(client)
}

impl managed::Manager for Manager {
    type Type = Connection;
    type Error = Trouble;

    async fn create(&self) -> Result<Connection, Trouble> {
        self.connect().await
    }

    async fn recycle(&self, connection: &mut Connection, _: &Metrics) -> RecycleResult<Trouble> {
        if connection.is_good() { Ok(()) } else { Err(RecycleError::message("the connection is in doubt")) }
    }
}

/// A pool of connections to hosts that have what is needed.
///
/// # Errors
/// If the address asks for what cannot be had.
pub(crate) fn pool(address: &Address, needs: Needs, options: &Options, counters: &Arc<Counters>) -> StoreResult<Pool> {
    let manager = Manager::new(address, needs, options, counters).map_err(StoreError::Failed)?;
    let timeouts = Timeouts { wait: Some(options.deadline), create: None, recycle: None };
    let config = PoolConfig { max_size: options.connections.max(1), timeouts, queue_mode: QueueMode::Lifo };
    let pool = Pool::builder(manager).config(config).runtime(Runtime::Tokio1).build();
    pool.map_err(|error| StoreError::Failed(error.to_string()))
}

/// A connection from the pool, or why there is none.
pub(crate) async fn borrow(pool: &Pool) -> Result<Loan, Trouble> {
    pool.get().await.map_err(|error| match error {
        managed::PoolError::Backend(trouble) => trouble,
        managed::PoolError::Timeout(_) => Trouble::NoConnection(
            "all connections to the database are busy: raise --pool-size, or look at what it is busy with".into(),
        ),
        other => Trouble::NoConnection(format!("there is no connection to the database: {other}")),
    })
}
