//! A blocking, typed client for etcd: plain values in and out, errors that name the true cause at each endpoint.
//!
//! Owns every use of etcd-client and of its async: callers are plain threads, and many may call at once. The commands of
//! `e` go through `raw.rs`, a door to what they need of etcd-client; they pass what they ask as async closures, which
//! `Client::ask` carries out. Must not know hosts, scripts or printing. Start reading at `client.rs`.

mod auth;
mod backoff;
mod bolt;
mod client;
mod cluster;
mod connection;
mod defrag;
mod dial;
mod keeper;
pub mod key;
mod kv;
mod lease;
mod maintenance;
mod probe;
mod proxy;
pub(crate) mod raw;
pub mod restore;
mod round;
pub(crate) mod rpc;
mod scrape;
pub(crate) mod snapshot;
mod teller;
mod trouble;
pub mod wal;
mod watch;

pub use auth::Names;
pub use bolt::{
    HashKv, SnapshotHash, SnapshotStatus, database_has_lived, hash_kv, live_keys, snapshot_hash,
    snapshot_status,
};
pub use client::{Client, Config};
pub(crate) use client::{Effect, PAUSE, Patience};
pub use cluster::{Member, Members};
pub(crate) use connection::{Answer, Connection, alike, url};
pub use defrag::{Defragmented, defragment};
pub use keeper::Keeper;
pub use kv::{
    Delete, DeleteOptions, Get, GetOptions, KeyValue, Put, PutOptions, Sort, SortOrder, SortTarget,
    prefix_end,
};
pub use lease::{LeaseList, LeaseTtl};
pub use maintenance::Status;
pub use proxy::Proxies;
pub use scrape::{NoMetrics, Scrape, Scraper};
pub use snapshot::Snapshot;
pub use teller::Teller;
pub(crate) use teller::{Failed, Why};
pub(crate) use trouble::link_text as link_trouble;
pub use trouble::{Attempt, Fault, Result, Trouble};
pub(crate) use watch::{Told, Watched, Watches};

/// What every answer carries about the member that gave it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Header {
    pub cluster_id: u64,
    pub member_id: u64,
    pub raft_term: u64,
    pub revision: i64,
}

impl Header {
    fn of(header: Option<&etcd_client::ResponseHeader>) -> Header {
        header.map_or_else(Header::default, |header| Header {
            cluster_id: header.cluster_id(),
            member_id: header.member_id(),
            raft_term: header.raft_term(),
            revision: header.revision(),
        })
    }
}

/// An id of a member, cluster or lease as etcd prints it.
#[must_use]
pub fn hex(id: u64) -> String {
    format!("{id:x}")
}
