//! Users, their passwords and their roles.

pub(super) mod add;
pub(super) mod delete;
pub(super) mod get;
pub(super) mod grant_role;
pub(super) mod list;
pub(super) mod passwd;
mod password;
pub(super) mod revoke_role;

use crate::etcdctl::call::Call;
use crate::etcdctl::failure::{Failure, Outcome};

/// The one word: a user's name.
fn name(call: &Call<'_>, command: &str) -> Outcome<String> {
    if call.words.len() == 1 {
        Ok(call.word(0))
    } else {
        Err(Failure::arguments(format!(
            "{command} command requires user name as its argument"
        )))
    }
}
