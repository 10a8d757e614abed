//! `get KEY [RANGE_END]`: one key, a range, or all keys under a prefix.
//!
//! Outside strict mode a large range is fetched in pages at one revision, the next while one is printed, so that memory
//! does not grow with the number of keys.

use prost::Message;
use serde_json::Value;

use super::{Deadline, Endless, Since, Verb};
use crate::etcd::prefix_end;
use crate::etcd::raw::{PbRangeResponse, SortOrder, SortTarget};
use crate::etcdctl::call::Call;
use crate::etcdctl::failure::{FEATURE, Failure, Outcome};
use crate::etcdctl::form::decoded;
use crate::etcdctl::form::go;
use crate::etcdctl::form::json::{self, Object};
use crate::etcdctl::form::print::{Format, Page, Reply, json_kv, json_with_header};
use crate::etcdctl::form::table::Table;
use crate::etcdctl::line::flag::Flag;
use crate::etcdctl::range::pages::{self, Query};

pub(super) const VERB: Verb = Verb {
    name: "get",
    arguments: "<key> [range_end]",
    about: "get a key or a range of keys [key, range_end)",
    example: "get greeting\nget --prefix /service/ --keys-only\nget greeting --rev=4 -w json",
    flags: FLAGS,
    changes: false,
    deadline: Deadline::Command,
    endless: Endless::Never,
    since: Since::Always,
    run,
};

const FLAGS: &[Flag] = &[
    Flag::text(
        "consistency",
        "l",
        "l asks the quorum (linearizable), s only the member (serializable)",
    ),
    Flag::bool("count-only", "get only the number of keys"),
    Flag::bool("from-key", "get all keys from this one on"),
    Flag::bool("keys-only", "get the keys without their values"),
    Flag::int("limit", "0", "at most so many keys; 0 is all"),
    Flag::int(
        "max-create-rev",
        "0",
        "only keys created up to this revision",
    ),
    Flag::int("max-mod-rev", "0", "only keys changed up to this revision"),
    Flag::int(
        "min-create-rev",
        "0",
        "only keys created since this revision",
    ),
    Flag::int("min-mod-rev", "0", "only keys changed since this revision"),
    Flag::text("order", "", "ASCEND or DESCEND"),
    Flag::bool("prefix", "get all keys that begin so"),
    Flag::bool(
        "print-value-only",
        "print only the values, in the simple format",
    ),
    Flag::int(
        "rev",
        "0",
        "the keys as they were at this revision; 0 is now",
    ),
    Flag::text("sort-by", "", "CREATE, KEY, MODIFY, VALUE or VERSION"),
];

/// What is to be got, read from the words and flags of `get`: as a command or as a line of a transaction.
pub(super) struct Get {
    pub(super) key: Vec<u8>,
    pub(super) query: Query,
}

pub(super) fn parse(call: &mut Call<'_>) -> Outcome<Get> {
    let mut key = call.words.first().cloned().ok_or_else(|| {
        Failure::arguments(
            "get command needs one argument as key and an optional argument as range_end",
        )
    })?;
    let (prefix, from_key) = (call.flag("prefix"), call.flag("from-key"));
    if prefix && from_key {
        return Err(Failure::arguments(
            "`--prefix` and `--from-key` cannot be set at the same time, choose one",
        ));
    }
    let (keys_only, count_only) = (call.flag("keys-only"), call.flag("count-only"));
    if keys_only && count_only {
        return Err(Failure::arguments(
            "`--keys-only` and `--count-only` cannot be set at the same time, choose one",
        ));
    }
    let serializable = match call.text("consistency").as_str() {
        "s" => true,
        "l" => false,
        other => {
            return Err(Failure::new(
                FEATURE,
                format!("unknown consistency flag {}", go::quote(other.as_bytes())),
            ));
        }
    };
    let mut end = None;
    if let Some(word) = call.words.get(1) {
        if prefix || from_key {
            return Err(Failure::arguments(
                "too many arguments, only accept one argument when `--prefix` or `--from-key` is set",
            ));
        }
        end = Some(word.clone());
    }
    let sort = sort(call)?;
    if prefix || from_key {
        end = Some(if from_key || key.is_empty() {
            vec![0]
        } else {
            prefix_end(&key)
        });
        if key.is_empty() {
            key = vec![0];
        }
    }
    let (min_create, max_create) = range(call, "create")?;
    let (min_mod, max_mod) = range(call, "mod")?;
    let (limit, rev) = (call.number("limit"), call.number("rev"));
    Ok(Get {
        key,
        query: Query {
            count_only,
            end,
            keys_only,
            limit,
            max_create,
            max_mod,
            min_create,
            min_mod,
            rev,
            serializable,
            sort,
        },
    })
}

