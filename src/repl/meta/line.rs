//! Commands about the lines of the session: shown, saved as a script, copied into a file.

use std::path::Path;

use crate::error::{Error, Result};
use crate::repl::console::{Console, Then};
use crate::repl::save;

pub(super) fn log(console: &mut Console, file: &str) -> Result<Then> {
    let transcript = console.runner.surroundings.transcript();
    if file == "off" {
        transcript.end();
        return Ok(Then::Go);
    }
    transcript.begin(Path::new(file)).map_err(|error| {
        Error::config(format!("`{file}` cannot be written")).because(error.to_string())
    })?;
    console.say(format!("a copy of this session is written to {file}"));
    Ok(Then::Go)
}

pub(super) fn show_lines(console: &mut Console, _: &str) -> Result<Then> {
    let lines = save::lines(console)?;
    let numbered = lines.iter().enumerate();
    let text: Vec<String> = numbered
        .map(|(number, line)| format!("{:3}  {line}", number + 1))
        .collect();
    console.say(if text.is_empty() {
        "no line has worked yet that a script could have".to_string()
    } else {
        text.join("\n")
    });
    Ok(Then::Go)
}

/// `FILE`, or `FILE 3-7`, `FILE 3-`, `FILE 3`.
fn file_and_lines(text: &str) -> Result<(&str, Option<(usize, usize)>)> {
    let is_range = |word: &str| {
        word.starts_with(|letter: char| letter.is_ascii_digit())
            && word
                .chars()
                .all(|letter| letter.is_ascii_digit() || letter == '-')
    };
    let Some((file, range)) = text
        .rsplit_once(char::is_whitespace)
        .filter(|(_, word)| is_range(word))
    else {
        return Ok((text, None));
    };
    let wrong =
        || Error::usage(format!("`{range}` names no lines")).hint(":lines   # shows their numbers");
    let number = |word: &str| {
        word.parse::<usize>()
            .ok()
            .filter(|number| *number > 0)
            .ok_or_else(wrong)
    };
    let (from, to) = match range.split_once('-') {
        None => (number(range)?, number(range)?),
        Some((from, "")) => (number(from)?, usize::MAX),
        Some((from, to)) => (number(from)?, number(to)?),
    };
    if from > to {
        return Err(wrong());
    }
    Ok((file.trim(), Some((from, to))))
}

pub(super) fn save_lines(console: &mut Console, text: &str) -> Result<Then> {
    let (file, range) = file_and_lines(text)?;
    let count = save::write(console, Path::new(file), range)?;
    let text = std::fs::read_to_string(file).unwrap_or_default();
    if let Err(error) = console.interpreter.compile(&crate::script::Script {
        folder: None,
        name: file.to_string(),
        text,
    }) {
        console.complain(format!(
            "{} these lines need others: {}; `:lines` shows them",
            console.paint(35, "warning:"),
            error.what
        ));
    }
    console.say(format!(
        "{file}: {count} line{}; run it with `etcdsh {}`",
        if count == 1 { "" } else { "s" },
        if file.contains('/') {
            file.to_string()
        } else {
            format!("./{file}")
        }
    ));
    Ok(Then::Go)
}
