//! Host patterns: `etcd`, `pg-*`, `a,&b,!c`, `~regex`, `g[0:2]`, `@file`.

use std::collections::HashSet;

use regex::Regex;

use super::{Inventory, LOCALHOST, address, load};
use crate::error::{Error, Result, nearest};

impl Inventory {
    /// The hosts of a pattern, in the order Ansible runs them.
    ///
    /// A name or a glob that matches nothing is an error; an intersection may be empty.
    pub fn select(&self, pattern: &str) -> Result<Vec<String>> {
        self.evaluate(&parts_of(pattern)?)
    }

    /// The hosts of a pattern that are in `limit` too, in the order of the pattern.
    pub fn select_with_limit(&self, pattern: &str, limit: Option<&str>) -> Result<Vec<String>> {
        let mut hosts = self.select(pattern)?;
        if let Some(limit) = limit {
            let allowed: HashSet<String> = self.select(limit)?.into_iter().collect();
            hosts.retain(|host| allowed.contains(host));
        }
        Ok(hosts)
    }

    fn evaluate(&self, parts: &[String]) -> Result<Vec<String>> {
        let with = |mark: char| parts.iter().filter_map(move |part| part.strip_prefix(mark));
        let mut plain: Vec<&str> = parts
            .iter()
            .map(String::as_str)
            .filter(|part| !part.starts_with(['&', '!']))
            .collect();
        if plain.is_empty() {
            plain.push("all");
        }
        let mut hosts: Vec<String> = Vec::new();
        for part in plain {
            let more = self.matching(part)?;
            hosts.extend(more);
        }
        for part in with('&') {
            let kept: HashSet<String> = self.matching(part)?.into_iter().collect();
            hosts.retain(|host| kept.contains(host));
        }
        for part in with('!') {
            let gone: HashSet<String> = self.matching(part)?.into_iter().collect();
            hosts.retain(|host| !gone.contains(host));
        }
        let mut seen = HashSet::new();
        hosts.retain(|host| seen.insert(host.clone()));
        Ok(hosts)
    }

    /// The hosts of one part, with repetitions: a subscript counts them, as Ansible's does.
    fn matching(&self, part: &str) -> Result<Vec<String>> {
        if self.has_host(part) {
            return Ok(vec![part.to_string()]);
        }
        let (name, subscript) = subscript_of(part);
        let hosts = self.enumerate(name)?;
        let Some(subscript) = subscript.filter(|_| !hosts.is_empty()) else {
            return Ok(hosts);
        };
        let count = hosts.len();
        subscript.apply(hosts).ok_or_else(|| {
            Error::config(format!("host pattern `{part}` matches nothing"))
                .because(format!("`{name}` has {count} hosts, counted from 0"))
        })
    }

    fn enumerate(&self, name: &str) -> Result<Vec<String>> {
        let matcher = matcher(name)?;
        let groups: Vec<&str> = self
            .groups()
            .filter(|group| matcher.is_match(group))
            .collect();
        let mut hosts: Vec<String> = groups
            .iter()
            .flat_map(|group| self.group_hosts(group))
            .collect();
        if groups.is_empty() || name.starts_with('~') || name.contains(['.', '?', '*', '[']) {
            hosts.extend(
                self.hosts
                    .keys()
                    .filter(|host| matcher.is_match(host))
                    .cloned(),
            );
        }
        if hosts.is_empty() && LOCALHOST.contains(&name) {
            hosts.push(name.to_string());
        }
        if hosts.is_empty() && groups.is_empty() {
            return Err(self.unknown(name));
        }
        Ok(hosts)
    }

    fn unknown(&self, name: &str) -> Box<Error> {
        let is_plain = !name.starts_with('~') && !name.contains(['?', '*', '[']);
        if !is_plain {
            return Error::config(format!(
                "host pattern `{name}` matches no group and no host"
            ));
        }
        let error = Error::config(format!("no group or host is called `{name}`"));
        // `etcd-3` is no slip for `etcd`: that would be all of them in the place of one.
        let is_longer = |known: &&str| !name.starts_with(&format!("{known}-"));
        let known = self.groups().chain(self.hosts.keys().map(String::as_str));
        match nearest(name, known.filter(is_longer)) {
            Some(near) => error.hint(format!("did you mean `{near}`?")),
            None => error,
        }
    }
}

enum Subscript {
    One(i64),
    Range(usize, Option<usize>),
}

