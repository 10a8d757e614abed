//! What became of keys between two revisions: event by event, as a watch from the first of them tells it.
//!
//! Only a watch says what was deleted, and it says all at once. It has its price: etcd looks through all revisions since.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::etcd::Connection;
use crate::etcd::raw::{self, PbEvent, PbKeyValue, PbWatchResponse, WatchOptions, WatchStream};
use crate::etcdctl::call::Call;
use crate::etcdctl::failure::{ERROR, Failure, Outcome};
use crate::etcdctl::range::pages::Query;
use crate::runtime::block_on;

/// How often etcd is asked whether the watch has seen everything.
const PROGRESS: Duration = Duration::from_millis(100);

/// The changes of a key, or of a range, from one revision to another, both included.
pub(crate) struct Past {
    pub(crate) end: Option<Vec<u8>>,
    pub(crate) first: i64,
    pub(crate) key: Vec<u8>,
    pub(crate) last: i64,
    /// With what was there before each change.
    pub(crate) previous: bool,
}

impl Past {
    /// Give each change to `take`, until it wants no more. The result is the revision of a compaction that is in the way.
    pub(crate) fn each(
        &self,
        call: &mut Call<'_>,
        mut take: impl FnMut(PbEvent) -> bool + Send,
    ) -> Outcome<Option<i64>> {
        let patience = call.patience()?;
        let limit = call
            .settings()?
            .command_timeout_given
            .then_some(patience.deadline)
            .flatten();
        let (endpoint, connection) = call.connected(patience)?;
        let watched = block_on(self.follow(&connection, limit, &mut take));
        watched.map_err(|error| {
            let text = match error {
                raw::Error::GRpcStatus(status) => status.message().to_string(),
                raw::Error::WatchError(reason) => reason,
                other => other.to_string(),
            };
            Failure::new(ERROR, format!("etcd at {endpoint}: {text}"))
        })
    }

    async fn follow(
        &self,
        connection: &Connection,
        limit: Option<Instant>,
        take: &mut (dyn FnMut(PbEvent) -> bool + Send),
    ) -> Result<Option<i64>, raw::Error> {
        let mut stream = self.open(connection).await?;
        loop {
            let Some(answer) = next(&mut stream, limit).await? else {
                return Ok(None);
            };
            if answer.compact_revision > 0 {
                return Ok(Some(answer.compact_revision));
            }
            if answer.canceled {
                return Err(raw::Error::WatchError(answer.cancel_reason));
            }
            let progress = !answer.created && answer.events.is_empty();
            let seen = answer.header.map_or(0, |header| header.revision);
            if progress && seen >= self.last {
                return Ok(None);
            }
            for event in answer.events {
                let is_later = event
                    .kv
                    .as_ref()
                    .is_none_or(|kv| kv.mod_revision > self.last);
                if is_later || !take(event) {
                    return Ok(None);
                }
            }
        }
    }

    async fn open(&self, connection: &Connection) -> Result<WatchStream, raw::Error> {
        let mut options = WatchOptions::new().with_start_revision(self.first);
        if let Some(end) = &self.end {
            options = options.with_range(end.clone());
        }
        if self.previous {
            options = options.with_prev_key();
        }
        connection
            .watch()
            .watch(self.key.clone(), Some(options))
            .await
    }
}

/// The next answer. While there is none, etcd is asked how far it is: without an event that is the only sign of the end.
async fn next(
    stream: &mut WatchStream,
    limit: Option<Instant>,
) -> Result<Option<PbWatchResponse>, raw::Error> {
    loop {
        match tokio::time::timeout(PROGRESS, stream.message()).await {
            Ok(answer) => return Ok(answer?.map(|answer| answer.0)),
            Err(_) if limit.is_some_and(|limit| Instant::now() >= limit) => {
                return Err(raw::Error::WatchError("no answer in time".into()));
            }
            Err(_) => stream.request_progress().await?,
        }
    }
}

/// A key at two revisions; `None` where it is not there.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Pair {
    pub(crate) after: Option<PbKeyValue>,
    pub(crate) before: Option<PbKeyValue>,
}

