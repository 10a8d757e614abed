//! Our table of the keys of etcd's config file, beside what each real etcd reads.
//!
//! etcd says nothing of a key that it does not read. Of one that it reads it says that a list of lists is none of its
//! values, whatever it wants there: so each key is tried with that.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use super::{LINES, folder, in_full};

/// A member that no cluster has, so that a config that can be read ends in that.
const REST: &str = "initial-cluster: zz=http://127.0.0.1:1\n";

/// Names in our table, and those that we know to be in none.
fn ours() -> BTreeSet<String> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/etcd/key.rs");
    let text = fs::read_to_string(source).unwrap();
    let text = text.split("#[cfg(test)]").next().unwrap();
    let quoted = |line: &str| Some(line.split_once('"')?.1.split_once('"')?.0.to_string());
    text.lines()
        .map(str::trim)
        .filter(|line| {
            line.starts_with("key(\"") || line.starts_with("(\"") || line.starts_with('"')
        })
        .filter_map(quoted)
        .filter(|name| is_name(name))
        .collect()
}

fn is_name(text: &str) -> bool {
    text.len() > 2
        && text
            .bytes()
            .all(|byte| byte == b'-' || byte.is_ascii_lowercase() || byte.is_ascii_digit())
}

/// A field of the config that only a program in Go can fill.
const IN_GO_ONLY: &str = "grpc-additional-server-options";

/// What stands in the program as a name in JSON: those of its config are among them.
fn theirs(etcd: &Path) -> BTreeSet<String> {
    let bytes = fs::read(etcd).unwrap();
    let start = b"json:\"";
    let mut names = BTreeSet::new();
    for place in 0..bytes.len() - 80 {
        if &bytes[place..place + start.len()] != start {
            continue;
        }
        let rest = &bytes[place + start.len()..place + 80];
        let end = rest
            .iter()
            .position(|byte| matches!(byte, b'"' | b','))
            .unwrap_or(0);
        let name = String::from_utf8_lossy(&rest[..end]).into_owned();
        if is_name(&name) && name != IN_GO_ONLY {
            names.insert(name);
        }
    }
    names
}

/// The first of these names that this etcd reads, as its refusal says.
fn read(etcd: &Path, folder: &Path, names: &BTreeSet<String>) -> Option<String> {
    let lines = names.iter().map(|name| format!("{name}: [[1]]\n"));
    let rest = if names.contains("initial-cluster") {
        ""
    } else {
        REST
    };
    let text: String = lines.chain([rest.to_string()]).collect();
    let file = folder.join("conf");
    fs::write(&file, text).unwrap();
    let output = Command::new("timeout")
        .args(["-k", "1", "20"])
        .arg(etcd)
        .arg("--config-file")
        .arg(&file)
        .current_dir(folder)
        .output()
        .unwrap();
    let said = [super::text(&output.stderr), super::text(&output.stdout)].concat();
    assert!(!output.status.success(), "{names:?}: {said}");
    if let Some((_, rest)) = said.split_once("cannot unmarshal array into Go struct field ") {
        return Some(rest.split(' ').next().unwrap_or_default().to_string());
    }
    assert!(
        said.contains("find local name") || said.contains("address already in use"),
        "{names:?}: {said}"
    );
    None
}

/// Names that our table has for a release.
fn told(version: &str, names: &BTreeSet<String>) -> BTreeSet<String> {
    let list: Vec<String> = names.iter().map(|name| format!("{name:?}")).collect();
    let script = format!(
        "for name in [{}] {{ let keys = #{{}}; keys[name] = [[1]]; print(`${{name}} ${{config_mistakes(keys, \"{version}\")}}`); }}",
        list.join(", ")
    );
    let output = Command::new(env!("CARGO_BIN_EXE_etcdsh"))
        .args(["--eval", &script])
        .current_dir(std::env::temp_dir())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let told: BTreeSet<String> = said
        .lines()
        .filter(|line| !line.contains("which etcd reads") && !line.contains("unknown key"))
        .filter_map(|line| Some(line.split_once(' ')?.0.to_string()))
        .collect();
    assert_eq!(said.lines().count(), names.len(), "{said}");
    told
}

#[test]
fn the_table_of_config_keys_is_what_each_release_reads() {
    for line in LINES {
        // All keys of one release take seconds; make torture has them of all.
        if line == "3.6" && !in_full() {
            continue;
        }
        let Some((programs, version)) = folder(line) else {
            return;
        };
        let etcd = programs.join("etcd");
        let scratch = tempfile::tempdir().unwrap();
        let ours = ours();
        assert!(ours.len() > 100, "{ours:?}");
        let all: BTreeSet<String> = ours.union(&theirs(&etcd)).cloned().collect();
        let told = told(&version, &all);
        assert!(told.len() > 60, "{told:?}");
        let wrong: Vec<&String> = told
            .iter()
            .filter(|name| read(&etcd, scratch.path(), &[(*name).clone()].into()).is_none())
            .collect();
        assert_eq!(
            wrong,
            [] as [&String; 0],
            "etcd {version} does not read these"
        );
        // Nested ones are read where they lie: at the top each of these means nothing.
        let rest: BTreeSet<String> = all.difference(&told).cloned().collect();
        assert_eq!(
            read(&etcd, scratch.path(), &rest),
            None,
            "etcd {version} reads this, and our table says that it does not"
        );
    }
}
