//! The rows of `cases/*.yml` and `golden36/*.yml`: what is run, in which formats, and what is compared.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::Deserialize;

use super::server::{Kind, Release};

/// Rows that share a fresh server: each finds the state as the rows above left it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Scene {
    /// Environment of all rows.
    #[serde(default)]
    pub(super) env: BTreeMap<String, String>,
    /// Run once more against a 3.4 server with 3.4's etcdctl; then exit codes and plain output are compared.
    #[serde(default)]
    pub(super) old: bool,
    /// Releases of the server.
    #[serde(default = "newest")]
    pub(super) on: Vec<Release>,
    pub(super) rows: Vec<Row>,
    pub(super) scene: String,
    #[serde(default)]
    pub(super) server: Kind,
    /// Lines that the real etcdctl runs first, or `grant HEXID TTL`, `alarm`, `stop NUMBER`, `file NAME TEXT`.
    #[serde(default)]
    pub(super) setup: Vec<String>,
    /// Is the whole state of the servers compared at the end?
    #[serde(default = "yes")]
    pub(super) state: bool,
}

/// One command line. A row that is a mere string is `{ run: STRING }`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Plan {
    /// Setup lines run after `poll` came true.
    pub(super) after: Vec<String>,
    /// Only the exit code is compared: the text is a program of somebody else's, or of ours.
    pub(super) code_only: bool,
    /// Setup lines run while the command runs, after `ready` appeared.
    pub(super) during: Vec<String>,
    pub(super) env: BTreeMap<String, String>,
    /// A snapshot file to look at afterwards.
    pub(super) file: Option<String>,
    /// Formats by their first letters, in lower case with `--hex`: `SJFPT`.
    #[serde(rename = "as")]
    pub(super) formats: Option<String>,
    /// Standard input stays open until `until` has appeared.
    pub(super) hold: bool,
    /// Further masks by name: see `mask.rs`.
    pub(super) mask: Vec<String>,
    /// Left out of the comparison with 3.4's etcdctl.
    pub(super) new: bool,
    /// For what etcdctl does wrong (it crashes): what is wanted of ours instead.
    pub(super) ours: Option<Wanted>,
    /// Waited for before `signal`: this line, run by the real etcdctl, prints the text.
    pub(super) poll: Option<Poll>,
    pub(super) ready: Option<String>,
    pub(super) run: String,
    pub(super) signal: Option<String>,
    /// Lines and lists in any order.
    pub(super) sort: bool,
    pub(super) stdin: Option<String>,
    pub(super) until: Option<String>,
    /// Golden rows only: what is to come out.
    pub(super) want: Option<Wanted>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Poll {
    pub(super) has: String,
    pub(super) run: String,
}

/// An outcome that is written down.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Wanted {
    pub(super) code: i32,
    pub(super) err: String,
    pub(super) out: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Row {
    Line(String),
    Plan(Box<Plan>),
}

impl Row {
    pub(super) fn plan(&self) -> Plan {
        match self {
            Row::Line(line) => Plan {
                run: line.clone(),
                ..Plan::default()
            },
            Row::Plan(plan) => (**plan).clone(),
        }
    }

    /// One command line for each format.
    pub(super) fn expand(&self) -> Vec<Plan> {
        let plan = self.plan();
        let Some(formats) = plan.formats.clone() else {
            return vec![plan];
        };
        formats
            .chars()
            .map(|letter| {
                let name = match letter.to_ascii_uppercase() {
                    'S' => "simple",
                    'J' => "json",
                    'F' => "fields",
                    'P' => "protobuf",
                    'T' => "table",
                    other => panic!("format `{other}` of `{}`", plan.run),
                };
                let hex = if letter.is_lowercase() { "--hex " } else { "" };
                let format = if name == "simple" {
                    String::new()
                } else {
                    format!("-w {name} ")
                };
                Plan {
                    formats: Some(letter.into()),
                    run: format!("{hex}{format}{}", plan.run),
                    ..plan.clone()
                }
            })
            .collect()
    }
}

fn newest() -> Vec<Release> {
    vec![Release::V35]
}

fn yes() -> bool {
    true
}

/// The scenes of a folder, with the names of their files before their own.
pub(super) fn scenes(folder: &str) -> Vec<Scene> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/etcdctl")
        .join(folder);
    let mut files: Vec<_> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    let mut all = Vec::new();
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        let scenes: Vec<Scene> = serde_yaml::from_str(&text)
            .unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let stem = file.file_stem().unwrap().to_string_lossy();
        all.extend(scenes.into_iter().map(|scene| Scene {
            scene: format!("{stem}/{}", scene.scene),
            ..scene
        }));
    }
    all
}

/// Words as a shell makes them: blanks part, `'...'`, `"..."`, `$'...'` with escapes, and a backslash.
pub(super) fn words(line: &str) -> Vec<Vec<u8>> {
    let mut words = Vec::new();
    let mut word: Option<Vec<u8>> = None;
    let mut rest = line.bytes().peekable();
    while let Some(byte) = rest.next() {
        match byte {
            b' ' | b'\t' | b'\n' => words.extend(word.take()),
            b'\'' => word
                .get_or_insert_default()
                .extend(rest.by_ref().take_while(|byte| *byte != b'\'')),
            b'$' if rest.peek() == Some(&b'\'') => {
                rest.next();
                let word = word.get_or_insert_default();
                while let Some(byte) = rest.next().filter(|byte| *byte != b'\'') {
                    word.push(if byte == b'\\' {
                        escaped(&mut rest)
                    } else {
                        byte
                    });
                }
            }
            b'"' => {
                let word = word.get_or_insert_default();
                while let Some(byte) = rest.next().filter(|byte| *byte != b'"') {
                    word.push(if byte == b'\\' {
                        rest.next().unwrap()
                    } else {
                        byte
                    });
                }
            }
            b'\\' => word.get_or_insert_default().push(rest.next().unwrap()),
            other => word.get_or_insert_default().push(other),
        }
    }
    words.extend(word);
    words
}

fn escaped(rest: &mut impl Iterator<Item = u8>) -> u8 {
    match rest.next().unwrap() {
        b'n' => b'\n',
        b't' => b'\t',
        b'x' => {
            let digits = [rest.next().unwrap(), rest.next().unwrap()];
            u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap()
        }
        other => other,
    }
}

#[test]
fn words_are_split_as_by_a_shell() {
    let split = |line: &str| {
        words(line)
            .iter()
            .map(|word| String::from_utf8_lossy(word).into_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        split("put a 'b c' --prev-kv"),
        ["put", "a", "b c", "--prev-kv"]
    );
    assert_eq!(
        split(r#"put "" "x \"y\"" z\ z"#),
        ["put", "", "x \"y\"", "z z"]
    );
    assert_eq!(
        words(r"put $'\x00\xff\n'"),
        [b"put".to_vec(), vec![0, 255, 10]]
    );
}
