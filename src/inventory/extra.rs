//! The arguments of `-e`: `key=value` pairs, a JSON or YAML mapping, or `@file`.

use super::layer::{Var, Vars};
use super::node::{Shape, Source};
use super::value::Value;
use super::{Inventory, Vault, Warnings, load, vault, yaml};
use crate::error::{Error, Hint, Kind, Result};
use crate::secret::{has_secret, is_secret_name, masked};

impl Inventory {
    /// Set the variables of `-e`, whose files may be encrypted as those of the inventory are.
    pub fn read_extra(&mut self, args: &[String]) -> Result<()> {
        let extra = parse(args, &self.vault).map_err(Error::without_secrets)?;
        self.set_extra(extra);
        Ok(())
    }
}

/// Read all arguments of `-e`; later ones win. Values of `key=value` are text, those of a mapping keep their type.
fn parse(args: &[String], passwords: &Vault) -> Result<Vars> {
    let mut vars = Vars::new();
    for arg in args.iter().filter(|arg| !arg.is_empty()) {
        match arg.chars().next() {
            Some('@') => {
                let path = load::expand_home(&arg[1..]);
                let name = path.display().to_string();
                let text = load::read_text(&path).map_err(usage)?;
                let (text, secret) = passwords.text_of(&name, text)?;
                mapping(&Source::new(name, text), secret, &mut vars)?;
            }
            Some('/' | '.') => {
                return Err(Error::usage(format!("`-e {arg}` looks like a file"))
                    .hint(format!("-e @{arg}")));
            }
            Some('{' | '[') => mapping(
                &Source::new(format!("-e {arg}"), arg.as_str()),
                false,
                &mut vars,
            )?,
            _ => pairs(arg, &mut vars)?,
        }
    }
    Ok(vars)
}

fn usage(mut error: Box<Error>) -> Box<Error> {
    error.kind = Kind::Usage;
    error
}

fn mapping(source: &Source, secret: bool, vars: &mut Vars) -> Result<()> {
    let document = yaml::read(source, &mut Warnings::new()).map_err(usage)?;
    let Some(mut document) = document else {
        return Ok(());
    };
    if secret {
        vault::conceal(&mut document);
    }
    let Shape::Map(pairs) = &document.shape else {
        return Err(Error::usage(format!(
            "extra variables are a mapping, not {}",
            document.kind()
        ))
        .at(document.at.place())
        .hint("-e '{\"name\": \"value\"}'"));
    };
    for (key, value) in pairs {
        vars.insert(key.key_text(), Var::of(key, value));
    }
    Ok(())
}

fn pairs(arg: &str, vars: &mut Vars) -> Result<()> {
    for word in words(arg)? {
        let word = unescaped(&word);
        let equals = word
            .char_indices()
            .position(|(byte, letter)| letter == '=' && byte > 0 && !word[..byte].ends_with('\\'));
        let Some(byte) = equals
            .and_then(|index| word.char_indices().nth(index))
            .map(|(byte, _)| byte)
        else {
            if has_secret(arg) {
                let name = arg.split(['=', ':', ' ']).next().unwrap_or_default();
                return Err(
                    Error::usage(format!("`-e {name}=********` is not `key=value`"))
                        .because("a value with blanks in it wants quotes of its own"),
                );
            }
            let spaced: Vec<&str> = arg.split('=').map(str::trim).collect();
            if let [name, value] = spaced[..]
                && super::layer::is_name(name)
                && arg.contains(" =")
            {
                return Err(Error::usage(format!("`-e {arg}` is not `key=value`"))
                    .because("there are blanks around its `=`")
                    .hint(Hint::Set(format!("{name}={value}"))));
            }
            return Err(Error::usage(format!("`-e {arg}` is not `key=value`"))
                .because(format!("`{word}` has no `=`"))
                .hint(Hint::Set(format!("{}=VALUE", word.trim_matches('=')))));
        };
        let (name, value) = (word[..byte].trim(), unquoted(word[byte + 1..].trim()));
        let shown = if is_secret_name(name) {
            "********"
        } else {
            value
        };
        let source = Source::new(format!("-e {name}={shown}"), "");
        let spot = source.spot(0, 0);
        vars.insert(name.to_string(), Var::new(Value::from(value), &spot, &spot));
    }
    Ok(())
}

