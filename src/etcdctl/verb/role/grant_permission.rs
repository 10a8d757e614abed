//! `role grant-permission ROLE read|write|readwrite KEY [ENDKEY]`: a role may read or write keys.

use super::super::{Deadline, Endless, Since, Verb};
use super::range;
use crate::etcd::raw::{Permission, PermissionType};
use crate::etcdctl::call::Call;
use crate::etcdctl::failure::{Failure, Outcome};
use crate::etcdctl::form::done::Done;
use crate::etcdctl::form::print::Format;

pub(in super::super) const VERB: Verb = Verb {
    name: "role grant-permission",
    arguments: "<role name> <permission type> <key> [endkey]",
    about: "allow a role to read or write keys",
    example: "role grant-permission reader read --prefix /config/\nrole grant-permission owner readwrite a z",
    flags: range::FLAGS,
    changes: true,
    deadline: Deadline::Never,
    endless: Endless::Never,
    since: Since::Always,
    run,
};

fn run(call: &mut Call<'_>) -> Outcome {
    if call.words.len() < 3 {
        return Err(Failure::arguments(
            "role grant command requires role name, permission type, and key [endkey] as its argument",
        ));
    }
    let role = call.word(0);
    let kind = match call.word(1).to_uppercase().as_str() {
        "READ" => PermissionType::Read,
        "READWRITE" => PermissionType::Readwrite,
        "WRITE" => PermissionType::Write,
        _ => {
            return Err(Failure::arguments(format!(
                "invalid permission type: {}",
                call.word(1)
            )));
        }
    };
    let (key, end) = range::of_words(call, 2)?;
    call.lacks(&[Format::Table])?;
    let permission = Permission::new(kind, key).with_range_end(end);
    let answer = call.write(async |etcd| {
        etcd.auth()
            .role_grant_permission(&*role, permission.clone())
            .await
    })?;
    call.reply(&Done::new(answer.0.header, format!("Role {role} updated")))
}