impl Subscript {
    fn apply(&self, mut hosts: Vec<String>) -> Option<Vec<String>> {
        match self {
            Subscript::One(index) => {
                let count = i64::try_from(hosts.len()).ok()?;
                let index = if *index < 0 { index + count } else { *index };
                let index = usize::try_from(index)
                    .ok()
                    .filter(|index| *index < hosts.len())?;
                Some(vec![hosts.swap_remove(index)])
            }
            // Ansible takes an end of 0 for no end at all, and then only the first host counts.
            Subscript::Range(first, Some(0)) => hosts.get(*first).map(|host| vec![host.clone()]),
            Subscript::Range(first, last) => {
                let end = last.map_or(hosts.len(), |last| hosts.len().min(last + 1));
                (*first < end).then(|| hosts[*first..end].to_vec())
            }
        }
    }
}

/// `g[1]`, `g[-1]`, `g[0:2]`, `g[1:]`; anything else in brackets belongs to a glob.
fn subscript_of(part: &str) -> (&str, Option<Subscript>) {
    let whole = (part, None);
    if part.starts_with('~') {
        return whole;
    }
    let Some((name, inner)) = part
        .strip_suffix(']')
        .and_then(|part| part.rsplit_once('['))
    else {
        return whole;
    };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let subscript = match inner.split_once([':', '-']) {
        Some(("", last)) if inner.starts_with('-') && digits(last) => {
            inner.parse().ok().map(Subscript::One)
        }
        Some((first, "")) if digits(first) => first
            .parse()
            .ok()
            .map(|first| Subscript::Range(first, None)),
        Some((first, last)) if digits(first) && digits(last) => first
            .parse()
            .ok()
            .zip(last.parse().ok())
            .map(|(first, last)| Subscript::Range(first, Some(last))),
        None if digits(inner) => inner.parse().ok().map(Subscript::One),
        _ => None,
    };
    match subscript.filter(|_| !name.is_empty()) {
        Some(subscript) => (name, Some(subscript)),
        None => whole,
    }
}

/// The parts of a pattern, those of `@file` among them. A pattern without one is an error: it must not mean "all".
pub fn parts_of(pattern: &str) -> Result<Vec<String>> {
    let mut parts = Vec::new();
    for part in split(pattern) {
        match part.strip_prefix('@') {
            Some(file) => parts.extend(lines_of(file)?),
            None => parts.push(part),
        }
    }
    if parts.is_empty() {
        return Err(
            Error::config(format!("the host pattern `{pattern}` names no host"))
                .because("it may come from a variable that is not set; `all` names all of them"),
        );
    }
    Ok(parts)
}

/// Parts at commas; without a comma at colons, unless the whole is an address or a range.
fn split(pattern: &str) -> Vec<String> {
    let parts: Vec<String> = if pattern.contains(',') {
        pattern.split(',').map(str::to_string).collect()
    } else if address::split_port(pattern, true).is_some() || pattern.starts_with('@') {
        vec![pattern.to_string()]
    } else {
        at_colons(pattern)
    };
    parts
        .iter()
        .map(|part| part.trim().to_string())
        .filter(|part| !part.is_empty())
        .collect()
}

