//! `ls [PREFIX]`: one level of keys and folders, without fetching what lies in the folders.

use serde_json::{Map, Value};

use super::{Deadline, Endless, Since, Verb};
use crate::etcd::prefix_end;
use crate::etcd::raw::TxnOp;
use crate::etcdctl::call::Call;
use crate::etcdctl::failure::{Failure, Outcome};
use crate::etcdctl::form::decoded;
use crate::etcdctl::form::go;
use crate::etcdctl::form::print::{Format, unsupported};
use crate::etcdctl::form::table::Table;
use crate::etcdctl::line::flag::Flag;
use crate::etcdctl::range::level::{self, Entry, Level};
use crate::etcdctl::range::pages::{Pace, Query};

pub(super) const VERB: Verb = Verb {
    name: "ls",
    arguments: "[prefix]",
    about: "list keys and folders below a prefix, one level of them",
    example: "ls\nls -l /service/\nls --separator=: --depth=2 app:",
    flags: FLAGS,
    changes: false,
    deadline: Deadline::Command,
    endless: Endless::Never,
    since: Since::Native,
    run,
};

const FLAGS: &[Flag] = &[
    Flag::int("depth", "1", "levels that are looked into"),
    Flag::bool(
        "long",
        "show the number of keys in a folder; size, version and lease of a key",
    )
    .short('l'),
    Flag::int(
        "rev",
        "0",
        "the keys as they were at this revision; 0 is now",
    ),
    Flag::text("separator", "/", "what stands between the parts of a key"),
];

/// Folders whose keys are counted in one transaction.
const COUNTED: usize = 64;

fn run(call: &mut Call<'_>) -> Outcome {
    let level = level(call, "ls", usize::from(call.flag("long")))?;
    if level.depth == 0 {
        return Err(Failure::arguments("--depth of ls is at least 1"));
    }
    let form = Form::of(call)?;
    let (long, rev) = (level.values, call.number("rev"));
    let mut listing = Listing {
        form,
        long,
        table: Table::left(if long {
            &["name", "keys", "size", "version", "lease"]
        } else {
            &["name"]
        }),
    };
    let mut found = listing.itself(call, &level, rev)?;
    level.walk(call, rev, &mut |call, entries| {
        found |= !entries.is_empty();
        listing.add(call, rev, entries)
    })?;
    if !found && form != Form::Json {
        call.complain(format_args!(
            "no key begins with {}",
            go::quote(&level.prefix)
        ))?;
    }
    if form == Form::Table {
        return call.page()?.table(listing.table);
    }
    Ok(())
}

/// What the words and flags of `ls` and `tree` say.
pub(super) fn level(call: &Call<'_>, name: &str, values: usize) -> Outcome<Level> {
    if call.words.len() > 1 {
        return Err(Failure::arguments(format!(
            "{name} command takes one prefix at most"
        )));
    }
    let separator = call.text("separator").into_bytes();
    if separator.is_empty() {
        return Err(Failure::arguments("the separator is empty"));
    }
    let depth = usize::try_from(call.number("depth"))
        .map_err(|_| Failure::arguments("--depth is below zero"))?;
    let prefix = call
        .words
        .first()
        .map_or_else(Vec::new, |prefix| level::folder(prefix, &separator));
    Ok(Level {
        depth,
        prefix,
        separator,
        values: values > 0,
    })
}

/// The formats of what etcdctl does not have: JSON is one object a line, with text instead of base64.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Json,
    Simple,
    Table,
}

impl Form {
    pub(super) fn of(call: &mut Call<'_>) -> Outcome<Form> {
        match call.format()? {
            _ if call.decoded()? => Ok(Form::Json),
            Format::Json => Ok(Form::Json),
            Format::Simple => Ok(Form::Simple),
            Format::Table => Ok(Form::Table),
            other => Err(unsupported(other)),
        }
    }
}

struct Listing {
    form: Form,
    long: bool,
    table: Table,
}

