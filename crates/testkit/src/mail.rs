//! An SMTP server that takes mails, and misbehaves when asked to: `script/smtp-server.py`, in a process
//! of its own.

use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

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

/// The server; it ends when dropped.
pub struct MailServer {
    child: Child,
    port: u16,
    taken: Arc<Mutex<Vec<Taken>>>,
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
        let taken = Arc::<Mutex<Vec<Taken>>>::default();
        let inbox = Arc::clone(&taken);
        let reader = std::thread::spawn(move || {
            for mail in lines.filter_map(|line| serde_json::from_str(&line).ok()) {
                inbox.lock().unwrap_or_else(PoisonError::into_inner).push(mail);
            }
        });
        Ok(Self { child, port, taken, reader: Some(reader) })
    }

    /// Its port, on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// What it has taken by now.
    #[must_use]
    pub fn taken(&self) -> Vec<Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).clone()
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
