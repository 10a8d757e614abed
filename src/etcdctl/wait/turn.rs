//! Turns, as `lock` and `elect` take them: each puts a key of its lease under a common prefix, and the oldest key's turn
//! it is.

use std::sync::mpsc::RecvTimeoutError;

use crate::etcd::raw::{
    Compare, CompareOp, GetOptions, PbRangeResponse, PbTxnOpResponse, PbTxnResponse, PutOptions,
    SortOrder, SortTarget, Txn, TxnOp,
};
use crate::etcd::{Effect, Patience, Told, Watched, Watches, prefix_end};
use crate::etcdctl::call::Call;
use crate::etcdctl::failure::{ERROR, Failure, Outcome};
use crate::etcdctl::wait::session::Session;
use crate::etcdctl::wait::stop::{Signals, TICK};

const DELETE: i32 = 1;

/// A key in the row.
pub(crate) struct Turn {
    pub(crate) key: Vec<u8>,
    /// Common to all that wait.
    prefix: Vec<u8>,
    /// Of the answer by which the turn came.
    pub(crate) revision: i64,
    /// When the key was made.
    since: i64,
}

/// How waiting for it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wait {
    Asked,
    Over,
    Ready,
}

impl Turn {
    /// Put the key, or find it: the value of one that is there is not changed.
    pub(crate) fn take(
        call: &mut Call<'_>,
        session: &Session,
        name: &[u8],
        value: &[u8],
    ) -> Outcome<Turn> {
        let prefix = [name, b"/"].concat();
        let key = [
            prefix.as_slice(),
            format!("{:x}", session.lease()).as_bytes(),
        ]
        .concat();
        let lease = PutOptions::new().with_lease(session.lease());
        let txn = Txn::new()
            .when([Compare::create_revision(key.clone(), CompareOp::Equal, 0)])
            .and_then([TxnOp::put(key.clone(), value, Some(lease))])
            .or_else([TxnOp::get(key.clone(), None)]);
        let answer = call.write(async |etcd| etcd.kv().txn(txn.clone()).await)?.0;
        let revision = answer.header.map_or(0, |header| header.revision);
        let since = if answer.succeeded {
            revision
        } else {
            found(&answer).unwrap_or(revision)
        };
        Ok(Turn {
            key,
            prefix,
            revision,
            since,
        })
    }

    /// Wait until no key is older.
    fn wait(&mut self, call: &mut Call<'_>, session: &Session, signals: &Signals) -> Outcome<Wait> {
        let mut waited = false;
        loop {
            let older = GetOptions::new()
                .with_range(prefix_end(&self.prefix))
                .with_sort(SortTarget::Create, SortOrder::Descend)
                .with_limit(1)
                .with_max_create_revision(self.since - 1);
            let Some(answer) = get(call, &self.prefix, &older, signals)? else {
                return Ok(Wait::Asked);
            };
            let Some(last) = answer.kvs.first() else {
                break;
            };
            waited = true;
            let watched = Watched {
                key: last.key.clone(),
                revision: answer.header.map_or(0, |header| header.revision),
                ..Default::default()
            };
            if let Some(end) = deletion(call, watched, session, signals)? {
                return Ok(end);
            }
        }
        if waited {
            let Some(own) = get(call, &self.key, &GetOptions::new(), signals)? else {
                return Ok(Wait::Asked);
            };
            self.revision = own.header.map_or(0, |header| header.revision);
            if own.kvs.is_empty() {
                return Ok(Wait::Over);
            }
        }
        Ok(Wait::Ready)
    }

    /// Delete the key, if it is still the one that was put.
    pub(crate) fn leave(&self, call: &mut Call<'_>) -> Outcome {
        let own = Compare::create_revision(self.key.clone(), CompareOp::Equal, self.since);
        let txn = Txn::new()
            .when([own])
            .and_then([TxnOp::delete(self.key.clone(), None)]);
        let timeout = call.settings()?.command_timeout;
        let patience = Patience {
            deadline: Some(std::time::Instant::now() + timeout),
            stubborn: call.style.strict,
        };
        let left = call.client()?.ask(Effect::Write, patience, async |etcd| {
            etcd.kv().txn(txn.clone()).await
        });
        left.map(|_| ()).map_err(|fault| call.failed(&fault))
    }

