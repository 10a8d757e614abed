//! `del KEY [RANGE_END]`: one key, a range, or all keys under a prefix.

use std::time::Duration;

use prost::Message;
use serde_json::Value;

use super::{Deadline, Endless, Since, Verb};
use crate::etcd::raw::{self, DeleteOptions, PbDeleteResponse};
use crate::etcdctl::Layout;
use crate::etcdctl::call::Call;
use crate::etcdctl::failure::{Failure, Outcome};
use crate::etcdctl::form::decoded;
use crate::etcdctl::form::go;
use crate::etcdctl::form::json::{self, Object};
use crate::etcdctl::form::print::{Format, Page, Reply, json_kv, json_with_header};
use crate::etcdctl::line::ask;
use crate::etcdctl::line::flag::Flag;

pub(super) const VERB: Verb = Verb {
    name: "del",
    arguments: "<key> [range_end]",
    about: "delete a key or a range of keys [key, range_end)",
    example: "del greeting\ndel --prefix /service/pg-test/",
    flags: FLAGS,
    changes: true,
    deadline: Deadline::Command,
    endless: Endless::Never,
    since: Since::Always,
    run,
};

const FLAGS: &[Flag] = &[
    Flag::bool("from-key", "delete all keys from this one on"),
    Flag::bool("prefix", "delete all keys that begin so"),
    Flag::bool("prev-kv", "print the pairs that were deleted"),
    Flag::bool("range", "delete a range, and say so"),
];

/// How many keys of a range are shown before it is deleted.
const SAMPLE: i64 = 5;

pub(super) struct Delete {
    pub(super) key: Vec<u8>,
    pub(super) options: DeleteOptions,
    /// The end of the range, for those who look before they delete; `None` for one key.
    end: Option<Vec<u8>>,
}

pub(super) fn parse(call: &mut Call<'_>) -> Outcome<Delete> {
    if call.words.is_empty() || call.words.len() > 2 {
        return Err(Failure::arguments(
            "del command needs one argument as key and an optional argument as range_end",
        ));
    }
    let (prefix, from_key) = (call.flag("prefix"), call.flag("from-key"));
    if prefix && from_key {
        return Err(Failure::arguments(
            "`--prefix` and `--from-key` cannot be set at the same time, choose one",
        ));
    }
    let mut key = call.words[0].clone();
    let mut end = None;
    if let Some(word) = call.words.get(1) {
        if prefix || from_key {
            return Err(Failure::arguments(
                "too many arguments, only accept one argument when `--prefix` or `--from-key` is set",
            ));
        }
        end = Some(word.clone());
        announce(call)?;
    }
    if prefix || from_key {
        end = Some(if from_key || key.is_empty() {
            vec![0]
        } else {
            crate::etcd::prefix_end(&key)
        });
        if key.is_empty() {
            key = vec![0];
        }
    }
    let mut options = DeleteOptions::new();
    if let Some(end) = &end {
        options = options.with_range(end.clone());
    }
    if call.flag("prev-kv") {
        options = options.with_prev_key();
    }
    Ok(Delete { key, options, end })
}

/// A range without `--range` may be a slip: etcdctl says so, and 3.6 waits.
fn announce(call: &mut Call<'_>) -> Outcome {
    if call.flag("range") || !call.style.strict {
        return Ok(());
    }
    if call.style.layout < Layout::V36 {
        return call.complain("In etcd v3.6, the operation will be suspended for a few seconds to provide the user time to verify range.");
    }
    let (first, end) = (go::quote(&call.words[0]), go::quote(&call.words[1]));
    call.complain(format_args!(
        "Warning: Keys between {first} and {end} will be deleted. Please interrupt the command within next 2 seconds to cancel. \
         You can provide `--range` flag to avoid the delay."
    ))?;
    std::thread::sleep(Duration::from_secs(2));
    Ok(())
}

fn run(call: &mut Call<'_>) -> Outcome {
    let delete = parse(call)?;
    call.lacks(&[Format::Table])?;
    if !call.style.strict && call.io.terminal && delete.end.is_some() && !confirmed(call, &delete)?
    {
        return Err(Failure::silent(1));
    }
    let answer = call.write(async |etcd| {
        etcd.kv()
            .delete(delete.key.clone(), Some(delete.options.clone()))
            .await
    })?;
    call.reply(&answer.0)
}

/// Show how many keys go, and some of them, and ask.
fn confirmed(call: &mut Call<'_>, delete: &Delete) -> Outcome<bool> {
    let end = delete.end.clone().unwrap_or_default();
    let options = raw::GetOptions::new()
        .with_range(end)
        .with_keys_only()
        .with_limit(SAMPLE);
    let found = call
        .read(async |etcd| {
            etcd.kv()
                .get(delete.key.clone(), Some(options.clone()))
                .await
        })?
        .0;
    if found.count == 0 {
        return Ok(true);
    }
    for kv in &found.kvs {
        let key = String::from_utf8_lossy(&kv.key).into_owned();
        call.complain(format_args!("  {key}"))?;
    }
    let more = found.count - i64::try_from(found.kvs.len()).unwrap_or(0);
    if more > 0 {
        call.complain(format_args!("  and {more} more"))?;
    }
    let keys = if found.count == 1 { "key" } else { "keys" };
    ask::yes(call.io, &format!("delete {} {keys}?", found.count))
}

impl Reply for PbDeleteResponse {
    fn simple(&self, page: &mut Page<'_>) -> Outcome {
        page.line(self.deleted)?;
        self.prev_kvs.iter().try_for_each(|kv| page.pair(kv))
    }

    fn json(&self, page: &mut Page<'_>) -> Outcome {
        Ok(Object::write(page.out, |object| {
            json_with_header(object, self.header.as_ref())?;
            object.some_number("deleted", self.deleted)?;
            if self.prev_kvs.is_empty() {
                Ok(())
            } else {
                json::array(object.name("prev_kvs")?, &self.prev_kvs, json_kv)
            }
        })?)
    }

    fn fields(&self, page: &mut Page<'_>) -> Outcome {
        page.header_fields(self.header.as_ref())?;
        page.field("Deleted", self.deleted)?;
        self.prev_kvs
            .iter()
            .try_for_each(|kv| page.kv_fields("Prev", kv))
    }

    fn decoded(&self) -> Option<Value> {
        Some(decoded::with_revision(self.header.as_ref(), |object| {
            object.insert("deleted".into(), self.deleted.into());
            if !self.prev_kvs.is_empty() {
                object.insert(
                    "previous".into(),
                    self.prev_kvs.iter().map(decoded::pair).collect(),
                );
            }
        }))
    }

    fn protobuf(&self) -> Outcome<Vec<u8>> {
        Ok(self.encode_to_vec())
    }
}
