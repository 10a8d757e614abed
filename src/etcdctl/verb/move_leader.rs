//! `move-leader ID`: hand the leadership over to another member; in native mode a name is as good as an id.

use std::time::Instant;

use prost::Message;
use serde_json::{Value, json};

use super::endpoint::{Target, ask_in_order, status};
use super::{Deadline, Endless, Since, Verb, member};
use crate::etcd::raw::{PbMoveLeaderResponse, PbStatusResponse};
use crate::etcd::{self, Client, Effect, PAUSE, Patience, rpc};
use crate::etcdctl::call::Call;
use crate::etcdctl::failure::{ERROR, Failure, Outcome};
use crate::etcdctl::form::go;
use crate::etcdctl::form::json::Object;
use crate::etcdctl::form::print::{Format, Page, Reply, json_with_header};

pub(super) const VERB: Verb = Verb {
    name: "move-leader",
    arguments: "<member id>",
    about: "hand the leadership over to another member",
    example: "move-leader 8211f1d0f64f3269\nmove-leader pg-test-2",
    flags: &[],
    changes: true,
    deadline: Deadline::Command,
    endless: Endless::Never,
    since: Since::Always,
    run,
};

fn run(call: &mut Call<'_>) -> Outcome {
    if call.words.len() != 1 {
        return Err(Failure::arguments("move-leader command needs 1 argument"));
    }
    let word = call.word(0);
    let target = match go::parse_uint(&word, 16) {
        Ok(id) => id,
        Err(why) if call.style.strict => return Err(Failure::arguments(why)),
        Err(_) => member::named(call, &word)?,
    };
    call.lacks(&[Format::Fields, Format::Table])?;
    call.client()?;
    // One budget for all steps.
    let patience = call.patience()?;
    let (answer, leader) = if call.style.strict {
        let (client, leader) = given_leader(call, patience)?;
        (moved(&client, patience, target), leader)
    } else {
        followed(call, patience, target)?
    };
    let answer = answer.map_err(|fault| call.failed(&fault))?;
    call.reply(&Moved {
        answer,
        leader,
        target,
    })
}

fn moved(client: &Client, patience: Patience, target: u64) -> etcd::Result<PbMoveLeaderResponse> {
    let answer = client.ask(Effect::Write, patience, async |etcd| {
        etcd.maintenance().move_leader(target).await
    });
    Ok(answer?.0)
}

/// What the leader answered, and who it is. One that has ceased to lead since it was found has done nothing: its
/// successor is asked.
fn followed(
    call: &mut Call<'_>,
    patience: Patience,
    target: u64,
) -> Outcome<(etcd::Result<PbMoveLeaderResponse>, u64)> {
    loop {
        let (client, id) = leader(call, patience)?;
        let answer = moved(&client, patience, target);
        let over = (patience.deadline).is_some_and(|end| Instant::now() + PAUSE >= end);
        match &answer {
            Err(fault) if fault.trouble().is_not_leader() && !over => std::thread::sleep(PAUSE),
            _ => return Ok((answer, id)),
        }
    }
}

/// The first of the endpoints whose member leads; one that does not answer ends the search.
fn given_leader(call: &mut Call<'_>, patience: Patience) -> Outcome<(Client, u64)> {
    let endpoints = call.settings()?.config.endpoints.clone();
    for endpoint in &endpoints {
        let client = call.client_at(endpoint)?;
        let status = status::ask(&client, patience).map_err(|fault| call.failed(&fault))?;
        if is_leader(&status) {
            return Ok((client, status.leader));
        }
    }
    Err(Failure::arguments(format!(
        "no leader endpoint given at [{}]",
        endpoints.join(" ")
    )))
}

/// The leader, wherever it is: among the endpoints, or where the members' list says it listens.
fn leader(call: &mut Call<'_>, patience: Patience) -> Outcome<(Client, u64)> {
    let endpoints = call.settings()?.config.endpoints.clone();
    let targets = endpoints
        .into_iter()
        .map(|endpoint| Target {
            endpoint,
            member: None,
        })
        .collect();
    let quick = Patience {
        deadline: patience.deadline.map(|deadline| {
            deadline.min(Instant::now() + (deadline.saturating_duration_since(Instant::now()) / 2))
        }),
        ..patience
    };
    let asked = ask_in_order(call, targets, |client, _| status::ask(client, quick))?;
    if let Some(found) = asked.iter().find(|asked| asked.ok().is_some_and(is_leader)) {
        let id = found.ok().map_or(0, |status| status.leader);
        return Ok((call.client_at(&found.target.endpoint)?, id));
    }
    let id = asked
        .iter()
        .filter_map(|asked| asked.ok())
        .map(|status| status.leader)
        .find(|leader| *leader != 0);
    let Some(id) = id else {
        let mut failure = Failure::new(ERROR, "no endpoint knows a leader");
        failure.causes = asked
            .iter()
            .map(|asked| {
                format!(
                    "{}: {}",
                    asked.target.endpoint,
                    asked
                        .answer
                        .as_ref()
                        .err()
                        .map_or("it has no leader", String::as_str)
                )
            })
            .collect();
        return Err(failure);
    };
    let list = call.read(async |etcd| Ok(rpc::member_list(&etcd.channel, true).await?))?;
    let urls = list
        .members
        .into_iter()
        .find(|member| member.id == id)
        .map(|member| member.client_ur_ls)
        .unwrap_or_default();
    let mut config = call.settings()?.config.clone();
    config.endpoints.clone_from(&urls);
    let client = Client::new(config)
        .map_err(|_| Failure::new(ERROR, format!("the leader {id:x} has no URL for clients")))?;
    Ok((client, id))
}

fn is_leader(status: &PbStatusResponse) -> bool {
    status
        .header
        .is_some_and(|header| header.member_id == status.leader)
}

struct Moved {
    answer: PbMoveLeaderResponse,
    leader: u64,
    target: u64,
}

impl Reply for Moved {
    fn simple(&self, page: &mut Page<'_>) -> Outcome {
        page.line(format_args!(
            "Leadership transferred from {:x} to {:x}",
            self.leader, self.target
        ))
    }

    fn json(&self, page: &mut Page<'_>) -> Outcome {
        Ok(Object::write(page.out, |object| {
            json_with_header(object, self.answer.header.as_ref())
        })?)
    }

    fn decoded(&self) -> Option<Value> {
        Some(json!({ "from": format!("{:x}", self.leader), "to": format!("{:x}", self.target) }))
    }

    fn protobuf(&self) -> Outcome<Vec<u8>> {
        Ok(self.answer.encode_to_vec())
    }
}
