//! `completion SHELL`: a script that completes commands and flags, made from the table of commands.

use super::{Deadline, Endless, Found, Since, Verb};
use crate::etcdctl::Layout;
use crate::etcdctl::Style;
use crate::etcdctl::call::Call;
use crate::etcdctl::failure::{Failure, Outcome};
use crate::etcdctl::line::flag::Kind;
use crate::etcdctl::line::usage;

pub(super) const VERB: Verb = Verb {
    name: "completion",
    arguments: "bash|zsh|fish|powershell",
    about: "print a script that completes commands and flags in a shell",
    example: "completion bash > /etc/bash_completion.d/etcdctl",
    flags: &[],
    changes: false,
    deadline: Deadline::Never,
    endless: Endless::Never,
    since: Since::Always,
    run,
};

fn run(call: &mut Call<'_>) -> Outcome {
    let script = match call.words.first().map(Vec::as_slice) {
        Some(b"bash") => bash,
        Some(b"zsh") => zsh,
        Some(b"fish") => fish,
        Some(b"powershell") => powershell,
        // The library that etcdctl 3.5 of the distributions is built with has a group here.
        _ if call.style.strict && call.style.layout == Layout::V35 => {
            let page = super::find(&[b"completion".to_vec()], call.style)
                .map_or_else(|_| String::new(), |found| usage::page(&found, call.style));
            return Ok(call.io.out.write_all(page.as_bytes())?);
        }
        word => return Err(wrong(call, word.is_some())),
    };
    if call.words.len() > 1 {
        return Err(wrong(call, true));
    }
    let text = script(&Caller::of(call.style), &places(call.style));
    Ok(call.io.out.write_all(text.as_bytes())?)
}

fn wrong(call: &Call<'_>, named: bool) -> Box<Failure> {
    let shell = String::from_utf8_lossy(call.words.first().map_or(b"", Vec::as_slice)).into_owned();
    match call.words.len() {
        2.. if call.style.strict && call.style.layout == Layout::V35 => Failure::usage(format!(
            "unknown command {:?} for {:?}",
            call.word(1),
            format!("{} completion {shell}", call.style.program)
        )),
        1 if named => Failure::usage(format!(
            "invalid argument {} for {:?}",
            crate::etcdctl::form::go::quote(&call.words[0]),
            format!("{} completion", call.style.program)
        )),
        count => Failure::usage(format!("accepts 1 arg(s), received {count}")),
    }
}

/// How the program is called: `etcdctl`, or `etcdsh` and the word `e` or `em` after it.
struct Caller {
    command: String,
    /// The commands stand after a word of their own.
    inner: bool,
}

impl Caller {
    fn of(style: &Style) -> Caller {
        let mut words = style.program.split(' ');
        let command = words.next().unwrap_or_default().to_string();
        Caller {
            command,
            inner: words.next().is_some(),
        }
    }
}

/// What can follow some words.
struct Place {
    flags: Vec<Item>,
    /// `/endpoint/health`; empty for the program itself.
    path: String,
    words: Vec<Item>,
}

struct Item {
    about: &'static str,
    name: String,
    /// A flag that wants a value.
    valued: bool,
}

fn places(style: &Style) -> Vec<Place> {
    let mut paths = vec![String::new()];
    for name in super::names("", style)
        .into_iter()
        .filter(|name| *name != "help")
    {
        paths.push(name.into());
        paths.extend(
            super::names(name, style)
                .into_iter()
                .map(|inner| format!("{name} {inner}")),
        );
    }
    paths.iter().filter_map(|path| place(path, style)).collect()
}

fn place(path: &str, style: &Style) -> Option<Place> {
    let words: Vec<Vec<u8>> = path
        .split(' ')
        .filter(|word| !word.is_empty())
        .map(|word| word.as_bytes().to_vec())
        .collect();
    let found = super::find(&words, style).ok()?;
    let mut flags = Vec::new();
    for flag in &found.flags {
        let valued = flag.kind != Kind::Bool;
        flags.push(Item {
            about: flag.about,
            name: format!("--{}", flag.name),
            valued,
        });
        flags.extend(flag.short.map(|letter| Item {
            about: flag.about,
            name: format!("-{letter}"),
            valued,
        }));
    }
    flags.sort_by(|a, b| a.name.cmp(&b.name));
    let words = if found.verb.is_some() {
        Vec::new()
    } else {
        super::names(path, style)
    };
    let words = words
        .into_iter()
        .map(|name| Item {
            about: about(path, name, style),
            name: name.into(),
            valued: false,
        })
        .collect();
    let path = if path.is_empty() {
        String::new()
    } else {
        format!("/{}", path.replace(' ', "/"))
    };
    Some(Place { flags, path, words })
}

