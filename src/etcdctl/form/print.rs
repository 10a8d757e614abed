//! The five output formats: which is wanted, and what a verb's reply must be able to say.

use std::io::Write;

use serde_json::Value;

use crate::etcd::raw::{PbKeyValue, PbResponseHeader};
use crate::etcdctl::failure::{FEATURE, Failure, Outcome};
use crate::etcdctl::form::go;
use crate::etcdctl::form::json::Object;
use crate::etcdctl::form::table::Table;
use crate::terminal;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Fields,
    Json,
    Protobuf,
    Simple,
    Table,
}

impl Format {
    pub(crate) const ALL: [Format; 5] = [
        Format::Fields,
        Format::Json,
        Format::Protobuf,
        Format::Simple,
        Format::Table,
    ];

    pub(crate) fn named(name: &str) -> Option<Format> {
        Format::ALL.into_iter().find(|format| format.name() == name)
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Format::Fields => "fields",
            Format::Json => "json",
            Format::Protobuf => "protobuf",
            Format::Simple => "simple",
            Format::Table => "table",
        }
    }
}

/// Which release of etcdctl the output looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Layout {
    V35,
    V36,
}

/// Where replies are written, and how.
pub(crate) struct Page<'a> {
    pub(crate) hex: bool,
    pub(crate) layout: Layout,
    pub(crate) out: &'a mut dyn Write,
    /// Tables stand as records, one below the other.
    pub(crate) records: bool,
    /// Whether what would steer the terminal, or lead its reader astray, is written in letters.
    pub(crate) visible: bool,
    /// Columns of the terminal that is written to.
    pub(crate) width: Option<usize>,
}

