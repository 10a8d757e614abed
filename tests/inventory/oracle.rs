//! What Ansible says and what we say, text for text.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use etcdsh::inventory::{Inventory, LoadOptions};
use serde_json::{Value, json};

use super::broken::{entries, golden};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn here() -> PathBuf {
    root().join("tests/inventory")
}

/// Install Ansible if need be. A machine without it says so; in CI that is a failure.
pub(super) fn ansible() -> Option<PathBuf> {
    let status = Command::new(root().join("tests/tools/ansible-venv")).status();
    if status.is_ok_and(|status| status.success()) {
        return Some(root().join(".work/ansible/bin/python3"));
    }
    assert!(
        std::env::var_os("CI").is_none(),
        "Ansible could not be installed"
    );
    eprintln!("skipped: Ansible could not be installed here");
    None
}

/// Run commands of Ansible; each answers with its exit code, its output and its complaints.
pub(super) fn ask(python: &Path, jobs: &[Value]) -> Vec<(i64, String, String)> {
    let home = tempfile::tempdir().unwrap();
    let config = home.path().join("ansible.cfg");
    fs::write(&config, "[defaults]\n").unwrap();
    let mut child = Command::new(python)
        .arg(root().join("tests/tools/ansible-many"))
        .current_dir(home.path())
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", home.path())
        .env("LC_ALL", "C.UTF-8")
        .env("ANSIBLE_NOCOLOR", "1")
        .env("ANSIBLE_CONFIG", &config)
        .env("ANSIBLE_DEPRECATION_WARNINGS", "0")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(json!(jobs).to_string().as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    let answers: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    let text = |answer: &Value, key: &str| answer[key].as_str().unwrap().to_string();
    answers
        .iter()
        .map(|answer| {
            (
                answer["code"].as_i64().unwrap(),
                text(answer, "stdout"),
                text(answer, "stderr"),
            )
        })
        .collect()
}

struct Case {
    args: Vec<String>,
    dir: PathBuf,
    name: String,
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for entry in fs::read_dir(here().join("cases")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_string();
        if path.is_dir() {
            let args = fs::read_to_string(path.join("args")).unwrap();
            let args = args.lines().map(str::to_string).collect();
            cases.push(Case {
                args,
                dir: path,
                name,
            });
        } else {
            let args = vec!["-i".to_string(), path.display().to_string()];
            // A folder without group_vars of its own.
            cases.push(Case {
                args,
                dir: here(),
                name,
            });
        }
    }
    cases.sort_by(|a, b| a.name.cmp(&b.name));
    cases
}

impl Case {
    /// Our own reading of the arguments of `ansible-inventory`.
    fn load(&self) -> (Inventory, Option<String>) {
        let (mut sources, mut extra, mut limit) = (Vec::new(), Vec::new(), None);
        for pair in self.args.chunks(2) {
            let value = pair[1].clone();
            match pair[0].as_str() {
                "-i" if value.contains(',') => sources.push(value),
                "-i" => sources.push(self.dir.join(value).display().to_string()),
                "-e" => extra.push(value.replace('@', &format!("@{}/", self.dir.display()))),
                "-l" => limit = Some(value),
                other => panic!("{}: unknown argument {other}", self.name),
            }
        }
        let options = LoadOptions {
            base_dir: Some(self.dir.clone()),
            ..LoadOptions::default()
        };
        let mut inventory = Inventory::load(&sources, &options)
            .unwrap_or_else(|error| panic!("{}: {error}", self.name));
        inventory.read_extra(&extra).unwrap();
        (inventory, limit)
    }

    fn job(&self, args: &[&str]) -> Value {
        let all: Vec<&str> = ["ansible-inventory"]
            .into_iter()
            .chain(self.args.iter().map(String::as_str))
            .chain(args.iter().copied())
            .collect();
        json!({ "args": all, "cwd": self.dir })
    }
}

const FORMS: [&[&str]; 2] = [&["--list"], &["--graph", "--vars"]];

#[test]
fn inventories_are_listed_as_ansible_lists_them() {
    let Some(python) = ansible() else { return };
    let cases = cases();
    let ini = cases.iter().filter(|case| case.name.starts_with("ini_"));
    let ini = ini.count();
    assert!(ini >= 50, "only {ini} cases in INI");
    assert!(cases.len() - ini >= 40, "only {} cases", cases.len());
    let jobs: Vec<Value> = cases
        .iter()
        .flat_map(|case| FORMS.map(|form| case.job(form)))
        .collect();
    let answers = ask(&python, &jobs);
    let mut wrong = Vec::new();
    for (case, answers) in cases.iter().zip(answers.chunks(FORMS.len())) {
        let (inventory, limit) = case.load();
        let ours = [
            inventory.list(limit.as_deref()).unwrap(),
            inventory.graph("all", true).unwrap(),
        ];
        for ((form, ours), (code, theirs, complaint)) in FORMS.iter().zip(&ours).zip(answers) {
            let same = *code == 0 && (form != &FORMS[0] || as_json(ours) == as_json(theirs));
            // The keys of Python dictionaries can be other things than text, which shows only in a graph.
            if case.name == "yaml_forms" && form == &FORMS[1] {
                continue;
            }
            // Times and dates are text here, which shows only in a graph.
            if case.name == "dates.yml" && form == &FORMS[1] {
                continue;
            }
            // Ansible cannot print an encrypted value in a graph without the password.
            if *code != 0 && complaint.contains("vault") {
                continue;
            }
            if !same || ours.trim_end() != theirs.trim_end() {
                wrong.push(difference(
                    &format!("{} {}", case.name, form.join(" ")),
                    ours,
                    theirs,
                    complaint,
                ));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} differ\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn what_is_broken_in_ini_is_broken_for_ansible() {
    let Some(python) = ansible() else { return };
    let golden = fs::read_to_string(golden("broken_ini.txt")).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let texts = entries(&golden);
    let mut jobs = Vec::new();
    for (index, text) in texts.iter().enumerate() {
        let path = dir.path().join(format!("{index}.ini"));
        fs::write(&path, text).unwrap();
        let args = ["ansible-inventory", "-i", path.to_str().unwrap(), "--list"];
        jobs.push(json!({ "args": args, "cwd": dir.path() }));
    }
    let answers = ask(&python, &jobs);
    let taken: Vec<&str> = texts
        .into_iter()
        .zip(answers)
        .filter(|(_, (_, _, complaint))| !complaint.contains("Failed to parse inventory"))
        .map(|(text, _)| text)
        .collect();
    assert!(
        taken.is_empty(),
        "Ansible takes these:\n{}",
        taken.join("---\n")
    );
}

/// Read as JSON, with the floats that JSON does not have taken as text.
fn as_json(text: &str) -> Value {
    let text = text
        .replace("-Infinity", "\"-inf\"")
        .replace(" Infinity", " \"inf\"")
        .replace("NaN", "\"nan\"");
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn difference(name: &str, ours: &str, theirs: &str, complaint: &str) -> String {
    let mut text = format!(
        "== {name}\n{}",
        if theirs.is_empty() { complaint } else { "" }
    );
    let diff = similar::TextDiff::from_lines(theirs.trim_end(), ours.trim_end());
    text.push_str(
        &diff
            .unified_diff()
            .context_radius(2)
            .header("ansible", "etcdsh")
            .to_string(),
    );
    text
}

#[test]
fn patterns_select_what_ansible_selects() {
    let Some(python) = ansible() else { return };
    let (file, inventory) = inventory_of("patterns.yml");
    let rows = fs::read_to_string(here().join("patterns.txt")).unwrap();
    let rows: Vec<(&str, Option<&str>)> = rows
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| {
            line.split_once(" -l ")
                .map_or((line, None), |(pattern, limit)| (pattern, Some(limit)))
        })
        .collect();
    assert!(rows.len() >= 30, "only {} rows", rows.len());
    let job = |(pattern, limit): &(&str, Option<&str>)| {
        let mut args = vec!["ansible", "--list-hosts", "-i", &file, pattern];
        args.extend(limit.iter().flat_map(|limit| ["-l", limit]));
        json!({ "args": args, "cwd": here() })
    };
    let answers = ask(&python, &rows.iter().map(job).collect::<Vec<_>>());
    let mut wrong = Vec::new();
    for ((pattern, limit), (_, theirs, complaint)) in rows.iter().zip(answers) {
        let theirs: Vec<&str> = theirs.lines().skip(1).map(str::trim).collect();
        let limit = limit.map(|limit| limit.replace('@', &format!("@{}/", here().display())));
        match inventory.select_with_limit(pattern, limit.as_deref()) {
            Ok(ours) if ours == theirs => {}
            // What Ansible only warns about is an error here.
            Err(error) if theirs.is_empty() || complaint.contains("Could not match") => {
                assert!(!error.what.is_empty());
            }
            ours => wrong.push(format!(
                "{pattern} {limit:?}: ansible {theirs:?}, etcdsh {ours:?}\n{complaint}"
            )),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn one_host_is_listed_as_ansible_lists_it() {
    let Some(python) = ansible() else { return };
    let (file, mut inventory) = inventory_of("patterns.yml");
    let args = [
        "ansible-inventory",
        "-i",
        &file,
        "--host",
        "db-2.example.com",
        "-e",
        "port=1 name='a b'",
        "-e",
        "{list: [1, yes]}",
    ];
    let limited = [
        "ansible-inventory",
        "-i",
        &file,
        "--list",
        "-l",
        "etcd:!db-1",
    ];
    let part = ["ansible-inventory", "-i", &file, "--graph", "databases"];
    let tree = ["ansible-inventory", "-i", &file, "--graph"];
    let jobs = [args.as_slice(), &limited, &part, &tree]
        .map(|args| json!({ "args": args, "cwd": here() }));
    let answers = ask(&python, &jobs);
    assert_eq!(
        inventory.list(Some("etcd:!db-1")).unwrap(),
        answers[1].1.trim_end()
    );
    assert_eq!(
        inventory.graph("databases", false).unwrap(),
        answers[2].1.trim_end()
    );
    assert_eq!(
        inventory.graph("all", false).unwrap(),
        answers[3].1.trim_end()
    );
    inventory
        .read_extra(&["port=1 name='a b'".into(), "{list: [1, yes]}".into()])
        .unwrap();
    assert_eq!(
        inventory.host("db-2.example.com").unwrap(),
        answers[0].1.trim_end(),
        "{}",
        answers[0].2
    );
}

/// An inventory that lies here, and its path.
fn inventory_of(name: &str) -> (String, Inventory) {
    let file = here().join(name).display().to_string();
    let inventory = Inventory::load(std::slice::from_ref(&file), &LoadOptions::default());
    (file, inventory.unwrap())
}

/// Have Ansible say something of the host `h1`.
fn debug_job(file: &str, what: &str) -> Value {
    let args = [
        "ansible",
        "h1",
        "-i",
        file,
        "-m",
        "ansible.builtin.debug",
        "-a",
        what,
    ];
    json!({ "args": args, "cwd": here() })
}

/// The mapping `probe` of the host `h1`, as Ansible has it.
fn probe(python: &Path, file: &str) -> serde_json::Map<String, Value> {
    let answers = ask(python, &[debug_job(file, "var=probe")]);
    let said = answers[0].1.split_once("=>");
    let said = said.unwrap_or_else(|| panic!("{:?}", answers[0])).1;
    let said: Value = serde_json::from_str(said).unwrap();
    said["probe"].as_object().unwrap().clone()
}

#[test]
fn templates_give_what_ansible_gives() {
    let Some(python) = ansible() else { return };
    let (file, inventory) = inventory_of("templates.yml");
    let theirs = probe(&python, &file);
    let ours = inventory
        .var("h1", "probe")
        .unwrap_or_else(|error| panic!("{error}"))
        .unwrap();
    let ours: Value = serde_json::from_str(&ours.to_json()).unwrap();
    let wrong: Vec<String> = theirs
        .iter()
        .filter(|(name, value)| &ours[name.as_str()] != *value)
        .map(|(name, value)| format!("{name}: ansible {value}, etcdsh {}", ours[name]))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Each expression by itself, so that one that fails hides no other.
#[test]
fn expressions_of_etcd_inventories_give_what_ansible_gives() {
    let Some(python) = ansible() else { return };
    let (file, inventory) = inventory_of("expressions.yml");
    let theirs = probe(&python, &file);
    assert!(theirs.len() >= 100, "only {} expressions", theirs.len());
    let etcdsh::inventory::Value::Map(texts) = &inventory.vars("h1")["probe"] else {
        panic!("`probe` is a mapping");
    };
    let mut wrong = Vec::new();
    for (name, text) in texts {
        let ours = match inventory.render("h1", text.as_str().unwrap()) {
            Ok(value) => serde_json::from_str(&value.to_json()).unwrap(),
            Err(error) => Value::from(format!("ERROR {error}")),
        };
        if ours != theirs[name] {
            wrong.push(format!(
                "{name}:\n  ansible {}\n  etcdsh  {ours}",
                theirs[name]
            ));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} differ\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn expressions_that_ansible_refuses_are_refused() {
    let Some(python) = ansible() else { return };
    let (file, inventory) = inventory_of("expressions.yml");
    let texts = [
        "{{ nope }}",
        "{{ map.nope }}",
        "{% if nope %}x{% endif %}",
        "{% for x in nope %}x{% endfor %}",
        "{{ hostvars['nohost'].port }}",
        "{{ hostvars['h3'].port }}",
        "{{ 1 | nosuch }}",
        "{{ 'a' is nosuch }}",
        "{{ ['a'] | select('nosuch') | list }}",
        "{{ nosuch('a') }}",
        "{{ nope | mandatory }}",
        "{{ nope | mandatory('set it') }}",
        "{{ lookup('file', 'nowhere') }}",
        "{{ lookup('nosuch', 'a') }}",
        "{{ lookup('vars', 'nope') }}",
        "{{ groups['etcd'].index('h9') }}",
        "{{ release is version('3.5', 'newer') }}",
        "{{ 'x' | b64decode }}",
        "{{ name | hash('nosuch') }}",
        "{{ name | regex_replace('(', '') }}",
        "{{ name | dict2items }}",
        "{{ [{'a': 1}] | items2dict }}",
        "{{ '%d' % 'x' }}",
        "{{ '%s %s' % name }}",
        "{{ 'not: [closed' | from_yaml }}",
        "{{ map.upper() }}",
        "{{ name",
    ];
    let jobs = texts.map(|text| debug_job(&file, &json!({ "msg": text }).to_string()));
    let answers = ask(&python, &jobs);
    let mut wrong = Vec::new();
    for (text, (code, said, _)) in texts.iter().zip(answers) {
        match inventory.render("h1", text) {
            Err(_) if code != 0 => {}
            ours => wrong.push(format!("{text}: ansible {code} {said}, etcdsh {ours:?}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
