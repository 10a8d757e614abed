//! `tree [PREFIX]`: keys and folders below a prefix, each level further to the right.

use serde_json::{Map, Value};

use super::ls::{self, Form};
use super::{Deadline, Endless, Since, Verb};
use crate::etcdctl::call::Call;
use crate::etcdctl::failure::{FEATURE, Failure, Outcome};
use crate::etcdctl::form::decoded;
use crate::etcdctl::form::go;
use crate::etcdctl::line::flag::Flag;
use crate::etcdctl::range::level::{Entry, Level};

pub(super) const VERB: Verb = Verb {
    name: "tree",
    arguments: "[prefix]",
    about: "show keys and folders below a prefix as a tree",
    example: "tree /service/\ntree --depth=2",
    flags: FLAGS,
    changes: false,
    deadline: Deadline::Command,
    endless: Endless::Never,
    since: Since::Native,
    run,
};

const FLAGS: &[Flag] = &[
    Flag::int(
        "depth",
        "0",
        "levels that are shown; folders below them show how many keys they hold; 0 is all",
    ),
    Flag::int(
        "rev",
        "0",
        "the keys as they were at this revision; 0 is now",
    ),
    Flag::text("separator", "/", "what stands between the parts of a key"),
];

fn run(call: &mut Call<'_>) -> Outcome {
    let level = ls::level(call, "tree", 0)?;
    let form = Form::of(call)?;
    if form == Form::Table {
        return Err(Failure::new(FEATURE, "a tree is no table, ls -l is one"));
    }
    let rev = call.number("rev");
    let mut tree = Tree {
        level: &level,
        open: Vec::new(),
    };
    let mut found = false;
    level.walk(call, rev, &mut |call, mut entries| {
        found |= !entries.is_empty();
        entries
            .chunks_mut(64)
            .try_for_each(|few| ls::count(call, rev, few))?;
        entries.iter().try_for_each(|entry| {
            if form == Form::Json {
                call.json_line(&json(entry))
            } else {
                tree.show(call, entry)
            }
        })?;
        Ok(call.io.out.flush()?)
    })?;
    if found || form == Form::Json {
        Ok(())
    } else {
        call.complain(format_args!(
            "no key begins with {}",
            go::quote(&level.prefix)
        ))
    }
}

fn json(entry: &Entry) -> Value {
    let mut object = Map::new();
    decoded::insert_bytes(
        &mut object,
        if entry.folder { "folder" } else { "key" },
        &entry.name,
    );
    if let Some(keys) = entry.keys {
        object.insert("keys".into(), keys.into());
    }
    Value::Object(object)
}

struct Tree<'a> {
    level: &'a Level,
    /// The parts of the folders above the last line.
    open: Vec<Vec<u8>>,
}

impl Tree<'_> {
    /// A line for each folder that the entry opens, and one for itself.
    fn show(&mut self, call: &mut Call<'_>, entry: &Entry) -> Outcome {
        if self.open.is_empty() && !self.level.prefix.is_empty() {
            call.page()?.bytes_line(&self.level.prefix)?;
            self.open.push(self.level.prefix.clone());
        }
        let base = usize::from(!self.level.prefix.is_empty());
        let parts = parts(
            &entry.name[self.level.prefix.len()..],
            &self.level.separator,
        );
        let known = parts
            .iter()
            .zip(&self.open[base..])
            .take_while(|(part, open)| *part == *open)
            .count();
        self.open.truncate(base + known);
        let last = parts.len() - 1;
        for (place, part) in parts.iter().enumerate().skip(known.min(last)) {
            write!(call.io.out, "{:1$}", "", 2 * (base + place))?;
            call.page()?.bytes(part, false)?;
            match entry.keys.filter(|_| place == last) {
                Some(keys) => call.say(format_args!("  ({keys})"))?,
                None => call.say("")?,
            }
            if place < last || entry.folder {
                self.open.truncate(base + place);
                self.open.push(part.to_vec());
            }
        }
        Ok(())
    }
}

/// `a/b/c` as `a/`, `b/` and `c`.
fn parts<'a>(name: &'a [u8], separator: &[u8]) -> Vec<&'a [u8]> {
    let mut parts = Vec::new();
    let mut rest = name;
    loop {
        let begin = if rest.starts_with(separator) {
            separator.len()
        } else {
            0
        };
        let place = rest[begin..]
            .windows(separator.len())
            .position(|window| window == separator);
        let Some(end) = place
            .map(|place| begin + place + separator.len())
            .filter(|end| *end < rest.len())
        else {
            parts.push(rest);
            return parts;
        };
        parts.push(&rest[..end]);
        rest = &rest[end..];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_parts() {
        for (name, wanted) in [
            ("a/b/c", "a/ b/ c"),
            ("/a/b/", "/a/ b/"),
            ("a", "a"),
            ("", ""),
            ("a//b/c", "a/ /b/ c"),
            ("/", "/"),
        ] {
            let text: Vec<_> = parts(name.as_bytes(), b"/")
                .into_iter()
                .map(|part| String::from_utf8_lossy(part).into_owned())
                .collect();
            assert_eq!(text.join(" "), wanted, "{name}");
        }
    }
}
