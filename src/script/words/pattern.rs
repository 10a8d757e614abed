//! Words that look into texts and turn them into others: regular expressions, digests, base64.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use regex::Regex;
use rhai::{Array, Dynamic, Engine};
use sha2::{Digest, Sha256};

use super::bind::word;
use crate::error::{Error, Result};
use crate::script::trouble::pass;
use crate::word::{Arg, Section, Type, Word};

const TEXT: Arg = Arg::new("text", Type::Text, "the text");
const PATTERN: Arg = Arg::new(
    "pattern",
    Type::Text,
    "a regular expression, as of Rust's `regex`",
);

const fn of_text(name: &'static str, doc: &'static str) -> Word {
    Word::function(Section::Text, name, doc).gives(Type::Text)
}

const REGEX_MATCH: Word = of_text("regex_match", "Is the pattern found in the text?")
    .takes(&[TEXT, PATTERN])
    .gives(Type::Bool)
    .example(r#"print(regex_match("etcd 3.6.1", "[0-9]+[.][0-9]+"))"#);

const REGEX_CAPTURES: Word = of_text(
    "regex_captures",
    "What the pattern found first: the whole, then each group; an empty array when it is not found.",
)
.takes(&[TEXT, PATTERN])
.gives(Type::Array)
.example(r#"print(regex_captures("etcd 3.6.1", "([0-9]+)[.]([0-9]+)")[1])"#);

const REGEX_REPLACE: Word = of_text(
    "regex_replace",
    "The text with another in place of all that the pattern finds. `$1` in it stands for the first group.",
)
.takes(&[TEXT, PATTERN, Arg::new("with", Type::Text, "what is put there")])
.example(r#"print(regex_replace("a-1, a-2", "a-([0-9])", "b$1"))"#);

const SHA256: Word = of_text("sha256", "The SHA-256 of a text, in hexadecimal.")
    .takes(&[TEXT])
    .example(r#"print(sha256("etcd"))"#);

const BASE64: Word = of_text("base64", "A text in base64.")
    .takes(&[TEXT])
    .example(r#"print(base64("etcd"))"#);

const FROM_BASE64: Word = of_text("from_base64", "The text that base64 stands for.")
    .takes(&[TEXT])
    .example(r#"print(from_base64("ZXRjZA=="))"#);

pub(super) const WORDS: &[&Word] = &[
    &REGEX_MATCH,
    &REGEX_CAPTURES,
    &REGEX_REPLACE,
    &SHA256,
    &BASE64,
    &FROM_BASE64,
];

pub(super) fn register(engine: &mut Engine) {
    word(engine, &REGEX_MATCH, |call| {
        pass(pattern(&call.text(1)).map(|form| form.is_match(&call.text(0)))).map(Into::into)
    });
    word(engine, &REGEX_CAPTURES, |call| {
        pass(pattern(&call.text(1)).map(|form| captures(&form, &call.text(0)))).map(Into::into)
    });
    word(engine, &REGEX_REPLACE, |call| {
        let replaced = pattern(&call.text(1)).map(|form| {
            let with = call.text(2);
            form.replace_all(&call.text(0), with.as_str()).into_owned()
        });
        pass(replaced).map(Into::into)
    });
    word(engine, &SHA256, |call| {
        let digest = Sha256::digest(call.text(0).as_bytes());
        Ok(crate::hex::text(&digest).into())
    });
    word(engine, &BASE64, |call| {
        Ok(STANDARD.encode(call.text(0)).into())
    });
    word(engine, &FROM_BASE64, |call| {
        pass(from_base64(&call.text(0))).map(Into::into)
    });
}

fn pattern(text: &str) -> Result<Regex> {
    Regex::new(text).map_err(|error| {
        let why = error.to_string();
        let why = why
            .lines()
            .last()
            .unwrap_or("")
            .trim_start_matches("error: ");
        Error::config(format!("`{text}` is not a regular expression")).because(why)
    })
}

fn captures(form: &Regex, text: &str) -> Array {
    let Some(found) = form.captures(text) else {
        return Array::new();
    };
    found
        .iter()
        .map(|group| group.map_or(Dynamic::UNIT, |group| group.as_str().to_string().into()))
        .collect()
}

fn from_base64(text: &str) -> Result<String> {
    let compact: String = text.split_whitespace().collect();
    let bytes = STANDARD
        .decode(compact)
        .map_err(|error| Error::config("this is not base64").because(error.to_string()))?;
    String::from_utf8(bytes).map_err(|_| Error::config("what base64 stands for here is not a text"))
}
