//! The test `version`: which of two versions is the newer.

use std::cmp::Ordering;

use minijinja::value::{Kwargs, Rest};
use minijinja::{Environment, Value as Jinja};

use super::filter::{Given, Result, text_of, wrong};

pub(super) fn add_all(env: &mut Environment<'static>) {
    for name in ["version", "version_compare"] {
        env.add_test(name, |value: &Jinja, placed: Rest<Jinja>, named: Kwargs| {
            version(value, &Given::new(&placed, &named))
        });
    }
}

fn version(value: &Jinja, given: &Given<'_>) -> Result<bool> {
    let (ours, theirs) = (text_of(value)?, given.text(0, "version", "")?);
    let operator = given.text(1, "operator", "eq")?;
    let strict = given.flag(2, "strict")?;
    let kind = given.text(3, "version_type", if strict { "strict" } else { "loose" })?;
    given.done()?;
    if ours.is_empty() || theirs.is_empty() {
        return Err(wrong("a version to compare is empty"));
    }
    let order = match kind.as_str() {
        "loose" => loose(&ours, &theirs)?,
        "semver" | "semantic" | "strict" => semantic(&ours, &theirs)?,
        other => {
            return Err(wrong(format!(
                "there is no type of version `{other}`: there are loose, semver and strict"
            )));
        }
    };
    Ok(match operator.as_str() {
        "eq" | "==" | "=" => order.is_eq(),
        "ne" | "!=" | "<>" => order.is_ne(),
        "lt" | "<" => order.is_lt(),
        "le" | "<=" => order.is_le(),
        "gt" | ">" => order.is_gt(),
        "ge" | ">=" => order.is_ge(),
        other => {
            return Err(wrong(format!(
                "`{other}` compares no versions: there are ==, !=, <, <=, >, >="
            )));
        }
    })
}

#[derive(Debug, PartialEq)]
enum Part {
    Number(u128),
    Word(String),
}

/// Numbers and words, whatever stands between them.
fn parts(version: &str) -> Vec<Part> {
    let kind = |letter: char| match letter {
        '.' => 0,
        letter if letter.is_ascii_digit() => 1,
        letter if letter.is_ascii_lowercase() => 2,
        _ => 3,
    };
    let mut found: Vec<(u8, String)> = Vec::new();
    for letter in version.chars() {
        match found.last_mut() {
            Some((last, text)) if *last == kind(letter) && *last != 0 => text.push(letter),
            _ => found.push((kind(letter), letter.to_string())),
        }
    }
    let parts = found.into_iter().filter(|(kind, _)| *kind != 0);
    parts
        .map(|(_, text)| text.parse().map_or(Part::Word(text), Part::Number))
        .collect()
}

fn loose(ours: &str, theirs: &str) -> Result<Ordering> {
    let (a, b) = (parts(ours), parts(theirs));
    for (left, right) in a.iter().zip(&b) {
        let order = match (left, right) {
            (Part::Number(left), Part::Number(right)) => left.cmp(right),
            (Part::Word(left), Part::Word(right)) => left.cmp(right),
            _ => {
                return Err(wrong(format!(
                    "versions `{ours}` and `{theirs}` cannot be compared: a number stands where a word does"
                )));
            }
        };
        if order.is_ne() {
            return Ok(order);
        }
    }
    Ok(a.len().cmp(&b.len()))
}

/// Three numbers; one with a pre-release after `-` comes before the one without.
fn semantic(ours: &str, theirs: &str) -> Result<Ordering> {
    let (a, b) = (Semantic::read(ours)?, Semantic::read(theirs)?);
    let order = a.core.cmp(&b.core);
    Ok(
        order.then_with(|| match (a.pre.is_empty(), b.pre.is_empty()) {
            (true, true) => Ordering::Equal,
            (true, false) => Ordering::Greater,
            (false, true) => Ordering::Less,
            (false, false) => pre_releases(a.pre, b.pre),
        }),
    )
}

struct Semantic<'a> {
    core: [u64; 3],
    pre: &'a str,
}

impl Semantic<'_> {
    fn read(text: &str) -> Result<Semantic<'_>> {
        let without_build = text.split('+').next().unwrap_or(text);
        let (core, pre) = without_build.split_once('-').unwrap_or((without_build, ""));
        let numbers: Option<Vec<u64>> = core.split('.').map(|part| part.parse().ok()).collect();
        match numbers.as_deref() {
            Some([major, minor, patch]) => Ok(Semantic {
                core: [*major, *minor, *patch],
                pre,
            }),
            _ => Err(wrong(format!("`{text}` is no version such as 1.2.3"))),
        }
    }
}

fn pre_releases(a: &str, b: &str) -> Ordering {
    let (mut left, mut right) = (a.split('.'), b.split('.'));
    loop {
        let order = match (left.next(), right.next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => Ordering::Less,
            (Some(_), None) => Ordering::Greater,
            (Some(a), Some(b)) => match (a.parse::<u64>(), b.parse::<u64>()) {
                (Ok(a), Ok(b)) => a.cmp(&b),
                (Ok(_), Err(_)) => Ordering::Less,
                (Err(_), Ok(_)) => Ordering::Greater,
                (Err(_), Err(_)) => a.cmp(b),
            },
        };
        if order.is_ne() {
            return order;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_ordered() {
        for (older, newer) in [
            ("3.4.23", "3.4.30"),
            ("3.5", "3.5.1"),
            ("3.9", "3.10"),
            ("1.0a", "1.0b"),
        ] {
            assert_eq!(
                loose(older, newer).unwrap(),
                Ordering::Less,
                "{older} {newer}"
            );
            assert_eq!(
                loose(newer, older).unwrap(),
                Ordering::Greater,
                "{older} {newer}"
            );
        }
        assert!(loose("3.x", "3.1").is_err());
        for (older, newer) in [
            ("3.5.0-rc.1", "3.5.0"),
            ("3.5.0-rc.2", "3.5.0-rc.10"),
            ("3.4.9", "3.5.0-alpha"),
        ] {
            assert_eq!(
                semantic(older, newer).unwrap(),
                Ordering::Less,
                "{older} {newer}"
            );
        }
        assert_eq!(semantic("1.2.3+a", "1.2.3+b").unwrap(), Ordering::Equal);
        assert!(semantic("1.2", "1.2.3").is_err());
    }
}
