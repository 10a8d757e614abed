//! `user get NAME`: the roles of a user, or with `--detail` what each of them allows.

use prost::Message;

use super::super::role::get::{self as role, Role};
use super::super::{Deadline, Endless, Since, Verb};
use crate::etcd::raw::PbAuthUserGetResponse;
use crate::etcd::rpc;
use crate::etcdctl::call::Call;
use crate::etcdctl::failure::Outcome;
use crate::etcdctl::form::json::Object;
use crate::etcdctl::form::print::{Format, Page, Reply, json_with_header};
use crate::etcdctl::form::table::Table;
use crate::etcdctl::line::flag::Flag;

pub(in super::super) const VERB: Verb = Verb {
    name: "user get",
    arguments: "<user name>",
    about: "show the roles of a user",
    example: "user get alice --detail",
    flags: &[Flag::bool("detail", "show what the roles allow, too")],
    changes: false,
    deadline: Deadline::Never,
    endless: Endless::Never,
    since: Since::Always,
    run,
};

fn run(call: &mut Call<'_>) -> Outcome {
    let name = super::name(call, "user get")?;
    let answer = call.read(async |etcd| Ok(rpc::user_get(&etcd.channel, &name).await?))?;
    if call.flag("detail") {
        detail(call, &name, &answer.roles)
    } else {
        call.reply(&User { answer, name })
    }
}

/// The roles in the wanted format, one after the other. The first line is there in each of them.
fn detail(call: &mut Call<'_>, name: &str, roles: &[String]) -> Outcome {
    if call.format()? == Format::Table && !call.style.strict {
        return role::table(call, roles);
    }
    call.say(format_args!("User: {name}"))?;
    for role in roles {
        call.say("")?;
        let answer = call.read(async |etcd| Ok(rpc::role_get(&etcd.channel, role).await?))?;
        call.reply(&Role {
            answer,
            name: role.clone(),
        })?;
    }
    Ok(())
}

struct User {
    answer: PbAuthUserGetResponse,
    name: String,
}

pub(super) fn row(name: &str, user: &PbAuthUserGetResponse) -> Vec<String> {
    vec![name.to_string(), user.roles.join(", ")]
}

impl Reply for User {
    fn simple(&self, page: &mut Page<'_>) -> Outcome {
        let roles: String = self
            .answer
            .roles
            .iter()
            .map(|role| format!(" {role}"))
            .collect();
        page.line(format_args!("User: {}", self.name))?;
        page.line(format_args!("Roles:{roles}"))
    }

    fn json(&self, page: &mut Page<'_>) -> Outcome {
        Ok(Object::write(page.out, |object| {
            json_with_header(object, self.answer.header.as_ref())?;
            object.some_strings("roles", &self.answer.roles)
        })?)
    }

    fn protobuf(&self) -> Outcome<Vec<u8>> {
        Ok(self.answer.encode_to_vec())
    }

    fn native_table(&self, _: &Page<'_>) -> Outcome<Table> {
        let mut table = Table::left(&["user", "roles"]);
        table.rows.push(row(&self.name, &self.answer));
        Ok(table)
    }
}
