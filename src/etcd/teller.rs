//! Who wants to hear of each request that failed, as etcdctl's log does: also of those that are made again.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tonic::Status;
use tonic::codegen::http::HeaderMap;

use super::trouble::Attempt;

/// One request that failed.
#[derive(Debug)]
pub(crate) struct Failed<'a> {
    /// How often it had been made before.
    pub(crate) attempt: usize,
    /// As gRPC names it: `/etcdserverpb.KV/Put`.
    pub(crate) method: &'a str,
    pub(crate) why: Why<'a>,
}

#[derive(Debug)]
pub(crate) enum Why<'a> {
    /// gRPC's code and the server's words.
    Answer(i32, &'a str),
    /// No endpoint gave an answer in time; the last that was tried.
    NoAnswer(&'a Attempt),
}

/// Requests that are streams are not told of.
const STREAMS: [&str; 4] = ["/Watch", "/LeaseKeepAlive", "/Snapshot", "/Observe"];

/// Is told of what fails, and tells it on.
#[derive(Clone)]
pub struct Teller {
    attempts: Arc<AtomicUsize>,
    tell: Arc<dyn Fn(&Failed<'_>) + Send + Sync>,
}

impl Teller {
    pub(crate) fn new(tell: impl Fn(&Failed<'_>) + Send + Sync + 'static) -> Teller {
        Teller {
            attempts: Arc::default(),
            tell: Arc::new(tell),
        }
    }

    /// Another request begins.
    pub(super) fn begin(&self) {
        self.attempts.store(0, Ordering::Relaxed);
    }

    /// What a server answered.
    pub(super) fn hear(&self, method: &str, headers: &HeaderMap) {
        let Some(status) = Status::from_header_map(headers) else {
            return;
        };
        if status.code() != tonic::Code::Ok {
            let why = Why::Answer(status.code() as i32, status.message());
            self.tell(method, why);
        }
    }

    pub(super) fn no_answer(&self, method: &str, attempt: &Attempt) {
        self.tell(method, Why::NoAnswer(attempt));
    }

    fn tell(&self, method: &str, why: Why<'_>) {
        if STREAMS.iter().any(|stream| method.ends_with(stream)) {
            return;
        }
        let attempt = self.attempts.fetch_add(1, Ordering::Relaxed);
        (self.tell)(&Failed {
            attempt,
            method,
            why,
        });
    }
}

impl fmt::Debug for Teller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Teller")
    }
}
