//! The pages that `--help` prints: the sections of etcdctl's, in our words.

use std::fmt::Write as _;

use crate::etcdctl::line::flag::{Flag, Kind};
use crate::etcdctl::verb::{Found, GROUPS, Verb, all};
use crate::etcdctl::{Layout, Style};

/// The page of a command, of a group, or of the program itself.
pub(crate) fn page(found: &Found, style: &Style) -> String {
    if style.is_etcdutl() {
        return plain(found, style);
    }
    let indent = if style.layout >= Layout::V36 {
        "  "
    } else {
        "\t"
    };
    let mut page = String::new();
    let section = |page: &mut String, name: &str, lines: &[String]| {
        let _ = writeln!(page, "{name}:");
        for line in lines {
            let _ = writeln!(page, "{}", format!("{indent}{line}").trim_end());
        }
        let _ = writeln!(page);
    };
    let title = if found.name.is_empty() {
        &style.program
    } else {
        &found.name
    };
    section(&mut page, "NAME", &[format!("{title} - {}", about(found))]);
    section(&mut page, "USAGE", &[usage(found, style)]);
    if found.name.is_empty() {
        section(&mut page, "VERSION", &[crate::etcdctl::verb_version(style)]);
    }
    if found.verb.is_none() {
        section(
            &mut page,
            "API VERSION",
            &[crate::etcdctl::api_version(style)],
        );
        let commands: Vec<&Verb> = all(style)
            .iter()
            .filter(|verb| verb.is_there(style))
            .filter(|verb| below(verb.name, &found.name).is_some())
            .collect();
        let wide = commands
            .iter()
            .map(|verb| below(verb.name, &found.name).map_or(0, str::len))
            .max()
            .unwrap_or(0);
        let lines: Vec<String> = commands
            .iter()
            .map(|verb| {
                format!(
                    "{:wide$}  {}",
                    below(verb.name, &found.name).unwrap_or_default(),
                    verb.about
                )
            })
            .collect();
        section(&mut page, "COMMANDS", &lines);
    }
    if let Some(verb) = found.verb.filter(|verb| !verb.example.is_empty()) {
        section(
            &mut page,
            "EXAMPLES",
            &verb
                .example
                .lines()
                .map(|line| format!("{} {line}", style.program))
                .collect::<Vec<_>>(),
        );
    }
    let is_inherited = |flag: &&&'static Flag| {
        found
            .inherited
            .iter()
            .any(|inherited| std::ptr::eq(*inherited, **flag))
    };
    // What a group hands down is its own on its own page.
    let group = GROUPS
        .iter()
        .find(|group| group.name == found.name)
        .map_or(&[][..], |group| group.flags);
    let is_own = |flag: &&&'static Flag| {
        found.name.is_empty()
            || !is_inherited(flag)
            || group.iter().any(|own| std::ptr::eq(own, **flag))
    };
    let own: Vec<&Flag> = found.flags.iter().filter(is_own).copied().collect();
    let global: Vec<&Flag> = found
        .flags
        .iter()
        .filter(|flag| !is_own(flag))
        .copied()
        .collect();
    options(&mut page, "OPTIONS", own);
    if !global.is_empty() {
        options(&mut page, "GLOBAL OPTIONS", global);
    }
    page
}

/// The page of etcdutl.
fn plain(found: &Found, style: &Style) -> String {
    let mut page = format!("Usage:\n  {}\n\n", usage(found, style));
    let commands = all(style).iter().filter(|verb| {
        found.verb.is_none() && verb.is_there(style) && below(verb.name, &found.name).is_some()
    });
    let lines: String = commands
        .map(|verb| {
            let name = below(verb.name, &found.name).unwrap_or_default();
            format!("  {name:16}  {}\n", verb.about)
        })
        .collect();
    if !lines.is_empty() {
        let _ = writeln!(page, "Available Commands:\n{lines}");
    }
    let (global, own) = found
        .flags
        .iter()
        .copied()
        .partition(|flag| found.inherited.iter().any(|one| std::ptr::eq(*one, *flag)));
    options(&mut page, "Flags", own);
    options(&mut page, "Global Flags", global);
    page
}

/// What etcdctl shows when a line of a transaction has a wrong flag.
pub(crate) fn short(verb: &Verb, flags: &[&Flag]) -> String {
    let mut page = format!("Usage:\n   {} [flags] {}\n\n", verb.name, verb.arguments);
    options(&mut page, "Flags", flags.to_vec());
    page
}

/// The name of a command below a group, or the whole name below the program.
fn below(name: &'static str, path: &str) -> Option<&'static str> {
    if path.is_empty() {
        Some(name)
    } else {
        name.strip_prefix(path)?.strip_prefix(' ')
    }
}

fn about(found: &Found) -> &'static str {
    match found.verb {
        Some(verb) => verb.about,
        None => GROUPS
            .iter()
            .find(|group| group.name == found.name)
            .map_or("etcd from the command line", |group| group.about),
    }
}

fn usage(found: &Found, style: &Style) -> String {
    let program = &style.program;
    match found.verb {
        Some(verb) => format!("{program} {} [flags] {}", verb.name, verb.arguments)
            .trim_end()
            .to_string(),
        None if found.name.is_empty() => format!("{program} [flags] COMMAND"),
        None => format!("{program} {} [flags] COMMAND", found.name),
    }
}

fn options(page: &mut String, name: &str, mut flags: Vec<&Flag>) {
    flags.sort_by_key(|flag| flag.name);
    let heads: Vec<String> = flags.iter().map(|flag| head(flag)).collect();
    let wide = heads.iter().map(String::len).max().unwrap_or(0);
    let _ = writeln!(page, "{name}:");
    for (flag, head) in flags.iter().zip(&heads) {
        let _ = writeln!(page, "{head:wide$}  {}", flag.about);
    }
    let _ = writeln!(page);
}

fn head(flag: &Flag) -> String {
    let short = flag
        .short
        .map_or("      ".to_string(), |letter| format!("  -{letter}, "));
    match flag.kind {
        Kind::Bool => format!("{short}--{}[={}]", flag.name, flag.default),
        Kind::Text => format!("{short}--{}={:?}", flag.name, flag.default),
        Kind::Duration | Kind::Int | Kind::List => {
            format!("{short}--{}={}", flag.name, flag.default)
        }
    }
}
