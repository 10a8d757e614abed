//! Reads how etcd's log begins: whose it is, and whether a cluster has ever lived on it. Writes the log of a new member.
//!
//! Owns the frames of a WAL file and the few records that are needed for that, and the ids that etcd makes of peer URLs and a
//! token. Must not know where the file came from. Start reading at [`beginning`]; what is written is in `write.rs`.

mod write;

use std::collections::BTreeMap;

use prost::Message;

pub(in crate::etcd) use write::{Fields, Log};

/// What the first records of a member's log say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Beginning {
    pub cluster_id: u64,
    /// Has a leader ever written to it, or was it made from a snapshot? `None`: the bytes end before that can be told.
    pub lived: Option<bool>,
    pub member_id: u64,
}

#[derive(Clone, PartialEq, Message)]
struct Record {
    #[prost(int64, tag = "1")]
    kind: i64,
    #[prost(bytes = "vec", optional, tag = "3")]
    data: Option<Vec<u8>>,
}

#[derive(Clone, PartialEq, Message)]
struct Metadata {
    #[prost(uint64, tag = "1")]
    member_id: u64,
    #[prost(uint64, tag = "2")]
    cluster_id: u64,
}

#[derive(Clone, PartialEq, Message)]
struct Entry {
    #[prost(uint64, tag = "2")]
    term: u64,
}

#[derive(Clone, PartialEq, Message)]
struct SnapshotMark {
    #[prost(uint64, tag = "1")]
    index: u64,
}

const METADATA: i64 = 1;
const ENTRY: i64 = 2;
const STATE: i64 = 3;
const CRC: i64 = 4;
const SNAPSHOT: i64 = 5;

/// The term of the entries that a new cluster is founded with. A leader is elected in the next one at the earliest.
const FOUNDING: u64 = 1;

/// One record after the other, until the bytes end in the middle of one. `whole` is set where the log itself ends.
struct Records<'a> {
    left: &'a [u8],
    whole: bool,
}

impl Iterator for Records<'_> {
    type Item = Record;

    fn next(&mut self) -> Option<Record> {
        let (head, rest) = self.left.split_first_chunk::<8>()?;
        let head = u64::from_le_bytes(*head);
        if head == 0 {
            // The file is made with room to spare.
            self.whole = true;
            return None;
        }
        let length = usize::try_from(head & 0x00ff_ffff_ffff_ffff).ok()?;
        let padding = if head >> 63 == 1 {
            usize::try_from(head >> 56 & 0x7).ok()?
        } else {
            0
        };
        let body = rest.get(..length)?;
        self.left = rest.get(length + padding..)?;
        Record::decode(body).ok()
    }
}

/// What the first bytes of the first file of a log say; `None` where that is no log of etcd.
#[must_use]
pub fn beginning(bytes: &[u8]) -> Option<Beginning> {
    let mut records = Records {
        left: bytes,
        whole: false,
    };
    let mut whose: Option<Metadata> = None;
    let mut lived = false;
    for record in records.by_ref() {
        let data = record.data.unwrap_or_default();
        match record.kind {
            METADATA => whose = Metadata::decode(data.as_slice()).ok(),
            ENTRY => lived |= Entry::decode(data.as_slice()).ok()?.term > FOUNDING,
            SNAPSHOT => lived |= SnapshotMark::decode(data.as_slice()).ok()?.index > 0,
            _ => {}
        }
    }
    let whose = whose?;
    let lived = match (lived, records.whole || records.left.is_empty()) {
        (true, _) => Some(true),
        (false, true) => Some(false),
        (false, false) => None,
    };
    Some(Beginning {
        cluster_id: whose.cluster_id,
        lived,
        member_id: whose.member_id,
    })
}

fn id(bytes: &[u8]) -> u64 {
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY, bytes);
    let (first, _) = hash
        .as_ref()
        .split_first_chunk::<8>()
        .expect("a SHA-1 has 20 bytes");
    u64::from_be_bytes(*first)
}

/// The members that a cluster is founded with, and the ids that etcd makes of their peer URLs and the token.
#[must_use]
pub fn founders<'a>(initial_cluster: &'a str, token: &str) -> Vec<(&'a str, u64)> {
    let mut urls: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, url) in initial_cluster
        .split(',')
        .filter_map(|pair| pair.trim().split_once('='))
    {
        urls.entry(name).or_default().push(url);
    }
    urls.into_iter()
        .map(|(name, mut urls)| (name, member_id(&mut urls, token)))
        .collect()
}

