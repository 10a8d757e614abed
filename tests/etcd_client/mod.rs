//! The etcd room against real etcd servers.

#![allow(clippy::unwrap_used)]

mod bolt;
mod proxy;
pub(crate) mod raw;
mod restore;
pub(crate) mod server;

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use etcdsh::cert::Ca;
use etcdsh::error::{self, Kind};
use etcdsh::etcd::{
    Client, Config, DeleteOptions, GetOptions, PutOptions, Sort, SortOrder, SortTarget, Status,
    Trouble, hex, prefix_end,
};
use etcdsh::secret::Secret;

use raw::e;
use server::{Cluster, Plan, Server, Tls, free, program};

fn prefix() -> GetOptions {
    GetOptions {
        prefix: true,
        ..GetOptions::default()
    }
}

fn get_one(client: &Client, key: &[u8]) -> Option<Vec<u8>> {
    client
        .get(key, &GetOptions::default())
        .unwrap()
        .kvs
        .pop()
        .map(|kv| kv.value)
}

fn put(client: &Client, key: &[u8], value: &[u8]) {
    client.put(key, value, PutOptions::default()).unwrap();
}

#[test]
fn keys_are_put_read_in_pages_and_deleted() {
    let server = Server::alone(None);
    let client = server.client();
    for number in 0..25 {
        put(&client, format!("/a/{number:02}").as_bytes(), b"x");
    }
    put(&client, b"/b", b"other");
    let old = client
        .put(
            b"/a/00",
            b"y",
            PutOptions {
                prev_kv: true,
                ..PutOptions::default()
            },
        )
        .unwrap();
    assert_eq!(old.previous.unwrap().value, b"x");
    assert_eq!(old.header.revision, 28);

    let (mut from, mut keys, mut pages) = (b"/a/".to_vec(), Vec::new(), 0);
    loop {
        let options = GetOptions {
            limit: 10,
            range_end: Some(prefix_end(b"/a/")),
            ..GetOptions::default()
        };
        let page = client.get(&from, &options).unwrap();
        pages += 1;
        keys.extend(page.kvs.into_iter().map(|kv| kv.key));
        from = [keys.last().unwrap().as_slice(), b"\0"].concat();
        if !page.more {
            break;
        }
    }
    assert_eq!((pages, keys.len()), (3, 25));

    let last = GetOptions {
        limit: 1,
        sort: Some(Sort {
            order: SortOrder::Descend,
            target: SortTarget::Key,
        }),
        keys_only: true,
        ..prefix()
    };
    let last = client.get(b"/a/", &last).unwrap();
    assert_eq!(
        (last.count, last.more, last.kvs[0].key.as_slice()),
        (25, true, &b"/a/24"[..])
    );
    assert!(last.kvs[0].value.is_empty());
    assert_eq!(
        client
            .get(
                b"",
                &GetOptions {
                    count_only: true,
                    ..prefix()
                }
            )
            .unwrap()
            .count,
        26
    );
    let before = client
        .get(
            b"/a/00",
            &GetOptions {
                rev: 27,
                ..GetOptions::default()
            },
        )
        .unwrap();
    assert_eq!(before.kvs[0].value, b"x");

    let gone = client
        .delete(
            b"/a/",
            &DeleteOptions {
                prefix: true,
                prev_kv: true,
                range_end: None,
            },
        )
        .unwrap();
    assert_eq!((gone.deleted, gone.previous.len()), (25, 25));
    assert_eq!(
        client
            .delete(b"/a/00", &DeleteOptions::default())
            .unwrap()
            .deleted,
        0
    );
    assert_eq!(get_one(&client, b"/b").unwrap(), b"other");

    e(&client, &["compaction", "29", "--physical"]).unwrap();
    let error = client
        .get(
            b"/b",
            &GetOptions {
                rev: 5,
                ..GetOptions::default()
            },
        )
        .unwrap_err();
    let wanted = Trouble::Server(
        11,
        "etcdserver: mvcc: required revision has been compacted".into(),
    );
    assert_eq!(error.trouble(), &wanted);
}

