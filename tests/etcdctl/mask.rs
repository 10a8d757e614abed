//! What two equal runs may differ in, and nothing else: ids that etcd draws by chance, sizes of its file, durations.
//!
//! Ids are replaced by their value, wherever and however they are written; the rest by the name of its field.

use base64::decode;
use regex::{Captures, Regex};
use similar::TextDiff;

use super::run::Outcome;

/// Ids drawn by chance, in the order they came up.
#[derive(Clone, Debug, Default)]
pub(super) struct Ids {
    pub(super) leases: Vec<u64>,
    pub(super) members: Vec<u64>,
}

impl Ids {
    fn all(&self) -> impl Iterator<Item = (u64, String)> {
        let leases = self
            .leases
            .iter()
            .enumerate()
            .map(|(number, id)| (*id, format!("<lease-num-{number:04}>")));
        leases.chain(
            self.members
                .iter()
                .enumerate()
                .map(|(number, id)| (*id, format!("<memb-num-{number:05}>"))),
        )
    }

    /// A column of ids is as wide as its widest one, and one in sixteen begins with a zero, which is not printed.
    fn without_padding(&self, text: &str) -> String {
        let is_one =
            |cell: &String| (self.members.iter()).any(|id| cell.trim() == format!("{id:x}"));
        in_columns(text, |_, cells| cells.iter().any(is_one), str::trim)
    }

    pub(super) fn replace(&self, text: &str) -> String {
        let mut text = text.to_string();
        for (id, name) in self.all() {
            let escaped: String = format!("{id:x}")
                .bytes()
                .map(|byte| format!("\\x{byte:x}"))
                .collect();
            // `Member %16x added`: the blanks of a short id stand behind the one between the words.
            text = text.replace(&format!(" {id:>16x}"), &format!(" {name}"));
            for written in [
                format!("{id:016x}"),
                format!("{id:x}"),
                id.to_string(),
                escaped,
            ] {
                text = text.replace(&written, &name);
            }
        }
        let strings = Regex::new(r#""([A-Za-z0-9+/]{16,}={0,2})""#).unwrap();
        let replaced = strings.replace_all(&text, |found: &Captures<'_>| {
            let decoded = decode(&found[1]).and_then(|bytes| String::from_utf8(bytes).ok());
            let renamed = decoded.as_ref().map(|decoded| {
                self.all().fold(decoded.clone(), |text, (id, name)| {
                    text.replace(&format!("{id:x}"), &name)
                })
            });
            match renamed {
                Some(renamed) if Some(&renamed) != decoded.as_ref() => {
                    format!("\"base64 of {renamed}\"")
                }
                _ => found[0].to_string(),
            }
        });
        replaced.into_owned()
    }
}

/// How one outcome is made comparable.
#[derive(Clone, Debug, Default)]
pub(super) struct Rule {
    /// Drop what etcdctl's own log says, and what its child `stty` says where there is no terminal.
    pub(super) drop_log: bool,
    pub(super) masks: Vec<String>,
    pub(super) protobuf: bool,
    pub(super) sort: bool,
}

/// An outcome as it is compared and shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) code: String,
    pub(super) stderr: String,
    pub(super) stdout: String,
}

impl Seen {
    pub(super) fn of(outcome: &Outcome, rule: &Rule, ids: &Ids) -> Seen {
        let message = if rule.protobuf && outcome.code == "0" {
            walk(&outcome.stdout)
        } else {
            None
        };
        let stdout = message.unwrap_or_else(|| readable(&outcome.stdout));
        let mut stderr = readable(&outcome.stderr);
        if rule.drop_log {
            stderr = stderr.split_inclusive('\n').filter_map(said).collect();
        }
        let masked = |text: &str| {
            let mut text = ids.replace(&ids.without_padding(text));
            for mask in &rule.masks {
                text = apply(mask, &text);
            }
            if rule.sort { sorted(&text) } else { text }
        };
        Seen {
            code: outcome.code.clone(),
            stderr: masked(&stderr),
            stdout: masked(&stdout),
        }
    }

    pub(super) fn text(&self) -> String {
        let end = |text: &str| {
            if text.is_empty() || text.ends_with('\n') {
                ""
            } else {
                "(no newline)\n"
            }
        };
        format!(
            "{}{}--- stderr\n{}{}--- exit {}\n",
            self.stdout,
            end(&self.stdout),
            self.stderr,
            end(&self.stderr),
            self.code
        )
    }

