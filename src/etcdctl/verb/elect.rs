//! `elect NAME PROPOSAL`: lead until a signal comes; `elect -l NAME`: see who leads.

use std::sync::mpsc::RecvTimeoutError;

use super::{Deadline, Endless, Since, Verb};
use crate::etcd::raw::{
    GetOptions, PbKeyValue, PbRangeResponse, PbResponseHeader, SortOrder, SortTarget,
};
use crate::etcd::{Patience, Told, Watched, Watches, prefix_end};
use crate::etcdctl::call::Call;
use crate::etcdctl::failure::{ERROR, Failure, Outcome};
use crate::etcdctl::line::flag::Flag;
use crate::etcdctl::wait::session::{self, Session};
use crate::etcdctl::wait::stop::{Signals, TICK};
use crate::etcdctl::wait::turn::{self, Ends, Turn};

pub(super) const VERB: Verb = Verb {
    name: "elect",
    arguments: "<election-name> [proposal]",
    about: "take part in an election, or watch one",
    example: "elect leader db-1\nelect -l leader",
    flags: &[Flag::bool("listen", "only print who leads, now and later").short('l')],
    changes: true,
    deadline: Deadline::Never,
    endless: Endless::Always,
    since: Since::Always,
    run,
};

const PUT: i32 = 0;
const DELETE: i32 = 1;

fn run(call: &mut Call<'_>) -> Outcome {
    let (name, proposal) = match call.words.as_slice() {
        [name] => (name.clone(), None),
        [name, proposal] => (name.clone(), Some(proposal.clone())),
        _ => {
            return Err(Failure::arguments(
                "elect takes one election name argument and an optional proposal argument",
            ));
        }
    };
    let listen = call.flag("listen");
    call.client()?;
    match proposal {
        None if !listen => Err(Failure::arguments("no proposal argument but -l not set")),
        Some(_) if listen => Err(Failure::arguments("proposal given but -l is set")),
        None => observe(call, &name),
        Some(proposal) => campaign(call, &name, &proposal),
    }
}

fn campaign(call: &mut Call<'_>, name: &[u8], proposal: &[u8]) -> Outcome {
    let session = Session::open(call, session::TTL)?;
    let signals = Signals::listen(&call.style.stop)?;
    let mut turn = Turn::take(call, &session, name, proposal)?;
    let over = "elect: session expired";
    if !turn.reached(call, &session, &signals, over)? {
        return Ok(());
    }
    turn.hold(call, &session, &signals, &Ends { gone: None, over })
}

fn observe(call: &mut Call<'_>, name: &[u8]) -> Outcome {
    // etcdctl opens a session for this, too: whoever may not have a lease may not look.
    let _session = if call.style.strict {
        Some(Session::open(call, session::TTL)?)
    } else {
        None
    };
    let signals = Signals::listen(&call.style.stop)?;
    let prefix = [name, b"/"].concat();
    let first = GetOptions::new()
        .with_range(prefix_end(&prefix))
        .with_sort(SortTarget::Create, SortOrder::Ascend)
        .with_limit(1);
    loop {
        let answer = turn::get(call, &prefix, &first, &signals);
        // etcdctl keeps the reason to itself.
        let Some(mut answer) =
            answer.map_err(|failure| if call.style.strict { lost() } else { failure })?
        else {
            return Ok(());
        };
        let mut header = answer.header.take().unwrap_or_default();
        let leader = if answer.kvs.is_empty() {
            let watched = Watched {
                end: prefix_end(&prefix),
                key: prefix.clone(),
                revision: header.revision,
                ..Default::default()
            };
            let Some((seen, leader)) = elected(call, watched, &signals)? else {
                return Ok(());
            };
            header = seen;
            leader
        } else {
            answer.kvs.remove(0)
        };
        show(call, header, &leader)?;
        let watched = Watched {
            key: leader.key,
            revision: header.revision + 1,
            ..Default::default()
        };
        if !followed(call, watched, &signals)? {
            return Ok(());
        }
    }
}

fn lost() -> Box<Failure> {
    Failure::new(ERROR, "elect: observer lost")
}

fn show(call: &mut Call<'_>, header: PbResponseHeader, leader: &PbKeyValue) -> Outcome {
    call.reply(&PbRangeResponse {
        header: Some(header),
        kvs: vec![leader.clone()],
        ..Default::default()
    })?;
    Ok(call.io.out.flush()?)
}

/// Wait for the first one that is elected; `None` when the end is asked for.
fn elected(
    call: &mut Call<'_>,
    watched: Watched,
    signals: &Signals,
) -> Outcome<Option<(PbResponseHeader, PbKeyValue)>> {
    let mut leader = None;
    let going = follow(call, watched, signals, |_, header, kind, kv| {
        if kind == PUT {
            leader = Some((
                PbResponseHeader {
                    revision: kv.mod_revision,
                    ..header
                },
                kv,
            ));
        }
        Ok(kind != PUT)
    })?;
    Ok(leader.filter(|_| going))
}

/// Print what the leader says until its key is gone; false when the end is asked for.
fn followed(call: &mut Call<'_>, watched: Watched, signals: &Signals) -> Outcome<bool> {
    follow(call, watched, signals, |call, header, kind, kv| {
        if kind == DELETE {
            return Ok(false);
        }
        show(
            call,
            PbResponseHeader {
                revision: kv.mod_revision,
                ..header
            },
            &kv,
        )?;
        Ok(true)
    })
}

/// Look at events until `heed` says that it is enough; false when the end is asked for.
fn follow(
    call: &mut Call<'_>,
    watched: Watched,
    signals: &Signals,
    mut heed: impl FnMut(&mut Call<'_>, PbResponseHeader, i32, PbKeyValue) -> Outcome<bool>,
) -> Outcome<bool> {
    let patience = Patience {
        deadline: None,
        stubborn: call.style.strict,
    };
    let (_watches, told) = Watches::one(call.client()?, patience, watched);
    loop {
        if signals.asked() {
            return Ok(false);
        }
        match told.recv_timeout(TICK) {
            Ok(Told::Response(_, response)) => {
                if response.canceled {
                    return Err(lost());
                }
                let header = response.header.unwrap_or_default();
                for event in response.events {
                    if !heed(call, header, event.r#type, event.kv.unwrap_or_default())? {
                        return Ok(true);
                    }
                }
            }
            Ok(Told::Ended(_, reason)) if !call.style.strict => {
                return Err(Failure::new(ERROR, reason.text()));
            }
            Ok(Told::Failed(fault)) if !call.style.strict => return Err(call.failed(&fault)),
            Ok(Told::Ended(..) | Told::Failed(_)) | Err(RecvTimeoutError::Disconnected) => {
                return Err(lost());
            }
            Ok(Told::Back(_) | Told::Lost(_)) | Err(RecvTimeoutError::Timeout) => {}
        }
    }
}
