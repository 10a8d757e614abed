//! Keys and values: put, get, delete, compact.

use super::client::Client;
use super::{Header, Result};

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyValue {
    pub create_revision: i64,
    pub key: Vec<u8>,
    pub lease: u64,
    pub mod_revision: i64,
    pub value: Vec<u8>,
    pub version: i64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PutOptions {
    pub ignore_lease: bool,
    pub ignore_value: bool,
    /// 0 is no lease.
    pub lease: u64,
    pub prev_kv: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Put {
    pub header: Header,
    pub previous: Option<KeyValue>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SortTarget {
    Create,
    Key,
    Mod,
    Value,
    Version,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SortOrder {
    Ascend,
    Descend,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sort {
    pub order: SortOrder,
    pub target: SortTarget,
}

/// What to get; zeros and `None` leave etcd's own default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GetOptions {
    pub count_only: bool,
    pub keys_only: bool,
    pub limit: i64,
    pub max_create_revision: i64,
    pub max_mod_revision: i64,
    pub min_create_revision: i64,
    pub min_mod_revision: i64,
    /// All keys that begin with the key; of an empty key, all keys.
    pub prefix: bool,
    /// The first key that is not wanted; `\0` means to the end.
    pub range_end: Option<Vec<u8>>,
    pub rev: i64,
    /// Answered by the endpoint alone, maybe a little old.
    pub serializable: bool,
    pub sort: Option<Sort>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Get {
    /// All keys in the range, also those beyond the limit.
    pub count: i64,
    pub header: Header,
    pub kvs: Vec<KeyValue>,
    pub more: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeleteOptions {
    pub prefix: bool,
    pub prev_kv: bool,
    pub range_end: Option<Vec<u8>>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delete {
    pub deleted: i64,
    pub header: Header,
    pub previous: Vec<KeyValue>,
}

impl Client {
    /// Put one key.
    pub fn put(&self, key: &[u8], value: &[u8], options: PutOptions) -> Result<Put> {
        let options = raw_put(options);
        self.write(async |etcd| etcd.kv().put(key, value, Some(options.clone())).await)
            .map(Put::from)
    }

    /// Get one key or a range.
    pub fn get(&self, key: &[u8], options: &GetOptions) -> Result<Get> {
        let options = raw_get(options);
        self.read(async |etcd| etcd.kv().get(key, Some(options.clone())).await)
            .map(Get::from)
    }

    /// Delete one key or a range.
    pub fn delete(&self, key: &[u8], options: &DeleteOptions) -> Result<Delete> {
        let options = raw_delete(options);
        self.write(async |etcd| etcd.kv().delete(key, Some(options.clone())).await)
            .map(Delete::from)
    }
}

/// The first key after all that begin with `prefix`; `\0`, the end of all keys, when there is none.
#[must_use]
pub fn prefix_end(prefix: &[u8]) -> Vec<u8> {
    let Some(last) = prefix.iter().rposition(|byte| *byte < 0xff) else {
        return vec![0];
    };
    let mut end = prefix[..=last].to_vec();
    end[last] += 1;
    end
}

pub(super) fn raw_put(options: PutOptions) -> etcd_client::PutOptions {
    let mut raw = etcd_client::PutOptions::new().with_lease(options.lease.cast_signed());
    if options.ignore_lease {
        raw = raw.with_ignore_lease();
    }
    if options.ignore_value {
        raw = raw.with_ignore_value();
    }
    if options.prev_kv {
        raw = raw.with_prev_key();
    }
    raw
}

pub(super) fn raw_get(options: &GetOptions) -> etcd_client::GetOptions {
    let mut raw = etcd_client::GetOptions::new()
        .with_limit(options.limit)
        .with_max_create_revision(options.max_create_revision)
        .with_max_mod_revision(options.max_mod_revision)
        .with_min_create_revision(options.min_create_revision)
        .with_min_mod_revision(options.min_mod_revision)
        .with_revision(options.rev);
    if options.count_only {
        raw = raw.with_count_only();
    }
    if options.keys_only {
        raw = raw.with_keys_only();
    }
    if options.serializable {
        raw = raw.with_serializable();
    }
    if let Some(sort) = options.sort {
        raw = raw.with_sort(sort.target.into(), sort.order.into());
    }
    match &options.range_end {
        Some(end) => raw.with_range(end.clone()),
        None if options.prefix => raw.with_prefix(),
        None => raw,
    }
}

pub(super) fn raw_delete(options: &DeleteOptions) -> etcd_client::DeleteOptions {
    let mut raw = etcd_client::DeleteOptions::new();
    if options.prev_kv {
        raw = raw.with_prev_key();
    }
    match &options.range_end {
        Some(end) => raw.with_range(end.clone()),
        None if options.prefix => raw.with_prefix(),
        None => raw,
    }
}

impl From<SortTarget> for etcd_client::SortTarget {
    fn from(target: SortTarget) -> etcd_client::SortTarget {
        match target {
            SortTarget::Create => etcd_client::SortTarget::Create,
            SortTarget::Key => etcd_client::SortTarget::Key,
            SortTarget::Mod => etcd_client::SortTarget::Mod,
            SortTarget::Value => etcd_client::SortTarget::Value,
            SortTarget::Version => etcd_client::SortTarget::Version,
        }
    }
}

impl From<SortOrder> for etcd_client::SortOrder {
    fn from(order: SortOrder) -> etcd_client::SortOrder {
        match order {
            SortOrder::Ascend => etcd_client::SortOrder::Ascend,
            SortOrder::Descend => etcd_client::SortOrder::Descend,
        }
    }
}

impl From<etcd_client::KeyValue> for KeyValue {
    fn from(raw: etcd_client::KeyValue) -> KeyValue {
        let (create_revision, mod_revision) = (raw.create_revision(), raw.mod_revision());
        let (lease, version) = (raw.lease().cast_unsigned(), raw.version());
        let (key, value) = raw.into_key_value();
        KeyValue {
            create_revision,
            key,
            lease,
            mod_revision,
            value,
            version,
        }
    }
}

impl From<etcd_client::PutResponse> for Put {
    fn from(mut raw: etcd_client::PutResponse) -> Put {
        Put {
            header: Header::of(raw.header()),
            previous: raw.take_prev_key().map(KeyValue::from),
        }
    }
}

impl From<etcd_client::GetResponse> for Get {
    fn from(mut raw: etcd_client::GetResponse) -> Get {
        let kvs = raw.take_kvs().into_iter().map(KeyValue::from).collect();
        Get {
            count: raw.count(),
            header: Header::of(raw.header()),
            kvs,
            more: raw.more(),
        }
    }
}

impl From<etcd_client::DeleteResponse> for Delete {
    fn from(mut raw: etcd_client::DeleteResponse) -> Delete {
        let previous = raw
            .take_prev_kvs()
            .into_iter()
            .map(KeyValue::from)
            .collect();
        Delete {
            deleted: raw.deleted(),
            header: Header::of(raw.header()),
            previous,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_prefix_is_the_next_key() {
        for (prefix, end) in [
            (&b"/a"[..], &b"/b"[..]),
            (b"a\xff", b"b"),
            (b"\xff\xff", b"\0"),
            (b"", b"\0"),
            (b"a\xfe", b"a\xff"),
        ] {
            assert_eq!(prefix_end(prefix), end);
        }
    }
}
