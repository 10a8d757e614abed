//! `role list`: the names of all roles; as a table also what they allow.

use prost::Message;

use super::super::{Deadline, Endless, Since, Verb};
use crate::etcd::raw::PbAuthRoleListResponse;
use crate::etcd::rpc;
use crate::etcdctl::call::Call;
use crate::etcdctl::failure::{Failure, Outcome};
use crate::etcdctl::form::go;
use crate::etcdctl::form::json::Object;
use crate::etcdctl::form::print::{Format, Page, Reply, json_with_header};

pub(in super::super) const VERB: Verb = Verb {
    name: "role list",
    arguments: "",
    about: "list all roles",
    example: "role list\nrole list -w table",
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
            "role list command requires no arguments",
        ));
    }
    let answer = call.read(async |etcd| Ok(rpc::role_list(&etcd.channel).await?))?;
    if call.format()? == Format::Table && !call.style.strict {
        super::get::table(call, &answer.roles)
    } else {
        call.reply(&answer)
    }
}

impl Reply for PbAuthRoleListResponse {
    fn simple(&self, page: &mut Page<'_>) -> Outcome {
        self.roles.iter().try_for_each(|name| page.line(name))
    }

    fn json(&self, page: &mut Page<'_>) -> Outcome {
        Ok(Object::write(page.out, |object| {
            json_with_header(object, self.header.as_ref())?;
            object.some_strings("roles", &self.roles)
        })?)
    }

    fn fields(&self, page: &mut Page<'_>) -> Outcome {
        page.header_fields(self.header.as_ref())?;
        let names: String = self
            .roles
            .iter()
            .map(|name| format!(" {}", go::quote(name.as_bytes())))
            .collect();
        page.line(format_args!("\"Roles\" :{names}"))
    }

    fn protobuf(&self) -> Outcome<Vec<u8>> {
        Ok(self.encode_to_vec())
    }
}
