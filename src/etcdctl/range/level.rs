//! The keys below a prefix, seen as folders: a key is cut at the separator, and all that share a folder are one entry.
//!
//! While every key is an entry of its own, keys are fetched in pages. As soon as many share a folder, the rest of that
//! folder is not fetched: the key after it is asked for. etcd counts all keys of a range, also when one is wanted, so the
//! question is put to narrow ranges before it is put to wide ones (`behind`).

use crate::etcd::raw::{PbKeyValue, PbRangeResponse, PbTxnOpResponse, Txn, TxnOp};
use crate::etcd::{self, Client, Effect, prefix_end};
use crate::etcdctl::call::Call;
use crate::etcdctl::failure::Outcome;
use crate::etcdctl::range::pages::{self, Pace, Query, after};

/// Keys of the first page; of one with values.
const FIRST_PAGE: i64 = 1000;
const FIRST_VALUES: i64 = 100;
/// Keys that are asked for after a folder.
const BEHIND: i64 = 500;
/// To look after a folder takes as long as to fetch this many bytes, and a key takes as long as this many of its bytes.
const JUMP: usize = 100_000;
const KEY: usize = 200;
/// Keys of the largest page.
const LARGEST_PAGE: i64 = 250_000;
/// Bytes that are rather fetched at once than looked through.
const SMALL: usize = 1 << 20;
/// Entries that are handed over together.
const BATCH: usize = 64;
/// Questions in one transaction; etcd takes 128.
const QUESTIONS: usize = 100;

/// What to look at.
#[derive(Clone, Debug)]
pub(crate) struct Level {
    /// Components below the prefix; 0 is all of them, so that no key is cut.
    pub(crate) depth: usize,
    pub(crate) prefix: Vec<u8>,
    pub(crate) separator: Vec<u8>,
    /// Fetch the values, too.
    pub(crate) values: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    /// A folder, whose name ends with the separator.
    pub(crate) folder: bool,
    /// The keys of a folder, when all of them have been seen.
    pub(crate) keys: Option<i64>,
    /// The first key.
    pub(crate) kv: PbKeyValue,
    pub(crate) name: Vec<u8>,
}

impl Level {
    /// Where the folder of a key ends; `None` for a key that lies at this level.
    ///
    /// A component without letters belongs to the one after it, so that `/a` does not lie in a folder without a name.
    pub(crate) fn cut(&self, key: &[u8]) -> Option<usize> {
        if self.depth == 0 || self.separator.is_empty() {
            return None;
        }
        let mut end = self.prefix.len();
        for _ in 0..self.depth {
            let rest = key.get(end..)?;
            let begin = if rest.starts_with(&self.separator) {
                end + self.separator.len()
            } else {
                end
            };
            let place = key
                .get(begin..)?
                .windows(self.separator.len())
                .position(|window| window == self.separator)?;
            end = begin + place + self.separator.len();
        }
        Some(end)
    }

    fn entry(&self, kv: PbKeyValue) -> Entry {
        match self.cut(&kv.key) {
            Some(end) => Entry {
                folder: true,
                keys: Some(1),
                name: kv.key[..end].to_vec(),
                kv,
            },
            None => Entry {
                folder: false,
                keys: None,
                name: kv.key.clone(),
                kv,
            },
        }
    }

    /// Give all entries to `take`, some at a time, in the order of their keys.
    pub(crate) fn walk(
        &self,
        call: &mut Call<'_>,
        rev: i64,
        take: &mut dyn FnMut(&mut Call<'_>, Vec<Entry>) -> Outcome,
    ) -> Outcome {
        let (start, query) = Query::prefix(&self.prefix);
        let query = Query { rev, ..query };
        let (client, pace) = (call.client()?.clone(), Pace::of(call)?);
        let mut walk = Walk {
            client,
            found: Vec::new(),
            level: self,
            limit: self.first_page(),
            pace,
            query,
            start,
            whole: false,
        };
        let mut next = Next::Page;
        while next != Next::End {
            let stepped = if next == Next::Page {
                walk.page()
            } else {
                walk.jump()
            };
            next = stepped.map_err(|fault| call.failed(&fault))?;
            if next == Next::Page || walk.found.len() > BATCH {
                let last = walk.found.pop();
                take(call, std::mem::take(&mut walk.found))?;
                walk.found.extend(last);
            }
        }
        take(call, walk.found)
    }

    fn first_page(&self) -> i64 {
        if self.values {
            FIRST_VALUES
        } else {
            FIRST_PAGE
        }
    }
}

/// Is it better to go on with the keys than to look after the folders? `fresh` entries were found in `keys` keys.
fn is_flat(fresh: usize, keys: usize, bytes: usize) -> bool {
    fresh * JUMP > keys * KEY + bytes
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    End,
    Jump,
    Page,
}

/// The keys of the next page, when those of this one were worth it.
fn larger(limit: i64, size: usize, left: usize) -> i64 {
    if size.saturating_mul(left) <= SMALL {
        return i64::try_from(left).unwrap_or(LARGEST_PAGE).max(1);
    }
    let fits = i64::try_from(8 * SMALL / size.max(1))
        .unwrap_or(LARGEST_PAGE)
        .max(1);
    limit.saturating_mul(8).min(LARGEST_PAGE).min(fits)
}

struct Walk<'a> {
    client: Client,
    /// What was not handed over yet. More keys of the last one may come.
    found: Vec<Entry>,
    level: &'a Level,
    /// Keys of the next page.
    limit: i64,
    pace: Pace,
    query: Query,
    start: Vec<u8>,
    /// All keys of the last entry have been seen.
    whole: bool,
}

