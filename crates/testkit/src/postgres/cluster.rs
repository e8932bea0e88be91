//! One PostgreSQL server in a temporary folder: started, killed, started again, followed by a
//! standby, promoted.
//!
//! Nothing is left behind, whatever becomes of the test. A second process, the janitor, holds one end
//! of a pipe. When the test's end is closed, by [`Drop`] or because the test was killed, it stops
//! the server and removes the folder.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Stdio};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};

use rustix::process::Signal;
use tempfile::TempDir;

use super::USER;
use super::programs::Programs;
use crate::process::{self, ProcessId};
use crate::{Error, Result, ports};

/// How a cluster is set up.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Whether a commit waits for the disk. Off is faster, and loses nothing when processes are killed:
    /// a commit is with the operating system then, if not on disk.
    pub durable: bool,
    /// Settings for the command line, such as `("max_connections", "20")`.
    pub settings: Vec<(String, String)>,
    /// Lines that come before all others in `pg_hba.conf`; without any, everybody local is let in.
    pub access: Vec<String>,
}

/// A server. It listens on 127.0.0.1 and on a socket in its folder, and ends with this value.
#[derive(Debug)]
pub struct Cluster {
    programs: Programs,
    options: Options,
    port: u16,
    server: Option<Server>,
    folder: PathBuf,
    janitor: Janitor,
}

/// A running server and what reads its log. All its processes hold the pipe of the log, so that the
/// end of the log is the end of them all.
#[derive(Debug)]
struct Server {
    child: Child,
    log: JoinHandle<()>,
}

const ATTEMPTS: usize = 5;

/// A reload is carried out by each process of the server in its own time. What a transaction has seen of other
/// processes it keeps until it is told to look again.
const UNTIL_SYNCHRONOUS: &str = "DO $$ BEGIN
    WHILE NOT EXISTS (SELECT FROM pg_stat_replication WHERE sync_state = 'sync') LOOP
        PERFORM pg_sleep(0.01), pg_stat_clear_snapshot();
    END LOOP;
END $$";

impl Cluster {
    /// Starts a new one and waits until it accepts connections.
    ///
    /// # Errors
    /// If PostgreSQL is missing (the message says what to install) or does not start.
    pub fn start(options: &Options) -> Result<Self> {
        let cluster = Self::prepare(Programs::find()?, options)?;
        cluster.programs.copy(&template(&cluster.programs)?, &cluster.data())?;
        let rest = "local all all trust\nhost all all 127.0.0.1/32 trust\nhost replication all 127.0.0.1/32 trust\n";
        let lines = options.access.iter().map(|line| format!("{line}\n"));
        let access: String = lines.chain([rest.to_owned()]).collect();
        fs::write(cluster.data().join("pg_hba.conf"), access).map_err(Error::while_doing("write pg_hba.conf"))?;
        cluster.begin()
    }

    /// Another server that follows this one through streaming replication, read-only until it is
    /// [promoted](Self::promote). A synchronous one has what this one acknowledges: nothing that a
    /// client was told is lost with this one. The primary then accepts writes only while it is there.
    ///
    /// # Errors
    /// If it cannot be copied or started.
    pub fn standby(&self, synchronous: bool) -> Result<Self> {
        let standby = Self::prepare(self.programs.clone(), &self.options)?;
        let from = format!("host=127.0.0.1 port={} user={USER} application_name=standby", self.port);
        let data = standby.data();
        let to = data.to_str().ok_or_else(|| Error::new("the temporary folder has no plain name"))?;
        self.programs
            .run("pg_basebackup", &["-d", &from, "-D", to, "-R", "-X", "stream", "-c", "fast", "--no-sync"])?;
        let standby = standby.begin()?;
        // After the copy, so that the standby does not wait for one when it is promoted.
        if synchronous {
            self.psql("postgres", "ALTER SYSTEM SET synchronous_standby_names = 'standby'")?;
            self.psql("postgres", "SELECT pg_reload_conf()")?;
            self.psql("postgres", UNTIL_SYNCHRONOUS)?;
            // The process that makes checkpoints is the one that makes commits wait from now on.
            self.psql("postgres", "CHECKPOINT")?;
        }
        Ok(standby)
    }

    fn prepare(programs: Programs, options: &Options) -> Result<Self> {
        let folder = TempDir::with_prefix("acquaint-postgres-").map_err(Error::while_doing("make a folder"))?;
        programs.give(folder.path())?;
        let janitor = Janitor::hire(&programs, folder.path())?;
        let port = ports::free()?;
        Ok(Self { programs, options: options.clone(), port, server: None, folder: folder.keep(), janitor })
    }

