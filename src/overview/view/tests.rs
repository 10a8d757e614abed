//! A cluster of three as it was seen, changed in one thing, and what is said of it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::*;
use crate::etcd::Member;
use crate::etcd::{Client, Config, Status};
use crate::overview::Expected;
use crate::overview::metrics::Metrics;
use crate::overview::watch::{Leading, Own, Scraped, Seen};

fn endpoint(number: u64) -> String {
    format!("http://10.0.0.{number}:2379")
}

fn listed(number: u64) -> Member {
    Member {
        client_urls: vec![endpoint(number)],
        id: number,
        is_learner: false,
        name: format!("etcd-{number}"),
        peer_urls: vec![format!("http://10.0.0.{number}:2380")],
    }
}

/// A member that answers; the first one leads.
fn answering(number: u64, metrics: &str) -> Seen {
    let status = Status {
        leader: 1,
        member_id: number,
        raft_applied_index: 900,
        raft_index: 900,
        raft_term: 4,
        db_size: 1000,
        db_size_in_use: 900,
        ..Status::default()
    };
    let mut seen = Seen {
        health: Some(Ok(Duration::from_millis(2))),
        looks: 3,
        status: Some(status),
        ..Seen::default()
    };
    seen.scrapes.push_back(Scraped {
        at: Instant::now(),
        metrics: Metrics::parse(metrics),
        own: Own::default(),
    });
    seen
}

/// Three members of three hosts, all well.
pub(in crate::overview) fn three() -> (Plan, State) {
    let client = Client::new(Config {
        endpoints: (1..=3).map(endpoint).collect(),
        ..Config::default()
    })
    .unwrap();
    let expected = (1..=3)
        .map(|n| Expected {
            endpoint: endpoint(n),
            host: format!("10.0.0.{n}"),
            member: format!("etcd-{n}"),
        })
        .collect();
    let plan = Plan {
        client,
        cluster: "etcd".into(),
        command: "etcdsh".into(),
        expected,
        hosts: None,
        interval: Duration::from_secs(1),
        nowhere: false,
    };
    let seen: BTreeMap<String, Seen> = (1..=3)
        .map(|n| {
            (
                endpoint(n),
                answering(n, "etcd_server_quota_backend_bytes 8e9"),
            )
        })
        .collect();
    let leading = Some(Leading {
        exact: true,
        id: 1,
        since: cert::now() - 60,
        term: 4,
    });
    (
        plan,
        State {
            drift: Drift::NotAsked,
            leading,
            members: Some((1..=3).map(listed).collect()),
            refused: None,
            seen,
            started: Instant::now(),
        },
    )
}

pub(in crate::overview) fn seen(state: &mut State, number: u64) -> &mut Seen {
    state.seen.get_mut(&endpoint(number)).unwrap()
}

pub(in crate::overview) fn down(state: &mut State, number: u64) {
    let seen = seen(state, number);
    (seen.why, seen.health, seen.failing_since) = (
        Some("connection refused".into()),
        None,
        Some(Instant::now()),
    );
}

fn roles(view: &View) -> Vec<(&str, Role)> {
    view.members
        .iter()
        .map(|member| (member.name.as_str(), member.role))
        .collect()
}

#[test]
fn three_members_that_are_well_are_healthy() {
    let (plan, state) = three();
    let seen = view(&plan, &state);
    assert_eq!(
        (
            seen.verdict,
            seen.voters,
            seen.quorum,
            seen.up,
            seen.tolerance
        ),
        (Verdict::Healthy, 3, 2, 3, 1)
    );
    assert_eq!(
        (
            seen.leader.as_deref(),
            seen.leader_age().as_deref(),
            seen.exit_code()
        ),
        (Some("etcd-1"), Some("1m 0s"), 0)
    );
    assert_eq!(
        roles(&seen),
        [
            ("etcd-1", Role::Leader),
            ("etcd-2", Role::Follower),
            ("etcd-3", Role::Follower)
        ]
    );
    assert_eq!(seen.members[1].host.as_deref(), Some("10.0.0.2"));
}