#[test]
fn large_and_binary_values_pass() {
    let server = Server::alone(None);
    let client = server.client();
    let large: Vec<u8> = (0..1_400_000_u32)
        .map(|number| number.to_le_bytes()[0])
        .collect();
    let key = [0, 255, 10, 0, 128];
    put(&client, &key, &large);
    assert_eq!(get_one(&client, &key).unwrap(), large);
    for number in 0..8_u8 {
        put(&client, &[b'r', number], &large);
    }
    let all = client.get(b"r", &prefix()).unwrap();
    assert_eq!(
        all.kvs.iter().map(|kv| kv.value.len()).sum::<usize>(),
        8 * 1_400_000
    );
    let error = client
        .put(b"big", &vec![0; 2_000_000], PutOptions::default())
        .unwrap_err();
    assert_eq!(
        error.trouble(),
        &Trouble::Server(3, "etcdserver: request is too large".into())
    );
}

#[test]
fn many_threads_share_a_client() {
    let server = Server::alone(None);
    let client = server.client();
    thread::scope(|scope| {
        for number in 0..16 {
            let client = &client;
            scope.spawn(move || {
                for step in 0..20 {
                    put(client, format!("/t/{number}/{step}").as_bytes(), b"x");
                }
            });
        }
    });
    assert_eq!(
        client
            .get(
                b"/t/",
                &GetOptions {
                    count_only: true,
                    ..prefix()
                }
            )
            .unwrap()
            .count,
        320
    );
}

#[test]
fn a_key_goes_with_its_lease() {
    let server = Server::alone(None);
    let client = server.client();
    raw::grant(&server.endpoint, None, 0x7b, 100);
    let options = PutOptions {
        lease: 0x7b,
        ..PutOptions::default()
    };
    client.put(b"k", b"v", options).unwrap();
    assert_eq!(
        client.get(b"k", &GetOptions::default()).unwrap().kvs[0].lease,
        0x7b
    );
    assert_eq!(client.lease_list().unwrap().ids, [0x7b]);
    e(&client, &["lease", "revoke", "7b"]).unwrap();
    assert_eq!(get_one(&client, b"k"), None);
    assert!(client.lease_list().unwrap().ids.is_empty());
}

#[test]
fn a_member_tells_its_condition() {
    let server = Server::alone(None);
    let client = server.client();
    let status = client.status(&server.endpoint).unwrap();
    assert_eq!(
        (status.leader, status.is_learner, status.errors.len()),
        (status.member_id, false, 0)
    );
    assert!(
        status.db_size > 0 && status.db_size_in_use > 0 && status.version.starts_with("3."),
        "{status:?}"
    );
    assert!(client.health(&server.endpoint).unwrap() < Duration::from_secs(2));
    let members = client.member_list(true).unwrap();
    assert_eq!(members.header.cluster_id, status.cluster_id);
    assert_eq!(
        (members.members.len(), members.members[0].id),
        (1, status.member_id)
    );
    assert_eq!(members.members[0].client_urls, [server.endpoint.as_str()]);
    let id = hex(status.member_id);
    e(
        &client,
        &["member", "update", &id, "--peer-urls=http://127.0.0.1:9"],
    )
    .unwrap();
    assert_eq!(
        client.member_list(false).unwrap().members[0].peer_urls,
        ["http://127.0.0.1:9"]
    );
}

#[test]
fn a_snapshot_is_what_etcdctl_calls_one() {
    let server = Server::alone(None);
    let client = server.client();
    for number in 0..200 {
        put(&client, format!("/s/{number}").as_bytes(), &[b'x'; 20_000]);
    }
    let path = server.folder.path().join("a.db");
    let saved = client.snapshot_save(&server.endpoint, &path).unwrap();
    let file = fs::metadata(&path).unwrap();
    assert_eq!(
        (saved.bytes, file.len(), file.permissions().mode() & 0o777),
        (file.len(), saved.bytes, 0o600)
    );
    assert_eq!(saved.revision, 201);
    let tool = [program("etcdutl"), program("etcdctl")]
        .into_iter()
        .find(|tool| tool.exists())
        .unwrap();
    let output = Command::new(tool)
        .env("ETCDCTL_API", "3")
        .args(["snapshot", "status", "-w", "json"])
        .arg(&path)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && text.contains("\"revision\":201"),
        "{output:?}"
    );

    let error = client
        .snapshot_save(&server.endpoint, &server.folder.path().join("no/a.db"))
        .unwrap_err();
    let wanted = format!(
        "etcd at {}: cannot save the snapshot to {}: No such file or directory (os error 2)",
        server.endpoint,
        server.folder.path().join("no/a.db").display()
    );
    assert_eq!(error.to_string(), wanted);
}

