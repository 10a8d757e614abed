//! Errors on their way through Rhai: ours go in as values a script can catch, and come out with their place.

use rhai::{Dynamic, EvalAltResult, LexError, ParseError, ParseErrorType, Position};

use super::{foreign, manual, place, source, words};
use crate::error::{Error, Hint, Kind, Place, Result, nearest};

/// What `catch (error)` gets: `error.message`, `error.host`, `error.kind`.
#[derive(Clone, Debug)]
pub(super) struct Thrown(pub(super) Box<Error>);

impl std::fmt::Display for Thrown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0.headline())
    }
}

/// Hand an error to Rhai. A cancel cannot be caught.
pub(super) fn into_rhai(error: Box<Error>) -> Box<EvalAltResult> {
    if error.kind == Kind::Interrupted {
        return Box::new(EvalAltResult::ErrorTerminated(
            Dynamic::from("interrupted"),
            Position::NONE,
        ));
    }
    Box::new(EvalAltResult::ErrorRuntime(
        Dynamic::from(Thrown(error)),
        Position::NONE,
    ))
}

/// For natives: `?` on our own results.
pub(super) fn pass<T>(result: Result<T>) -> std::result::Result<T, Box<EvalAltResult>> {
    result.map_err(into_rhai)
}

/// Change the error of ours that is on its way through Rhai, if it is one.
pub(super) fn with_thrown(error: &mut EvalAltResult, change: impl FnOnce(&mut Error)) {
    match error {
        EvalAltResult::ErrorInFunctionCall(_, _, cause, _)
        | EvalAltResult::ErrorInModule(_, cause, _) => with_thrown(cause, change),
        EvalAltResult::ErrorRuntime(value, _) => {
            if let Some(mut thrown) = value.write_lock::<Thrown>() {
                change(&mut thrown.0);
            }
        }
        _ => {}
    }
}

type SourceOf<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Take an error out of Rhai: the innermost place is where it happened, the calls around it are causes.
/// `main` is the script where nothing else is said.
pub(super) fn from_rhai(error: &EvalAltResult, main: &str, source_of: SourceOf<'_>) -> Box<Error> {
    let mut calls: Vec<(String, String, Position)> = Vec::new();
    let mut file = main.to_string();
    let mut inner = error;
    loop {
        match inner {
            EvalAltResult::ErrorInFunctionCall(name, source, cause, position) => {
                calls.push((name.clone(), file.clone(), *position));
                if !source.is_empty() {
                    file.clone_from(source);
                }
                inner = cause;
            }
            EvalAltResult::ErrorInModule(name, cause, _) => {
                if !name.is_empty() {
                    file.clone_from(name);
                }
                inner = cause;
            }
            _ => break,
        }
    }
    let position = inner.position();
    let mut result = translate(inner);
    // Whoever cannot get to a host has no use for the line of the bundled script that went there first.
    if result.kind == Kind::Connect && is_bundled(main, source_of) {
        return result;
    }
    // What the stdlib says of the world is no mistake in it: the place is the line of the script that led there.
    if is_stdlib(&file) && is_thrown(inner) {
        let caller = calls
            .iter()
            .rev()
            .find(|(_, file, position)| !is_stdlib(file) && !position.is_none());
        if let (None, Some((_, file, position))) = (&result.at, caller) {
            result.at = located(file, *position, source_of);
        }
        return result;
    }
    if let EvalAltResult::ErrorPropertyNotFound(name, _) = inner {
        result = without_key(
            result,
            name,
            position,
            &source_of(&file).unwrap_or_default(),
        );
    }
    if result.at.is_none() {
        let (file, position) = if position.is_none() {
            calls
                .last()
                .map_or((file, position), |(_, file, position)| {
                    (file.clone(), *position)
                })
        } else {
            (file, position)
        };
        result.at = located(&file, position, source_of);
    }
    // Where a task was declared says nothing; which function of the stdlib was called does.
    for (name, file, position) in calls
        .iter()
        .rev()
        .filter(|(name, ..)| !name.starts_with("anon$"))
        .take(4)
    {
        if let Some(at) = located(file, *position, source_of)
            && result.at.as_ref() != Some(&at)
        {
            result.causes.push(format!("called from {at} ({name})"));
        }
    }
    result
}

