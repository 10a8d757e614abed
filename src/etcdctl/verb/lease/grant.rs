//! `lease grant TTL`: a new lease.

use super::super::{Deadline, Endless, Since, Verb};
use super::{header_bytes, json_flat};
use crate::etcd::raw::PbLeaseGrantResponse;
use crate::etcdctl::call::Call;
use crate::etcdctl::failure::{Failure, Outcome};
use crate::etcdctl::form::go;
use crate::etcdctl::form::json::Object;
use crate::etcdctl::form::print::{Format, Page, Reply};
use crate::value::duration;

pub(in super::super) const VERB: Verb = Verb {
    name: "lease grant",
    arguments: "<ttl>",
    about: "make a lease that lives so many seconds",
    example: "lease grant 60",
    flags: &[],
    changes: true,
    deadline: Deadline::Command,
    endless: Endless::Never,
    since: Since::Always,
    run,
};

fn run(call: &mut Call<'_>) -> Outcome {
    if call.words.len() != 1 {
        return Err(Failure::arguments("lease grant command needs TTL argument"));
    }
    let ttl = go::parse_int(&call.word(0), 10).map_err(|why| no_seconds(call, &why))?;
    call.client()?;
    call.lacks(&[Format::Table])?;
    let answer = call.write(async |etcd| etcd.lease().grant(ttl, None).await);
    let answer = answer
        .map_err(|failure| failure.within(|text| format!("failed to grant lease ({text})")))?;
    call.reply(&answer.0)
}

/// A TTL that is no number; in native mode the one that was meant.
fn no_seconds(call: &Call<'_>, why: &str) -> Box<Failure> {
    let word = call.word(0);
    if call.style.strict {
        return Failure::arguments(format!("bad TTL ({why})"));
    }
    let meant = duration(&word).map_or(60, |meant| meant.as_secs().max(1));
    Failure::arguments(format!("a TTL is a number of seconds, not `{word}`"))
        .with_hint(format!("{} lease grant {meant}", call.style.program))
}

impl Reply for PbLeaseGrantResponse {
    fn simple(&self, page: &mut Page<'_>) -> Outcome {
        page.line(format_args!(
            "lease {} granted with TTL({}s)",
            go::hex16(self.id),
            self.ttl
        ))
    }

    fn json(&self, page: &mut Page<'_>) -> Outcome {
        Ok(Object::write(page.out, |object| {
            json_flat(object, self.header.as_ref())?;
            object.raw("ID", self.id)?;
            object.raw("TTL", self.ttl)?;
            object.string("Error", &self.error)
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