#[test]
fn users_have_passwords_and_permissions() {
    let mut server = Server::alone(None);
    let open = server.client();
    let (root, alice) = (
        Secret::new("secret of root"),
        Secret::new("secret of alice"),
    );
    for words in [
        &["user", "add", &format!("root:{}", root.reveal())][..],
        &["role", "add", "root"],
        &["user", "grant-role", "root", "root"],
        &["user", "add", &format!("alice:{}", alice.reveal())],
        &["user", "add", "by-certificate", "--no-password"],
        &["role", "add", "reader"],
        &[
            "role",
            "grant-permission",
            "reader",
            "read",
            "/a",
            "--prefix",
        ],
        &["user", "grant-role", "alice", "reader"],
    ] {
        e(&open, words).unwrap();
    }
    assert_eq!(
        open.user_list().unwrap().names,
        ["alice", "by-certificate", "root"]
    );
    assert_eq!(open.role_list().unwrap().names, ["reader", "root"]);

    let login = |user: &str, password: &Secret| {
        Client::new(Config {
            endpoints: vec![server.endpoint.clone()],
            password: Some(password.clone()),
            user: Some(user.into()),
            ..Config::default()
        })
        .unwrap()
    };
    // With authentication off a user is no error, as for etcdctl.
    let early = login("root", &root);
    put(&early, b"/a/1", b"x");
    e(&open, &["auth", "enable"]).unwrap();
    put(&early, b"/a/1", b"x");
    let (as_root, as_alice) = (login("root", &root), login("alice", &alice));
    put(&as_root, b"/b", b"x");
    assert_eq!(get_one(&as_alice, b"/a/1").unwrap(), b"x");
    as_alice.health(&server.endpoint).unwrap();

    let auth = |text: &str| Trouble::Auth(format!("etcdserver: {text}"));
    let get = |client: &Client, key: &[u8]| {
        client
            .get(key, &GetOptions::default())
            .unwrap_err()
            .trouble()
            .clone()
    };
    assert_eq!(get(&open, b"/a/1"), auth("user name is empty"));
    assert_eq!(get(&as_alice, b"/b"), auth("permission denied"));
    let wrong = login("alice", &Secret::new("wrong"));
    assert_eq!(
        get(&wrong, b"/a/1"),
        auth("authentication failed, invalid user ID or password")
    );

    match e(&as_root, &["auth", "status"]) {
        Ok(said) => assert!(said.starts_with("Authentication Status: true"), "{said}"),
        // etcd 3.4 does not know the call.
        Err(error) => assert!(error.what.contains("Unimplemented"), "{error}"),
    }
    // etcd forgets its tokens when it restarts; the client logs in again.
    server.restart();
    assert_eq!(get_one(&as_alice, b"/a/1").unwrap(), b"x");
    put(&as_root, b"/b", b"y");
    e(&as_root, &["auth", "disable"]).unwrap();
    assert_eq!(get_one(&open, b"/b").unwrap(), b"y");
}

fn status_of(endpoint: &str, config: Config) -> Trouble {
    let client = Client::new(Config {
        endpoints: vec![endpoint.into()],
        ..config
    })
    .unwrap();
    let start = Instant::now();
    let trouble = client.status(endpoint).unwrap_err().trouble().clone();
    eprintln!("{endpoint}: {trouble} after {:?}", start.elapsed());
    trouble
}

fn tls_config(tls: &Tls) -> Config {
    Config {
        ca_pem: Some(tls.ca.clone()),
        cert_pem: Some(tls.cert.clone()),
        key_pem: Some(tls.key.clone()),
        ..Config::default()
    }
}

