//! What separates the records of an import from the keys that etcd holds. Parts of the records are compared at the same
//! time, each with the keys between its first and its last.

use std::sync::Mutex;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use crate::etcd::raw::{PbKeyValue, TxnOp};
use crate::etcd::{self, Client, prefix_end};
use crate::etcdctl::call::Call;
use crate::etcdctl::failure::Outcome;
use crate::etcdctl::form::record::Record;
use crate::etcdctl::range::level::together;
use crate::etcdctl::range::pages::{self, Pace, Query, after};
use crate::etcdctl::verb::Lines;
use crate::locked::locked;

/// Records of a part, and their bytes.
const PART: usize = 2000;
const PART_BYTES: usize = 4 << 20;
/// Parts that are compared at the same time.
const WORKERS: usize = 4;
/// Keys that are shown.
const SAMPLE: usize = 10;
/// Keys that are got by their names in one transaction.
const NAMED: usize = 32;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Change,
    Create,
    Delete,
}

#[derive(Default)]
pub(crate) struct Difference {
    pub(crate) changed: u64,
    pub(crate) created: u64,
    pub(crate) deleted: u64,
    /// Keys that are not among the records.
    pub(crate) extra: Vec<Vec<u8>>,
    /// Records that will be written and had a lease.
    pub(crate) leases: u64,
    pub(crate) same: u64,
    pub(crate) sample: Vec<(Kind, Vec<u8>)>,
    /// A bit for each record: it is to be written.
    written: Vec<u64>,
}

impl Difference {
    pub(crate) fn writes(&self) -> u64 {
        self.created + self.changed + self.deleted
    }

    pub(crate) fn is_written(&self, place: usize) -> bool {
        self.written
            .get(place / 64)
            .is_some_and(|bits| bits >> (place % 64) & 1 == 1)
    }

    fn write(&mut self, place: usize) {
        if self.written.len() <= place / 64 {
            self.written.resize(place / 64 + 1, 0);
        }
        self.written[place / 64] |= 1 << (place % 64);
    }
}

/// Some records that follow each other, and the range of keys that is theirs.
struct Part {
    /// Keys up to here that are not among the records are found, too.
    area: Option<(Vec<u8>, Vec<u8>)>,
    first: usize,
    records: Vec<Record>,
}

/// What came of a part: how each record differs; `None` for those that do not.
struct Compared {
    extra: Vec<Vec<u8>>,
    kinds: Vec<Option<Kind>>,
    part: Part,
}