/// A map without this key: with the one that was meant, and with the keys of the map where the script writes it.
fn without_key(error: Box<Error>, name: &str, at: Position, text: &str) -> Box<Error> {
    let written = before(text, at).and_then(|before| {
        let before = before.trim_end_matches(['.', ' ']);
        let start = before.rfind(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
        let map = &before[start.map_or(0, |at| at + 1)..];
        Some((map.to_string(), keys_of(map, text)?))
    });
    let near = match &written {
        Some((_, keys)) => nearest(name, keys.iter().map(String::as_str)).map(str::to_string),
        None => nearest_key(name, text),
    };
    // Letters alone are all alike.
    let near = near.filter(|near| near.len().max(name.len()) > 2);
    let map = written.as_ref().map_or("map", |(map, _)| map);
    let allows = format!("`{map}.{name} ?? default` allows for a key that is missing");
    let error = match &written {
        Some((map, keys)) => error.because(format!("`{map}` is written with {}", keys.join(", "))),
        None => error,
    };
    match near {
        Some(near) => error.hint(format!("did you mean `{near}`? {allows}")),
        None => error.hint(allows),
    }
}

/// What stands before a place in its line.
fn before(text: &str, at: Position) -> Option<String> {
    let line = text.lines().nth(at.line()?.checked_sub(1)?)?;
    Some(line.chars().take(at.position()?.checked_sub(1)?).collect())
}

/// The keys of the map that a variable begins with, where the script writes it out.
fn keys_of(variable: &str, text: &str) -> Option<Vec<String>> {
    let mut places = text.match_indices(variable).map(|(at, _)| at);
    let body = places.find_map(|at| {
        let named = text[..at].trim_end().ends_with("let") && !variable.is_empty();
        let rest = text[at + variable.len()..].trim_start();
        let body = rest.strip_prefix('=')?.trim_start().strip_prefix("#{")?;
        named.then_some(body)
    })?;
    let (mut keys, mut depth, mut key, mut quoted) = (Vec::new(), 0, String::new(), false);
    for letter in body.chars() {
        match letter {
            '"' => quoted = !quoted,
            _ if quoted => key.push(letter),
            '{' | '[' | '(' => depth += 1,
            '}' if depth == 0 => return (!keys.is_empty()).then_some(keys),
            '}' | ']' | ')' => depth -= 1,
            ':' if depth == 0 => keys.push(std::mem::take(&mut key)),
            ',' if depth == 0 => key.clear(),
            _ if letter.is_whitespace() => {}
            _ => key.push(letter),
        }
    }
    None
}

/// The key that was probably meant: one that the script writes, or one that a word of the language returns.
fn nearest_key(name: &str, text: &str) -> Option<String> {
    let mut known: Vec<String> = Vec::new();
    for place in text.match_indices(':').map(|(at, _)| at) {
        let before = text[..place].trim_end_matches(['"', ' ']);
        let begin = before.rfind(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
        known.push(before[begin.map_or(0, |at| at + 1)..].to_string());
    }
    for word in words::all() {
        let quoted = word.doc.split('`').skip(1).step_by(2);
        known.extend(quoted.map(str::to_string));
    }
    known.retain(|key| !key.is_empty() && key != name);
    nearest(name, known.iter().map(String::as_str)).map(str::to_string)
}

fn is_stdlib(file: &str) -> bool {
    file.starts_with("stdlib/") && super::embedded::any(file).is_some()
}

/// Is it a script of the binary, under its name or as a file with the same text?
fn is_bundled(script: &str, source_of: SourceOf<'_>) -> bool {
    let name = script.rsplit('/').next().unwrap_or(script);
    let bundled = super::embedded::any(&format!("scripts/{name}"));
    bundled.is_some() && bundled == source_of(script).as_deref()
}

/// Was it raised by one of our own functions, or by `fail`?
fn is_thrown(error: &EvalAltResult) -> bool {
    matches!(error, EvalAltResult::ErrorRuntime(value, _) if value.is::<Thrown>())
}

fn located(file: &str, position: Position, source_of: SourceOf<'_>) -> Option<Place> {
    (!position.is_none()).then(|| place(file, position, &source_of(file).unwrap_or_default()))
}

fn translate(error: &EvalAltResult) -> Box<Error> {
    match error {
        EvalAltResult::ErrorRuntime(value, _) => match value.clone().try_cast::<Thrown>() {
            Some(Thrown(error)) => error,
            None => Error::config(value.to_string()),
        },
        EvalAltResult::ErrorTerminated(..) => Error::new(Kind::Interrupted, "interrupted"),
        EvalAltResult::ErrorDotExpr(text, _) => match unknown_property(text) {
            Some(error) => error,
            None => Error::config(lower_first(&unplaced(error))),
        },
        EvalAltResult::ErrorFor(_) => Error::config(lower_first(&unplaced(error))).hint(KEYS),
        EvalAltResult::ErrorFunctionNotFound(signature, _) if is_operator(signature) => {
            Error::config(format!("no operator fits `{}`", readable(signature))).hint(
                "`.to_string()` makes a text of a value, and `parse_int(text)` a number of a text",
            )
        }
        EvalAltResult::ErrorFunctionNotFound(signature, _) => {
            let error = Error::config(format!("no function fits `{}`", readable(signature)));
            let name = signature.split(' ').next().unwrap_or_default();
            match foreign::of_function(name) {
                Some(instead) => error.hint(instead),
                None if manual::has_page(name) => error.hint(Hint::Shows {
                    word: name.into(),
                    what: "the arguments".into(),
                }),
                None => error,
            }
        }
        EvalAltResult::ErrorVariableNotFound(name, _) => {
            Error::config(format!("there is no variable `{name}`"))
        }
        EvalAltResult::ErrorPropertyNotFound(name, _) => {
            Error::config(format!("there is no property `{name}`"))
        }
        EvalAltResult::ErrorMismatchDataType(want, got, _) => {
            Error::config(format!("a {want} is wanted, not a {got}"))
        }
        EvalAltResult::ErrorParsing(kind, position) => {
            let _ = position;
            Error::config(format!("the script does not parse: {kind}"))
        }
        EvalAltResult::ErrorModuleNotFound(name, _) => {
            Error::config(format!("there is no `{name}.rhai` to import"))
                .hint("it lies beside the script, or in a folder of $ETCDSH_PATH")
        }
        EvalAltResult::ErrorSystem(text, cause) => {
            Error::config(text.clone()).because(cause.to_string())
        }
        other => Error::config(lower_first(&unplaced(other))),
    }
}

const KEYS: &str = "a map has keys: for key in map.keys() { print(map[key]) }";

/// Rhai names the getter that it looked for.
fn unknown_property(text: &str) -> Option<Box<Error>> {
    let (name, rest) = text.strip_prefix("Unknown property '")?.split_once('\'')?;
    let kind = rest.split('\'').nth(1)?;
    let kind = readable(kind);
    let article = if kind.starts_with(['a', 'e', 'i', 'o', 'u']) {
        "an"
    } else {
        "a"
    };
    let error = Error::config(format!("{article} {kind} has no property `{name}`"));
    let counts = ["count", "len", "length", "size"].contains(&name);
    Some(match kind.as_str() {
        "array" | "map" | "string" | "text" if counts => error.hint("write `.len()`"),
        "array" => error.hint(format!(
            "of each: .map(|x| x.{name})   # of the first: [0].{name}"
        )),
        _ => error,
    })
}

fn is_operator(signature: &str) -> bool {
    !signature.starts_with(|letter: char| letter.is_alphanumeric() || letter == '_')
}

/// The text of an error without the position that Rhai puts at its end.
fn unplaced(error: &EvalAltResult) -> String {
    let text = error.to_string();
    text.rsplit_once(" (line ")
        .map_or(text.clone(), |(text, _)| text.to_string())
        .trim_start_matches("Runtime error: ")
        .to_string()
}

/// Rhai's own type names in words that a script's author knows.
fn readable(signature: &str) -> String {
    signature
        .replace("&str | ImmutableString | String", "text")
        .replace("ImmutableString", "text")
        .replace("i64", "int")
}

fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or(String::new(), |first| {
        first.to_lowercase().chain(chars).collect()
    })
}

/// A `;` is missed at the next statement, and belongs behind the one before.
fn without_end(at: &Place, text: &str) -> Option<Box<Error>> {
    // The files of a module are read as one text, with lines of its own.
    let same = text.lines().nth(at.line.checked_sub(1)?) == Some(at.text.as_str());
    let (line, statement) = foreign::unended(text, at.line, at.column).filter(|_| same)?;
    let at = Place {
        column: statement.chars().count() + 1,
        file: at.file.clone(),
        line,
        text: statement.to_string(),
    };
    let import = statement.trim_start().strip_prefix("import ");
    let is_bare = |name: &str| {
        name.chars()
            .all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
    };
    if let Some(name) = import.map(str::trim).filter(|name| is_bare(name)) {
        let error = Error::config(foreign::IMPORT).at(at);
        return Some(error.hint(foreign::import(name)));
    }
    let hint = format!("{};", statement.trim_start());
    Some(
        Error::config("a `;` is missing behind this statement")
            .at(at)
            .hint(hint),
    )
}

/// What to write instead of what stands there.
fn hint_of(at: &Place, error: &ParseErrorType, text: &str) -> Option<String> {
    let split = at.text.char_indices().nth(at.column.checked_sub(1)?);
    let (before, behind) = at.text.split_at(split.map_or(at.text.len(), |(at, _)| at));
    // A word that is reserved is complained of where it begins.
    let name: String = behind
        .chars()
        .take_while(char::is_ascii_alphabetic)
        .collect();
    if let (ParseErrorType::Reserved(_), Some(instead)) = (error, foreign::of_name(&name)) {
        return Some(instead.to_string());
    }
    if let ParseErrorType::MissingToken(token, _) = error
        && token == "=>"
        && let Some(instead) = foreign::case(before, behind)
    {
        return Some(instead);
    }
    let is_word = |name: &str| words::all().any(|word| word.name == name) || name == "print";
    let is_variable = |name: &str| {
        let declared = [
            format!("let {name} "),
            format!("|{name}|"),
            format!("in {name} "),
        ];
        !name.is_empty()
            && declared
                .iter()
                .any(|declared| text.contains(declared.as_str()))
    };
    foreign::instead(before, behind, &is_word, &is_variable).or_else(|| {
        let rest = behind[name.len()..].trim_start();
        let reserved = name == "print" || name == "function";
        let before = format!("{before}{name}");
        foreign::instead(&before, rest, &is_word, &is_variable).filter(|_| reserved)
    })
}

/// A script that does not parse.
pub(super) fn from_parse(error: &ParseError, name: &str, text: &str) -> Box<Error> {
    let position = error.1;
    let what = lower_first(&error.0.to_string());
    let mut at = place(name, position, text);
    if let Some((what, hint)) = foreign::no_script(text) {
        return Error::config(what).at(at).hint(hint);
    }
    if let ParseErrorType::BadInput(LexError::MalformedChar(text)) = error.0.as_ref() {
        let error = Error::config(what).at(at);
        return error.hint(format!("a text stands in double quotes: \"{text}\""));
    }
    let in_text = matches!(
        error.0.as_ref(),
        ParseErrorType::BadInput(LexError::UnterminatedString)
    );
    if !in_text && let Some((bracket, opened)) = source::unclosed(name, text) {
        let line = at.line;
        let error = Error::config(format!("the `{bracket}` that stands here is never closed"));
        return match line {
            0 => error.because("the script ends too early").at(opened),
            _ => error.because(format!("line {line}: {what}")).at(opened),
        };
    }
    let lacks_end =
        matches!(error.0.as_ref(), ParseErrorType::MissingToken(token, _) if token == ";");
    if lacks_end && let Some(error) = without_end(&at, text) {
        return error;
    }
    let of_map = matches!(error.0.as_ref(), ParseErrorType::MismatchedType(wanted, found) if wanted.contains("iterable") && found.contains("map"));
    let instead = if of_map {
        Some(KEYS.to_string())
    } else {
        hint_of(&at, &error.0, text)
    };
    let error = match instead {
        Some(instead) => Error::config(what).hint(instead),
        None => Error::config(what),
    };
    if at.line == 0 {
        let last = text.lines().count().max(1);
        at = place(
            name,
            Position::new(u16::try_from(last).unwrap_or(u16::MAX), 1),
            text,
        );
        return error.at(at).because("the script ends too early");
    }
    error.at(at)
}
