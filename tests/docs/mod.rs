//! What the documents say is true: code in them has no mistakes, commands have the options they are given, links lead
//! somewhere, generated pages are fresh, examples work.

#![allow(clippy::unwrap_used, reason = "a test that fails says where by itself")]

mod rooms;

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use regex::Regex;

const INVENTORY: &str = "examples/three.yml";

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn etcdsh(args: &[&str], stdin: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_etcdsh"))
        .args(args)
        .current_dir(root())
        .env_remove("ANSIBLE_CONFIG")
        .env_remove("ETCDSH_INVENTORY")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A program that ends without reading is judged by what it says.
    let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
    child.wait_with_output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Every document with its text, by its path from the root.
fn documents() -> Vec<(String, String)> {
    let mut paths = vec![root(), root().join("docs")];
    paths = paths
        .iter()
        .flat_map(|folder| fs::read_dir(folder).unwrap())
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.extend(["tests/bench/README.md", "tests/real/README.md"].map(|path| root().join(path)));
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "md"));
    paths.sort();
    paths
        .iter()
        .map(|path| {
            (
                path.strip_prefix(root()).unwrap().display().to_string(),
                fs::read_to_string(path).unwrap(),
            )
        })
        .collect()
}

/// The blocks of a language, each with its first line.
fn blocks(text: &str, language: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut open: Option<(usize, String, bool)> = None;
    for (index, line) in text.lines().enumerate() {
        match (&mut open, line.trim_start().strip_prefix("```")) {
            (None, Some(name)) => open = Some((index + 2, String::new(), name == language)),
            (Some(_), Some(_)) => found.extend(
                open.take()
                    .filter(|block| block.2)
                    .map(|block| (block.0, block.1)),
            ),
            (Some(block), None) => {
                block.1.push_str(line);
                block.1.push('\n');
            }
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "a block stays open");
    found
}

fn files(folder: &str, extension: &str) -> Vec<String> {
    let mut found: Vec<String> = fs::read_dir(root().join(folder))
        .unwrap()
        .map(|entry| format!("{folder}/{}", entry.unwrap().file_name().to_string_lossy()))
        .filter(|path| {
            Path::new(path)
                .extension()
                .is_some_and(|found| found == extension)
        })
        .collect();
    found.sort();
    found
}

#[test]
fn the_reference_is_fresh() {
    for (words, path) in [
        (&["help", "--markdown"][..], "docs/primitives.md"),
        (&["help", "stdlib", "--markdown"], "docs/stdlib.md"),
        (&["help", "e", "--markdown"], "docs/etcdctl.md"),
    ] {
        let output = etcdsh(words, "");
        assert!(output.status.success(), "{}", text(&output.stderr));
        let page = fs::read_to_string(root().join(path)).unwrap_or_default();
        assert!(
            page == text(&output.stdout),
            "{path} is stale: run `make docs`"
        );
    }
}

#[test]
fn code_in_documents_has_no_mistakes() {
    let mut wrong = Vec::new();
    for (path, page) in documents() {
        for (line, code) in blocks(&page, "rhai") {
            let output = etcdsh(&["-i", INVENTORY, "--syntax-check", "-"], &code);
            if !output.status.success() {
                wrong.push(format!("{path}:{line}: {}", text(&output.stderr)));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What `--help` says there is: all options, and those that take a value.
struct Known {
    all: BTreeSet<String>,
    valued: BTreeSet<String>,
}

impl Known {
    fn of(subcommand: Option<&str>) -> Known {
        let args: Vec<&str> = subcommand.into_iter().chain(["--help"]).collect();
        let help = text(&etcdsh(&args, "").stdout);
        let option = Regex::new(r"(?:^|[\s,\[])(--?[A-Za-z][A-Za-z-]*)").unwrap();
        let (mut all, mut valued) = (BTreeSet::new(), BTreeSet::new());
        for line in help
            .lines()
            .filter(|line| line.trim_start().starts_with('-'))
        {
            for found in option.captures_iter(line) {
                all.insert(found[1].to_string());
                if line.contains('<') {
                    valued.insert(found[1].to_string());
                }
            }
        }
        for line in help.lines().filter(|line| line.contains("[aliases:")) {
            all.extend(option.captures_iter(line).map(|found| found[1].to_string()));
        }
        Known { all, valued }
    }
}

/// The words of each `etcdsh` in a line of a shell.
fn calls(line: &str) -> Vec<Vec<String>> {
    let line = line
        .trim_start_matches("$ ")
        .split(" #")
        .next()
        .unwrap_or("");
    let parts = Regex::new(r"\|\||&&|[|;<>]").unwrap();
    parts
        .split(line)
        .filter_map(|part| {
            let words = shell_words(part);
            let at = words
                .iter()
                .position(|word| word == "etcdsh" || word.ends_with("/etcdsh"))?;
            let prefix = words[..at]
                .iter()
                .all(|word| word.contains('=') || word == "sudo" || word == "time");
            prefix.then(|| words[at + 1..].to_vec())
        })
        .collect()
}

fn shell_words(text: &str) -> Vec<String> {
    let word = Regex::new(r#"(?:'[^']*'|"[^"]*"|[^\s'"])+"#).unwrap();
    word.find_iter(text)
        .map(|found| found.as_str().replace(['\'', '"'], ""))
        .collect()
}

fn mistake_in(words: &[String]) -> Option<String> {
    const SUBCOMMANDS: [&str; 10] = [
        "bundle",
        "check",
        "completion",
        "help",
        "inventory",
        "man",
        "overview",
        "run",
        "sandbox",
        "script",
    ];
    let general = Known::of(None);
    let mut index = 0;
    while words
        .get(index)
        .is_some_and(|word| word.starts_with('-') && word != "-")
    {
        let name = words[index].split('=').next().unwrap_or_default();
        if !general.all.contains(name)
            && !name
                .trim_start_matches('-')
                .chars()
                .all(|letter| general.all.contains(&format!("-{letter}")))
        {
            return Some(format!("unknown option `{name}`"));
        }
        index += if general.valued.contains(name) && !words[index].contains('=') {
            2
        } else {
            1
        };
    }
    let word = words.get(index)?;
    if ["e", "em"].contains(&word.as_str()) {
        return mistake_in_etcdctl(&words[index..]);
    }
    let subcommand = SUBCOMMANDS
        .contains(&word.as_str())
        .then_some(word.as_str());
    if subcommand.is_none()
        && (word.starts_with("scripts/") || word.starts_with("examples/"))
        && !root().join(word).exists()
    {
        return Some(format!("there is no `{word}`"));
    }
    let bundled = |word: &str| {
        files("scripts", "rhai")
            .iter()
            .chain(&files("examples", "rhai"))
            .any(|path| path.ends_with(&format!("/{word}.rhai")))
    };
    if subcommand.is_none() && !word.contains(['/', '.']) && word != "-" && !bundled(word) {
        return Some(format!("`{word}` is no subcommand and no script"));
    }
    let known = Known::of(subcommand);
    let rest = words[index + 1..].iter().take_while(|word| *word != "--");
    rest.filter(|word| word.starts_with('-') && word.len() > 1)
        .find(|word| {
            let name = word.split('=').next().unwrap_or_default();
            let single = !name.starts_with("--")
                && name[1..]
                    .chars()
                    .all(|letter| known.all.contains(&format!("-{letter}")));
            !known.all.contains(name) && !general.all.contains(name) && !single
        })
        .map(|word| format!("unknown option `{word}`"))
}

/// The page of the command must name its flags.
fn mistake_in_etcdctl(words: &[String]) -> Option<String> {
    let flags: Vec<&str> = words[1..]
        .iter()
        .take_while(|word| *word != "--")
        .filter(|word| word.starts_with('-') && word.len() > 1)
        .map(String::as_str)
        .collect();
    let plain = words
        .iter()
        .filter(|word| !word.starts_with('-'))
        .map(String::as_str);
    let asked: Vec<&str> = plain
        .take(if words[0] == "em" { 2 } else { 3 })
        .chain(["--help"])
        .collect();
    let output = etcdsh(&asked, "");
    let page = text(&output.stdout);
    if !page.contains("OPTIONS:") {
        return Some(format!("`{}` is no command", words.join(" ")));
    }
    let known = |flag: &&str| {
        let name = flag.split('=').next().unwrap_or_default();
        page.contains(&format!("{name}="))
            || page.contains(&format!("{name}[="))
            || page.contains(&format!("{name}, "))
    };
    flags
        .iter()
        .find(|flag| !known(flag))
        .map(|flag| format!("unknown flag `{flag}`"))
}

#[test]
fn commands_in_documents_have_the_options_they_are_given() {
    let mut wrong = Vec::new();
    for (path, page) in documents() {
        for (line, code) in blocks(&page, "sh") {
            for command in code.replace("\\\n", " ").lines().flat_map(calls) {
                wrong.extend(mistake_in(&command).map(|mistake| {
                    format!("{path}:{line}: etcdsh {}: {mistake}", command.join(" "))
                }));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn commands_in_alerts_have_the_options_they_are_given() {
    let rules = fs::read_to_string(root().join("stdlib/monitor/etcd-rules.yml")).unwrap();
    let label = Regex::new(r"\{\{[^}]*\}\}").unwrap();
    let lines: Vec<String> = rules
        .lines()
        .map(str::trim)
        .filter(|line| line.starts_with("etcdsh "))
        .map(|line| label.replace_all(line, "x").into_owned())
        .collect();
    assert!(lines.len() >= 19, "{lines:?}");
    let wrong: Vec<String> = lines
        .iter()
        .flat_map(|line| calls(line))
        .filter_map(|words| mistake_in(&words).map(|mistake| format!("{words:?}: {mistake}")))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn links_between_documents_lead_somewhere() {
    let link = Regex::new(r"\]\(([^)#\s]*)(#[^)\s]+)?\)").unwrap();
    let mut wrong = Vec::new();
    for (path, page) in documents() {
        for found in link.captures_iter(&page) {
            let target = &found[1];
            if target.contains("://") {
                continue;
            }
            let file = if target.is_empty() {
                root().join(&path)
            } else {
                root().join(&path).parent().unwrap().join(target)
            };
            let there = match (file.exists(), found.get(2)) {
                (false, _) => false,
                (true, None) => true,
                (true, Some(anchor)) => headings(&fs::read_to_string(&file).unwrap_or_default())
                    .iter()
                    .any(|heading| *heading == anchor.as_str()[1..]),
            };
            if !there {
                wrong.push(format!("{path}: {}", &found[0]));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The anchors of a page.
fn headings(page: &str) -> Vec<String> {
    let titles = page
        .lines()
        .filter(|line| line.starts_with('#'))
        .map(|line| line.trim_start_matches('#').trim().to_lowercase());
    titles
        .map(|title| {
            title
                .chars()
                .filter(|c| c.is_alphanumeric() || " -_".contains(*c))
                .collect::<String>()
                .replace(' ', "-")
        })
        .collect()
}

#[test]
fn examples_read_and_have_no_mistakes() {
    let scripts = files("examples", "rhai");
    assert!(!scripts.is_empty());
    for script in scripts {
        let output = etcdsh(&["-i", INVENTORY, "--syntax-check", &script], "");
        assert!(
            output.status.success(),
            "{script}: {}",
            text(&output.stderr)
        );
        let code = fs::read_to_string(root().join(&script)).unwrap();
        assert!(
            code.starts_with("#!/usr/bin/env etcdsh\n//! "),
            "{script} begins with what it is for"
        );
    }
    let inventories = files("examples", "yml");
    assert_eq!(inventories.len(), 4);
    for inventory in inventories {
        let output = etcdsh(&["-i", &inventory, "--list-hosts", "scripts/etcd.rhai"], "");
        assert!(
            output.status.success(),
            "{inventory}: {}",
            text(&output.stderr)
        );
        let wanted = fs::read_to_string(root().join(&inventory))
            .unwrap()
            .matches("etcd_seq:")
            .count();
        assert!(
            text(&output.stdout).contains(&format!("hosts ({wanted})")),
            "{inventory}: {}",
            text(&output.stdout)
        );
    }
}

#[test]
fn the_parameters_in_the_document_of_the_flow_are_those_there_are() {
    let names = |page: &str, title: &str| -> BTreeSet<String> {
        let part = page
            .split(title)
            .nth(1)
            .unwrap_or_default()
            .split("\n## ")
            .next()
            .unwrap_or_default();
        let row = Regex::new(r"(?m)^\| `([a-z0-9_]+)`").unwrap();
        row.captures_iter(part)
            .map(|found| found[1].to_string())
            .collect()
    };
    let flow = fs::read_to_string(root().join("docs/flow.md")).unwrap();
    let reference = text(&etcdsh(&["help", "--markdown"], "").stdout);
    assert_eq!(
        names(&flow, "\n## Parameters\n"),
        names(&reference, "\n## Parameters\n")
    );
}

#[test]
fn every_word_of_the_language_is_in_the_manual() {
    let registered =
        Regex::new(r#"(?:register_fn|register_get|FuncRegistration::new)\("([a-z_]+)""#).unwrap();
    let page = text(&etcdsh(&["help"], "").stdout);
    let mut missing = BTreeSet::new();
    for path in files("src/script", "rs") {
        let code = fs::read_to_string(root().join(&path)).unwrap();
        for found in registered.captures_iter(&code) {
            let silent = ["contains", "to_debug", "to_string"].contains(&&found[1]);
            let named = |prefix: &str| page.contains(&format!("  {prefix}{} ", &found[1]));
            if !silent && !named("") && !named("cert::") && !named("h.") {
                missing.insert(format!("{path}: {}", &found[1]));
            }
        }
    }
    assert!(
        missing.is_empty(),
        "registered by hand, not as a `Word`: {missing:?}"
    );
}

#[test]
fn every_document_is_in_the_contents_of_the_site() {
    let contents = fs::read_to_string(root().join("packaging/site")).unwrap();
    let missing: Vec<String> = documents()
        .into_iter()
        .map(|(path, _)| path)
        .filter(|path| {
            let page = path.strip_prefix("docs/").unwrap_or(path);
            let name = page.trim_end_matches(".md");
            let named = Regex::new(&format!(r"[{{,\s(/]{}(?:[,}}]|\.md)", regex::escape(name)));
            !named.unwrap().is_match(&contents)
        })
        .collect();
    assert!(missing.is_empty(), "not in packaging/site: {missing:?}");
}
