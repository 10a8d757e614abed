//! The numbers of a member over time.

use serde::Serialize;

use crate::overview::watch::History;

/// A number over time, the newest last; `null` where there was none.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Histories {
    pub commit_p99_seconds: Vec<Option<f64>>,
    pub db_size: Vec<Option<f64>>,
    pub fsync_p99_seconds: Vec<Option<f64>>,
    pub memory: Vec<Option<f64>>,
    pub peer_p95_seconds: Vec<Option<f64>>,
    pub reads_per_second: Vec<Option<f64>>,
    pub traffic_bytes_per_second: Vec<Option<f64>>,
    pub writes_per_second: Vec<Option<f64>>,
}

impl From<&History> for Histories {
    fn from(history: &History) -> Histories {
        Histories {
            commit_p99_seconds: history.commit.values(),
            db_size: history.db_size.values(),
            fsync_p99_seconds: history.fsync.values(),
            memory: history.memory.values(),
            peer_p95_seconds: history.peer.values(),
            reads_per_second: history.reads.values(),
            traffic_bytes_per_second: history.traffic.values(),
            writes_per_second: history.writes.values(),
        }
    }
}
