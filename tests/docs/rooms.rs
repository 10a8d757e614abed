//! The table of rooms in docs/architecture.md is true: imports of `src/` go down it, and each file says what it is.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use regex::Regex;

use super::root;

/// The lines of the table from the top, as a number for each room.
fn floors() -> BTreeMap<String, usize> {
    let page = fs::read_to_string(root().join("docs/architecture.md")).unwrap();
    let table = page.split("\n## Rooms\n").nth(1).unwrap();
    let rows = table.lines().filter(|line| line.starts_with("| `"));
    let room = Regex::new("`([a-z_]+)`").unwrap();
    let mut floors = BTreeMap::new();
    for (floor, row) in rows.enumerate() {
        let names = row.split('|').nth(1).unwrap();
        for name in room.captures_iter(names) {
            let twice = floors.insert(name[1].to_string(), floor);
            assert!(twice.is_none(), "`{}` stands twice in the table", &name[1]);
        }
    }
    floors
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// Every file of `src/` by its path from there, with its text.
fn files() -> Vec<(String, String)> {
    let src = root().join("src");
    let mut paths = Vec::new();
    sources(&src, &mut paths);
    paths.sort();
    let named = |path: &PathBuf| path.strip_prefix(&src).unwrap().display().to_string();
    paths
        .iter()
        .map(|path| (named(path), fs::read_to_string(path).unwrap()))
        .collect()
}

/// Of `cert/pem.rs` and of `cert.rs`: `cert`.
fn room_of(path: &str) -> &str {
    let first = path.split('/').next().unwrap_or(path);
    first.strip_suffix(".rs").unwrap_or(first)
}

/// The code by itself: without comments, and without what `#[cfg(test)]` stands before.
///
/// An item ends where rustfmt puts the end of it: at the first line that is indented like the attribute and closes something.
fn code(text: &str) -> String {
    let mut kept = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if line.trim() == "#[cfg(test)]" {
            let indent = &line[..line.len() - line.trim_start().len()];
            let ends = |line: &str| {
                line.strip_prefix(indent).is_some_and(|rest| {
                    rest.starts_with('}') || (!rest.starts_with([' ', '#']) && rest.ends_with(';'))
                })
            };
            lines.by_ref().find(|line| ends(line));
        } else if !line.trim_start().starts_with("//") {
            kept.push(line);
        }
    }
    kept.join("\n")
}

/// The rooms that code names: `crate::ROOM`, and each name of `use crate::{...}` that stands in no inner braces.
fn imports(code: &str) -> Vec<String> {
    let name = Regex::new(r"\bcrate::(\{|\w+)").unwrap();
    let mut found = Vec::new();
    for import in name.captures_iter(code) {
        if &import[1] != "{" {
            found.push(import[1].to_string());
            continue;
        }
        let rest = &code[import.get(0).unwrap().end()..];
        let (mut depth, mut outer) = (1, String::new());
        for c in rest.chars() {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                c if depth == 1 => outer.push(c),
                _ => {}
            }
            if depth == 0 {
                break;
            }
        }
        let first = |path: &str| {
            path.trim()
                .split("::")
                .next()
                .unwrap_or_default()
                .to_string()
        };
        found.extend(outer.split(',').map(first).filter(|name| !name.is_empty()));
    }
    found
}

/// What is wrong with the imports of one file.
fn against(floors: &BTreeMap<String, usize>, path: &str, text: &str) -> Vec<String> {
    let room = room_of(path);
    let Some(own) = floors.get(room) else {
        return vec![format!("{path}: `{room}` is not in the table")];
    };
    let wrong = |other: &String| match floors.get(other) {
        _ if other == room => None,
        None => Some(format!("{path}: `{other}` is not in the table")),
        Some(floor) if floor > own => None,
        Some(_) => Some(format!("{path}: `{room}` does not stand above `{other}`")),
    };
    imports(&code(text)).iter().filter_map(wrong).collect()
}

#[test]
fn imports_go_down_the_table_of_rooms() {
    let floors = floors();
    let wrong: Vec<String> = files()
        .iter()
        .filter(|(path, _)| path != "lib.rs" && path != "script/tests.rs")
        .flat_map(|(path, text)| against(&floors, path, text))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_room_is_in_the_table_and_the_table_has_no_other() {
    let library = fs::read_to_string(root().join("src/lib.rs")).unwrap();
    let declared = Regex::new(r"(?m)^(?:pub )?mod (\w+);").unwrap();
    let mut rooms: Vec<String> = declared
        .captures_iter(&library)
        .map(|found| found[1].to_string())
        .collect();
    // A program of its own, and what is there for the linker.
    rooms.extend(["main", "link"].map(str::to_string));
    rooms.sort();
    let table: Vec<String> = floors().into_keys().collect();
    assert_eq!(rooms, table);
}

#[test]
fn every_file_begins_with_what_it_is() {
    let headless: Vec<String> = files()
        .into_iter()
        .filter(|(_, text)| !text.starts_with("//! "))
        .map(|(path, _)| path)
        .collect();
    assert_eq!(headless, Vec::<String>::new());
}

#[test]
fn an_import_that_goes_up_is_seen() {
    let floors = floors();
    let seen = |text: &str| against(&floors, "host/mod.rs", text).len();
    assert_eq!(seen("use crate::error::{Error, Result};\n"), 0);
    assert_eq!(seen("use crate::run::Session;\n"), 1);
    assert_eq!(seen("use crate::host::facts;\n"), 0);
    let several = "use crate::{\n    error::{Error, run},\n    report::Report,\n    run::{Play, Session},\n};\n";
    assert_eq!(seen(several), 2);
    assert_eq!(seen("fn f() {\n    crate::cli::main();\n}\n"), 1);
    assert_eq!(
        seen("// Not crate::run.\n#[cfg(test)]\nmod tests {\n    use crate::run::Play;\n}\n"),
        0
    );
    let after = "#[cfg(test)]\nuse crate::run::Play;\nuse crate::report::Report;\n";
    assert_eq!(seen(after), 1);
    assert_eq!(
        against(&floors, "etcd/mod.rs", "use crate::cert::Ca;\n").len(),
        1
    );
    assert_eq!(against(&floors, "attic.rs", "").len(), 1);
}

/// clippy refuses standard output, standard error and the end of the process where a file does not say why it has them.
#[test]
fn files_that_own_the_terminal_are_named() {
    let page = fs::read_to_string(root().join("docs/architecture.md")).unwrap();
    let of_terminal = page
        .split("\n\n")
        .find(|text| text.starts_with("Standard output and error"))
        .unwrap();
    let named: Vec<&str> = Regex::new("`src/([a-z_/]+\\.rs)`")
        .unwrap()
        .captures_iter(of_terminal)
        .map(|found| found.get(1).unwrap().as_str())
        .collect();
    for (path, text) in files() {
        assert_eq!(
            text.contains("clippy::disallowed_methods"),
            named.contains(&path.as_str()),
            "src/{path}: docs/architecture.md and the file do not say the same of it"
        );
    }
}
