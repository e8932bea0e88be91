//! Signals of the operating system: stop, and read the policy again.

use crate::failure::{Failure, Outcome};

#[cfg(unix)]
mod system {
    use tokio::signal::unix::{Signal, SignalKind, signal};

    use super::{Outcome, failed};

    /// SIGTERM and SIGINT.
    pub(crate) struct Stop {
        terminate: Signal,
        interrupt: Signal,
    }

    impl Stop {
        pub(crate) fn listen() -> Outcome<Self> {
            let terminate = signal(SignalKind::terminate()).map_err(|error| failed(&error))?;
            let interrupt = signal(SignalKind::interrupt()).map_err(|error| failed(&error))?;
            Ok(Self { terminate, interrupt })
        }

        /// Done once one of them has come.
        pub(crate) async fn signal(&mut self) {
            tokio::select! {
                _ = self.terminate.recv() => {}
                _ = self.interrupt.recv() => {}
            }
        }
    }

    /// SIGHUP.
    pub(crate) struct Hangups(Signal);

    impl Hangups {
        pub(crate) fn listen() -> Outcome<Self> {
            signal(SignalKind::hangup()).map(Self).map_err(|error| failed(&error))
        }

        /// Waits for the next one; false if there will be none.
        pub(crate) async fn next(&mut self) -> bool {
            self.0.recv().await.is_some()
        }
    }
}

#[cfg(not(unix))]
mod system {
    use super::{Outcome, failed};

    /// Ctrl-C.
    pub(crate) struct Stop;

    impl Stop {
        pub(crate) fn listen() -> Outcome<Self> {
            Ok(Self)
        }

        /// Done once it has come.
        pub(crate) async fn signal(&mut self) {
            if let Err(error) = tokio::signal::ctrl_c().await {
                crate::output::failure(&failed(&error));
            }
        }
    }

    /// There is no such signal here.
    pub(crate) struct Hangups;

    impl Hangups {
        pub(crate) fn listen() -> Outcome<Self> {
            Ok(Self)
        }

        /// There will be none.
        pub(crate) async fn next(&mut self) -> bool {
            std::future::pending().await
        }
    }
}

pub(crate) use system::{Hangups, Stop};

fn failed(error: &std::io::Error) -> Failure {
    Failure::failed(format_args!("cannot listen to signals: {error}"))
}
