//! `diff [PREFIX] --rev A..B`: what became of the keys below a prefix between two revisions.

use serde_json::{Map, Value};

use super::ls::Form;
use super::{Deadline, Endless, Since, Verb};
use crate::etcdctl::call::Call;
use crate::etcdctl::failure::{Failure, Outcome};
use crate::etcdctl::form::table::Table;
use crate::etcdctl::form::{decoded, difference};
use crate::etcdctl::line::flag::Flag;
use crate::etcdctl::range::past::{self, Pair, Span};

pub(super) const VERB: Verb = Verb {
    name: "diff",
    arguments: "[prefix]",
    about: "show what became of keys between two revisions, or since one",
    example: "diff --rev=41 /service/pg-test/\ndiff --rev=41..57 --keys-only /",
    flags: FLAGS,
    changes: false,
    deadline: Deadline::Command,
    endless: Endless::Never,
    since: Since::Native,
    run,
};

const FLAGS: &[Flag] = &[
    Flag::bool("keys-only", "only the keys, each with `+`, `-` or `~`"),
    Flag::text(
        "rev",
        "",
        "two revisions, as 41..57, or one: since then until now",
    ),
];

fn run(call: &mut Call<'_>) -> Outcome {
    let prefix = prefix(call, "diff")?;
    let form = Form::of(call)?;
    let span = span(call, "diff")?;
    let pairs = past::touched(call, &prefix, span)?;
    let mut table = Table::left(&["", "key", "revision", "before", "after"]);
    for (key, pair) in &pairs {
        let Some(sign) = pair.sign() else { continue };
        match form {
            Form::Json => {
                let object = json(key, pair, sign);
                call.json_line(&object)?;
            }
            Form::Simple => show(call, key, pair, sign)?,
            Form::Table => {
                let row = row(call, key, pair, sign)?;
                table.rows.push(row);
            }
        }
    }
    if form == Form::Table {
        return call.page()?.table(table);
    }
    Ok(())
}

/// The one word that may be given: what the keys begin with; without it all are meant.
pub(super) fn prefix(call: &Call<'_>, name: &str) -> Outcome<Vec<u8>> {
    match call.words.as_slice() {
        [] => Ok(Vec::new()),
        [prefix] => Ok(prefix.clone()),
        _ => Err(Failure::arguments(format!(
            "{name} command takes one prefix at most"
        ))),
    }
}

/// What `--rev` says. There is no other way to name a moment: etcd keeps no times.
pub(super) fn span(call: &mut Call<'_>, name: &str) -> Outcome<Span> {
    let text = call.text("rev");
    if text.is_empty() {
        return Err(Failure::arguments(format!(
            "{name} command needs --rev: `history KEY` shows the revisions of a key"
        )));
    }
    Span::parse(call, &text)
}

/// `~ KEY` and the lines that differ.
pub(super) fn show(call: &mut Call<'_>, key: &[u8], pair: &Pair, sign: char) -> Outcome {
    write!(call.io.out, "{sign} ")?;
    call.page()?.bytes_line(key)?;
    if call.flag("keys-only") {
        return Ok(());
    }
    let value = |kv: &Option<_>| {
        kv.as_ref()
            .map(|kv: &crate::etcd::raw::PbKeyValue| kv.value.clone())
    };
    let (before, after) = (value(&pair.before), value(&pair.after));
    let text = difference::by_lines(before.as_deref(), after.as_deref());
    call.page()?.text(text.as_bytes(), true)
}

fn row(call: &mut Call<'_>, key: &[u8], pair: &Pair, sign: char) -> Outcome<Vec<String>> {
    let revision = pair
        .after
        .as_ref()
        .map_or_else(String::new, |kv| kv.mod_revision.to_string());
    let shown = !call.flag("keys-only");
    let page = call.page()?;
    let cell = |kv: &Option<crate::etcd::raw::PbKeyValue>| {
        kv.as_ref()
            .filter(|_| shown)
            .map_or_else(String::new, |kv| page.cell(&kv.value))
    };
    Ok(vec![
        sign.to_string(),
        page.cell(key),
        revision,
        cell(&pair.before),
        cell(&pair.after),
    ])
}

fn json(key: &[u8], pair: &Pair, sign: char) -> Value {
    let mut object = Map::new();
    decoded::insert_bytes(&mut object, "key", key);
    let what = match sign {
        '+' => "added",
        '-' => "deleted",
        _ => "changed",
    };
    object.insert("type".into(), what.into());
    for (name, kv) in [("before", &pair.before), ("after", &pair.after)] {
        if let Some(kv) = kv {
            object.insert(name.into(), decoded::pair(kv));
        }
    }
    Value::Object(object)
}
