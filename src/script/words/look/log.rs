//! A folder with files of a member's log, as `look.sh` tells of it: how the first of them begins.

use crate::etcd::wal::{self, Beginning};
use crate::hex;
use crate::value::Value;

/// A folder with files of a log: how the first of them begins.
pub(super) struct Log {
    beginning: Option<Beginning>,
    /// Further files follow only when the first is full.
    files: u64,
    path: String,
}

/// `SEQUENCE-INDEX.wal`, 16 hexadecimal digits each: others have files that end so, too.
fn is_named_by_etcd(path: &str) -> bool {
    let is_number = |text: &str| text.len() == 16 && text.bytes().all(|c| c.is_ascii_hexdigit());
    let name = path.rsplit('/').next().unwrap_or(path);
    name.strip_suffix(".wal")
        .and_then(|name| name.split_once('-'))
        .is_some_and(|(sequence, index)| is_number(sequence) && is_number(index))
}

impl Log {
    /// `FILES HEX PATH`
    pub(super) fn parse(line: &str) -> Option<Log> {
        let mut words = line.splitn(3, ' ');
        let files = words.next()?.parse().ok()?;
        let bytes = hex::bytes(words.next()?)?;
        let path = words.next()?;
        is_named_by_etcd(path).then(|| Log {
            beginning: wal::beginning(&bytes),
            files,
            path: path.to_string(),
        })
    }

    pub(super) fn folder(&self) -> &str {
        self.path.rsplit_once('/').map_or("", |(folder, _)| folder)
    }

    /// `None`: more of it must be seen.
    fn lived(&self) -> Option<bool> {
        // The first file of a log has the number 0 until it is full and kept no longer.
        let first = self
            .path
            .ends_with("/0000000000000000-0000000000000000.wal");
        match self.beginning {
            Some(beginning) if first && self.files == 1 => beginning.lived,
            _ => Some(true),
        }
    }

    /// What cannot be told is no reason to take it for empty.
    pub(super) fn has_lived(&self) -> bool {
        self.lived() != Some(false)
    }

    /// Is it the log of the cluster that this config founds?
    pub(super) fn fits(&self, conf: &Value) -> bool {
        let Value::Map(conf) = conf else { return false };
        let text = |key: &str| conf.get(key).and_then(Value::as_text);
        let (Some(all), Some(token)) = (text("initial-cluster"), text("initial-cluster-token"))
        else {
            return false;
        };
        self.beginning
            .is_some_and(|beginning| beginning.cluster_id == wal::founded(all, token))
    }

    /// The name, in this config, of the member whose log it is; `None` where it is that of none it was founded with.
    pub(super) fn owner(&self, conf: &Value) -> Option<String> {
        let Value::Map(conf) = conf else { return None };
        let text = |key: &str| conf.get(key).and_then(Value::as_text);
        let (all, token) = (text("initial-cluster")?, text("initial-cluster-token")?);
        wal::founder(self.beginning?.member_id, all, token).map(str::to_string)
    }

    pub(super) fn to_value(&self) -> Value {
        let id = |of: fn(Beginning) -> u64| {
            self.beginning.map_or(Value::Null, |beginning| {
                Value::from(crate::etcd::hex(of(beginning)))
            })
        };
        Value::Map(
            [
                ("cluster_id", id(|beginning| beginning.cluster_id)),
                ("lived", self.lived().map_or(Value::Null, Value::Bool)),
                ("member_id", id(|beginning| beginning.member_id)),
                ("path", Value::from(self.path.as_str())),
            ]
            .map(|(key, value)| (key.to_string(), value))
            .into(),
        )
    }
}
