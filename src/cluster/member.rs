//! One member as the inventory has it: its name, and where clients and the other members reach it.

use super::address::address;
use super::parameter::{self, in_one_line, origin};
use crate::error::{Error, Result};
use crate::inventory::Inventory;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// An IP address.
    pub address: String,
    pub cluster: String,
    pub host: String,
    pub peer_port: u16,
    pub port: u16,
    pub seq: i64,
}

impl Member {
    /// The member that a host is by its variables, or the first thing that is wrong with them.
    pub fn of(inventory: &Inventory, host: &str) -> Result<Member> {
        Member::read(inventory, host).map_err(|lines| {
            let mut lines = lines.into_iter();
            let error = Error::config(lines.next().unwrap_or_default()).on(host);
            lines.fold(error, crate::error::Error::because)
        })
    }

    /// The same, or all that is wrong, one line each.
    pub(super) fn read(
        inventory: &Inventory,
        host: &str,
    ) -> std::result::Result<Member, Vec<String>> {
        let mut wrong = Vec::new();
        let seq = kept(&mut wrong, parameter::int(inventory, host, "etcd_seq")).flatten();
        let cluster = kept(&mut wrong, cluster_name(inventory, host)).unwrap_or_default();
        let port = |name, default| parameter::port(inventory, host, name, default);
        let client = kept(&mut wrong, port("etcd_port", parameter::PORT)).unwrap_or_default();
        let peer = kept(&mut wrong, port("etcd_peer_port", parameter::PEER_PORT));
        let peer_port = peer.unwrap_or_default();
        for name in [
            "etcdsh_user",
            "etcdsh_password",
            "etcd_root_password",
            "etcdsh_via",
        ] {
            kept(&mut wrong, parameter::text(inventory, host, name));
        }
        if !wrong.is_empty() {
            return Err(wrong);
        }
        match seq {
            None => wrong.push(format!(
                "`etcd_seq` is not set; {}",
                match misspelt(inventory, host) {
                    Some(near) => format!(
                        "was it meant by `{near}`{}?",
                        written(inventory, host, &near)
                    ),
                    None => format!("give each member of `{cluster}` its own number"),
                }
            )),
            Some(seq) if seq < 0 => wrong.push(format!(
                "`etcd_seq` is 0 or more, not {seq}{}",
                written(inventory, host, "etcd_seq")
            )),
            Some(_) => {}
        }
        if !is_name(&cluster) {
            wrong.push(format!(
                "`etcd_cluster` has letters, digits, `-`, `_` and `.`, not `{}`{}",
                crate::terminal::visible(cluster.as_bytes(), false),
                written(inventory, host, "etcd_cluster")
            ));
        }
        if client == peer_port {
            wrong.push(format!(
                "`etcd_port` and `etcd_peer_port` are both {client}"
            ));
        }
        let address = kept(&mut wrong, address(inventory, host));
        match (seq, address) {
            (Some(seq), Some(address)) if wrong.is_empty() => Ok(Member {
                address,
                cluster,
                host: host.to_string(),
                peer_port,
                port: client,
                seq,
            }),
            _ => Err(wrong),
        }
    }

    /// Its name in etcd: that of its cluster, and its number.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}-{}", self.cluster, self.seq)
    }

    /// `10.10.10.10:2379`, an IPv6 address in brackets: how etcdctl and Prometheus take it.
    #[must_use]
    pub fn endpoint(&self) -> String {
        at(&self.address, self.port)
    }

    /// Where clients reach it.
    #[must_use]
    pub fn client_url(&self) -> String {
        format!("https://{}", self.endpoint())
    }

    /// Where other members reach it.
    #[must_use]
    pub fn peer_url(&self) -> String {
        format!("https://{}", at(&self.address, self.peer_port))
    }
}

/// What may stand in the name of a certificate, of a file, and in `initial-cluster`.
fn is_name(cluster: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    cluster.chars().all(allowed) && cluster.starts_with(|c: char| c.is_ascii_alphanumeric())
}

fn at(address: &str, port: u16) -> String {
    if address.contains(':') {
        format!("[{address}]:{port}")
    } else {
        format!("{address}:{port}")
    }
}

/// The cluster that a host's own variables name.
pub(super) fn cluster_name(inventory: &Inventory, host: &str) -> Result<String> {
    let name = parameter::text(inventory, host, "etcd_cluster")?;
    Ok(name.unwrap_or_else(|| parameter::CLUSTER.into()))
}

/// ` (FILE:LINE:COLUMN)` of a variable, when that is known.
pub(super) fn written(inventory: &Inventory, host: &str, name: &str) -> String {
    origin(inventory, host, name).map_or_else(String::new, |at| format!(" ({at})"))
}

/// A variable that nothing reads, and that was probably meant as `etcd_seq`.
fn misspelt(inventory: &Inventory, host: &str) -> Option<String> {
    let near = |name: &String| strsim::osa_distance(name, "etcd_seq") <= 2;
    inventory.vars(host).into_keys().find(near)
}

/// The value, or a line more that is wrong.
fn kept<T>(wrong: &mut Vec<String>, read: Result<T>) -> Option<T> {
    read.map_err(|error| wrong.push(in_one_line(&error))).ok()
}
