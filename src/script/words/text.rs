//! Words for texts: YAML, lists, quoting, secrets, and what lies inside the program.

use std::sync::Arc;

use rhai::{Dynamic, Engine, NativeCallContext};

use super::bind::{Native, word};
use super::yaml_block;
use crate::error::Error;
use crate::printf::{Piece, printf};
use crate::script::trouble::pass;
use crate::script::value::{from_inventory, from_rhai, to_rhai};
use crate::script::{World, embedded};
use crate::secret::Secret;
use crate::value::Value;
use crate::word::{Arg, Of, Section, Type, Word};

const fn of_text(name: &'static str, doc: &'static str) -> Word {
    Word::function(Section::Text, name, doc).gives(Type::Text)
}

const TEXT: Arg = Arg::new("text", Type::Text, "the text");

const SECRET: Word = of_text("secret", "A text that is never shown.")
    .takes(&[Arg::new("text", Type::Secret, "the text")])
    .gives(Type::Secret)
    .example(r#"h.run("cat", #{ stdin: secret("hush") })"#);

const YAML: Word = of_text("yaml", "A value as YAML.")
    .takes(&[Arg::new("value", Type::Any, "the value")])
    .example(r#"print(yaml(#{ name: "etcd-1" }))"#);

const FROM_YAML: Word = of_text("from_yaml", "A value from YAML.")
    .takes(&[TEXT])
    .gives(Type::Any)
    .example(r#"print(from_yaml("name: etcd-1").name)"#);

const YAML_BLOCK: Word = of_text(
    "yaml_block",
    "A YAML text with a marked block of items at the head of one of its top-level lists.\nAll else stays as it is, comments too; fails when that cannot be.",
)
.takes(&[
    TEXT,
    Arg::new("key", Type::Text, "the list"),
    Arg::new("name", Type::Text, "what the marks say"),
    Arg::new("items", Type::Text, "what is put there or replaced, as YAML; empty takes it out"),
])
.example(r#"print(yaml_block("scrape_configs: []\n", "scrape_configs", "etcd", "- job_name: etcd\n"))"#);

const BUNDLED: Word = of_text("bundled", "A text that is inside the program.")
    .takes(&[Arg::new(
        "path",
        Type::Text,
        "such as `stdlib/monitor/etcd-rules.yml`",
    )])
    .example(r#"print(bundled("stdlib/monitor/etcd-rules.yml"))"#);

const PARSE_JSON: Word = of_text("parse_json", "A value from JSON.")
    .takes(&[TEXT])
    .gives(Type::Any)
    .example(r#"print(parse_json("{\"a\": 1}").a)"#);

const JOIN: Word = Word::method(
    Section::Text,
    Of::Array,
    "join",
    "The texts of an array with a text between them.",
)
.takes(&[Arg::new("between", Type::Text, "the text between")])
.gives(Type::Text)
.example(r#"print(["a", "b"].join(", "))"#);

const GET_OR: Word = Word::method(
    Section::Text,
    Of::Map,
    "get",
    "The value of a key, or `default` when the map has no such key. `map.key ?? default` does the same.",
)
.takes(&[
    Arg::new("key", Type::Text, "the key"),
    Arg::new("default", Type::Any, "what stands for it when it is missing"),
])
.gives(Type::Any)
.example(r#"print(#{ port: 2379 }.get("peer_port", 2380))"#);

const QUOTE: Word = of_text("quote", "A text as one word of a shell command.")
    .takes(&[TEXT])
    .example(r#"h.run("ls " + quote("/a file"), #{ changes: false })"#);

const NEAREST: Word = of_text(
    "nearest",
    "The word of an array that was probably meant, or an empty text.",
)
.takes(&[
    Arg::new("word", Type::Text, "what was written"),
    Arg::new("known", Type::Array, "the words there are"),
])
.example(r#"print(nearest("etdc", ["etcd", "infra"]))"#);

const FORMAT: Word = of_text(
    "format",
    "Values in a form, as the shell's `printf` has it: `%s`, `%5.1f`, `%-10s`, `%03d`, `%x`, `%%`.",
)
.takes(&[
    Arg::new("form", Type::Text, "the form"),
    Arg::new(
        "values",
        Type::Any,
        "a value, or a list with one for each `%`",
    ),
])
.example(r#"print(format("%-12s %6.1f MiB", [h.name, 12.34]))"#);

const DECISIVE_LINES: Word = of_text(
    "decisive_lines",
    "Of a log of etcd the lines that say why it ended; the last ones where none does.",
)
.takes(&[TEXT])
.example(r#"print(decisive_lines(recent_log(h, "etcd", 200)))"#);

const BESIDE: Word = of_text("beside", "A path beside the inventory.")
    .takes(&[Arg::new("path", Type::Text, "relative to its folder")])
    .example(r#"print(beside("files/pki/ca/ca.crt"))"#);

pub(super) const WORDS: &[&Word] = &[
    &SECRET,
    &YAML,
    &FROM_YAML,
    &YAML_BLOCK,
    &BUNDLED,
    &PARSE_JSON,
    &JOIN,
    &GET_OR,
    &QUOTE,
    &NEAREST,
    &FORMAT,
    &DECISIVE_LINES,
    &BESIDE,
];

pub(super) fn register(engine: &mut Engine, world: &Arc<World>) {
    engine
        .register_type_with_name::<Secret>("secret")
        .register_fn("to_string", |secret: &mut Secret| secret.to_string())
        .register_fn("to_debug", |secret: &mut Secret| secret.to_string());
    of_yaml(engine);
    word(engine, &SECRET, |call| {
        Ok(Dynamic::from(Secret::new(call.revealed(0))))
    });
    word(engine, &BUNDLED, |call| {
        let path = call.text(0);
        let text = embedded::any(&path)
            .ok_or_else(|| Error::config(format!("no `{path}` is inside the program")));
        pass(text).map(|text| text.to_string().into())
    });
    word(engine, &JOIN, |call| {
        let items: rhai::Array = call.value();
        let texts: Vec<String> = items.iter().map(ToString::to_string).collect();
        Ok(texts.join(&call.text(0)).into())
    });
    word(engine, &GET_OR, |call| {
        let map: rhai::Map = call.value();
        let found = map.get(call.text(0).as_str()).cloned();
        Ok(found.unwrap_or_else(|| call.arg(1)))
    });
    engine.register_fn(super::super::source::SOFT, key_or_nothing);
    word(engine, &QUOTE, |call| {
        Ok(crate::command::quote(&call.text(0)).into())
    });
    word(engine, &NEAREST, |call| {
        let known: Vec<String> = call.array(1).iter().map(ToString::to_string).collect();
        let near = crate::error::nearest(&call.text(0), known.iter().map(String::as_str));
        Ok(near.unwrap_or_default().to_string().into())
    });
    word(engine, &DECISIVE_LINES, |call| {
        Ok(crate::primitive::journal::decisive(&call.text(0)).into())
    });
    word(engine, &FORMAT, |call| {
        let values = match call.arg(1).try_cast::<rhai::Array>() {
            Some(values) => values,
            None => vec![call.arg(1)],
        };
        let pieces: Vec<Piece> = values.iter().map(piece).collect();
        let written = printf(&call.text(0), &pieces).map_err(Error::config);
        pass(written).map(Into::into)
    });
    let here = Arc::clone(world);
    word(engine, &BESIDE, move |call| {
        Ok(here.beside.join(call.text(0)).display().to_string().into())
    });
}

/// A value as a form takes it; a secret is masked.
fn piece(value: &Dynamic) -> Piece {
    match from_rhai(value) {
        Value::Int(number) => Piece::Int(number),
        Value::Float(number) => Piece::Float(number),
        _ => Piece::Text(crate::script::show(value)),
    }
}

fn of_yaml(engine: &mut Engine) {
    word(engine, &YAML, |call| {
        let text = serde_yaml::to_string(&from_rhai(&call.arg(0)).to_json()).map_err(|error| {
            Error::config("no YAML can be made of that").because(error.to_string())
        });
        pass(text).map(Into::into)
    });
    word(engine, &FROM_YAML, |call| {
        let value = crate::inventory::parse_value("text", &call.text(0));
        pass(value.map(|value| to_rhai(from_inventory(value))))
    });
    word(engine, &YAML_BLOCK, |call| {
        let [text, key, name, items] = [0, 1, 2, 3].map(|place| call.text(place));
        pass(yaml_block::put(&text, &key, &name, &items)).map(Into::into)
    });
}

/// What `value.key ?? default` and `value[key] ?? default` read: `()` for what a map, a list or variables do not have.
#[expect(clippy::needless_pass_by_value, reason = "Rhai gives it by value")]
fn key_or_nothing(
    context: NativeCallContext<'_>,
    mut value: Dynamic,
    key: Dynamic,
) -> Native<Dynamic> {
    if let Some(map) = value.read_lock::<rhai::Map>() {
        let found = map.get(key.to_string().as_str()).cloned();
        return Ok(found.unwrap_or(Dynamic::UNIT));
    }
    if let (Ok(bits), Ok(place)) = (value.as_int(), key.as_int()) {
        return Ok((bits
            .checked_shr(u32::try_from(place).unwrap_or(63))
            .unwrap_or(0)
            & 1
            == 1)
            .into());
    }
    if key.is_string() && !value.is::<super::host::Vars>() {
        let getter = format!("get${key}");
        return context.call_native_fn_raw(getter, true, &mut [&mut value]);
    }
    let mut key = key;
    context.call_native_fn_raw("get", true, &mut [&mut value, &mut key])
}