    /// The difference for a person to read, if there is one.
    pub(super) fn difference(&self, ours: &Seen) -> Option<String> {
        if self == ours {
            return None;
        }
        let (left, right) = (self.text(), ours.text());
        Some(
            TextDiff::from_lines(&left, &right)
                .unified_diff()
                .context_radius(2)
                .header("etcdctl", "ours")
                .to_string(),
        )
    }
}

/// A line that etcdctl says to its user. Why it gives up it says in the log alone, sometimes.
fn said(line: &str) -> Option<String> {
    if line.starts_with("stty: ") {
        return None;
    }
    if !line.starts_with(r#"{"level":"#) {
        return Some(line.into());
    }
    let entry: serde_json::Value = serde_json::from_str(line).ok()?;
    // Its sentence has a bracket too many, and the name beside it.
    let name = format!("variable {}", entry["environment-variable"]);
    let sentence = entry["msg"]
        .as_str()?
        .replacen("variable", &name, 1)
        .replace("))", ")");
    (entry["level"] == "fatal").then(|| format!("Error: {sentence}\n"))
}

/// Pages of help are in our own words, and may have more: what is compared is that every command, and every option with its
/// default, is on ours too.
pub(super) fn reduce_help(real: &mut Seen, ours: &mut Seen) {
    // A wrong option inside of a transaction brings the page on standard error.
    for seen in [&mut *real, &mut *ours] {
        if let Some((before, page)) = seen.stderr.split_once("Usage:\n") {
            let after = page.find("\nError:").map_or("", |at| &page[at..]);
            seen.stderr = format!("{before}(usage){after}");
        }
    }
    if !real.stdout.starts_with("NAME:\n") || !ours.stdout.starts_with("NAME:\n") {
        return;
    }
    real.stdout = listed(&real.stdout)
        .into_iter()
        .filter(|line| !NOT_OURS.iter().any(|other| line.starts_with(other)))
        .collect();
    ours.stdout = listed(&ours.stdout)
        .into_iter()
        .filter(|line| real.stdout.contains(line.as_str()))
        .collect();
}

/// What Debian's build of etcdctl 3.5 has from the library of its command line, the restore that is not ours, and what etcdctl
/// 3.4 says of itself.
const NOT_OURS: [&str; 7] = [
    "COMMANDS: completion",
    "COMMANDS: help",
    "COMMANDS: migrate",
    "COMMANDS: restore",
    "COMMANDS: snapshot restore",
    "VERSION: 3.4",
    "API VERSION: 3.4",
];

/// The name, and the first column of the lists.
fn listed(page: &str) -> Vec<String> {
    let (mut section, mut lines) = ("", Vec::new());
    for line in page.lines() {
        let first = line
            .trim_start()
            .split(['\t'])
            .next()
            .unwrap_or_default()
            .split("  ")
            .next()
            .unwrap_or_default();
        if !line.starts_with([' ', '\t']) && line.ends_with(':') {
            section = line;
        } else if section == "NAME:" && !first.is_empty() {
            lines.push(format!(
                "{}\n",
                first.split(" - ").next().unwrap_or_default()
            ));
        } else if [
            "COMMANDS:",
            "OPTIONS:",
            "GLOBAL OPTIONS:",
            "VERSION:",
            "API VERSION:",
        ]
        .contains(&section)
            && !first.is_empty()
        {
            lines.push(format!("{section} {first}\n"));
        }
    }
    lines
}

/// Text stays, other bytes are shown as escapes.
fn readable(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|byte| format!("\\x{byte:02x}")));
    }
    text
}

/// How often something is said again depends on the clock: a line that is followed by its like is one.
fn once(text: &str) -> String {
    let mut lines: Vec<&str> = text.split_inclusive('\n').collect();
    lines.dedup();
    lines.concat()
}

/// Lines of a log for people: who says it is one's own affair, and when; so is what only newer releases say.
fn log(text: &str) -> String {
    let line = Regex::new("(?m)^[0-9]{4}-[-:+TZ0-9]+\tinfo\t[^\t\n]+\t").unwrap();
    let text = line.replace_all(text, "<log>\t");
    let names = Regex::new("(?m)^<log>\tresolved URL Host.*\n").unwrap();
    let text = names.replace_all(&text, "");
    text.replace(", \"added-peer-is-learner\": false", "")
}

