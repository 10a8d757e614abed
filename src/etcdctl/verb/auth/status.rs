//! `auth status`: is authentication on?

use prost::Message;

use super::super::{Deadline, Endless, Since, Verb};
use crate::etcd::rpc::{self, AuthStatusResponse};
use crate::etcdctl::call::Call;
use crate::etcdctl::failure::Outcome;
use crate::etcdctl::form::json::Object;
use crate::etcdctl::form::print::{Page, Reply, json_with_header};
use crate::etcdctl::form::table::Table;

pub(in super::super) const VERB: Verb = Verb {
    name: "auth status",
    arguments: "",
    about: "show whether authentication is on",
    example: "auth status",
    flags: &[],
    changes: false,
    deadline: Deadline::Command,
    endless: Endless::Never,
    since: Since::Always,
    run,
};

fn run(call: &mut Call<'_>) -> Outcome {
    super::no_words(call, "auth status")?;
    let answer = call.read(async |etcd| Ok(rpc::auth_status(&etcd.channel).await?))?;
    call.reply(&answer)
}

impl Reply for AuthStatusResponse {
    fn simple(&self, page: &mut Page<'_>) -> Outcome {
        page.line(format_args!(
            "Authentication Status: {}\nAuthRevision: {}",
            self.enabled, self.auth_revision
        ))
    }

    fn json(&self, page: &mut Page<'_>) -> Outcome {
        Ok(Object::write(page.out, |object| {
            json_with_header(object, self.header.as_ref())?;
            object.some_bool("enabled", self.enabled)?;
            object.some_number("authRevision", self.auth_revision)
        })?)
    }

    fn protobuf(&self) -> Outcome<Vec<u8>> {
        Ok(self.encode_to_vec())
    }

    fn native_table(&self, _: &Page<'_>) -> Outcome<Table> {
        let mut table = Table::left(&["enabled", "revision"]);
        table.rows.push(vec![
            self.enabled.to_string(),
            self.auth_revision.to_string(),
        ]);
        Ok(table)
    }
}
