//! `:watch 2s LINE`: a line again and again, until Ctrl-C.

use std::time::{Duration, Instant};

use super::console::{Console, Then};
use super::input::Input;
use crate::error::{Error, Kind, Result};
use crate::value::duration;

const EVERY: Duration = Duration::from_secs(2);

/// How often, as it was typed, and the line.
pub(super) fn split(text: &str) -> (&str, &str) {
    let (first, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    let is_time = first.starts_with(|letter: char| letter.is_ascii_digit() || letter == '.')
        && duration(first).is_some();
    if is_time {
        (first, rest.trim_start())
    } else {
        ("", text)
    }
}

/// A first word that looks like a time and is none, and the seconds that may be meant.
fn no_time(text: &str) -> Option<(&str, String)> {
    let word = text.split_whitespace().next()?;
    let digits = word.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let number: u64 = digits.parse().ok()?;
    (digits.len() < word.len()).then(|| (word, format!("{}s", number.max(1))))
}

pub(super) fn run(console: &mut Console, text: &str) -> Result<Then> {
    let (often, line) = split(text);
    if let Some((wrong, meant)) = no_time(line) {
        let rest = line[wrong.len()..].trim();
        return Err(
            Error::usage(format!("`{wrong}` is no time")).hint(format!(":watch {meant} {rest}"))
        );
    }
    let every = duration(often).unwrap_or(EVERY);
    if line.is_empty() {
        return Err(Error::usage("`:watch` needs a line").hint(":watch 2s e endpoint status"));
    }
    refuse(console, line)?;
    let (kept, paging) = (console.accepted.len(), console.paging);
    console.paging = false;
    let result = repeat(console, every, line);
    // It was looked at, and is nothing that a script would do.
    console.accepted.truncate(kept);
    console.paging = paging;
    result.map(|()| Then::Go)
}

/// What cannot be repeated.
fn refuse(console: &Console, line: &str) -> Result<()> {
    let style = super::etcd::style(console);
    let endless = |words: &crate::etcdctl::Command| {
        crate::etcdctl::meaning(words, &style).is_some_and(|meaning| meaning.endless)
    };
    let what = match console.input_kind(line) {
        Input::Etcd(text) => {
            let commands = crate::etcdctl::redirected(text)?;
            let endless = commands.iter().any(|command| endless(&command.words));
            endless.then_some("it goes on by itself")
        }
        Input::Meta(text) => {
            let name = super::meta::find(super::meta::split(text).0)?.name;
            let once = ["edit", "overview", "quit", "watch"].contains(&name);
            once.then_some("it is no line that shows something and ends")
        }
        Input::Script(_) => Some("it is a run of its own"),
        Input::Blank => Some("there is nothing to do"),
        Input::Help(..) | Input::Rhai(_) => None,
    };
    match what {
        None => Ok(()),
        Some(why) => Err(Error::usage(format!("`{line}` cannot be watched")).because(why)),
    }
}

fn repeat(console: &mut Console, every: Duration, line: &str) -> Result<()> {
    let cancel = console.runner.surroundings.cancel().clone();
    loop {
        let next = Instant::now() + every;
        if !console.json() {
            let time = jiff::Zoned::now().strftime("%H:%M:%S").to_string();
            let head = format!("{time}  every {}s: {line}", every.as_secs_f64());
            console.say(console.paint(2, &head));
        }
        match console.carry_out(line) {
            Ok(_) => {}
            Err(error) if error.kind == Kind::Interrupted => return Ok(()),
            // A member that is away may come back; a line that is wrong stays wrong.
            Err(error) if matches!(error.kind, Kind::Etcd | Kind::Connect | Kind::Remote) => {
                console.show_error(&error);
            }
            Err(error) => return Err(error),
        }
        cancel.at_once(true);
        while !cancel.asked() && Instant::now() < next {
            std::thread::sleep(Duration::from_millis(20));
        }
        if cancel.asked() {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{no_time, split};

    #[test]
    fn a_time_may_stand_before_the_line() {
        assert_eq!(split("2s e get a"), ("2s", "e get a"));
        assert_eq!(split("0.5 hosts(\"a\")"), ("0.5", "hosts(\"a\")"));
        assert_eq!(split("e get 2s"), ("", "e get 2s"));
        assert_eq!(split("1m"), ("1m", ""));
    }

    #[test]
    fn what_looks_like_a_time_is_one() {
        for (text, wanted) in [
            ("1x e get a", Some(("1x", "1s"))),
            ("5sec e get a", Some(("5sec", "5s"))),
            ("e get a", None),
            ("1 + 1", None),
        ] {
            let found = no_time(text);
            let found = found.as_ref().map(|(word, meant)| (*word, meant.as_str()));
            assert_eq!(found, wanted, "{text}");
        }
    }
}
