//! `diff` and `undelete`: what was between two revisions, and what comes back of it, on a real etcd.
//!
//! `ETCDSH_SEED` draws another history.

use std::collections::BTreeMap;

use etcdsh::etcd::Client;
use expectrl::{Eof, Expect, Session};

use super::run;
use crate::etcd_client::raw::{e, lease};
use crate::etcd_client::server::Server;

fn ok(client: &Client, words: &[&str]) -> String {
    e(client, words).unwrap_or_else(|error| panic!("{words:?}: {error:?}"))
}

fn revision(client: &Client) -> i64 {
    let answer = ok(client, &["get", "a", "-w", "json"]);
    let answer: serde_json::Value = serde_json::from_str(&answer).unwrap();
    answer["header"]["revision"].as_i64().unwrap()
}

/// The keys below `/p/` with their values.
fn state(client: &Client) -> BTreeMap<String, String> {
    let text = ok(client, &["get", "--prefix", "/p/"]);
    let lines: Vec<&str> = text.lines().collect();
    lines
        .chunks(2)
        .map(|pair| (pair[0].to_string(), pair[1].to_string()))
        .collect()
}

#[test]
fn what_was_done_since_a_revision_is_shown_and_undone() {
    let server = Server::alone(None);
    let client = server.client();
    let id = format!("{:x}", lease(&client, 600));
    let over = format!("{:x}", lease(&client, 600));
    for (key, value) in [
        ("/p/a", "1"),
        ("/p/b", "{\"x\": 1, \"y\": 2}"),
        ("/p/c", "3"),
        ("/q/a", "1"),
    ] {
        ok(&client, &["put", key, value]);
    }
    ok(&client, &["put", "/p/lives", "1", "--lease", &id]);
    ok(&client, &["put", "/p/over", "1", "--lease", &over]);
    let then = revision(&client);
    ok(&client, &["put", "/p/b", "{\"x\": 1, \"y\": 5}"]);
    ok(&client, &["put", "/p/new", "n"]);
    ok(&client, &["put", "/p/brief", "n"]);
    for key in ["/p/a", "/p/brief", "/p/lives", "/q/a"] {
        ok(&client, &["del", key]);
    }
    ok(&client, &["put", "/p/c", "4"]);
    ok(&client, &["put", "/p/c", "3"]);
    ok(&client, &["lease", "revoke", &over]);
    let now = revision(&client);
    let (since, both) = (format!("--rev={then}"), format!("--rev={then}..{now}"));

    assert_eq!(
        ok(&client, &["diff", &since, "/p/"]),
        "- /p/a\n@@ -1 +0,0 @@\n-1\n~ /p/b\n@@ -1,4 +1,4 @@\n {\n   \"x\": 1,\n-  \"y\": 2\n+  \"y\": 5\n }\n\
         - /p/lives\n@@ -1 +0,0 @@\n-1\n+ /p/new\n@@ -0,0 +1 @@\n+n\n- /p/over\n@@ -1 +0,0 @@\n-1"
    );
    let keys = ok(&client, &["diff", &both, "--keys-only", "/p/"]);
    assert_eq!(keys, "- /p/a\n~ /p/b\n- /p/lives\n+ /p/new\n- /p/over");
    let first = ok(&client, &["diff", &both, "-w", "json"]);
    let first: serde_json::Value = serde_json::from_str(first.lines().next().unwrap()).unwrap();
    assert_eq!(
        (&first["key"], &first["type"]),
        (&"/p/a".into(), &"deleted".into())
    );
    assert_eq!(ok(&client, &["diff", &format!("--rev={now}")]), "");
    for (rev, why) in [
        ("0", "a revision, or two as 41..57, is wanted"),
        ("x", "a revision, or two as 41..57, is wanted"),
        ("9..2", "the earlier one comes first"),
        ("99999", "etcd is at revision"),
    ] {
        let error = e(&client, &["diff", &format!("--rev={rev}")]).unwrap_err();
        assert!(format!("{error:?}").contains(why), "{rev}: {error:?}");
    }
    let error = e(&client, &["undelete", "/p/"]).unwrap_err();
    assert!(format!("{error:?}").contains("needs --rev"), "{error:?}");
    let error = e(&client, &["undelete", &since, "/p/"]).unwrap_err();
    assert!(
        format!("{error:?}").contains("with --yes 3 keys come back"),
        "{error:?}"
    );

    let shown = ok(
        &client,
        &["undelete", &since, "--dry-run", "--keys-only", "/p/"],
    );
    assert_eq!(shown, "+ /p/a\n~ /p/b\n+ /p/lives");
    assert_eq!(revision(&client), now, "a dry run changed something");
    let back = ok(
        &client,
        &["undelete", &since, "--keys-only", "--yes", "/p/"],
    );
    assert!(back.ends_with("3 keys back"), "{back}");
    let after = state(&client);
    assert_eq!(after["/p/a"], "1");
    assert_eq!(after["/p/b"], "{\"x\": 1, \"y\": 2}");
    assert_eq!(after["/p/new"], "n");
    assert!(!after.contains_key("/p/over") && !after.contains_key("/p/brief"));
    assert!(ok(&client, &["lease", "timetolive", &id, "--keys"]).contains("/p/lives"));
    assert_eq!(ok(&client, &["get", "--prefix", "/q/"]), "");
    let again = ok(&client, &["undelete", &since, "--yes", "/p/"]);
    assert!(again.starts_with("nothing was deleted"), "{again}");

    ok(&client, &["compaction", &now.to_string()]);
    let error = e(&client, &["diff", &since]).unwrap_err();
    assert!(
        format!("{error:?}").contains("etcd has forgotten what was at revision"),
        "{error:?}"
    );
    let before = format!("--rev={}", now - 1);
    let error = e(&client, &["diff", &before]).unwrap_err();
    assert!(
        format!("{error:?}").contains("etcd has forgotten what was at revision"),
        "{error:?}"
    );
    ok(&client, &["diff", &format!("--rev={now}")]);
}