#[test]
fn every_tls_trouble_has_its_name() {
    let (ca, other) = (
        Ca::create("ca", 10).unwrap(),
        Ca::create("other", 10).unwrap(),
    );
    let tls = Tls::new(&ca, &["127.0.0.1"], 5);
    let server = Server::alone(Some(&tls));
    let named = Server::alone(Some(&Tls::new(&ca, &["127.0.0.9", "etcd-9"], 5)));
    let expired = Server::alone(Some(&Tls::new(&ca, &["127.0.0.1"], 0)));
    let plain = Server::alone(None);
    let over_tls = plain.endpoint.replace("http:", "https:");
    let good = tls_config(&tls);
    let status = Client::new(Config {
        endpoints: vec![server.endpoint.clone()],
        ..good.clone()
    })
    .unwrap()
    .status(&server.endpoint);
    status.unwrap();

    thread::sleep(Duration::from_secs(2));
    let not_signed = "the server's certificate is not signed by the given CA";
    let nobody = Config {
        cert_pem: None,
        key_pem: None,
        ..good.clone()
    };
    let foreign = Tls::new(&other, &["127.0.0.1"], 5);
    let foreign = Config {
        ca_pem: Some(tls.ca.clone()),
        ..tls_config(&foreign)
    };
    for (endpoint, config, wanted) in [
        (
            &server.endpoint,
            Config {
                ca_pem: Some(other.cert_pem().into()),
                ..good.clone()
            },
            not_signed,
        ),
        (
            &server.endpoint,
            Config {
                ca_pem: None,
                ..good.clone()
            },
            "the server's certificate is not signed by an authority that this system trusts",
        ),
        (
            &named.endpoint,
            good.clone(),
            "the server's certificate is not for 127.0.0.1, only for 127.0.0.9, etcd-9",
        ),
        (
            &server.endpoint,
            nobody,
            "the server wants a client certificate",
        ),
        (
            &server.endpoint,
            foreign,
            "the server refuses the client certificate",
        ),
        (
            &over_tls,
            good.clone(),
            "the server closes the connection during the TLS handshake: it may not speak TLS",
        ),
        (
            &expired.endpoint,
            good.clone(),
            "the server's certificate expired on ",
        ),
    ] {
        let trouble = status_of(endpoint, config);
        let Trouble::Tls(text) = &trouble else {
            panic!("{wanted}: {trouble:?}")
        };
        assert!(text.starts_with(wanted), "{text}");
    }
    let plain_to_tls = status_of(
        &server.endpoint.replace("https:", "http:"),
        Config::default(),
    );
    assert_eq!(
        plain_to_tls,
        Trouble::Tls("the server speaks TLS: its endpoint begins with https://".into())
    );
}

#[test]
fn a_silent_or_missing_server_is_told_apart() {
    let refused = format!("http://{}", free("127.0.0.1"));
    assert_eq!(status_of(&refused, Config::default()), Trouble::Refused);
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap();
    let short = || Config {
        connect_timeout: Duration::from_millis(200),
        request_timeout: Duration::from_millis(400),
        ..Config::default()
    };
    let start = Instant::now();
    assert_eq!(
        status_of(&format!("http://{address}"), short()),
        Trouble::Timeout
    );
    assert_eq!(
        status_of(&format!("https://{address}"), short()),
        Trouble::Timeout
    );
    assert!(start.elapsed() < Duration::from_secs(2));
    let Trouble::Other(text) = status_of("http://no-such-host.invalid:1", Config::default()) else {
        panic!()
    };
    assert!(text.contains("failed to lookup address"), "{text}");
}

#[test]
fn a_read_goes_on_to_the_next_endpoint_and_a_sent_write_does_not() {
    let server = Server::alone(None);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = format!("http://{}", listener.local_addr().unwrap());
    let refused = format!("http://{}", free("127.0.0.1"));
    let client = |first: &str| {
        let config = Config {
            connect_timeout: Duration::from_millis(200),
            request_timeout: Duration::from_millis(500),
            ..Config::default()
        };
        Client::new(Config {
            endpoints: vec![first.into(), server.endpoint.clone()],
            ..config
        })
        .unwrap()
    };
    assert_eq!(get_one(&client(&silent), b"a"), None);
    let frozen = silent.replace("http:", "https:");
    let fault = client(&frozen).status(&frozen).unwrap_err();
    assert_eq!(fault.trouble(), &Trouble::Timeout);
    // Nothing is sent before the TLS handshake is over.
    put(&client(&frozen), b"a", b"x");
    put(&client(&refused), b"a", b"x");
    put(&client(&silent), b"a", b"x");
    let fault = client(&server::speechless())
        .put(b"a", b"x", PutOptions::default())
        .unwrap_err();
    assert_eq!(
        (fault.attempts.len(), fault.trouble()),
        (1, &Trouble::Timeout)
    );
    let nobody = Client::new(Config {
        endpoints: vec![refused.clone(), refused.clone()],
        ..Config::default()
    })
    .unwrap();
    let error: Box<error::Error> = nobody
        .put(b"a", b"x", PutOptions::default())
        .unwrap_err()
        .into();
    let wanted = format!(
        "no etcd endpoint answered\n caused by: {refused}: connection refused\n caused by: {refused}: connection refused"
    );
    assert_eq!((error.kind, error.to_string()), (Kind::Etcd, wanted));
}

