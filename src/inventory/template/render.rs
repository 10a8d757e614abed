//! A text through minijinja: Jinja as Ansible writes it becomes Jinja as minijinja reads it, and one value keeps its type.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, Error, UndefinedBehavior, Value as Jinja};

use super::super::value::Value;
use super::convert::from_jinja;
use super::filter;

/// Around the index of a printed value, until it is known whether it is alone.
const MARK: (char, char) = ('\u{F0000}', '\u{F0001}');

/// Render a template. When all it prints is one value, that value keeps its type, unless it is a `file`, which is text.
pub(super) fn render(text: &str, context: Jinja, file: bool) -> Result<Value, Error> {
    let printed: Arc<Mutex<Vec<Value>>> = Arc::default();
    let mut env = environment();
    let print = Arc::clone(&printed);
    env.set_formatter(move |out, _, value| {
        let value = from_jinja(value)?;
        let mut printed = print.lock().unwrap_or_else(PoisonError::into_inner);
        printed.push(value);
        write!(out, "{}{}{}", MARK.0, printed.len() - 1, MARK.1).map_err(Error::from)
    });
    let text = prepared(text, file);
    let output = env.template_from_str(&text)?.render(context)?;
    let printed = std::mem::take(&mut *printed.lock().unwrap_or_else(PoisonError::into_inner));
    Ok(filled_in(&output, &printed, file))
}

fn environment() -> Environment<'static> {
    static READY: OnceLock<Environment<'static>> = OnceLock::new();
    READY
        .get_or_init(|| {
            let mut env = Environment::new();
            env.set_undefined_behavior(UndefinedBehavior::Strict);
            // Errors name the expression that has no value.
            env.set_debug(true);
            let syntax = SyntaxConfig::builder()
                .keep_trailing_newline(true)
                .trim_blocks(true)
                .build();
            env.set_syntax(syntax.expect("the delimiters are Jinja's own"));
            filter::add_all(&mut env);
            env
        })
        .clone()
}

fn filled_in(output: &str, printed: &[Value], file: bool) -> Value {
    let mut text = String::new();
    let mut rest = output;
    while let Some((before, (index, after))) = rest
        .split_once(MARK.0)
        .and_then(|(before, rest)| Some((before, rest.split_once(MARK.1)?)))
    {
        let value = index
            .parse::<usize>()
            .ok()
            .and_then(|index| printed.get(index));
        if !file && before.is_empty() && after.is_empty() && rest.len() == output.len() {
            return value.cloned().unwrap_or(Value::Null);
        }
        text.push_str(before);
        // Beside other text nothing is printed for `none`.
        text.push_str(
            &value
                .filter(|value| **value != Value::Null)
                .map(Value::to_text)
                .unwrap_or_default(),
        );
        rest = after;
    }
    text.push_str(rest);
    // Ansible gives `none`, not an empty text, for a template that prints nothing at all.
    if output.is_empty() && !file {
        Value::Null
    } else {
        Value::Str(text)
    }
}

/// Ansible takes a backslash in a string of an expression as it is, so that `'\1'` can be written, but not in a file;
/// and `'form' % value`, which minijinja does not know, is its filter `format`.
fn prepared(text: &str, file: bool) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = next_tag(rest) {
        let (before, tag) = rest.split_at(at);
        out.push_str(before);
        let end = if tag.starts_with("{{") { "}}" } else { "%}" };
        let length = tag_length(tag, end);
        let (tag, after) = tag.split_at(length);
        if tag.starts_with("{#") || is_raw(tag) {
            let stop = if tag.starts_with("{#") {
                tag.len()
            } else {
                raw_length(after) + length
            };
            let (untouched, after) = rest[at..].split_at(stop.min(rest.len() - at));
            out.push_str(untouched);
            rest = after;
            continue;
        }
        let literal = !file && tag.starts_with("{{");
        expression(tag, literal, &mut out);
        rest = after;
    }
    out.push_str(rest);
    out
}

fn next_tag(text: &str) -> Option<usize> {
    ["{{", "{%", "{#"]
        .iter()
        .filter_map(|open| text.find(open))
        .min()
}

/// How long a tag is, its end included; an end inside of a string is none.
fn tag_length(tag: &str, end: &str) -> usize {
    if tag.starts_with("{#") {
        return tag.find("#}").map_or(tag.len(), |at| at + 2);
    }
    let mut at = 2;
    while at < tag.len() {
        let rest = &tag[at..];
        if rest.starts_with(end) {
            return at + 2;
        }
        at += string_length(rest).max(rest.chars().next().map_or(1, char::len_utf8));
    }
    tag.len()
}

/// The length of the string that a text begins with, quotes included; 0 when it begins with none.
fn string_length(text: &str) -> usize {
    let Some(quote) = text.chars().next().filter(|c| ['\'', '"'].contains(c)) else {
        return 0;
    };
    let mut escaped = false;
    for (at, letter) in text.char_indices().skip(1) {
        match letter {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            letter if letter == quote => return at + 1,
            _ => {}
        }
    }
    text.len()
}

fn is_raw(tag: &str) -> bool {
    tag.trim_start_matches("{%")
        .trim_start_matches(['-', '+'])
        .trim_start()
        .starts_with("raw")
}