    /// Wait for the turn; false when the end is asked for before. `over` is said when the lease ended first.
    pub(crate) fn reached(
        &mut self,
        call: &mut Call<'_>,
        session: &Session,
        signals: &Signals,
        over: &str,
    ) -> Outcome<bool> {
        match self.wait(call, session, signals) {
            Ok(Wait::Ready) => Ok(true),
            Ok(Wait::Asked) => {
                self.leave(call)?;
                stopped(signals).map(|()| false)
            }
            Ok(Wait::Over) => Err(Failure::new(ERROR, over)),
            Err(failure) => {
                let _ = self.leave(call);
                Err(failure)
            }
        }
    }

    /// Show the key and keep it until the end is asked for.
    pub(crate) fn hold(
        &self,
        call: &mut Call<'_>,
        session: &Session,
        signals: &Signals,
        ends: &Ends,
    ) -> Outcome {
        let Some(own) = get(call, &self.key, &GetOptions::new(), signals)? else {
            self.leave(call)?;
            return stopped(signals);
        };
        if let Some(gone) = ends.gone.filter(|_| own.kvs.is_empty()) {
            return Err(Failure::new(ERROR, gone));
        }
        if let Err(failure) = call.reply(&own) {
            let _ = self.leave(call);
            return Err(failure);
        }
        call.io.out.flush()?;
        while !signals.asked() {
            if session.is_over() {
                return Err(Failure::new(ERROR, ends.over));
            }
            std::thread::sleep(TICK);
        }
        self.leave(call)
    }
}

/// What is said when a turn is lost.
pub(crate) struct Ends {
    /// The key is not there any longer when the turn comes.
    pub(crate) gone: Option<&'static str>,
    /// Its lease has ended.
    pub(crate) over: &'static str,
}

/// A signal while waiting is a failure; a wish of the caller's is none.
fn stopped(signals: &Signals) -> Outcome {
    if signals.came() {
        Err(Failure::new(ERROR, "context canceled"))
    } else {
        Ok(())
    }
}

/// When the key that was there before was made.
fn found(answer: &PbTxnResponse) -> Option<i64> {
    match answer.responses.first()?.response.as_ref()? {
        PbTxnOpResponse::ResponseRange(range) => range.kvs.first().map(|kv| kv.create_revision),
        _ => None,
    }
}

/// Read, as long as it takes and nobody wants the end.
pub(crate) fn get(
    call: &mut Call<'_>,
    key: &[u8],
    options: &GetOptions,
    signals: &Signals,
) -> Outcome<Option<PbRangeResponse>> {
    let patience = call.patience()?;
    let client = call.client()?.clone();
    loop {
        if signals.asked() {
            return Ok(None);
        }
        let round = std::time::Instant::now() + std::time::Duration::from_secs(1);
        let deadline = patience
            .deadline
            .map_or(round, |deadline| deadline.min(round));
        match client.ask(
            Effect::Read,
            Patience {
                deadline: Some(deadline),
                ..patience
            },
            async |etcd| etcd.kv().get(key, Some(options.clone())).await,
        ) {
            Ok(answer) => return Ok(Some(answer.0)),
            Err(fault)
                if fault.trouble().is_answer()
                    || patience.deadline.is_some_and(|deadline| deadline <= round) =>
            {
                return Err(call.failed(&fault));
            }
            Err(_) => {}
        }
    }
}

/// Wait until a key is deleted; `Ok(None)` when it is, or has to be looked at again.
fn deletion(
    call: &mut Call<'_>,
    watched: Watched,
    session: &Session,
    signals: &Signals,
) -> Outcome<Option<Wait>> {
    let patience = Patience {
        deadline: None,
        stubborn: call.style.strict,
    };
    let (_watches, told) = Watches::one(call.client()?, patience, watched);
    loop {
        if signals.asked() {
            return Ok(Some(Wait::Asked));
        }
        if session.is_over() && !call.style.strict {
            return Ok(Some(Wait::Over));
        }
        match told.recv_timeout(TICK) {
            Ok(Told::Response(_, response)) => {
                if response.canceled || response.events.iter().any(|event| event.r#type == DELETE) {
                    return Ok(None);
                }
            }
            Ok(Told::Ended(_, reason)) => {
                return Err(Failure::new(
                    ERROR,
                    if call.style.strict {
                        reason.raw()
                    } else {
                        reason.text()
                    },
                ));
            }
            Ok(Told::Failed(fault)) => return Err(call.failed(&fault)),
            Ok(Told::Back(_) | Told::Lost(_)) | Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Ok(None),
        }
    }
}
