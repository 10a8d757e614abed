//! The sandbox keeps itself: what is a host in it, what check mode leaves there, and what `sandbox rm` removes.

#![allow(clippy::unwrap_used)]

mod meant;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Child, Command};

use crate::program::Test;
use crate::repl::live::Members;

/// Each path below a folder with its mode and content, without what a running etcd writes.
fn tree(folder: &Path) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(path) = open.pop() {
        let name = path.display().to_string();
        let own = ["/member", "/var/log/", "/.ssh-"];
        if own.iter().any(|part| name.contains(part)) {
            continue;
        }
        let Ok(meta) = fs::symlink_metadata(&path) else {
            continue;
        };
        let content = if meta.is_dir() {
            open.extend(
                fs::read_dir(&path)
                    .unwrap()
                    .map(|entry| entry.unwrap().path()),
            );
            "a folder".to_string()
        } else if meta.is_symlink() {
            fs::read_link(&path).unwrap().display().to_string()
        } else {
            let bytes = fs::read(&path).unwrap();
            format!(
                "{} bytes {:?}",
                bytes.len(),
                &bytes[..bytes.len().min(4096)]
            )
        };
        use std::os::unix::fs::PermissionsExt;
        all.insert(name, format!("{:o} {content}", meta.permissions().mode()));
    }
    all
}

fn scripts(test: &Test) -> Vec<String> {
    let listed = test.etcdsh(&["script", "list"]).stdout;
    let names: Vec<String> = listed
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .filter_map(|path| path.strip_prefix("scripts/")?.strip_suffix(".rhai"))
        .map(str::to_string)
        .collect();
    assert!(names.iter().any(|name| name == "etcd"), "{listed}");
    names
}

/// What stands behind the name of a bundled script, so that it has something to do.
fn lines_of<'a>(script: &str, host: &'a str) -> Vec<Vec<&'a str>> {
    match script {
        "etcd" => vec![
            vec![],
            vec!["-t", "etcd_config,etcd_launch"],
            vec!["-t", "etcd_purge", "-y"],
        ],
        "etcd-add" | "etcd-rm" | "etcd-restart" => vec![vec![host]],
        "etcd-replace" => vec![vec![host, host]],
        "etcd-scale" => vec![vec!["1"]],
        "etcd-upgrade" => vec![vec!["3.99"]],
        "etcd-check" | "etcd-reload" => vec![vec![]],
        other => panic!("say here what stands behind {other}"),
    }
}

#[test]
fn check_mode_leaves_no_trace_in_a_sandbox() {
    let members = Members::new(31);
    let test = &members.test;
    let first = test.etcdsh(&["-i", "hosts.yml", "-C", "etcd"]);
    assert_eq!(first.status, 0, "{}", first.text());
    assert!(!test.path("sandbox").exists(), "a folder was made");
    let made = test.etcdsh(&["-i", "hosts.yml", "etcd"]);
    assert_eq!(made.status, 0, "{}", made.text());
    let before = tree(&test.path("."));
    let first = members.addresses[0].as_str();
    for script in scripts(test) {
        for line in lines_of(&script, first) {
            let mut words = vec!["-i", "hosts.yml", "-C", "-e", "etcd_heartbeat_interval=150"];
            words.push(&script);
            words.extend(line);
            let ran = test.etcdsh(&words);
            let text = ran.text();
            match script.as_str() {
                // It looks, and what it finds here is not what the test is about.
                "etcd-check" => assert!(text.contains("checks of `etcd`"), "{words:?}\n{text}"),
                "etcd-replace" | "etcd-upgrade" => {
                    assert!(text.contains("refused"), "{words:?}\n{text}");
                }
                _ => {
                    assert_eq!(ran.status, 0, "{words:?}\n{text}");
                    let wanted = match script.as_str() {
                        "etcd-add" => "is a member already",
                        "etcd-rm" | "etcd-restart" | "etcd-scale" => "would",
                        _ => "would change",
                    };
                    assert!(text.contains(wanted), "{words:?}\n{text}");
                }
            }
            let after = tree(&test.path("."));
            let differ: Vec<&String> = before
                .keys()
                .chain(after.keys())
                .filter(|path| before.get(*path) != after.get(*path))
                .collect();
            assert_eq!(differ, Vec::<&String>::new(), "{words:?}");
        }
    }
    let status = test.etcdsh(&["sandbox", "status"]);
    let names: Vec<&str> = status
        .stdout
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert_eq!(names, members.addresses, "{}", status.text());
    let down = test.etcdsh(&["sandbox", "down"]);
    assert_eq!(down.status, 0, "{}", down.text());
}

