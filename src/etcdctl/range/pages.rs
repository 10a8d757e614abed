//! A large range, fetched page by page at one revision, the next pages while one is used.
//!
//! etcd gives no page a size in bytes, only a number of keys. It is chosen by the size of the keys before, and an answer
//! that turns out too large is refused by its head, before it is read, and asked for again in smaller parts: whatever is
//! stored, memory does not grow with it.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::etcd::raw::{GetOptions, PbKeyValue, PbRangeResponse, SortOrder, SortTarget};
use crate::etcd::{self, Client, Effect, Fault, Patience, Trouble};
use crate::etcdctl::call::Call;
use crate::etcdctl::failure::Outcome;
use crate::etcdctl::range::guess::Letters;

/// Bytes that a page aims at. A server counts all keys after a page, so few and large pages are better for it.
const PAGE_BYTES: usize = 8 << 20;
/// Pages that are on their way while one is used.
const FLYING: usize = 2;
/// Bytes of an answer that is not read any more, unless it is a single key's.
const LARGEST: usize = 32 << 20;
/// Keys of the first page, before anything is known of their size.
const FIRST_PAGE: i64 = 100;
/// Bytes that a key needs besides itself and its value.
const OVERHEAD: usize = 32;

/// As `GetOptions`, but it can be looked at.
#[derive(Clone, Default)]
pub(crate) struct Query {
    pub(crate) count_only: bool,
    pub(crate) end: Option<Vec<u8>>,
    pub(crate) keys_only: bool,
    pub(crate) limit: i64,
    pub(crate) max_create: i64,
    pub(crate) max_mod: i64,
    pub(crate) min_create: i64,
    pub(crate) min_mod: i64,
    pub(crate) rev: i64,
    pub(crate) serializable: bool,
    pub(crate) sort: Option<(SortTarget, SortOrder)>,
}

impl Query {
    /// All keys that begin so, and the key to begin with.
    pub(crate) fn prefix(prefix: &[u8]) -> (Vec<u8>, Query) {
        let end = if prefix.is_empty() {
            vec![0]
        } else {
            etcd::prefix_end(prefix)
        };
        let start = if prefix.is_empty() {
            vec![0]
        } else {
            prefix.to_vec()
        };
        (
            start,
            Query {
                end: Some(end),
                ..Query::default()
            },
        )
    }

