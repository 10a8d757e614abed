//! `user list`: the names of all users; as a table also their roles.

use prost::Message;

use super::super::{Deadline, Endless, Since, Verb};
use crate::etcd::raw::PbAuthUserListResponse;
use crate::etcd::rpc;
use crate::etcdctl::call::Call;
use crate::etcdctl::failure::{Failure, Outcome};
use crate::etcdctl::form::json::Object;
use crate::etcdctl::form::print::{Format, Page, Reply, json_with_header};
use crate::etcdctl::form::table::Table;

pub(in super::super) const VERB: Verb = Verb {
    name: "user list",
    arguments: "",
    about: "list all users",
    example: "user list\nuser list -w table",
    flags: &[],
    changes: false,
    deadline: Deadline::Never,
    endless: Endless::Never,
    since: Since::Always,
    run,
};

fn run(call: &mut Call<'_>) -> Outcome {
    if !call.words.is_empty() {
        return Err(Failure::arguments(
            "user list command requires no arguments",
        ));
    }
    if call.format()? == Format::Table && !call.style.strict {
        return table(call);
    }
    let answer = call.read(async |etcd| Ok(rpc::user_list(&etcd.channel).await?))?;
    call.reply(&answer)
}

fn table(call: &mut Call<'_>) -> Outcome {
    let users = call.read(async |etcd| {
        let channel = &etcd.channel;
        let ask = |name: String| {
            let channel = channel.clone();
            async move { Ok((rpc::user_get(&channel, &name).await?, name)) }
        };
        Ok(rpc::many(rpc::user_list(channel).await?.users, ask).await?)
    })?;
    let mut table = Table::left(&["user", "roles"]);
    for (user, name) in &users {
        table.rows.push(super::get::row(name, user));
    }
    call.page()?.table(table)
}

impl Reply for PbAuthUserListResponse {
    fn simple(&self, page: &mut Page<'_>) -> Outcome {
        self.users.iter().try_for_each(|name| page.line(name))
    }

    fn json(&self, page: &mut Page<'_>) -> Outcome {
        Ok(Object::write(page.out, |object| {
            json_with_header(object, self.header.as_ref())?;
            object.some_strings("users", &self.users)
        })?)
    }

    fn protobuf(&self) -> Outcome<Vec<u8>> {
        Ok(self.encode_to_vec())
    }
}
