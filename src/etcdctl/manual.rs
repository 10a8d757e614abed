//! The reference of all commands, `docs/etcdctl.md`: made from the table of verbs.

use std::fmt::Write as _;

use super::line::flag::{Flag, Kind};
use super::line::settings;
use super::verb::{ALL, GROUPS, Since, Verb};

/// The reference as Markdown.
#[must_use]
pub fn markdown() -> String {
    let mut page = String::from(
        "# The etcdctl surface\n\n\
         Generated from the table of commands by `make docs`. `etcdsh e COMMAND` runs each of them, `etcdsh em ...` is short for\n\
         `etcdsh e member ...`, and a link named `etcdctl` to the binary is an etcdctl and nothing else: without what is marked\n\
         *only here*. One named `etcdutl` is an etcdutl. Known differences stand in [COMPATIBILITY.md](../COMPATIBILITY.md).\n\n",
    );
    let mut group = None;
    for verb in ALL {
        let first = verb.name.split_once(' ').map(|(first, _)| first);
        if first != group
            && let Some(known) =
                first.and_then(|first| GROUPS.iter().find(|known| known.name == first))
        {
            let _ = writeln!(page, "## {}\n\n{}.\n", known.name, capital(known.about));
            flags(&mut page, known.flags);
        }
        group = first;
        command(&mut page, verb);
    }
    page.push_str("## Flags of every command\n\nEach has a variable: `--command-timeout` is `ETCDCTL_COMMAND_TIMEOUT`. A flag comes before its variable.\n\n");
    flags(&mut page, settings::GLOBALS);
    page.push_str("Only here:\n\n");
    flags(&mut page, settings::NATIVE);
    format!("{}\n", page.trim_end())
}

fn command(page: &mut String, verb: &Verb) {
    let level = if verb.name.contains(' ') { "###" } else { "##" };
    let since = match verb.since {
        Since::Always => "",
        Since::Native => " *Only here.*",
        Since::UpTo35 => " *In etcdctl up to 3.5.*",
        Since::V36 => " *In etcdctl since 3.6.*",
    };
    let usage = format!("{} {}", verb.name, verb.arguments);
    let _ = writeln!(
        page,
        "{level} {}\n\n{}.{since}\n\n```\netcdsh e {}\n```\n",
        verb.name,
        capital(verb.about),
        usage.trim_end()
    );
    flags(page, verb.flags);
    if !verb.example.is_empty() {
        let lines: Vec<String> = verb
            .example
            .lines()
            .map(|line| format!("etcdsh e {line}"))
            .collect();
        let _ = writeln!(page, "Example:\n\n```\n{}\n```\n", lines.join("\n"));
    }
}

fn flags(page: &mut String, flags: &[Flag]) {
    if flags.is_empty() {
        return;
    }
    page.push_str("| flag | default | meaning |\n|---|---|---|\n");
    let mut sorted: Vec<&Flag> = flags.iter().collect();
    sorted.sort_by_key(|flag| flag.name);
    for flag in sorted {
        let short = flag
            .short
            .map_or(String::new(), |letter| format!("`-{letter}`, "));
        let default = match flag.kind {
            Kind::Text if flag.default.is_empty() => String::new(),
            _ => format!("`{}`", flag.default),
        };
        let _ = writeln!(
            page,
            "| {short}`--{}` | {default} | {} |",
            flag.name,
            flag.about.replace('|', "\\|")
        );
    }
    page.push('\n');
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}

/// A command for other tools: its name within its group, what it does, and its own flags.
pub struct Described {
    pub about: &'static str,
    /// Name, meaning, and whether it takes a value.
    pub flags: Vec<(&'static str, &'static str, bool)>,
    pub is_group: bool,
    pub name: &'static str,
}

/// The commands one level below `path`.
#[must_use]
pub fn commands(path: &str) -> Vec<Described> {
    let style = super::Style {
        layout: super::Layout::V36,
        place: None,
        program: "e".into(),
        records: false,
        stop: super::Stop::default(),
        strict: false,
        variables: Vec::new(),
    };
    let full = |name: &str| {
        if path.is_empty() {
            name.to_string()
        } else {
            format!("{path} {name}")
        }
    };
    let described = |name: &'static str| {
        let verb = ALL.iter().find(|verb| verb.name == full(name));
        let group = GROUPS.iter().find(|group| group.name == full(name));
        let flags = verb
            .map_or(&[][..], |verb| verb.flags)
            .iter()
            .map(|flag| (flag.name, flag.about, flag.kind != Kind::Bool))
            .collect();
        let about = verb
            .map(|verb| verb.about)
            .or(group.map(|group| group.about))
            .unwrap_or_default();
        Described {
            about,
            flags,
            is_group: verb.is_none() && group.is_some(),
            name,
        }
    };
    super::verb::names(path, &style)
        .into_iter()
        .map(described)
        .collect()
}