impl Walk<'_> {
    fn page(&mut self) -> etcd::Result<Next> {
        let query = Query {
            keys_only: !self.level.values,
            limit: self.limit,
            ..self.query.clone()
        };
        let page = pages::fetch(&self.client, self.pace, &self.start, &query)?;
        if self.query.rev == 0 {
            self.query.rev = page.header.map_or(0, |header| header.revision);
        }
        let Some(last) = page.kvs.last().filter(|_| page.more) else {
            self.add(page.kvs);
            return Ok(Next::End);
        };
        self.start = after(&last.key);
        let keys = page.kvs.len();
        let bytes = pages::bytes(&page.kvs);
        let size = bytes / keys;
        let left = usize::try_from(page.count)
            .unwrap_or(usize::MAX)
            .saturating_sub(keys);
        let fresh = self.add(page.kvs);
        self.whole = false;
        if !is_flat(fresh, keys, bytes) && size.saturating_mul(left) > SMALL {
            return Ok(Next::Jump);
        }
        self.limit = larger(self.limit, size, left);
        Ok(Next::Page)
    }

    /// Sort keys into entries; the result is how many of these are new.
    fn add(&mut self, kvs: Vec<PbKeyValue>) -> usize {
        let mut fresh = 0;
        for kv in kvs {
            match self
                .found
                .last_mut()
                .filter(|last| last.folder && kv.key.starts_with(&last.name))
            {
                Some(last) => last.keys = last.keys.map(|keys| keys + 1),
                None => {
                    fresh += 1;
                    self.found.push(self.level.entry(kv));
                }
            }
        }
        fresh
    }

    /// Go to the first keys after the last entry.
    fn jump(&mut self) -> etcd::Result<Next> {
        let Some(last) = self.found.last_mut() else {
            return Ok(Next::End);
        };
        if !self.whole {
            last.keys = None;
        }
        let ranges = behind(&last.name, last.folder, self.level.prefix.len());
        for few in groups(&ranges) {
            let (mut fresh, mut keys) = (0, 0);
            for (answer, (_, end)) in self.first_of(few)?.into_iter().zip(few) {
                keys += answer.kvs.len();
                let leaf = answer
                    .kvs
                    .iter()
                    .position(|kv| self.level.values && self.level.cut(&kv.key).is_none());
                if let Some(leaf) = leaf {
                    // It is fetched again, with its value.
                    let mut kvs = answer.kvs;
                    self.start.clone_from(&kvs[leaf].key);
                    kvs.truncate(leaf);
                    self.add(kvs);
                    self.limit = self.level.first_page();
                    return Ok(Next::Page);
                }
                let last = answer
                    .kvs
                    .last()
                    .map(|kv| after(&kv.key))
                    .filter(|_| answer.more);
                fresh += self.add(answer.kvs);
                self.whole = last.is_none();
                self.start = last.unwrap_or_else(|| end.clone());
                if !self.whole {
                    break;
                }
            }
            if keys > 0 {
                self.limit = self.level.first_page();
                return Ok(if is_flat(fresh, keys, 0) && self.start != [0] {
                    Next::Page
                } else {
                    Next::Jump
                });
            }
        }
        Ok(Next::End)
    }

    /// The first keys of each range.
    fn first_of(&self, ranges: &[Range]) -> etcd::Result<Vec<PbRangeResponse>> {
        let question = |(start, end): &Range| {
            TxnOp::get(
                start.clone(),
                Some(
                    Query {
                        end: Some(end.clone()),
                        keys_only: true,
                        limit: BEHIND,
                        ..self.query.clone()
                    }
                    .options(),
                ),
            )
        };
        let questions: Vec<TxnOp> = ranges.iter().map(question).collect();
        together(&self.client, self.pace, &questions)
    }
}

/// Ask several ranges in one transaction.
pub(crate) fn together(
    client: &Client,
    pace: Pace,
    questions: &[TxnOp],
) -> etcd::Result<Vec<PbRangeResponse>> {
    let answer = client
        .ask(Effect::Read, pace.patience(), async |etcd| {
            etcd.kv().txn(Txn::new().and_then(questions)).await
        })?
        .0;
    let range = |answer| match answer {
        Some(PbTxnOpResponse::ResponseRange(range)) => range,
        _ => PbRangeResponse::default(),
    };
    Ok(answer
        .responses
        .into_iter()
        .map(|answer| range(answer.response))
        .collect())
}