fn statuses(client: &Client) -> Vec<Status> {
    thread::scope(|scope| {
        let asked: Vec<_> = client
            .endpoints()
            .iter()
            .map(|endpoint| scope.spawn(move || client.status(endpoint).unwrap()))
            .collect();
        asked
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    })
}

fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(20);
    while !done() {
        assert!(Instant::now() < end, "{what}");
        thread::sleep(Duration::from_millis(50));
    }
}

/// `hand_over` gets the endpoints, and the member that is to lead. The leader changes after it was found, and before it is
/// asked.
fn is_followed(servers: &[Server], hand_over: impl Fn(Vec<String>, u64)) {
    let endpoints = servers.iter().map(|server| server.endpoint.clone());
    let direct = Client::new(Config {
        endpoints: endpoints.collect(),
        ..Config::default()
    })
    .unwrap();
    let all_follow = |client: &Client, id: u64| {
        wait_until("the leader moves", || {
            statuses(client).iter().all(|status| status.leader == id)
        });
    };
    let seen = statuses(&direct);
    let (leader, followers): (Vec<_>, Vec<_>) =
        (seen.iter().zip(servers)).partition(|(status, _)| status.leader == status.member_id);
    let ((next, _), (last, _)) = (followers[0], followers[1]);
    let (other, between) = (direct.clone(), next.member_id);
    let proxied = proxy::start(&leader[0].1.endpoint, move |request| {
        // The first one asks who leads.
        if request == 2 {
            other.move_leader(between).unwrap();
            all_follow(&other, between);
        }
    });
    let rest = followers.iter().map(|(_, server)| server.endpoint.clone());
    hand_over([proxied].into_iter().chain(rest).collect(), last.member_id);
    all_follow(&direct, last.member_id);
}

#[test]
fn a_leader_that_has_just_changed_is_followed() {
    let servers = server::three(["127.0.0.1"; 3], None);
    is_followed(&servers, |endpoints, id| {
        let client = Client::new(Config {
            endpoints,
            ..Config::default()
        });
        client.unwrap().move_leader(id).unwrap();
    });
    is_followed(&servers, |endpoints, id| {
        let moved = Command::new(env!("CARGO_BIN_EXE_etcdsh"))
            .args([
                "e",
                "move-leader",
                &hex(id),
                "--endpoints",
                &endpoints.join(","),
            ])
            .current_dir(std::env::temp_dir())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&moved.stdout).into_owned();
        assert!(
            said.starts_with("Leadership transferred from ") && said.contains(&hex(id)),
            "{moved:?}"
        );
    });
}

#[test]
fn a_member_is_meant_by_its_name() {
    let servers = server::three(["127.0.0.1"; 3], None);
    let endpoints: Vec<_> = (servers.iter())
        .map(|server| server.endpoint.clone())
        .collect();
    let client = Client::new(Config {
        endpoints: endpoints.clone(),
        ..Config::default()
    });
    let client = client.unwrap();
    let seen = statuses(&client);
    let follower = (seen.iter()).find(|status| status.leader != status.member_id);
    let id = follower.unwrap().member_id;
    let members = client.member_list(true).unwrap().members;
    let name = &members.iter().find(|member| member.id == id).unwrap().name;
    let ours = |words: &[&str]| {
        Command::new(env!("CARGO_BIN_EXE_etcdsh"))
            .arg("e")
            .args(words)
            .args(["--endpoints", &endpoints.join(",")])
            .current_dir(std::env::temp_dir())
            .output()
            .unwrap()
    };
    let moved = ours(&["move-leader", name]);
    let said = String::from_utf8_lossy(&moved.stdout).into_owned();
    assert!(said.contains(&format!(" to {}", hex(id))), "{moved:?}");
    for words in [
        ["move-leader", "nobody"].as_slice(),
        &["member", "remove", "nobody"],
    ] {
        let refused = ours(words);
        assert_eq!(
            String::from_utf8_lossy(&refused.stderr),
            "Error: no member is called `nobody`\n hint: etcdsh em list   # shows the members and their ids\n"
        );
    }
}

