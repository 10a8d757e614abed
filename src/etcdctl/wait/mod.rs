//! Commands that go on: sessions and turns of `lock` and `elect`, child processes, and how all of it ends.
//!
//! Start reading at `turn.rs`.

pub(super) mod child;
pub(super) mod session;
pub(super) mod stop;
pub(super) mod turn;
