//! `member add NAME --peer-urls=...`: a new member, or a learner, and what its etcd must be started with.

use prost::Message;
use serde_json::{Value, json};

use super::{LACKS, decoded, json_member, json_members, peer_urls, table};
use crate::etcd::raw::{MemberAddOptions, PbMemberAddResponse};
use crate::etcdctl::Layout;
use crate::etcdctl::call::Call;
use crate::etcdctl::failure::{ARGUMENTS, Failure, Outcome};
use crate::etcdctl::form::go;
use crate::etcdctl::form::json::Object;
use crate::etcdctl::form::print::{Page, Reply, json_with_header};
use crate::etcdctl::form::table::Table;
use crate::etcdctl::line::flag::Flag;
use crate::etcdctl::verb::{Deadline, Endless, Since, Verb};

pub(in crate::etcdctl::verb) const VERB: Verb = Verb {
    name: "member add",
    arguments: "<name>",
    about: "add a member to the cluster",
    example: "member add pg-4 --peer-urls=https://10.10.10.14:2380 --learner",
    flags: &[
        Flag::bool("learner", "it learns first and does not vote yet"),
        Flag::text(
            "peer-urls",
            "",
            "where its peers reach it, separated by commas",
        ),
    ],
    changes: true,
    deadline: Deadline::Command,
    endless: Endless::Never,
    since: Since::Always,
    run,
};

fn run(call: &mut Call<'_>) -> Outcome {
    if call.words.is_empty() {
        return Err(Failure::arguments("member name not provided"));
    }
    if call.words.len() > 1 {
        let words = (0..call.words.len())
            .map(|place| call.word(place))
            .filter(|word| word.to_lowercase().starts_with("http"));
        let meant: String = words
            .map(|word| format!(", did you mean --peer-urls={word}"))
            .collect();
        return Err(Failure::arguments(format!("too many arguments{meant}")));
    }
    let urls = peer_urls(call).map_err(|mut failure| {
        if failure.code == ARGUMENTS && !call.style.strict {
            let whole =
                "`etcdsh etcd-add HOST` installs a member on a host of the inventory, and joins it";
            failure.causes.push(whole.into());
        }
        failure
    })?;
    call.lacks(LACKS)?;
    let learner = call.flag("learner");
    let options = MemberAddOptions::new();
    let options = if learner {
        options.with_is_learner()
    } else {
        options
    };
    let answer = call.write(async |etcd| {
        etcd.cluster()
            .member_add(urls.clone(), Some(options.clone()))
            .await
    })?;
    call.reply(&Added {
        answer: &answer.0,
        learner,
        name: &call.words[0].clone(),
        urls: &call.text("peer-urls"),
    })
}

struct Added<'a> {
    answer: &'a PbMemberAddResponse,
    learner: bool,
    name: &'a [u8],
    urls: &'a str,
}

impl Added<'_> {
    /// All members as `--initial-cluster` wants them, each URL with its name.
    fn initial_cluster(&self) -> Vec<u8> {
        let id = self.answer.member.as_ref().map_or(0, |member| member.id);
        let mut text = Vec::new();
        for member in &self.answer.members {
            let name = if member.id == id {
                self.name
            } else {
                member.name.as_bytes()
            };
            for url in &member.peer_ur_ls {
                if !text.is_empty() {
                    text.push(b',');
                }
                text.extend([name, b"=", url.as_bytes()].concat());
            }
        }
        text
    }
}

impl Reply for Added<'_> {
    fn simple(&self, page: &mut Page<'_>) -> Outcome {
        let id = self.answer.member.as_ref().map_or(0, |member| member.id);
        let cluster = self.answer.header.map_or(0, |header| header.cluster_id);
        let added = if self.learner && page.layout >= Layout::V36 {
            "added as learner to"
        } else {
            "added to"
        };
        page.line(format_args!(
            "Member {id:16x} {added} cluster {cluster:16x}"
        ))?;
        page.line("")?;
        page.line(format_args!("ETCD_NAME={}", go::quote(self.name)))?;
        page.line(format_args!(
            "ETCD_INITIAL_CLUSTER={}",
            go::quote(&self.initial_cluster())
        ))?;
        page.line(format_args!(
            "ETCD_INITIAL_ADVERTISE_PEER_URLS={}",
            go::quote(self.urls.as_bytes())
        ))?;
        page.line("ETCD_INITIAL_CLUSTER_STATE=\"existing\"")
    }

    fn json(&self, page: &mut Page<'_>) -> Outcome {
        Ok(Object::write(page.out, |object| {
            json_with_header(object, self.answer.header.as_ref())?;
            self.answer
                .member
                .as_ref()
                .map_or(Ok(()), |member| json_member(object.name("member")?, member))?;
            json_members(object, &self.answer.members)
        })?)
    }

    fn decoded(&self) -> Option<Value> {
        let members: Vec<Value> = self.answer.members.iter().map(decoded).collect();
        let initial_cluster = String::from_utf8_lossy(&self.initial_cluster()).into_owned();
        Some(
            json!({ "member": self.answer.member.as_ref().map(decoded), "members": members, "initial_cluster": initial_cluster }),
        )
    }

    fn protobuf(&self) -> Outcome<Vec<u8>> {
        Ok(self.answer.encode_to_vec())
    }

    fn native_table(&self, _: &Page<'_>) -> Outcome<Table> {
        Ok(table(&self.answer.members))
    }
}
