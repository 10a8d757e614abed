//! The membership of a new cluster in the forms that etcd keeps it in: rows of the database, JSON in the log, the store of v2.

use serde_json::{Map, Value, json};

use super::{Founder, Founding};
use crate::etcd::bolt::Pairs;

/// The bucket `members`: JSON by the id in hex.
pub(super) fn rows(founding: &Founding) -> Pairs {
    let row = |founder: &Founder| {
        let key = format!("{:x}", founder.id).into_bytes();
        (key, member(founder).into_bytes())
    };
    founding.members.iter().map(row).collect()
}

/// A member as the log and the database have it, before it has told its client URLs.
pub(super) fn member(member: &Founder) -> String {
    let Founder {
        id,
        name,
        peer_urls,
    } = member;
    let mut fields = json!({ "id": id, "peerURLs": peer_urls });
    if !name.is_empty() {
        fields["name"] = name.as_str().into();
    }
    as_go(&fields)
}

/// Who votes, as the database has it.
pub(super) fn voters(founding: &Founding) -> String {
    let ids: Vec<u64> = founding.members.iter().map(|member| member.id).collect();
    as_go(&json!({ "voters": ids, "auto_leave": false }))
}

/// The store of the API v2, in which etcd up to 3.5 keeps its members, 3.6 beside the database.
pub(super) fn v2_store(founding: &Founding) -> String {
    let mut members = Map::new();
    for (index, member) in (1_u64..).zip(&founding.members) {
        let path = format!("/0/members/{:x}", member.id);
        let attributes = as_go(&json!({ "peerURLs": member.peer_urls }));
        let file = node(&format!("{path}/raftAttributes"), index, &attributes, None);
        let file = Map::from_iter([("raftAttributes".to_string(), file)]);
        members.insert(
            format!("{:x}", member.id),
            node(&path, index, "", Some(&file)),
        );
    }
    let members = node("/0/members", 1, "", Some(&members));
    let cluster = Map::from_iter([("members".to_string(), members)]);
    let root = Map::from_iter([
        ("0".to_string(), node("/0", 0, "", Some(&cluster))),
        ("1".to_string(), node("/1", 0, "", Some(&Map::new()))),
    ]);
    let root = node("/", 0, "", Some(&root));
    as_go(&json!({ "Root": root, "CurrentIndex": founding.members.len(), "CurrentVersion": 2 }))
}

/// A file, or a folder with its children, that is kept for ever.
fn node(path: &str, index: u64, value: &str, children: Option<&Map<String, Value>>) -> Value {
    json!({
        "Path": path,
        "CreatedIndex": index,
        "ModifiedIndex": index,
        "ExpireTime": "0001-01-01T00:00:00Z",
        "Value": value,
        "Children": children,
    })
}

/// JSON as Go writes it, which escapes what HTML would take for its own.
fn as_go(value: &Value) -> String {
    let mut text = value.to_string();
    for (letter, escape) in [
        ('<', "\\u003c"),
        ('>', "\\u003e"),
        ('&', "\\u0026"),
        ('\u{2028}', "\\u2028"),
        ('\u{2029}', "\\u2029"),
    ] {
        if text.contains(letter) {
            text = text.replace(letter, escape);
        }
    }
    text
}