fn raw_length(text: &str) -> usize {
    text.find("endraw").map_or(text.len(), |at| {
        at + text[at..].find("%}").map_or(text.len() - at, |end| end + 2)
    })
}

fn expression(tag: &str, literal: bool, out: &mut String) {
    let mut rest = tag;
    while let Some(at) = rest.find(['\'', '"']) {
        out.push_str(&rest[..at]);
        let (string, after) = rest[at..].split_at(string_length(&rest[at..]));
        out.push_str(&if literal {
            with_literal_backslashes(string)
        } else {
            string.to_string()
        });
        rest = after;
        let operator = rest.trim_start();
        let percent = operator.strip_prefix('%');
        let Some(right) = percent.filter(|right| !right.starts_with(['}', '='])) else {
            continue;
        };
        let right = right.trim_start();
        let (operand, after) = right.split_at(operand_length(right));
        out.push_str(" | format");
        // A tuple is the arguments; anything else is one.
        let tuple = operand.starts_with('(') && bracket_length(operand) == operand.len();
        out.push_str(if tuple { "" } else { "(" });
        expression(operand, literal, out);
        out.push_str(if tuple { "" } else { ")" });
        rest = after;
    }
    out.push_str(rest);
}

fn with_literal_backslashes(string: &str) -> String {
    let quote = string.chars().next().unwrap_or('\'');
    let mut out = String::new();
    let mut letters = string.chars().peekable();
    while let Some(letter) = letters.next() {
        out.push(letter);
        if letter != '\\' {
            continue;
        }
        match letters.peek() {
            Some(next) if *next == quote => out.push(letters.next().unwrap_or(quote)),
            Some('\\') => {
                letters.next();
                out.push_str("\\\\\\");
            }
            _ => out.push('\\'),
        }
    }
    out
}

/// How long the operand after `%` is: a sign, a name, a literal or brackets, then attributes, items, calls and filters.
fn operand_length(text: &str) -> usize {
    let mut at = text.len() - text.trim_start_matches(['-', '+', ' ']).len();
    at += atom_length(&text[at..]);
    loop {
        let rest = &text[at..];
        let more = bracket_length(rest);
        if more > 0 {
            at += more;
            continue;
        }
        if let Some(attribute) = rest.strip_prefix('.') {
            at += 1 + word_length(attribute);
            continue;
        }
        let trimmed = rest.trim_start();
        let Some(filter) = trimmed.strip_prefix('|') else {
            return at;
        };
        let blanks = filter.len() - filter.trim_start().len();
        let name = word_length(filter.trim_start());
        at += rest.len() - trimmed.len() + 1 + blanks + name;
    }
}

fn atom_length(text: &str) -> usize {
    match string_length(text).max(bracket_length(text)) {
        0 => word_length(text),
        length => length,
    }
}

fn word_length(text: &str) -> usize {
    text.find(|letter: char| !(letter.is_alphanumeric() || letter == '_'))
        .unwrap_or(text.len())
}

/// The length of what stands in brackets at the beginning of a text, brackets included; 0 when there is none.
fn bracket_length(text: &str) -> usize {
    if !text.starts_with(['(', '[', '{']) {
        return 0;
    }
    let (mut depth, mut at) = (0usize, 0);
    while let Some(letter) = text[at..].chars().next() {
        let string = string_length(&text[at..]);
        at += string.max(letter.len_utf8());
        match letter {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at;
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_with_a_percent_sign_become_filters() {
        for (written, read) in [
            ("{{ '%05.1f' % x }}", "{{ '%05.1f' | format(x) }}"),
            (
                "{{ '%s-%s'%(a, b) ~ 'z' }}",
                "{{ '%s-%s' | format(a, b) ~ 'z' }}",
            ),
            (
                "{{ '%d' % m.n['k'] + 1 }}",
                "{{ '%d' | format(m.n['k']) + 1 }}",
            ),
            ("{{ '%s' % x | upper }}", "{{ '%s' | format(x | upper) }}"),
            ("{{ '%s' % f('a)', 2) }}", "{{ '%s' | format(f('a)', 2)) }}"),
            ("{% set x = '%d' % -3 %}", "{% set x = '%d' | format(-3) %}"),
            (
                "{{ '%(a)s' % {'a': 1} }}",
                "{{ '%(a)s' | format({'a': 1}) }}",
            ),
            (
                "{% if a == 'x' %}1{% endif %}",
                "{% if a == 'x' %}1{% endif %}",
            ),
            ("{{ 7 % 2 }} '%d' % 3", "{{ 7 % 2 }} '%d' % 3"),
            (
                "{% raw %}{{ '%d' % 3 }}{% endraw %}",
                "{% raw %}{{ '%d' % 3 }}{% endraw %}",
            ),
            ("{# '%d' % 3 #}", "{# '%d' % 3 #}"),
        ] {
            assert_eq!(prepared(written, false), read);
        }
    }

    #[test]
    fn backslashes_are_themselves_but_not_in_a_file() {
        assert_eq!(prepared(r"{{ '\1' }}\1", false), r"{{ '\\1' }}\1");
        assert_eq!(prepared(r"{{ '\1' }}", true), r"{{ '\1' }}");
        assert_eq!(prepared(r"{{ 'it\'s' }}", false), r"{{ 'it\'s' }}");
        assert_eq!(prepared(r"{{ 'a\\b' }}", false), r"{{ 'a\\\\b' }}");
    }
}