/// The id of a member that a cluster is founded with, of its peer URLs in any order.
pub(in crate::etcd) fn member_id(urls: &mut [&str], token: &str) -> u64 {
    urls.sort_unstable();
    id((urls.concat() + token).as_bytes())
}

/// The id of a cluster, of its members in any order.
pub(in crate::etcd) fn cluster_id(mut members: Vec<u64>) -> u64 {
    members.sort_unstable();
    let all: Vec<u8> = members
        .iter()
        .flat_map(|member| member.to_be_bytes())
        .collect();
    id(&all)
}

/// Which of the members that a cluster was founded with has this id?
#[must_use]
pub fn founder<'a>(member_id: u64, initial_cluster: &'a str, token: &str) -> Option<&'a str> {
    let all = founders(initial_cluster, token);
    all.into_iter()
        .find_map(|(name, id)| (id == member_id).then_some(name))
}

/// The id of the cluster that is founded with this `initial-cluster` and token: etcd makes it of nothing else.
#[must_use]
pub fn founded(initial_cluster: &str, token: &str) -> u64 {
    let members = founders(initial_cluster, token).into_iter();
    cluster_id(members.map(|(_, id)| id).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: i64, data: Option<Vec<u8>>) -> Vec<u8> {
        let body = Record { kind, data }.encode_to_vec();
        let padding = (8 - body.len() % 8) % 8;
        let mut head = body.len() as u64;
        if padding > 0 {
            head |= (0x80 | padding as u64) << 56;
        }
        [head.to_le_bytes().to_vec(), body, vec![0; padding]].concat()
    }

    fn entry(term: u64) -> Vec<u8> {
        frame(ENTRY, Some(Entry { term }.encode_to_vec()))
    }

    fn begun() -> Vec<u8> {
        let whose = Metadata {
            cluster_id: 7,
            member_id: 42,
        };
        let mark = SnapshotMark { index: 0 };
        [
            frame(4, None),
            frame(METADATA, Some(whose.encode_to_vec())),
            frame(SNAPSHOT, Some(mark.encode_to_vec())),
            entry(1),
            entry(1),
            frame(3, Some(vec![8, 1])),
        ]
        .concat()
    }

    fn lived(bytes: &[u8]) -> Option<bool> {
        let found = beginning(bytes).expect("it is a log");
        assert_eq!((found.cluster_id, found.member_id), (7, 42));
        found.lived
    }

    #[test]
    fn a_log_without_an_entry_of_a_leader_has_not_lived() {
        let room = vec![0; 64];
        assert_eq!(lived(&[begun(), room.clone()].concat()), Some(false));
        assert_eq!(
            lived(&[begun(), entry(2), room.clone()].concat()),
            Some(true)
        );
        let restored = frame(SNAPSHOT, Some(SnapshotMark { index: 3 }.encode_to_vec()));
        assert_eq!(lived(&[begun(), restored, room].concat()), Some(true));
    }

    #[test]
    fn where_the_bytes_end_too_early_it_cannot_be_told() {
        let mut cut = [begun(), entry(2)].concat();
        cut.truncate(cut.len() - 3);
        assert_eq!(lived(&cut), None);
        assert_eq!(beginning(&[0; 64]), None);
        assert_eq!(
            beginning(b"no log at all, only a text that is long enough"),
            None
        );
        assert_eq!(beginning(&[]), None);
    }

    /// As etcd 3.5.16 says in its own log for these lines.
    #[test]
    fn ids_of_a_cluster_follow_from_peer_urls_and_token() {
        let one = "default=http://localhost:2380";
        assert_eq!(founded(one, "etcd-cluster"), 0xcdf8_1819_4e3a_8c32);
        assert_ne!(founded(one, "etcd"), founded(one, "etcd-1"));
        let three = "a=http://1:1,b=http://2:1,c=http://3:1";
        let turned = "c=http://3:1,a=http://1:1,b=http://2:1";
        assert_eq!(founded(three, "t"), founded(turned, "t"));
        assert_eq!(
            founder(0x8e9e_05c5_2164_694d, one, "etcd-cluster"),
            Some("default")
        );
        assert_eq!(founder(7, one, "etcd-cluster"), None);
    }
}
