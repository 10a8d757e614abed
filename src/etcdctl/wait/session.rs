//! A session: a lease that is kept alive as long as somebody holds it, over a new leader and a lost connection.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use crate::etcd::rpc;
use crate::etcd::{Client, Effect, Patience};
use crate::etcdctl::call::Call;
use crate::etcdctl::failure::Outcome;

/// Of a session that names no other time.
pub(crate) const TTL: i64 = 60;

const NOT_FOUND: &str = "etcdserver: requested lease not found";

/// No lease is waited for longer than this at a time, whatever its server says.
const LONGEST: u64 = 365 * 24 * 3600;

pub(crate) struct Session {
    /// It ends the keeping.
    _held: Sender<()>,
    lease: i64,
    over: Arc<AtomicBool>,
}

impl Session {
    /// Grant a lease and keep it alive. As with etcdctl it is not revoked in the end, it runs out.
    pub(crate) fn open(call: &mut Call<'_>, ttl: i64) -> Outcome<Session> {
        let ttl = if ttl > 0 { ttl } else { TTL };
        let lease = call
            .write(async |etcd| etcd.lease().grant(ttl, None).await)?
            .0;
        let client = call.client()?.clone();
        let over = Arc::new(AtomicBool::new(false));
        let (held, let_go) = channel();
        let keeper = Keeper {
            client,
            lease: lease.id,
            let_go,
        };
        let (ttl, gone) = (seconds(lease.ttl), over.clone());
        std::thread::spawn(move || {
            keeper.keep(ttl);
            gone.store(true, Ordering::SeqCst);
        });
        Ok(Session {
            _held: held,
            lease: lease.id,
            over,
        })
    }

    pub(crate) fn lease(&self) -> i64 {
        self.lease
    }

    /// The lease has ended, or must have.
    pub(crate) fn is_over(&self) -> bool {
        self.over.load(Ordering::SeqCst)
    }
}

fn seconds(ttl: i64) -> Duration {
    Duration::from_secs(u64::try_from(ttl).unwrap_or(0).clamp(1, LONGEST))
}

struct Keeper {
    client: Client,
    lease: i64,
    let_go: Receiver<()>,
}

impl Keeper {
    /// Until the lease is over or nobody holds the session any longer.
    fn keep(&self, mut ttl: Duration) {
        let mut end = Instant::now() + ttl;
        loop {
            // Soon again when the last time failed.
            let pause = (ttl / 3).min(end.saturating_duration_since(Instant::now()) / 2);
            if !matches!(
                self.let_go.recv_timeout(pause),
                Err(RecvTimeoutError::Timeout)
            ) {
                return;
            }
            // A part of the time that is left, so that a member which does not answer leaves time for others.
            let left = end.saturating_duration_since(Instant::now());
            let patience = Patience {
                deadline: Some(Instant::now() + (left / 3).max(Duration::from_millis(300))),
                stubborn: true,
            };
            let asked = Instant::now();
            match self.client.ask(Effect::Read, patience, async |etcd| {
                Ok(rpc::keep_alive(&etcd.channel, self.lease).await?)
            }) {
                Ok(reply) if reply.ttl <= 0 => return,
                Ok(reply) => {
                    ttl = seconds(reply.ttl);
                    end = asked + ttl;
                }
                Err(fault) if fault.trouble().to_string() == NOT_FOUND || Instant::now() >= end => {
                    return;
                }
                Err(_) => {}
            }
        }
    }
}