#[test]
fn a_name_that_is_no_host_gets_no_folder() {
    let test = Test::new();
    let test = {
        let sandbox = test.path("sandbox").display().to_string();
        test.env("ETCDSH_SANDBOX", &sandbox)
    };
    let lines = "hosts(\"etcd\")[0].run(\"true\"); host(\"localhost\").run(\"pwd\").stdout.trim()";
    let ran = test.etcdsh(&["--eval", lines]);
    assert_eq!(ran.status, 0, "{}", ran.text());
    let status = test.etcdsh(&["sandbox", "status"]).stdout;
    assert_eq!(status.lines().count(), 1, "{status}");
    assert!(status.starts_with("127.0.0.2 "), "{status}");
    assert!(!test.path("sandbox/localhost").exists());
    // A folder that somebody put there is none either.
    fs::create_dir_all(test.path("sandbox/mine/.sandbox/bin")).unwrap();
    fs::write(test.path("sandbox/mine/.sandbox/bin/systemctl"), "").unwrap();
    assert_eq!(test.etcdsh(&["sandbox", "status"]).stdout, status);
    assert_eq!(test.etcdsh(&["sandbox", "down"]).status, 0);
    let listed = test.etcdsh(&["inventory", "--graph"]).stdout;
    assert_eq!(listed.matches("127.0.0.").count(), 1, "{listed}");
}

struct Stranger(Child);

impl Stranger {
    fn new(folder: &Path) -> Stranger {
        // It stands in the sandbox and names it, as an editor of somebody would.
        let mut command = Command::new("/bin/sh");
        command
            .args(["-c", "sleep 60; :", &folder.display().to_string()])
            .current_dir(folder);
        Stranger(command.spawn().unwrap())
    }

    fn record(&self) -> String {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.0.id())).unwrap();
        let words: Vec<&str> = stat
            .rsplit(')')
            .next()
            .unwrap()
            .split_whitespace()
            .collect();
        format!("{} {}", self.0.id(), words[19])
    }

    fn is_alive(&mut self) -> bool {
        self.0.try_wait().unwrap().is_none()
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn rm_removes_whatever_it_finds_and_ends_no_process_of_others() {
    let test = Test::new();
    let sandbox = test.path("sandbox");
    let test = test.env("ETCDSH_SANDBOX", &sandbox.display().to_string());
    let made = test.etcdsh(&["--eval", "for h in hosts(\"etcd\") { h.run(\"true\"); }"]);
    assert_eq!(made.status, 0, "{}", made.text());
    let one = sandbox.join("127.0.0.2");
    let mut stranger = Stranger::new(&one);
    fs::create_dir_all(one.join("run/systemd")).unwrap();
    let record = format!("{} {}\n{} 1 0\n", stranger.record(), one.display(), "boot");
    fs::write(one.join("run/systemd/etcd.pid"), record).unwrap();
    // A pid file that cannot be read, one that says nonsense, a half-made host, what others left.
    fs::create_dir_all(sandbox.join("127.0.0.3/run/systemd/etcd.pid")).unwrap();
    fs::create_dir_all(sandbox.join("127.0.0.4/run/systemd")).unwrap();
    fs::write(sandbox.join("127.0.0.4/run/systemd/etcd.pid"), "-1 x\n\0").unwrap();
    fs::write(
        sandbox.join("127.0.0.4/.sandbox/bin/systemctl"),
        "#!/bin/sh\nexit 9\n",
    )
    .unwrap();
    fs::create_dir_all(sandbox.join("127.0.0.5/.sandbox")).unwrap();
    fs::write(sandbox.join("notes.txt"), "mine").unwrap();
    std::os::unix::fs::symlink(test.path(".bin"), sandbox.join("link")).unwrap();
    let ran = test.etcdsh(&["sandbox", "rm"]);
    assert_eq!(ran.status, 0, "{}", ran.text());
    assert!(!sandbox.exists());
    assert!(stranger.is_alive(), "somebody else's process was ended");
    assert!(test.path(".bin/etcdsh").exists(), "rm went through a link");
}

#[test]
fn rm_ends_what_runs_in_the_sandbox_even_when_its_records_are_gone() {
    let members = Members::new(37);
    let test = &members.test;
    let made = test.etcdsh(&["-i", "hosts.yml", "etcd"]);
    assert_eq!(made.status, 0, "{}", made.text());
    // Another sandbox has the same addresses: it is told where this one is.
    let ran = test.sh("ETCDSH_SANDBOX=$PWD/other etcdsh -i hosts.yml etcd");
    let hint = format!(
        "hint: ETCDSH_SANDBOX={} etcdsh sandbox down",
        test.path("sandbox").display()
    );
    assert!(
        ran.status == 2
            && ran
                .text()
                .replace("DIR", &test.path("").display().to_string())
                .replace("//", "/")
                .contains(&hint),
        "{}",
        ran.text()
    );
    for address in &members.addresses {
        fs::write(
            test.path(&format!("sandbox/{address}/run/systemd/etcd.pid")),
            "nonsense\n",
        )
        .unwrap();
    }
    let ran = test.etcdsh(&["sandbox", "rm"]);
    assert_eq!(ran.status, 0, "{}", ran.text());
    assert!(ran.stdout.starts_with("removed "), "{}", ran.text());
    assert!(!test.path("sandbox").exists());
    let ran = test.etcdsh(&["sandbox", "rm"]);
    assert!(
        ran.status == 0 && ran.stdout.starts_with("there is no sandbox in "),
        "{}",
        ran.text()
    );
    let sandbox = test.path("sandbox").display().to_string();
    let alive: Vec<String> = fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| fs::read(entry.unwrap().path().join("cmdline")).ok())
        .map(|line| String::from_utf8_lossy(&line).replace('\0', " "))
        .filter(|line| line.contains(&sandbox))
        .collect();
    assert_eq!(alive, Vec::<String>::new());
}

