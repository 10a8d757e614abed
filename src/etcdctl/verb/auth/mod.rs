//! Authentication: switched on, switched off, looked at.

pub(super) mod disable;
pub(super) mod enable;
pub(super) mod status;

use crate::etcdctl::call::Call;
use crate::etcdctl::failure::{Failure, Outcome};

fn no_words(call: &Call<'_>, name: &str) -> Outcome {
    if call.words.is_empty() {
        Ok(())
    } else {
        Err(Failure::arguments(format!(
            "{name} command does not accept any arguments"
        )))
    }
}
