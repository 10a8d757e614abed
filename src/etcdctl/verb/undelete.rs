//! `undelete [PREFIX] --rev N`: bring back what was deleted or overwritten since a revision.
//!
//! Each key is put back only while it is as it was seen: what somebody else writes meanwhile is newer, and stays. Keys that are
//! there only since then stay, too. One that hung on a lease comes back on it, or not at all: without it would never expire.

use std::collections::{BTreeMap, BTreeSet};

use super::diff;
use super::{Deadline, Endless, Since, Verb};
use crate::etcd::raw::{Compare, CompareOp, PbKeyValue, PutOptions, Txn, TxnOp};
use crate::etcd::rpc;
use crate::etcdctl::call::Call;
use crate::etcdctl::failure::{ERROR, Failure, Outcome};
use crate::etcdctl::form::go;
use crate::etcdctl::line::ask;
use crate::etcdctl::line::flag::Flag;
use crate::etcdctl::range::past::{self, Pair};

pub(super) const VERB: Verb = Verb {
    name: "undelete",
    arguments: "[prefix]",
    about: "bring back keys that were deleted or overwritten since a revision",
    example: "undelete --rev=41 /service/pg-test/",
    flags: FLAGS,
    changes: true,
    deadline: Deadline::Command,
    endless: Endless::Never,
    since: Since::Native,
    run,
};

const FLAGS: &[Flag] = &[
    Flag::bool("dry-run", "show what would come back, and change nothing"),
    Flag::bool("keys-only", "show only the keys, not their values"),
    Flag::text(
        "rev",
        "",
        "the state that is wanted: `history KEY` shows the revisions of a key",
    ),
    Flag::bool("yes", "do not ask").short('y'),
];

/// Keys of one transaction: etcd allows 128 by default.
const KEYS: usize = 100;
/// Bytes of one transaction: etcd allows 1.5 MiB by default.
const BYTES: usize = 1 << 20;

/// A key that comes back.
struct Return {
    /// Its revision now; 0 where it is gone.
    seen: i64,
    wanted: PbKeyValue,
}

fn run(call: &mut Call<'_>) -> Outcome {
    let prefix = diff::prefix(call, "undelete")?;
    let span = diff::span(call, "undelete")?;
    let pairs = past::touched(call, &prefix, span)?;
    let returns = returns(call, pairs)?;
    if returns.is_empty() {
        return call.say(format_args!(
            "nothing was deleted or overwritten since revision {}",
            span.from
        ));
    }
    if call.flag("dry-run") {
        return Ok(());
    }
    let keys = count(returns.len());
    if !call.flag("yes") && !confirmed(call, &keys)? {
        return Err(Failure::silent(1));
    }
    let (mut done, mut newer) = (0, Vec::new());
    for some in batches(&returns) {
        if put(call, some)? {
            done += some.len();
            continue;
        }
        // One of them has changed meanwhile: the others need not wait for it.
        for one in some {
            if some.len() > 1 && put(call, std::slice::from_ref(one))? {
                done += 1;
            } else {
                newer.push(&one.wanted.key);
            }
        }
    }
    call.say(format_args!("{} back", count(done)))?;
    for key in &newer {
        call.complain(format_args!(
            "{}: written meanwhile, and left as it is",
            go::quote(key)
        ))?;
    }
    if newer.is_empty() {
        Ok(())
    } else {
        Err(Failure::new(
            ERROR,
            format!("{} changed while this was going on", count(newer.len())),
        ))
    }
}

fn count(keys: usize) -> String {
    format!("{keys} key{}", if keys == 1 { "" } else { "s" })
}

fn confirmed(call: &mut Call<'_>, keys: &str) -> Outcome<bool> {
    if !call.io.terminal {
        return Err(Failure::arguments(format!(
            "nobody can be asked: with --yes {keys} come back"
        )));
    }
    ask::yes(call.io, &format!("bring back {keys}?"))
}

