//! `defrag`: give the free space of the members' databases back to their disks. A member answers nobody meanwhile.
//!
//! Native mode takes one member after the other, the leader last, and goes on only when the last one is healthy again.

use std::path::Path;
use std::time::{Duration, Instant};

use super::endpoint::{Asked, ask_in_order, status, targets};
use super::{Deadline, Endless, Since, Verb};
use crate::etcd::raw::PbStatusResponse;
use crate::etcd::{Client, Effect, Patience, defragment};
use crate::etcdctl::Layout;
use crate::etcdctl::call::Call;
use crate::etcdctl::failure::{ERROR, Failure, Outcome};
use crate::etcdctl::form::go;
use crate::etcdctl::form::log::{self, Fields};
use crate::etcdctl::line::flag::Flag;

pub(super) const VERB: Verb = Verb {
    name: "defrag",
    arguments: "",
    about: "give the free space of the members' databases back to their disks",
    example: "defrag --endpoints=10.10.10.10:2379\ndefrag --cluster\ndefrag --data-dir /var/lib/etcd   # with etcd stopped",
    flags: &[
        Flag::bool("cluster", "all members of the cluster"),
        Flag::text(
            "data-dir",
            "",
            "the data folder of a member that does not run; no etcd is asked",
        )
        .since(Since::UpTo35),
    ],
    changes: true,
    deadline: Deadline::Command,
    endless: Endless::Never,
    since: Since::Always,
    run,
};

/// How long a member may take: a database of many gigabytes on a slow disk.
const LONGEST: Duration = Duration::from_hours(1);
/// How long a member may take to be healthy after it.
const RECOVERY: Duration = Duration::from_mins(1);

fn run(call: &mut Call<'_>) -> Outcome {
    let data_dir = call.text("data-dir");
    if !data_dir.is_empty() {
        if call.style.strict {
            call.complain("Use `etcdutl defrag` instead. The --data-dir is going to be decomissioned in v3.6.\n")?;
        }
        return offline(call, &data_dir);
    }
    call.client()?;
    if call.style.strict {
        in_turn(call)
    } else {
        with_care(call)
    }
}

/// A member that does not run. As of etcdutl, what is done goes to standard error as its log.
pub(super) fn offline(call: &mut Call<'_>, data_dir: &str) -> Outcome {
    let database = format!("{data_dir}/member/snap/db");
    let start = Instant::now();
    if call.style.strict
        && let Ok(about) = std::fs::metadata(&database)
    {
        let sizes = sizes(&database, about.len());
        call.complain(log::line("defragmenting", &sizes))?;
    }
    let done = defragment(Path::new(data_dir)).map_err(|error| {
        if !call.style.strict {
            return Failure::of_error(&error);
        }
        let why = error.headline();
        Failure::new(
            ERROR,
            format!("Failed to defragment etcd data[{data_dir}] ({why})"),
        )
    })?;
    let took = go::duration(start.elapsed());
    if call.style.strict {
        let sizes = sizes(&database, done.after).text("took", &took);
        return call.complain(log::line("finished defragmenting directory", &sizes));
    }
    let (before, after) = (go::size(done.before), go::size(done.after));
    call.say(format_args!(
        "Finished defragmenting etcd data[{data_dir}]. took {took}, from {before} to {after}"
    ))
}

fn sizes(database: &str, bytes: u64) -> Fields {
    Fields::default()
        .text("path", database)
        .raw("current-db-size-bytes", bytes)
        .text("current-db-size", &go::size(bytes))
}

/// As etcdctl: one endpoint after the other, each with its own deadline.
fn in_turn(call: &mut Call<'_>) -> Outcome {
    let cluster = call.flag("cluster");
    let mut failed = false;
    for target in targets(call, cluster)? {
        let endpoint = target.endpoint;
        let start = Instant::now();
        let patience = call.patience()?;
        let outcome = match call.client_at(&endpoint) {
            Ok(client) if endpoint.trim() == endpoint => {
                ask(&client, patience).map_err(|fault| call.cause(&fault))
            }
            _ => Err("context deadline exceeded".into()),
        };
        failed |= outcome.is_err();
        report(call, &endpoint, start.elapsed(), "", outcome)?;
    }
    if failed {
        Err(Failure::silent(ERROR))
    } else {
        Ok(())
    }
}

fn ask(client: &Client, patience: Patience) -> crate::etcd::Result<()> {
    client
        .ask(Effect::Write, patience, async |etcd| {
            etcd.maintenance().defragment().await
        })
        .map(|_| ())
}

