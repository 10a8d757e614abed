//! Words for CSV: rows with the names of the first line, and back.

use rhai::{Array, Dynamic, Engine, Map};

use super::bind::word;
use crate::error::{Error, Result};
use crate::script::trouble::pass;
use crate::word::{Arg, Section, Type, Word};

const SEPARATOR: Arg = Arg::new("separator", Type::Text, "one letter; a comma by default");

const FROM_CSV: Word = Word::function(
    Section::Text,
    "from_csv",
    "The rows of a CSV text as maps of texts, whose keys are the names in its first line.",
)
.takes(&[Arg::new("text", Type::Text, "as RFC 4180 has it")])
.with(&[SEPARATOR])
.gives(Type::Array)
.example(r#"for row in from_csv("host,port\ndb-1,2379\n") { print(row.host) }"#);

const CSV: Word = Word::function(
    Section::Text,
    "csv",
    "Maps as a CSV text: the keys of the first one, in the order of the alphabet, are its first line.",
)
.takes(&[Arg::new("rows", Type::Array, "maps with the same keys")])
.with(&[
    Arg::new("columns", Type::Texts, "these keys, in this order"),
    SEPARATOR,
])
.gives(Type::Text)
.example(r#"print(csv(e.status(), #{ columns: ["endpoint", "version", "db_size"] }))"#);

pub(super) const WORDS: &[&Word] = &[&FROM_CSV, &CSV];

pub(super) fn register(engine: &mut Engine) {
    word(engine, &FROM_CSV, |call| {
        let rows = separator(call.options.text("separator").as_deref())
            .and_then(|between| read(&call.text(0), between));
        pass(rows).map(Into::into)
    });
    word(engine, &CSV, |call| {
        let text = separator(call.options.text("separator").as_deref())
            .and_then(|between| written(&call.array(0), &call.options.texts("columns"), between));
        pass(text).map(Into::into)
    });
}

fn separator(given: Option<&str>) -> Result<u8> {
    match given.map(str::as_bytes) {
        None => Ok(b','),
        Some([letter]) => Ok(*letter),
        Some(_) => Err(Error::config("`separator` takes one letter")),
    }
}

fn read(text: &str, between: u8) -> Result<Array> {
    let wrong = |error: csv::Error| Error::config("this is no CSV").because(error.to_string());
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(between)
        .from_reader(text.as_bytes());
    let names = reader.headers().map_err(wrong)?.clone();
    let row = |record: std::result::Result<csv::StringRecord, csv::Error>| {
        let record = record.map_err(wrong)?;
        let cells = names.iter().zip(record.iter());
        let cells = cells.map(|(name, cell)| (name.into(), cell.to_string().into()));
        Ok(Dynamic::from_map(cells.collect::<Map>()))
    };
    reader.records().map(row).collect()
}

fn written(rows: &Array, columns: &[String], between: u8) -> Result<String> {
    let maps = rows.iter().enumerate().map(|(place, row)| {
        let map = row.flatten_clone().try_cast::<Map>();
        map.ok_or_else(|| Error::config(format!("row {} is not a map", place + 1)))
    });
    let maps: Vec<Map> = maps.collect::<Result<_>>()?;
    let first = || {
        maps.first()
            .map(|map| map.keys().map(ToString::to_string).collect())
    };
    let names: Vec<String> = match columns {
        [] => first().unwrap_or_default(),
        names => names.to_vec(),
    };
    let mut writer = csv::WriterBuilder::new()
        .delimiter(between)
        .from_writer(Vec::new());
    let cells = |map: &Map| -> Vec<String> {
        let cell = |name: &String| match map.get(name.as_str()) {
            Some(value) if !value.is_unit() => crate::script::show(value),
            _ => String::new(),
        };
        names.iter().map(cell).collect()
    };
    let lines = std::iter::once(names.clone()).chain(maps.iter().map(cells));
    for line in lines.filter(|line| !line.is_empty()) {
        writer
            .write_record(line)
            .map_err(|error| Error::internal(format!("a row of CSV: {error}")))?;
    }
    let bytes = writer.into_inner().unwrap_or_default();
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
