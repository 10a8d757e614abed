//! The one tokio runtime of the program, for the rooms that are async inside: `transport`, `etcd` and `http`. A leaf.

use std::pin::{Pin, pin};
use std::sync::OnceLock;
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::sync::watch::Sender;

/// Never block on it from inside itself.
pub(crate) fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("the system gives threads")
    })
}

/// Wait for a future, on a thread that is not the runtime's own.
///
/// It is passed on by reference: else each of about 100 kinds of futures would get a copy of tokio's machinery, 700 KB of code.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    let mut answer = None;
    run(pin!(async { answer = Some(future.await) }));
    answer.expect("a future that has ended gave its answer")
}

/// The same, no longer than `limit`: `None` when the time is over.
pub(crate) fn block_on_for<T>(limit: Duration, future: impl Future<Output = T>) -> Option<T> {
    let mut answer = None;
    run_for(limit, pin!(async { answer = Some(future.await) }));
    answer
}

/// The same for what only asks: it ends, too, when all questions shall end.
pub(crate) fn ask_for<T>(limit: Duration, question: impl Future<Output = T>) -> Option<T> {
    let mut answer = None;
    run_for(
        limit,
        pin!(async {
            tokio::select! {
                biased;
                given = question => answer = Some(given),
                () = until_questions_end() => {}
            }
        }),
    );
    answer
}

/// Shall questions end? A state, so that it holds for those to come as well.
fn ended() -> &'static Sender<bool> {
    static ENDED: OnceLock<Sender<bool>> = OnceLock::new();
    ENDED.get_or_init(|| Sender::new(false))
}

/// End every question that is under way, and those to come until they may be asked again.
pub(crate) fn end_questions() {
    ended().send_replace(true);
}

/// Questions may be asked again.
pub(crate) fn allow_questions() {
    ended().send_replace(false);
}

pub(crate) fn questions_have_ended() -> bool {
    *ended().borrow()
}

pub(crate) async fn until_questions_end() {
    // The sender lives as long as the program.
    let _ = ended().subscribe().wait_for(|ended| *ended).await;
}

/// Do nothing for so long, or until all questions shall end.
pub(crate) fn wait(pause: Duration) {
    ask_for(pause, std::future::pending::<()>());
}

fn run(future: Pin<&mut dyn Future<Output = ()>>) {
    runtime().block_on(future);
}

fn run_for(limit: Duration, future: Pin<&mut dyn Future<Output = ()>>) {
    // What counts is whether the future gave its answer.
    let _ = runtime().block_on(async { tokio::time::timeout(limit, future).await });
}