impl Listing {
    /// `ls a/b` shows the key `a/b`, too, when there is one beside the folder.
    fn itself(&mut self, call: &mut Call<'_>, level: &Level, rev: i64) -> Outcome<bool> {
        let Some(key) = call
            .words
            .first()
            .filter(|key| **key != level.prefix)
            .cloned()
        else {
            return Ok(false);
        };
        let options = Query {
            keys_only: !level.values,
            rev,
            ..Query::default()
        }
        .options();
        let answer = call
            .read(async |etcd| etcd.kv().get(key.clone(), Some(options.clone())).await)?
            .0;
        let entries: Vec<Entry> = answer
            .kvs
            .into_iter()
            .map(|kv| Entry {
                folder: false,
                keys: None,
                name: kv.key.clone(),
                kv,
            })
            .collect();
        let found = !entries.is_empty();
        self.add(call, rev, entries)?;
        Ok(found)
    }

    fn add(&mut self, call: &mut Call<'_>, rev: i64, mut entries: Vec<Entry>) -> Outcome {
        if self.long {
            entries
                .chunks_mut(COUNTED)
                .try_for_each(|few| count(call, rev, few))?;
        }
        for entry in &entries {
            match self.form {
                Form::Json => call.json_line(&self.json(entry))?,
                Form::Simple => self.line(call, entry)?,
                Form::Table => {
                    let row = self.row(call, entry)?;
                    self.table.rows.push(row);
                }
            }
        }
        Ok(call.io.out.flush()?)
    }

    fn line(&self, call: &mut Call<'_>, entry: &Entry) -> Outcome {
        if self.long {
            let [keys, size, version, lease] = details(entry);
            let what = if keys.is_empty() {
                size
            } else {
                format!("{keys} keys")
            };
            write!(call.io.out, "{what:>12} {version:>7} {lease:>16}  ")?;
        }
        call.page()?.bytes_line(&entry.name)
    }

    fn row(&self, call: &mut Call<'_>, entry: &Entry) -> Outcome<Vec<String>> {
        let mut row = vec![call.page()?.cell(&entry.name)];
        if self.long {
            row.extend(details(entry));
        }
        Ok(row)
    }

    fn json(&self, entry: &Entry) -> Value {
        let mut object = Map::new();
        decoded::insert_bytes(
            &mut object,
            if entry.folder { "folder" } else { "key" },
            &entry.name,
        );
        if self.long && !entry.folder {
            object.insert("size".into(), entry.kv.value.len().into());
            object.insert("revision".into(), entry.kv.mod_revision.into());
            object.insert("version".into(), entry.kv.version.into());
            decoded::insert_lease(&mut object, entry.kv.lease);
        }
        if let Some(keys) = entry.keys.filter(|_| self.long) {
            object.insert("keys".into(), keys.into());
        }
        Value::Object(object)
    }
}

/// Keys, or size, version and lease.
fn details(entry: &Entry) -> [String; 4] {
    if entry.folder {
        return [
            entry.keys.map_or_else(String::new, |keys| keys.to_string()),
            String::new(),
            String::new(),
            String::new(),
        ];
    }
    let lease = if entry.kv.lease == 0 {
        String::new()
    } else {
        format!("{:x}", entry.kv.lease)
    };
    [
        String::new(),
        go::size(entry.kv.value.len() as u64),
        entry.kv.version.to_string(),
        lease,
    ]
}

/// Count the keys of the folders where they are not known yet.
pub(super) fn count(call: &mut Call<'_>, rev: i64, entries: &mut [Entry]) -> Outcome {
    let unknown: Vec<&mut Entry> = entries
        .iter_mut()
        .filter(|entry| entry.folder && entry.keys.is_none())
        .collect();
    if unknown.is_empty() {
        return Ok(());
    }
    let question = |entry: &&mut Entry| {
        let query = Query {
            count_only: true,
            end: Some(prefix_end(&entry.name)),
            rev,
            ..Query::default()
        };
        TxnOp::get(entry.name.clone(), Some(query.options()))
    };
    let questions: Vec<TxnOp> = unknown.iter().map(question).collect();
    let pace = Pace::of(call)?;
    let answers =
        level::together(call.client()?, pace, &questions).map_err(|fault| call.failed(&fault))?;
    for (entry, answer) in unknown.into_iter().zip(answers) {
        entry.keys = Some(answer.count);
    }
    Ok(())
}
