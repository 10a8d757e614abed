//! `endpoint`: the members behind the endpoints, each asked for itself and all at the same time.

pub(super) mod hashkv;
pub(super) mod health;
pub(super) mod status;

use std::sync::mpsc;

use crate::etcd::raw::PbMember;
use crate::etcd::{Client, Fault, Patience, rpc};
use crate::etcdctl::call::Call;
use crate::etcdctl::failure::{ERROR, Outcome};

/// An endpoint to be asked.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) endpoint: String,
    /// Whose it is, when the members were listed.
    pub(super) member: Option<u64>,
}

/// The endpoints that were given, or with `--cluster` those of all members.
///
/// etcdctl takes the given ones as they were typed and knows nothing of SRV records here; native mode does.
pub(super) fn targets(call: &mut Call<'_>, cluster: bool) -> Outcome<Vec<Target>> {
    if !cluster {
        let endpoints = if call.style.strict {
            call.typed_endpoints()
        } else {
            call.settings()?.config.endpoints.clone()
        };
        return Ok(endpoints
            .into_iter()
            .map(|endpoint| Target {
                endpoint,
                member: None,
            })
            .collect());
    }
    let members = members(call)?;
    let urls = members.into_iter().flat_map(|member| {
        member.client_ur_ls.into_iter().map(move |endpoint| Target {
            endpoint,
            member: Some(member.id),
        })
    });
    Ok(urls.collect())
}

fn members(call: &mut Call<'_>) -> Outcome<Vec<PbMember>> {
    call.client().map_err(|failure| failure.with_code(ERROR))?;
    let list = call.read(async |etcd| Ok(rpc::member_list(&etcd.channel, true).await?));
    let list = list.map_err(|failure| {
        failure.within(|text| {
            format!("failed to fetch endpoints from etcd cluster member list: {text}")
        })
    })?;
    Ok(list.members)
}

/// What came of asking one endpoint: the reason in words when nothing did.
pub(super) struct Asked<T> {
    pub(super) answer: Result<T, String>,
    pub(super) target: Target,
}

impl<T> Asked<T> {
    pub(super) fn ok(&self) -> Option<&T> {
        self.answer.as_ref().ok()
    }
}

/// Ask all at the same time. The answers stand in the order in which they came.
pub(super) fn ask_each<T: Send>(
    call: &mut Call<'_>,
    targets: Vec<Target>,
    ask: impl Fn(&Client, Patience) -> Result<T, Box<Fault>> + Sync,
) -> Outcome<Vec<Asked<T>>> {
    let patience = call.patience()?;
    let mut clients = Vec::new();
    let mut asked = Vec::new();
    for target in targets {
        // etcdctl does not take blanks away here, and finds nobody.
        let typed_badly = call.style.strict && target.endpoint.trim() != target.endpoint;
        match call.client_at(&target.endpoint) {
            Ok(client) if !typed_badly => clients.push((client, target)),
            _ if call.style.strict => asked.push(Asked {
                answer: Err("context deadline exceeded".into()),
                target,
            }),
            Ok(_) => {}
            Err(failure) => asked.push(Asked {
                answer: Err(failure.text().to_string()),
                target,
            }),
        }
    }
    let (sender, answers) = mpsc::channel();
    std::thread::scope(|scope| {
        for (client, target) in clients {
            let (sender, ask) = (sender.clone(), &ask);
            scope.spawn(move || sender.send((ask(&client, patience), target)));
        }
    });
    drop(sender);
    asked.extend(answers.into_iter().map(|(answer, target)| Asked {
        answer: answer.map_err(|fault| call.cause(&fault)),
        target,
    }));
    Ok(asked)
}

/// The same in the order of the endpoints.
pub(super) fn ask_in_order<T: Send>(
    call: &mut Call<'_>,
    targets: Vec<Target>,
    ask: impl Fn(&Client, Patience) -> Result<T, Box<Fault>> + Sync,
) -> Outcome<Vec<Asked<T>>> {
    let order: Vec<String> = targets
        .iter()
        .map(|target| target.endpoint.clone())
        .collect();
    let mut asked = ask_each(call, targets, ask)?;
    asked.sort_by_key(|asked| {
        order
            .iter()
            .position(|endpoint| *endpoint == asked.target.endpoint)
    });
    Ok(asked)
}
