//! Broken inventories and the whole message for each.
//!
//! `broken.txt` holds them: a text, `=====`, its message, `-----`. With `UPDATE_GOLDEN=1` the messages
//! are written anew; look at the difference before it is committed.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use etcdsh::inventory::{Inventory, LoadOptions};

/// The texts of a file of broken inventories with their messages.
pub(super) fn entries(golden: &str) -> Vec<&str> {
    let entries = golden.split("-----\n").filter(|entry| !entry.is_empty());
    entries
        .map(|entry| entry.split_once("=====\n").unwrap().0)
        .collect()
}

pub(super) fn golden(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/inventory")
        .join(name)
}

/// Compare the messages for the texts of a file, read as the inventory `name`.
fn compare(file: &str, name: &str, least: usize) {
    let path = golden(file);
    let golden = fs::read_to_string(&path).unwrap();
    let texts = entries(&golden);
    assert!(texts.len() >= least, "only {} in {file}", texts.len());
    let mut now = String::new();
    for text in texts {
        let message = match Inventory::parse(name, text) {
            Ok(_) => panic!("this is not broken:\n{text}"),
            Err(error) => error.to_string(),
        };
        now.push_str(&format!("{text}=====\n{message}\n-----\n"));
    }
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, &now).unwrap();
    }
    assert_eq!(golden, now);
}

#[test]
fn broken_inventories_say_what_and_where() {
    compare("broken.txt", "inv.yml", 40);
}

#[test]
fn broken_ini_inventories_say_what_and_where() {
    compare("broken_ini.txt", "hosts.ini", 30);
}

/// Write files into a folder, load one of them and give the message, the folder's name left out.
fn message(files: &[(&str, &str)], source: &str) -> String {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        if text.starts_with("#!") {
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
    }
    let source = dir.path().join(source).display().to_string();
    let options = LoadOptions {
        base_dir: Some(dir.path().to_path_buf()),
        ..LoadOptions::default()
    };
    let error = Inventory::load(&[source], &options)
        .map(|inventory| inventory.hosts())
        .unwrap_err();
    error
        .to_string()
        .replace(&format!("{}/", dir.path().display()), "")
}

/// The files, the source that is loaded and the message.
type Unreadable<'a> = (&'a [(&'a str, &'a str)], &'a str, &'a str);

const HOSTS: &str = "etcd: { hosts: { h1: } }\n";

#[test]
fn files_that_cannot_be_read_say_so() {
    let cases: &[Unreadable<'_>] = &[
        (
            &[("pigsty.yml", HOSTS)],
            "pigsti.yml",
            "inventory `pigsti.yml` does not exist\n hint: did you mean `pigsty.yml`?",
        ),
        (
            &[],
            "h1",
            "inventory `h1` does not exist\n hint: for a single host write `-i h1,` with a comma",
        ),
        (
            &[("inv/a.yml", HOSTS), ("inv/hosts.ini", "[etcd]\nh1 a\n")],
            "inv",
            "`a` is not `key=value`\n --> inv/hosts.ini:2:4\n2 | h1 a\n  |    ^\n caused by: a line has one host; what follows are its variables",
        ),
        (
            &[("hosts", "# mine\n[etcd]\nh1 a\n")],
            "hosts",
            "`a` is not `key=value`\n --> hosts:3:4\n3 | h1 a\n  |    ^\n caused by: a line has one host; what follows are its variables",
        ),
        (
            &[("hosts", "etcd:\n  hosts:\n    h1:\n   h2:\n")],
            "hosts",
            "wrong indentation\n --> hosts:4:4\n4 |    h2:\n  |    ^\n caused by: 3 spaces fit no line above; the lines around it have 0, 2, 4",
        ),
        (
            &[("hosts.toml", "[etcd.hosts]\nh1 = {}\n")],
            "hosts.toml",
            "inventories in TOML are not supported, only YAML and INI\n --> hosts.toml\n hint: ansible-inventory -i hosts.toml --list -y --export > inventory.yml",
        ),
        (
            &[
                ("hosts.yml", HOSTS),
                ("group_vars/etcd.yml", "a: 1\n  b: 2\n"),
            ],
            "hosts.yml",
            "wrong indentation\n --> group_vars/etcd.yml:2:3\n2 |   b: 2\n  |   ^\n caused by: line 1 has a value already, so nothing can belong to it",
        ),
        (
            &[("hosts.yml", HOSTS), ("host_vars/h1.yml", "- a\n")],
            "hosts.yml",
            "a file of variables is a mapping, not a list\n --> host_vars/h1.yml:1:1\n1 | - a\n  | ^\n hint: write `name: value` lines",
        ),
        (
            &[("inv.sh", "#!/bin/sh\necho no database >&2\nexit 3\n")],
            "inv.sh",
            "the inventory script `inv.sh` ended with exit status: 3\n command: inv.sh --list\n stderr: no database",
        ),
        (
            &[("inv.sh", "#!/bin/sh\necho '{\"etcd\": [1'\n")],
            "inv.sh",
            "the inventory script did not print JSON\n --> inv.sh --list:2:1\n command: inv.sh --list\n caused by: expected `,` or `]`",
        ),
        (
            &[(
                "inv.sh",
                "#!/bin/sh\necho '{\"etcd\": {\"hosts\": \"h1\"}}'\n",
            )],
            "inv.sh",
            "`hosts` of group `etcd` is a JSON array, not a string\n --> inv.sh --list:1:20\n1 | {\"etcd\": {\"hosts\": \"h1\"}}\n  |                    ^",
        ),
        (
            &[("inv.sh", "#!/no/such/shell\n")],
            "inv.sh",
            "cannot run the inventory script `inv.sh`\n caused by: No such file or directory (os error 2)\n hint: chmod -x inv.sh   # if it is a file to be read, not run",
        ),
    ];
    for (files, source, expected) in cases {
        assert_eq!(message(files, source), *expected);
    }
    let path = Path::new("not/here.yml").display().to_string();
    assert!(Inventory::load(&[path], &LoadOptions::default()).is_err());
}

#[test]
fn a_key_without_a_space_is_warned_about() {
    let inventory = Inventory::parse("inv.yml", "all: { hosts: { h1: { etcd_seq:1 } } }").unwrap();
    assert_eq!(
        inventory.warnings,
        [
            "inv.yml:1: `etcd_seq:1` has no space after its colon and sets nothing; write `etcd_seq: 1`"
        ]
    );
}