type Range = (Vec<u8>, Vec<u8>);

/// The ranges after an entry up to the end of its level, the nearest and narrowest first; each begins where the one
/// before ends. Those names come first that share the most letters with this one.
fn behind(name: &[u8], folder: bool, base: usize) -> Vec<Range> {
    let mut ranges = Vec::new();
    if !folder {
        ranges.push((after(name), prefix_end(name)));
    }
    for place in (base..name.len()).rev() {
        let (same, letter) = (&name[..place], name[place]);
        let end = prefix_end(same);
        let with = |letter: u8| [same, &[letter]].concat();
        match letter {
            0xff => {}
            0xfe => ranges.push((with(0xff), end)),
            _ => {
                ranges.push((with(letter + 1), with(letter + 2)));
                ranges.push((with(letter + 2), end));
            }
        }
    }
    ranges
}

/// Together are asked the nearest ranges, then those in between, then the widest.
fn groups(ranges: &[Range]) -> impl Iterator<Item = &[Range]> {
    let (near, rest) = ranges.split_at(ranges.len().min(3));
    let (middle, wide) = rest.split_at(rest.len().saturating_sub(1));
    std::iter::once(near)
        .chain(middle.chunks(QUESTIONS))
        .chain(std::iter::once(wide))
        .filter(|group| !group.is_empty())
}

/// The prefix of a folder: `/a` means what lies below `/a/`.
pub(crate) fn folder(prefix: &[u8], separator: &[u8]) -> Vec<u8> {
    if prefix.is_empty() || prefix.ends_with(separator) {
        prefix.to_vec()
    } else {
        [prefix, separator].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn level(prefix: &str, depth: usize) -> Level {
        Level {
            depth,
            prefix: prefix.into(),
            separator: b"/".to_vec(),
            values: false,
        }
    }

    #[test]
    fn a_key_is_cut_at_the_separator() {
        for (prefix, depth, key, wanted) in [
            ("/a/", 1, "/a/b/c", Some("/a/b/")),
            ("/a/", 1, "/a/b", None),
            ("/a/", 1, "/a/b/", Some("/a/b/")),
            ("/a/", 2, "/a/b/c", None),
            ("/a/", 2, "/a/b/c/d", Some("/a/b/c/")),
            ("", 1, "/a/b", Some("/a/")),
            ("", 1, "/a", None),
            ("", 1, "a/b", Some("a/")),
            ("/a", 1, "/a/b/c", Some("/a/b/")),
            ("/a/", 1, "/a//b/c", Some("/a//b/")),
            ("/a/", 1, "/a/", None),
            ("/a/", 0, "/a/b/c", None),
        ] {
            let cut = level(prefix, depth).cut(key.as_bytes());
            assert_eq!(cut.map(|end| &key[..end]), wanted, "{key} below {prefix}");
        }
    }

    #[test]
    fn the_ranges_behind_an_entry_follow_each_other_without_a_gap() {
        for (name, folder, base) in [
            (&b"/a/pods/"[..], true, 3),
            (b"/a/pods", false, 3),
            (b"x", false, 0),
            (b"a/\xff\xfe/", true, 2),
            (b"a/\xff\xff", false, 2),
            (b"", true, 0),
        ] {
            let ranges = behind(name, folder, base);
            let mut next = if folder {
                prefix_end(name)
            } else {
                after(name)
            };
            for (start, end) in &ranges {
                assert_eq!(*start, next, "{name:?}");
                next.clone_from(end);
            }
            if !ranges.is_empty() {
                assert_eq!(next, prefix_end(&name[..base]), "{name:?}");
            }
            assert_eq!(groups(&ranges).flatten().count(), ranges.len());
        }
    }

    #[test]
    fn keys_of_a_folder_are_one_entry() {
        let level = level("/a/", 1);
        let client = Client::new(crate::etcd::Config::default()).unwrap();
        let pace = Pace::unlimited();
        let mut walk = Walk {
            client,
            found: Vec::new(),
            level: &level,
            limit: 1,
            pace,
            query: Query::default(),
            start: Vec::new(),
            whole: false,
        };
        let page = |keys: &[&str]| {
            keys.iter()
                .map(|key| PbKeyValue {
                    key: key.as_bytes().to_vec(),
                    ..PbKeyValue::default()
                })
                .collect()
        };
        assert_eq!(walk.add(page(&["/a/b", "/a/b/1", "/a/b/2"])), 2);
        assert_eq!(walk.add(page(&["/a/b/3", "/a/c"])), 1);
        let seen: Vec<(&[u8], Option<i64>)> = walk
            .found
            .iter()
            .map(|entry| (entry.name.as_slice(), entry.keys))
            .collect();
        assert_eq!(
            seen,
            [(&b"/a/b"[..], None), (b"/a/b/", Some(3)), (b"/a/c", None)]
        );
    }
}
