//! Logging in and becoming root: every kind of user, passwords, host keys, detours, connections that are kept.

use std::collections::BTreeSet;
use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use expectrl::{Eof, Expect, Session};

use super::lab::{Lab, Run};

const HOST: &str = "10.10.10.10";

/// One machine under several names.
const INVENTORY: &str = r"all:
  vars: { ansible_host: 10.10.10.10 }
  hosts:
    as_root:
    as_admin: { ansible_user: admin }
    as_admin_only: { ansible_user: admin, ansible_become: false }
    as_oper: { ansible_user: oper, ansible_become_password: lab-oper }
    as_oper_wrong: { ansible_user: oper, ansible_become_password: lab-wrong }
    as_oper_none: { ansible_user: oper }
    as_guest: { ansible_user: guest, ansible_become_password: lab-guest }
    to_guest: { ansible_become: true, ansible_become_user: guest }
    by_password: { ansible_user: oper, ansible_password: lab-oper, ansible_become_password: lab-oper, ansible_ssh_extra_args: -o PubkeyAuthentication=no }
    by_wrong_password: { ansible_user: oper, ansible_password: lab-wrong, ansible_ssh_extra_args: -o PubkeyAuthentication=no }
    by_no_password: { ansible_user: oper, ansible_ssh_extra_args: -o PubkeyAuthentication=no }
    asked: { ansible_user: oper, ansible_ssh_extra_args: -o PubkeyAuthentication=no }
";

const WHO: &str = "play(\"who\", \"all\", #{ become: true });\ntask(\"who\", \"who is it\", |h| say(h, h.run(\"id -un\", #{ changes: false }).stdout));\n";

fn up(image: &str) -> Option<Lab> {
    up_with(image, INVENTORY)
}

/// One host of an image, and the script `who.rhai`.
pub(super) fn up_with(image: &str, inventory: &str) -> Option<Lab> {
    let lab = Lab::up(&[&format!("{HOST}={image}")], inventory)?;
    lab.write("who.rhai", WHO);
    Some(lab)
}

pub(super) fn who(lab: &Lab, host: &str) -> Run {
    lab.etcdsh(&["-vvv", "-l", host, "./who.rhai"])
}

/// The lines of a message, without the place in the script.
#[track_caller]
pub(super) fn fails(lab: &Lab, host: &str, lines: &[&str]) {
    let run = who(lab, host).exits(4);
    for line in lines {
        assert!(
            run.stdout.contains(line),
            "{host}: `{line}` is not said\n{}",
            run.text()
        );
    }
    assert!(
        !run.text().contains("lab-"),
        "a password is shown\n{}",
        run.text()
    );
}

/// Sets it when it goes.
struct Ended<'a>(&'a AtomicBool);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Everything that stood on a command line or in an environment while `work` ran, as far as it holds `needle`.
pub(super) fn seen_in_processes(needle: &str, work: impl FnOnce()) -> BTreeSet<String> {
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let watch = scope.spawn(|| {
            let mut seen = BTreeSet::new();
            while !stop.load(Ordering::Relaxed) {
                for process in fs::read_dir("/proc")
                    .unwrap()
                    .flatten()
                    .map(|entry| entry.path())
                {
                    for file in ["cmdline", "environ"] {
                        let text = fs::read(process.join(file)).unwrap_or_default();
                        if text
                            .windows(needle.len())
                            .any(|window| window == needle.as_bytes())
                        {
                            seen.insert(format!(
                                "{file}: {}",
                                String::from_utf8_lossy(&text).replace('\0', " ")
                            ));
                        }
                    }
                }
            }
            seen
        });
        // Also when the work panics: the scope waits for the watch.
        let ended = Ended(&stop);
        work();
        drop(ended);
        watch.join().unwrap()
    })
}

