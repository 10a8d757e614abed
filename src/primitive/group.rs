//! `group` on a host: a user group exists or is absent.

use super::{Arg, Change, Plan, Primitive, Seen, Spec, Type, could_not_tell};
use crate::command::quote;
use crate::error::Result;
use crate::host::Facts;

pub(super) const SPEC: Spec = Spec {
    args: &[
        Arg {
            name: "state",
            takes: Type::OneOf(&["present", "absent"]),
            doc: "`present` by default",
        },
        Arg {
            name: "system",
            takes: Type::Bool,
            doc: "a system group when it is created; false by default",
        },
    ],
    build: |args| {
        Ok(Box::new(Group {
            absent: args.text("state").as_deref() == Some("absent"),
            name: args.thing(),
            system: args.bool("system").unwrap_or(false),
        }))
    },
    doc: "Keep a user group on a host, or keep it absent.\n\nReturns `changed` and `what`. `group(name, description, || ...)` without a host is another thing: it groups tasks.",
    example: r#"h.group("etcd", #{ system: true })"#,
    name: "group",
    thing: ("name", Type::Text),
};

struct Group {
    absent: bool,
    name: String,
    system: bool,
}

impl Primitive for Group {
    fn subject(&self) -> String {
        format!("group {}", self.name)
    }

    fn ask(&self, _: &Facts) -> Result<String> {
        Ok(format!(
            "getent group {} >/dev/null; echo $?",
            quote(&self.name)
        ))
    }

    fn plan(&self, seen: &Seen<'_>) -> Result<Plan> {
        let name = quote(&self.name);
        let (what, script) = match (seen.answer.text().trim(), self.absent) {
            ("0", false) | ("2", true) => return Ok(Plan::Unchanged),
            ("0", true) => ("remove", format!("groupdel -- {name}")),
            ("2", false) => (
                "create",
                format!(
                    "groupadd {}-- {name}",
                    if self.system { "--system " } else { "" }
                ),
            ),
            _ => return Err(could_not_tell(&self.subject(), seen.answer)),
        };
        Ok(Plan::Change(Change {
            diff: None,
            shown: script.clone(),
            script,
            timeout: None,
            what: vec![what.into()],
        }))
    }
}