fn about(path: &str, name: &str, style: &Style) -> &'static str {
    if name == "help" {
        return "show the page of a command";
    }
    let words: Vec<Vec<u8>> = path
        .split(' ')
        .chain([name])
        .filter(|word| !word.is_empty())
        .map(|word| word.as_bytes().to_vec())
        .collect();
    match super::find(&words, style) {
        Ok(Found {
            verb: Some(verb), ..
        }) => verb.about,
        Ok(found) => super::GROUPS
            .iter()
            .find(|group| group.name == found.name)
            .map_or("", |group| group.about),
        Err(_) => "",
    }
}

const FORMATS: &str = "fields json protobuf simple table";

/// All paths, for the loop that finds out where one is.
fn paths(places: &[Place], between: &str) -> String {
    places
        .iter()
        .filter(|place| !place.path.is_empty())
        .map(|place| place.path.as_str())
        .collect::<Vec<_>>()
        .join(between)
}

fn title(caller: &Caller, shell: &str) -> String {
    format!(
        "# {shell} completion of {}{}\n",
        caller.command,
        if caller.inner { " e" } else { "" }
    )
}

fn bash(caller: &Caller, places: &[Place]) -> String {
    let command = &caller.command;
    let begin = if caller.inner {
        "    while ((index < COMP_CWORD)); do\n        word=${COMP_WORDS[index++]}\n        [[ $word == e || $word == em ]] && break\n    done\n    [[ $word == em ]] && place=/member\n    [[ $word == e || $word == em ]] || return\n"
    } else {
        ""
    };
    let mut text = title(caller, "bash");
    text += &format!(
        "_{command}_words() {{\n    local current=${{COMP_WORDS[COMP_CWORD]}} place= word= candidates= index=1\n{begin}"
    );
    text += &format!(
        "    for ((; index < COMP_CWORD; index++)); do\n        word=${{COMP_WORDS[index]}}\n        case $place/$word in\n            {})\n                place=$place/$word\n                ;;\n        esac\n    done\n",
        paths(places, " | ")
    );
    text += &format!(
        "    case $word in\n        -w | --write-out)\n            COMPREPLY=($(compgen -W '{FORMATS}' -- \"$current\"))\n            return\n            ;;\n    esac\n    case $place in\n"
    );
    for Place { flags, path, words } in places {
        let names: Vec<&str> = words
            .iter()
            .chain(flags)
            .map(|item| item.name.as_str())
            .collect();
        text += &format!(
            "        '{path}')\n            candidates='{}'\n            ;;\n",
            names.join(" ")
        );
    }
    text += &format!(
        "    esac\n    COMPREPLY=($(compgen -W \"$candidates\" -- \"$current\"))\n}}\ncomplete -o default -F _{command}_words {command}\n"
    );
    text
}

fn zsh(caller: &Caller, places: &[Place]) -> String {
    let command = &caller.command;
    let begin = if caller.inner {
        "    while (( index < CURRENT )); do\n        word=$words[index]\n        (( index++ ))\n        [[ $word == e || $word == em ]] && break\n    done\n    [[ $word == em ]] && place=/member\n    if [[ $word != e && $word != em ]]; then\n        _files\n        return\n    fi\n"
    } else {
        ""
    };
    // `path` is the search path of zsh.
    let mut text = format!("#compdef {command}\n{}", title(caller, "zsh"));
    text += &format!(
        "_{command}_words() {{\n    local place= word= index=2\n    local -a candidates flags\n{begin}"
    );
    text += &format!(
        "    while (( index < CURRENT )); do\n        word=$words[index]\n        case $place/$word in\n            ({}) place=$place/$word ;;\n        esac\n        (( index++ ))\n    done\n",
        paths(places, "|")
    );
    text += &format!(
        "    if [[ $word == -w || $word == --write-out ]]; then\n        compadd -- {FORMATS}\n        return\n    fi\n    case $place in\n"
    );
    let list = |items: &[Item]| {
        items
            .iter()
            .map(|item| format!("                '{}:{}'", item.name, zsh_quoted(item.about)))
            .collect::<Vec<_>>()
            .join("\n")
    };
    for Place { flags, path, words } in places {
        text += &format!(
            "        ('{path}')\n            candidates=(\n{}\n            )\n            flags=(\n{}\n            )\n            ;;\n",
            list(words),
            list(flags)
        );
    }
    text += "    esac\n    if [[ $words[CURRENT] == -* ]]; then\n        _describe -o flag flags\n    elif (( $#candidates )); then\n        _describe command candidates\n    else\n        _files\n    fi\n}\n";
    text += &format!(
        "if [[ $funcstack[1] == _{command} ]]; then\n    _{command}_words\nelse\n    compdef _{command}_words {command}\nfi\n"
    );
    text
}

fn zsh_quoted(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace(':', "\\:")
        .replace('\'', "'\\''")
}

