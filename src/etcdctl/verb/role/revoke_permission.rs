//! `role revoke-permission ROLE KEY [ENDKEY]`: the opposite of `grant-permission`, word for word.

use super::super::{Deadline, Endless, Since, Verb};
use super::range;
use crate::etcd::raw::RoleRevokePermissionOptions;
use crate::etcdctl::call::Call;
use crate::etcdctl::failure::{Failure, Outcome};
use crate::etcdctl::form::done::Done;
use crate::etcdctl::form::print::Format;

pub(in super::super) const VERB: Verb = Verb {
    name: "role revoke-permission",
    arguments: "<role name> <key> [endkey]",
    about: "take a permission from a role",
    example: "role revoke-permission reader --prefix /config/",
    flags: range::FLAGS,
    changes: true,
    deadline: Deadline::Never,
    endless: Endless::Never,
    since: Since::Always,
    run,
};

fn run(call: &mut Call<'_>) -> Outcome {
    if call.words.len() < 2 {
        return Err(Failure::arguments(
            "role revoke-permission command requires role name and key [endkey] as its argument",
        ));
    }
    let role = call.word(0);
    let (key, end) = range::of_words(call, 1)?;
    call.lacks(&[Format::Table])?;
    let options = RoleRevokePermissionOptions::new().with_range_end(end.clone());
    let answer = call.write(async |etcd| {
        etcd.auth()
            .role_revoke_permission(&*role, key.clone(), Some(options.clone()))
            .await
    })?;
    call.reply(&Done::new(
        answer.0.header,
        revoked(&role, &call.words[1], &end),
    ))
}

fn revoked(role: &str, key: &[u8], end: &[u8]) -> Vec<u8> {
    let what = match end {
        b"" => [b"key ", key].concat(),
        b"\0" => [b"range [", key, b", <open ended>"].concat(),
        end => [b"range [", key, b", ", end, b")"].concat(),
    };
    [
        b"Permission of ",
        &what[..],
        b" is revoked from role ",
        role.as_bytes(),
    ]
    .concat()
}