fn at_colons(pattern: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut depth = 0usize;
    for letter in pattern.chars() {
        match letter {
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        match parts.last_mut() {
            Some(part) if depth > 0 || !(letter == ':' || letter.is_whitespace()) => {
                part.push(letter);
            }
            _ => parts.push(String::new()),
        }
    }
    parts
}

/// A file of patterns, one a line: what `--limit @hosts.retry` names.
fn lines_of(file: &str) -> Result<Vec<String>> {
    let path = load::expand_home(file);
    if !path.exists() {
        return Err(Error::config(format!(
            "file of hosts `{file}` does not exist"
        )));
    }
    if path.is_dir() {
        return Err(Error::config(format!(
            "`{file}` is a folder, not a file of hosts"
        )));
    }
    let text = load::read_text(&path)?;
    Ok(text
        .lines()
        .map(|line| line.trim().to_string())
        .filter(|line| !line.is_empty())
        .collect())
}

fn matcher(name: &str) -> Result<Regex> {
    let text = match name.strip_prefix('~') {
        Some(regex) => format!("^(?:{regex})"),
        None => glob_as_regex(name),
    };
    Regex::new(&text).map_err(|error| {
        let error = error.to_string();
        let cause = error
            .lines()
            .last()
            .unwrap_or_default()
            .trim_start_matches("error: ")
            .to_string();
        Error::config(format!("host pattern `{name}` is not a good pattern")).because(cause)
    })
}

/// Is `text` what a pattern with `*`, `?` and `[...]` stands for, as in names of files?
#[must_use]
pub fn is_like(glob: &str, text: &str) -> bool {
    Regex::new(&glob_as_regex(glob)).is_ok_and(|regex| regex.is_match(text))
}

fn glob_as_regex(glob: &str) -> String {
    let letters: Vec<char> = glob.chars().collect();
    let mut out = String::from("^(?s:");
    let mut index = 0;
    while index < letters.len() {
        match letters[index] {
            '*' => out.push_str(".*"),
            '?' => out.push('.'),
            '[' => match set_end(&letters, index) {
                Some(end) => {
                    out.push_str(&set_as_regex(&letters[index + 1..end]));
                    index = end;
                }
                None => out.push_str("\\["),
            },
            letter => out.push_str(&regex::escape(&letter.to_string())),
        }
        index += 1;
    }
    out.push_str(")$");
    out
}

fn set_end(letters: &[char], start: usize) -> Option<usize> {
    let mut end = start + 1;
    if letters.get(end) == Some(&'!') {
        end += 1;
    }
    // A bracket that comes first belongs to the set.
    if letters.get(end) == Some(&']') {
        end += 1;
    }
    letters[end.min(letters.len())..]
        .iter()
        .position(|letter| *letter == ']')
        .map(|found| end + found)
}

fn set_as_regex(set: &[char]) -> String {
    let mut out = String::from("[");
    for (index, letter) in set.iter().enumerate() {
        match letter {
            '!' if index == 0 => out.push('^'),
            '-' if index > 0 && index + 1 < set.len() => out.push('-'),
            letter if letter.is_alphanumeric() => out.push(*letter),
            letter => {
                out.push('\\');
                out.push(*letter);
            }
        }
    }
    out.push(']');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inventory() -> Inventory {
        let yaml = "
all:
  children:
    etcd: { hosts: { n1: , n2: , n3: } }
    pg-meta: { hosts: { n1: } }
    pg-test: { hosts: { n4: , n5: } }
    none: { hosts: {} }
";
        Inventory::parse("t.yml", yaml).unwrap()
    }

    fn select(pattern: &str) -> String {
        inventory().select(pattern).map_or_else(
            |error| format!("error: {}", error.to_string().replace('\n', "")),
            |hosts| hosts.join(" "),
        )
    }

    #[test]
    fn a_name_is_like_a_pattern() {
        for (glob, text, wanted) in [
            ("etcd_*", "etcd_join", true),
            ("etcd_?oin", "etcd_join", true),
            ("etcd_[ij]oin", "etcd_join", true),
            ("etcd", "etcd_join", false),
            ("*", "two\nlines", true),
            (&"*a".repeat(30), &("a".repeat(60) + "b"), false),
        ] {
            assert_eq!(is_like(glob, text), wanted, "{glob} {text}");
        }
    }

    #[test]
    fn patterns_select() {
        for (pattern, hosts) in [
            ("all", "n1 n2 n3 n4 n5"),
            ("etcd,&pg-*", "n1"),
            ("etcd:!n2", "n1 n3"),
            ("!etcd", "n4 n5"),
            ("etcd[0]", "n1"),
            ("etcd[-1]", "n3"),
            ("etcd[1:]", "n2 n3"),
            ("etcd[0:0]", "n1"),
            ("~n[45]", "n4 n5"),
            ("n[!12]", "n3 n4 n5"),
            ("none", ""),
            ("localhost", "localhost"),
            (
                "etdc",
                "error: no group or host is called `etdc` hint: did you mean `etcd`?",
            ),
            (
                "x*",
                "error: host pattern `x*` matches no group and no host",
            ),
            (
                "etcd[7]",
                "error: host pattern `etcd[7]` matches nothing caused by: `etcd` has 3 hosts, counted from 0",
            ),
            (
                "~(",
                "error: host pattern `~(` is not a good pattern caused by: unclosed group",
            ),
            ("@nope", "error: file of hosts `nope` does not exist"),
        ] {
            assert_eq!(select(pattern), hosts, "{pattern}");
        }
    }

    #[test]
    fn a_limit_keeps_the_order_of_the_pattern() {
        let hosts = inventory()
            .select_with_limit("pg-test,etcd", Some("n1,n5,n4"))
            .unwrap();
        assert_eq!(hosts, ["n4", "n5", "n1"]);
    }
}
