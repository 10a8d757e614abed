//! The lines of `export` and `import`: a head, then one JSON object for each key.
//!
//! ```text
//! {"export":1,"revision":42,"prefix":"/service/","count":2}
//! {"key":"/service/a","value":"text"}
//! {"key":"/service/b","value_base64":"/wA=","lease":"694d8ec7f1f2b60d","ttl":30}
//! ```
//!
//! A key says nothing of its revisions: two exports of the same keys are the same lines.

use std::borrow::Cow;
use std::io::{self, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use crate::etcd::raw::PbKeyValue;

/// Of the lines; a file with a higher number is from a later etcdsh.
const FORMAT: u64 = 1;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) count: Option<i64>,
    pub(crate) prefix: Option<Vec<u8>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) key: Vec<u8>,
    /// The lease that the key had, and the seconds it had left.
    pub(crate) lease: Option<(String, Option<i64>)>,
    pub(crate) value: Vec<u8>,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Line {
    Head(Head),
    Record(Record),
}

pub(crate) fn write_head(
    page: &mut dyn Write,
    prefix: &[u8],
    revision: i64,
    count: i64,
) -> io::Result<()> {
    write!(page, "{{\"export\":{FORMAT},\"revision\":{revision},")?;
    bytes(page, "prefix", prefix)?;
    writeln!(page, ",\"count\":{count}}}")
}

pub(crate) fn write(page: &mut dyn Write, kv: &PbKeyValue, ttl: Option<i64>) -> io::Result<()> {
    page.write_all(b"{")?;
    bytes(page, "key", &kv.key)?;
    page.write_all(b",")?;
    bytes(page, "value", &kv.value)?;
    if kv.lease != 0 {
        write!(page, ",\"lease\":\"{:x}\"", kv.lease)?;
    }
    if let Some(ttl) = ttl {
        write!(page, ",\"ttl\":{ttl}")?;
    }
    page.write_all(b"}\n")
}

/// `"name":"text"`, or `"name_base64":"..."` for what is no text.
fn bytes(page: &mut dyn Write, name: &str, bytes: &[u8]) -> io::Result<()> {
    match std::str::from_utf8(bytes) {
        Ok(text) => {
            write!(page, "\"{name}\":")?;
            Ok(serde_json::to_writer(page, text)?)
        }
        Err(_) => write!(page, "\"{name}_base64\":\"{}\"", STANDARD.encode(bytes)),
    }
}

/// All fields that a line may have.
#[derive(Deserialize)]
struct Raw<'a> {
    count: Option<i64>,
    export: Option<u64>,
    #[serde(borrow)]
    key: Option<Cow<'a, str>>,
    key_base64: Option<String>,
    lease: Option<String>,
    prefix: Option<String>,
    prefix_base64: Option<String>,
    ttl: Option<i64>,
    #[serde(borrow)]
    value: Option<Cow<'a, str>>,
    value_base64: Option<String>,
}

/// Read one line; the error says what is wrong with it.
pub(crate) fn parse(line: &[u8]) -> Result<Line, String> {
    let raw: Raw<'_> = serde_json::from_slice(line).map_err(|error| {
        // A line is read alone, so only the column says something.
        error
            .to_string()
            .replace(" at line 1 column ", " at column ")
    })?;
    if let Some(format) = raw.export {
        if format > FORMAT {
            return Err(format!(
                "this export is of format {format}, which a later etcdsh has written"
            ));
        }
        let prefix = one("prefix", raw.prefix.map(Cow::Owned), raw.prefix_base64)?;
        return Ok(Line::Head(Head {
            count: raw.count,
            prefix,
        }));
    }
    let key = one("key", raw.key, raw.key_base64)?.ok_or("there is no `key`")?;
    let value = one("value", raw.value, raw.value_base64)?.ok_or("there is no `value`")?;
    if key.is_empty() {
        return Err("the key is empty".into());
    }
    Ok(Line::Record(Record {
        key,
        lease: raw.lease.map(|lease| (lease, raw.ttl)),
        value,
    }))
}

fn one(
    name: &str,
    text: Option<Cow<'_, str>>,
    base64: Option<String>,
) -> Result<Option<Vec<u8>>, String> {
    match (text, base64) {
        (Some(_), Some(_)) => Err(format!("`{name}` and `{name}_base64` exclude each other")),
        (Some(text), None) => Ok(Some(text.into_owned().into_bytes())),
        (None, Some(coded)) => STANDARD
            .decode(coded)
            .map(Some)
            .map_err(|_| format!("`{name}_base64` is no base64")),
        (None, None) => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        for (key, value, lease, ttl, wanted) in [
            (
                &b"a"[..],
                &b"x \"<\n"[..],
                0,
                None,
                r#"{"key":"a","value":"x \"<\n"}"#,
            ),
            (
                b"a\xff",
                b"\xff\x00",
                0,
                None,
                r#"{"key_base64":"Yf8=","value_base64":"/wA="}"#,
            ),
            (
                "é".as_bytes(),
                b"",
                0x1f,
                Some(30),
                r#"{"key":"é","value":"","lease":"1f","ttl":30}"#,
            ),
        ] {
            let kv = PbKeyValue {
                key: key.to_vec(),
                value: value.to_vec(),
                lease,
                ..PbKeyValue::default()
            };
            let mut page = Vec::new();
            write(&mut page, &kv, ttl).unwrap();
            assert_eq!(String::from_utf8_lossy(&page), format!("{wanted}\n"));
            let lease = (lease != 0).then(|| (format!("{lease:x}"), ttl));
            assert_eq!(
                parse(&page),
                Ok(Line::Record(Record {
                    key: key.to_vec(),
                    lease,
                    value: value.to_vec()
                }))
            );
        }
        let mut page = Vec::new();
        write_head(&mut page, b"/a", 7, 2).unwrap();
        assert_eq!(
            String::from_utf8_lossy(&page),
            "{\"export\":1,\"revision\":7,\"prefix\":\"/a\",\"count\":2}\n"
        );
        assert_eq!(
            parse(&page),
            Ok(Line::Head(Head {
                count: Some(2),
                prefix: Some(b"/a".to_vec())
            }))
        );
    }

    #[test]
    fn a_wrong_line_is_refused_with_its_reason() {
        for (line, wanted) in [
            (r#"{"key":"a"}"#, "there is no `value`"),
            (r#"{"vaule":"a","key":"a"}"#, "there is no `value`"),
            (r#"{"value":"a"}"#, "there is no `key`"),
            (r#"{"key":"","value":"a"}"#, "the key is empty"),
            (
                r#"{"key":"a","key_base64":"YQ==","value":"a"}"#,
                "`key` and `key_base64` exclude each other",
            ),
            (
                r#"{"key":"a","value_base64":"?"}"#,
                "`value_base64` is no base64",
            ),
            (
                r#"{"key":"a","value":{"b":1}}"#,
                "invalid type: map, expected a string at column 19",
            ),
            (r#"{"key":"a","#, "EOF while parsing a value at column 11"),
            ("a b", "expected value at column 1"),
            (
                r#"{"export":2}"#,
                "this export is of format 2, which a later etcdsh has written",
            ),
        ] {
            assert_eq!(parse(line.as_bytes()), Err(wanted.to_string()), "{line}");
        }
    }
}
