//! `endpoint hashkv`: the hash of each member's keys, equal where all is well.

use serde_json::{Value, json};

use super::status::empty;
use super::{Asked, ask_in_order, targets};
use crate::etcd::raw::PbHashKvResponse;
use crate::etcdctl::Layout;
use crate::etcdctl::call::Call;
use crate::etcdctl::failure::{ERROR, Failure, Outcome};
use crate::etcdctl::form::json::{Object, array};
use crate::etcdctl::form::print::{Page, Reply, json_with_header};
use crate::etcdctl::form::table::Table;
use crate::etcdctl::line::flag::Flag;
use crate::etcdctl::verb::{Deadline, Endless, Since, Verb};

pub(in crate::etcdctl::verb) const VERB: Verb = Verb {
    name: "endpoint hashkv",
    arguments: "",
    about: "print the hash of the keys and their history for each endpoint",
    example: "endpoint hashkv --cluster\nendpoint hashkv --rev=1000",
    flags: &[Flag::int(
        "rev",
        "0",
        "up to this revision; 0 is the newest",
    )],
    changes: false,
    deadline: Deadline::Command,
    endless: Endless::Never,
    since: Since::Always,
    run,
};

fn run(call: &mut Call<'_>) -> Outcome {
    if call.style.strict {
        call.client()?;
    }
    let cluster = call.inherited_flag("cluster");
    let rev = call.number("rev");
    let targets = targets(call, cluster)?;
    let mut rows = ask_in_order(call, targets, |client, patience| {
        client
            .look(patience, async |etcd| etcd.maintenance().hash_kv(rev).await)
            .map(|answer| answer.0)
    })?;
    let mut last = None;
    for row in &rows {
        if let Err(why) = &row.answer {
            call.complain(format_args!(
                "Failed to get the hash of endpoint {} ({why})",
                row.target.endpoint
            ))?;
            last = Some(why.clone());
        }
    }
    rows.retain(|row| row.answer.is_ok());
    call.reply(&Hashes(rows))?;
    last.map_or(Ok(()), |why| Err(Failure::new(ERROR, why)))
}

struct Hashes(Vec<Asked<PbHashKvResponse>>);

impl Hashes {
    fn each(&self) -> impl Iterator<Item = (&str, &PbHashKvResponse)> {
        self.0
            .iter()
            .filter_map(|asked| Some((asked.target.endpoint.as_str(), asked.ok()?)))
    }

    fn rows(&self, layout: Layout) -> impl Iterator<Item = Vec<String>> {
        self.each().map(move |(endpoint, hash)| {
            let mut row = vec![endpoint.to_string(), hash.hash.to_string()];
            if layout >= Layout::V36 {
                row.push(hash.hash_revision.to_string());
            }
            row
        })
    }
}

impl Reply for Hashes {
    fn simple(&self, page: &mut Page<'_>) -> Outcome {
        self.rows(page.layout)
            .try_for_each(|row| page.line(row.join(", ")))
    }

    fn json(&self, page: &mut Page<'_>) -> Outcome {
        let layout = page.layout;
        if self.0.is_empty() {
            return Ok(page.out.write_all(empty(layout))?);
        }
        Ok(array(page.out, self.each(), |page, (endpoint, hash)| {
            Object::write(page, |object| {
                object.string("Endpoint", endpoint)?;
                object.object("HashKV", |object| {
                    json_with_header(object, hash.header.as_ref())?;
                    object.some_number("hash", hash.hash)?;
                    object.some_number("compact_revision", hash.compact_revision)?;
                    if layout >= Layout::V36 {
                        object.some_number("hash_revision", hash.hash_revision)
                    } else {
                        Ok(())
                    }
                })
            })
        })?)
    }

    fn decoded(&self) -> Option<Value> {
        let object = |(endpoint, hash): (&str, &PbHashKvResponse)| {
            let revision = hash.header.map_or(0, |header| header.revision);
            json!({ "endpoint": endpoint, "hash": hash.hash, "hash_revision": hash.hash_revision, "compact_revision": hash.compact_revision, "revision": revision })
        };
        Some(self.each().map(object).collect())
    }

    fn fields(&self, page: &mut Page<'_>) -> Outcome {
        for (endpoint, hash) in self.each() {
            page.header_fields(hash.header.as_ref())?;
            page.quoted("Endpoint", endpoint.as_bytes())?;
            page.field("Hash", hash.hash)?;
            if page.layout >= Layout::V36 {
                page.field("HashRevision", hash.hash_revision)?;
            }
            page.line("")?;
        }
        Ok(())
    }

    fn table(&self, page: &Page<'_>) -> Outcome<Table> {
        let mut table = if page.layout >= Layout::V36 {
            Table::new(&["endpoint", "hash", "hash revision"])
        } else {
            Table::new(&["endpoint", "hash"])
        };
        table.rows = self.rows(page.layout).collect();
        Ok(table)
    }
}
