//! The keys of etcd's config file, with the releases that read them. etcd itself says nothing of a key that it does not read.
//!
//! Owns the table and what is wrong with a value of it. Pure. Source: the tags of `Config`, `configJSON` and `securityConfig` in
//! etcd's server/embed/config.go at v3.4.45, v3.5.33, v3.6.14 and v3.7.1. Start reading at [`mistakes`].

use std::fmt;

use crate::error::nearest;
use crate::value::{Map, Value, duration};

/// A release: minor and patch of 3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Release(pub u32, pub u32);

impl Release {
    /// `3.5.16`, `v3.5.16`, and what follows a `-` left out.
    #[must_use]
    pub fn parse(text: &str) -> Option<Release> {
        let bare = text.trim().trim_start_matches('v');
        let bare = bare.split(['-', '+', '~']).next()?;
        let mut numbers = bare.split('.').map(str::parse::<u32>);
        let (Ok(3), Ok(minor)) = (numbers.next()?, numbers.next()?) else {
            return None;
        };
        let patch = numbers.next().and_then(Result::ok).unwrap_or(0);
        Some(Release(minor, patch))
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "3.{}.{}", self.0, self.1)
    }
}

/// What etcd wants as the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Bool,
    /// Nanoseconds in the file.
    Duration,
    Int,
    List,
    Map,
    Text,
}

struct Key {
    name: &'static str,
    first: Release,
    /// The last minor release that reads it.
    last: u32,
    kind: Kind,
    /// What is written instead since 3.6.
    successor: &'static str,
}

/// No release has taken it away yet.
const STILL: u32 = u32::MAX;

const fn key(name: &'static str, kind: Kind) -> Key {
    Key {
        first: Release(4, 0),
        kind,
        last: STILL,
        name,
        successor: "",
    }
}

impl Key {
    const fn since(mut self, minor: u32, patch: u32) -> Key {
        self.first = Release(minor, patch);
        self
    }

    const fn until(mut self, minor: u32) -> Key {
        self.last = minor;
        self
    }

    const fn then(mut self, successor: &'static str) -> Key {
        self.successor = successor;
        self
    }
}

use Kind::{Bool, Duration, Int, List, Text};

