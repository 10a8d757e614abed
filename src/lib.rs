//! etcdsh: an interpreter with a small vocabulary about hosts and etcd.
//!
//! `docs/architecture.md` is the map of the rooms below and of who may import whom.

pub mod cert;
pub mod error;
pub mod etcd;
pub mod secret;