/// What somebody writes while the question stands open is newer, and stays.
#[test]
fn what_is_written_meanwhile_is_not_overwritten() {
    let server = Server::alone(None);
    let client = server.client();
    for key in ["/p/a", "/p/b", "/p/c"] {
        ok(&client, &["put", key, "old"]);
    }
    let then = revision(&client);
    ok(&client, &["del", "--prefix", "/p/"]);
    run::hear_interrupts();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_etcdsh"));
    command
        .args(["e", "undelete", &format!("--rev={then}"), "/p/"])
        .env("ETCDCTL_ENDPOINTS", &server.endpoint)
        .current_dir(server.folder.path());
    let mut session = Session::spawn(command).unwrap();
    session.set_expect_timeout(Some(std::time::Duration::from_mins(1)));
    session.expect("bring back 3 keys? [y/N]").unwrap();
    ok(&client, &["put", "/p/b", "newer"]);
    session.send("y\n").unwrap();
    let said = session.expect(Eof).unwrap();
    let said = String::from_utf8_lossy(said.as_bytes()).replace("\r\n", "\n");
    assert!(
        said.contains("2 keys back\n") && said.contains("\"/p/b\": written meanwhile"),
        "{said}"
    );
    let wanted = [("/p/a", "old"), ("/p/b", "newer"), ("/p/c", "old")];
    let wanted = wanted.map(|(key, value)| (key.to_string(), value.to_string()));
    assert_eq!(state(&client), BTreeMap::from(wanted));
}

/// Numbers that look drawn, the same for the same seed.
struct Draw(u64);

impl Draw {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

#[test]
fn any_history_is_undone_to_any_of_its_revisions() {
    let seed = std::env::var("ETCDSH_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok());
    let seed: u64 = seed.unwrap_or(20_261_129);
    let mut draw = Draw(seed.max(1));
    let server = Server::alone(None);
    let client = server.client();
    ok(&client, &["put", "/p/0", "0"]);
    let mut states = BTreeMap::from([(revision(&client), state(&client))]);
    let mut last = state(&client);
    for step in 0..200 {
        let key = format!("/p/{}", draw.below(8));
        if draw.below(3) == 0 {
            ok(&client, &["del", &key]);
            last.remove(&key);
        } else {
            let value = format!("{step}");
            ok(&client, &["put", &key, &value]);
            last.insert(key, value);
        }
        states.insert(revision(&client), last.clone());
    }
    let revisions: Vec<i64> = states.keys().copied().collect();
    for _ in 0..40 {
        let place = usize::try_from(draw.below(revisions.len() as u64)).unwrap();
        let (then, now) = (revisions[place], revision(&client));
        let (old, new) = (&states[&then], state(&client));
        let shown = ok(
            &client,
            &[
                "diff",
                &format!("--rev={then}..{now}"),
                "--keys-only",
                "/p/",
            ],
        );
        let mut wanted = String::new();
        let keys: std::collections::BTreeSet<&String> = old.keys().chain(new.keys()).collect();
        for key in keys {
            match (old.get(key), new.get(key)) {
                (None, _) => wanted += &format!("+ {key}\n"),
                (_, None) => wanted += &format!("- {key}\n"),
                (before, after) if before != after => wanted += &format!("~ {key}\n"),
                _ => {}
            }
        }
        assert_eq!(shown, wanted.trim_end(), "seed {seed}, {then}..{now}");
        ok(
            &client,
            &["undelete", &format!("--rev={then}"), "--yes", "/p/"],
        );
        let mut wanted = new.clone();
        wanted.extend(old.clone());
        assert_eq!(
            state(&client),
            wanted,
            "seed {seed}, back to {then} from {now}"
        );
    }
}
