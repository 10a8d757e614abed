//! Host names as an inventory may write them: ranges, ports, IPv6 in brackets.

use std::sync::LazyLock;

use regex::Regex;

/// The largest number of hosts one pattern may stand for.
const HOSTS: usize = 100_000;

/// A host pattern of an inventory: its names, and the port when one is written.
pub(super) fn expand(pattern: &str) -> Result<(Vec<String>, Option<i64>), String> {
    let (name, port) = split_port(pattern, true).unwrap_or((pattern.to_string(), None));
    let mut names = Vec::new();
    expand_ranges(&name, &mut names)?;
    Ok((names, port))
}

/// Name and port when the text is an address; `None` when it is not one.
pub(super) fn split_port(text: &str, ranges: bool) -> Option<(String, Option<i64>)> {
    static BRACKETED: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"^\[(.+)\]:([0-9]+)$").ok());
    static PLAIN: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"^((?:[^:\[\]]|\[[^\]]*\])*):([0-9]+)$").ok());
    let mut name = text.to_string();
    let mut port = None;
    for form in [&BRACKETED, &PLAIN] {
        let Some(found) = form.as_ref().and_then(|form| form.captures(&name)) else {
            continue;
        };
        port = Some(found[2].parse::<i64>().ok()?);
        name = found[1].to_string();
    }
    let good = is_address(&name) && (ranges || !name.contains('['));
    good.then_some((name, port))
}

fn is_address(text: &str) -> bool {
    is_ipv4(text) || is_ipv6(text) || is_host_name(text)
}

