//! Words of the language that Rhai reserves and etcdsh needs.

use std::cell::Cell;

use rhai::{Engine, Token};

thread_local! {
    /// Is `_` the last result in what is parsed now?
    static LAST_RESULT: Cell<bool> = const { Cell::new(false) };
}

/// Parse with `_` as a variable, unless the text has a `switch` with it.
pub(super) fn with_last_result<T>(text: &str, parse: impl FnOnce() -> T) -> T {
    let case = text
        .split('_')
        .skip(1)
        .any(|after| after.trim_start().starts_with("=>"));
    LAST_RESULT.set(!case);
    let result = parse();
    LAST_RESULT.set(false);
    result
}

/// `package` is a noun of ours, `var` asks for a variable, `default` and `match` are keys: all are read as names.
pub(super) fn words(engine: &mut Engine) {
    #[allow(
        deprecated,
        reason = "marked volatile by Rhai, not obsolete; there is no other way to free a reserved word"
    )]
    engine.on_parse_token(|token, _, _| match token {
        Token::Reserved(word)
            if ["package", "default", "match", "var"].contains(&word.as_str()) =>
        {
            Token::Identifier(word)
        }
        Token::Underscore if LAST_RESULT.get() => Token::Identifier(Box::new("_".into())),
        other => other,
    });
}
