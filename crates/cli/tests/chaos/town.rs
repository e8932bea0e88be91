//! The processes: servers, each with a network of its own to two seats, and a primary and its standby
//! in those seats.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use acquaint_testkit::ports;
use acquaint_testkit::postgres::{Cluster, Options, USER};
use acquaint_testkit::process::{self, ProcessId};
use acquaint_testkit::proxy::Proxy;

use super::common::{KEY, acquaint, run};

const DATABASE: &str = "acquaint";

/// All of it; ends with this value.
pub(crate) struct Town {
    pub(crate) servers: Vec<Server>,
    primary: Cluster,
    standby: Cluster,
    /// In which of the two seats the primary is.
    seat: usize,
    /// Where logs are.
    pub(crate) folder: PathBuf,
}

/// One `acquaint serve`, on an address that it keeps.
pub(crate) struct Server {
    child: Option<Child>,
    pub(crate) address: String,
    store: String,
    /// The network to the two seats.
    links: [Proxy; 2],
    log: PathBuf,
}

impl Town {
    /// Starts a primary with a synchronous standby and so many servers.
    pub(crate) fn start(servers: usize, folder: &Path) -> Self {
        let primary = Cluster::start(&Options::default()).unwrap();
        primary.create_database(DATABASE).unwrap();
        run(&["migrate", "--store", &primary.url(DATABASE)]).succeeds();
        let standby = primary.standby(true).unwrap();
        let servers = (0..servers).map(|number| Server::new(number, [&primary, &standby], folder)).collect();
        let mut town = Self { servers, primary, standby, seat: 0, folder: folder.to_owned() };
        town.servers.iter_mut().for_each(Server::start);
        town
    }

    pub(crate) fn addresses(&self) -> Vec<String> {
        self.servers.iter().map(|server| server.address.clone()).collect()
    }

    /// The network of a server to the primary.
    pub(crate) fn link(&self, server: usize) -> &Proxy {
        &self.servers[server].links[self.seat]
    }

    /// The processes of the primary that serve our servers.
    pub(crate) fn backends(&self) -> Vec<ProcessId> {
        self.primary.backends(DATABASE).unwrap()
    }

    /// Kills the primary, promotes the standby, and gives it a standby of its own.
    pub(crate) fn fail_over(&mut self) {
        self.primary.kill().unwrap();
        self.standby.promote().unwrap();
        let standby = self.standby.standby(true).unwrap();
        for server in &self.servers {
            server.links[self.seat].redirect(standby.address());
        }
        // What was the primary ends here.
        self.primary = std::mem::replace(&mut self.standby, standby);
        self.seat = 1 - self.seat;
    }

    /// The logs of servers and databases, for whoever looks into a failure.
    pub(crate) fn keep_logs(&self) {
        for (name, cluster) in [("primary", &self.primary), ("standby", &self.standby)] {
            std::fs::write(self.folder.join(format!("{name}.log")), cluster.log()).unwrap();
        }
    }
}

impl Server {
    fn new(number: usize, seats: [&Cluster; 2], folder: &Path) -> Self {
        let links = seats.map(|cluster| Proxy::to(cluster.address()).unwrap());
        let [first, second] = [0, 1].map(|seat: usize| links[seat].address());
        Self {
            child: None,
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, ports::free().unwrap())).to_string(),
            store: format!("postgres://{USER}@{first},{second}/{DATABASE}?target_session_attrs=read-write"),
            links,
            log: folder.join(format!("server-{number}.log")),
        }
    }

    pub(crate) fn start(&mut self) {
        let log = File::options().create(true).append(true).open(&self.log).unwrap();
        let mut command = acquaint();
        command.args(["serve", "--policy", "open", "--listen", &self.address, "--store", &self.store]);
        command.env("ACQUAINT_HOST_KEY", KEY).stdout(Stdio::piped()).stderr(log);
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        self.child = Some(child);
        assert!(line.starts_with("listening on"), "it does not listen: {}", self.log.display());
    }

    fn id(&self) -> ProcessId {
        self.child.as_ref().unwrap().id()
    }

    pub(crate) fn freeze(&self) {
        process::freeze(self.id()).unwrap();
    }

    pub(crate) fn thaw(&self) {
        process::thaw(self.id()).unwrap();
    }

    pub(crate) fn kill(&mut self) {
        let mut child = self.child.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Tells it to stop, and waits until it has.
    pub(crate) fn stop(&mut self) {
        let mut child = self.child.take().unwrap();
        let told = std::process::Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
        assert!(told.success());
        let ended = child.wait().unwrap();
        assert_eq!(ended.code(), Some(0), "it did not stop cleanly: {}", self.log.display());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.child.is_some() {
            self.kill();
        }
    }
}
