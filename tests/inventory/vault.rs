//! What the real `ansible-vault` encrypts is opened here, and shown nowhere.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use etcdsh::inventory::{Inventory, LoadOptions, Value, Vault};
use serde_json::json;

use super::oracle::{ansible, ask};

/// A folder with passwords and what ansible-vault made with them.
struct Lab {
    dir: tempfile::TempDir,
    python: PathBuf,
}

impl Lab {
    fn new() -> Option<Lab> {
        let lab = Lab {
            dir: tempfile::tempdir().unwrap(),
            python: ansible()?,
        };
        lab.write("red", "red\n");
        lab.write("blue", "blue pass word\n");
        lab.write("green", "green");
        Some(lab)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        fs::write(self.path(name), text).unwrap();
    }

    fn ansible(&self, jobs: &[Vec<&str>]) -> Vec<String> {
        let jobs: Vec<_> = jobs
            .iter()
            .map(|args| json!({ "args": args, "cwd": self.dir.path() }))
            .collect();
        let answers = ask(&self.python, &jobs);
        answers
            .into_iter()
            .map(|(code, output, complaint)| {
                assert_eq!(code, 0, "{complaint}");
                output
            })
            .collect()
    }

    fn etcdsh(&self, args: &[&str], env: &[(&str, &str)]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_etcdsh"))
            .args(args)
            .current_dir(self.dir.path())
            .env_remove("ANSIBLE_VAULT_PASSWORD_FILE")
            .envs(env.iter().copied())
            .output()
            .unwrap()
    }

    /// An inventory with values of three passwords, and a folder of variables that is encrypted as a whole.
    fn fill(&self) {
        let value = |id: &'static str, text: &'static str| {
            vec![
                "ansible-vault",
                "encrypt_string",
                "--vault-id",
                id,
                "--encrypt-vault-id",
            ]
            .into_iter()
            .chain([id.split('@').next().unwrap(), text])
            .collect::<Vec<_>>()
        };
        self.write(
            "group_vars/etcd/vault.yml",
            "vault_password: p4ss from file\nport: 2379\nflag: true\nlist: [one s3cret, 2]\nseen: '{{ inventory_hostname }}'\n",
        );
        self.write("extra.yml", "extra: s3cret extra\n");
        let whole = |file| vec!["ansible-vault", "encrypt", "--vault-id", "blue@blue", file];
        let outputs = self.ansible(&[
            value("default@red", "s3cret 1.1"),
            value("blue@blue", "s3cret of blue ü"),
            value("green@green", "s3cret {{ inventory_hostname }}"),
            whole("group_vars/etcd/vault.yml"),
            whole("extra.yml"),
        ]);
        let mut text = String::from("etcd:\n  hosts: { h1: }\n  vars:\n");
        for (name, output) in ["red", "blue", "green"].into_iter().zip(&outputs) {
            let lines: Vec<String> = output
                .lines()
                .skip(1)
                .map(|line| format!("      {}", line.trim()))
                .collect();
            text.push_str(&format!("    {name}: !vault |\n{}\n", lines.join("\n")));
        }
        text.push_str("    made: 'x-{{ vault_password }}'\n    list_of: [1, '{{ blue }}']\n");
        self.write("hosts.yml", &text);
        assert!(
            text.contains("$ANSIBLE_VAULT;1.1;AES256\n")
                && text.contains("$ANSIBLE_VAULT;1.2;AES256;blue\n")
        );
    }

    fn load(&self, passwords: &[(&str, &str)]) -> etcdsh::error::Result<Inventory> {
        let mut vault = Vault::default();
        for (label, file) in passwords {
            vault.add_file(label, self.path(file).to_str().unwrap())?;
        }
        let options = LoadOptions {
            base_dir: Some(self.dir.path().to_path_buf()),
            vault,
        };
        Inventory::load(&[self.path("hosts.yml").display().to_string()], &options)
    }
}

const ALL: [(&str, &str); 3] = [("default", "red"), ("blue", "blue"), ("other", "green")];

