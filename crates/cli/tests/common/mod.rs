//! Runs the real binary, and talks to it over real sockets.
#![allow(dead_code, reason = "each test file uses its own part")]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests, and what helps them, stop at the first surprise"
)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// The key that the tests' servers are started with.
pub(crate) const KEY: &str = "test-key";

/// The binary, with none of our variables set.
pub(crate) fn acquaint() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_acquaint"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("ACQUAINT_") {
            command.env_remove(name);
        }
    }
    command.stdin(Stdio::null());
    command
}

/// Runs the binary to its end.
pub(crate) fn run(args: &[&str]) -> Ran {
    Ran(acquaint().args(args).output().unwrap())
}

/// How long something is asked for at most: whatever is not so by then never will be.
const PATIENCE: Duration = Duration::from_secs(120);

/// Asks again until it is so. What is asked is answered by programs, so that this takes its time.
#[expect(clippy::disallowed_methods, reason = "a test that waits for ever says nothing")]
pub(crate) fn until(mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < PATIENCE, "it did not come to pass");
    }
}

/// How a run ended.
pub(crate) struct Ran(pub(crate) Output);

impl Ran {
    pub(crate) fn code(&self) -> i32 {
        self.0.status.code().unwrap()
    }

    pub(crate) fn stdout(&self) -> String {
        String::from_utf8(self.0.stdout.clone()).unwrap()
    }

    pub(crate) fn stderr(&self) -> String {
        String::from_utf8(self.0.stderr.clone()).unwrap()
    }

    /// It ended with this code, wrote nothing to standard output, and its last line says why.
    pub(crate) fn fails(&self, code: i32, why: &str) {
        let stderr = self.stderr();
        assert_eq!(self.code(), code, "{stderr}");
        let last = stderr.lines().next_back().unwrap_or_default();
        assert!(last.starts_with("acquaint: ") && last.contains(why), "expected {why:?} in {stderr:?}");
        assert_eq!(self.stdout(), "");
    }

    /// It succeeded; what it wrote to standard output.
    pub(crate) fn succeeds(&self) -> String {
        assert_eq!(self.code(), 0, "{}", self.stderr());
        self.stdout()
    }
}

/// The real stream that the repository holds.
pub(crate) fn collegemsg() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/collegemsg.csv")
}

/// A running server; killed when dropped.
pub(crate) struct Server {
    pub(crate) child: Child,
    pub(crate) address: String,
}

impl Server {
    /// Starts one on a free port, and waits until it says that it listens.
    pub(crate) fn start(store: &Path, more: &[&str]) -> Self {
        let mut command = acquaint();
        command.args(["serve", "--listen", "127.0.0.1:0", "--store"]).arg(format!("fjall:{}", store.display()));
        command.args(more).env("ACQUAINT_HOST_KEY", KEY);
        Self::spawn(command)
    }

    pub(crate) fn spawn(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim_end().strip_prefix("listening on ").and_then(|url| url.split_once("://"));
        let Some((_, address)) = address else {
            child.kill().unwrap();
            let mut said = String::new();
            child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
            panic!("it does not listen: {line:?} {said}");
        };
        Self { address: address.into(), child }
    }

    pub(crate) fn client(&self) -> Client {
        Client::connect(&self.address).unwrap()
    }

    /// Sends it a signal by name.
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").arg(format!("-{name}")).arg(self.child.id().to_string()).status().unwrap();
        assert!(sent.success());
    }

    /// Waits for its end: exit code, and what it wrote to standard output and error after the first line.
    pub(crate) fn end(mut self) -> (Option<i32>, String, String) {
        let (mut out, mut log) = (String::new(), String::new());
        self.child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
        self.child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
        (self.child.wait().unwrap().code(), out, log)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One keep-alive connection.
pub(crate) struct Client(BufReader<TcpStream>);

impl Client {
    pub(crate) fn connect(address: &str) -> std::io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        Ok(Self(BufReader::new(stream)))
    }

    /// The same, for a server that may not answer: nothing takes longer than that.
    pub(crate) fn connect_within(address: &str, patience: Duration) -> std::io::Result<Self> {
        let address = address.parse().map_err(std::io::Error::other)?;
        let stream = TcpStream::connect_timeout(&address, patience)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(patience))?;
        stream.set_write_timeout(Some(patience))?;
        Ok(Self(BufReader::new(stream)))
    }

    /// Makes a call for a member; the status and the body.
    pub(crate) fn call(
        &mut self,
        method: &str,
        path: &str,
        member: &str,
        body: &str,
    ) -> std::io::Result<(u16, String)> {
        self.call_with(method, path, member, None, body)
    }

    /// The same, with one header more.
    pub(crate) fn call_with(
        &mut self,
        method: &str,
        path: &str,
        member: &str,
        header: Option<(&str, &str)>,
        body: &str,
    ) -> std::io::Result<(u16, String)> {
        let length = body.len();
        let header = header.map(|(name, value)| format!("{name}: {value}\r\n")).unwrap_or_default();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: test\r\nAuthorization: Bearer {KEY}\r\nAcquaint-Member: {member}\r\n\
             Content-Type: application/json\r\nContent-Length: {length}\r\n{header}\r\n"
        );
        self.0.get_mut().write_all([head.as_bytes(), body.as_bytes()].concat().as_slice())?;
        self.answer()
    }

    /// Makes a call with another key than the tests', or with a token, for nobody.
    pub(crate) fn call_as(&mut self, bearer: &str, method: &str, path: &str) -> std::io::Result<(u16, String)> {
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: test\r\nAuthorization: Bearer {bearer}\r\nContent-Length: 0\r\n\r\n"
        );
        self.0.get_mut().write_all(head.as_bytes())?;
        self.answer()
    }

    fn answer(&mut self) -> std::io::Result<(u16, String)> {
        let broken = || std::io::Error::other("the connection broke off");
        let mut line = String::new();
        self.0.read_line(&mut line)?;
        let status = line.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or_else(broken)?;
        let mut length = 0;
        loop {
            line.clear();
            if self.0.read_line(&mut line)? == 0 {
                return Err(broken());
            }
            match line.trim_end().split_once(": ") {
                Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                    length = value.parse().map_err(|_| broken())?;
                }
                Some(_) => {}
                None => break,
            }
        }
        let mut body = vec![0; length];
        self.0.read_exact(&mut body)?;
        Ok((status, String::from_utf8_lossy(&body).into_owned()))
    }
}

/// The text of a field of a JSON object.
pub(crate) fn field(json: &str, name: &str) -> String {
    let value: serde_json::Value = serde_json::from_str(json).unwrap();
    value[name].as_str().unwrap_or_default().to_owned()
}
