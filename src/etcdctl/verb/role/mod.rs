//! Roles and what they allow.

pub(super) mod add;
pub(super) mod delete;
pub(super) mod get;
pub(super) mod grant_permission;
pub(super) mod list;
mod range;
pub(super) mod revoke_permission;

use crate::etcdctl::call::Call;
use crate::etcdctl::failure::{Failure, Outcome};

/// The one word: a role's name.
fn name(call: &Call<'_>, command: &str) -> Outcome<String> {
    if call.words.len() == 1 {
        Ok(call.word(0))
    } else {
        Err(Failure::arguments(format!(
            "{command} command requires role name as its argument"
        )))
    }
}