fn sort(call: &Call<'_>) -> Outcome<Option<(SortTarget, SortOrder)>> {
    let order = call.text("order").to_uppercase();
    let order = match order.as_str() {
        "" => SortOrder::None,
        "ASCEND" => SortOrder::Ascend,
        "DESCEND" => SortOrder::Descend,
        _ => {
            return Err(Failure::new(
                FEATURE,
                format!("bad sort order {}", call.text("order")),
            ));
        }
    };
    let target = match call.text("sort-by").to_uppercase().as_str() {
        "" | "KEY" => SortTarget::Key,
        "CREATE" => SortTarget::Create,
        "MODIFY" => SortTarget::Mod,
        "VALUE" => SortTarget::Value,
        "VERSION" => SortTarget::Version,
        _ => {
            return Err(Failure::new(
                FEATURE,
                format!("bad sort target {}", call.text("sort-by")),
            ));
        }
    };
    // By key and ascending is how etcd answers anyway; another target without an order ascends.
    Ok(match (target, order) {
        (SortTarget::Key, SortOrder::None | SortOrder::Ascend) => None,
        (target, SortOrder::None) => Some((target, SortOrder::Ascend)),
        sort => Some(sort),
    })
}

fn range(call: &Call<'_>, what: &str) -> Outcome<(i64, i64)> {
    let (min, max) = (
        call.number(&format!("min-{what}-rev")),
        call.number(&format!("max-{what}-rev")),
    );
    if min > max && max != 0 {
        return Err(Failure::new(
            FEATURE,
            format!("invalid range of {what} revisions: min {min} is greater than max {max}"),
        ));
    }
    Ok((min, max))
}

fn run(call: &mut Call<'_>) -> Outcome {
    let Get { key, query } = parse(call)?;
    let format = call.format()?;
    let value_only = call.flag("print-value-only");
    let decoded = call.decoded()?;
    if !call.style.strict
        && query.is_pageable()
        && (decoded || !matches!(format, Format::Protobuf | Format::Table))
    {
        return paged(call, key, query, value_only && format == Format::Simple);
    }
    let options = query.options();
    let answer = call
        .read(async |etcd| etcd.kv().get(key.clone(), Some(options.clone())).await)?
        .0;
    if decoded {
        let mut page = call.page()?;
        return if query.count_only {
            page.json_line(&answer.decoded().unwrap_or_default())
        } else {
            answer
                .kvs
                .iter()
                .try_for_each(|kv| page.json_line(&decoded::pair(kv)))
        };
    }
    if query.count_only && format != Format::Fields {
        if call.style.strict {
            return Err(Failure::arguments(
                "--count-only is only for `--write-out=fields`",
            ));
        }
        if format == Format::Simple {
            return call.say(answer.count);
        }
    }
    if value_only {
        if format != Format::Simple {
            return Err(Failure::arguments(
                "print-value-only is only for `--write-out=simple`",
            ));
        }
        let mut page = call.page()?;
        return answer
            .kvs
            .iter()
            .try_for_each(|kv| page.value_line(&kv.value));
    }
    call.reply(&answer)
}

/// Fetch and print page by page. All pages are of the revision that the first one was read at.
fn paged(call: &mut Call<'_>, key: Vec<u8>, query: Query, value_only: bool) -> Outcome {
    let (format, decoded) = (call.format()?, call.decoded()?);
    let mut printer = Printer {
        decoded,
        first: true,
        format,
        value_only,
    };
    let end = pages::each(call, key, query, |call, answer| {
        printer.print(&mut call.page()?, answer)
    })?;
    printer.finish(&mut call.page()?, end.more, end.count)
}

