//! Filters about texts: base64, checksums, quoting, JSON, paths.

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use md5::{Digest, Md5};
use minijinja::value::{Kwargs, Rest};
use minijinja::{Environment, Error, Value as Jinja};
use sha2::{Sha224, Sha256, Sha384, Sha512};

use super::super::value::Value;
use super::super::{json, load};
use super::convert::{from_jinja, to_jinja};
use super::filter::{Given, Result, flag, text_of, wrong};
use crate::hex;

pub(super) fn add_all(env: &mut Environment<'static>) {
    env.add_filter("b64encode", |value: &Jinja, options: Kwargs| {
        let url = flag(&options, "urlsafe")?;
        let engine = if url { &URL_SAFE } else { &STANDARD };
        Ok::<_, Error>(engine.encode(text_of(value)?))
    });
    env.add_filter("b64decode", b64decode);
    env.add_filter("hash", |value: &Jinja, kind: Option<&str>| {
        hash(&text_of(value)?, kind.unwrap_or("sha1"))
    });
    env.add_filter("md5", |value: &Jinja| hash(&text_of(value)?, "md5"));
    env.add_filter("sha1", |value: &Jinja| hash(&text_of(value)?, "sha1"));
    env.add_filter("checksum", |value: &Jinja| hash(&text_of(value)?, "sha1"));
    env.add_filter("quote", |value: &Jinja| {
        Ok::<_, Error>(match from_jinja(value)? {
            Value::Null => "''".to_string(),
            value => shell_word(&value.to_text()),
        })
    });
    env.add_filter("to_json", |value: &Jinja, options: Kwargs| {
        Json::read(&options, None, false)?.of(&from_jinja(value)?)
    });
    env.add_filter("to_nice_json", |value: &Jinja, options: Kwargs| {
        Json::read(&options, Some(4), true)?.of(&from_jinja(value)?)
    });
    for name in ["from_json", "from_yaml"] {
        env.add_filter(name, move |value: &Jinja| {
            let value = load::parse_value(name, &text_of(value)?);
            value.map(|value| to_jinja(&value)).map_err(|error| {
                let at = error.at.as_ref().map(|at| format!(" (line {})", at.line));
                wrong(format!(
                    "`{name}`: {}{}",
                    error.what,
                    at.unwrap_or_default()
                ))
            })
        });
    }
    env.add_filter("basename", |path: String| {
        path.rsplit('/').next().unwrap_or("").to_string()
    });
    env.add_filter("dirname", |path: String| {
        path.rsplit_once('/')
            .map(|(dir, _)| if dir.is_empty() { "/" } else { dir }.to_string())
            .unwrap_or_default()
    });
    env.add_filter("splitext", |path: String| {
        let name = path.rfind('/').map_or(0, |at| at + 1);
        let begins = name + path[name..].len() - path[name..].trim_start_matches('.').len();
        let at = path[begins..]
            .rfind('.')
            .map_or(path.len(), |at| begins + at);
        vec![path[..at].to_string(), path[at..].to_string()]
    });
    env.add_filter("path_join", |parts: &Jinja| {
        let parts = match from_jinja(parts)? {
            Value::List(parts) => parts,
            one => vec![one],
        };
        let mut path = std::path::PathBuf::new();
        path.extend(parts.iter().map(Value::to_text));
        Ok::<_, Error>(path.display().to_string())
    });
}

#[expect(clippy::needless_pass_by_value, reason = "minijinja gives it by value")]
fn b64decode(value: &Jinja, placed: Rest<Jinja>, options: Kwargs) -> Result<String> {
    let given = Given::new(&placed, &options);
    let _ = given.text(0, "encoding", "utf-8")?;
    let engine = if given.flag(1, "urlsafe")? {
        &URL_SAFE
    } else {
        &STANDARD
    };
    given.done()?;
    let text: String = text_of(value)?.split_whitespace().collect();
    let bytes = engine
        .decode(text)
        .map_err(|error| wrong(format!("it is not base64: {error}")))?;
    String::from_utf8(bytes).map_err(|_| wrong("what base64 holds is not UTF-8 text"))
}