#[test]
fn every_user_becomes_root_or_is_told_why_not() {
    for image in ["bookworm", "trixie"] {
        let Some(lab) = up(image) else { return };
        let seen = seen_in_processes("lab-oper", || {
            for (host, user) in [
                ("as_root", "root"),
                ("as_admin", "root"),
                ("as_admin_only", "admin"),
                ("as_oper", "root"),
                ("to_guest", "guest"),
                ("by_password", "root"),
            ] {
                let run = who(&lab, host).ok().says(&[&format!("{host}  {user}\n")]);
                assert!(
                    !run.text().contains("lab-"),
                    "a password is shown\n{}",
                    run.text()
                );
                let run = lab.etcdsh(&["-o", "json", "-l", host, "./who.rhai"]).ok();
                assert!(
                    !run.text().contains("lab-"),
                    "a password is shown\n{}",
                    run.text()
                );
            }
        });
        assert_eq!(seen, BTreeSet::new());
        fails(
            &lab,
            "as_oper_none",
            &[
                "error: as_oper_none: sudo asks for a password and none was given",
                "hint: -K   # asks for it; `ansible_become_password` in the inventory sets it",
            ],
        );
        fails(
            &lab,
            "as_oper_wrong",
            &[
                "error: as_oper_wrong: sudo refused the password",
                "hint: correct `ansible_become_password` (./pigsty.yml:",
            ],
        );
        fails(
            &lab,
            "as_guest",
            &[
                "error: as_guest: sudo refused",
                "guest is not in the sudoers file",
                "hint: allow the login user sudo, or log in as root with -u root",
            ],
        );
        fails(
            &lab,
            "by_wrong_password",
            &[
                "error: by_wrong_password: login as `oper@10.10.10.10` refused",
                "Permission denied",
                "hint: correct `ansible_password` (./pigsty.yml:",
            ],
        );
        fails(
            &lab,
            "by_no_password",
            &[
                "error: by_no_password: login as `oper@10.10.10.10` refused",
                "hint: ssh-copy-id oper@10.10.10.10",
            ],
        );
        lab.etcdsh(&["run", "as_admin", "-b", "--", "id", "-un"])
            .ok()
            .says(&["as_admin | ok | rc=0\nroot"]);
        lab.etcdsh(&["run", "as_admin", "--", "id", "-un"])
            .ok()
            .says(&["as_admin | ok | rc=0\nadmin"]);
    }
}

/// Words typed at the questions, and all that was said.
pub(super) fn typed(lab: &Lab, words: &[&str], answers: &[(&str, &str)]) -> (String, i32) {
    let mut command = lab.command(env!("CARGO_BIN_EXE_etcdsh"));
    command.args(words);
    let mut session = Session::spawn(command).unwrap();
    session.set_expect_timeout(Some(Duration::from_mins(2)));
    for (question, answer) in answers {
        session.expect(*question).unwrap();
        session.send_line(answer).unwrap();
    }
    let said = session.expect(Eof).unwrap();
    let code = match session.get_process().wait().unwrap() {
        expectrl::process::unix::WaitStatus::Exited(_, code) => code,
        other => panic!("{other:?}"),
    };
    (String::from_utf8_lossy(said.as_bytes()).into_owned(), code)
}

#[test]
fn passwords_are_asked_for_on_the_terminal() {
    let Some(lab) = up("bookworm") else { return };
    let seen = seen_in_processes("lab-oper", || {
        let (said, code) = typed(
            &lab,
            &[
                "--no-color",
                "-vvv",
                "-K",
                "-l",
                "as_oper_none",
                "./who.rhai",
            ],
            &[("BECOME password: ", "lab-oper")],
        );
        assert!(
            code == 0 && said.contains("as_oper_none  root") && !said.contains("lab-oper"),
            "{said}"
        );
        let (said, code) = typed(
            &lab,
            &["--no-color", "-k", "-K", "-l", "asked", "./who.rhai"],
            &[
                ("SSH password: ", "lab-oper"),
                ("BECOME password [defaults to SSH password]: ", ""),
            ],
        );
        assert!(
            code == 0 && said.contains("asked  root") && !said.contains("lab-oper"),
            "{said}"
        );
    });
    assert_eq!(seen, BTreeSet::new());
    let (said, code) = typed(
        &lab,
        &["--no-color", "-K", "-l", "as_oper_none", "./who.rhai"],
        &[("BECOME password: ", "lab-wrong")],
    );
    assert!(
        code == 4 && said.contains("sudo refused the password") && !said.contains("lab-"),
        "{said}"
    );
}

