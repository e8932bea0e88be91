//! The certificate of `serve`: from two files, which are read again when they change.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use acquaint_server::Tls;

use crate::failure::{Failure, Outcome};
use crate::settings::{Key, Sources, text};

/// How often the files are looked at.
pub(crate) const LOOK_AGAIN: Duration = Duration::from_secs(30);

/// A certificate, and where it comes from.
pub(crate) struct Certificate {
    pub(crate) tls: Tls,
    files: [PathBuf; 2],
    /// What was in them when they were last read.
    read: [Vec<u8>; 2],
}

impl Certificate {
    /// What the settings say; `None` if connections are not encrypted here.
    pub(crate) fn resolve(sources: &Sources) -> Outcome<Option<Self>> {
        let keys = [Key::TlsCertificate, Key::TlsPrivate];
        let [certificate, key] = [sources.get(keys[0], text)?, sources.get(keys[1], text)?];
        let files = match (certificate, key) {
            (None, None) => return Ok(None),
            (Some(certificate), Some(key)) => [certificate, key].map(PathBuf::from),
            (Some(_), None) => return Err(missing(sources, keys[0], keys[1])),
            (None, Some(_)) => return Err(missing(sources, keys[1], keys[0])),
        };
        let read = read(&files).map_err(Failure::usage)?;
        let tls = Tls::new(&read[0], &read[1])
            .map_err(|error| Failure::usage(format_args!("{}: {error}", sources.blame(keys[0]))))?;
        Ok(Some(Self { tls, files, read }))
    }

    /// Takes what is in the files now, if that is something else than before.
    pub(crate) fn renew(&mut self) {
        let read = match read(&self.files) {
            Ok(read) if read == self.read => return,
            Ok(read) => read,
            Err(error) => {
                tracing::error!(%error, "the certificate stays as it was");
                return;
            }
        };
        match self.tls.replace(&read[0], &read[1]) {
            Ok(()) => tracing::info!(file = %self.files[0].display(), "the certificate was read again and is in use"),
            // One file may be there before the other; the next look sees both.
            Err(error) => tracing::error!(%error, "the certificate stays as it was"),
        }
        self.read = read;
    }
}

fn read(files: &[PathBuf; 2]) -> Result<[Vec<u8>; 2], String> {
    let one = |path: &PathBuf| fs::read(path).map_err(|error| format!("cannot read {}: {error}", path.display()));
    Ok([one(&files[0])?, one(&files[1])?])
}

fn missing(sources: &Sources, there: Key, missing: Key) -> Failure {
    Failure::usage(format_args!(
        "{}: a certificate goes with its key, so {} is needed too",
        sources.blame(there),
        missing.flag()
    ))
}