fn apply(mask: &str, text: &str) -> String {
    if mask == "again" {
        return once(text);
    }
    if mask == "log" {
        return log(text);
    }
    const NUMBER: &str = "(?P<value>[0-9]+)";
    const TIME: &str = "(?P<value>(?:[0-9.]+(?:h|ms|m|s|µs|ns))+)";
    const SIZE: &str = "(?P<value>[0-9]+(?:\\.[0-9])? [kMG]?B)";
    let fields = |before: &[&str], value: &str| -> Vec<String> {
        before
            .iter()
            .map(|before| format!("(?P<before>{before}){value}"))
            .collect()
    };
    let columns: &[&str] = match mask {
        "raft" => &["RAFT TERM", "RAFT INDEX", "RAFT APPLIED INDEX"],
        "size" => &["DB SIZE", "TOTAL SIZE", "IN USE"],
        "took" => &["TOOK"],
        "hash" => &["HASH"],
        "inuse" => &["PERCENTAGE NOT IN USE"],
        _ => &[],
    };
    let patterns = match mask {
        "file" => fields(
            &[
                "(?m)^[0-9a-f]{1,8}, [0-9]+, [0-9]+, ",
                "\"totalSize\":",
                "\"Size\" : ",
            ],
            SIZE,
        ),
        "hash" => {
            let mut patterns = fields(&["\"hash\":", "\"Hash\" : "], NUMBER);
            patterns.extend(fields(
                &["(?m)^", ":2379, "],
                "(?P<value>[0-9a-f]{1,10})(?P<after>, )",
            ));
            patterns
        }
        "inuse" => fields(&["<size>, <size>, "], NUMBER),
        "raft" => {
            let names = [
                "\"raft_term\":",
                "\"raftTerm\":",
                "\"raftIndex\":",
                "\"raftAppliedIndex\":",
                "\"RaftTerm\" : ",
                "\"RaftIndex\" : ",
                "\"RaftAppliedIndex\" : ",
            ];
            let mut patterns = fields(&names, NUMBER);
            patterns.extend(fields(&["(?m)^1\\.4: "], NUMBER));
            patterns.extend(fields(
                &["(?:true|false), (?:true|false), "],
                "(?P<value>[0-9]+, [0-9]+, [0-9]+)",
            ));
            patterns
        }
        "size" => {
            let mut patterns = fields(
                &[
                    "\"dbSize\":",
                    "\"dbSizeInUse\":",
                    "\"DBSize\" : ",
                    "\"DBSizeInUse\" : ",
                    "\"totalSize\":",
                    "\"Size\" : ",
                ],
                NUMBER,
            );
            patterns.extend(fields(
                &[
                    ", 3\\.[0-9]+\\.[0-9]+, (?:, )?",
                    "<size>, ",
                    "(?m)^[0-9a-f]{1,8}, [0-9]+, [0-9]+, ",
                ],
                SIZE,
            ));
            patterns
        }
        "took" => fields(&["took = ", "took ", "\"took\":\"", "\"Took\" : \"?"], TIME),
        "ttl" => fields(&["remaining\\(", "\"ttl\":", "\"TTL\" : "], NUMBER),
        "who" => fields(
            &["\"member_id\":", "\"MemberID\" : ", "(?m)^1\\.2: "],
            NUMBER,
        ),
        other => panic!("mask `{other}`"),
    };
    let mut text = text.to_string();
    for pattern in patterns {
        let pattern = Regex::new(&pattern).unwrap();
        let put = |found: &Captures<'_>| {
            let after = found.name("after").map_or("", |after| after.as_str());
            format!("{}<{mask}>{after}", &found["before"])
        };
        text = pattern.replace_all(&text, put).into_owned();
    }
    if columns.is_empty() {
        text
    } else {
        in_columns(
            &text,
            |heading, _| columns.contains(&heading),
            |_| "<masked>",
        )
    }
}