#[test]
fn a_cluster_of_three_changes_leader_and_members_and_survives_a_death() {
    let mut cluster = Cluster::start();
    let start = Instant::now();
    let client = Client::new(cluster.config()).unwrap();
    let made = start.elapsed();
    let seen = statuses(&client);
    eprintln!(
        "client {made:?}, client and three first statuses {:?}",
        start.elapsed()
    );
    let start = Instant::now();
    statuses(&client);
    eprintln!("three statuses again {:?}", start.elapsed());
    assert_eq!(
        seen.iter()
            .filter(|status| status.leader == status.member_id)
            .count(),
        1
    );

    let next = seen
        .iter()
        .find(|status| status.leader != status.member_id)
        .unwrap()
        .member_id;
    client.move_leader(next).unwrap();
    wait_until("the leader moves", || {
        statuses(&client).iter().all(|status| status.leader == next)
    });

    learner_comes_and_goes(&cluster, &client);

    put(&client, b"k", b"v");
    cluster.servers[0].kill();
    let fresh = Client::new(cluster.config()).unwrap();
    let start = Instant::now();
    // A serializable read, since the dead member may have been the leader and an election takes its time.
    let here = GetOptions {
        serializable: true,
        ..GetOptions::default()
    };
    assert_eq!(fresh.get(b"k", &here).unwrap().kvs[0].value, b"v");
    let first = start.elapsed();
    eprintln!("first read past a dead endpoint {first:?}");
    wait_until("the two members that are left have a leader", || {
        fresh.put(b"k", b"w", PutOptions::default()).is_ok()
    });
    assert_eq!(
        fresh
            .status(&cluster.servers[0].endpoint)
            .unwrap_err()
            .trouble(),
        &Trouble::Refused
    );
    // The client that had a connection to the dead member goes on, too.
    assert_eq!(get_one(&client, b"k").unwrap(), b"w");
    cluster.servers[0].restart();
    client.health(&cluster.servers[0].endpoint).unwrap();
}

fn learner_comes_and_goes(cluster: &Cluster, client: &Client) {
    let (peer, address) = (free("127.0.0.5"), free("127.0.0.5"));
    // etcd takes no new member until all members have been connected for five seconds.
    let mut added = None;
    wait_until("the members know each other", || {
        added = client.member_add(&[format!("https://{peer}")], true).ok();
        added.is_some()
    });
    let added = added.unwrap().added.unwrap();
    assert!(added.is_learner && added.name.is_empty());
    let mut list: Vec<String> = cluster
        .servers
        .iter()
        .enumerate()
        .map(|(index, server)| format!("m{}={}", index + 1, server.peer_url))
        .collect();
    list.push(format!("m4=https://{peer}"));
    let list = list.join(",");
    let learner = Server::spawn(
        "m4",
        &address,
        &peer,
        Plan {
            cluster: &list,
            joins: true,
            tls: Some(&cluster.tls),
        },
    );
    wait_until("the learner catches up", || {
        client.member_promote(added.id).is_ok()
    });
    // etcd 3.4 answers from what one member knows, which may be a moment behind.
    wait_until("all know that the learner was promoted", || {
        client
            .member_list(true)
            .unwrap()
            .members
            .iter()
            .filter(|member| !member.is_learner)
            .count()
            == 4
    });
    assert_eq!(
        client.status(&learner.endpoint).unwrap().member_id,
        added.id
    );
    let left = client.member_remove(added.id).unwrap().members;
    assert!(left.len() == 3 && left.iter().all(|member| member.id != added.id));
    let error = client.member_remove(added.id).unwrap_err();
    assert_eq!(
        error.trouble(),
        &Trouble::Server(5, "etcdserver: member not found".into())
    );
}