fn fish(caller: &Caller, places: &[Place]) -> String {
    let command = &caller.command;
    let begin = if caller.inner {
        "    while set -q words[1]\n        set -l word $words[1]\n        set -e words[1]\n        switch $word\n            case e\n                set inside yes\n                break\n            case em\n                set inside yes\n                set place /member\n                break\n        end\n    end\n    test -n \"$inside\"; or return 1\n"
    } else {
        ""
    };
    let mut text = title(caller, "fish");
    text += &format!(
        "function __{command}_at\n    set -l words (commandline -opc)\n    set -e words[1]\n    set -l place ''\n    set -l inside ''\n{begin}"
    );
    text += &format!(
        "    for word in $words\n        switch $place/$word\n            case {}\n                set place $place/$word\n        end\n    end\n    test \"x$place\" = \"x$argv[1]\"\nend\n",
        paths(places, " ")
    );
    let quoted = |text: &str| text.replace('\\', "\\\\").replace('\'', "\\'");
    for Place { flags, path, words } in places {
        let at = format!("complete -c {command} -n \"__{command}_at '{path}'\"");
        for item in words {
            text += &format!("{at} -f -a {} -d '{}'\n", item.name, quoted(item.about));
        }
        for item in flags {
            let name = match item.name.strip_prefix("--") {
                Some(long) => format!("-l {long}"),
                None => format!("-s {}", item.name.trim_start_matches('-')),
            };
            let value = match item.name.as_str() {
                "--write-out" | "-w" => format!(" -x -a '{FORMATS}'"),
                _ if item.valued => " -r".into(),
                _ => String::new(),
            };
            text += &format!("{at} {name}{value} -d '{}'\n", quoted(item.about));
        }
    }
    text
}

fn powershell(caller: &Caller, places: &[Place]) -> String {
    let command = &caller.command;
    let begin = if caller.inner {
        "    $found = -1\n    for ($index = 0; $index -lt $words.Count; $index++) {\n        if ($words[$index] -in 'e', 'em') { $found = $index; break }\n    }\n    if ($found -lt 0) { return }\n    if ($words[$found] -eq 'em') { $place = '/member' }\n    $words = @($words | Select-Object -Skip ($found + 1))\n"
    } else {
        ""
    };
    let quoted = |text: &str| text.replace('\'', "''");
    let mut text = title(caller, "powershell");
    text += &format!(
        "Register-ArgumentCompleter -Native -CommandName '{command}' -ScriptBlock {{\n    param($current, $commandAst, $cursor)\n    $known = @{{\n"
    );
    for Place { flags, path, words } in places {
        let items: Vec<String> = words
            .iter()
            .chain(flags)
            .map(|item| {
                format!(
                    "            , @('{}', '{}')",
                    item.name,
                    quoted(if item.about.is_empty() {
                        &item.name
                    } else {
                        item.about
                    })
                )
            })
            .collect();
        text += &format!("        '{path}' = @(\n{}\n        )\n", items.join("\n"));
    }
    text += "    }\n    $before = $commandAst.CommandElements | Select-Object -Skip 1 | Where-Object { $_.Extent.EndOffset -lt $cursor }\n    $words = @($before | ForEach-Object { $_.ToString() })\n    $place = ''\n";
    text += begin;
    text += "    foreach ($word in $words) {\n        if ($known.ContainsKey(\"$place/$word\")) { $place = \"$place/$word\" }\n    }\n";
    text += &format!(
        "    if ($words.Count -gt 0 -and $words[-1] -in '-w', '--write-out') {{\n        return '{FORMATS}'.Split(' ') | Where-Object {{ $_ -like \"$current*\" }}\n    }}\n"
    );
    text += "    $known[$place] | Where-Object { $_[0] -like \"$current*\" } | ForEach-Object {\n        [System.Management.Automation.CompletionResult]::new($_[0], $_[0], 'ParameterValue', $_[1])\n    }\n}\n";
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn style(program: &str, layout: Layout) -> Style {
        Style {
            layout,
            place: None,
            strict: program == "etcdctl",
            ..Style::of_process(program, false)
        }
    }

    #[test]
    fn every_command_has_its_place() {
        let found = places(&style("etcdctl", Layout::V36));
        let at = |path: &str| {
            found.iter().find(|place| place.path == path).map(|place| {
                (
                    place.words.len(),
                    place.flags.iter().any(|flag| flag.name == "--cluster"),
                )
            })
        };
        assert_eq!(at("/endpoint"), Some((3, true)));
        assert_eq!(at("/endpoint/health"), Some((0, true)));
        assert_eq!(at("/put"), Some((0, false)));
        assert!(at("").is_some_and(|(words, _)| words > 10));
    }

    #[test]
    fn scripts_name_what_the_release_has() {
        let script = |layout| {
            bash(
                &Caller::of(&style("etcdctl", layout)),
                &places(&style("etcdctl", layout)),
            )
        };
        assert!(
            script(Layout::V36).contains("/downgrade/enable")
                && !script(Layout::V35).contains("/downgrade")
        );
        assert!(script(Layout::V36).ends_with("complete -o default -F _etcdctl_words etcdctl\n"));
    }
}
