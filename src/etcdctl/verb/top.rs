//! `top [PREFIX]`: which folders hold most bytes or keys. All keys are read, page by page; only the largest are kept.

use serde_json::{Map, Value};

use super::ls::Form;
use super::{Deadline, Endless, Since, Verb};
use crate::etcd::raw::PbKeyValue;
use crate::etcdctl::call::Call;
use crate::etcdctl::failure::{FEATURE, Failure, Outcome};
use crate::etcdctl::form::decoded;
use crate::etcdctl::form::go;
use crate::etcdctl::form::table::Table;
use crate::etcdctl::line::flag::Flag;
use crate::etcdctl::range::level::Level;
use crate::etcdctl::range::pages::{self, Query};

pub(super) const VERB: Verb = Verb {
    name: "top",
    arguments: "[prefix]",
    about: "show which prefixes hold most bytes or keys",
    example: "top\ntop --depth=2 --sort=keys /registry/",
    flags: FLAGS,
    changes: false,
    deadline: Deadline::Command,
    endless: Endless::Always,
    since: Since::Native,
    run,
};

const FLAGS: &[Flag] = &[
    Flag::int(
        "depth",
        "1",
        "levels below the prefix that keys are gathered by",
    ),
    Flag::int("limit", "20", "how many prefixes are shown; 0 is all"),
    Flag::int(
        "rev",
        "0",
        "the keys as they were at this revision; 0 is now",
    ),
    Flag::text("separator", "/", "what stands between the parts of a key"),
    Flag::text("sort", "bytes", "bytes or keys"),
];

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Weight {
    bytes: u64,
    keys: u64,
    name: Vec<u8>,
}

/// The largest ones, as the keys pass by in their order: those of a folder stand together.
struct Ranking {
    by_keys: bool,
    limit: usize,
    open: Weight,
    ranked: Vec<Weight>,
    total: Weight,
}

impl Ranking {
    fn add(&mut self, level: &Level, kv: &PbKeyValue) {
        if self.open.keys == 0
            || !self.open.name.ends_with(&level.separator)
            || !kv.key.starts_with(&self.open.name)
        {
            self.close();
            self.open.name = level
                .cut(&kv.key)
                .map_or_else(|| kv.key.clone(), |end| kv.key[..end].to_vec());
        }
        let bytes = (kv.key.len() + kv.value.len()) as u64;
        for weight in [&mut self.open, &mut self.total] {
            weight.bytes += bytes;
            weight.keys += 1;
        }
    }

    fn close(&mut self) {
        let done = std::mem::take(&mut self.open);
        if done.keys > 0 {
            self.ranked.push(done);
        }
        // Sorting now and then is cheaper than keeping order.
        if self.limit > 0 && self.ranked.len() >= 2 * self.limit + 1000 {
            self.sort();
        }
    }

    fn sort(&mut self) {
        let by_keys = self.by_keys;
        self.ranked.sort_by_key(|weight| {
            std::cmp::Reverse(if by_keys {
                (weight.keys, weight.bytes)
            } else {
                (weight.bytes, weight.keys)
            })
        });
        if self.limit > 0 {
            self.ranked.truncate(self.limit);
        }
    }
}

fn run(call: &mut Call<'_>) -> Outcome {
    if call.words.len() > 1 {
        return Err(Failure::arguments("top command takes one prefix at most"));
    }
    let sort = call.text("sort");
    if sort != "bytes" && sort != "keys" {
        return Err(Failure::new(
            FEATURE,
            format!("unknown sort `{sort}`, there are bytes and keys"),
        ));
    }
    if call.text("separator").is_empty() {
        return Err(Failure::arguments("the separator is empty"));
    }
    let positive = |call: &Call<'_>, name: &str| {
        usize::try_from(call.number(name))
            .map_err(|_| Failure::arguments(format!("--{name} is below zero")))
    };
    let prefix = call.words.first().cloned().unwrap_or_default();
    let level = Level {
        depth: positive(call, "depth")?,
        prefix,
        separator: call.text("separator").into_bytes(),
        values: true,
    };
    let limit = positive(call, "limit")?;
    let form = Form::of(call)?;
    let (start, query) = Query::prefix(&level.prefix);
    let query = Query {
        rev: call.number("rev"),
        ..query
    };
    let mut ranking = Ranking {
        by_keys: sort == "keys",
        limit,
        open: Weight::default(),
        ranked: Vec::new(),
        total: Weight::default(),
    };
    pages::each(call, start, query, |_, page| {
        page.kvs.iter().for_each(|kv| ranking.add(&level, kv));
        Ok(())
    })?;
    ranking.close();
    ranking.sort();
    print(call, form, &ranking)
}

fn print(call: &mut Call<'_>, form: Form, ranking: &Ranking) -> Outcome {
    let total = Weight {
        name: b"total".to_vec(),
        ..ranking.total.clone()
    };
    match form {
        Form::Json => ranking
            .ranked
            .iter()
            .try_for_each(|weight| call.json_line(&json(weight))),
        Form::Simple => {
            for weight in ranking.ranked.iter().chain([&total]) {
                let [size, keys] = cells(weight);
                write!(call.io.out, "{size:>8} {keys:>10} keys  ")?;
                call.page()?.bytes_line(&weight.name)?;
            }
            Ok(())
        }
        Form::Table => {
            let mut table = Table::left(&["prefix", "bytes", "keys"]);
            let mut page = call.page()?;
            for weight in ranking.ranked.iter().chain([&total]) {
                table
                    .rows
                    .push([vec![page.cell(&weight.name)], cells(weight).to_vec()].concat());
            }
            page.table(table)
        }
    }
}

fn cells(weight: &Weight) -> [String; 2] {
    [go::size(weight.bytes), weight.keys.to_string()]
}

fn json(weight: &Weight) -> Value {
    let mut object = Map::new();
    decoded::insert_bytes(&mut object, "prefix", &weight.name);
    object.insert("bytes".into(), weight.bytes.into());
    object.insert("keys".into(), weight.keys.into());
    Value::Object(object)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_prefixes_are_kept() {
        let level = Level {
            depth: 1,
            prefix: b"/".to_vec(),
            separator: b"/".to_vec(),
            values: true,
        };
        let mut ranking = Ranking {
            by_keys: false,
            limit: 2,
            open: Weight::default(),
            ranked: Vec::new(),
            total: Weight::default(),
        };
        for (key, size) in [
            ("/a/1", 10),
            ("/a/2", 10),
            ("/b", 100),
            ("/b/1", 1),
            ("/c/1", 5),
        ] {
            ranking.add(
                &level,
                &PbKeyValue {
                    key: key.into(),
                    value: vec![0; size],
                    ..PbKeyValue::default()
                },
            );
        }
        ranking.close();
        ranking.sort();
        let names: Vec<_> = ranking
            .ranked
            .iter()
            .map(|weight| {
                (
                    String::from_utf8_lossy(&weight.name).into_owned(),
                    weight.bytes,
                    weight.keys,
                )
            })
            .collect();
        assert_eq!(
            names,
            [("/b".to_string(), 102, 1), ("/a/".to_string(), 28, 2)]
        );
        assert_eq!((ranking.total.bytes, ranking.total.keys), (144, 5));
    }
}