/// Cut at blanks, but not inside quotes or templates.
fn words(arg: &str) -> Result<Vec<String>> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut quote: Option<char> = None;
    let mut depth = 0usize;
    let letters: Vec<char> = arg.chars().collect();
    for (index, &letter) in letters.iter().enumerate() {
        let pair = (letter, letters.get(index + 1).copied().unwrap_or(' '));
        match pair {
            ('{', '{' | '%' | '#') => depth += 1,
            ('}' | '%' | '#', '}') => depth = depth.saturating_sub(1),
            _ => {}
        }
        let escaped = index > 0 && letters[index - 1] == '\\';
        match (quote, letter) {
            (Some(mark), _) if letter == mark && !escaped => quote = None,
            (None, '\'' | '"') if !escaped => quote = Some(letter),
            _ => {}
        }
        if matches!(letter, ' ' | '\n') && quote.is_none() && depth == 0 {
            words.push(std::mem::take(&mut word));
        } else {
            word.push(letter);
        }
    }
    if quote.is_some() || depth > 0 {
        return Err(Error::usage(format!(
            "a quote or a template in `-e {}` is never closed",
            masked(arg)
        )));
    }
    words.push(word);
    words.retain(|word| !word.is_empty());
    Ok(words)
}

fn unquoted(text: &str) -> &str {
    let quote = text.chars().next().filter(|letter| "'\"".contains(*letter));
    match quote {
        Some(quote)
            if text.len() > 1
                && text.ends_with(quote)
                && !text[..text.len() - 1].ends_with('\\') =>
        {
            &text[1..text.len() - 1]
        }
        _ => text,
    }
}

/// The escapes Ansible knows in `key=value`.
fn unescaped(text: &str) -> String {
    let mut out = String::new();
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        if letter != '\\' {
            out.push(letter);
            continue;
        }
        let plain = match letters.peek() {
            Some('n') => '\n',
            Some('t') => '\t',
            Some('r') => '\r',
            Some('a') => '\u{7}',
            Some('b') => '\u{8}',
            Some('f') => '\u{c}',
            Some('v') => '\u{b}',
            Some(mark @ ('\\' | '\'' | '"')) => *mark,
            _ => {
                out.push('\\');
                continue;
            }
        };
        letters.next();
        out.push(plain);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(args: &[&str]) -> String {
        let args: Vec<String> = args.iter().map(ToString::to_string).collect();
        match parse(&args, &Vault::default()) {
            Ok(vars) => vars
                .iter()
                .map(|(name, var)| {
                    format!("{name}={}", Value::List(vec![var.value.clone()]).to_text())
                })
                .collect::<Vec<_>>()
                .join(" "),
            Err(error) => format!("{:?} {}", error.kind, error.to_string().replace('\n', "")),
        }
    }

    #[test]
    fn pairs_are_text_and_mappings_keep_types() {
        for (args, expected) in [
            (vec!["a=1 b=no", "b=yes"], "a=['1'] b=['yes']"),
            (vec![r#"a="x y" b='p q'"#], "a=['x y'] b=['p q']"),
            (vec!["a={{ x + 1 }}"], "a=['{{ x + 1 }}']"),
            (vec!["{\"a\": true, \"b\": [1]}"], "a=[True] b=[[1]]"),
            (vec!["{a: yes, b: '1'}"], "a=[True] b=['1']"),
            (vec!["a=b=c"], "a=['b=c']"),
            (vec!["a="], "a=['']"),
            (vec!["url=http://x/?a"], "url=['http://x/?a']"),
        ] {
            assert_eq!(read(&args), expected, "{args:?}");
        }
    }

    #[test]
    fn mistakes_are_usage_errors() {
        for (arg, expected) in [
            (
                "etcd_clean",
                "Usage `-e etcd_clean` is not `key=value` caused by: `etcd_clean` has no `=` hint: -e etcd_clean=VALUE",
            ),
            (
                "db_password=HUSH1 HUSH2",
                "Usage `-e db_password=********` is not `key=value` caused by: a value with blanks in it wants quotes of its own",
            ),
            (
                "./vars.yml",
                "Usage `-e ./vars.yml` looks like a file hint: -e @./vars.yml",
            ),
            (
                "a=\"x",
                "Usage a quote or a template in `-e a=\"x` is never closed",
            ),
            (
                "[1]",
                "Usage extra variables are a mapping, not a list --> -e [1]:1:11 | [1]  | ^ hint: -e '{\"name\": \"value\"}'",
            ),
        ] {
            assert_eq!(read(&[arg]), expected);
        }
        assert!(read(&["@/nope.yml"]).starts_with("Usage cannot read `/nope.yml` caused by: "));
    }
}