/// Show what differs, as it will be written, and say what stays as it is.
fn returns(call: &mut Call<'_>, pairs: BTreeMap<Vec<u8>, Pair>) -> Outcome<Vec<Return>> {
    let mut leases = Leases::default();
    let mut returns = Vec::new();
    for (key, pair) in pairs {
        let Some(wanted) = pair.before.clone() else {
            continue;
        };
        let same = pair
            .after
            .as_ref()
            .is_some_and(|now| now.value == wanted.value && now.lease == wanted.lease);
        if same {
            continue;
        }
        if wanted.lease != 0 && !leases.lives(call, wanted.lease)? {
            call.complain(format_args!(
                "{}: its lease {:x} is over, and without one it would stay for ever: not brought back",
                go::quote(&key),
                wanted.lease
            ))?;
            continue;
        }
        let back = Pair {
            after: Some(wanted.clone()),
            before: pair.after.clone(),
        };
        diff::show(call, &key, &back, back.sign().unwrap_or('~'))?;
        returns.push(Return {
            seen: pair.after.map_or(0, |now| now.mod_revision),
            wanted,
        });
    }
    Ok(returns)
}

/// Which leases live, each asked once.
#[derive(Default)]
struct Leases {
    gone: BTreeSet<i64>,
    living: BTreeSet<i64>,
}

impl Leases {
    fn lives(&mut self, call: &mut Call<'_>, id: i64) -> Outcome<bool> {
        if self.living.contains(&id) || self.gone.contains(&id) {
            return Ok(self.living.contains(&id));
        }
        let answer = call.read(async |etcd| Ok(rpc::lease_ttl(&etcd.channel, id, false).await?))?;
        let lives = answer.ttl > 0;
        if lives {
            &mut self.living
        } else {
            &mut self.gone
        }
        .insert(id);
        Ok(lives)
    }
}

/// As many keys together as one transaction takes.
fn batches(returns: &[Return]) -> impl Iterator<Item = &[Return]> {
    let mut rest = returns;
    std::iter::from_fn(move || {
        let mut bytes = 0;
        let fits = rest
            .iter()
            .take(KEYS)
            .take_while(|one| {
                bytes += one.wanted.key.len() * 2 + one.wanted.value.len();
                bytes <= BYTES
            })
            .count();
        let (some, more) = rest.split_at(fits.max(1).min(rest.len()));
        rest = more;
        (!some.is_empty()).then_some(some)
    })
}

/// Put these back, all or none: none where one of them is not as it was seen any more.
fn put(call: &mut Call<'_>, some: &[Return]) -> Outcome<bool> {
    let unchanged: Vec<Compare> = some
        .iter()
        .map(|one| Compare::mod_revision(one.wanted.key.clone(), CompareOp::Equal, one.seen))
        .collect();
    let puts: Vec<TxnOp> = some
        .iter()
        .map(|one| {
            let options = PutOptions::new().with_lease(one.wanted.lease);
            TxnOp::put(
                one.wanted.key.clone(),
                one.wanted.value.clone(),
                Some(options),
            )
        })
        .collect();
    let txn = Txn::new().when(unchanged).and_then(puts);
    let answer = call.write(async |etcd| etcd.kv().txn(txn.clone()).await)?;
    Ok(answer.0.succeeded)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(bytes: usize) -> Return {
        Return {
            seen: 1,
            wanted: PbKeyValue {
                key: b"k".to_vec(),
                value: vec![0; bytes],
                ..PbKeyValue::default()
            },
        }
    }

    #[test]
    fn a_transaction_holds_what_etcd_takes() {
        let sizes = |returns: &[Return]| batches(returns).map(<[Return]>::len).collect::<Vec<_>>();
        let many: Vec<Return> = (0..250).map(|_| one(1)).collect();
        assert_eq!(sizes(&many), [100, 100, 50]);
        let large: Vec<Return> = (0..3).map(|_| one(700_000)).collect();
        assert_eq!(sizes(&large), [1, 1, 1]);
        assert_eq!(sizes(&[one(2_000_000)]), [1]);
        assert_eq!(sizes(&[]), Vec::<usize>::new());
    }
}