#[test]
fn the_quorum_follows_from_those_that_take_part() {
    for (dead, verdict, up, tolerance) in [
        (1, Verdict::Degraded, 2, 0),
        (2, Verdict::NoQuorum, 1, -1),
        (3, Verdict::Unreachable, 0, -2),
    ] {
        let (plan, mut state) = three();
        (1..=dead).for_each(|number| down(&mut state, number));
        let seen = view(&plan, &state);
        assert_eq!(
            (seen.verdict, seen.up, seen.tolerance),
            (verdict, up, tolerance),
            "{dead} dead"
        );
    }
    // One that answers and reads nothing through the quorum does not take part.
    let (plan, mut state) = three();
    seen(&mut state, 2).health = Some(Err("etcdserver: request timed out".into()));
    let seen = view(&plan, &state);
    assert_eq!((seen.verdict, seen.up), (Verdict::Degraded, 2));
    assert_eq!(
        seen.members[1].why.as_deref(),
        Some("no read through the quorum: etcdserver: request timed out")
    );
}

#[test]
fn learners_newcomers_and_strangers_are_told_apart() {
    let (mut plan, mut state) = three();
    let members = state.members.as_mut().unwrap();
    members[2].is_learner = true;
    members.push(Member {
        client_urls: Vec::new(),
        name: String::new(),
        ..listed(4)
    });
    for number in [4, 5] {
        plan.expected.push(Expected {
            endpoint: endpoint(number),
            host: format!("10.0.0.{number}"),
            member: format!("etcd-{number}"),
        });
    }
    let seen = view(&plan, &state);
    let wanted = [
        ("etcd-1", Role::Leader),
        ("etcd-2", Role::Follower),
        ("etcd-3", Role::Learner),
        ("etcd-4", Role::Unstarted),
        ("etcd-5", Role::Absent),
    ];
    assert_eq!(roles(&seen), wanted);
    assert_eq!((seen.voters, seen.quorum, seen.up), (3, 2, 2));
}

#[test]
fn lag_is_counted_from_the_leader_and_a_second_endpoint_is_no_second_member() {
    let (plan, mut state) = three();
    seen(&mut state, 3)
        .status
        .as_mut()
        .unwrap()
        .raft_applied_index = 880;
    state
        .seen
        .insert("http://127.0.0.1:2379".into(), answering(3, ""));
    let seen = view(&plan, &state);
    assert_eq!(
        seen.members
            .iter()
            .map(|member| member.lag)
            .collect::<Vec<_>>(),
        [Some(0), Some(0), Some(20)]
    );
}

#[test]
fn alarms_are_read_from_the_status() {
    let errors = [
        "memberID:26 alarm:NOSPACE ",
        "memberID:8 alarm:CORRUPT ",
        "etcdserver: no leader",
        "memberID:26 alarm:NOSPACE ",
    ]
    .map(String::from);
    let errors: Vec<&String> = errors.iter().collect();
    assert_eq!(alarms(&errors, "1a"), ["NOSPACE"]);
    assert_eq!(alarms(&errors, "9"), Vec::<String>::new());
}

#[test]
fn a_name_cannot_steer_the_terminal() {
    let (plan, mut state) = three();
    state.members.as_mut().unwrap()[0].name = "etcd-1\u{1b}[2J\n".into();
    let view = view(&plan, &state);
    assert_eq!(view.members[2].name, "etcd-1\\x1b[2J\\n");
}

#[test]
fn names_are_in_the_order_of_their_numbers() {
    let mut names = ["etcd-10", "etcd-9", "etcd-1", "a"];
    names.sort_by_key(|name| natural(name));
    assert_eq!(names, ["a", "etcd-1", "etcd-9", "etcd-10"]);
}

/// What a member of etcd 3.5.28 and later shows to somebody who has not logged in.
fn want_login(state: &mut State) {
    state.members = None;
    for number in 1..=3 {
        let seen = seen(state, number);
        seen.needs_login = true;
        seen.status = None;
    }
}

#[test]
fn members_that_want_a_login_are_well() {
    let (plan, mut state) = three();
    want_login(&mut state);
    let well = view(&plan, &state);
    assert_eq!(
        (well.verdict, well.up, well.exit_code()),
        (Verdict::Healthy, 3, 0)
    );
    let texts = |view: &View| -> Vec<String> {
        view.findings
            .iter()
            .map(|finding| finding.text.clone())
            .collect()
    };
    assert_eq!(
        texts(&well),
        ["authentication is on, and nobody is logged in: revisions and lag are not told"]
    );
    // A learner among them is a note, and one that reads nothing is what it is.
    seen(&mut state, 3).health = Some(Err("etcdserver: rpc not supported for learner".into()));
    let learner = view(&plan, &state);
    assert_eq!(
        (learner.verdict, learner.up, learner.voters),
        (Verdict::Healthy, 2, 2)
    );
    for number in 2..=3 {
        seen(&mut state, number).health = Some(Err("timed out".into()));
    }
    assert_eq!(view(&plan, &state).verdict, Verdict::NoQuorum);
}

