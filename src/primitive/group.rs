//! `group` on a host: a user group exists or is absent.

use super::{Change, Plan, Primitive, Seen, Spec, could_not_tell};
use crate::command::quote;
use crate::error::Result;
use crate::host::Facts;
use crate::word::{Arg, Of, Section, Type, Word};

pub(super) const SPEC: Spec = Spec {
    build: |args| {
        Ok(Box::new(Group {
            absent: args.text("state").as_deref() == Some("absent"),
            name: args.thing(),
            system: args.bool("system").unwrap_or(false),
        }))
    },
    word: Word::method(
        Section::Primitive,
        Of::Host,
        "group",
        "Keep a user group on a host, or keep it absent.\n\nReturns `changed` and `what`. `group(name, description, || ...)` without a host is another thing: it groups tasks.",
    )
    .takes(&[Arg::new("name", Type::Text, "the group")])
    .with(&[
        Arg::new("state", Type::OneOf(&["present", "absent"]), "`present` by default"),
        Arg::new("system", Type::Bool, "a system group when it is created; false by default"),
    ])
    .gives(Type::Map)
    .example(r#"h.group("etcd", #{ system: true })"#),
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
            shown: script.clone(),
            script,
            what: vec![what.into()],
            ..Change::default()
        }))
    }
}