impl Pair {
    /// `+`, `-` or `~`, as a difference writes it; nothing where the value is the same.
    pub(crate) fn sign(&self) -> Option<char> {
        match (&self.before, &self.after) {
            (None, None) => None,
            (None, Some(_)) => Some('+'),
            (Some(_), None) => Some('-'),
            (Some(before), Some(after)) => (before.value != after.value).then_some('~'),
        }
    }
}

/// Two revisions, the second after the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) from: i64,
    pub(crate) to: i64,
}

impl Span {
    /// `41`, `41..` and `41..57`; without an end it is now.
    pub(crate) fn parse(call: &mut Call<'_>, text: &str) -> Outcome<Span> {
        let (from, to) = text.split_once("..").unwrap_or((text, ""));
        let number = |part: &str| part.parse::<i64>().ok().filter(|number| *number > 0);
        let wrong = || {
            Failure::arguments(format!(
                "--rev {text}: a revision, or two as 41..57, is wanted"
            ))
        };
        let from = number(from).ok_or_else(wrong)?;
        let now = now(call)?;
        let to = if to.is_empty() {
            now
        } else {
            number(to).ok_or_else(wrong)?
        };
        if to > now || from > now {
            return Err(Failure::arguments(format!(
                "--rev {text}: etcd is at revision {now}"
            )));
        }
        if from > to {
            return Err(Failure::arguments(format!(
                "--rev {text}: the earlier one comes first"
            )));
        }
        Ok(Span { from, to })
    }
}

/// The revision that etcd is at, by an answer that a quorum has agreed to.
fn now(call: &mut Call<'_>) -> Outcome<i64> {
    at(call, 0)
}

/// Ask for a key at a revision; the result is the revision that etcd is at.
fn at(call: &mut Call<'_>, rev: i64) -> Outcome<i64> {
    let (key, query) = Query::prefix(b"");
    let query = Query {
        keys_only: true,
        limit: 1,
        rev,
        ..query
    };
    let answer = call
        .read(async |etcd| etcd.kv().get(key.clone(), Some(query.options())).await)?
        .0;
    Ok(answer.header.map_or(0, |header| header.revision))
}

/// The keys below a prefix that were changed between two revisions, with both of their states, also where those are equal.
pub(crate) fn touched(
    call: &mut Call<'_>,
    prefix: &[u8],
    span: Span,
) -> Outcome<BTreeMap<Vec<u8>, Pair>> {
    let (key, query) = Query::prefix(prefix);
    let past = Past {
        end: query.end,
        first: span.from + 1,
        key,
        last: span.to,
        previous: true,
    };
    let mut pairs: BTreeMap<Vec<u8>, Pair> = BTreeMap::new();
    if span.from == span.to {
        return Ok(pairs);
    }
    let compacted = past.each(call, |event| {
        let put = event.r#type == 0;
        if let Some(kv) = event.kv {
            let before = event.prev_kv;
            let pair = pairs.entry(kv.key.clone()).or_insert_with(|| Pair {
                after: None,
                before,
            });
            pair.after = put.then_some(kv);
        }
        true
    })?;
    // What was compacted meanwhile is missing from the pairs, and nothing says where.
    let forgotten = match compacted {
        Some(revision) => Some(revision),
        None => compaction_after(call, span.from)?,
    };
    match forgotten {
        None => Ok(pairs),
        Some(revision) => Err(Failure::new(
            ERROR,
            format!(
                "etcd has forgotten what was at revision {}: it was compacted at {revision} or later",
                span.from
            ),
        )),
    }
}

/// Was something after this revision compacted? Then where, as far as is known.
fn compaction_after(call: &mut Call<'_>, revision: i64) -> Outcome<Option<i64>> {
    match at(call, revision) {
        Ok(_) => Ok(None),
        Err(failure) if is_compacted(failure.text()) => Ok(Some(revision + 1)),
        Err(failure) => Err(failure),
    }
}

pub(crate) fn is_compacted(text: &str) -> bool {
    text.contains("required revision has been compacted")
}
