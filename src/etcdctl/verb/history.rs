//! `history KEY`: what became of a key, revision by revision, as far back as etcd remembers.
//!
//! A watch from the revision of the last compaction gives every change with its revision, deletions among them. Walking
//! back with `get` would not: it sees neither when a key was deleted nor that it was there before it was created anew.
//! The watch has its price: etcd looks through all revisions since then. So a walk is taken where it is enough: for the
//! last few values of a key that is there.

use std::collections::VecDeque;

use serde_json::{Map, Value};

use super::ls::Form;
use super::{Deadline, Endless, Since, Verb};
use crate::etcd::raw::{self, PbEvent, PbKeyValue};
use crate::etcdctl::call::Call;
use crate::etcdctl::failure::{ERROR, Failure, Outcome};
use crate::etcdctl::form::decoded;
use crate::etcdctl::form::difference;
use crate::etcdctl::form::table::Table;
use crate::etcdctl::line::flag::Flag;
use crate::etcdctl::range::pages::Query;
use crate::etcdctl::range::past::{Past, is_compacted};

pub(super) const VERB: Verb = Verb {
    name: "history",
    arguments: "<key>",
    about: "show the values of a key by revision, back to the last compaction",
    example: "history /service/pg-test/config\nhistory --diff --limit=3 /service/pg-test/config",
    flags: FLAGS,
    changes: false,
    deadline: Deadline::Command,
    endless: Endless::Never,
    since: Since::Native,
    run,
};

const FLAGS: &[Flag] = &[
    Flag::bool(
        "diff",
        "show what changed from one value to the next, line by line",
    ),
    Flag::int("limit", "0", "only the last so many changes; 0 is all"),
];

/// Up to this many changes are asked for one by one.
const WALKED: i64 = 50;
/// A change of the key. A deletion has only the revision.
struct Change {
    kv: PbKeyValue,
    put: bool,
}

fn run(call: &mut Call<'_>) -> Outcome {
    let [key] = call.words.as_slice() else {
        return Err(Failure::arguments("history command takes one key"));
    };
    let key = key.clone();
    let form = Form::of(call)?;
    let limit = call.number("limit");
    let now = get(call, &key, 0)?;
    let revision = now.header.map_or(0, |header| header.revision);
    let now = now.kvs.into_iter().next();
    // One more than is shown: the difference to the value before.
    let wanted = if limit > 0 {
        limit.saturating_add(i64::from(call.flag("diff")))
    } else {
        0
    };
    let changes = match &now {
        Some(kv) if wanted > 0 && wanted <= WALKED && kv.version >= wanted => {
            walk(call, &key, kv.clone(), wanted)?
        }
        _ => watch(call, &key, revision, now.as_ref(), wanted)?,
    };
    let skipped = if limit > 0 {
        changes
            .len()
            .saturating_sub(usize::try_from(limit).unwrap_or(usize::MAX))
    } else {
        0
    };
    if form == Form::Table {
        return table(call, changes.iter().skip(skipped));
    }
    let diff = call.flag("diff") && form == Form::Simple;
    let mut before: Option<&Change> = None;
    for (place, change) in changes.iter().enumerate() {
        if place >= skipped {
            match form {
                Form::Json => call.json_line(&json(change))?,
                _ if diff => difference(call, before, change)?,
                _ => simple(call, change)?,
            }
        }
        before = Some(change);
    }
    Ok(())
}

fn get(call: &mut Call<'_>, key: &[u8], rev: i64) -> Outcome<raw::PbRangeResponse> {
    let options = Query {
        rev,
        ..Query::default()
    }
    .options();
    Ok(call
        .read(async |etcd| etcd.kv().get(key.to_vec(), Some(options.clone())).await)?
        .0)
}

/// The last values of a key that has had this many since it was created: each is found just before the next.
fn walk(
    call: &mut Call<'_>,
    key: &[u8],
    last: PbKeyValue,
    wanted: i64,
) -> Outcome<VecDeque<Change>> {
    let mut changes = VecDeque::from([Change {
        kv: last,
        put: true,
    }]);
    for _ in 1..wanted {
        let Some(first) = changes.front() else { break };
        match get(call, key, first.kv.mod_revision - 1) {
            Ok(answer) => match answer.kvs.into_iter().next() {
                Some(kv) => changes.push_front(Change { kv, put: true }),
                None => break,
            },
            Err(failure) if is_compacted(failure.text()) => break,
            Err(failure) => return Err(failure),
        }
    }
    Ok(changes)
}

