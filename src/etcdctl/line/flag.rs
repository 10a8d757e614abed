//! The command line, read as cobra and pflag read it: flags anywhere, `--` ends them, unambiguous prefixes of commands.

use crate::etcdctl::failure::{ERROR, Failure, Outcome};
use crate::etcdctl::form::go;
use crate::etcdctl::line::csv;
use crate::etcdctl::verb::Since;

/// What a flag takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `--flag` or `--flag=false`; the next word is never its value.
    Bool,
    Duration,
    Int,
    /// Comma lists; repeats append.
    List,
    Text,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Flag {
    pub(crate) about: &'static str,
    pub(crate) default: &'static str,
    pub(crate) kind: Kind,
    pub(crate) name: &'static str,
    pub(crate) short: Option<char>,
    pub(crate) since: Since,
}

impl Flag {
    pub(crate) const fn new(
        name: &'static str,
        kind: Kind,
        default: &'static str,
        about: &'static str,
    ) -> Flag {
        Flag {
            about,
            default,
            kind,
            name,
            short: None,
            since: Since::Always,
        }
    }

    pub(crate) const fn bool(name: &'static str, about: &'static str) -> Flag {
        Flag::new(name, Kind::Bool, "false", about)
    }

    pub(crate) const fn int(
        name: &'static str,
        default: &'static str,
        about: &'static str,
    ) -> Flag {
        Flag::new(name, Kind::Int, default, about)
    }

    pub(crate) const fn text(
        name: &'static str,
        default: &'static str,
        about: &'static str,
    ) -> Flag {
        Flag::new(name, Kind::Text, default, about)
    }

    pub(crate) const fn short(mut self, letter: char) -> Flag {
        self.short = Some(letter);
        self
    }

    /// etcdctl does not have it.
    pub(crate) const fn native(self) -> Flag {
        self.since(Since::Native)
    }

    pub(crate) const fn since(mut self, since: Since) -> Flag {
        self.since = since;
        self
    }

    /// As messages name it.
    fn title(&self) -> String {
        match self.short {
            Some(letter) => format!("-{letter}, --{}", self.name),
            None => format!("--{}", self.name),
        }
    }

    fn check(&self, value: &str) -> Result<(), String> {
        match self.kind {
            Kind::Bool => go::parse_bool(value).map(|_| ()).ok_or_else(|| {
                format!(
                    "strconv.ParseBool: parsing {}: invalid syntax",
                    go::quote(value.as_bytes())
                )
            }),
            Kind::Duration => go::parse_duration(value).map(|_| ()),
            Kind::Int => go::parse_int(value, 0).map(|_| ()),
            Kind::List => csv::record(value).map(|_| ()),
            Kind::Text => Ok(()),
        }
    }
}

pub(crate) const HELP: Flag = Flag::bool("help", "show this page").short('h');

/// The values that were given. Defaults are the flags' own.
#[derive(Clone, Debug, Default)]
pub(crate) struct Values {
    /// How many words stood before `--`, when it was there.
    pub(crate) before_dashes: Option<usize>,
    given: Vec<(&'static Flag, String)>,
}

impl Values {
    /// The value that counts: the last one.
    pub(crate) fn given(&self, name: &str) -> Option<&str> {
        self.given
            .iter()
            .rev()
            .find(|(flag, _)| flag.name == name)
            .map(|(_, value)| value.as_str())
    }

    pub(crate) fn set(&mut self, flag: &'static Flag, value: &str) -> Result<(), String> {
        flag.check(value)?;
        self.given.push((flag, value.to_string()));
        Ok(())
    }

