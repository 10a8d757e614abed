//! `put KEY [VALUE]`: one key; the value comes from standard input when it is not given.

use prost::Message;
use serde_json::Value;

use super::{Deadline, Endless, Since, Verb};
use crate::command::quote;
use crate::etcd::raw::{PbPutResponse, PutOptions};
use crate::etcdctl::call::Call;
use crate::etcdctl::failure::{Failure, Outcome};
use crate::etcdctl::form::decoded;
use crate::etcdctl::form::go;
use crate::etcdctl::form::json::Object;
use crate::etcdctl::form::print::{Format, Page, Reply, json_kv, json_with_header};
use crate::etcdctl::line::flag::Flag;

pub(super) const VERB: Verb = Verb {
    name: "put",
    arguments: "<key> [value]",
    about: "put a value under a key",
    example: "put greeting hello\nput --lease=694d8ec7f1f2b60d greeting hello",
    flags: FLAGS,
    changes: true,
    deadline: Deadline::Command,
    endless: Endless::Never,
    since: Since::Always,
    run,
};

const FLAGS: &[Flag] = &[
    Flag::bool("ignore-lease", "keep the lease that the key has"),
    Flag::bool("ignore-value", "keep the value that the key has"),
    Flag::text("lease", "0", "attach the key to this lease, an id in hex"),
    Flag::bool("prev-kv", "print the pair that was there before"),
];

/// What is to be put, read from the words and flags of `put`: as a command or as a line of a transaction.
pub(super) struct Put {
    pub(super) key: Vec<u8>,
    pub(super) options: PutOptions,
    pub(super) value: Vec<u8>,
}

pub(super) fn parse(call: &mut Call<'_>) -> Outcome<Put> {
    let wrong =
        || Failure::arguments("put command needs 1 argument and input from stdin or 2 arguments");
    let key = call.words.first().cloned().ok_or_else(wrong)?;
    let ignore_value = call.flag("ignore-value");
    if ignore_value && call.words.len() > 1 {
        return Err(Failure::arguments(
            "put command needs only 1 argument when 'ignore-value' is set",
        ));
    }
    if !call.style.strict && call.words.len() > 2 {
        return Err(parted(call));
    }
    let value = match call.words.get(1) {
        _ if ignore_value => Vec::new(),
        Some(value) => value.clone(),
        None => {
            let mut value = Vec::new();
            if call.io.terminal && !call.style.strict {
                call.complain("reading the value from the terminal; Ctrl-D ends it")?;
            }
            call.io.input.read_to_end(&mut value)?;
            if value.is_empty() {
                return Err(wrong());
            }
            value
        }
    };
    let lease = call.text("lease");
    let lease = go::parse_int(&lease, 16)
        .map_err(|why| Failure::arguments(format!("bad lease ID ({why}), expecting ID in Hex")))?;
    let mut options = PutOptions::new().with_lease(lease);
    if call.flag("prev-kv") {
        options = options.with_prev_key();
    }
    if ignore_value {
        options = options.with_ignore_value();
    }
    if call.flag("ignore-lease") {
        options = options.with_ignore_lease();
    }
    Ok(Put {
        key,
        options,
        value,
    })
}

/// A value that fell into several words, of which etcdctl takes the first and drops the others.
fn parted(call: &Call<'_>) -> Box<Failure> {
    let words: Vec<String> = (0..call.words.len())
        .map(|place| call.word(place))
        .collect();
    let value = words[1..].join(" ");
    let value = if value.len() > LONGEST {
        "VALUE".to_string()
    } else {
        value
    };
    let put = format!("{} put {}", call.style.program, quote(&words[0]));
    Failure::arguments("put command takes one value: one with blanks stands in quotes")
        .with_hint(format!("{put} {}", quote(&value)))
}

/// A value of more bytes is not shown again.
const LONGEST: usize = 60;

fn run(call: &mut Call<'_>) -> Outcome {
    let put = parse(call)?;
    call.lacks(&[Format::Table])?;
    let answer = call.write(async |etcd| {
        etcd.kv()
            .put(
                put.key.clone(),
                put.value.clone(),
                Some(put.options.clone()),
            )
            .await
    })?;
    call.reply(&answer.0)
}

impl Reply for PbPutResponse {
    fn simple(&self, page: &mut Page<'_>) -> Outcome {
        page.line("OK")?;
        self.prev_kv.as_ref().map_or(Ok(()), |kv| page.pair(kv))
    }

    fn json(&self, page: &mut Page<'_>) -> Outcome {
        Ok(Object::write(page.out, |object| {
            json_with_header(object, self.header.as_ref())?;
            self.prev_kv
                .as_ref()
                .map_or(Ok(()), |kv| json_kv(object.name("prev_kv")?, kv))
        })?)
    }

    fn fields(&self, page: &mut Page<'_>) -> Outcome {
        page.header_fields(self.header.as_ref())?;
        self.prev_kv
            .as_ref()
            .map_or(Ok(()), |kv| page.kv_fields("Prev", kv))
    }

    fn decoded(&self) -> Option<Value> {
        Some(decoded::with_revision(self.header.as_ref(), |object| {
            if let Some(kv) = &self.prev_kv {
                object.insert("previous".into(), decoded::pair(kv));
            }
        }))
    }

    fn protobuf(&self) -> Outcome<Vec<u8>> {
        Ok(self.encode_to_vec())
    }
}
