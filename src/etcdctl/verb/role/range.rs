//! The keys that a permission is about: one, a range, a prefix, or all from one on.

use crate::etcd::prefix_end;
use crate::etcdctl::call::Call;
use crate::etcdctl::failure::{Failure, Outcome};
use crate::etcdctl::line::flag::Flag;

pub(super) const FLAGS: &[Flag] = &[
    Flag::bool("from-key", "all keys from this one on"),
    Flag::bool("prefix", "all keys that begin so"),
];

/// The range that the words from `place` on and the flags mean. Its end is empty for one key, `\0` when it is open.
pub(super) fn of_words(call: &Call<'_>, place: usize) -> Outcome<(Vec<u8>, Vec<u8>)> {
    let key = call.words.get(place).cloned().unwrap_or_default();
    let end = call.words.get(place + 1);
    let (prefix, from_key) = (call.flag("prefix"), call.flag("from-key"));
    // etcdctl forgets the end of a range that begins with the empty key.
    let end = if key.is_empty() && (call.style.strict || prefix || from_key) {
        None
    } else {
        end
    };
    match end {
        Some(_) if prefix => Err(Failure::arguments(
            "unexpected endkey argument with --prefix flag",
        )),
        Some(_) if from_key => Err(Failure::arguments(
            "unexpected endkey argument with --from-key flag",
        )),
        None if prefix && from_key => Err(Failure::arguments(
            "--from-key and --prefix flags are mutually exclusive",
        )),
        // etcd keeps no empty key: the first there is takes its place.
        end if key.is_empty() => Ok((
            vec![0],
            if prefix || from_key {
                vec![0]
            } else {
                end.cloned().unwrap_or_default()
            },
        )),
        None if prefix => Ok((key.clone(), prefix_end(&key))),
        None if from_key => Ok((key, vec![0])),
        end => Ok((key, end.cloned().unwrap_or_default())),
    }
}
