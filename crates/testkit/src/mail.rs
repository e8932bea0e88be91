//! An SMTP server that takes mails, and misbehaves when asked to: `script/smtp-server.py`, in a process
//! of its own.

use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use serde::Deserialize;

use crate::{Error, Result};

/// A mail that the server has taken.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Taken {
    /// The sender of the envelope.
    pub from: String,
    /// The recipients of the envelope.
    pub to: Vec<String>,
    /// The mail, headers and all.
    pub data: String,
    /// Whether it came encrypted.
    pub tls: bool,
    /// As whom the client had logged in.
    pub user: Option<String>,
}

impl Taken {
    /// The values of a header, unfolded.
    #[must_use]
    pub fn header(&self, name: &str) -> Vec<String> {
        let text = self.data.replace("\r\n", "\n");
        let head = text.split("\n\n").next().unwrap_or_default().replace("\n ", " ").replace("\n\t", " ");
        let value = |line: &str| line.split_once(": ").filter(|(other, _)| *other == name).map(|(_, v)| v.to_owned());
        head.lines().filter_map(value).collect()
    }
}

/// How long mails are waited for at most: whatever does not come by then never will.
const PATIENCE: Duration = Duration::from_secs(120);

/// What a server has taken, and whoever waits for more.
#[derive(Default)]
struct Inbox {
    taken: Mutex<Vec<Taken>>,
    arrival: Condvar,
}

impl Inbox {
    fn lock(&self) -> MutexGuard<'_, Vec<Taken>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, mail: Taken) {
        self.lock().push(mail);
        self.arrival.notify_all();
    }
}

/// The server; it ends when dropped.
pub struct MailServer {
    child: Child,
    port: u16,
    inbox: Arc<Inbox>,
    /// Reads what the server says, until its end.
    reader: Option<JoinHandle<()>>,
}

impl MailServer {
    /// Starts a server with these arguments (`--tls starttls`, `--trouble 0.3`, …).
    ///
    /// # Errors
    /// If Python or its packages are missing.
    pub fn start<A: Into<OsString>>(arguments: impl IntoIterator<Item = A>) -> Result<Self> {
        let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../script");
        let mut child = Command::new(scripts.join("test-python"))
            .arg(scripts.join("smtp-server.py"))
            .args(arguments.into_iter().map(Into::into))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(Error::while_doing("start the SMTP server"))?;
        let output = child.stdout.take().ok_or_else(|| Error::new("the SMTP server has no output"))?;
        let mut lines = BufReader::new(output).lines().map_while(std::result::Result::ok);
        let port = lines.next().and_then(|line| line.parse().ok());
        let port = port.ok_or_else(|| Error::new("the SMTP server did not say its port; its error is above"))?;
        let inbox = Arc::<Inbox>::default();
        let filled = Arc::clone(&inbox);
        let reader = std::thread::spawn(move || {
            lines.filter_map(|line| serde_json::from_str(&line).ok()).for_each(|mail| filled.push(mail));
        });
        Ok(Self { child, port, inbox, reader: Some(reader) })
    }

    /// Its port, on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// What it has taken by now.
    #[must_use]
    pub fn taken(&self) -> Vec<Taken> {
        self.inbox.lock().clone()
    }

    /// Waits until what it has taken is so.
    ///
    /// # Errors
    /// If that does not come to pass within two minutes.
    pub fn wait_until(&self, is_so: impl Fn(&[Taken]) -> bool) -> Result<()> {
        let waited = self.inbox.arrival.wait_timeout_while(self.inbox.lock(), PATIENCE, |taken| !is_so(taken));
        let (taken, waited) = waited.unwrap_or_else(PoisonError::into_inner);
        if waited.timed_out() {
            return Err(Error::new(format!("it did not come to pass; {} mails have arrived", taken.len())));
        }
        Ok(())
    }

    /// Ends it at once. What it has taken by now is all that it will ever have taken: what was still on its way
    /// to it is lost.
    #[must_use]
    pub fn end(mut self) -> Vec<Taken> {
        self.kill();
        if let Some(reader) = self.reader.take() {
            reader.join().ok();
        }
        self.taken()
    }

    fn kill(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        self.kill();
    }
}