/// Compare all records with what is there; below the prefix `area` also look for keys that have no record.
pub(crate) fn find(call: &mut Call<'_>, lines: &Lines, area: Option<&[u8]>) -> Outcome<Difference> {
    let client = call.client()?.clone();
    let pace = Pace::of(call)?;
    let (to_workers, parts) = sync_channel::<Part>(WORKERS);
    let parts = Mutex::new(Some(parts));
    let (done, results) = sync_channel(WORKERS);
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            let (done, client, parts) = (done.clone(), &client, &parts);
            scope.spawn(move || work(client, pace, parts, &done));
        }
        drop(done);
        let gatherer = scope.spawn(move || gather(&results));
        let read = divide(lines, area, &to_workers);
        // Without it the workers would wait for more, and the gatherer for them.
        drop(to_workers);
        let found = gatherer.join();
        read?;
        match found {
            Ok(found) => found.map_err(|fault| call.failed(&fault)),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

fn work(
    client: &Client,
    pace: Pace,
    parts: &Mutex<Option<Receiver<Part>>>,
    done: &SyncSender<etcd::Result<Compared>>,
) {
    loop {
        let part = {
            let parts = locked(parts);
            let Some(Ok(part)) = parts.as_ref().map(Receiver::recv) else {
                return;
            };
            part
        };
        if done.send(compare(client, pace, part)).is_err() {
            // Nobody gathers any more, so nobody shall wait to hand out parts.
            *locked(parts) = None;
            return;
        }
    }
}

/// Read the records and hand them out in parts.
fn divide(lines: &Lines, area: Option<&[u8]>, workers: &SyncSender<Part>) -> Outcome {
    let mut records = lines.read()?;
    let mut part = Part {
        area: None,
        first: 0,
        records: Vec::new(),
    };
    let (mut bytes, mut next) = (0, area.map(|area| Query::prefix(area).0));
    while let Some(record) = records.next()? {
        if area.is_some_and(|area| !record.key.starts_with(area)) {
            return Err(records.wrong(
                "its key lies outside of the prefix, so that --delete-extra would not be safe",
            ));
        }
        bytes += record.key.len() + record.value.len();
        part.records.push(record);
        if part.records.len() < PART && bytes < PART_BYTES {
            continue;
        }
        bytes = 0;
        let end = part
            .records
            .last()
            .map_or_else(Vec::new, |last| after(&last.key));
        part.area = next
            .replace(end.clone())
            .filter(|_| area.is_some())
            .map(|start| (start, end));
        let first = part.first + part.records.len();
        if workers
            .send(std::mem::replace(
                &mut part,
                Part {
                    area: None,
                    first,
                    records: Vec::new(),
                },
            ))
            .is_err()
        {
            return Ok(());
        }
    }
    part.area = area.and_then(|area| {
        Some((
            next?,
            if area.is_empty() {
                vec![0]
            } else {
                prefix_end(area)
            },
        ))
    });
    if !part.records.is_empty() || part.area.is_some() {
        let _ = workers.send(part);
    }
    Ok(())
}

fn gather(results: &Receiver<etcd::Result<Compared>>) -> etcd::Result<Difference> {
    let mut difference = Difference::default();
    let mut sample: Vec<(Vec<u8>, Kind)> = Vec::new();
    for compared in results {
        let Compared { extra, kinds, part } = compared?;
        for (place, (record, kind)) in part.records.into_iter().zip(kinds).enumerate() {
            let Some(kind) = kind else {
                difference.same += 1;
                continue;
            };
            difference.write(part.first + place);
            difference.leases += u64::from(record.lease.is_some());
            match kind {
                Kind::Create => difference.created += 1,
                Kind::Change | Kind::Delete => difference.changed += 1,
            }
            keep(&mut sample, record.key, kind);
        }
        difference.deleted += extra.len() as u64;
        for key in &extra {
            keep(&mut sample, key.clone(), Kind::Delete);
        }
        difference.extra.extend(extra);
    }
    difference.sample = sample.into_iter().map(|(key, kind)| (kind, key)).collect();
    Ok(difference)
}

/// The first keys are shown, whichever part is ready first.
fn keep(sample: &mut Vec<(Vec<u8>, Kind)>, key: Vec<u8>, kind: Kind) {
    if sample.len() == SAMPLE && sample.last().is_some_and(|(last, _)| *last < key) {
        return;
    }
    let place = sample.partition_point(|(known, _)| *known < key);
    sample.insert(place, (key, kind));
    sample.truncate(SAMPLE);
}

fn compare(client: &Client, pace: Pace, part: Part) -> etcd::Result<Compared> {
    let mut merge = Merge {
        extra: Vec::new(),
        kinds: Vec::with_capacity(part.records.len()),
        records: &part.records,
    };
    let (mut start, end) = match (&part.area, part.records.first(), part.records.last()) {
        (Some((start, end)), ..) => (start.clone(), end.clone()),
        (None, Some(first), Some(last)) => (first.key.clone(), after(&last.key)),
        _ => {
            return Ok(Compared {
                extra: Vec::new(),
                kinds: Vec::new(),
                part,
            });
        }
    };
    let limit = part.records.len() * 2 + 100;
    let query = Query {
        end: Some(end),
        limit: i64::try_from(limit).unwrap_or(i64::MAX),
        ..Query::default()
    };
    loop {
        let page = pages::fetch(client, pace, &start, &query)?;
        let last = page.kvs.last().map(|kv| after(&kv.key));
        let full = page.kvs.len() >= limit;
        merge.add(&page.kvs);
        let Some(last) = last.filter(|_| page.more) else {
            break;
        };
        if full && part.area.is_none() {
            // Many keys lie between the records: these are got by their names.
            named(client, pace, &mut merge)?;
            break;
        }
        start = last;
    }
    merge.finish();
    let Merge { extra, kinds, .. } = merge;
    let extra = if part.area.is_some() {
        extra
    } else {
        Vec::new()
    };
    Ok(Compared { extra, kinds, part })
}

fn named(client: &Client, pace: Pace, merge: &mut Merge<'_>) -> etcd::Result<()> {
    let rest = &merge.records[merge.kinds.len()..];
    for few in rest.chunks(NAMED) {
        let questions: Vec<TxnOp> = few
            .iter()
            .map(|record| TxnOp::get(record.key.clone(), None))
            .collect();
        let answers = together(client, pace, &questions)?;
        merge.kinds.extend(
            few.iter()
                .zip(answers)
                .map(|(record, answer)| kind(record, answer.kvs.first())),
        );
    }
    Ok(())
}

fn kind(record: &Record, held: Option<&PbKeyValue>) -> Option<Kind> {
    match held {
        None => Some(Kind::Create),
        Some(held) if held.value == record.value => None,
        Some(_) => Some(Kind::Change),
    }
}

/// Records and keys, both in order, side by side.
struct Merge<'a> {
    extra: Vec<Vec<u8>>,
    /// Of the records that have been passed.
    kinds: Vec<Option<Kind>>,
    records: &'a [Record],
}