/// `put` for the cells of the columns of a table that are `wanted` by their heading or their cells, if the table is drawn as it should be: a border of dashes two wider than the
/// widest cell, headings in the middle, cells to the right.
fn in_columns(
    text: &str,
    wanted: impl Fn(&str, &[String]) -> bool,
    put: impl Fn(&str) -> &str,
) -> String {
    let mut lines: Vec<Vec<String>> = Vec::new();
    let mut others = (String::new(), String::new());
    for line in text.split_inclusive('\n') {
        let trimmed = line.trim_end_matches('\n');
        let mark = trimmed.chars().next().unwrap_or(' ');
        if matches!(mark, '+' | '|') && trimmed.len() > 2 && trimmed.ends_with(mark) {
            lines.push(
                trimmed[1..trimmed.len() - 1]
                    .split(mark)
                    .map(String::from)
                    .collect(),
            );
        } else if lines.is_empty() {
            others.0.push_str(line);
        } else {
            others.1.push_str(line);
        }
    }
    let Some(headings) = lines.get(1).cloned() else {
        return text.to_string();
    };
    for (index, heading) in headings.iter().enumerate() {
        if lines.iter().any(|line| line.len() != headings.len()) {
            continue;
        }
        let column: Vec<String> = lines.iter().map(|line| line[index].clone()).collect();
        if !wanted(heading.trim(), &column) || !is_well_drawn(&column) {
            continue;
        }
        for (line, cell) in lines.iter_mut().zip(column) {
            line[index] = if cell.starts_with('-') {
                "-<>-".into()
            } else if &cell == heading {
                heading.trim().into()
            } else {
                put(&cell).into()
            };
        }
    }
    let drawn: String = lines
        .iter()
        .map(|line| {
            let mark = if line[0].starts_with('-') { "+" } else { "|" };
            format!("{mark}{}{mark}\n", line.join(mark))
        })
        .collect();
    format!("{}{drawn}{}", others.0, others.1)
}

fn is_well_drawn(column: &[String]) -> bool {
    let width = column
        .iter()
        .map(|cell| cell.trim().trim_matches('-').chars().count())
        .max()
        .unwrap_or(0)
        + 2;
    column.iter().enumerate().all(|(row, cell)| {
        let left = cell.chars().take_while(|letter| *letter == ' ').count();
        let right = cell
            .chars()
            .rev()
            .take_while(|letter| *letter == ' ')
            .count();
        let border = cell.chars().all(|letter| letter == '-') || cell.trim().is_empty();
        cell.chars().count() == width
            && (border
                || if row == 1 {
                    left.abs_diff(right) <= 1
                } else {
                    right == 1
                })
    })
}

/// Lists whose order etcd does not promise, in alphabetical order.
fn sorted(text: &str) -> String {
    let masked = Regex::new(":(<[^>\"]+>)").unwrap();
    let quoted = masked.replace_all(text, ":\"$1\"");
    if let Ok(mut value) = serde_json::from_str::<serde_json::Value>(&quoted)
        && format!("{value}\n") == quoted
    {
        sort_value(&mut value);
        return format!("{value}\n");
    }
    if text.starts_with('"') && text.contains("\n\n") {
        // The members come after one header.
        let (header, rest) = text.split_at(text.find("\n\"ID\" :").map_or(0, |at| at + 1));
        let mut blocks: Vec<&str> = rest.split_inclusive("\n\n").collect();
        blocks.sort_unstable();
        return format!("{header}{}", blocks.concat());
    }
    let cluster = Regex::new(r#"ETCD_INITIAL_CLUSTER="([^"]*)""#).unwrap();
    let text = cluster.replace(text, |found: &Captures<'_>| {
        let mut members: Vec<&str> = found[1].split(',').collect();
        members.sort_unstable();
        format!("ETCD_INITIAL_CLUSTER=\"{}\"", members.join(","))
    });
    if text.contains("ETCD_NAME") {
        return text.into_owned();
    }
    let keys = Regex::new(r"keys\(\[([^\]]*)\]\)").unwrap();
    let text = keys.replace(&text, |found: &Captures<'_>| {
        let mut keys: Vec<&str> = found[1].split(' ').collect();
        keys.sort_unstable();
        format!("keys([{}])", keys.join(" "))
    });
    let mut lines: Vec<&str> = text.split_inclusive('\n').collect();
    lines.sort_unstable();
    lines.concat()
}

fn sort_value(value: &mut serde_json::Value) {
    match value {
        serde_json::Value::Array(items) => {
            items.iter_mut().for_each(sort_value);
            items.sort_by_key(ToString::to_string);
        }
        serde_json::Value::Object(fields) => fields.values_mut().for_each(sort_value),
        _ => {}
    }
}

/// A protobuf message as a list of its fields: numbers of the fields, and values.
pub(super) fn walk(bytes: &[u8]) -> Option<String> {
    let mut text = String::new();
    walk_into(bytes, "", &mut text).map(|()| text)
}

