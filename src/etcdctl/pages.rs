//! A large range, fetched page by page at one revision, the next page while one is used.
//!
//! etcd gives no page a size in bytes, only a number of keys. It is chosen by the size of the keys before, and an answer
//! that turns out too large is refused by its head, before it is read, and asked for again in smaller parts: whatever is
//! stored, memory does not grow with it.

use std::time::{Duration, Instant};

use etcd_client::proto::{PbKeyValue, PbRangeResponse};
use etcd_client::{GetOptions, SortOrder, SortTarget};

use super::call::Call;
use super::failure::{Failure, Outcome};
use crate::etcd::{self, Client, Effect, Fault, Patience, Trouble};

/// Bytes that a page aims at. A server counts all keys behind a page, so few and large pages are better for it.
const PAGE_BYTES: usize = 12 << 20;
/// Bytes of an answer that is not read any more, unless it is a single key's.
const LARGEST: usize = 32 << 20;
/// Keys of the first page, before anything is known of their size.
const FIRST_PAGE: i64 = 100;
/// Bytes that a key needs besides itself and its value.
const OVERHEAD: usize = 32;

/// As `GetOptions`, but it can be looked at.
#[derive(Clone, Default)]
pub(super) struct Query {
    pub(super) count_only: bool,
    pub(super) end: Option<Vec<u8>>,
    pub(super) keys_only: bool,
    pub(super) limit: i64,
    pub(super) max_create: i64,
    pub(super) max_mod: i64,
    pub(super) min_create: i64,
    pub(super) min_mod: i64,
    pub(super) rev: i64,
    pub(super) serializable: bool,
    pub(super) sort: Option<(SortTarget, SortOrder)>,
}

impl Query {
    /// All keys that begin so, and the key to begin with.
    pub(super) fn prefix(prefix: &[u8]) -> (Vec<u8>, Query) {
        let end = if prefix.is_empty() { vec![0] } else { etcd::prefix_end(prefix) };
        let start = if prefix.is_empty() { vec![0] } else { prefix.to_vec() };
        (start, Query { end: Some(end), ..Query::default() })
    }

    pub(super) fn options(&self) -> GetOptions {
        let mut options = GetOptions::new()
            .with_limit(self.limit)
            .with_revision(self.rev)
            .with_max_create_revision(self.max_create)
            .with_max_mod_revision(self.max_mod)
            .with_min_create_revision(self.min_create)
            .with_min_mod_revision(self.min_mod);
        if let Some(end) = &self.end {
            options = options.with_range(end.clone());
        }
        if let Some((target, order)) = self.sort {
            options = options.with_sort(target, order);
        }
        if self.serializable {
            options = options.with_serializable();
        }
        if self.keys_only {
            options = options.with_keys_only();
        }
        if self.count_only {
            options = options.with_count_only();
        }
        options
    }

    /// Can it be asked for in pages that follow each other by key?
    pub(super) fn is_pageable(&self) -> bool {
        let filtered = [self.max_create, self.max_mod, self.min_create, self.min_mod].iter().any(|rev| *rev != 0);
        self.end.is_some() && self.sort.is_none() && !self.count_only && !filtered
    }
}

/// What is known behind the last page.
pub(super) struct End {
    /// All keys of the range, whatever the limit.
    pub(super) count: i64,
    /// There are more keys than the limit.
    pub(super) more: bool,
}

