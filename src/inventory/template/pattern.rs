//! Filters and tests about regular expressions, which are Python's as far as `regex` has them.

use minijinja::value::{Kwargs, Rest};
use minijinja::{Environment, Error, Value as Jinja};
use regex::{Captures, Regex, RegexBuilder};

use super::filter::{Given, Result, text_of, wrong};

pub(super) fn add_all(env: &mut Environment<'static>) {
    env.add_filter("regex_replace", regex_replace);
    env.add_filter("regex_search", regex_search);
    env.add_filter("regex_findall", regex_findall);
    env.add_filter("regex_escape", |value: &Jinja| {
        Ok::<_, Error>(escaped(&text_of(value)?))
    });
    for name in ["search", "regex"] {
        env.add_test(name, |value: &Jinja, placed: Rest<Jinja>, named: Kwargs| {
            found(value, &Given::new(&placed, &named), false)
        });
    }
    env.add_test(
        "match",
        |value: &Jinja, placed: Rest<Jinja>, named: Kwargs| {
            found(value, &Given::new(&placed, &named), true)
        },
    );
}

fn compiled(pattern: &str, ignore_case: bool, lines: bool) -> Result<Regex> {
    // The end of the text is `\z` here.
    let pattern = pattern.replace(r"\Z", r"\z");
    RegexBuilder::new(&pattern)
        .case_insensitive(ignore_case)
        .multi_line(lines)
        .build()
        .map_err(|error| {
            let text = error.to_string();
            let why = text.lines().last().unwrap_or_default();
            wrong(format!(
                "the pattern `{pattern}` cannot be used: {}",
                why.trim_start_matches("error: ")
            ))
        })
}

fn found(value: &Jinja, given: &Given<'_>, at_start: bool) -> Result<bool> {
    let pattern = given.text(0, "pattern", "")?;
    let regex = compiled(
        &pattern,
        given.flag(1, "ignorecase")?,
        given.flag(2, "multiline")?,
    )?;
    let how = given.text(3, "match_type", "search")?;
    given.done()?;
    let text = text_of(value)?;
    Ok(match (at_start, how.as_str()) {
        (false, "search") => regex.is_match(&text),
        (false, "fullmatch") => at(&regex, &text).is_some_and(|end| end == text.len()),
        _ => at(&regex, &text).is_some(),
    })
}

/// Where the match at the beginning of a text ends.
fn at(regex: &Regex, text: &str) -> Option<usize> {
    let anchored = Regex::new(&format!(r"\A(?:{regex})")).ok();
    // The flags of the pattern are lost in its text, so that the first match decides where they matter.
    let first = regex.find(text).filter(|found| found.start() == 0);
    let end = first.map(|found| found.end());
    end.or_else(|| anchored?.find(text).map(|found| found.end()))
}

#[expect(clippy::needless_pass_by_value, reason = "minijinja gives it by value")]
fn regex_replace(value: &Jinja, placed: Rest<Jinja>, named: Kwargs) -> Result<String> {
    let given = Given::new(&placed, &named);
    let pattern = given.text(0, "pattern", "")?;
    let replacement = given.text(1, "replacement", "")?;
    let regex = compiled(
        &pattern,
        given.flag(2, "ignorecase")?,
        given.flag(3, "multiline")?,
    )?;
    let limit = given.number(4, "count")?.unwrap_or(0);
    let wanted = given.number(5, "mandatory_count")?.unwrap_or(0);
    given.done()?;
    let text = text_of(value)?;
    let mut count = 0;
    let new = regex.replacen(&text, limit, |groups: &Captures<'_>| {
        count += 1;
        filled(&replacement, groups)
    });
    if wanted > 0 && wanted != count {
        return Err(wrong(format!(
            "`{pattern}` should be there {wanted} times, and is there {count} times"
        )));
    }
    Ok(new.into_owned())
}

/// A replacement with its groups, which Python writes as `\1`, `\g<1>` or `\g<name>`.
fn filled(replacement: &str, groups: &Captures<'_>) -> String {
    let mut out = String::new();
    let mut rest = replacement;
    while let Some((before, after)) = rest.split_once('\\') {
        out.push_str(before);
        let digits = after.len() - after.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        if digits > 0 {
            let (number, after) = after.split_at(digits.min(2));
            out.push_str(group(groups, number));
            rest = after;
            continue;
        }
        if let Some((name, after)) = after
            .strip_prefix("g<")
            .and_then(|after| after.split_once('>'))
        {
            out.push_str(group(groups, name));
            rest = after;
            continue;
        }
        let letter = after.chars().next();
        match letter {
            Some('n') => out.push('\n'),
            Some('t') => out.push('\t'),
            Some('\\') => out.push('\\'),
            Some(other) => out.extend(['\\', other]),
            None => out.push('\\'),
        }
        rest = letter.map_or("", |letter| &after[letter.len_utf8()..]);
    }
    out.push_str(rest);
    out
}

fn group<'a>(groups: &'a Captures<'_>, name: &str) -> &'a str {
    let found = match name.parse() {
        Ok(number) => groups.get(number),
        Err(_) => groups.name(name),
    };
    found.map_or("", |found| found.as_str())
}

#[expect(clippy::needless_pass_by_value, reason = "minijinja gives it by value")]
fn regex_search(value: &Jinja, pattern: &str, wanted: Rest<Jinja>, named: Kwargs) -> Result<Jinja> {
    let given = Given::new(&wanted, &named);
    let regex = compiled(
        pattern,
        given.flag(9, "ignorecase")?,
        given.flag(9, "multiline")?,
    )?;
    given.done()?;
    let text = text_of(value)?;
    let Some(groups) = regex.captures(&text) else {
        return Ok(Jinja::from(()));
    };
    if wanted.is_empty() {
        return Ok(Jinja::from(group(&groups, "0")));
    }
    let names = wanted.iter().map(|name| {
        let name = text_of(name)?;
        let bare = name
            .strip_prefix("\\g<")
            .and_then(|name| name.strip_suffix('>'));
        let bare = bare.or_else(|| name.strip_prefix('\\'));
        let bare = bare.ok_or_else(|| wrong(format!("`{name}` is no group: write '\\\\1'")))?;
        Ok(Jinja::from(group(&groups, bare)))
    });
    names.collect::<Result<Vec<Jinja>>>().map(Jinja::from)
}

#[expect(clippy::needless_pass_by_value, reason = "minijinja gives it by value")]
fn regex_findall(
    value: &Jinja,
    pattern: &str,
    placed: Rest<Jinja>,
    named: Kwargs,
) -> Result<Jinja> {
    let given = Given::new(&placed, &named);
    let (lines, ignore_case) = (given.flag(0, "multiline")?, given.flag(1, "ignorecase")?);
    given.done()?;
    let regex = compiled(pattern, ignore_case, lines)?;
    let text = text_of(value)?;
    let all = regex.captures_iter(&text).map(|groups| match groups.len() {
        1 | 2 => Jinja::from(
            groups
                .get(groups.len() - 1)
                .map_or("", |found| found.as_str()),
        ),
        _ => {
            let parts = groups.iter().skip(1);
            parts
                .map(|part| Jinja::from(part.map_or("", |part| part.as_str())))
                .collect()
        }
    });
    Ok(all.collect::<Vec<Jinja>>().into())
}

fn escaped(text: &str) -> String {
    let special = |letter: char| "()[]{}?*+-|^$\\.&~# \t\n\r\u{b}\u{c}".contains(letter);
    let mut out = String::new();
    for letter in text.chars() {
        if special(letter) {
            out.push('\\');
        }
        out.push(letter);
    }
    out
}