impl Merge<'_> {
    fn add(&mut self, kvs: &[PbKeyValue]) {
        for kv in kvs {
            while let Some(record) = self
                .records
                .get(self.kinds.len())
                .filter(|record| record.key < kv.key)
            {
                self.kinds.push(kind(record, None));
            }
            match self
                .records
                .get(self.kinds.len())
                .filter(|record| record.key == kv.key)
            {
                Some(record) => self.kinds.push(kind(record, Some(kv))),
                None => self.extra.push(kv.key.clone()),
            }
        }
    }

    /// No more keys.
    fn finish(&mut self) {
        self.kinds.resize(self.records.len(), Some(Kind::Create));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(key: &str, value: &str) -> Record {
        Record {
            key: key.into(),
            lease: None,
            value: value.into(),
        }
    }

    fn kv(key: &str, value: &str) -> PbKeyValue {
        PbKeyValue {
            key: key.into(),
            value: value.into(),
            ..PbKeyValue::default()
        }
    }

    #[test]
    fn records_and_keys_are_merged() {
        let records = [
            record("b", "1"),
            record("c", "1"),
            record("d", "1"),
            record("f", "1"),
        ];
        let mut merge = Merge {
            extra: Vec::new(),
            kinds: Vec::new(),
            records: &records,
        };
        merge.add(&[kv("a", "1"), kv("b", "1")]);
        merge.add(&[kv("d", "2"), kv("e", "1")]);
        merge.finish();
        assert_eq!(
            merge.kinds,
            [
                None,
                Some(Kind::Create),
                Some(Kind::Change),
                Some(Kind::Create)
            ]
        );
        assert_eq!(merge.extra, [b"a".to_vec(), b"e".to_vec()]);
    }

    #[test]
    fn the_bits_of_the_records_are_kept() {
        let mut difference = Difference::default();
        for place in [0, 63, 64, 1000] {
            difference.write(place);
        }
        let set: Vec<usize> = (0..2000)
            .filter(|place| difference.is_written(*place))
            .collect();
        assert_eq!(set, [0, 63, 64, 1000]);
    }

    #[test]
    fn the_first_keys_are_shown() {
        let mut sample = Vec::new();
        for number in (0..30).rev() {
            keep(&mut sample, vec![number], Kind::Create);
        }
        assert_eq!(
            sample.iter().map(|(key, _)| key[0]).collect::<Vec<_>>(),
            (0..10).collect::<Vec<_>>()
        );
    }
}