const KEYS: &[Key] = &[
    key("advertise-client-urls", Text),
    key("auth-token", Text),
    key("auth-token-ttl", Int),
    key("auto-compaction-mode", Text),
    key("auto-compaction-retention", Text),
    key("backend-batch-interval", Duration),
    key("backend-batch-limit", Int),
    key("backend-bbolt-freelist-type", Text).since(5, 0),
    key("bcrypt-cost", Int),
    key("bootstrap-defrag-threshold-megabytes", Int).since(6, 0),
    key("cipher-suites", List),
    key("client-transport-security", Kind::Map),
    key("compact-hash-check-time", Duration).since(6, 0),
    key("compaction-batch-limit", Int).since(6, 0),
    key("compaction-sleep-interval", Duration).since(6, 0),
    key("corrupt-check-time", Duration).since(6, 0),
    key("cors", Text),
    key("data-dir", Text),
    key("debug", Bool).until(4).then("log-level: debug"),
    key("discovery", Text).until(6).then("discovery-config"),
    key("discovery-config", Kind::Map).since(6, 0),
    key("discovery-fallback", Text).until(5),
    key("discovery-proxy", Text).until(6),
    key("discovery-srv", Text),
    key("discovery-srv-name", Text),
    key("distributed-tracing-address", Text).since(6, 0),
    key("distributed-tracing-instance-id", Text).since(6, 0),
    key("distributed-tracing-sampling-rate", Int).since(6, 0),
    key("distributed-tracing-service-name", Text).since(6, 0),
    key("downgrade-check-time", Duration).since(6, 0),
    key("election-timeout", Int),
    key("enable-distributed-tracing", Bool).since(6, 0),
    key("enable-grpc-gateway", Bool),
    key("enable-log-rotation", Bool).since(5, 0),
    key("enable-pprof", Bool),
    key("enable-v2", Bool).until(5),
    key("experimental-backend-bbolt-freelist-type", Text)
        .until(4)
        .then("backend-bbolt-freelist-type"),
    key("experimental-bootstrap-defrag-threshold-megabytes", Int)
        .since(5, 0)
        .until(6)
        .then("bootstrap-defrag-threshold-megabytes"),
    key("experimental-compact-hash-check-enabled", Bool)
        .since(5, 5)
        .until(6)
        .then("feature-gates: CompactHashCheck=true"),
    key("experimental-compact-hash-check-time", Duration)
        .since(5, 5)
        .until(6)
        .then("compact-hash-check-time"),
    key("experimental-compaction-batch-limit", Int)
        .until(6)
        .then("compaction-batch-limit"),
    key("experimental-compaction-sleep-interval", Duration)
        .since(5, 16)
        .until(6)
        .then("compaction-sleep-interval"),
    key("experimental-corrupt-check-time", Duration)
        .until(6)
        .then("corrupt-check-time"),
    key("experimental-distributed-tracing-address", Text)
        .since(5, 0)
        .until(6)
        .then("distributed-tracing-address"),
    key("experimental-distributed-tracing-instance-id", Text)
        .since(5, 0)
        .until(6)
        .then("distributed-tracing-instance-id"),
    key("experimental-distributed-tracing-sampling-rate", Int)
        .since(5, 0)
        .until(6)
        .then("distributed-tracing-sampling-rate"),
    key("experimental-distributed-tracing-service-name", Text)
        .since(5, 0)
        .until(6)
        .then("distributed-tracing-service-name"),
    key("experimental-downgrade-check-time", Duration)
        .since(5, 0)
        .until(6)
        .then("downgrade-check-time"),
    key("experimental-enable-distributed-tracing", Bool)
        .since(5, 0)
        .until(6)
        .then("enable-distributed-tracing"),
    key("experimental-enable-lease-checkpoint", Bool)
        .until(6)
        .then("feature-gates: LeaseCheckpoint=true"),
    key("experimental-enable-lease-checkpoint-persist", Bool)
        .until(6)
        .then("feature-gates: LeaseCheckpointPersist=true"),
    key("experimental-enable-v2v3", Text).until(5),
    key("experimental-initial-corrupt-check", Bool)
        .until(6)
        .then("feature-gates: InitialCorruptCheck=true"),
    key("experimental-memory-mlock", Bool)
        .since(5, 0)
        .until(6)
        .then("memory-mlock"),
    key("experimental-peer-skip-client-san-verification", Bool)
        .since(6, 0)
        .until(6)
        .then("skip-client-san-verification, in peer-transport-security"),
    key("experimental-snapshot-catch-up-entries", Int)
        .since(5, 0)
        .until(6)
        .then("snapshot-catchup-entries"),
    key("experimental-stop-grpc-service-on-defrag", Bool)
        .since(5, 14)
        .until(6)
        .then("feature-gates: StopGRPCServiceOnDefrag=true"),
    key("experimental-txn-mode-write-with-shared-buffer", Bool)
        .since(5, 0)
        .until(6)
        .then("feature-gates: TxnModeWriteWithSharedBuffer=true"),
    key("experimental-warning-apply-duration", Duration)
        .until(6)
        .then("warning-apply-duration"),
    key("experimental-warning-unary-request-duration", Duration)
        .since(6, 0)
        .until(6)
        .then("warning-unary-request-duration"),
    key("experimental-watch-progress-notify-interval", Duration)
        .until(6)
        .then("watch-progress-notify-interval"),
    key("feature-gates", Text).since(6, 0),
    key("force-new-cluster", Bool),
    key("grpc-keepalive-interval", Duration),
    key("grpc-keepalive-min-time", Duration),
    key("grpc-keepalive-timeout", Duration),
    key("heartbeat-interval", Int),
    key("host-whitelist", Text),
    key("initial-advertise-peer-urls", Text),
    key("initial-cluster", Text),
    key("initial-cluster-state", Text),
    key("initial-cluster-token", Text),
    key("initial-election-tick-advance", Bool),
    key("listen-client-http-urls", Text).since(4, 25),
    key("listen-client-urls", Text),
    key("listen-metrics-urls", Text),
    key("listen-peer-urls", Text),
    key("log-format", Text).since(6, 0),
    key("log-level", Text),
    key("log-output", Text).until(4).then("log-outputs"),
    key("log-outputs", List),
    key("log-package-levels", Text).until(4).then("log-level"),
    key("log-rotation-config-json", Text).since(5, 0),
    key("logger", Text),
    key("max-concurrent-streams", Int),
    key("max-learners", Int).since(6, 0),
    key("max-request-bytes", Int),
    key("max-snapshots", Int).until(7),
    key("max-txn-ops", Int),
    key("max-wals", Int),
    key("memory-mlock", Bool).since(6, 0),
    key("metrics", Text),
    key("name", Text),
    key("next-cluster-version-compatible", Bool).until(4),
    key("peer-transport-security", Kind::Map),
    key("pre-vote", Bool),
    key("proxy", Text).until(5),
    key("proxy-dial-timeout", Int).until(5),
    key("proxy-failure-wait", Int).until(5),
    key("proxy-read-timeout", Int).until(5),
    key("proxy-refresh-interval", Int).until(5),
    key("proxy-write-timeout", Int).until(5),
    key("quota-backend-bytes", Int),
    key("self-signed-cert-validity", Int).since(5, 1),
    key("snapshot-catchup-entries", Int).since(6, 0),
    key("snapshot-count", Int),
    key("socket-options", Kind::Map).since(5, 10),
    key("strict-reconfig-check", Bool),
    key("tls-max-version", Text).since(5, 8),
    key("tls-min-version", Text),
    key("unsafe-no-fsync", Bool),
    key("v2-deprecation", Text).since(5, 0).until(7),
    key("wal-dir", Text),
    key("warning-apply-duration", Duration).since(6, 0),
    key("warning-unary-request-duration", Duration).since(6, 0),
    key("watch-progress-notify-interval", Duration).since(6, 0),
];