/// Fetch all pages and give them to `take`, one after the other.
pub(super) fn each(call: &mut Call<'_>, key: Vec<u8>, query: Query, mut take: impl FnMut(&mut Call<'_>, &PbRangeResponse) -> Outcome) -> Outcome<End> {
    let client = call.client()?.clone();
    let pace = Pace::of(call)?;
    let mut pages = Pages { careful: None, key, left: (query.limit > 0).then_some(query.limit), query, size: FIRST_PAGE };
    let (mut answer, mut asked) = pages.fetch(&client, pace).map_err(|fault| call.failed(&fault))?;
    let count = answer.count;
    loop {
        let following = pages.advance(&answer, asked);
        let more = answer.more;
        let next = std::thread::scope(|scope| {
            let next = following.then(|| scope.spawn(|| pages.fetch(&client, pace)));
            take(call, &answer)?;
            // What was printed is seen before the next page is there.
            call.io.out.flush()?;
            Ok::<_, Box<Failure>>(next.map(std::thread::ScopedJoinHandle::join))
        })?;
        match next {
            None => return Ok(End { count, more }),
            Some(Ok(Ok(page))) => (answer, asked) = page,
            Some(Ok(Err(fault))) => return Err(call.failed(&fault)),
            Some(Err(panic)) => std::panic::resume_unwind(panic),
        }
    }
}

/// How long one request may take; the patience of a command is made anew for each of its requests.
#[derive(Clone, Copy)]
pub(super) struct Pace {
    allowed: Option<Duration>,
    stubborn: bool,
}

impl Pace {
    pub(super) fn of(call: &mut Call<'_>) -> Outcome<Pace> {
        let patience = call.patience()?;
        let allowed = patience.deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        Ok(Pace { allowed, stubborn: patience.stubborn })
    }

    #[cfg(test)]
    pub(super) fn unlimited() -> Pace {
        Pace { allowed: None, stubborn: false }
    }

    pub(super) fn patience(self) -> Patience {
        Patience { deadline: self.allowed.map(|allowed| Instant::now() + allowed), stubborn: self.stubborn }
    }
}

struct Pages {
    /// Keys of a page at most, after one was too large.
    careful: Option<i64>,
    key: Vec<u8>,
    /// Keys that may still come, when there is a limit.
    left: Option<i64>,
    query: Query,
    /// Keys of the next page.
    size: i64,
}

impl Pages {
    /// A page, and how many keys were asked for in the end.
    fn fetch(&self, client: &Client, pace: Pace) -> etcd::Result<(PbRangeResponse, i64)> {
        let limit = self.limit();
        fetch_some(client, pace, &self.key, Query { limit, ..self.query.clone() })
    }

    fn limit(&self) -> i64 {
        [self.left, self.careful].into_iter().flatten().fold(self.size, i64::min)
    }

    /// Go on behind this page; false when it was the last one.
    fn advance(&mut self, answer: &PbRangeResponse, asked: i64) -> bool {
        let keys = answer.kvs.len();
        let whole = asked >= self.limit();
        // Large values come together: only slowly are more keys asked for again.
        self.careful = if whole { self.careful.map(|careful| careful.saturating_mul(2)) } else { Some(asked.saturating_mul(2)) };
        if let Some(left) = &mut self.left {
            *left -= i64::try_from(keys).unwrap_or(i64::MAX);
        }
        let Some(last) = answer.kvs.last().filter(|_| answer.more && self.left.is_none_or(|left| left > 0)) else { return false };
        self.key = after(&last.key);
        if self.query.rev == 0 {
            self.query.rev = answer.header.map_or(0, |header| header.revision);
        }
        let fits = i64::try_from(PAGE_BYTES / (bytes(&answer.kvs) / keys).max(1)).unwrap_or(i64::MAX);
        let behind = answer.count - i64::try_from(keys).unwrap_or(0);
        self.size = fits.min(behind).max(1);
        true
    }
}

/// The first key that can follow this one.
pub(super) fn after(key: &[u8]) -> Vec<u8> {
    [key, &[0]].concat()
}

pub(super) fn bytes(kvs: &[PbKeyValue]) -> usize {
    kvs.iter().map(|kv| kv.key.len() + kv.value.len() + OVERHEAD).sum()
}

