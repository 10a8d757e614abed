//! `member list`: all members.

use prost::Message;
use serde_json::Value;

use super::{decoded, json_members, row, table};
use crate::etcd::raw::PbMemberListResponse;
use crate::etcd::rpc;
use crate::etcdctl::Layout;
use crate::etcdctl::call::Call;
use crate::etcdctl::failure::{FEATURE, Failure, Outcome};
use crate::etcdctl::form::go;
use crate::etcdctl::form::json::{self, Object};
use crate::etcdctl::form::print::{Page, Reply, json_with_header};
use crate::etcdctl::form::table::Table;
use crate::etcdctl::line::flag::Flag;
use crate::etcdctl::verb::{Deadline, Endless, Since, Verb};

pub(in crate::etcdctl::verb) const VERB: Verb = Verb {
    name: "member list",
    arguments: "",
    about: "list the members: id, status, name, peer and client URLs, learner or not",
    example: "member list\nmember list -w table",
    flags: &[Flag::text(
        "consistency",
        "l",
        "l asks the quorum (linearizable), s only the member (serializable)",
    )
    .since(Since::V36)],
    changes: false,
    deadline: Deadline::Command,
    endless: Endless::Never,
    since: Since::Always,
    run,
};

fn run(call: &mut Call<'_>) -> Outcome {
    let linearizable = match call.text("consistency").as_str() {
        "l" => true,
        "s" => false,
        other => {
            // etcdctl complains of the value of `get`.
            let named = if call.style.strict { "l" } else { other };
            return Err(Failure::new(
                FEATURE,
                format!("unknown consistency flag {}", go::quote(named.as_bytes())),
            ));
        }
    };
    let answer =
        call.read(async |etcd| Ok(rpc::member_list(&etcd.channel, linearizable).await?))?;
    call.reply(&answer)
}

impl Reply for PbMemberListResponse {
    fn simple(&self, page: &mut Page<'_>) -> Outcome {
        self.members
            .iter()
            .try_for_each(|member| page.line(row(member).join(", ")))
    }

    fn json(&self, page: &mut Page<'_>) -> Outcome {
        if page.hex {
            return Ok(hex(self, page)?);
        }
        Ok(Object::write(page.out, |object| {
            json_with_header(object, self.header.as_ref())?;
            json_members(object, &self.members)
        })?)
    }

    fn fields(&self, page: &mut Page<'_>) -> Outcome {
        page.header_fields(self.header.as_ref())?;
        for member in &self.members {
            page.id_field("ID", member.id)?;
            page.quoted("Name", member.name.as_bytes())?;
            member
                .peer_ur_ls
                .iter()
                .try_for_each(|url| page.quoted("PeerURL", url.as_bytes()))?;
            member
                .client_ur_ls
                .iter()
                .try_for_each(|url| page.quoted("ClientURL", url.as_bytes()))?;
            page.field("IsLearner", member.is_learner)?;
            page.line("")?;
        }
        Ok(())
    }

    fn decoded(&self) -> Option<Value> {
        Some(self.members.iter().map(decoded).collect())
    }

    fn protobuf(&self) -> Outcome<Vec<u8>> {
        Ok(self.encode_to_vec())
    }

    fn table(&self, _: &Page<'_>) -> Outcome<Table> {
        Ok(table(&self.members))
    }
}

/// With `--hex` etcdctl writes other names, nothing about learners, and even the term in hex.
fn hex(list: &PbMemberListResponse, page: &mut Page<'_>) -> std::io::Result<()> {
    let header = list.header.unwrap_or_default();
    let client_urls = if page.layout >= Layout::V36 {
        "clientURLs"
    } else {
        "clientURLS"
    };
    let strings = |page: &mut dyn std::io::Write, texts: &[String]| match texts {
        [] => page.write_all(b"null"),
        texts => json::array(page, texts, |page, text| {
            json::string(page, text.as_bytes())
        }),
    };
    Object::write(page.out, |object| {
        object.object("header", |object| {
            object.raw("cluster_id", format_args!("\"{:x}\"", header.cluster_id))?;
            object.raw("member_id", format_args!("\"{:x}\"", header.member_id))?;
            object.raw("raft_term", format_args!("{:x}", header.raft_term))
        })?;
        if list.members.is_empty() {
            return Ok(());
        }
        object.array("members", &list.members, |page, member| {
            Object::write(page, |object| {
                object.raw("ID", format_args!("\"{:x}\"", member.id))?;
                object.string("name", &member.name)?;
                strings(object.name("peerURLs")?, &member.peer_ur_ls)?;
                strings(object.name(client_urls)?, &member.client_ur_ls)
            })
        })
    })
}
