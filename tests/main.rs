//! All tests outside of the crate, as one program.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test says what it measured or why it is not run"
)]

mod cases;
mod cert;
mod docs;
mod etcd_client;
mod etcdctl;
mod inventory;
mod monitor;
mod overview;
mod program;
mod real;
mod repl;
mod sandbox;
