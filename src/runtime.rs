//! The one tokio runtime of the program, for the two rooms that are async inside: `transport` and `etcd`. A leaf.

use std::sync::OnceLock;

use tokio::runtime::Runtime;

/// Never block on it from inside itself.
pub(crate) fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("the system gives threads"))
}