#[test]
fn the_password_goes_to_sudo_and_to_nothing_else() {
    let Some(lab) = up("bookworm") else { return };
    // sudo itself writes down what goes through it.
    lab.on(HOST, "printf 'Defaults log_input,log_output,!compress_io,iolog_dir=/var/log/io\\n' >/etc/sudoers.d/log");
    lab.write("pigsty.yml", "all: { hosts: { 10.10.10.10: { ansible_user: admin, ansible_become_password: never-needed } } }\n");
    who(&lab, "all").ok().says(&["10.10.10.10  root\n"]);
    let written = lab.on(
        HOST,
        "grep -rac 'id -un' /var/log/io | grep -v ':0$' | wc -l",
    );
    assert_ne!(written.trim(), "0", "sudo wrote down what it was given");
    lab.on(HOST, "! grep -ra never-needed /var/log /tmp /home /root");
    // A user whose sudo asks, then one that lectures, then one that asks twice.
    lab.on(HOST, "rm -rf /var/log/io; printf 'Defaults lecture=always,passprompt_override\\nDefaults passprompt=\"Tell me: \"\\n' >/etc/sudoers.d/log");
    lab.write("pigsty.yml", "all: { hosts: { 10.10.10.10: { ansible_user: oper, ansible_become_password: lab-oper, ansible_timeout: 3 } } }\n");
    let run = who(&lab, "all");
    assert!(run.code == 0 || run.code == 4, "{}", run.text());
    assert!(!run.text().contains("lab-oper"), "{}", run.text());
    lab.on(
        HOST,
        "printf 'Defaults lecture=always\\n' >/etc/sudoers.d/log",
    );
    who(&lab, "all").ok().says(&["10.10.10.10  root\n"]);
    // Noise of a login shell is no answer.
    lab.on(HOST, "sed -i '1i echo hello from bashrc; echo oops >&2' /home/oper/.bashrc /root/.bashrc; touch /home/oper/.hushlogin");
    who(&lab, "all").ok().says(&["10.10.10.10  root\n"]);
    // Another login shell.
    lab.on(HOST, "usermod -s /bin/dash oper; command -v tcsh >/dev/null && usermod -s \"$(command -v tcsh)\" oper || :");
    fresh(&lab, &["./who.rhai"], &[])
        .ok()
        .says(&["10.10.10.10  root\n"]);
    lab.on(HOST, "usermod -s /usr/sbin/nologin oper");
    let run = fresh(&lab, &["./who.rhai"], &[]);
    assert_eq!(run.code, 4, "{}", run.text());
    assert!(
        run.stdout
            .contains("This account is currently not available"),
        "{}",
        run.text()
    );
    // sudo that is not there at all.
    lab.on(HOST, "mv /usr/bin/sudo /usr/bin/sudo.gone");
    lab.write(
        "pigsty.yml",
        "all: { hosts: { 10.10.10.10: { ansible_user: admin } } }\n",
    );
    let run = fresh(&lab, &["./who.rhai"], &[]).exits(4);
    assert!(
        run.stdout.contains("sudo") && run.stdout.contains("not found"),
        "{}",
        run.text()
    );
}

pub(super) fn fresh(lab: &Lab, words: &[&str], variables: &[(&str, &str)]) -> Run {
    lab.command(env!("CARGO_BIN_EXE_etcdsh"))
        .env("ETCDSH_NO_PERSIST", "1")
        .envs(variables.iter().copied())
        .args(words)
        .output()
        .unwrap()
        .into()
}

