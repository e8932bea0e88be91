//! The HTTP API of Acquaint, and its pages.
//!
//! [`serve`] answers for a running [`Network`](acquaint_app::Network) on a socket; [`openapi`] says
//! what the API is, without a server or a database. Handlers translate and nothing else: they parse
//! what came, make one call, and convert what it says.
//!
//! | module | what it holds |
//! |---|---|
//! | `api` | the calls, one file for each resource, and the document that describes them |
//! | `web` | the pages, for members in a browser |
//! | `auth`, `body`, `page` | what a call is made of: who, what, which part of a list |
//! | `oidc` | members who sign in with a provider |
//! | `seal` | what is handed out and wanted back unchanged |
//! | `problem` | every error that a client sees |
//! | `observe` | request ids, metrics and logs around every call |
//! | `calendar` | dates for programs that subscribe to them |
//! | `figures` | the figures of insights as files |
//! | `callers`, `crowd` | how much one caller may ask for |
//! | `listen`, `tls` | the accept loop, its limits, and encryption |

mod api;
mod app;
mod auth;
mod body;
mod calendar;
mod callers;
mod config;
mod crowd;
mod fetch;
mod figures;
#[doc(hidden)]
pub mod fuzzing;
mod listen;
mod observe;
mod oidc;
mod page;
mod position;
mod problem;
mod seal;
mod tls;
mod web;

pub use api::openapi;
pub use auth::{KeySetAddress, KeySetError, TokenAlgorithm, TokenConfig, TokenKeys, TokenKeysError};
pub use config::{Demo, HostKey, HostKeyError, Limits, Own, Pages, ServerConfig};
pub use listen::{Listeners, serve, serve_demo, serve_own};
pub use oidc::{Oidc, OidcError};
pub use tls::{Tls, TlsError};