fn walk_into(mut bytes: &[u8], path: &str, text: &mut String) -> Option<()> {
    while !bytes.is_empty() {
        let tag = varint(&mut bytes)?;
        let (field, kind) = (tag >> 3, tag & 7);
        if field == 0 || field > 100 {
            return None;
        }
        match kind {
            0 => text.push_str(&format!("{path}{field}: {}\n", varint(&mut bytes)?)),
            1 | 5 => {
                let (value, rest) = bytes.split_at_checked(if kind == 1 { 8 } else { 4 })?;
                text.push_str(&format!("{path}{field}: fixed {value:?}\n"));
                bytes = rest;
            }
            2 => {
                let length = usize::try_from(varint(&mut bytes)?).ok()?;
                let (value, rest) = bytes.split_at_checked(length)?;
                bytes = rest;
                let mut inner = String::new();
                if !value.is_empty()
                    && walk_into(value, &format!("{path}{field}."), &mut inner).is_some()
                {
                    text.push_str(&format!("{path}{field} holds\n{inner}"));
                } else {
                    text.push_str(&format!("{path}{field}: \"{}\"\n", value.escape_ascii()));
                }
            }
            _ => return None,
        }
    }
    Some(())
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..70).step_by(7) {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(first & 0x7f).checked_shl(shift).unwrap_or(0);
        if first & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

mod base64 {
    /// Standard base64, padded.
    pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
        const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let mut bytes = Vec::new();
        let (mut bits, mut count) = (0_u32, 0);
        for letter in text.bytes().filter(|letter| *letter != b'=') {
            let value = ALPHABET.iter().position(|known| *known == letter)?;
            bits = bits << 6 | u32::try_from(value).ok()?;
            count += 6;
            if count >= 8 {
                count -= 8;
                bytes.push(u8::try_from(bits >> count & 0xff).ok()?);
            }
        }
        Some(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(stdout: &[u8], stderr: &str, code: &str) -> Outcome {
        Outcome {
            code: code.into(),
            stderr: stderr.into(),
            stdout: stdout.into(),
        }
    }

    fn differs(rule: &Rule, left: &[u8], right: &[u8]) -> bool {
        let ids = Ids {
            leases: vec![0x694d_8e5f_0000_0102],
            members: vec![],
        };
        let seen = |bytes: &[u8]| Seen::of(&outcome(bytes, "", "0"), rule, &ids);
        seen(left).difference(&seen(right)).is_some()
    }

    #[test]
    fn a_wrong_answer_is_noticed() {
        let rule = Rule::default();
        assert!(!differs(&rule, b"a\n1\n", b"a\n1\n"));
        assert!(differs(&rule, b"a\n1\n", b"b\n1\n"), "another key");
        assert!(differs(&rule, b"a\n1\n", b"a\n2\n"), "another value");
        assert!(differs(&rule, b"a\n\n", b"a\n"), "a blank line is missing");
        assert!(differs(&rule, b"a\n", b"a"), "no newline at the end");
        assert!(differs(&rule, b"2\n", b"3\n"), "another count");
        assert!(
            differs(&rule, b"{\"a\":1,\"b\":2}\n", b"{\"b\":2,\"a\":1}\n"),
            "another order"
        );
        assert!(
            differs(&rule, b"\"More\" : false\n", b"\"More\":false\n"),
            "a blank is missing"
        );
        assert!(
            differs(&rule, &[0xff, b'\n'], &[0xfe, b'\n']),
            "another byte"
        );
        let seen = |stderr, code| Seen::of(&outcome(b"", stderr, code), &rule, &Ids::default());
        assert!(
            seen("", "0").difference(&seen("", "1")).is_some(),
            "another exit code"
        );
        assert!(
            seen("Error: x\n", "1")
                .difference(&seen("Error: y\n", "1"))
                .is_some(),
            "another error"
        );
        assert!(
            seen("Error: x\n", "1")
                .difference(&seen("Error: x\nError: x\n", "1"))
                .is_some(),
            "an error twice"
        );
    }

    #[test]
    fn only_the_log_of_etcdctl_is_dropped() {
        let text = "{\"level\":\"warn\",\"ts\":\"x\"}\nError: x\n";
        let seen = |drop_log| {
            Seen::of(
                &outcome(b"", text, "1"),
                &Rule {
                    drop_log,
                    ..Rule::default()
                },
                &Ids::default(),
            )
            .stderr
        };
        assert_eq!(
            (seen(true).as_str(), seen(false).as_str()),
            ("Error: x\n", text)
        );
    }

    #[test]
    fn what_ends_etcdctl_is_kept_of_its_log() {
        let text = "{\"level\":\"fatal\",\"msg\":\"a variable (bad))\",\"environment-variable\":\"X\",\"stacktrace\":\"main\"}\nstty: no terminal\n";
        let rule = Rule {
            drop_log: true,
            ..Rule::default()
        };
        assert_eq!(
            Seen::of(&outcome(b"", text, "1"), &rule, &Ids::default()).stderr,
            "Error: a variable \"X\" (bad)\n"
        );
    }

    #[test]
    fn help_must_list_all_that_etcdctl_lists() {
        let page = |text: &str| Seen {
            code: "0".into(),
            stderr: String::new(),
            stdout: text.into(),
        };
        let real = "NAME:\n\tget - gets\n\nOPTIONS:\n      --limit=0\t\tso many\n  -h, --help[=false]\thelp\n";
        let equal = |ours: &str| {
            let (mut left, mut right) = (page(real), page(ours));
            reduce_help(&mut left, &mut right);
            left == right
        };
        assert!(equal(
            "NAME:\n\tget - a key\n\nOPTIONS:\n      --limit=0   at most\n      --more=1  more\n  -h, --help[=false]  this page\n"
        ));
        assert!(
            !equal(
                "NAME:\n\tget - a key\n\nOPTIONS:\n      --limit=1   at most\n  -h, --help[=false]  this page\n"
            ),
            "another default"
        );
        assert!(
            !equal("NAME:\n\tget - a key\n\nOPTIONS:\n      --limit=0   at most\n"),
            "an option is missing"
        );
        assert!(
            !equal(
                "NAME:\n\tput - a key\n\nOPTIONS:\n      --limit=0   at most\n  -h, --help[=false]  this page\n"
            ),
            "another name"
        );
    }

    #[test]
    fn masks_hide_one_field_each() {
        let took = Rule {
            masks: vec!["took".into()],
            ..Rule::default()
        };
        let line = |name: &str, time: &str| {
            format!("{name} is healthy: successfully committed proposal: took = {time}\n")
                .into_bytes()
        };
        assert!(!differs(
            &took,
            &line("a", "2.480273ms"),
            &line("a", "12.5µs")
        ));
        assert!(differs(
            &took,
            &line("a", "2.480273ms"),
            &line("b", "2.480273ms")
        ));
        assert!(
            differs(&took, &line("a", "2.480273ms"), &line("a", "2.480273")),
            "no unit"
        );
        let size = Rule {
            masks: vec!["size".into()],
            ..Rule::default()
        };
        assert!(!differs(
            &size,
            b"{\"dbSize\":20480,\"leader\":5}",
            b"{\"dbSize\":24576,\"leader\":5}"
        ));
        assert!(differs(
            &size,
            b"{\"dbSize\":20480,\"leader\":5}",
            b"{\"dbSize\":24576,\"leader\":6}"
        ));
        assert!(!differs(
            &size,
            b"e, 1, 3.5.16, 20 kB, true, false\n",
            b"e, 1, 3.5.16, 1.2 MB, true, false\n"
        ));
        assert!(differs(
            &size,
            b"e, 1, 3.5.16, 20 kB, true, false\n",
            b"e, 1, 3.5.16, 20 kB, true, true\n"
        ));
    }

    #[test]
    fn ids_are_masked_by_their_value() {
        let rule = Rule::default();
        let ids = |id| Ids {
            leases: vec![id],
            members: vec![],
        };
        let seen =
            |text: &str, id| Seen::of(&outcome(text.as_bytes(), "", "0"), &rule, &ids(id)).stdout;
        assert_eq!(
            seen("lease 694d8e5f00000102 granted", 0x694d_8e5f_0000_0102),
            seen("lease 694d8e5f00000202 granted", 0x694d_8e5f_0000_0202)
        );
        assert_eq!(
            seen(
                &format!("{{\"ID\":{}}}", 0x694d_8e5f_0000_0102_u64),
                0x694d_8e5f_0000_0102
            ),
            "{\"ID\":<lease-num-0000>}"
        );
        assert_ne!(
            seen("lease 694d8e5f00000103 granted", 0x694d_8e5f_0000_0102),
            seen("lease 694d8e5f00000202 granted", 0x694d_8e5f_0000_0202)
        );
        // l/694d8e5f00000102
        assert_eq!(
            seen(
                "{\"key\":\"bC82OTRkOGU1ZjAwMDAwMTAy\"}",
                0x694d_8e5f_0000_0102
            ),
            "{\"key\":\"base64 of l/<lease-num-0000>\"}"
        );
    }

    #[test]
    fn an_id_that_begins_with_a_zero_is_masked_like_another() {
        let seen = |text: String, id| {
            let ids = Ids {
                leases: vec![],
                members: vec![id],
            };
            Seen::of(&outcome(text.as_bytes(), "", "0"), &Rule::default(), &ids).stdout
        };
        let (long, short) = (0x694d_8e5f_0000_0102_u64, 0x094d_8e5f_0000_0102_u64);
        let line = |id: u64| format!("Member {id:>16x} added to cluster 5, {id:x}\n");
        assert_eq!(seen(line(long), long), seen(line(short), short));
        let table = |id: u64| {
            let id = format!("{id:x}");
            let border = "-".repeat(id.len() + 2);
            let heading = format!("{:^1$}", "ID", id.len() + 2);
            format!(
                "+{border}+---+\n|{heading}| A |\n+{border}+---+\n| {id} | b |\n+{border}+---+\n"
            )
        };
        assert_eq!(seen(table(long), long), seen(table(short), short));
        let left = table(long).replace("| 694d", "|  694d");
        assert_ne!(seen(left, long), seen(table(short), short), "drawn badly");
    }

    #[test]
    fn what_is_said_again_counts_once() {
        let rule = Rule {
            masks: vec!["again".into()],
            ..Rule::default()
        };
        assert!(!differs(&rule, b"kept\nkept\nend\n", b"kept\nend\n"));
        assert!(differs(&rule, b"kept\nend\n", b"end\n"));
        assert!(differs(&rule, b"kept\nend\nkept\n", b"kept\nend\n"));
    }

    #[test]
    fn a_table_is_masked_only_when_it_is_drawn_well() {
        let rule = Rule {
            masks: vec!["took".into()],
            ..Rule::default()
        };
        let short = b"+----+------+\n| EP | TOOK |\n+----+------+\n|  a | 15ms |\n+----+------+\n";
        let long =
            b"+----+-------+\n| EP | TOOK  |\n+----+-------+\n|  a | 1.5ms |\n+----+-------+\n";
        let left =
            b"+----+-------+\n| EP | TOOK  |\n+----+-------+\n|  a | 15ms  |\n+----+-------+\n";
        let other = b"+----+------+\n| EP | TOOK |\n+----+------+\n|  b | 15ms |\n+----+------+\n";
        assert!(!differs(&rule, short, long));
        assert!(differs(&rule, short, left));
        assert!(differs(&rule, short, other));
    }

    #[test]
    fn messages_are_compared_field_by_field() {
        let rule = Rule {
            masks: vec!["who".into()],
            protobuf: true,
            ..Rule::default()
        };
        let header =
            |member: u8, revision: u8| vec![0x0a, 6, 0x08, 1, 0x10, member, 0x18, revision];
        assert_eq!(
            walk(&header(2, 3)).unwrap(),
            "1 holds\n1.1: 1\n1.2: 2\n1.3: 3\n"
        );
        assert!(!differs(&rule, &header(2, 3), &header(4, 3)));
        assert!(
            differs(&rule, &header(2, 3), &header(2, 4)),
            "another revision"
        );
        assert!(
            differs(&rule, &header(2, 3), &[0x0a, 4, 0x08, 1, 0x10, 2]),
            "a field is missing"
        );
        assert!(
            differs(&rule, &[0x0a, 0, 0x12, 1, b'a'], &[0x0a, 0, 0x12, 1, b'b']),
            "another key"
        );
    }

    #[test]
    fn sorting_keeps_what_is_there() {
        let rule = Rule {
            sort: true,
            ..Rule::default()
        };
        assert!(!differs(&rule, b"b\na\n", b"a\nb\n"));
        assert!(differs(&rule, b"b\na\n", b"a\na\nb\n"));
        assert!(!differs(
            &rule,
            b"[{\"e\":1},{\"e\":0}]\n",
            b"[{\"e\":0},{\"e\":1}]\n"
        ));
        assert!(differs(&rule, b"[{\"e\":1},{\"e\":0}]\n", b"[{\"e\":0}]\n"));
    }
}