fn known_hosts(lab: &Lab) -> String {
    let output = lab
        .command("sh")
        .args(["-c", "cat ~/.ssh/known_hosts"])
        .output()
        .unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn unknown_host_keys_are_recorded_and_changed_ones_refused() {
    let Some(lab) = up("bookworm") else { return };
    let run = |variables: &[(&str, &str)]| fresh(&lab, &["-l", "as_root", "./who.rhai"], variables);
    run(&[("ANSIBLE_HOST_KEY_CHECKING", "True")])
        .exits(4)
        .says(&["the host key of `10.10.10.10` is not known", "hint: ssh "]);
    assert_eq!(known_hosts(&lab), "");
    run(&[("ANSIBLE_HOST_KEY_CHECKING", "False")]).ok();
    assert_eq!(known_hosts(&lab), "", "unchecked keys are not recorded");
    run(&[]).ok();
    let recorded = known_hosts(&lab);
    assert_eq!(recorded.lines().count(), 1, "{recorded}");
    run(&[]).ok();
    run(&[("ANSIBLE_HOST_KEY_CHECKING", "True")]).ok();
    assert_eq!(known_hosts(&lab), recorded);
    lab.does("rekey", &[HOST]);
    for variables in [&[][..], &[("ANSIBLE_HOST_KEY_CHECKING", "True")]] {
        run(variables).exits(4).says(&[
            "error: as_root: the host key of `10.10.10.10` has changed",
            "caused by: somebody may be listening in, or the host was installed anew",
            "hint: if you know that it was installed anew: ssh-keygen -R 10.10.10.10",
        ]);
    }
    assert_eq!(known_hosts(&lab), recorded);
    lab.write("ansible.cfg", "[defaults]\nhost_key_checking = False\n");
    run(&[]).ok();
    lab.write("ansible.cfg", "");
    // What the hint says helps.
    lab.command("ssh-keygen")
        .args(["-R", HOST])
        .output()
        .unwrap();
    run(&[]).ok();
}

#[test]
fn hosts_are_reached_by_every_detour() {
    let Some(lab) = up("bookworm") else { return };
    let relay = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/real/relay");
    lab.command("sh").args(["-c", "printf 'Host alias\\n  HostName 10.10.10.10\\n  User admin\\nHost jumped\\n  HostName 10.10.10.10\\n  ProxyJump alias\\n' >>~/.ssh/config; cp ~/.ssh/id_ed25519 \"$PWD/my key\""]).output().unwrap();
    lab.on(HOST, "/usr/sbin/sshd -p 2222 -o PidFile=none");
    lab.write(
        "pigsty.yml",
        &format!(
            "all:\n  hosts:\n    alias:\n    jumped:\n    other: {{ ansible_host: alias, ansible_user: root }}\n    port: {{ ansible_host: 10.10.10.10, ansible_port: 2222 }}\n    \
             relayed: {{ ansible_host: 10.10.10.10, ansible_ssh_common_args: '-o ProxyCommand=\"{} 5 %h %p counts\"' }}\n    \
             key: {{ ansible_host: 10.10.10.10, ansible_ssh_private_key_file: '{}' }}\n    no_key: {{ ansible_host: 10.10.10.10, ansible_ssh_private_key_file: /nowhere }}\n    \
             closed: {{ ansible_host: 10.10.10.10, ansible_port: 2223 }}\n    bad_port: {{ ansible_host: 10.10.10.10, ansible_port: ssh }}\n    quote: {{ ansible_host: 10.10.10.10, ansible_ssh_common_args: '-o \"x' }}\n    bad_option: {{ ansible_host: 10.10.10.10, ansible_ssh_extra_args: -o Bogus=1 }}\n",
            relay.display(),
            lab.folder().join("my key").display()
        ),
    );
    std::fs::create_dir(lab.folder().join("counts")).unwrap();
    for (host, user) in [
        ("alias", "root"),
        ("jumped", "root"),
        ("other", "root"),
        ("port", "root"),
        ("relayed", "root"),
        ("key", "root"),
    ] {
        who(&lab, host).ok().says(&[&format!("{host}  {user}\n")]);
    }
    assert_ne!(
        std::fs::read_dir(lab.folder().join("counts"))
            .unwrap()
            .count(),
        0,
        "the relay was used"
    );
    who(&lab, "closed").exits(4).says(&[
        "`10.10.10.10` cannot be reached over ssh",
        "Connection refused",
        "hint: ssh -p 2223 10.10.10.10 true",
    ]);
    who(&lab, "no_key")
        .exits(4)
        .says(&["there is no key `/nowhere` to log in with"]);
    who(&lab, "bad_port")
        .exits(1)
        .says(&["bad_port: `ansible_port` takes a port, not `ssh`"]);
    who(&lab, "quote")
        .exits(1)
        .says(&["quote: a quote stays open in `ansible_ssh_common_args`"]);
    who(&lab, "bad_option")
        .exits(4)
        .says(&["Bad configuration option: bogus"]);
    // The same from the command line and ansible.cfg; no other key is there any more.
    lab.command("sh")
        .args(["-c", "rm ~/.ssh/id_ed25519"])
        .output()
        .unwrap();
    let key = lab.folder().join("my key").display().to_string();
    let only = |words: &[&str], variables: &[(&str, &str)]| {
        fresh(
            &lab,
            &[words, &["-i", "10.10.10.10,", "./who.rhai"]].concat(),
            variables,
        )
    };
    only(&[], &[])
        .exits(4)
        .says(&["login as `root@10.10.10.10` refused"]);
    // Options of ssh itself, which name another configuration with that key.
    lab.write("other.cfg", &format!("Host *\n  IdentityFile \"{key}\"\n"));
    let args = "-F other.cfg -o ControlMaster=auto";
    lab.write(
        "ansible.cfg",
        &format!("[ssh_connection]\nssh_args = {args}\n"),
    );
    only(&[], &[]).ok().says(&["10.10.10.10  root\n"]);
    lab.write("ansible.cfg", "");
    only(&[], &[("ANSIBLE_SSH_ARGS", args)])
        .ok()
        .says(&["10.10.10.10  root\n"]);
    only(&["--private-key", &key], &[])
        .ok()
        .says(&["10.10.10.10  root\n"]);
    only(&["--private-key", &key, "-u", "admin"], &[])
        .ok()
        .says(&["10.10.10.10  root\n"]);
    only(
        &[],
        &[
            ("ANSIBLE_PRIVATE_KEY_FILE", &key),
            ("ANSIBLE_REMOTE_USER", "admin"),
        ],
    )
    .ok()
    .says(&["10.10.10.10  root\n"]);
    only(&["--ssh-common-args", &format!("-i '{key}'")], &[])
        .ok()
        .says(&["10.10.10.10  root\n"]);
}

#[test]
fn unreachable_hosts_are_told_apart_from_failed_ones() {
    let Some(lab) = up("bookworm") else { return };
    lab.write("pigsty.yml", "all: { hosts: { 10.10.10.10: , 10.10.10.77: , nowhere.invalid: }, vars: { ansible_timeout: 2 } }\n");
    lab.write("each.rhai", "play(\"each\", #{ a: \"10.10.10.10\", b: \"10.10.10.77\" });\ntask(\"run\", \"run\", |h| h.run(args[0], #{ changes: false }));\ntask(\"on\", \"on\", |h| say(h, \"went on\"));\n");
    let start = Instant::now();
    lab.etcdsh(&["./each.rhai", "true"]).exits(4).says(&[
        "unreachable 10.10.10.77",
        "cannot be reached over ssh",
        "10.10.10.10  went on",
        "unreachable=1",
    ]);
    lab.etcdsh(&["./each.rhai", "false"])
        .exits(2)
        .says(&["unreachable=1", "failed=1"]);
    lab.etcdsh(&["run", "nowhere.invalid", "--", "true"])
        .exits(4)
        .says(&[
            "the name `nowhere.invalid` does not resolve",
            "hint: set `ansible_host`",
        ]);
    assert!(
        start.elapsed() < Duration::from_secs(30),
        "{:?}",
        start.elapsed()
    );
}

#[test]
fn a_connection_is_kept_for_a_minute_unless_told_otherwise() {
    let Some(lab) = up("bookworm") else { return };
    let control = tempfile::Builder::new()
        .prefix("c")
        .tempdir_in("/tmp")
        .unwrap();
    let folder = control.path().display().to_string();
    let logins = || {
        lab.on(
            HOST,
            "journalctl -u ssh -o cat --no-pager | grep -c '^Accepted' || :",
        )
        .trim()
        .to_string()
    };
    let masters = || {
        let output = std::process::Command::new("pgrep")
            .args(["-f", &folder])
            .output()
            .unwrap();
        String::from_utf8_lossy(&output.stdout).lines().count()
    };
    let run = |variables: &[(&str, &str)]| -> Run {
        // `lab exec` has a folder of its own for connections.
        let mut command = lab.command("env");
        command
            .arg(format!("ETCDSH_CONTROL_DIR={folder}"))
            .envs(variables.iter().copied());
        command
            .args([env!("CARGO_BIN_EXE_etcdsh"), "-l", "as_root", "./who.rhai"])
            .output()
            .unwrap()
            .into()
    };
    run(&[("ETCDSH_NO_PERSIST", "1")]).ok();
    assert_eq!((logins().as_str(), masters()), ("1", 0), "nothing is kept");
    assert_eq!(
        std::fs::read_dir(control.path()).unwrap().count(),
        0,
        "nothing is left behind"
    );
    run(&[]).ok();
    assert_eq!((logins().as_str(), masters()), ("2", 1));
    run(&[]).ok();
    run(&[]).ok();
    assert_eq!(
        (logins().as_str(), masters()),
        ("2", 1),
        "the kept connection is used again"
    );
    // One that has died is made anew, and does not hide that the host was replaced.
    lab.reset();
    run(&[]).ok();
    lab.reset();
    lab.does("rekey", &[HOST]);
    run(&[]).exits(4).says(&["has changed"]);
}
