//! `lease list`: the ids of all leases; as a table also what is left of each and its keys.

use super::super::{Deadline, Endless, Since, Verb};
use super::{header_bytes, json_flat};
use crate::etcd::raw::PbLeaseLeasesResponse;
use crate::etcd::rpc;
use crate::etcdctl::call::Call;
use crate::etcdctl::failure::{CONNECTION, Outcome};
use crate::etcdctl::form::go;
use crate::etcdctl::form::json::Object;
use crate::etcdctl::form::print::{Format, Page, Reply};

pub(in super::super) const VERB: Verb = Verb {
    name: "lease list",
    arguments: "",
    about: "list all leases",
    example: "lease list\nlease list -w table",
    flags: &[],
    changes: false,
    deadline: Deadline::Never,
    endless: Endless::Never,
    since: Since::Always,
    run,
};

fn run(call: &mut Call<'_>) -> Outcome {
    if call.format()? == Format::Table && !call.style.strict {
        return table(call);
    }
    call.client()?;
    let answer = call.read(async |etcd| Ok(rpc::lease_list(&etcd.channel).await?));
    let answer = answer.map_err(|failure| failure.with_code(CONNECTION))?;
    call.reply(&answer)
}

/// Leases that are asked for within one deadline.
const CHUNK: usize = 1000;

/// Each lease is asked for, many at a time.
fn table(call: &mut Call<'_>) -> Outcome {
    let listed = call.read(async |etcd| Ok(rpc::lease_list(&etcd.channel).await?));
    let listed = listed
        .map_err(|failure| failure.with_code(CONNECTION))?
        .leases;
    let mut leases = Vec::with_capacity(listed.len());
    for chunk in listed.chunks(CHUNK) {
        let asked = call.read(async |etcd| {
            let channel = &etcd.channel;
            let ask = |id| {
                let channel = channel.clone();
                async move { rpc::lease_ttl(&channel, id, true).await }
            };
            Ok(rpc::many(chunk.iter().map(|lease| lease.id).collect(), ask).await?)
        });
        leases.extend(asked.map_err(|failure| failure.with_code(CONNECTION))?);
    }
    let mut page = call.page()?;
    let table = super::table(&page, &leases);
    page.table(table)
}

impl Reply for PbLeaseLeasesResponse {
    fn simple(&self, page: &mut Page<'_>) -> Outcome {
        page.line(format_args!("found {} leases", self.leases.len()))?;
        self.leases
            .iter()
            .try_for_each(|lease| page.line(go::hex16(lease.id)))
    }

    fn json(&self, page: &mut Page<'_>) -> Outcome {
        Ok(Object::write(page.out, |object| {
            json_flat(object, self.header.as_ref())?;
            object.array("leases", &self.leases, |page, lease| {
                Object::write(page, |object| object.raw("id", lease.id))
            })
        })?)
    }

    fn fields(&self, page: &mut Page<'_>) -> Outcome {
        page.header_fields(self.header.as_ref())?;
        self.leases
            .iter()
            .try_for_each(|lease| page.lease_field("ID", lease.id))
    }

    fn protobuf(&self) -> Outcome<Vec<u8>> {
        Ok(header_bytes(self.header.as_ref()))
    }
}