#[test]
fn a_folder_with_other_things_in_it_is_never_a_sandbox() {
    let test = Test::new().file("home/thesis.txt", "years of work\n");
    let home = test.path("home").display().to_string();
    let test = test.env("ETCDSH_SANDBOX", &home);
    for words in [
        &["--eval", "hosts(\"etcd\")[0].run(\"true\")"][..],
        &["sandbox", "up"],
        &["sandbox", "rm"],
    ] {
        let ran = test.etcdsh(words);
        assert_eq!(ran.status, 1, "{}", ran.text());
        assert!(
            ran.stderr.contains("`DIR/home` is no sandbox of etcdsh"),
            "{}",
            ran.text()
        );
    }
    assert_eq!(fs::read_dir(test.path("home")).unwrap().count(), 1);
}

/// What a newcomer does first: the script of the document, in an empty folder. As root it used to write to this machine.
#[test]
fn the_first_script_of_the_document_stays_in_the_sandbox() {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/scripting.md"))
        .unwrap();
    let part = page.split("## A first script").nth(1).unwrap();
    let code = part.split("```rhai\n").nth(1).unwrap();
    let code = code.split("```").next().unwrap();
    assert!(code.contains("/etc/motd"), "{code}");
    let before = fs::read(Path::new("/etc/motd")).ok();
    let test = Test::new().file("hello.rhai", code);
    let ran = test.etcdsh(&["./hello.rhai"]);
    assert_eq!(ran.status, 0, "{}", ran.text());
    assert_eq!(fs::read(Path::new("/etc/motd")).ok(), before);
    let inside = test.path(".local/state/etcdsh/sandbox/127.0.0.2/etc/motd");
    assert_eq!(fs::read_to_string(inside).unwrap(), "member 1\n");
    let again = test.etcdsh(&["./hello.rhai"]);
    assert!(again.stdout.contains("changed=0"), "{}", again.text());
}

#[test]
fn a_place_that_cannot_keep_certificates_is_told_before_the_first_change() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("not run: a file system cannot be mounted without root");
        return;
    }
    let test = Test::new().env("ETCDSH_SANDBOX", "sandbox");
    let ran = test.sh("mkdir -p sandbox/files && unshare -m sh -c 'mount -t tmpfs -o ro none sandbox/files && etcdsh etcd'");
    assert_eq!(ran.status, 2, "{}", ran.text());
    for words in [
        "its certificate cannot be kept in DIR/sandbox/files/pki",
        "hint: make that folder writable, or copy the inventory into a folder of yours",
        "127.0.0.2 : ok=0   changed=0",
    ] {
        assert!(ran.text().contains(words), "{}", ran.text());
    }
    test.etcdsh(&["sandbox", "rm"]);
}
