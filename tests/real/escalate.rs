//! Becoming root in other ways than by a plain sudo: one that wants a terminal, su, doas.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::lab::Lab;
use super::login::{fails, seen_in_processes, up_with, who};

const HOST: &str = "10.10.10.10";

const USERS: &str = r"all:
  vars: { ansible_host: 10.10.10.10 }
  hosts:
    as_root:
    as_admin: { ansible_user: admin }
    as_oper: { ansible_user: oper, ansible_become_password: lab-oper }
    as_oper_wrong: { ansible_user: oper, ansible_become_password: lab-wrong }
    as_oper_none: { ansible_user: oper }
";

/// These become root with the password given, and it is in no process for all to see.
#[track_caller]
fn become_root(lab: &Lab, hosts: &[&str], password: &str) {
    let seen = seen_in_processes(password, || {
        for host in hosts {
            who(lab, host).ok().says(&[&format!("{host}  root\n")]);
        }
    });
    assert_eq!(seen, BTreeSet::new());
}

/// What a user is told whose password is wrong, or who gave none.
#[track_caller]
fn passwords_are_refused(lab: &Lab, method: &str) {
    let wrong = format!("error: as_oper_wrong: {method} refused the password");
    fails(lab, "as_oper_wrong", &[&wrong]);
    let none = format!("error: as_oper_none: {method} asks for a password and none was given");
    fails(lab, "as_oper_none", &[&none]);
}

/// The users, all with another method.
fn users_by(method: &str) -> String {
    let host = format!("ansible_host: {HOST}");
    USERS.replace(&host, &format!("{host}, ansible_become_method: {method}"))
}

/// More than fits in a pipe, and what a terminal would change.
const BYTES: &str = r#"play("bytes", "all", #{ become: true });
task("bytes", "bytes pass", |h| {
    let large = h.run("head -c 300000 /dev/zero | tr '\\0' x", #{ changes: false }).stdout;
    let odd = h.run("printf 'a\\r\\nb\\004c\\003d\\n'", #{ changes: false }).stdout;
    say(h, `${large.len()} ${odd == "a\r\nb\x04c\x03d" || odd == "a\r\nb\x04c\x03d\n"}`);
    h.file("/root/large", #{ content: large + "\n" });
});
"#;

fn bytes_pass(lab: &Lab, host: &str) {
    lab.write("bytes.rhai", BYTES);
    lab.etcdsh(&["-l", host, "./bytes.rhai"])
        .ok()
        .says(&[&format!("{host}  300000 true\n")]);
    assert_eq!(
        lab.on(HOST, "stat -c %s /root/large; rm /root/large")
            .trim(),
        "300001"
    );
}

#[test]
fn sudo_that_wants_a_terminal_gets_one() {
    for image in ["bookworm", "trixie"] {
        let Some(lab) = up_with(image, USERS) else {
            return;
        };
        lab.on(HOST, "echo 'Defaults requiretty' >/etc/sudoers.d/tty");
        become_root(&lab, &["as_root", "as_admin", "as_oper"], "lab-oper");
        bytes_pass(&lab, "as_oper");
        passwords_are_refused(&lab, "sudo");
        lab.on(HOST, "mv /usr/bin/script /usr/bin/script.gone");
        fails(
            &lab,
            "as_admin",
            &[
                "error: as_admin: sudo wants a terminal",
                "caused by: `script` of util-linux, which makes one, is not on the host",
                "hint: Defaults !requiretty",
            ],
        );
    }
}

#[test]
fn su_takes_the_password_of_the_user_to_become() {
    let inventory = users_by("su").replace("lab-oper", "lab-root");
    let Some(lab) = up_with("bookworm", &inventory) else {
        return;
    };
    lab.on(
        HOST,
        "echo root:lab-root | chpasswd; mv /usr/bin/sudo /usr/bin/sudo.gone",
    );
    become_root(&lab, &["as_root", "as_oper"], "lab-root");
    bytes_pass(&lab, "as_oper");
    passwords_are_refused(&lab, "su");
    fails(
        &lab,
        "as_oper_wrong",
        &[
            "hint: correct `ansible_become_password` (./pigsty.yml:",
            "it wins over -K, which is that of the user to become",
        ],
    );
    // The same by the command line and by ansible.cfg.
    lab.write(
        "pigsty.yml",
        &inventory.replace(", ansible_become_method: su", ""),
    );
    lab.etcdsh(&[
        "--become-method",
        "su",
        "-vvv",
        "-l",
        "as_oper",
        "./who.rhai",
    ])
    .ok()
    .says(&["as_oper  root\n"]);
    lab.write(
        "ansible.cfg",
        "[privilege_escalation]\nbecome_method = ansible.builtin.su\n",
    );
    who(&lab, "as_oper").ok().says(&["as_oper  root\n"]);
    lab.write(
        "ansible.cfg",
        "[privilege_escalation]\nbecome_method = runas\n",
    );
    who(&lab, "as_oper").exits(1).says(&[
        "`become_method = runas` of `ansible.cfg` is not supported",
        "there are sudo, su and doas",
    ]);
}

/// Debian's doas, unpacked; a machine that cannot fetch it says so, and in CI that is a failure.
fn doas() -> Option<PathBuf> {
    let tool = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tools/unpack");
    let output = Command::new(tool)
        .args(["doas-bookworm", "bookworm", "opendoas", "doas"])
        .output()
        .unwrap();
    if output.status.success() {
        return Some(PathBuf::from(String::from_utf8(output.stdout).unwrap().trim()).join("doas"));
    }
    assert!(std::env::var_os("CI").is_none(), "doas cannot be fetched");
    eprintln!("not run, doas cannot be fetched here");
    None
}

#[test]
fn doas_asks_on_a_terminal_that_the_host_makes() {
    let Some(lab) = up_with("bookworm", &users_by("doas")) else {
        return;
    };
    let Some(doas) = doas() else { return };
    std::fs::copy(&doas, lab.folder().join("doas")).unwrap();
    std::fs::set_permissions(
        lab.folder().join("doas"),
        std::fs::Permissions::from_mode(0o755),
    )
    .unwrap();
    lab.keep_on(HOST, "doas", "/usr/bin/doas");
    lab.on(
        HOST,
        "chmod 4755 /usr/bin/doas; cp /etc/pam.d/su /etc/pam.d/doas; printf 'permit nopass admin\\npermit oper\\n' >/etc/doas.conf; chmod 600 /etc/doas.conf; mv /usr/bin/sudo /usr/bin/sudo.gone",
    );
    become_root(&lab, &["as_root", "as_admin", "as_oper"], "lab-oper");
    bytes_pass(&lab, "as_admin");
    bytes_pass(&lab, "as_oper");
    passwords_are_refused(&lab, "doas");
    lab.on(HOST, "echo 'permit nopass admin' >/etc/doas.conf");
    fails(
        &lab,
        "as_oper",
        &[
            "error: as_oper: doas refused",
            "hint: allow the login user in /etc/doas.conf",
        ],
    );
}
