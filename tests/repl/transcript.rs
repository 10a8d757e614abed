//! `docs/repl.md` is true: its transcripts are typed into the console, and what comes is what stands there.
//!
//! A block ```` ```console ```` is a piece of a session. `$ etcdsh ...` starts the console anew; a line with a prompt is typed;
//! what follows it, up to the next prompt, must come. `...` stands for anything, within a line or as lines. 10.10.10.10 to
//! 10.10.10.12 are sandbox members here.

use std::fs;
use std::path::Path;

use super::Screen;
use super::live::Members;

/// Prompt, line, and what comes.
fn pieces(block: &str) -> Vec<(String, String)> {
    let prompt = regex::Regex::new(r"^(hosts\.yml:[^>\n]*> |\$ )(.*)$").unwrap();
    let mut found: Vec<(String, String)> = Vec::new();
    for line in block.lines() {
        match prompt.captures(line) {
            Some(parts) if parts[1].starts_with('$') => {
                found.push((format!("$ {}", &parts[2]), String::new()));
            }
            Some(parts) => found.push((parts[2].to_string(), String::new())),
            None => {
                let last = found.last_mut().expect("a block begins with a prompt");
                last.1.push_str(line.trim_end());
                last.1.push('\n');
            }
        }
    }
    found
}

fn fits(wanted: &str, said: &str) -> bool {
    let mut pattern = String::from("(?s)^");
    for line in wanted.lines() {
        if line.trim() == "..." {
            pattern.push_str("(?:[^\\n]*\\n)*?");
        } else {
            let parts: Vec<String> = line.split("...").map(regex::escape).collect();
            pattern.push_str(&parts.join("[^\\n]*?"));
            pattern.push_str(" *\\n");
        }
    }
    pattern.push('$');
    regex::Regex::new(&pattern).unwrap().is_match(said)
}

#[test]
fn what_the_document_shows_is_what_comes() {
    let page =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/repl.md")).unwrap();
    let members = Members::new(2);
    let there = |text: &str| {
        (0..3).fold(text.to_string(), |text, at| {
            text.replace(&format!("10.10.10.1{at}"), &members.addresses[at])
        })
    };
    let mut screen: Option<Screen> = None;
    let mut wrong = Vec::new();
    for block in page
        .split("```console\n")
        .skip(1)
        .filter_map(|rest| rest.split("\n```").next())
    {
        for (line, wanted) in pieces(block) {
            if let Some(words) = line.strip_prefix("$ etcdsh") {
                screen = None;
                screen.replace(Screen::ready(&members.test, there(words).trim()));
                continue;
            }
            let said = screen
                .as_mut()
                .expect("a console was started")
                .line(&there(&line));
            let said: String = said
                .lines()
                .map(|line| format!("{}\n", line.trim_end()))
                // The document's hosts are real ones; here they are folders of this machine.
                .filter(|line| line != "\n" && !line.contains("runs on this machine itself"))
                .collect();
            let wanted: String = there(&wanted)
                .lines()
                .filter(|line| !line.is_empty())
                .map(|line| format!("{line}\n"))
                .collect();
            if !fits(&wanted, &said) {
                wrong.push(format!("> {line}\n--- wanted\n{wanted}--- came\n{said}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn dots_stand_for_anything() {
    assert!(fits("a ... c\n...\nz\n", "a b c\n1\n2\nz\n"));
    assert!(!fits("a\n", "a\nb\n"));
}