    /// The first start: a port that was taken meanwhile is given up for another one.
    fn begin(mut self) -> Result<Self> {
        for attempt in 1.. {
            match self.launch() {
                Err(error) if attempt < ATTEMPTS && error.to_string().contains("could not bind") => {
                    self.port = ports::free()?;
                }
                other => return other.map(|()| self),
            }
        }
        Err(Error::new("no attempt was made"))
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// What the server wrote to its log, all starts together.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }

    fn launch(&mut self) -> Result<()> {
        let log = self.folder.join("log");
        let log = File::options().create(true).append(true).open(log).map_err(Error::while_doing("make a log"))?;
        let mut command = self.programs.command("postgres");
        command.arg("-D").arg(self.data()).arg("-k").arg(&self.folder);
        let port = self.port.to_string();
        let ours =
            [("listen_addresses", "127.0.0.1"), ("port", &port), ("lc_messages", "C"), ("logging_collector", "off")];
        let durability = ["fsync", "full_page_writes"].map(|name| (name, "off"));
        let sized = [("max_connections", "200"), ("shared_buffers", "64MB"), ("timezone", "UTC")];
        let durability = durability.iter().filter(|_| !self.options.durable);
        let asked = self.options.settings.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        for (name, value) in sized.into_iter().chain(durability.copied()).chain(asked).chain(ours) {
            command.arg("-c").arg(format!("{name}={value}"));
        }
        // Away from the terminal and from the test runner's signals: the janitor sees to its end.
        command.stdout(Stdio::null()).stderr(Stdio::piped()).process_group(0);
        let mut child = command.spawn().map_err(Error::while_doing("start postgres"))?;
        let Some(lines) = child.stderr.take() else { return Err(Error::new("postgres has no log")) };
        let (ready, is_ready) = mpsc::channel();
        let server = Server { child, log: thread::spawn(move || keep(lines, log, &ready)) };
        self.server = Some(server);
        match is_ready.recv() {
            Ok(()) => Ok(()),
            // The log ended before it was ready.
            Err(mpsc::RecvError) => {
                self.reap()?;
                Err(Error::new(format_args!("PostgreSQL did not start:\n{}", self.log())))
            }
        }
    }

    /// Waits until every process of the server is gone.
    fn reap(&mut self) -> Result<()> {
        let Some(mut server) = self.server.take() else { return Ok(()) };
        server.child.wait().map_err(Error::while_doing("wait for postgres"))?;
        server.log.join().map_err(|_| Error::new("the log could not be read"))
    }

    /// Where it listens: `127.0.0.1:15432`.
    #[must_use]
    pub fn address(&self) -> std::net::SocketAddr {
        (std::net::Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// The address of a database for a client.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        format!("postgres://{USER}@127.0.0.1:{}/{database}", self.port)
    }

    /// The folder that holds the socket, for `host=FOLDER`.
    #[must_use]
    pub fn socket_folder(&self) -> &Path {
        &self.folder
    }

    /// The port, which the socket is named after as well.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Runs statements in a database with `psql`; what they returned, unaligned, a row a line.
    ///
    /// # Errors
    /// What the server said.
    pub fn psql(&self, database: &str, statements: &str) -> Result<String> {
        psql(&self.programs, &self.url(database), statements)
    }

    /// Makes an empty database.
    ///
    /// # Errors
    /// If there is one.
    pub fn create_database(&self, name: &str) -> Result<()> {
        self.psql("postgres", &format!("CREATE DATABASE \"{name}\"")).map(drop)
    }

    /// Makes a database that holds what another one does, which nobody may be connected to: quicker
    /// than making the same again.
    ///
    /// # Errors
    /// If there is one, or the other is missing or in use.
    pub fn copy_database(&self, from: &str, to: &str) -> Result<()> {
        self.psql("postgres", &format!("CREATE DATABASE \"{to}\" TEMPLATE \"{from}\"")).map(drop)
    }

    /// The server's processes that serve clients of a database.
    ///
    /// # Errors
    /// If the server cannot be asked.
    pub fn backends(&self, database: &str) -> Result<Vec<ProcessId>> {
        let query = format!(
            "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND datname = '{database}' \
             AND pid <> pg_backend_pid() ORDER BY pid"
        );
        let pids = self.psql("postgres", &query)?;
        pids.lines().map(|pid| pid.parse().map_err(Error::while_doing("read a process number"))).collect()
    }

    /// Makes a standby the primary, and waits until it is.
    ///
    /// # Errors
    /// If it is none.
    pub fn promote(&self) -> Result<()> {
        let data = self.data();
        let data = data.to_str().ok_or_else(|| Error::new("the temporary folder has no plain name"))?;
        self.programs.run("pg_ctl", &["promote", "-w", "-D", data]).map(drop)
    }

    /// Ends the server and all its processes at once, as a power cut does; what is on disk stays.
    ///
    /// # Errors
    /// If it does not run.
    pub fn kill(&mut self) -> Result<()> {
        let Some(server) = &self.server else { return Err(Error::new("the server does not run")) };
        let parent = server.child.id();
        // Frozen first: it starts no more children while they are counted, and mourns none.
        process::freeze(parent)?;
        let children = process::children(parent)?;
        process::kill(parent)?;
        for child in children {
            // One may have come to its end by itself.
            let _ = process::kill(child);
        }
        self.reap()
    }

    /// Stops the server in an orderly way: transactions under way are rolled back.
    ///
    /// # Errors
    /// If it does not run.
    pub fn stop(&mut self) -> Result<()> {
        let Some(server) = &self.server else { return Err(Error::new("the server does not run")) };
        process::send(server.child.id(), Signal::INT)?;
        self.reap()
    }

    /// Starts the server on the same port and the same data, after stopping it if it runs.
    ///
    /// # Errors
    /// If it does not start.
    pub fn restart(&mut self) -> Result<()> {
        if self.server.is_some() {
            self.stop()?;
        }
        self.launch()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // Nothing useful can be done about a failure here; the next test has a folder of its own.
        if self.server.is_some() {
            let _ = self.kill();
        }
        // The janitor must not take another process for the one that is gone.
        let _ = fs::remove_file(self.data().join("postmaster.pid"));
        self.janitor.dismiss();
        let _ = fs::remove_dir(&self.folder);
    }
}

/// Keeps a server's log, says once when it is ready, and ends when the last of its processes does.
fn keep(lines: ChildStderr, mut log: File, ready: &mpsc::Sender<()>) {
    for line in BufReader::new(lines).split(b'\n').map_while(std::result::Result::ok) {
        // A log that cannot be written is missed by nobody but a reader of failures.
        let _ = log.write_all(&[&line[..], b"\n"].concat());
        if line.windows(15).any(|words| words == b"ready to accept") {
            // After the first time nobody waits any more.
            let _ = ready.send(());
        }
    }
}

/// Runs statements with `psql`.
pub(crate) fn psql(programs: &Programs, url: &str, statements: &str) -> Result<String> {
    programs.run("psql", &["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", url, "-c", statements])
}

/// A data folder as initdb leaves it: made once for a build and copied for each cluster, which takes
/// a tenth of the time.
fn template(programs: &Programs) -> Result<PathBuf> {
    let program = std::env::current_exe().map_err(Error::while_doing("find the folder of this program"))?;
    let beside = program.parent().unwrap_or(Path::new("/"));
    let finished = beside.join(format!("postgres-{}-template", programs.version()));
    if finished.exists() {
        return Ok(finished);
    }
    let folder = TempDir::with_prefix("acquaint-initdb-").map_err(Error::while_doing("make a folder"))?;
    programs.give(folder.path())?;
    let made = folder.path().join("data");
    let data = made.to_str().ok_or_else(|| Error::new("the temporary folder has no plain name"))?;
    let common = ["--no-sync", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-instructions", "--pgdata"];
    programs.run("initdb", &[&["--username", USER], &common[..], &[data]].concat())?;
    // Under its name only once it is whole: others look for it at the same time.
    let partial = TempDir::with_prefix_in("postgres-template-", beside).map_err(Error::while_doing("make a folder"))?;
    let whole = partial.path().join("data");
    programs.copy(&made, &whole)?;
    match fs::rename(&whole, &finished) {
        // Somebody else was quicker.
        Err(error) if !finished.exists() => Err(Error::while_doing("keep a new data folder")(error)),
        _ => Ok(finished),
    }
}

/// Stops what runs in a folder and removes it, once the other end of its pipe is closed.
#[derive(Debug)]
struct Janitor(Child);

/// Waits for the end of its input; `$1` is the folder, `$2` the program that stops a server.
const JANITOR: &str = r#"cat >/dev/null
if [ -f "$1/data/postmaster.pid" ]; then "$2" stop -s -m immediate -D "$1/data"; fi
rm -rf "$1"
"#;

impl Janitor {
    /// It works as the user of the server, and so can end nobody else's processes, and in a group of
    /// its own, so that it outlives a test runner that ends a test with all its processes.
    fn hire(programs: &Programs, folder: &Path) -> Result<Self> {
        let mut shell = programs.command_at(Path::new("/bin/sh"));
        shell.args(["-c", JANITOR, "janitor"]).arg(folder).arg(programs.path("pg_ctl"));
        shell.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
        shell.spawn().map(Self).map_err(Error::while_doing("start a shell"))
    }

    fn dismiss(&mut self) {
        drop(self.0.stdin.take());
        // It has nothing left to stop; what it could not remove is the system's to clean up.
        let _ = self.0.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// It once waited for ever: the first look at who follows was kept for all later ones.
    #[test]
    fn a_standby_that_comes_later_is_seen_by_who_waits_for_it() {
        let primary = Cluster::start(&Options::default()).unwrap();
        primary.psql("postgres", "ALTER SYSTEM SET synchronous_standby_names = 'standby'").unwrap();
        primary.psql("postgres", "SELECT pg_reload_conf()").unwrap();
        let (programs, url) = (primary.programs.clone(), primary.url("postgres"));
        let until = format!("SET statement_timeout = '30s'; {UNTIL_SYNCHRONOUS}");
        let waiting = thread::spawn(move || psql(&programs, &url, &until));
        let asleep = "SELECT pid FROM pg_stat_activity WHERE wait_event = 'PgSleep'";
        while primary.psql("postgres", asleep).unwrap().is_empty() {}
        let _standby = primary.standby(false).unwrap();
        waiting.join().unwrap().unwrap();
    }
}