fn hash(text: &str, kind: &str) -> Result<String> {
    let bytes = text.as_bytes();
    Ok(match kind {
        "md5" => hex::text(&Md5::digest(bytes)),
        "sha1" => hex::text(digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, bytes).as_ref()),
        "sha224" => hex::text(&Sha224::digest(bytes)),
        "sha256" => hex::text(&Sha256::digest(bytes)),
        "sha384" => hex::text(&Sha384::digest(bytes)),
        "sha512" => hex::text(&Sha512::digest(bytes)),
        other => {
            return Err(wrong(format!(
                "there is no hash `{other}`: there are md5, sha1, sha224, sha256, sha384, sha512"
            )));
        }
    })
}

/// As Python's `shlex.quote`, which writes a quote inside of quotes otherwise than we do.
fn shell_word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_@%+=:,./-".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_string();
    }
    format!("'{}'", text.replace('\'', "'\"'\"'"))
}

/// JSON as Python's `json.dumps` writes it.
struct Json {
    ascii: bool,
    indent: Option<usize>,
    /// Between a key and its value, and between items.
    separators: (String, String),
    sorted: bool,
}

impl Json {
    fn read(options: &Kwargs, indent: Option<usize>, sorted: bool) -> Result<Json> {
        let indent = match options.get::<Option<usize>>("indent")? {
            None => indent,
            given => given,
        };
        let comma = if indent.is_some() { "," } else { ", " };
        let mut separators = (": ".to_string(), comma.to_string());
        if let Some(given) = options.get::<Option<Jinja>>("separators")? {
            let given: Result<Vec<String>> = given.try_iter()?.map(|part| text_of(&part)).collect();
            let [comma, colon] =
                <[String; 2]>::try_from(given?).map_err(|_| wrong("`separators` are two texts"))?;
            separators = (colon, comma);
        }
        let json = Json {
            ascii: options.get::<Option<bool>>("ensure_ascii")?.unwrap_or(true),
            indent,
            separators,
            sorted: options.get::<Option<bool>>("sort_keys")?.unwrap_or(sorted),
        };
        options.assert_all_used()?;
        Ok(json)
    }

    #[expect(
        clippy::unnecessary_wraps,
        reason = "a filter's answer may be an error"
    )]
    fn of(&self, value: &Value) -> Result<String> {
        let mut out = String::new();
        self.write(&mut out, value, 0);
        Ok(out)
    }

    fn write(&self, out: &mut String, value: &Value, depth: usize) {
        match value {
            Value::List(items) => {
                self.items(out, depth, ('[', ']'), items, |out, item| {
                    self.write(out, item, depth + 1);
                });
            }
            Value::Map(map) => {
                let mut pairs: Vec<(&String, &Value)> = map.iter().collect();
                if self.sorted {
                    pairs.sort_by_key(|(key, _)| *key);
                }
                self.items(out, depth, ('{', '}'), &pairs, |out, (key, item)| {
                    json::write_text(out, key, self.ascii);
                    out.push_str(&self.separators.0);
                    self.write(out, item, depth + 1);
                });
            }
            Value::Secret(secret) => json::write_text(out, secret.reveal(), self.ascii),
            Value::Str(text) | Value::Unsafe(text) | Value::Vault(text) => {
                json::write_text(out, text, self.ascii);
            }
            other => out.push_str(&json::scalar(other).unwrap_or_default()),
        }
    }

    fn items<T>(
        &self,
        out: &mut String,
        depth: usize,
        (open, close): (char, char),
        items: &[T],
        each: impl Fn(&mut String, &T),
    ) {
        let line = |out: &mut String, depth: usize| {
            if let Some(indent) = self.indent {
                out.push('\n');
                out.push_str(&" ".repeat(indent * depth));
            }
        };
        out.push(open);
        for (index, item) in items.iter().enumerate() {
            if index > 0 {
                out.push_str(&self.separators.1);
            }
            line(out, depth + 1);
            each(out, item);
        }
        if !items.is_empty() {
            line(out, depth);
        }
        out.push(close);
    }
}
