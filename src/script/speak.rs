//! Words of the language that Rhai reserves and etcdsh needs.

use rhai::{Engine, Token};

use crate::secret::Secret;

/// `package` is a noun of ours, `var` asks for a variable, `default` and `match` are keys: all are read as names.
pub(super) fn words(engine: &mut Engine) {
    #[allow(deprecated, reason = "marked volatile by Rhai, not obsolete; there is no other way to free a reserved word")]
    engine.on_parse_token(|token, _, _| match token {
        Token::Reserved(word) if ["package", "default", "match", "var"].contains(&word.as_str()) => Token::Identifier(word),
        other => other,
    });
    engine
        .register_type_with_name::<Secret>("secret")
        .register_fn("to_string", |secret: &mut Secret| secret.to_string())
        .register_fn("to_debug", |secret: &mut Secret| secret.to_string())
        .register_fn("secret", |text: &str| Secret::new(text));
}
