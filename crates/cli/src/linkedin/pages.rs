//! `acquaint linkedin pages`: the same in a browser, on loopback alone.

use std::net::SocketAddr;

use acquaint_app::Clock;
use acquaint_core::policy::Policy;
use acquaint_core::time::Time;
use acquaint_linkedin::kept::Kept;
use acquaint_server::Own;
use clap::Args;
use tokio::net::TcpListener;

use crate::failure::{Failure, Outcome};
use crate::output;
use crate::random;
use crate::signals::Stop;

#[derive(Debug, Args)]
pub(super) struct PagesArgs {
    /// Address and port to listen on; loopback only
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7272")]
    listen: SocketAddr,
}

impl PagesArgs {
    pub(super) fn run(&self, kept: Kept, policy: Policy, now: Option<Time>) -> Outcome<()> {
        if !self.listen.ip().is_loopback() {
            return Err(Failure::usage(format_args!(
                "--listen: {} can be reached from outside, and these are your own data: listen on 127.0.0.1 or [::1]",
                self.listen
            )));
        }
        let secret = random::bytes()?;
        let clock = now.map_or_else(Clock::system, Clock::settable);
        crate::block_on(self.serve(Own { kept, policy, clock, secret }))
    }

    async fn serve(&self, own: Own) -> Outcome<()> {
        let mut stop = Stop::listen()?;
        let bound = TcpListener::bind(self.listen).await.and_then(|listener| Ok((listener.local_addr()?, listener)));
        let (address, listener) = bound.map_err(|error| {
            Failure::failed(format_args!(
                "cannot listen on {}: {error}; name another address with --listen",
                self.listen
            ))
        })?;
        output::line(&format!("listening on http://{address}"))?;
        output::note("open it in a browser; it is read on this machine alone, and nothing is asked of LinkedIn");
        acquaint_server::serve_own(own, listener, stop.signal()).await.map_err(Failure::failed)
    }
}