/// What users write and no release reads, with what they mean.
const NEVER: [(&str, &str); 8] = [
    ("experimental-max-learners", "`max-learners`, since 3.6"),
    ("experimental-wait-cluster-ready-timeout", "a flag only"),
    (
        "initial-corrupt-check",
        "`experimental-initial-corrupt-check` up to 3.6, `feature-gates: InitialCorruptCheck=true` since 3.6",
    ),
    ("initial-wait-cluster-ready-timeout", "a flag only"),
    (
        "local-address",
        "`feature-gates: SetMemberLocalAddr=true`, since 3.6",
    ),
    (
        "peer-skip-client-san-verification",
        "`skip-client-san-verification` in `peer-transport-security`, since 3.6",
    ),
    (
        "socket-reuse-address",
        "`socket-options: { reuse-address: true }`",
    ),
    (
        "socket-reuse-port",
        "`socket-options: { reuse-port: true }`",
    ),
];

fn known(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.name == name)
}

/// What is wrong with these keys for a release; without one, for all of them. A line each.
#[must_use]
pub fn mistakes(keys: &Map, release: Option<Release>) -> Vec<String> {
    let lines = keys.iter();
    lines
        .filter_map(|(name, value)| match known(name) {
            None => Some(unknown(name)),
            Some(key) => unread(key, release).or_else(|| unfit(key, value)),
        })
        .collect()
}

fn unknown(name: &str) -> String {
    let line = format!("has the unknown key `{name}`");
    if let Some((_, meant)) = NEVER.iter().find(|(never, _)| *never == name) {
        return format!("{line}, which no release of etcd reads: it is {meant}");
    }
    match nearest(name, KEYS.iter().map(|key| key.name)) {
        Some(near) => format!("{line}: did you mean `{near}`?"),
        None => line,
    }
}

fn unread(key: &Key, release: Option<Release>) -> Option<String> {
    let release = release?;
    let name = key.name;
    if release < key.first {
        let first = key.first;
        let since = if first.1 == 0 {
            format!("3.{}", first.0)
        } else {
            first.to_string()
        };
        return Some(match KEYS.iter().find(|old| old.successor == name) {
            Some(old) if release >= old.first && release.0 <= old.last => format!(
                "has `{name}`, which etcd reads since {since}; {release} calls it `{}`",
                old.name
            ),
            _ => format!("has `{name}`, which etcd reads since {since}, and not {release}"),
        });
    }
    (release.0 > key.last).then(|| {
        let line = format!(
            "has `{name}`, which etcd reads up to 3.{}, and not {release}",
            key.last
        );
        if key.successor.is_empty() {
            line
        } else {
            format!("{line}: now it is `{}`", key.successor)
        }
    })
}

fn unfit(key: &Key, value: &Value) -> Option<String> {
    let fits = match (key.kind, value) {
        (Bool, Value::Bool(_))
        | (Int | Duration, Value::Int(_))
        | (List, Value::List(_))
        | (Kind::Map, Value::Map(_)) => true,
        (Duration, Value::Text(text)) => duration(text).is_some(),
        // A number is written as the text that etcd wants.
        (Text, Value::Text(_) | Value::Int(_) | Value::Float(_)) => true,
        _ => false,
    };
    let wants = match key.kind {
        Bool => "true or false",
        Duration => "a duration such as 1h or 500ms",
        Int => "a whole number",
        List => "a list",
        Kind::Map => "a map",
        Text => "a text",
    };
    (!fits).then(|| {
        format!(
            "has `{}: {}`, and etcd wants {wants}",
            key.name,
            shown(value)
        )
    })
}