/// One page of at most `query.limit` keys: of fewer, when their values are too large for one answer.
pub(super) fn fetch(client: &Client, pace: Pace, key: &[u8], query: &Query) -> etcd::Result<PbRangeResponse> {
    fetch_some(client, pace, key, query.clone()).map(|(answer, _)| answer)
}

fn fetch_some(client: &Client, pace: Pace, key: &[u8], mut query: Query) -> etcd::Result<(PbRangeResponse, i64)> {
    loop {
        let options = query.options();
        let alone = query.limit == 1;
        let answer = client.ask(Effect::Read, pace.patience(), async |etcd| {
            let kv = etcd.kv();
            let mut kv = if alone { kv } else { kv.max_decoding_message_size(LARGEST) };
            kv.get(key.to_vec(), Some(options.clone())).await
        });
        match answer {
            Ok(answer) => return Ok((answer.0, query.limit)),
            Err(fault) => query.limit = smaller(query.limit, &fault).ok_or(fault)?,
        }
    }
}

/// How many keys to ask for when the answer was too large; nothing when that was not the trouble.
fn smaller(limit: i64, fault: &Fault) -> Option<i64> {
    let Trouble::Server(code, text) = fault.trouble() else { return None };
    if *code != tonic::Code::OutOfRange as i32 || limit == 1 {
        return None;
    }
    let found: i64 = text.split_once("found ")?.1.split(' ').next()?.parse().ok()?;
    let wanted = i64::try_from(PAGE_BYTES).unwrap_or(i64::MAX);
    let limit = if limit <= 0 { 1000 } else { limit };
    Some((limit.saturating_mul(wanted) / found.max(1)).clamp(1, limit / 2))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::etcd::Attempt;

    fn fault(code: tonic::Code, text: &str) -> Fault {
        Fault { attempts: vec![Attempt { endpoint: "a".into(), trouble: Trouble::Server(code as i32, text.into()) }], sent: true }
    }

    #[test]
    fn an_answer_that_is_too_large_is_asked_for_in_parts() {
        let found = |bytes: i64| format!("Error, decoded message length too large: found {bytes} bytes, the limit is: 33554432 bytes");
        for (limit, bytes, wanted) in [(100, 126 << 20, Some(9)), (2, 40 << 20, Some(1)), (1, 40 << 20, None), (1000, 33 << 20, Some(363))] {
            assert_eq!(smaller(limit, &fault(tonic::Code::OutOfRange, &found(bytes))), wanted, "{limit} keys of {bytes} bytes");
        }
        assert_eq!(smaller(100, &fault(tonic::Code::OutOfRange, "etcdserver: mvcc: required revision has been compacted")), None);
    }

    #[test]
    fn the_next_page_begins_behind_the_last_key() {
        let (key, query) = Query::prefix(b"a/");
        let mut pages = Pages { careful: None, key, left: Some(30), query, size: FIRST_PAGE };
        let kv = |key: &str| PbKeyValue { key: key.into(), value: vec![0; 1 << 20], ..PbKeyValue::default() };
        let page = |count, keys: &[&str]| PbRangeResponse { count, kvs: keys.iter().map(|key| kv(key)).collect(), more: true, ..PbRangeResponse::default() };
        assert!(pages.advance(&page(1000, &["a/1", "a/2"]), 30));
        assert_eq!((pages.key.as_slice(), pages.left, pages.limit()), (&b"a/2\0"[..], Some(28), 11));
        // The next one was too large.
        assert!(pages.advance(&page(998, &["a/3", "a/4"]), 2));
        assert_eq!(pages.limit(), 4);
        assert!(pages.advance(&page(996, &["a/5", "a/6"]), 4));
        assert_eq!(pages.limit(), 8);
        // Not more than there are.
        assert!(pages.advance(&page(3, &["a/7", "a/8"]), 8));
        assert_eq!(pages.limit(), 1);
        pages.left = Some(1);
        assert!(!pages.advance(&page(1, &["a/9"]), 1));
    }
}