/// Cut a text at a separator, but not inside a `[a:b]` range.
fn outside_ranges(text: &str, separator: char) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut start, mut depth) = (0, 0usize);
    for (byte, letter) in text.char_indices() {
        match letter {
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            _ if letter == separator && depth == 0 => {
                parts.push(&text[start..byte]);
                start = byte + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

fn range_of(part: &str, accept: fn(u8) -> bool) -> bool {
    let Some(inner) = part
        .strip_prefix('[')
        .and_then(|part| part.strip_suffix(']'))
    else {
        return false;
    };
    let bounds: Vec<&str> = inner.split(':').collect();
    let filled = |text: &&str, accept: fn(u8) -> bool| !text.is_empty() && text.bytes().all(accept);
    match bounds.as_slice() {
        [begin, end] => filled(begin, accept) && filled(end, accept),
        [begin, end, step] => {
            filled(begin, accept)
                && filled(end, accept)
                && filled(step, |byte| byte.is_ascii_digit())
        }
        _ => false,
    }
}

fn numeric(byte: u8) -> bool {
    byte.is_ascii_digit()
}

pub(super) fn is_ipv4(text: &str) -> bool {
    let parts = outside_ranges(text, '.');
    parts.len() == 4
        && parts
            .iter()
            .all(|part| is_octet(part) || range_of(part, numeric))
}

fn is_octet(part: &str) -> bool {
    (1..=3).contains(&part.len())
        && part.bytes().all(numeric)
        && part.parse::<u16>().is_ok_and(|number| number < 256)
}

pub(super) fn is_ipv6(text: &str) -> bool {
    let component = |part: &&str| {
        ((1..=4).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_hexdigit()))
            || range_of(part, |byte| byte.is_ascii_hexdigit())
    };
    if !text.contains(':') {
        return false;
    }
    if let Some((head, tail)) = text.rsplit_once(':')
        && tail.contains('.')
        && is_ipv4(tail)
    {
        return is_ipv6(&format!("{head}:0:0"));
    }
    match text.find("::") {
        Some(byte) => {
            let (head, tail) = (&text[..byte], &text[byte + 2..]);
            let count = |text: &str| {
                if text.is_empty() {
                    0
                } else {
                    outside_ranges(text, ':').len()
                }
            };
            let good =
                |text: &str| text.is_empty() || outside_ranges(text, ':').iter().all(component);
            good(head) && good(tail) && count(head) + count(tail) <= 7
        }
        None => {
            let parts = outside_ranges(text, ':');
            parts.len() == 8 && parts.iter().all(component)
        }
    }
}

fn is_host_name(text: &str) -> bool {
    outside_ranges(text, '.').into_iter().all(is_label)
}

/// One part of a host name: letters, digits and ranges, `-` and `_` but not at its ends.
fn is_label(label: &str) -> bool {
    let mut rest = label;
    let mut plain = String::new();
    while let Some(start) = rest.find('[') {
        let Some(end) = rest[start..].find(']').map(|end| start + end + 1) else {
            return false;
        };
        if !is_label_range(&rest[start..end]) {
            return false;
        }
        plain.push_str(&rest[..start]);
        plain.push('0');
        rest = &rest[end..];
    }
    plain.push_str(rest);
    let word = |letter: char| letter.is_alphanumeric() || letter == '_';
    plain.chars().next().is_some_and(word)
        && !plain.ends_with(['-', '_'])
        && plain.chars().all(|letter| word(letter) || letter == '-')
}

fn is_label_range(part: &str) -> bool {
    let inner = part.trim_matches(['[', ']']);
    let bounds: Vec<&str> = inner.split(':').collect();
    let letter =
        |text: &&str| text.len() == 1 && text.bytes().all(|byte| byte.is_ascii_alphabetic());
    let letters = match bounds.as_slice() {
        [begin, end] => letter(begin) && letter(end),
        [begin, end, step] => {
            letter(begin) && letter(end) && !step.is_empty() && step.bytes().all(numeric)
        }
        _ => false,
    };
    letters || range_of(part, numeric)
}

fn expand_ranges(name: &str, names: &mut Vec<String>) -> Result<(), String> {
    let Some(start) = name.find('[') else {
        names.push(name.to_string());
        return if names.len() > HOSTS {
            Err(format!("more than {HOSTS} hosts"))
        } else {
            Ok(())
        };
    };
    let end = name[start..]
        .find(']')
        .map(|end| start + end)
        .ok_or("the bracket `[` is never closed")?;
    let (head, tail) = (&name[..start], &name[end + 1..]);
    for middle in sequence(&name[start + 1..end])? {
        expand_ranges(&format!("{head}{middle}{tail}"), names)?;
    }
    Ok(())
}

/// What `01:10:2` or `a:f` counts through.
fn sequence(range: &str) -> Result<Vec<String>, String> {
    let bounds: Vec<&str> = range.split(':').collect();
    let (begin, end, step) = match bounds.as_slice() {
        [begin, end] => (*begin, *end, "1"),
        [begin, end, step] => (*begin, *end, *step),
        _ => {
            return Err(format!(
                "`[{range}]` is not a range; write `[first:last]` or `[first:last:step]`"
            ));
        }
    };
    let begin = if begin.is_empty() { "0" } else { begin };
    if end.is_empty() {
        return Err(format!("the range `[{range}]` has no end"));
    }
    let padded = begin.len() > 1 && begin.starts_with('0');
    if padded && begin.len() != end.len() {
        return Err(format!(
            "the range `[{range}]` needs as many digits at its end as at its begin"
        ));
    }
    let step: usize = step
        .parse()
        .ok()
        .filter(|step| *step > 0)
        .ok_or(format!("`{step}` is not a step"))?;
    if let (Some(first), Some(last)) = (letter_index(begin), letter_index(end)) {
        if first > last {
            return Err(format!("the range `[{range}]` runs backwards"));
        }
        return Ok(LETTERS[first..=last]
            .chars()
            .step_by(step)
            .map(String::from)
            .collect());
    }
    let number = |text: &str| {
        text.parse::<u64>()
            .map_err(|_| format!("`{text}` is not a number in the range `[{range}]`"))
    };
    let (first, last) = (number(begin)?, number(end)?);
    if last.saturating_sub(first) / step as u64 > HOSTS as u64 {
        return Err(format!("the range `[{range}]` is more than {HOSTS} hosts"));
    }
    let width = if padded { begin.len() } else { 0 };
    Ok((first..=last)
        .step_by(step)
        .map(|number| format!("{number:0width$}"))
        .collect())
}

const LETTERS: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

fn letter_index(text: &str) -> Option<usize> {
    LETTERS.find(text).filter(|_| text.len() == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(pattern: &str) -> String {
        match expand(pattern) {
            Ok((names, None)) => names.join(" "),
            Ok((names, Some(port))) => format!("{} port {port}", names.join(" ")),
            Err(why) => format!("error: {why}"),
        }
    }

    #[test]
    fn patterns_expand() {
        for (pattern, expected) in [
            ("db", "db"),
            ("db:2222", "db port 2222"),
            ("[fe80::1]:22", "fe80::1 port 22"),
            ("fe80::1", "fe80::1"),
            ("db[1:3]", "db1 db2 db3"),
            ("db[:2]", "db0 db1 db2"),
            ("db[08:12:2]x:22", "db08x db10x db12x port 22"),
            ("n[a:c]-[1:2]", "na-1 na-2 nb-1 nb-2 nc-1 nc-2"),
            ("[x:B]", "x y z A B"),
            ("10.0.0.[1:2]", "10.0.0.1 10.0.0.2"),
            ("10.0.0.1:22", "10.0.0.1 port 22"),
            ("a:b", "a:b"),
            ("db[5:3]", ""),
            ("db[1:]", "error: the range `[1:]` has no end"),
            (
                "db[01:100]",
                "error: the range `[01:100]` needs as many digits at its end as at its begin",
            ),
            (
                "db[1]",
                "error: `[1]` is not a range; write `[first:last]` or `[first:last:step]`",
            ),
            ("db[c:a]", "error: the range `[c:a]` runs backwards"),
            ("db[1:9:0]", "error: `0` is not a step"),
            ("db[1:3", "error: the bracket `[` is never closed"),
        ] {
            assert_eq!(names(pattern), expected, "{pattern}");
        }
    }

    #[test]
    fn addresses_are_told_apart() {
        for text in [
            "::1",
            "fe80::1",
            "1:2:3:4:5:6:7:8",
            "::ffff:192.0.2.3",
            "fe80::",
            "::",
        ] {
            assert!(is_ipv6(text), "{text}");
        }
        for text in ["1:2:3", "fe80:::1", "a::b::c", "12345::", "db:22"] {
            assert!(!is_ipv6(text), "{text}");
        }
        assert!(is_ipv4("10.10.10.10") && !is_ipv4("10.10.10.256") && !is_ipv4("10.10.10"));
        assert!(
            is_host_name("pg-meta-1.example.com") && !is_host_name("-a") && !is_host_name("a b")
        );
    }
}