    pub(crate) fn options(&self) -> GetOptions {
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
    pub(crate) fn is_pageable(&self) -> bool {
        let filtered = [self.max_create, self.max_mod, self.min_create, self.min_mod]
            .iter()
            .any(|rev| *rev != 0);
        self.end.is_some() && self.sort.is_none() && !self.count_only && !filtered
    }
}

/// What is known after the last page.
pub(crate) struct End {
    /// All keys of the range, whatever the limit.
    pub(crate) count: i64,
    /// There are more keys than the limit.
    pub(crate) more: bool,
}

/// Fetch all pages and give them to `take`, one after the other.
pub(crate) fn each(
    call: &mut Call<'_>,
    key: Vec<u8>,
    query: Query,
    mut take: impl FnMut(&mut Call<'_>, &PbRangeResponse) -> Outcome,
) -> Outcome<End> {
    let client = call.client()?.clone();
    let pace = Pace::of(call)?;
    std::thread::scope(|scope| {
        let mut pages = Pages::new(key, query);
        let client = &client;
        let send = move |query: Query, key: Vec<u8>| {
            scope.spawn(move || fetch_some(client, pace, &key, query))
        };
        let mut count = None;
        pages.send(&send);
        while let Some(Part { end, flight, .. }) = pages.parts.pop_front() {
            let Some((limit, flight)) = flight else { break };
            let (answer, asked) = match flight.join() {
                Ok(page) => page.map_err(|fault| call.failed(&fault))?,
                Err(panic) => std::panic::resume_unwind(panic),
            };
            count.get_or_insert(answer.count);
            pages.advance(end, &answer, limit, asked);
            // The next ones are on their way while this one is used.
            pages.send(&send);
            take(call, &answer)?;
            // What was printed is seen before the next page is there.
            call.io.out.flush()?;
            if pages.parts.is_empty() {
                return Ok(End {
                    count: count.unwrap_or(0),
                    more: answer.more,
                });
            }
        }
        Ok(End {
            count: count.unwrap_or(0),
            more: false,
        })
    })
}

/// How long one request may take; the patience of a command is made anew for each of its requests.
#[derive(Clone, Copy)]
pub(crate) struct Pace {
    allowed: Option<Duration>,
    stubborn: bool,
}

impl Pace {
    pub(crate) fn of(call: &mut Call<'_>) -> Outcome<Pace> {
        let patience = call.patience()?;
        let allowed = patience
            .deadline
            .map(|deadline| deadline.saturating_duration_since(Instant::now()));
        Ok(Pace {
            allowed,
            stubborn: patience.stubborn,
        })
    }

    #[cfg(test)]
    pub(crate) fn unlimited() -> Pace {
        Pace {
            allowed: None,
            stubborn: false,
        }
    }

    pub(crate) fn patience(self) -> Patience {
        Patience {
            deadline: self.allowed.map(|allowed| Instant::now() + allowed),
            stubborn: self.stubborn,
        }
    }
}

/// A range that is still to come, in the order of keys.
struct Part<F> {
    end: Vec<u8>,
    /// Asked for already, for at most this many keys.
    flight: Option<(i64, F)>,
    start: Vec<u8>,
}

struct Pages<F> {
    /// Keys of a page at most, after one was too large.
    careful: Option<i64>,
    /// Keys that may still come, when there is a limit.
    left: Option<i64>,
    letters: Letters,
    parts: VecDeque<Part<F>>,
    query: Query,
    /// Keys that are still there.
    rest: i64,
    /// Keys that make a page.
    size: i64,
    /// How far apart the borders of pages are, in the measure of `letters`; nothing before it is known.
    step: Option<f64>,
}

impl<F> Pages<F> {
    fn new(key: Vec<u8>, query: Query) -> Pages<F> {
        let end = query.end.clone().unwrap_or_else(|| after(&key));
        let same = key
            .iter()
            .zip(&end)
            .take_while(|(key, end)| key == end)
            .count();
        let left = (query.limit > 0).then_some(query.limit);
        let parts = VecDeque::from([Part {
            end,
            flight: None,
            start: key,
        }]);
        Pages {
            careful: None,
            left,
            letters: Letters::new(same),
            parts,
            query,
            rest: i64::MAX,
            size: FIRST_PAGE,
            step: None,
        }
    }

    /// Ask for the next parts, so that as many are on their way as there may be.
    fn send(&mut self, send: &impl Fn(Query, Vec<u8>) -> F) {
        let mut flying = self
            .parts
            .iter()
            .filter(|part| part.flight.is_some())
            .count();
        while flying < FLYING
            && let Some(place) = self.parts.iter().position(|part| part.flight.is_none())
        {
            let part = &self.parts[place];
            let mut limit = self.limit();
            if let Some(border) = self.border(part) {
                // The guess may have been too wide.
                limit = limit.saturating_mul(2);
                let behind = Part {
                    end: part.end.clone(),
                    flight: None,
                    start: border.clone(),
                };
                self.parts[place].end = border;
                self.parts.insert(place + 1, behind);
            }
            let part = &mut self.parts[place];
            let query = Query {
                end: Some(part.end.clone()),
                limit,
                ..self.query.clone()
            };
            part.flight = Some((limit, send(query, part.start.clone())));
            flying += 1;
        }
    }

    /// Where a page from the start of this part would end; `None` when that is not worth a guess.
    fn border(&self, part: &Part<F>) -> Option<Vec<u8>> {
        let step = self.step.filter(|_| {
            self.left.is_none() && self.careful.is_none() && self.rest > self.size * 2
        })?;
        let border = self.letters.key(
            &part.start[..self.letters.base()],
            self.letters.place(&part.start) + step,
        )?;
        (part.start < border && (border < part.end || part.end == [0])).then_some(border)
    }

    fn limit(&self) -> i64 {
        [self.left, self.careful]
            .into_iter()
            .flatten()
            .fold(self.size, i64::min)
    }

    /// Learn from the page that came first of all, for a part up to `end` of which `limit` keys were asked for, in the end
    /// only `asked`.
    fn advance(&mut self, end: Vec<u8>, answer: &PbRangeResponse, limit: i64, asked: i64) {
        let keys = i64::try_from(answer.kvs.len()).unwrap_or(i64::MAX);
        self.rest = if self.rest == i64::MAX {
            answer.count
        } else {
            self.rest
        } - keys;
        // Large values come together: only slowly are more keys asked for again.
        self.careful = if asked >= limit {
            self.careful.map(|careful| careful.saturating_mul(2))
        } else {
            Some(asked.saturating_mul(2))
        };
        self.careful = self.careful.filter(|careful| *careful < self.size);
        self.left = self.left.map(|left| left - keys);
        if self.query.rev == 0 {
            self.query.rev = answer.header.map_or(0, |header| header.revision);
        }
        self.measure(answer);
        if self.left.is_some_and(|left| left <= 0) {
            self.parts.clear();
        } else if let Some(last) = answer.kvs.last().filter(|_| answer.more) {
            self.parts.push_front(Part {
                end,
                flight: None,
                start: after(&last.key),
            });
        }
    }

    /// How many keys make a page, and how far apart their borders are.
    fn measure(&mut self, answer: &PbRangeResponse) {
        let (Some(first), Some(last)) = (answer.kvs.first(), answer.kvs.last()) else {
            self.step = self.step.map(|step| step * 4.0);
            return;
        };
        self.letters
            .learn(answer.kvs.iter().map(|kv| kv.key.as_slice()));
        self.size = i64::try_from(PAGE_BYTES / (bytes(&answer.kvs) / answer.kvs.len()).max(1))
            .unwrap_or(i64::MAX)
            .clamp(1, self.rest.max(1));
        let far = self.letters.place(&last.key) - self.letters.place(&first.key);
        #[expect(clippy::cast_precision_loss, reason = "a guess")]
        let step = far / answer.kvs.len() as f64 * self.size as f64;
        if step > 0.0 {
            self.step = Some(self.step.map_or(step, |before| step.min(before * 4.0)));
        }
    }
}

/// The first key that can follow this one.
pub(crate) fn after(key: &[u8]) -> Vec<u8> {
    [key, &[0]].concat()
}

pub(crate) fn bytes(kvs: &[PbKeyValue]) -> usize {
    kvs.iter()
        .map(|kv| kv.key.len() + kv.value.len() + OVERHEAD)
        .sum()
}

/// One page of at most `query.limit` keys: of fewer, when their values are too large for one answer.
pub(crate) fn fetch(
    client: &Client,
    pace: Pace,
    key: &[u8],
    query: &Query,
) -> etcd::Result<PbRangeResponse> {
    fetch_some(client, pace, key, query.clone()).map(|(answer, _)| answer)
}

fn fetch_some(
    client: &Client,
    pace: Pace,
    key: &[u8],
    mut query: Query,
) -> etcd::Result<(PbRangeResponse, i64)> {
    loop {
        let options = query.options();
        let alone = query.limit == 1;
        let answer = client.ask(Effect::Read, pace.patience(), async |etcd| {
            let kv = etcd.kv();
            let mut kv = if alone {
                kv
            } else {
                kv.max_decoding_message_size(LARGEST)
            };
            kv.get(key.to_vec(), Some(options.clone())).await
        });
        match answer {
            Ok(answer) => return Ok((answer.0, query.limit)),
            Err(fault) => query.limit = smaller(query.limit, &fault).ok_or(fault)?,
        }
    }
}

/// How many keys to ask for when the answer was too large; `None` when that was not the trouble.
fn smaller(limit: i64, fault: &Fault) -> Option<i64> {
    let Trouble::Server(code, text) = fault.trouble() else {
        return None;
    };
    if *code != tonic::Code::OutOfRange as i32 || limit == 1 {
        return None;
    }
    let found: i64 = text
        .split_once("found ")?
        .1
        .split(' ')
        .next()?
        .parse()
        .ok()?;
    let wanted = i64::try_from(PAGE_BYTES).unwrap_or(i64::MAX);
    let limit = if limit <= 0 { 1000 } else { limit };
    Some((limit.saturating_mul(wanted) / found.max(1)).clamp(1, limit / 2))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::etcd::Attempt;

    fn fault(code: tonic::Code, text: &str) -> Fault {
        Fault {
            attempts: vec![Attempt {
                endpoint: "a".into(),
                trouble: Trouble::Server(code as i32, text.into()),
            }],
            sent: true,
        }
    }

    #[test]
    fn an_answer_that_is_too_large_is_asked_for_in_parts() {
        let found = |bytes: i64| {
            format!(
                "Error, decoded message length too large: found {bytes} bytes, the limit is: 33554432 bytes"
            )
        };
        for (limit, bytes, wanted) in [
            (100, 126 << 20, Some(6)),
            (2, 40 << 20, Some(1)),
            (1, 40 << 20, None),
            (1000, 33 << 20, Some(242)),
        ] {
            assert_eq!(
                smaller(limit, &fault(tonic::Code::OutOfRange, &found(bytes))),
                wanted,
                "{limit} keys of {bytes} bytes"
            );
        }
        assert_eq!(
            smaller(
                100,
                &fault(
                    tonic::Code::OutOfRange,
                    "etcdserver: mvcc: required revision has been compacted"
                )
            ),
            None
        );
    }

    fn page(count: i64, keys: &[&str], more: bool) -> PbRangeResponse {
        let kv = |key: &&str| PbKeyValue {
            key: (*key).into(),
            value: vec![0; 1 << 20],
            ..PbKeyValue::default()
        };
        PbRangeResponse {
            count,
            kvs: keys.iter().map(kv).collect(),
            more,
            ..PbRangeResponse::default()
        }
    }

    fn asked(pages: &mut Pages<()>) -> Vec<String> {
        let sent = std::cell::RefCell::new(Vec::new());
        pages.send(&|query: Query, key: Vec<u8>| {
            let end = query.end.unwrap_or_default();
            sent.borrow_mut().push(format!(
                "{} {} {}",
                String::from_utf8_lossy(&key).replace('\0', "0"),
                String::from_utf8_lossy(&end).replace('\0', "0"),
                query.limit
            ));
        });
        sent.into_inner()
    }

    #[test]
    fn the_next_page_begins_behind_the_last_key() {
        let (key, query) = Query::prefix(b"a/");
        let mut pages: Pages<()> = Pages::new(key, Query { limit: 30, ..query });
        assert_eq!(asked(&mut pages), ["a/ a0 30"]);
        let mut follow = |answer, limit, took| {
            let part = pages.parts.pop_front().unwrap();
            pages.advance(part.end, &answer, limit, took);
            asked(&mut pages)
        };
        assert_eq!(
            follow(page(1000, &["a/1", "a/2"], true), 30, 30),
            ["a/20 a0 7"]
        );
        // That was too large, and so are those that follow it.
        assert_eq!(
            follow(page(998, &["a/3", "a/4"], true), 7, 2),
            ["a/40 a0 4"]
        );
        assert_eq!(
            follow(page(996, &["a/5", "a/6", "a/7"], true), 4, 4),
            ["a/70 a0 7"]
        );
        // Not more than there are, and not more than the limit.
        assert_eq!(follow(page(3, &["a/8"], true), 7, 7), ["a/80 a0 7"]);
        assert!(follow(page(2, &["a/9"], false), 7, 7).is_empty());
    }

    #[test]
    fn neighbours_are_asked_for_at_the_same_time() {
        let (key, query) = Query::prefix(b"a/");
        let mut pages: Pages<()> = Pages::new(key, query);
        asked(&mut pages);
        let keys: Vec<String> = (0..64).map(|number| format!("a/{number:06}")).collect();
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        let part = pages.parts.pop_front().unwrap();
        pages.advance(part.end, &page(100_000, &keys, true), 100, 100);
        let sent = asked(&mut pages);
        assert_eq!(sent.len(), 2);
        let words: Vec<Vec<&str>> = sent.iter().map(|line| line.split(' ').collect()).collect();
        assert_eq!(
            (words[0][0], words[0][1]),
            ("a/0000630", words[1][0]),
            "without a gap"
        );
        assert!(("a/000067".."a/000073").contains(&words[0][1]), "{sent:?}");
        // The wider part is the last one, and was not asked for yet.
        assert_eq!(
            pages
                .parts
                .back()
                .map(|part| (part.end.as_slice(), part.flight.is_none())),
            Some((&b"a0"[..], true))
        );
        // More than was guessed: the rest comes first.
        let part = pages.parts.pop_front().unwrap();
        pages.advance(part.end, &page(20, &["a/000064", "a/000065"], true), 14, 14);
        assert_eq!(
            pages.parts.front().map(|part| part.start.as_slice()),
            Some(&b"a/000065\0"[..])
        );
    }
}