fn shown(value: &Value) -> String {
    match value {
        Value::Bool(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::List(_) => "[...]".into(),
        Value::Map(_) => "{...}".into(),
        Value::Text(text) => format!("{text:?}"),
        other => format!("{other:?}"),
    }
}

/// These keys as etcd reads them: durations in nanoseconds, texts as texts.
#[must_use]
pub fn written(keys: &Map) -> Map {
    let write = |(name, value): (&String, &Value)| {
        let value = match (known(name).map(|key| key.kind), value) {
            (Some(Duration), Value::Text(text)) => duration(text)
                .and_then(|time| i64::try_from(time.as_nanos()).ok())
                .map_or_else(|| value.clone(), Value::Int),
            (Some(Text), Value::Int(number)) => Value::from(number.to_string()),
            (Some(Text), Value::Float(number)) => Value::from(number.to_string()),
            _ => value.clone(),
        };
        (name.clone(), value)
    };
    keys.iter().map(write).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(key: &str, value: Value, release: &str) -> String {
        mistakes(&[(key.to_string(), value)].into(), Release::parse(release)).join("\n")
    }

    #[test]
    fn a_key_is_checked_by_name_release_and_type() {
        let yes = Value::Bool(true);
        let rows = [
            (
                "initial-corrupt-check",
                yes.clone(),
                "",
                "has the unknown key `initial-corrupt-check`, which no release of etcd reads: it is `experimental-initial-corrupt-check` up to 3.6, `feature-gates: InitialCorruptCheck=true` since 3.6",
            ),
            (
                "pre-vot",
                yes.clone(),
                "",
                "has the unknown key `pre-vot`: did you mean `pre-vote`?",
            ),
            (
                "experimental-initial-corrupt-check",
                yes.clone(),
                "3.7.1",
                "has `experimental-initial-corrupt-check`, which etcd reads up to 3.6, and not 3.7.1: now it is `feature-gates: InitialCorruptCheck=true`",
            ),
            (
                "experimental-initial-corrupt-check",
                yes.clone(),
                "3.5.16",
                "",
            ),
            (
                "corrupt-check-time",
                Value::from("1h"),
                "3.5.16",
                "has `corrupt-check-time`, which etcd reads since 3.6; 3.5.16 calls it `experimental-corrupt-check-time`",
            ),
            (
                "tls-max-version",
                Value::from("TLS1.3"),
                "3.5.7",
                "has `tls-max-version`, which etcd reads since 3.5.8, and not 3.5.7",
            ),
            (
                "feature-gates",
                Value::from("A=true"),
                "3.4.23",
                "has `feature-gates`, which etcd reads since 3.6, and not 3.4.23",
            ),
            ("grpc-keepalive-interval", Value::from("10s"), "", ""),
            (
                "grpc-keepalive-interval",
                Value::from("ten"),
                "",
                "has `grpc-keepalive-interval: \"ten\"`, and etcd wants a duration such as 1h or 500ms",
            ),
            (
                "max-txn-ops",
                Value::from("8G"),
                "",
                "has `max-txn-ops: \"8G\"`, and etcd wants a whole number",
            ),
            (
                "log-outputs",
                Value::from("stderr"),
                "",
                "has `log-outputs: \"stderr\"`, and etcd wants a list",
            ),
            (
                "cors",
                Value::List(Vec::new()),
                "",
                "has `cors: [...]`, and etcd wants a text",
            ),
            (
                "pre-vote",
                Value::from("true"),
                "3.5.16",
                "has `pre-vote: \"true\"`, and etcd wants true or false",
            ),
            ("auto-compaction-retention", Value::Int(24), "3.5.16", ""),
        ];
        for (key, value, release, wanted) in rows {
            assert_eq!(wrong(key, value, release), wanted);
        }
    }

    #[test]
    fn durations_are_written_in_nanoseconds() {
        let keys = [
            ("auto-compaction-retention", Value::Int(24)),
            ("experimental-corrupt-check-time", Value::from("1h")),
            ("pre-vote", Value::Bool(true)),
        ];
        let keys: Map = keys.map(|(key, value)| (key.to_string(), value)).into();
        let written: Vec<Value> = written(&keys).into_values().collect();
        assert_eq!(
            written,
            [
                Value::from("24"),
                Value::Int(3_600_000_000_000),
                Value::Bool(true)
            ]
        );
    }

    #[test]
    fn keys_stand_once_and_in_order() {
        assert!(KEYS.windows(2).all(|pair| pair[0].name < pair[1].name));
        for (never, _) in NEVER {
            assert!(known(never).is_none(), "{never}");
        }
    }

    #[test]
    fn a_release_is_read_as_packages_and_etcd_write_it() {
        let rows = [
            ("3.5.16", 16),
            ("v3.5.33", 33),
            ("3.5.33-1", 33),
            ("3.5.16+dfsg-1~deb", 16),
            ("3.5", 0),
        ];
        for (text, patch) in rows {
            assert_eq!(Release::parse(text), Some(Release(5, patch)), "{text}");
        }
        assert_eq!(Release::parse("2.3.8"), None);
        assert_eq!(Release::parse("x"), None);
    }
}
