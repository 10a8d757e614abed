//! `lease timetolive ID`: how long a lease has left, and its keys.

use super::super::{Deadline, Endless, Since, Verb};
use super::{header_bytes, json_flat};
use crate::etcd::raw::PbLeaseTimeToLiveResponse;
use crate::etcd::rpc;
use crate::etcdctl::call::Call;
use crate::etcdctl::failure::{CONNECTION, Failure, Outcome};
use crate::etcdctl::form::go;
use crate::etcdctl::form::json::{self, Object};
use crate::etcdctl::form::print::{Format, Page, Reply};
use crate::etcdctl::form::table::Table;
use crate::etcdctl::line::flag::Flag;

pub(in super::super) const VERB: Verb = Verb {
    name: "lease timetolive",
    arguments: "<leaseID>",
    about: "show how long a lease has left",
    example: "lease timetolive 32695410dcc0ca06 --keys",
    flags: &[Flag::bool("keys", "show the keys of the lease, too")],
    changes: false,
    deadline: Deadline::Never,
    endless: Endless::Never,
    since: Since::Always,
    run,
};

fn run(call: &mut Call<'_>) -> Outcome {
    if call.words.len() != 1 {
        return Err(Failure::arguments(
            "lease timetolive command needs lease ID as argument",
        ));
    }
    call.client()?;
    let id = super::id(call)?;
    let table = !call.style.strict && call.format()? == Format::Table;
    let keys = call.flag("keys");
    let answer =
        call.read(async |etcd| Ok(rpc::lease_ttl(&etcd.channel, id, keys || table).await?));
    let answer = answer.map_err(|failure| failure.with_code(CONNECTION))?;
    call.reply(&Remaining { answer, keys })
}

struct Remaining {
    answer: PbLeaseTimeToLiveResponse,
    keys: bool,
}

impl Reply for Remaining {
    fn simple(&self, page: &mut Page<'_>) -> Outcome {
        let PbLeaseTimeToLiveResponse {
            granted_ttl,
            id,
            keys,
            ttl,
            ..
        } = &self.answer;
        let id = go::hex16(*id);
        if *granted_ttl == 0 && *ttl == -1 {
            return page.line(format_args!("lease {id} already expired"));
        }
        write!(
            page.out,
            "lease {id} granted with TTL({granted_ttl}s), remaining({ttl}s)"
        )?;
        if self.keys {
            page.out.write_all(b", attached keys([")?;
            page.text(&keys.join(&b' '), false)?;
            page.out.write_all(b"])")?;
        }
        page.line("")
    }

    fn json(&self, page: &mut Page<'_>) -> Outcome {
        Ok(Object::write(page.out, |object| {
            json_flat(object, self.answer.header.as_ref())?;
            object.raw("id", self.answer.id)?;
            object.raw("ttl", self.answer.ttl)?;
            object.raw("granted-ttl", self.answer.granted_ttl)?;
            if self.answer.keys.is_empty() {
                return object.raw("keys", "null");
            }
            object.array("keys", &self.answer.keys, |page, key| {
                json::bytes(page, key)
            })
        })?)
    }

    fn fields(&self, page: &mut Page<'_>) -> Outcome {
        page.header_fields(self.answer.header.as_ref())?;
        page.lease_field("ID", self.answer.id)?;
        page.field("TTL", self.answer.ttl)?;
        page.field("GrantedTTL", self.answer.granted_ttl)?;
        self.answer
            .keys
            .iter()
            .try_for_each(|key| page.quoted("Key", key))
    }

    fn protobuf(&self) -> Outcome<Vec<u8>> {
        Ok(header_bytes(self.answer.header.as_ref()))
    }

    fn native_table(&self, page: &Page<'_>) -> Outcome<Table> {
        Ok(super::table(page, std::slice::from_ref(&self.answer)))
    }
}

#[cfg(test)]
mod tests {
    use crate::etcd::raw::PbResponseHeader;

    use super::*;
    use crate::etcdctl::Layout;
    use crate::etcdctl::form::print;

    fn printed(format: Format, hex: bool, layout: Layout) -> String {
        let header = Some(PbResponseHeader {
            cluster_id: 10,
            member_id: 11,
            revision: 0,
            raft_term: 2,
        });
        let answer = PbLeaseTimeToLiveResponse {
            header,
            id: 0xabc,
            ttl: 9,
            granted_ttl: 10,
            keys: vec![b"a".to_vec(), b"b\n".to_vec()],
        };
        let mut out = Vec::new();
        print::reply(
            &Remaining { answer, keys: true },
            format,
            true,
            &mut Page {
                hex,
                layout,
                out: &mut out,
                records: false,
                visible: false,
                width: None,
            },
        )
        .unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_layouts_of_a_lease() {
        let tail = "\"TTL\" : 9\n\"GrantedTTL\" : 10\n\"Key\" : \"a\"\n\"Key\" : \"b\\n\"\n";
        let plain = "\"ClusterID\" : 10\n\"MemberID\" : 11\n";
        assert_eq!(
            printed(Format::Fields, true, Layout::V35),
            format!("{plain}\"Revision\" : 0\n\"RaftTerm\" : 2\n\"ID\" : 2748\n{tail}")
        );
        let hex = "\"ClusterID\" : a\n\"MemberID\" : b\n";
        assert_eq!(
            printed(Format::Fields, true, Layout::V36),
            format!("{hex}\"RaftTerm\" : 2\n\"ID\" : 0000000000000abc\n{tail}")
        );
        let json = r#"{"cluster_id":10,"member_id":11,"raft_term":2,"id":2748,"ttl":9,"granted-ttl":10,"keys":["YQ==","Ygo="]}"#;
        assert_eq!(
            printed(Format::Json, true, Layout::V36),
            format!("{json}\n")
        );
        assert_eq!(
            printed(Format::Protobuf, false, Layout::V36),
            "\x08\x0a\x10\x0b\x20\x02"
        );
    }
}