/// What the metrics of a member say to anybody.
fn tell(state: &mut State, number: u64, leads: bool) {
    let text = format!(
        "etcd_server_id{{server_id=\"{number}\"}} 1\netcd_server_is_leader {}\netcd_server_version{{server_version=\"3.7.3\"}} 1\netcd_mvcc_db_total_size_in_bytes 4096\netcd_server_quota_backend_bytes 8192\n",
        u8::from(leads)
    );
    let seen = seen(state, number);
    seen.scrapes.clear();
    seen.scrapes.push_back(Scraped {
        at: Instant::now(),
        metrics: Metrics::parse(&text),
        own: Own::default(),
    });
}

#[test]
fn who_leads_is_told_without_a_login() {
    let (plan, mut state) = three();
    want_login(&mut state);
    for number in 1..=3 {
        tell(&mut state, number, number == 2);
    }
    let view = view(&plan, &state);
    assert_eq!(view.leader.as_deref(), Some("etcd-2"));
    let member = &view.members[0];
    assert_eq!(
        (member.role, member.version.as_deref(), member.quota_used),
        (Role::Follower, Some("3.7.3"), Some(0.5))
    );
    assert_eq!(member.id.as_deref(), Some("1"));
}

#[test]
fn a_login_that_is_refused_is_no_lost_quorum() {
    let (plan, mut state) = three();
    want_login(&mut state);
    state.refused = Some("etcdserver: authentication failed, invalid user ID or password".into());
    let view = view(&plan, &state);
    assert_eq!(
        (view.verdict, view.up, view.exit_code()),
        (Verdict::Warning, 3, 2)
    );
    assert_eq!(view.findings.len(), 1, "{:?}", view.findings);
    assert!(
        view.findings[0].text.starts_with("the login is refused"),
        "{:?}",
        view.findings
    );
}

#[test]
fn without_a_ca_nothing_is_judged() {
    let (plan, mut state) = three();
    for number in 1..=3 {
        down(&mut state, number);
        seen(&mut state, number).why = Some("the server's certificate is not signed by an authority that this system trusts, and no CA is given".into());
    }
    let seen = view(&plan, &state);
    assert_eq!(seen.exit_code(), 4);
    assert!(
        seen.findings[0]
            .text
            .starts_with("cannot be judged from here: there is no CA"),
        "{:?}",
        seen.findings
    );
    assert!(
        !seen
            .findings
            .iter()
            .any(|finding| finding.text.contains("no quorum"))
    );
    // The flow would refuse without the CA, too: one line to type is enough.
    let next: Vec<&str> = seen
        .findings
        .iter()
        .filter_map(|finding| finding.next.as_deref())
        .collect();
    assert_eq!(next.len(), 1, "{next:?}");
    assert!(next[0].contains("--cacert FILE"), "{next:?}");
}

/// Hosts that can be reached, and are not asked here.
struct Reached;

impl crate::overview::Hosts for Reached {
    fn drift(&self) -> crate::error::Result<Vec<(String, String)>> {
        Ok(Vec::new())
    }

    fn leader_since(&self, _: &str, _: u64) -> crate::error::Result<Option<i64>> {
        Ok(None)
    }

    fn log(&self, _: &str, _: usize) -> crate::error::Result<Vec<String>> {
        Ok(Vec::new())
    }
}

#[test]
fn members_that_are_only_stopped_are_started_by_the_line_to_type() {
    let (mut plan, mut state) = three();
    plan.hosts = Some(std::sync::Arc::new(Reached));
    for number in 1..=3 {
        down(&mut state, number);
    }
    let next = |state: &State| view(&plan, state).findings[0].next.clone().unwrap();
    assert!(
        next(&state)
            .ends_with("etcdsh etcd   # installs what is not there, and starts what is down"),
        "{}",
        next(&state)
    );
    seen(&mut state, 2).why = Some("no answer in time".into());
    assert!(
        next(&state).ends_with("run etcd -b -- systemctl status etcd"),
        "{}",
        next(&state)
    );
}