#[test]
fn values_are_those_that_ansible_decrypts() {
    let Some(lab) = Lab::new() else { return };
    lab.fill();
    let probe = "{'a': red, 'b': blue, 'c': green, 'd': vault_password, 'e': port, 'f': flag, 'g': list, 'h': seen, 'i': made, 'j': list_of, 'k': extra}";
    let message = format!("msg={{{{ {probe} }}}}");
    let shown = lab.ansible(&[vec![
        "ansible",
        "h1",
        "-i",
        "hosts.yml",
        "--vault-id",
        "red",
        "--vault-id",
        "blue@blue",
        "--vault-id",
        "x@green",
        "-e",
        "@extra.yml",
        "-m",
        "ansible.builtin.debug",
        "-a",
        &message,
    ]]);
    let theirs: serde_json::Value =
        serde_json::from_str(shown[0].split_once("=>").unwrap().1).unwrap();
    let mut inventory = lab.load(&ALL).unwrap();
    inventory
        .read_extra(&[format!("@{}", lab.path("extra.yml").display())])
        .unwrap();
    let revealed = |value: &Value| match value {
        Value::List(items) => json!(items.iter().map(Value::to_text).collect::<Vec<_>>()),
        other => json!(other.to_text()),
    };
    let names = [
        "red",
        "blue",
        "green",
        "vault_password",
        "port",
        "flag",
        "list",
        "seen",
        "made",
        "list_of",
        "extra",
    ];
    let mut compared = 0;
    for (key, name) in ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k"]
        .iter()
        .zip(names)
    {
        let ours = inventory
            .var("h1", name)
            .unwrap_or_else(|error| panic!("{error}"))
            .unwrap();
        let text = |value: &serde_json::Value| match value {
            serde_json::Value::Bool(flag) => if *flag { "True" } else { "False" }.to_string(),
            serde_json::Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let theirs = &theirs["msg"][key];
        match theirs.as_array() {
            Some(items) => assert_eq!(
                revealed(&ours),
                json!(items.iter().map(text).collect::<Vec<_>>()),
                "{name}"
            ),
            None => assert_eq!(revealed(&ours), json!(text(theirs)), "{name}"),
        }
        let is_secret = !["port", "flag", "seen"].contains(&name);
        assert_eq!(
            format!("{ours:?}").contains("********"),
            is_secret,
            "{name}: {ours:?}"
        );
        compared += 1;
    }
    assert_eq!(compared, 11);
    assert_eq!(inventory.var("h1", "port").unwrap(), Some(Value::Int(2379)));
}

#[test]
fn a_wrong_password_is_one_clear_error() {
    let Some(lab) = Lab::new() else { return };
    lab.fill();
    let folder = format!("{}/", lab.dir.path().display());
    let message = |error: &dyn std::fmt::Display| error.to_string().replace(&folder, "");
    let error = lab.load(&[("default", "red")]).unwrap_err();
    assert_eq!(
        message(&error),
        "the vault password does not open `group_vars/etcd/vault.yml`"
    );
    let error = lab.load(&[]).unwrap_err();
    assert_eq!(
        message(&error),
        "`group_vars/etcd/vault.yml` is encrypted with ansible-vault\n caused by: no vault password is given\n hint: --vault-password-file FILE, or --ask-vault-pass"
    );
    let inventory = lab.load(&[("blue", "blue")]).unwrap();
    let error = inventory.var("h1", "red").unwrap_err();
    assert_eq!(
        error.what,
        "the vault password does not open variable `red`"
    );
    assert_eq!(error.at.as_ref().unwrap().line, 4);
    let error = lab.load(&[("a", "nowhere")]).unwrap_err();
    assert!(
        error.what.contains("cannot read the vault password file"),
        "{error}"
    );
}

#[test]
fn the_password_comes_from_options_environment_config_and_programs() {
    let Some(lab) = Lab::new() else { return };
    lab.fill();
    lab.write(
        "ask-client.sh",
        "#!/bin/sh\n[ \"$1 $2\" = '--vault-id blue' ] && cat blue\n",
    );
    make_executable(&lab.path("ask-client.sh"));
    let list = ["-i", "hosts.yml", "inventory", "--list"];
    let with = |options: &[&str], env: &[(&str, &str)]| {
        let args: Vec<&str> = list.iter().chain(options).copied().collect();
        let output = lab.etcdsh(&args, env);
        let text = format!(
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        assert!(!text.contains("s3cret") && !text.contains("p4ss"), "{text}");
        (output.status.code(), text)
    };
    assert_eq!(with(&[], &[]).0, Some(1));
    for (options, env) in [
        (vec!["--vault-password-file", "blue"], vec![]),
        (vec!["--vault-id", "blue@blue"], vec![]),
        (vec!["--vault-id", "red", "--vault-id", "blue"], vec![]),
        (vec!["--vault-id", "blue@ask-client.sh"], vec![]),
        (vec![], vec![("ANSIBLE_VAULT_PASSWORD_FILE", "blue")]),
        (
            vec![],
            vec![("ANSIBLE_VAULT_IDENTITY_LIST", "red@red, blue@blue")],
        ),
    ] {
        let (code, text) = with(&options, &env);
        assert_eq!(code, Some(0), "{options:?} {env:?}: {text}");
        // As Ansible lists it: closed values stay as they are written, and what a closed file holds is hidden.
        assert!(
            text.contains("__ansible_vault") && text.contains("\"vault_password\": \"***\""),
            "{text}"
        );
    }
    lab.write("ansible.cfg", "[defaults]\nvault_password_file = blue\n");
    assert_eq!(with(&[], &[]).0, Some(0));
    let (code, text) = with(
        &["--vault-password-file", "red"],
        &[("ANSIBLE_VAULT_PASSWORD_FILE", "green")],
    );
    assert_eq!(code, Some(1));
    assert!(
        text.contains("none of 2 vault passwords opens `group_vars/etcd/vault.yml`"),
        "{text}"
    );
}

#[test]
fn an_inventory_that_is_encrypted_as_a_whole_is_read() {
    let Some(lab) = Lab::new() else { return };
    lab.write(
        "hosts.yml",
        "etcd: { hosts: { h1: { ansible_host: 10.0.0.1, token: s3cret } } }\n",
    );
    lab.write("hosts.ini", "[etcd]\nh1 a=1\n");
    let encrypt = |file| vec!["ansible-vault", "encrypt", "--vault-id", "red", file];
    lab.ansible(&[encrypt("hosts.yml"), encrypt("hosts.ini")]);
    let inventory = lab.load(&[("default", "red")]).unwrap();
    assert_eq!(
        inventory.vars("h1")["ansible_host"],
        Value::from("10.0.0.1")
    );
    let listed = |masking| inventory.clone().masking(masking).list(None).unwrap();
    assert!(!listed(true).contains("s3cret"));
    assert!(listed(false).contains("\"token\": \"s3cret\""));
    let output = lab.etcdsh(
        &[
            "-i",
            "hosts.ini",
            "--vault-password-file",
            "red",
            "inventory",
            "--host",
            "h1",
        ],
        &[],
    );
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "{\n    \"a\": 1\n}\n"
    );
}

fn make_executable(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}
