//! `lease keep-alive ID`: let a lease begin anew again and again, until it is gone; or once.

use std::time::{Duration, Instant};

use super::super::{Deadline, Endless, Since, Verb};
use super::{header_bytes, json_flat};
use crate::etcd::raw::PbLeaseKeepAliveResponse;
use crate::etcd::rpc::{self, KeepAlive};
use crate::etcd::{self, Client, Effect, Patience};
use crate::etcdctl::call::Call;
use crate::etcdctl::failure::{CONNECTION, Failure, Outcome};
use crate::etcdctl::form::go;
use crate::etcdctl::form::json::Object;
use crate::etcdctl::form::print::{Format, Page, Reply};
use crate::etcdctl::line::flag::Flag;
use crate::runtime::block_on_for;

pub(in super::super) const VERB: Verb = Verb {
    name: "lease keep-alive",
    arguments: "<leaseID>",
    about: "keep a lease alive until it ends",
    example: "lease keep-alive 32695410dcc0ca06\nlease keep-alive --once 32695410dcc0ca06",
    flags: &[Flag::bool("once", "let the lease begin anew one time")],
    changes: true,
    deadline: Deadline::Never,
    endless: Endless::Unless("once"),
    since: Since::Always,
    run,
};

/// etcd's own clients look this often whether a lease is due.
const LOOK: Duration = Duration::from_millis(500);

/// No lease is waited for longer than this at a time, whatever its server says.
const LONGEST: u64 = 365 * 24 * 3600;

fn run(call: &mut Call<'_>) -> Outcome {
    if call.words.len() != 1 {
        return Err(Failure::arguments(
            "lease keep-alive command needs lease ID as argument",
        ));
    }
    let id = super::id(call)?;
    call.client()?;
    call.lacks(&[Format::Table])?;
    if call.flag("once") {
        once(call, id)
    } else {
        always(call, id)
    }
}

fn once(call: &mut Call<'_>, id: i64) -> Outcome {
    let answer = call.read(async |etcd| Ok(rpc::keep_alive(&etcd.channel, id).await?));
    let answer = answer.map_err(|failure| failure.with_code(CONNECTION))?;
    if answer.ttl <= 0 {
        return Err(Failure::new(
            CONNECTION,
            "etcdserver: requested lease not found",
        ));
    }
    call.reply(&answer)
}

fn always(call: &mut Call<'_>, id: i64) -> Outcome {
    let client = call.client()?.clone();
    let strict = call.style.strict;
    // So long etcdctl waits for the first reply.
    let mut end = Instant::now() + call.settings()?.config.connect_timeout + Duration::from_secs(1);
    let mut stream = None;
    let start = Instant::now();
    loop {
        let reply = match renewed(
            &client,
            &mut stream,
            id,
            Patience {
                deadline: Some(end),
                stubborn: strict,
            },
        ) {
            Ok(reply) => reply,
            // For etcdctl a lease that cannot be reached is one that has ended.
            Err(_) if strict => break,
            Err(fault) => return Err(call.failed(&fault).with_code(CONNECTION)),
        };
        let ttl = match u64::try_from(reply.ttl) {
            Ok(0) | Err(_) => break,
            Ok(seconds) => Duration::from_secs(seconds.min(LONGEST)),
        };
        let now = Instant::now();
        end = now + ttl;
        call.reply(&reply)?;
        call.io.out.flush()?;
        let due = start + due(now - start, ttl);
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
    }
    if call.format()? == Format::Simple {
        call.say(format_args!("lease {} expired or revoked.", go::hex16(id)))
    } else {
        Ok(())
    }
}

/// When a lease is renewed, counted from the first look: at the look after a third of the time it was given at `answered`.
///
/// Source: `sendKeepAliveLoop` in etcd's client/v3/lease.go.
fn due(answered: Duration, ttl: Duration) -> Duration {
    let third = answered + ttl / 3;
    let looks = u32::try_from(third.as_millis() / LOOK.as_millis() + 1);
    looks.map_or(third, |looks| LOOK * looks)
}

/// Renew on the stream there is; when it has broken, on a new one to any endpoint, until the lease must have ended.
fn renewed(
    client: &Client,
    stream: &mut Option<KeepAlive>,
    id: i64,
    patience: Patience,
) -> etcd::Result<PbLeaseKeepAliveResponse> {
    if let Some(live) = stream {
        let left = patience.deadline.map_or(Duration::ZERO, |end| {
            end.saturating_duration_since(Instant::now())
        });
        // Half of it, so that another endpoint can still be asked.
        if let Some(Ok(reply)) = block_on_for(left / 2, live.renew()) {
            return Ok(reply);
        }
    }
    let ask = |patience| {
        client.ask(Effect::Read, patience, async |etcd| {
            Ok(KeepAlive::begin(&etcd.channel, id).await?)
        })
    };
    // The connection there is may lead to a member that stands still: it has a part of the time, and is not used again.
    let soon = patience.deadline.map(|end| {
        let now = Instant::now();
        now + end.saturating_duration_since(now) / 3
    });
    let first = ask(Patience {
        deadline: soon,
        ..patience
    });
    let (begun, reply) = match first {
        Err(fault) if !fault.trouble().is_answer() => ask(patience)?,
        answer => answer?,
    };
    *stream = Some(begun);
    Ok(reply)
}

impl Reply for PbLeaseKeepAliveResponse {
    fn simple(&self, page: &mut Page<'_>) -> Outcome {
        page.line(format_args!(
            "lease {} keepalived with TTL({})",
            go::hex16(self.id),
            self.ttl
        ))
    }

    fn json(&self, page: &mut Page<'_>) -> Outcome {
        Ok(Object::write(page.out, |object| {
            json_flat(object, self.header.as_ref())?;
            object.raw("ID", self.id)?;
            object.raw("TTL", self.ttl)
        })?)
    }

    fn fields(&self, page: &mut Page<'_>) -> Outcome {
        page.header_fields(self.header.as_ref())?;
        page.lease_field("ID", self.id)?;
        page.field("TTL", self.ttl)
    }

    fn protobuf(&self) -> Outcome<Vec<u8>> {
        Ok(header_bytes(self.header.as_ref()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_is_renewed_when_etcd_s_own_client_renews_it() {
        let due = |answered: u64, ttl: u64| {
            due(Duration::from_millis(answered), Duration::from_secs(ttl)).as_millis()
        };
        assert_eq!(due(10, 1), 500);
        assert_eq!(due(10, 2), 1000);
        assert_eq!(due(10, 3), 1500);
        assert_eq!(due(1510, 3), 3000);
        assert_eq!(due(10, 5), 2000);
        assert_eq!(due(10, 60), 20_500);
        assert_eq!(due(0, LONGEST), u128::from(LONGEST) * 1000 / 3 + 500);
    }
}