    /// All values of a list, in order.
    pub(crate) fn list(&self, name: &str) -> Vec<String> {
        self.given
            .iter()
            .filter(|(flag, _)| flag.name == name)
            .flat_map(|(_, value)| csv::record(value).unwrap_or_default())
            .collect()
    }
}

/// Read the words after the command: what is a flag goes into `values`, the rest are its arguments.
pub(crate) fn parse(words: &[Vec<u8>], flags: &[&'static Flag]) -> Outcome<(Values, Vec<Vec<u8>>)> {
    let mut values = Values::default();
    let mut rest = words.iter();
    let mut plain = Vec::new();
    while let Some(word) = rest.next() {
        if word.len() < 2 || word[0] != b'-' {
            plain.push(word.clone());
            continue;
        }
        if word == b"--" {
            values.before_dashes = Some(plain.len());
            plain.extend(rest.cloned());
            break;
        }
        let text = String::from_utf8_lossy(word).into_owned();
        if let Some(long) = text.strip_prefix("--") {
            long_flag(&text, long, flags, &mut values, &mut rest)?;
        } else {
            short_flags(&text, flags, &mut values, &mut rest)?;
        }
    }
    Ok((values, plain))
}

type Rest<'a> = std::slice::Iter<'a, Vec<u8>>;

fn next(rest: &mut Rest<'_>) -> Option<String> {
    rest.next()
        .map(|word| String::from_utf8_lossy(word).into_owned())
}

fn long_flag(
    word: &str,
    long: &str,
    flags: &[&'static Flag],
    values: &mut Values,
    rest: &mut Rest<'_>,
) -> Outcome {
    if long.starts_with(['-', '=']) {
        return Err(Failure::new(ERROR, format!("bad flag syntax: {word}")));
    }
    let (name, value) = long.split_once('=').map_or((long, None), |(name, value)| {
        (name, Some(value.to_string()))
    });
    let Some(flag) = flags.iter().find(|flag| flag.name == name) else {
        return Err(Failure::new(ERROR, format!("unknown flag: --{name}")));
    };
    let value = match value {
        Some(value) => value,
        None if flag.kind == Kind::Bool => "true".into(),
        None => next(rest)
            .ok_or_else(|| Failure::new(ERROR, format!("flag needs an argument: --{name}")))?,
    };
    set(flag, &value, values)
}

fn short_flags(
    word: &str,
    flags: &[&'static Flag],
    values: &mut Values,
    rest: &mut Rest<'_>,
) -> Outcome {
    let letters = &word[1..];
    for (place, letter) in letters.char_indices() {
        // Those of the command stand after those of every command, and win.
        let known = flags.iter().rev();
        let Some(flag) = known.clone().find(|flag| flag.short == Some(letter)) else {
            return Err(Failure::new(
                ERROR,
                format!(
                    "unknown shorthand flag: '{letter}' in -{}",
                    &letters[place..]
                ),
            ));
        };
        let after = &letters[place + letter.len_utf8()..];
        if let Some(value) = after.strip_prefix('=').filter(|value| !value.is_empty()) {
            return set(flag, value, values);
        }
        if flag.kind == Kind::Bool {
            set(flag, "true", values)?;
            continue;
        }
        if !after.is_empty() {
            return set(flag, after, values);
        }
        let value = next(rest).ok_or_else(|| {
            Failure::new(
                ERROR,
                format!(
                    "flag needs an argument: '{letter}' in -{}",
                    &letters[place..]
                ),
            )
        })?;
        return set(flag, &value, values);
    }
    Ok(())
}

fn set(flag: &'static Flag, value: &str, values: &mut Values) -> Outcome {
    values.set(flag, value).map_err(|why| {
        Failure::new(
            ERROR,
            format!(
                "invalid argument {} for \"{}\" flag: {why}",
                go::quote(value.as_bytes()),
                flag.title()
            ),
        )
    })
}

/// The words that are not flags, with their places, as they look before the command is known.
///
/// A flag that is not known yet takes the next word along: so cobra finds commands.
pub(crate) fn first_word(words: &[Vec<u8>], flags: &[&'static Flag]) -> Option<usize> {
    let mut place = 0;
    while place < words.len() {
        let word = &words[place];
        if word == b"--" {
            return None;
        }
        let alone = |name: &str| {
            flags
                .iter()
                .any(|flag| flag.name == name && flag.kind == Kind::Bool)
        };
        let alone_short = |letter: u8| {
            flags
                .iter()
                .any(|flag| flag.short == Some(letter as char) && flag.kind == Kind::Bool)
        };
        if word.starts_with(b"--") && !word.contains(&b'=') {
            place += if alone(&String::from_utf8_lossy(&word[2..])) {
                1
            } else {
                2
            };
        } else if word.len() == 2 && word[0] == b'-' && word[1] != b'=' {
            place += if alone_short(word[1]) { 1 } else { 2 };
        } else if word.is_empty() || word[0] == b'-' {
            place += 1;
        } else {
            return Some(place);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const FLAGS: &[&Flag] = &[
        &HELP,
        &Flag::bool("prefix", ""),
        &Flag::int("limit", "0", ""),
        &Flag::text("write-out", "simple", "").short('w'),
        &Flag::new("endpoints", Kind::List, "", ""),
    ];

    fn read(line: &str) -> Result<(Values, String), String> {
        let words: Vec<Vec<u8>> = line
            .split(' ')
            .map(|word| word.as_bytes().to_vec())
            .collect();
        let (values, plain) = parse(&words, FLAGS).map_err(|failure| failure.text().to_string())?;
        Ok((
            values,
            plain
                .iter()
                .map(|word| String::from_utf8_lossy(word).into_owned())
                .collect::<Vec<_>>()
                .join(" "),
        ))
    }

    #[test]
    fn the_letter_of_the_command_wins() {
        let general = Flag::text("inventory", "", "").short('i');
        let own = Flag::bool("interactive", "").short('i');
        let flags: [&'static Flag; 2] = [Box::leak(Box::new(general)), Box::leak(Box::new(own))];
        let words = [b"-i".to_vec(), b"a".to_vec()];
        let (values, plain) = parse(&words, &flags).unwrap();
        assert_eq!(values.given("interactive"), Some("true"));
        assert_eq!((values.given("inventory"), plain.len()), (None, 1));
        let (values, _) = parse(&words, &flags[..1]).unwrap();
        assert_eq!(values.given("inventory"), Some("a"));
    }

    #[test]
    fn flags_stand_anywhere() {
        let (values, plain) =
            read("a --prefix -w json b --limit 0x10 --endpoints=x,y --endpoints z -- --prefix")
                .unwrap();
        assert_eq!(plain, "a b --prefix");
        assert_eq!(
            (
                values.given("prefix"),
                values.given("write-out"),
                values.given("limit")
            ),
            (Some("true"), Some("json"), Some("0x10"))
        );
        assert_eq!(values.list("endpoints"), ["x", "y", "z"]);
        for line in ["-wjson", "-w=json", "-w json"] {
            assert_eq!(read(line).unwrap().0.given("write-out"), Some("json"));
        }
        assert_eq!(read("--prefix false").unwrap().1, "false");
        assert_eq!(read("-").unwrap().1, "-");
    }

    #[test]
    fn mistakes_are_worded_as_by_pflag() {
        for (line, wanted) in [
            ("--bogus", "unknown flag: --bogus"),
            ("--bogus=1", "unknown flag: --bogus"),
            ("-xw", "unknown shorthand flag: 'x' in -xw"),
            ("--limit", "flag needs an argument: --limit"),
            ("-w", "flag needs an argument: 'w' in -w"),
            (
                "--limit=x",
                r#"invalid argument "x" for "--limit" flag: strconv.ParseInt: parsing "x": invalid syntax"#,
            ),
            (
                "--prefix=maybe",
                r#"invalid argument "maybe" for "--prefix" flag: strconv.ParseBool: parsing "maybe": invalid syntax"#,
            ),
            ("--=x", "bad flag syntax: --=x"),
        ] {
            assert_eq!(read(line).err().as_deref(), Some(wanted), "{line}");
        }
    }
}
