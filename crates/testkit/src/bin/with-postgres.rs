//! `with-postgres COMMAND…`: runs a command with one PostgreSQL server that all its tests share, named
//! in `ACQUAINT_TEST_POSTGRES_URLS`; where that names servers already, with those.

#[cfg(unix)]
fn main() -> std::process::ExitCode {
    match on_unix::run() {
        Ok(code) => code,
        Err(error) => {
            #[expect(clippy::print_stderr, reason = "where a program says why it failed")]
            {
                eprintln!("with-postgres: {error}");
            }
            std::process::ExitCode::FAILURE
        }
    }
}

#[cfg(not(unix))]
fn main() {}

#[cfg(unix)]
mod on_unix {
    use std::process::{Command, ExitCode};

    use acquaint_testkit::postgres::{Cluster, Options, URLS};
    use acquaint_testkit::{Error, Result};

    pub(crate) fn run() -> Result<ExitCode> {
        let mut words = std::env::args_os().skip(1);
        let program = words.next().ok_or_else(|| Error::new("say which command to run"))?;
        let mut command = Command::new(&program);
        command.args(words);
        let shared = if std::env::var_os(URLS).is_none_or(|urls| urls.is_empty()) {
            let cluster = Cluster::start(&Options::default())?;
            command.env(URLS, cluster.url("postgres"));
            Some(cluster)
        } else {
            None
        };
        let status = command.status().map_err(Error::while_doing(format_args!("run {}", program.display())))?;
        drop(shared);
        let code = status.code().and_then(|code| u8::try_from(code).ok());
        Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
    }
}
