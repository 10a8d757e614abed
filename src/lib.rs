//! etcdsh: an interpreter with a small vocabulary about hosts and etcd.
//!
//! `docs/architecture.md` is the map of the rooms below and of who may import whom.

pub mod cert;
pub mod cli;
pub mod cluster;
pub mod command;
pub mod error;
pub mod etcd;
pub mod etcdctl;
#[doc(hidden)]
pub mod fuzzing;
mod hex;
pub mod host;
mod http;
pub mod inventory;
mod locked;
pub mod output_file;
pub mod overview;
pub mod primitive;
mod printf;
pub mod release;
pub mod repl;
pub mod report;
pub mod run;
mod runtime;
pub mod sandbox;
pub mod script;
pub mod secret;
mod tarball;
pub mod terminal;
mod tls;
pub mod transport;
pub mod value;
pub mod word;
