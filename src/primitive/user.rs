//! `user`: a system or login user exists with the stated groups, home and shell.

use super::{Change, Plan, Primitive, Seen, Spec, could_not_tell};
use crate::command::quote;
use crate::error::Result;
use crate::host::Facts;
use crate::word::{Arg, Args, Of, Section, Type, Word};

pub(super) const SPEC: Spec = Spec {
    build: |args| Ok(Box::new(User::new(args))),
    word: Word::method(
        Section::Primitive,
        Of::Host,
        "user",
        "Keep a user as stated, or absent.\n\nReturns `changed` and `what`. A removal keeps the home directory.",
    )
    .takes(&[Arg::new("name", Type::Text, "the account")])
    .with(&[
        Arg::new("state", Type::OneOf(&["present", "absent"]), "`present` by default"),
        Arg::new("system", Type::Bool, "a system user when it is created; false by default"),
        Arg::new("group", Type::Text, "the primary group, which must exist"),
        Arg::new("groups", Type::Texts, "further groups, added to those it has"),
        Arg::new("home", Type::Path, "the home directory, which is not created"),
        Arg::new("shell", Type::Path, "the login shell"),
    ])
    .gives(Type::Map)
    .example(r#"h.user("etcd", #{ system: true, home: "/var/lib/etcd", shell: "/usr/sbin/nologin" })"#),
};

struct User {
    absent: bool,
    group: Option<String>,
    groups: Vec<String>,
    home: Option<String>,
    name: String,
    shell: Option<String>,
    system: bool,
}

impl User {
    fn new(args: &Args) -> User {
        User {
            absent: args.text("state").as_deref() == Some("absent"),
            group: args.text("group"),
            groups: args.texts("groups"),
            home: args.text("home"),
            name: args.thing(),
            shell: args.text("shell"),
            system: args.bool("system").unwrap_or(false),
        }
    }

    fn change(what: Vec<String>, script: String) -> Plan {
        Plan::Change(Change {
            shown: script.clone(),
            script,
            what,
            ..Change::default()
        })
    }

    fn create(&self) -> Plan {
        let mut words = vec!["useradd".to_string(), "--no-create-home".into()];
        if self.system {
            words.push("--system".into());
        }
        for (flag, value) in [
            ("--gid", &self.group),
            ("--home-dir", &self.home),
            ("--shell", &self.shell),
        ] {
            words.extend(
                value
                    .iter()
                    .flat_map(|value| [flag.to_string(), quote(value)]),
            );
        }
        if !self.groups.is_empty() {
            words.extend(["--groups".to_string(), quote(&self.groups.join(","))]);
        }
        User::change(
            vec!["create".into()],
            format!("{} -- {}", words.join(" "), quote(&self.name)),
        )
    }

    fn differences(&self, passwd: &str, group: &str, groups: &[&str]) -> Plan {
        let fields: Vec<&str> = passwd.split(':').collect();
        let field = |at: usize| fields.get(at).copied().unwrap_or_default();
        let (mut what, mut flags) = (Vec::new(), Vec::new());
        for (noun, flag, want, have) in [
            ("group", "--gid", &self.group, group),
            ("home", "--home", &self.home, field(5)),
            ("shell", "--shell", &self.shell, field(6)),
        ] {
            if let Some(want) = want.as_deref().filter(|want| *want != have) {
                what.push(format!("{noun} {have} -> {want}"));
                flags.push(format!("{flag} {}", quote(want)));
            }
        }
        let new: Vec<&str> = self
            .groups
            .iter()
            .map(String::as_str)
            .filter(|group| !groups.contains(group))
            .collect();
        if !new.is_empty() {
            what.push(format!("groups +{}", new.join(" +")));
            flags.push(format!("--append --groups {}", quote(&new.join(","))));
        }
        if what.is_empty() {
            Plan::Unchanged
        } else {
            User::change(
                what,
                format!("usermod {} -- {}", flags.join(" "), quote(&self.name)),
            )
        }
    }
}

impl Primitive for User {
    fn subject(&self) -> String {
        format!("user {}", self.name)
    }

    fn ask(&self, _: &Facts) -> Result<String> {
        let name = quote(&self.name);
        Ok(format!(
            "getent passwd {name}; status=$?; [ $status = 2 ] && {{ echo absent; exit 0; }}; [ $status = 0 ] || exit; id -gn {name} && id -Gn {name}"
        ))
    }

    fn plan(&self, seen: &Seen<'_>) -> Result<Plan> {
        let text = seen.answer.text();
        let lines: Vec<&str> = text.lines().collect();
        match lines.as_slice() {
            _ if seen.answer.status != 0 => Err(could_not_tell(&self.subject(), seen.answer)),
            ["absent"] if self.absent => Ok(Plan::Unchanged),
            ["absent"] => Ok(self.create()),
            [_, ..] if self.absent => Ok(User::change(
                vec!["remove".into()],
                format!("userdel -- {}", quote(&self.name)),
            )),
            [passwd, group, groups] => {
                Ok(self.differences(passwd, group, &groups.split(' ').collect::<Vec<_>>()))
            }
            _ => Err(could_not_tell(&self.subject(), seen.answer)),
        }
    }
}