/// Writes what several pages have together as if they were one reply.
struct Printer {
    /// One object a line, with text instead of base64.
    decoded: bool,
    first: bool,
    format: Format,
    value_only: bool,
}

impl Printer {
    fn print(&mut self, page: &mut Page<'_>, answer: &PbRangeResponse) -> Outcome {
        let first = std::mem::take(&mut self.first);
        match self.format {
            _ if self.decoded => answer
                .kvs
                .iter()
                .try_for_each(|kv| page.json_line(&decoded::pair(kv))),
            Format::Fields => {
                if first {
                    page.header_fields(answer.header.as_ref())?;
                }
                answer.kvs.iter().try_for_each(|kv| page.kv_fields("", kv))
            }
            Format::Json => {
                if first {
                    page.out.write_all(b"{\"header\":")?;
                    let header = answer.header.unwrap_or_default();
                    Object::write(page.out, |object| {
                        crate::etcdctl::form::print::json_header(object, &header)
                    })?;
                    if !answer.kvs.is_empty() {
                        page.out.write_all(b",\"kvs\":[")?;
                    }
                }
                for (place, kv) in answer.kvs.iter().enumerate() {
                    if place > 0 || !first {
                        page.out.write_all(b",")?;
                    }
                    json_kv(page.out, kv)?;
                }
                Ok(())
            }
            _ if self.value_only => answer
                .kvs
                .iter()
                .try_for_each(|kv| page.value_line(&kv.value)),
            _ => answer.kvs.iter().try_for_each(|kv| page.pair(kv)),
        }
    }

    fn finish(&self, page: &mut Page<'_>, more: bool, count: i64) -> Outcome {
        match self.format {
            _ if self.decoded => Ok(()),
            Format::Fields => {
                page.field("More", more)?;
                page.field("Count", count)
            }
            Format::Json => {
                if count > 0 {
                    page.out.write_all(b"]")?;
                }
                if more {
                    page.out.write_all(b",\"more\":true")?;
                }
                if count > 0 {
                    write!(page.out, ",\"count\":{count}")?;
                }
                page.line("}")
            }
            _ => Ok(()),
        }
    }
}

impl Reply for PbRangeResponse {
    fn simple(&self, page: &mut Page<'_>) -> Outcome {
        self.kvs.iter().try_for_each(|kv| page.pair(kv))
    }

    fn json(&self, page: &mut Page<'_>) -> Outcome {
        Ok(Object::write(page.out, |object| {
            json_with_header(object, self.header.as_ref())?;
            if !self.kvs.is_empty() {
                json::array(object.name("kvs")?, &self.kvs, json_kv)?;
            }
            object.some_bool("more", self.more)?;
            object.some_number("count", self.count)
        })?)
    }

    fn fields(&self, page: &mut Page<'_>) -> Outcome {
        page.header_fields(self.header.as_ref())?;
        self.kvs.iter().try_for_each(|kv| page.kv_fields("", kv))?;
        page.field("More", self.more)?;
        page.field("Count", self.count)
    }

    fn protobuf(&self) -> Outcome<Vec<u8>> {
        Ok(self.encode_to_vec())
    }

    fn decoded(&self) -> Option<Value> {
        Some(decoded::with_revision(self.header.as_ref(), |object| {
            object.insert("count".into(), self.count.into());
            if !self.kvs.is_empty() {
                object.insert("kvs".into(), self.kvs.iter().map(decoded::pair).collect());
            }
        }))
    }

    fn native_table(&self, page: &Page<'_>) -> Outcome<Table> {
        let mut table = Table::left(&["key", "value", "version", "create", "modified", "lease"]);
        for kv in &self.kvs {
            let lease = if kv.lease == 0 {
                String::new()
            } else {
                format!("{:x}", kv.lease)
            };
            let numbers =
                [kv.version, kv.create_revision, kv.mod_revision].map(|number| number.to_string());
            table.rows.push(
                [
                    vec![page.cell(&kv.key), page.cell(&kv.value)],
                    numbers.to_vec(),
                    vec![lease],
                ]
                .concat(),
            );
        }
        Ok(table)
    }
}
