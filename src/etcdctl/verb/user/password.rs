//! A user's new password: typed twice, or read from standard input or a file, so that it need not stand on the command
//! line.

use std::io::BufRead;

use crate::command::quote;
use crate::etcdctl::call::Call;
use crate::etcdctl::failure::{Failure, Outcome};
use crate::etcdctl::line::ask;
use crate::etcdctl::line::flag::{Flag, Kind};
use crate::etcdctl::line::settings::io_text;
use crate::terminal;

pub(super) const INTERACTIVE: Flag = Flag::new(
    "interactive",
    Kind::Bool,
    "true",
    "ask for the password; false reads it from standard input",
);
pub(super) const FILE: Flag = Flag::text(
    "new-user-password-file",
    "",
    "read the password from the first line of a file; - is standard input",
)
.native();

/// The password of `name` from wherever the flags say.
pub(super) fn read(call: &mut Call<'_>, name: &str) -> Outcome<String> {
    let file = call.text(FILE.name);
    if !file.is_empty() {
        return of_file(call, &file);
    }
    if !call.flag(INTERACTIVE.name) {
        // etcdctl knows no password with a blank in it here.
        return if call.style.strict {
            word(call.io.input)
        } else {
            Ok(terminal::line(call.io.input)?)
        };
    }
    if call.style.strict || call.io.terminal {
        typed(call, name)
    } else {
        piped(call, name)
    }
}

/// Without echo, twice.
fn typed(call: &mut Call<'_>, name: &str) -> Outcome<String> {
    let first = ask::secret(call.io, &format!("Password of {name}: "))?;
    not_empty(&first)?;
    let second = ask::secret(
        call.io,
        &format!("Type password of {name} again for confirmation: "),
    )?;
    same(first, &second)
}

/// A line without a terminal. Scripts made for etcdctl send it twice, as if typed.
fn piped(call: &mut Call<'_>, name: &str) -> Outcome<String> {
    let first = terminal::line(call.io.input)?;
    not_empty(&first).map_err(|mut failure| {
        let why = "there is no terminal to ask for it, and nothing came on standard input";
        failure.causes.push(why.into());
        let asked = format!("{} {} {}", call.style.program, call.verb.name, quote(name));
        failure.with_hint(format!("{asked} --{} FILE", FILE.name))
    })?;
    let second = terminal::line(call.io.input)?;
    if second.is_empty() {
        Ok(first)
    } else {
        same(first, &second)
    }
}

fn of_file(call: &mut Call<'_>, path: &str) -> Outcome<String> {
    let password = if path == "-" {
        terminal::line(call.io.input)?
    } else {
        let mut file = std::fs::File::open(path)
            .map(std::io::BufReader::new)
            .map_err(|error| Failure::arguments(format!("open {path}: {}", io_text(&error))))?;
        terminal::line(&mut file)?
    };
    not_empty(&password)?;
    Ok(password)
}

fn not_empty(password: &str) -> Outcome {
    if password.is_empty() {
        Err(Failure::arguments("empty password"))
    } else {
        Ok(())
    }
}

fn same(first: String, second: &str) -> Outcome<String> {
    if first == second {
        Ok(first)
    } else {
        Err(Failure::arguments("given passwords are different"))
    }
}

/// As Go's `Scanf("%s")` reads: blanks in front are skipped, the next blank or the line's end ends it. What comes after
/// is left for who reads next.
fn word(input: &mut dyn BufRead) -> Outcome<String> {
    let mut word = Vec::new();
    while let Some(byte) = input.fill_buf()?.first().copied() {
        input.consume(1);
        match byte {
            b'\n' => break,
            byte if byte.is_ascii_whitespace() && word.is_empty() => {}
            byte if byte.is_ascii_whitespace() => break,
            byte => word.push(byte),
        }
    }
    Ok(String::from_utf8_lossy(&word).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_ends_where_go_ends_it() {
        for (input, wanted, left) in [
            ("pw\n", "pw", ""),
            ("  pw x\ny", "pw", "x\ny"),
            ("\npw\n", "", "pw\n"),
            ("p\"w", "p\"w", ""),
            ("", "", ""),
            ("\r\npw", "", "pw"),
        ] {
            let mut rest = input.as_bytes();
            assert_eq!(
                (word(&mut rest).unwrap().as_str(), rest),
                (wanted, left.as_bytes()),
                "{input:?}"
            );
        }
    }
}