/// What a verb got from etcd, able to say it in the formats that etcdctl has for it. What is not written here does not
/// exist for it: exit code 4, after the call was made.
pub(crate) trait Reply {
    fn simple(&self, page: &mut Page<'_>) -> Outcome;

    /// One line; its end is added.
    fn json(&self, page: &mut Page<'_>) -> Outcome;

    fn fields(&self, _: &mut Page<'_>) -> Outcome {
        Err(unsupported(Format::Fields))
    }

    fn protobuf(&self) -> Outcome<Vec<u8>> {
        Err(unsupported(Format::Protobuf))
    }

    fn table(&self, _: &Page<'_>) -> Outcome<Table> {
        Err(unsupported(Format::Table))
    }

    /// What `-o json` of native mode prints; without it that is made of etcdctl's JSON.
    fn decoded(&self) -> Option<Value> {
        None
    }

    /// The table of native mode, where etcdctl has none.
    fn native_table(&self, page: &Page<'_>) -> Outcome<Table> {
        self.table(page)
    }
}

pub(crate) fn unsupported(format: Format) -> Box<Failure> {
    Failure::new(
        FEATURE,
        format!("{} not supported as output format", format.name()),
    )
}

pub(crate) fn reply(
    reply: &dyn Reply,
    format: Format,
    strict: bool,
    page: &mut Page<'_>,
) -> Outcome {
    match format {
        Format::Fields => reply.fields(page),
        Format::Json => {
            if !page.visible {
                reply.json(page)?;
                return Ok(page.out.write_all(b"\n")?);
            }
            let mut json = Vec::new();
            reply.json(&mut Page {
                out: &mut json,
                visible: false,
                ..*page
            })?;
            let json = terminal::in_json(&String::from_utf8_lossy(&json));
            Ok(writeln!(page.out, "{json}")?)
        }
        Format::Protobuf => Ok(page.out.write_all(&reply.protobuf()?)?),
        Format::Simple => reply.simple(page),
        Format::Table => {
            let table = if strict {
                reply.table(page)?
            } else {
                reply.native_table(page)?
            };
            if strict {
                Ok(table.write(page.out)?)
            } else {
                page.table(table)
            }
        }
    }
}

type Written = std::io::Result<()>;

/// A line; with `visible` nothing in it steers a terminal.
pub(crate) fn line(out: &mut dyn Write, text: impl std::fmt::Display, visible: bool) -> Outcome {
    if visible {
        let text = terminal::visible(text.to_string().as_bytes(), false);
        return Ok(writeln!(out, "{text}")?);
    }
    Ok(writeln!(out, "{text}")?)
}

/// A line of JSON; with `visible` nothing in it steers a terminal.
pub(crate) fn json_line(out: &mut dyn Write, value: &Value, visible: bool) -> Outcome {
    if visible {
        let json = terminal::in_json(&value.to_string());
        return Ok(writeln!(out, "{json}")?);
    }
    Ok(writeln!(out, "{value}")?)
}

/// The four fields of a header, those that are 0 left out.
pub(crate) fn json_header(object: &mut Object<'_>, header: &PbResponseHeader) -> Written {
    object.some_number("cluster_id", header.cluster_id)?;
    object.some_number("member_id", header.member_id)?;
    object.some_number("revision", header.revision)?;
    object.some_number("raft_term", header.raft_term)
}

/// The header as the field `header`, when there is one.
pub(crate) fn json_with_header(
    object: &mut Object<'_>,
    header: Option<&PbResponseHeader>,
) -> Written {
    match header {
        Some(header) => object.object("header", |object| json_header(object, header)),
        None => Ok(()),
    }
}

pub(crate) fn json_kv(page: &mut dyn Write, kv: &PbKeyValue) -> Written {
    Object::write(page, |object| {
        object.some_bytes("key", &kv.key)?;
        object.some_number("create_revision", kv.create_revision)?;
        object.some_number("mod_revision", kv.mod_revision)?;
        object.some_number("version", kv.version)?;
        object.some_bytes("value", &kv.value)?;
        object.some_number("lease", kv.lease)
    })
}

impl Page<'_> {
    pub(crate) fn line(&mut self, text: impl std::fmt::Display) -> Outcome {
        line(self.out, text, self.visible)
    }

    pub(crate) fn json_line(&mut self, value: &Value) -> Outcome {
        json_line(self.out, value, self.visible)
    }

    /// A table of native mode, as there is room for it.
    pub(crate) fn table(&mut self, table: Table) -> Outcome {
        let table = if self.visible { table.visible() } else { table };
        let narrow = |width: &usize| !table.left && table.width() > *width;
        let turned = if self.records {
            // One below the other, however wide it is.
            Some(0)
        } else {
            self.width.filter(narrow)
        };
        match turned {
            Some(width) => Ok(table.write_turned(width, self.out)?),
            None => Ok(table.fitted(self.width).write(self.out)?),
        }
    }

    /// `"Name" : value`.
    pub(crate) fn field(&mut self, name: &str, value: impl std::fmt::Display) -> Outcome {
        Ok(writeln!(self.out, "\"{name}\" : {value}")?)
    }

    pub(crate) fn quoted(&mut self, name: &str, value: &[u8]) -> Outcome {
        self.field(name, go::quote(value))
    }

    /// An id of a member or cluster among the fields: in hex when `--hex` is given to 3.6.
    pub(crate) fn id_field(&mut self, name: &str, id: u64) -> Outcome {
        if self.hex && self.layout >= Layout::V36 {
            self.field(name, format_args!("{id:x}"))
        } else {
            self.field(name, id)
        }
    }

    /// An id of a lease among the fields.
    pub(crate) fn lease_field(&mut self, name: &str, id: i64) -> Outcome {
        if self.hex && self.layout >= Layout::V36 {
            self.field(name, go::hex16(id))
        } else {
            self.field(name, id)
        }
    }

    pub(crate) fn header_fields(&mut self, header: Option<&PbResponseHeader>) -> Outcome {
        let header = header.copied().unwrap_or_default();
        self.id_field("ClusterID", header.cluster_id)?;
        self.id_field("MemberID", header.member_id)?;
        // Since 3.6 there is no line for calls that have no revision.
        if header.revision != 0 || self.layout < Layout::V36 {
            self.field("Revision", header.revision)?;
        }
        self.field("RaftTerm", header.raft_term)
    }

    /// A pair of key and value, its names after `prefix`.
    pub(crate) fn kv_fields(&mut self, prefix: &str, kv: &PbKeyValue) -> Outcome {
        self.quoted(&format!("{prefix}Key"), &kv.key)?;
        self.field(&format!("{prefix}CreateRevision"), kv.create_revision)?;
        self.field(&format!("{prefix}ModRevision"), kv.mod_revision)?;
        self.field(&format!("{prefix}Version"), kv.version)?;
        self.quoted(&format!("{prefix}Value"), &kv.value)?;
        let name = format!("{prefix}Lease");
        self.lease_field(&name, kv.lease)
    }

    /// Bytes of a key or a value as they are, or escaped by `--hex`, and the line's end.
    pub(crate) fn bytes_line(&mut self, bytes: &[u8]) -> Outcome {
        self.bytes(bytes, false)?;
        Ok(self.out.write_all(b"\n")?)
    }

    /// A key or a value as it is written; `lines` says whether it may have several.
    pub(crate) fn bytes(&mut self, bytes: &[u8], lines: bool) -> Outcome {
        if self.hex {
            return Ok(self.out.write_all(go::hex_escaped(bytes).as_bytes())?);
        }
        self.text(bytes, lines)
    }

    /// The same, whatever `--hex` says.
    pub(crate) fn text(&mut self, bytes: &[u8], lines: bool) -> Outcome {
        if self.visible {
            let shown = terminal::visible(bytes, lines);
            return Ok(self.out.write_all(shown.as_bytes())?);
        }
        Ok(self.out.write_all(bytes)?)
    }

    /// A value and the line's end: a value may have several lines.
    pub(crate) fn value_line(&mut self, bytes: &[u8]) -> Outcome {
        self.bytes(bytes, true)?;
        Ok(self.out.write_all(b"\n")?)
    }

    /// A key's line and its value's.
    pub(crate) fn pair(&mut self, kv: &PbKeyValue) -> Outcome {
        self.bytes_line(&kv.key)?;
        self.value_line(&kv.value)
    }

    /// Bytes in a cell: text as it is, the rest quoted as Go does.
    pub(crate) fn cell(&self, bytes: &[u8]) -> String {
        if self.hex {
            return go::hex_escaped(bytes);
        }
        match std::str::from_utf8(bytes) {
            Ok(text) if !text.chars().any(terminal::is_hidden) => text.to_string(),
            _ => go::quote(bytes),
        }
    }
}