/// All changes up to `revision`; what the compaction left of the time before comes first.
fn watch(
    call: &mut Call<'_>,
    key: &[u8],
    revision: i64,
    now: Option<&PbKeyValue>,
    wanted: i64,
) -> Outcome<VecDeque<Change>> {
    let mut start = 1;
    let mut changes = VecDeque::new();
    loop {
        match events(call, key, start, revision, now, wanted, &mut changes)? {
            None => return Ok(changes),
            Some(compacted) if compacted > start => start = compacted,
            Some(compacted) => {
                return Err(Failure::new(
                    ERROR,
                    format!("etcd has forgotten what was before revision {compacted}"),
                ));
            }
        }
        // The value of that moment is still there.
        changes.clear();
        match get(call, key, start) {
            Ok(answer) => changes.extend(answer.kvs.into_iter().map(|kv| Change { kv, put: true })),
            Err(failure) if is_compacted(failure.text()) => {}
            Err(failure) => return Err(failure),
        }
        start += 1;
        if start > revision {
            return Ok(changes);
        }
    }
}

/// Watch from `start` until nothing more can come; the result is the revision of a compaction that is in the way.
fn events(
    call: &mut Call<'_>,
    key: &[u8],
    start: i64,
    revision: i64,
    now: Option<&PbKeyValue>,
    wanted: i64,
    changes: &mut VecDeque<Change>,
) -> Outcome<Option<i64>> {
    let wanted = usize::try_from(wanted).ok().filter(|wanted| *wanted > 0);
    let past = Past {
        end: None,
        first: start,
        key: key.to_vec(),
        last: revision,
        previous: false,
    };
    past.each(call, |event| {
        let Some(change) = Change::of(event) else {
            return false;
        };
        let last = now.is_some_and(|now| change.kv.mod_revision >= now.mod_revision);
        changes.push_back(change);
        if wanted.is_some_and(|wanted| changes.len() > wanted) {
            changes.pop_front();
        }
        !last
    })
}

impl Change {
    fn of(event: PbEvent) -> Option<Change> {
        let put = event.r#type == 0;
        event.kv.map(|kv| Change { kv, put })
    }

    /// What was put; a deletion has none.
    fn value(&self) -> Option<&[u8]> {
        self.put.then_some(self.kv.value.as_slice())
    }

    fn kind(&self) -> &'static str {
        if self.put { "PUT" } else { "DELETE" }
    }

    fn lease(&self) -> String {
        if self.kv.lease == 0 {
            String::new()
        } else {
            format!("{:x}", self.kv.lease)
        }
    }
}

/// `42  PUT`, with the lease if there is one.
fn head(call: &mut Call<'_>, change: &Change) -> Outcome {
    let lease = if change.kv.lease == 0 {
        String::new()
    } else {
        format!("  lease {}", change.lease())
    };
    call.say(format_args!(
        "{}  {}{lease}",
        change.kv.mod_revision,
        change.kind()
    ))
}

fn simple(call: &mut Call<'_>, change: &Change) -> Outcome {
    head(call, change)?;
    if change.put {
        call.page()?.value_line(&change.kv.value)
    } else {
        Ok(())
    }
}

fn difference(call: &mut Call<'_>, before: Option<&Change>, change: &Change) -> Outcome {
    head(call, change)?;
    let before = before.and_then(Change::value);
    let text = difference::by_lines(before, change.value());
    call.page()?.text(text.as_bytes(), true)
}

fn json(change: &Change) -> Value {
    let mut object = Map::new();
    object.insert("revision".into(), change.kv.mod_revision.into());
    object.insert("type".into(), change.kind().into());
    decoded::insert_bytes(&mut object, "key", &change.kv.key);
    if change.put {
        decoded::insert_value(&mut object, "value", &change.kv.value);
        object.insert("version".into(), change.kv.version.into());
        decoded::insert_lease(&mut object, change.kv.lease);
    }
    Value::Object(object)
}

fn table<'c>(call: &mut Call<'_>, changes: impl Iterator<Item = &'c Change>) -> Outcome {
    let mut table = Table::left(&["revision", "type", "version", "value", "lease"]);
    let mut page = call.page()?;
    for change in changes {
        let version = if change.put {
            change.kv.version.to_string()
        } else {
            String::new()
        };
        table.rows.push(vec![
            change.kv.mod_revision.to_string(),
            change.kind().into(),
            version,
            page.cell(&change.kv.value),
            change.lease(),
        ]);
    }
    page.table(table)
}
