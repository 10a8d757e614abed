//! Every primitive on a real host: two round trips when something differs, one when nothing does, none of it in
//! check mode, and what it says when it cannot be.

use serde_json::Value;

use super::lab::{Lab, Run};

const HOST: &str = "10.10.10.10";
const ONE: &str = "all: { hosts: { 10.10.10.10: { etcd_seq: 7, password: s3cr3t-c0ntent } } }\n";

/// A task for each row; with `fail: \"warn\"` each of them runs.
fn script(rows: &[(&str, &str)], options: &str) -> String {
    let mut text = "play(\"primitives\", \"all\", #{ become: true });\ntask(\"warm\", \"facts and lock\", |h| h.run(\"true\"));\n".to_string();
    for (name, line) in rows {
        text += &format!("task(\"{name}\", \"{name}\", #{{ {options} }}, |h| {{\n{line}\n}});\n");
    }
    text
}

/// What a task came to: status, changes, trips, and the text of its error.
fn ends(run: &Run) -> Vec<(String, String, String, u64)> {
    let events = run.events();
    let hosts = events
        .iter()
        .filter(|event| event["event"] == "host" && event["task"] != "warm");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_string();
    hosts
        .map(|event| {
            let what: Vec<&str> = event["what"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .collect();
            let error = &event["error"];
            let said = if error.is_null() {
                what.join(" | ")
            } else {
                format!(
                    "{}{}",
                    text(&error["what"]),
                    error["causes"]
                        .as_array()
                        .into_iter()
                        .flatten()
                        .filter_map(Value::as_str)
                        .map(|cause| format!("; {cause}"))
                        .collect::<String>()
                )
            };
            (
                text(&event["task"]),
                text(&event["status"]),
                said,
                event["trips"].as_u64().unwrap_or(0),
            )
        })
        .collect()
}

/// Name, line, and what the first run says it changed.
const ROWS: &[(&str, &str, &str)] = &[
    (
        "text",
        r#"h.file("/srv/text", #{ content: "one\n$two `three` 'four' \"five\" \\six\n%s ünï\n", mode: 0o640 })"#,
        "file /srv/text: create",
    ),
    (
        "no_newline",
        r#"h.file("/srv/no newline's", #{ content: "-n end" })"#,
        "file /srv/no newline's: create",
    ),
    (
        "empty",
        r#"h.file("/srv/empty", #{ content: "" })"#,
        "file /srv/empty: create",
    ),
    (
        "owned",
        r#"h.file("/srv/owned", #{ content: "x\n", owner: "admin", group: "guest", mode: 0o4750 })"#,
        "file /srv/owned: create",
    ),
    (
        "mode",
        r#"h.file("/srv/mode", #{ mode: 0o600, owner: "admin" })"#,
        "file /srv/mode: owner root -> admin, mode 0644 -> 0600",
    ),
    (
        "replaced",
        r#"h.file("/srv/replaced", #{ content: "new\n", backup: true })"#,
        "file /srv/replaced: content +1 -1 lines",
    ),
    (
        "validated",
        r#"h.file("/srv/it's valid", #{ content: "ok\n", mode: 0o600, validate: "grep -q ok %s && [ \"$(stat -c %a %s)\" = 600 ]" })"#,
        "file /srv/it's valid: create",
    ),
    (
        "stranger",
        r#"h.file("/srv/stranger", #{ content: "new\n" })"#,
        "file /srv/stranger: content +1 -1 lines",
    ),
    (
        "template",
        r#"h.file("/srv/template", #{ template: "t.j2" })"#,
        "file /srv/template: create",
    ),
    (
        "source",
        r#"h.file("/srv/source", #{ source: "bytes" })"#,
        "file /srv/source: create",
    ),
    (
        "large",
        r#"h.file("/srv/large", #{ source: "large" })"#,
        "file /srv/large: create",
    ),
    (
        "large_text",
        r#"let text = ""; for n in 0..9000 { text += `line ${n} '` + "\n"; } h.file("/srv/large_text", #{ content: text })"#,
        "file /srv/large_text: create",
    ),
    (
        "secret",
        r#"h.file("/srv/secret", #{ content: secret(h.vars.password), mode: 0o600 })"#,
        "file /srv/secret: content differs, mode 0644 -> 0600",
    ),
    (
        "directory",
        r#"h.file("/srv/a/b/c", #{ state: "directory", parents: true, mode: 0o700 })"#,
        "directory /srv/a/b/c: create",
    ),
    (
        "link",
        r#"h.file("/srv/link", #{ target: "/etc/hostname" })"#,
        "link /srv/link: create",
    ),
    (
        "link_moved",
        r#"h.file("/srv/moved", #{ target: "/etc/hosts" })"#,
        "link /srv/moved: target -> /etc/hosts",
    ),
    (
        "line",
        r#"h.file("/srv/lines", #{ line: "c=3" })"#,
        "file /srv/lines: content +2 -1 lines",
    ),
    (
        "line_match",
        r#"h.file("/srv/lines", #{ line: "a=2", match: "a=" })"#,
        "file /srv/lines: content +1 -1 lines",
    ),
    (
        "line_new",
        r#"h.file("/srv/line_new", #{ line: "only" })"#,
        "file /srv/line_new: create",
    ),
    (
        "line_bytes",
        r#"h.file("/srv/line_bytes", #{ line: "more" })"#,
        "file /srv/line_bytes: content differs",
    ),
    (
        "line_large",
        r#"h.file("/srv/line_large", #{ line: "more" })"#,
        "file /srv/line_large: content +1 -0 lines",
    ),
    (
        "absent",
        r#"h.file("/srv/gone", #{ state: "absent" })"#,
        "file /srv/gone: remove",
    ),
    (
        "absent_folder",
        r#"h.file("/srv/gone_folder", #{ state: "absent", recurse: true })"#,
        "file /srv/gone_folder: remove",
    ),
    (
        "group",
        r#"h.group("team", #{ system: true })"#,
        "group team: create",
    ),
    (
        "user",
        r#"h.user("worker", #{ system: true, home: "/srv", shell: "/usr/sbin/nologin", groups: ["guest"] })"#,
        "user worker: create",
    ),
    (
        "user_moved",
        r#"h.user("guest", #{ shell: "/bin/sh", groups: "admin" })"#,
        "user guest: shell /bin/bash -> /bin/sh, groups +admin",
    ),
    (
        "user_absent",
        r#"h.user("oper", #{ state: "absent" })"#,
        "user oper: remove",
    ),
    (
        "run_creates",
        r#"h.run("touch /srv/created", #{ creates: "/srv/created" })"#,
        "run touch /srv/created: run",
    ),
    (
        "run_unless",
        r#"h.run("echo $WHO >here", #{ cwd: "/srv/a", env: #{ WHO: "me" }, unless: "test \"$(cat here)\" = $WHO" })"#,
        "run echo $WHO >here: run",
    ),
    (
        "unit",
        r#"h.service("worker", #{ unit: "[Service]\nExecStart=/bin/sleep 1000\nExecReload=/bin/true\n[Install]\nWantedBy=multi-user.target\n", state: "running", enabled: true })"#,
        "service worker: create unit file, enable, start",
    ),
    (
        "stopped",
        r#"h.service("idle", #{ state: "stopped", enabled: false, masked: true })"#,
        "service idle: mask, stop",
    ),
    (
        "static",
        r#"h.service("static", #{ state: "running", enabled: true })"#,
        "service static: start",
    ),
    (
        "package",
        r#"h.package("etcd-client", #{ version: "VERSION" })"#,
        "package etcd-client: install etcd-client=3.4.23-4+b4",
    ),
    (
        "package_held",
        r#"h.package("etcd-client", #{ state: "held" })"#,
        "package etcd-client: hold",
    ),
];

const PREPARE: &str = "cd /srv; echo x >mode; echo old >replaced; echo s >secret; echo old >stranger; chown 12345:54321 stranger; ln -s /nowhere moved; printf 'a=1\\nb=2' >lines; touch gone; mkdir -p a gone_folder/deep; touch gone_folder/deep/x
printf 'one\\377two\\n' >line_bytes; seq 1 200000 >line_large
printf '[Service]\\nExecStart=/bin/sleep 1000\\n' | tee /run/systemd/system/idle.service >/run/systemd/system/static.service; systemctl daemon-reload; systemctl start idle";

fn prepare(lab: &Lab) -> Vec<(&'static str, String, &'static str)> {
    lab.on(HOST, PREPARE);
    let version = lab.on(
        HOST,
        "sed -n '/^Package: etcd-client$/,/^$/s/^Version: //p' /opt/repo/Packages",
    );
    lab.write("t.j2", "{{ inventory_hostname }} {{ etcd_seq }}\n");
    let bytes: Vec<u8> = (0..100_000_u32)
        .map(|n| (n % 251 * (n % 89)).to_le_bytes()[0])
        .collect();
    std::fs::write(lab.folder().join("bytes"), &bytes).unwrap();
    std::fs::write(lab.folder().join("large"), bytes.repeat(25)).unwrap();
    ROWS.iter()
        .map(|(name, line, what)| (*name, line.replace("VERSION", version.trim()), *what))
        .collect()
}

#[test]
fn each_costs_two_trips_to_change_and_one_to_see_that_nothing_differs() {
    let Some(lab) = Lab::up(&[HOST], ONE) else {
        return;
    };
    let rows = prepare(&lab);
    let lines: Vec<(&str, &str)> = rows
        .iter()
        .map(|(name, line, _)| (*name, line.as_str()))
        .collect();
    lab.write("all.rhai", &script(&lines, "fail: \"warn\""));
    let etcdsh = |options: &str| {
        lab.etcdsh(
            &[
                &options.split(' ').collect::<Vec<_>>()[..],
                &["-o", "json", "./all.rhai"],
            ]
            .concat(),
        )
        .ok()
    };

    let before = lab.tree(HOST);
    let dry = etcdsh("-C -D -vvv");
    assert_eq!(before, lab.tree(HOST), "a dry run writes nothing");
    let wet = etcdsh("-D -vvv");
    for run in [&dry, &wet] {
        assert!(!run.text().contains("s3cr3t"), "a secret is shown");
    }
    let want = |status: &str| -> Vec<(String, String, String, u64)> {
        rows.iter()
            .map(|(name, _, what)| {
                (
                    (*name).to_string(),
                    status.to_string(),
                    if status == "ok" {
                        String::new()
                    } else {
                        (*what).to_string()
                    },
                    if status == "ok" { 1 } else { 2 },
                )
            })
            .collect()
    };
    compare(&ends(&wet), &want("changed"));
    let said = |run: &Run| {
        ends(run)
            .into_iter()
            .map(|(task, status, what, _)| (task, status, what))
            .collect::<Vec<_>>()
    };
    // A dry run says the same; only what rests on a change before it may not be known yet.
    for (dry, wet) in said(&dry).iter().zip(said(&wet)) {
        assert!(
            *dry == wet || ["line_match", "package", "package_held"].contains(&dry.0.as_str()),
            "{dry:?} {wet:?}"
        );
    }
    compare(&ends(&etcdsh("-D")), &want("ok"));
    assert!(
        !lab.etcdsh(&["-D", "-vvv", "./all.rhai"])
            .ok()
            .text()
            .contains("s3cr3t")
    );
    look(&lab);
}

#[track_caller]
fn compare(got: &[(String, String, String, u64)], want: &[(String, String, String, u64)]) {
    let lines = |rows: &[(String, String, String, u64)]| {
        rows.iter()
            .map(|(task, status, what, trips)| format!("{task}: {status} in {trips}: {what}"))
            .collect::<Vec<_>>()
    };
    let (got, want) = (lines(got), lines(want));
    let wrong: Vec<String> = got
        .iter()
        .zip(&want)
        .filter(|(got, want)| got != want)
        .map(|(got, want)| format!("got  {got}\nwant {want}"))
        .collect();
    assert!(
        wrong.is_empty() && got.len() == want.len(),
        "{} of {}\n{}",
        got.len(),
        want.len(),
        wrong.join("\n")
    );
}

/// What is there, by the host's own tools.
fn look(lab: &Lab) {
    let on = |script: &str| lab.on(HOST, script);
    assert_eq!(
        on("cat /srv/text; stat -c %a /srv/text"),
        "one\n$two `three` 'four' \"five\" \\six\n%s ünï\n640\n"
    );
    assert_eq!(
        on(
            "cat \"/srv/no newline's\"; stat -c ' %a' \"/srv/no newline's\" /srv/empty; wc -c </srv/empty"
        ),
        "-n end 644\n 644\n0\n"
    );
    assert_eq!(
        on("stat -c '%a %U %G' /srv/owned /srv/mode"),
        "4750 admin guest\n600 admin root\n"
    );
    assert_eq!(
        on("cat /srv/stranger; stat -c '%u %g %a' /srv/stranger"),
        "new\n12345 54321 644\n"
    );
    assert_eq!(
        on("cat /srv/replaced; cat /srv/replaced.*~; cat /srv/template"),
        "new\nold\n10.10.10.10 7\n"
    );
    for (here, there) in [("bytes", "/srv/source"), ("large", "/srv/large")] {
        let sum = |text: &str| text.split(' ').next().unwrap_or_default().to_string();
        let local = std::process::Command::new("sha256sum")
            .arg(lab.folder().join(here))
            .output()
            .unwrap();
        assert_eq!(
            sum(&String::from_utf8_lossy(&local.stdout)),
            sum(&on(&format!("sha256sum {there}"))),
            "{here}"
        );
    }
    assert_eq!(
        on("tail -n 1 /srv/large_text; wc -l </srv/large_text; cat /srv/secret"),
        "line 8999 '\n9000\ns3cr3t-c0ntent"
    );
    assert_eq!(
        on("stat -c '%F %a' /srv/a/b/c /srv/a; readlink /srv/link /srv/moved"),
        "directory 700\ndirectory 755\n/etc/hostname\n/etc/hosts\n"
    );
    assert_eq!(
        on(
            "cat /srv/lines /srv/line_new; od -An -c /srv/line_bytes | tr -d ' \\n'; tail -n 2 /srv/line_large; ls -A /srv | grep -c etcdsh || :"
        ),
        "a=2\nb=2\nc=3\nonly\none377two\\nmore\\n200000\nmore\n0\n"
    );
    assert_eq!(
        on(
            "ls -d /srv/gone* 2>/dev/null || echo none; getent passwd worker | cut -d: -f6,7; id -nG guest; getent passwd oper || echo none"
        ),
        "none\n/srv:/usr/sbin/nologin\nguest admin\nnone\n"
    );
    assert_eq!(
        on(
            "cat /srv/a/here; systemctl is-active worker static; systemctl is-enabled worker idle 2>/dev/null || :"
        ),
        "me\nactive\nactive\nenabled\nmasked\n"
    );
    assert_eq!(
        on("apt-mark showhold; dpkg -s etcd-client | grep Status"),
        "etcd-client\nStatus: hold ok installed\n"
    );
}

/// Name, line, and the headline with its causes.
const WRONG: &[(&str, &str, &str)] = &[
    (
        "no_parent",
        r#"h.file("/srv/x/y", #{ content: "x" })"#,
        "/srv/x/y: its directory `/srv/x` does not exist",
    ),
    (
        "not_a_file",
        r#"h.file("/srv", #{ content: "x" })"#,
        "/srv is a directory, and a file is wanted",
    ),
    (
        "refused",
        r#"h.file("/srv/replaced", #{ content: "no\n", validate: "echo said of it; grep ok %s" })"#,
        "the new /srv/replaced was refused, and the old one stays",
    ),
    (
        "no_path",
        r#"h.file("/srv/v", #{ content: "x", validate: "true" })"#,
        "`validate` needs `%s`, which becomes the path of the new file",
    ),
    (
        "relative",
        r#"h.file("srv", #{ content: "x" })"#,
        "`file` takes an absolute path, not `srv`",
    ),
    (
        "no_owner",
        r#"h.file("/srv/o", #{ content: "x", owner: "nobody-like-it" })"#,
        "file /srv/o could not be changed",
    ),
    (
        "not_empty",
        r#"h.file("/etc/ssh", #{ state: "absent" })"#,
        "file /etc/ssh could not be changed",
    ),
    (
        "device",
        r#"h.file("/dev/null", #{ content: "x" })"#,
        "/dev/null is neither a file, a directory nor a link",
    ),
    (
        "no_source",
        r#"h.file("/srv/s", #{ source: "nowhere" })"#,
        "`./nowhere` cannot be read; No such file or directory (os error 2)",
    ),
    (
        "no_unit",
        r#"h.service("nowhere", #{ state: "running" })"#,
        "there is no service `nowhere`",
    ),
    (
        "no_reload",
        r#"h.service("idle", #{ state: "reloaded" })"#,
        "service `idle` did not reload",
    ),
    (
        "bad_unit",
        r#"h.service("broken", #{ unit: "[Service]\nExecStart=/bin/sh -c 'echo because of this; exit 3'\nType=oneshot\n", state: "running" })"#,
        "service `broken` did not start",
    ),
    (
        "no_package",
        r#"h.package("no-such-package")"#,
        "package no-such-package was not found",
    ),
    (
        "no_version",
        r#"h.package("etcd-client", #{ version: "99" })"#,
        "package etcd-client was not found",
    ),
    (
        "no_deb",
        r#"h.package("x", #{ file: "/opt/repo/nowhere.deb" })"#,
        "install x failed",
    ),
    (
        "exit",
        r#"h.run("echo said; exit 9")"#,
        "the command failed",
    ),
    (
        "exit_ok",
        r#"h.run("exit 9", #{ ok: [0, 9] })"#,
        "run exit 9: run",
    ),
    (
        "any",
        r#"h.run("exit 9", #{ ok: "any", changes: false })"#,
        "",
    ),
    (
        "timeout",
        r#"h.run("sleep 777 & sleep 778", #{ timeout: "300ms" })"#,
        "the command failed; it was ended by its timeout",
    ),
    (
        "no_cwd",
        r#"h.run("true", #{ cwd: "/nowhere" })"#,
        "the command failed",
    ),
    (
        "wait_port",
        r#"h.wait_for("port 9", #{ timeout: "1s", every: "100ms" })"#,
        "port 9 was waited for in vain for 1 s",
    ),
    (
        "wait_port_bad",
        r#"h.wait_for("port ssh", #{ timeout: "1s" })"#,
        "`ssh` is no port",
    ),
    (
        "wait_path",
        r#"h.wait_for("/nowhere", #{ timeout: "1s", every: "100ms" })"#,
        "/nowhere was waited for in vain for 1 s",
    ),
    (
        "wait_address",
        r#"h.run("systemd-run -q --unit=loop systemd-socket-activate -l 127.0.0.1:4899 /bin/cat");
h.wait_for("port 127.0.0.1:4899", #{ timeout: "5s" }); h.wait_for("port 4899"); h.wait_for("port 10.10.10.10:22");
h.wait_for("port 10.10.10.10:4899", #{ timeout: "1s", every: "100ms" })"#,
        "port 10.10.10.10:4899 was waited for in vain for 1 s",
    ),
    (
        "wait_ok",
        r#"h.wait_for("port 22"); h.wait_for("/etc/hostname"); h.wait_for("test 1 = 1"); h.wait_for("/nowhere", #{ state: "absent" }); ()"#,
        "",
    ),
    (
        "fetch",
        r#"let got = h.fetch("/etc/hostname"); if got.content != "node-10\n" || !got.exists { fail("no") }"#,
        "",
    ),
    (
        "fetch_none",
        r#"if h.fetch("/nowhere").exists { fail("no") }"#,
        "",
    ),
    (
        "fetch_bytes",
        r#"h.fetch("/bin/true")"#,
        "/bin/true is no text",
    ),
    (
        "stdin",
        r#"let got = h.run("wc -c", #{ stdin: "12345", changes: false }); if got.stdout != "5\n" { fail(got.stdout) }"#,
        "",
    ),
    (
        "words",
        r#"let got = h.run(["printf", "%s|", "a b", "$c", "'"], #{ changes: false }); if got.stdout != "a b|$c|'|" { fail(got.stdout) }"#,
        "",
    ),
    (
        "caught",
        r#"try { h.run("echo why >&2; exit 3") } catch (e) { if e.kind != "remote" || e.host != h.name { fail(`${e.kind}`) } }"#,
        "",
    ),
    (
        "no_group",
        r#"h.user("z", #{ group: "no-such-group" })"#,
        "user z could not be changed",
    ),
    (
        "busy_user",
        r#"h.user("root", #{ state: "absent" })"#,
        "user root could not be changed",
    ),
];

#[test]
fn each_says_what_it_cannot_do() {
    let Some(lab) = Lab::up(&[HOST], ONE) else {
        return;
    };
    lab.on(HOST, PREPARE);
    let lines: Vec<(&str, &str)> = WRONG.iter().map(|(name, line, _)| (*name, *line)).collect();
    lab.write("wrong.rhai", &script(&lines, "fail: \"warn\""));
    let run = lab.etcdsh(&["-o", "json", "./wrong.rhai"]).ok();
    let got: Vec<String> = ends(&run)
        .into_iter()
        .map(|(task, _, said, _)| format!("{task}: {said}"))
        .collect();
    let want: Vec<String> = WRONG
        .iter()
        .map(|(name, _, said)| format!("{name}: {said}"))
        .collect();
    let wrong: Vec<String> = got
        .iter()
        .zip(&want)
        .filter(|(got, want)| got != want)
        .map(|(got, want)| format!("got  {got}\nwant {want}"))
        .collect();
    assert!(
        wrong.is_empty() && got.len() == want.len(),
        "{}",
        wrong.join("\n")
    );
    run.says(&[
        "because of this",
        "invalid user",
        "No such file",
        "said of it",
    ]);
    assert_eq!(
        lab.on(HOST, "cat /srv/replaced"),
        "old\n",
        "what was refused replaced nothing"
    );
    assert_eq!(
        lab.tries(HOST, "pgrep -x sleep -a | grep -e 777 -e 778")
            .code,
        1,
        "a timeout ends all of the command"
    );
    let left = lab.on(HOST, "find / -xdev -name '*.etcdsh' 2>/dev/null");
    assert_eq!(left, "", "half written files");
}

/// Name, line, and what a user without rights is told: nothing of it is "absent".
const HIDDEN: &[(&str, &str, &str)] = &[
    (
        "fetch",
        r#"h.fetch("/root/.bashrc")"#,
        "could not tell how file /root/.bashrc is; the question ended with exit 2",
    ),
    (
        "fetch_none",
        r#"if h.fetch("/nowhere/x").exists { fail("no") }"#,
        "",
    ),
    (
        "fetch_unreadable",
        r#"h.fetch("/etc/shadow")"#,
        "could not tell how file /etc/shadow is; the question ended with exit 1",
    ),
    (
        "fetch_by_link",
        r#"h.fetch("/srv/to_root")"#,
        "could not tell how file /srv/to_root is; the question ended with exit 2",
    ),
    (
        "file",
        r#"h.file("/root/a/b", #{ state: "absent" })"#,
        "could not tell how file /root/a/b is; the question ended with exit 2",
    ),
    (
        "file_if_empty",
        r#"h.file("/root", #{ state: "absent", if_empty: true })"#,
        "could not tell how file /root is; the question ended with exit 4",
    ),
    (
        "run",
        r#"h.run("true", #{ creates: "/root/done" })"#,
        "could not tell how file /root/done is; the question ended with exit 2",
    ),
    (
        "wait_for",
        r#"h.wait_for("/root/.bashrc", #{ state: "absent", timeout: "1s" })"#,
        "could not tell how /root/.bashrc is; the question ended with exit 2",
    ),
    (
        "unit",
        r#"h.service("hidden", #{ unit: "[Service]\n" })"#,
        "could not tell how service hidden is; the question ended with exit 2",
    ),
    (
        "package",
        r#"h.package("bash")"#,
        "could not tell how package bash is; the question ended with exit 1",
    ),
    (
        "user_and_group",
        r#"h.user("guest"); h.group("guest"); h.service("ssh", #{ state: "running" }); ()"#,
        "",
    ),
];

/// Folders that a user without rights may not enter.
const HIDE: &str = "ln -s /root/.bashrc /srv/to_root
chmod 0700 /etc/systemd/system /var/lib/dpkg";

#[test]
fn a_user_who_may_not_look_is_told_so() {
    let Some(lab) = Lab::up(&[HOST, "10.10.10.11=dnf"], ONE) else {
        return;
    };
    lab.on(HOST, HIDE);
    let lines: Vec<(&str, &str)> = HIDDEN
        .iter()
        .map(|(name, line, _)| (*name, *line))
        .collect();
    lab.write(
        "hidden.rhai",
        &script(&lines, "fail: \"warn\"").replace(", #{ become: true }", ""),
    );
    let run = lab
        .etcdsh(&["-C", "-u", "guest", "-o", "json", "./hidden.rhai"])
        .ok();
    let ends = ends(&run).into_iter();
    let got: Vec<String> = ends
        .map(|(task, _, said, _)| format!("{task}: {said}"))
        .collect();
    let want: Vec<String> = HIDDEN
        .iter()
        .map(|(name, _, said)| format!("{name}: {said}"))
        .collect();
    assert_eq!(got, want);
    run.says(&["/root/: Permission denied"]);

    // rpm answers "not installed" for what it may not read.
    lab.write("rpm.yml", "all: { hosts: { 10.10.10.11: } }\n");
    let ask = |wanted: &str| {
        let line = "try { print(`${hosts(\"all\")[0].package(\"etcd\").what}`) } catch (e) { print(e.kind) }";
        let run = lab
            .etcdsh(&["-C", "-u", "guest", "-i", "rpm.yml", "--eval", line])
            .ok();
        run.says(&[wanted]);
    };
    ask("install etcd");
    lab.on(
        "10.10.10.11",
        "chmod 0700 /var/lib/rpm /usr/lib/sysimage/rpm 2>/dev/null; :",
    );
    ask("unknown");
}

#[test]
fn a_dry_run_does_not_wait_for_what_would_be_started() {
    let Some(lab) = Lab::up(&[HOST], ONE) else {
        return;
    };
    let rows = [
        (
            "unit",
            r#"h.service("web", #{ unit: "[Service]\nExecStart=/bin/sleep 9\n", state: "running" })"#,
        ),
        ("wait", r#"h.wait_for("port 8080", #{ timeout: "20s" })"#),
    ];
    lab.write("wait.rhai", &script(&rows, ""));
    let start = std::time::Instant::now();
    let run = lab.etcdsh(&["-o", "json", "-C", "./wait.rhai"]).ok();
    assert!(
        run.events()
            .iter()
            .any(|event| event["event"] == "unknown" && event["subject"] == "wait for port 8080"),
        "{}",
        run.readable()
    );
    assert!(start.elapsed().as_secs() < 10);
}