fn report(
    call: &mut Call<'_>,
    endpoint: &str,
    took: Duration,
    sizes: &str,
    outcome: Result<(), String>,
) -> Outcome {
    let new = call.style.layout >= Layout::V36;
    let took = go::duration(took);
    match outcome {
        Ok(()) if new => call.say(format_args!(
            "Finished defragmenting etcd member[{endpoint}]. took {took}{sizes}"
        ))?,
        Ok(()) => call.say(format_args!(
            "Finished defragmenting etcd member[{endpoint}]{sizes}"
        ))?,
        Err(why) if new => call.complain(format_args!(
            "Failed to defragment etcd member[{endpoint}]. took {took}. ({why})"
        ))?,
        Err(why) => call.complain(format_args!(
            "Failed to defragment etcd member[{endpoint}] ({why})"
        ))?,
    }
    Ok(call.io.out.flush()?)
}

fn with_care(call: &mut Call<'_>) -> Outcome {
    let cluster = call.flag("cluster");
    let targets = targets(call, cluster)?;
    let asked = ask_in_order(call, targets, status::ask)?;
    let dead: Vec<String> = asked
        .iter()
        .filter_map(|asked| {
            Some(format!(
                "{}: {}",
                asked.target.endpoint,
                asked.answer.as_ref().err()?
            ))
        })
        .collect();
    if !dead.is_empty() {
        // While one member is dead, a second one that answers nobody may cost the quorum.
        let mut failure = Failure::new(ERROR, "not every member answers, so none was defragmented");
        failure.causes = dead;
        return Err(failure.with_hint("name the members that live: --endpoints=..."));
    }
    let members = in_order(asked);
    let given = call
        .settings()?
        .command_timeout_given
        .then_some(call.settings()?.command_timeout);
    for (place, (endpoint, before)) in members.iter().enumerate() {
        let client = call.client_at(endpoint)?;
        let start = Instant::now();
        let patience = Patience {
            deadline: Some(start + given.unwrap_or(LONGEST)),
            stubborn: false,
        };
        let outcome = ask(&client, patience).map_err(|fault| call.cause(&fault));
        let took = start.elapsed();
        let failed = outcome.is_err();
        let after = call.patience()?;
        let after = status::ask(&client, after)
            .ok()
            .map_or(*before, |status| status.db_size);
        let sizes = format!(
            ", from {} to {}",
            go::size(before.cast_unsigned()),
            go::size(after.cast_unsigned())
        );
        report(call, endpoint, took, &sizes, outcome)?;
        if failed || !recovered(&client) {
            let left: Vec<&str> = members[place + 1..]
                .iter()
                .map(|(endpoint, _)| endpoint.as_str())
                .collect();
            let text = if failed {
                format!("{endpoint} was not defragmented")
            } else {
                format!("{endpoint} is not healthy a minute later")
            };
            let text = if left.is_empty() {
                text
            } else {
                format!("{text}; left alone: {}", left.join(", "))
            };
            return Err(Failure::new(ERROR, text));
        }
    }
    Ok(())
}

/// Each member once, with the size of its database: those that follow, then the leader.
fn in_order(asked: Vec<Asked<PbStatusResponse>>) -> Vec<(String, i64)> {
    let mut members = Vec::new();
    let mut seen = Vec::new();
    for asked in asked {
        let Ok(status) = asked.answer else { continue };
        let id = status.header.map_or(0, |header| header.member_id);
        if !seen.contains(&id) {
            seen.push(id);
            members.push((status.leader == id, asked.target.endpoint, status.db_size));
        }
    }
    members.sort_by_key(|(leads, ..)| *leads);
    members
        .into_iter()
        .map(|(_, endpoint, size)| (endpoint, size))
        .collect()
}

/// Wait until the member reads through the quorum again.
fn recovered(client: &Client) -> bool {
    let patience = Patience {
        deadline: Some(Instant::now() + RECOVERY),
        stubborn: true,
    };
    let answer = client.ask(Effect::Read, patience, async |etcd| {
        etcd.kv().get("health", None).await
    });
    match answer {
        Ok(_) => true,
        Err(fault) => matches!(fault.trouble(), crate::etcd::Trouble::Auth(_)),
    }
}

#[cfg(test)]
mod tests {
    use crate::etcd::raw::PbResponseHeader;

    use super::super::endpoint::Target;
    use super::*;

    #[test]
    fn the_leader_comes_last_and_a_member_only_once() {
        let member = |endpoint: &str, member_id| Asked {
            answer: Ok(PbStatusResponse {
                header: Some(PbResponseHeader {
                    member_id,
                    ..PbResponseHeader::default()
                }),
                leader: 1,
                ..PbStatusResponse::default()
            }),
            target: Target {
                endpoint: endpoint.into(),
                member: None,
            },
        };
        let order = in_order(vec![
            member("a", 1),
            member("b", 2),
            member("b2", 2),
            member("c", 3),
        ]);
        assert_eq!(
            order
                .iter()
                .map(|(endpoint, _)| endpoint.as_str())
                .collect::<Vec<_>>(),
            ["b", "c", "a"]
        );
    }
}
