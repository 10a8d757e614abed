//! What a line asks to watch: keys by words or by variables, and the command for each event. Pure but for the variables.

use crate::etcd::{Watched, prefix_end};
use crate::etcdctl::Style;
use crate::etcdctl::failure::{Failure, Outcome};
use crate::etcdctl::form::go;
use crate::etcdctl::line::flag::Values;

pub(super) const BAD_ARGUMENTS: &str = "bad number of arguments";
const CONFLICT: &str = "bad number of arguments (found conflicting environment key)";
const NO_COMMAND: &str = "bad number of arguments (found separator --, but no commands)";

/// Key and end of the range, given by variables.
#[derive(Default)]
pub(super) struct Environment(pub(super) Vec<Vec<u8>>);

impl Environment {
    pub(super) fn of(style: &Style) -> Outcome<Environment> {
        let (key, end) = (
            style.variable("ETCDCTL_WATCH_KEY"),
            style.variable("ETCDCTL_WATCH_RANGE_END"),
        );
        if let (None, Some(end)) = (&key, &end) {
            return Err(Failure::arguments(format!(
                "ETCDCTL_WATCH_KEY is empty but got ETCDCTL_WATCH_RANGE_END={}",
                go::quote(end.as_bytes())
            )));
        }
        Ok(Environment(
            [key, end]
                .into_iter()
                .flatten()
                .map(String::into_bytes)
                .collect(),
        ))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Words in front of `--` and the command after it.
pub(super) struct Words {
    pub(super) command: Vec<Vec<u8>>,
    pub(super) keys: Vec<Vec<u8>>,
}

impl Words {
    pub(super) fn split(values: &Values, mut words: Vec<Vec<u8>>) -> Words {
        let command = words.split_off(values.before_dashes.unwrap_or(words.len()));
        Words {
            command,
            keys: words,
        }
    }

    /// Neither a command where `--` is, nor keys in two places.
    pub(super) fn check(
        &self,
        values: &Values,
        environment: &Environment,
        interactive: bool,
    ) -> Result<(), &'static str> {
        let dashes = values.before_dashes.is_some();
        if dashes && self.command.is_empty() {
            return Err(NO_COMMAND);
        }
        if environment.is_empty() {
            return if interactive && !dashes && self.keys.is_empty() {
                Err(BAD_ARGUMENTS)
            } else {
                Ok(())
            };
        }
        // On a line with a command etcdctl does not look.
        if self.keys.is_empty() || interactive && dashes {
            Ok(())
        } else {
            Err(CONFLICT)
        }
    }
}

/// What is to be watched.
pub(super) fn watched(
    values: &Values,
    environment: &Environment,
    keys: &[Vec<u8>],
) -> Result<Watched, &'static str> {
    let flag = |name| values.given(name).and_then(go::parse_bool).unwrap_or(false);
    let keys: Vec<&Vec<u8>> = environment.0.iter().chain(keys).collect();
    let mut key = keys.first().copied().ok_or(BAD_ARGUMENTS)?.clone();
    let mut end = Vec::new();
    if keys.len() == 2 {
        if flag("prefix") {
            return Err("`range_end` and `--prefix` are mutually exclusive");
        }
        end.clone_from(keys[1]);
    } else if flag("prefix") {
        end = if key.is_empty() {
            vec![0]
        } else {
            prefix_end(&key)
        };
        if key.is_empty() {
            key = vec![0];
        }
    }
    let revision = values
        .given("rev")
        .and_then(|text| go::parse_int(text, 0).ok())
        .unwrap_or(0);
    Ok(Watched {
        end,
        key,
        prev_kv: flag("prev-kv"),
        progress_notify: flag("progress-notify"),
        revision,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::etcdctl::line::flag::{self, Flag};
    use crate::etcdctl::line::words;
    use crate::etcdctl::verb::watch::FLAGS;

    fn read(line: &str, environment: &[&str], interactive: bool) -> Result<String, String> {
        let words = words::split(line.as_bytes()).unwrap();
        let flags: Vec<&'static Flag> = FLAGS.iter().collect();
        let (values, words) = flag::parse(&words, &flags).unwrap();
        let environment = Environment(
            environment
                .iter()
                .map(|word| word.as_bytes().to_vec())
                .collect(),
        );
        let words = Words::split(&values, words);
        words.check(&values, &environment, interactive)?;
        let watched = watched(&values, &environment, &words.keys)?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ok(format!(
            "{}..{} @{} {}",
            text(&watched.key),
            text(&watched.end),
            watched.revision,
            words.command.len()
        ))
    }

    #[test]
    fn keys_and_commands_are_told_apart() {
        for (line, environment, interactive, wanted) in [
            ("k", &[][..], false, Ok("k.. @0 0")),
            ("k --rev 5 kz", &[], false, Ok("k..kz @5 0")),
            ("--prefix k", &[], false, Ok("k..l @0 0")),
            ("--prefix \"\"", &[], false, Ok("\0..\0 @0 0")),
            ("a b c", &[], false, Ok("a.. @0 0")),
            ("k --rev 5 -- echo --rev x", &[], false, Ok("k.. @5 3")),
            ("k -- k k", &[], false, Ok("k.. @0 2")),
            ("k --", &[], false, Err(NO_COMMAND)),
            (
                "a b --prefix",
                &[],
                false,
                Err("`range_end` and `--prefix` are mutually exclusive"),
            ),
            ("-- echo", &[], true, Err(BAD_ARGUMENTS)),
            ("--rev 2", &[], true, Err(BAD_ARGUMENTS)),
            ("--rev 2", &["k", "kz"], false, Ok("k..kz @2 0")),
            ("-- echo", &["k"], false, Ok("k.. @0 1")),
            ("a", &["k"], false, Err(CONFLICT)),
            ("a -- echo", &["k"], false, Err(CONFLICT)),
            ("a -- echo", &["k"], true, Ok("k..a @0 1")),
        ] {
            assert_eq!(
                read(line, environment, interactive),
                wanted.map(str::to_string).map_err(str::to_string),
                "{line}"
            );
        }
    }
}
