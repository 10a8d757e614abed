//! All tests outside of the crate, as one program.

#![allow(
    clippy::items_after_statements,
    clippy::large_stack_arrays,
    clippy::option_option,
    clippy::struct_field_names,
    clippy::too_many_lines,
    reason = "a scene is one story, however long, with what it needs beside it"
)]
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
mod release;
mod repl;
mod sandbox;
