//! `role get NAME`: what a role allows.

use prost::Message;

use super::super::{Deadline, Endless, Since, Verb};
use crate::etcd::raw::{PbAuthRoleGetResponse, PermissionType};
use crate::etcd::{prefix_end, rpc};
use crate::etcdctl::Layout;
use crate::etcdctl::call::Call;
use crate::etcdctl::failure::Outcome;
use crate::etcdctl::form::json::Object;
use crate::etcdctl::form::print::{Page, Reply, json_with_header};
use crate::etcdctl::form::table::Table;

pub(in super::super) const VERB: Verb = Verb {
    name: "role get",
    arguments: "<role name>",
    about: "show what a role allows",
    example: "role get reader",
    flags: &[],
    changes: false,
    deadline: Deadline::Never,
    endless: Endless::Never,
    since: Since::Always,
    run,
};

const OPEN: &[u8] = b"\0";
const READ: i32 = PermissionType::Read as i32;
const READWRITE: i32 = PermissionType::Readwrite as i32;
const WRITE: i32 = PermissionType::Write as i32;
const ROOT: &str = "root";

fn run(call: &mut Call<'_>) -> Outcome {
    let name = super::name(call, "role get")?;
    let answer = call.read(async |etcd| Ok(rpc::role_get(&etcd.channel, &name).await?))?;
    call.reply(&Role { answer, name })
}

/// All permissions of some roles in one table.
pub(in super::super) fn table(call: &mut Call<'_>, names: &[String]) -> Outcome {
    let roles = call.read(async |etcd| {
        let channel = &etcd.channel;
        let ask = |name: String| {
            let channel = channel.clone();
            async move {
                Ok(Role {
                    answer: rpc::role_get(&channel, &name).await?,
                    name,
                })
            }
        };
        Ok(rpc::many(names.to_vec(), ask).await?)
    })?;
    let mut page = call.page()?;
    let mut table = header();
    table.rows = roles.iter().flat_map(|role| role.rows(&page)).collect();
    page.table(table)
}

fn header() -> Table {
    Table::left(&["role", "permission", "keys"])
}

pub(in super::super) struct Role {
    pub(in super::super) answer: PbAuthRoleGetResponse,
    pub(in super::super) name: String,
}

impl Role {
    /// Root may do everything without a permission that says so.
    fn is_almighty(&self) -> bool {
        self.name == ROOT && self.answer.perm.is_empty()
    }

    /// The permissions of one kind, among them those for both.
    fn ranges(&self, page: &mut Page<'_>, kind: i32) -> Outcome {
        if self.is_almighty() && page.layout >= Layout::V36 {
            page.out.write_all(b"\t")?;
            return page.line("[, <open ended>");
        }
        for permission in self
            .answer
            .perm
            .iter()
            .filter(|permission| [kind, READWRITE].contains(&permission.perm_type))
        {
            page.out.write_all(b"\t")?;
            page.text(&range(&permission.key, &permission.range_end), false)?;
            page.line("")?;
        }
        Ok(())
    }

    fn rows(&self, page: &Page<'_>) -> Vec<Vec<String>> {
        if self.is_almighty() {
            return vec![vec![self.name.clone(), "readwrite".into(), "all".into()]];
        }
        if self.answer.perm.is_empty() {
            return vec![vec![self.name.clone(), "none".into(), String::new()]];
        }
        self.answer
            .perm
            .iter()
            .map(|permission| {
                vec![
                    self.name.clone(),
                    kind(permission.perm_type).to_lowercase(),
                    cell(page, &permission.key, &permission.range_end),
                ]
            })
            .collect()
    }
}

/// A range in a table: the first key that etcd can keep is where everything begins.
fn cell(page: &Page<'_>, key: &[u8], end: &[u8]) -> String {
    match (key, end) {
        (OPEN, OPEN) => "all".into(),
        (OPEN, end) if !end.is_empty() => page.cell(&range(b"", end)),
        (key, end) => page.cell(&range(key, end)),
    }
}

/// `a`, `[a, b)`, `[a, <open ended>`, and whether that is a prefix.
fn range(key: &[u8], end: &[u8]) -> Vec<u8> {
    let range = match end {
        b"" => return key.to_vec(),
        OPEN => [b"[", key, b", <open ended>"].concat(),
        end => [b"[", key, b", ", end, b")"].concat(),
    };
    if !key.is_empty() && prefix_end(key) == end {
        [&range, &b" (prefix "[..], key, b")"].concat()
    } else {
        range
    }
}

fn kind(raw: i32) -> String {
    match raw {
        READ => "READ".into(),
        READWRITE => "READWRITE".into(),
        WRITE => "WRITE".into(),
        other => other.to_string(),
    }
}

impl Reply for Role {
    fn simple(&self, page: &mut Page<'_>) -> Outcome {
        page.line(format_args!("Role {}", self.name))?;
        page.line("KV Read:")?;
        self.ranges(page, READ)?;
        page.line("KV Write:")?;
        self.ranges(page, WRITE)
    }

    fn json(&self, page: &mut Page<'_>) -> Outcome {
        Ok(Object::write(page.out, |object| {
            json_with_header(object, self.answer.header.as_ref())?;
            if self.answer.perm.is_empty() {
                return Ok(());
            }
            object.array("perm", &self.answer.perm, |page, permission| {
                Object::write(page, |object| {
                    object.some_number("permType", permission.perm_type)?;
                    object.some_bytes("key", &permission.key)?;
                    object.some_bytes("range_end", &permission.range_end)
                })
            })
        })?)
    }

    fn fields(&self, page: &mut Page<'_>) -> Outcome {
        page.header_fields(self.answer.header.as_ref())?;
        self.answer.perm.iter().try_for_each(|permission| {
            // Two blanks, as etcdctl has it.
            page.field("PermType", format_args!(" {}", kind(permission.perm_type)))?;
            page.quoted("Key", &permission.key)?;
            page.quoted("RangeEnd", &permission.range_end)
        })
    }

    fn protobuf(&self) -> Outcome<Vec<u8>> {
        Ok(self.answer.encode_to_vec())
    }

    fn native_table(&self, page: &Page<'_>) -> Outcome<Table> {
        let mut table = header();
        table.rows = self.rows(page);
        Ok(table)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_may_do_everything_since_36() {
        let root = Role {
            answer: PbAuthRoleGetResponse::default(),
            name: ROOT.into(),
        };
        for (layout, wanted) in [
            (Layout::V35, "Role root\nKV Read:\nKV Write:\n"),
            (
                Layout::V36,
                "Role root\nKV Read:\n\t[, <open ended>\nKV Write:\n\t[, <open ended>\n",
            ),
        ] {
            let mut out = Vec::new();
            root.simple(&mut Page {
                hex: false,
                layout,
                out: &mut out,
                records: false,
                visible: false,
                width: None,
            })
            .unwrap();
            assert_eq!(String::from_utf8(out).unwrap(), wanted);
        }
    }

    #[test]
    fn ranges_are_worded_as_by_etcdctl() {
        for (key, end, wanted) in [
            (&b"a"[..], &b""[..], &b"a"[..]),
            (b"a", b"c", b"[a, c)"),
            (b"p/", b"p0", b"[p/, p0) (prefix p/)"),
            (b"q", b"\0", b"[q, <open ended>"),
            (b"\xff", b"\0", b"[\xff, <open ended> (prefix \xff)"),
            (b"", b"\0", b"[, <open ended>"),
        ] {
            assert_eq!(range(key, end), wanted);
        }
    }
}
