//! The word `http`: a call of a web service from this machine. What may change something there is a change of this run.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rhai::{Dynamic, Engine, Map};

use super::bind::{Call as Asked, word};
use crate::error::{Error, Hint, Kind, Result};
use crate::etcd;
use crate::http::{self, Answer, Call};
use crate::script::World;
use crate::script::trouble::pass;
use crate::script::value::{from_json, from_rhai};
use crate::secret::Secret;
use crate::value::Value;
use crate::word::{Arg, Section, Type, Word};

const TIMEOUT: Duration = Duration::from_secs(30);

/// Nobody expects these to change anything.
const ASKING: [&str; 3] = ["GET", "HEAD", "OPTIONS"];

const HTTP: Word = Word::function(
    Section::Flow,
    "http",
    "Call a web service: a map with `status`, `headers`, `body`, and `json` where the body is JSON. A status that is not 2xx is an error, a redirect too.\nWhat is not GET or HEAD is a change: check mode shows it and does not call; `called` is false then, `status` 0. No proxy is used.",
)
.takes(&[Arg::new("url", Type::Text, "`http://...` or `https://...`")])
.with(&[
    Arg::new("method", Type::OneOf(&["get", "head", "post", "put", "patch", "delete", "options"]), "get, and post where something is sent"),
    Arg::new("json", Type::Any, "sent as JSON"),
    Arg::new("body", Type::Any, "sent as it is: a text or a secret"),
    Arg::new("headers", Type::Map, "texts or secrets by their names"),
    Arg::new("user", Type::Text, "who logs in, with `password`"),
    Arg::new("password", Type::Any, "a text or a secret"),
    Arg::new("ca", Type::Text, "the file of the CA that the server is signed by; that of the system is not asked then"),
    Arg::new("cert", Type::Text, "the file of a client certificate"),
    Arg::new("key", Type::Text, "the file of its key"),
    Arg::new("verify", Type::Bool, "false takes any certificate"),
    Arg::new("timeout", Type::Duration, "for the whole call, 30 s by default"),
    Arg::new("any_status", Type::Bool, "true gives every answer, also those that are errors else"),
    Arg::new("changes", Type::Bool, "false for a call that only asks, though it is a post"),
])
.gives(Type::Map)
.example(r#"let state = http("https://10.10.10.10:2379/health", #{ ca: beside("files/pki/ca/ca.crt"), timeout: "3s" });
print(state.json.health)"#);

pub(super) const WORDS: &[&Word] = &[&HTTP];

pub(super) fn register(engine: &mut Engine, world: &Arc<World>) {
    let here = Arc::clone(world);
    word(engine, &HTTP, move |asked| {
        pass(carried_out(&here, asked)).map(Into::into)
    });
}

fn carried_out(world: &World, asked: &Asked<'_>) -> Result<Map> {
    let call = call_of(world, asked)?;
    if world.listing {
        return Err(Error::config("a web service is called outside of a task")
            .hint("lists and checks need every action to be inside `task(...)`"));
    }
    let session = &world.session;
    let asks = ASKING.contains(&call.method.as_str());
    let changes = asked.options.bool("changes").unwrap_or(!asks);
    let answer = if changes {
        let subject = format!("http {}", call.shown());
        let what = ["called".to_string()];
        session.change("localhost", &subject, &what, None, || {
            checked(asked, &call, http::call(&call)?)
        })?
    } else {
        session.cancel.check()?;
        Some(checked(asked, &call, http::call(&call)?)?)
    };
    Ok(answer.map_or_else(not_called, shown))
}

fn call_of(world: &World, asked: &Asked<'_>) -> Result<Call> {
    let options = &asked.options;
    let (json, body) = (asked.raw("json"), asked.raw("body"));
    let mut headers = vec![];
    for (name, value) in asked
        .raw("headers")
        .and_then(Dynamic::try_cast::<Map>)
        .unwrap_or_default()
    {
        headers.push((name.to_string(), secret(&value)));
    }
    let body = match (json, body) {
        (Some(_), Some(_)) => {
            return Err(Error::config("`http` sends either `json` or `body`")
                .hint(Hint::Help("http".into())));
        }
        (Some(json), None) => {
            let typed = |(name, _): &(String, Secret)| name.eq_ignore_ascii_case("content-type");
            if !headers.iter().any(typed) {
                headers.push(("content-type".into(), Secret::new("application/json")));
            }
            revealed(&from_rhai(&json)).to_string().into_bytes()
        }
        (None, Some(body)) => match from_rhai(&body) {
            Value::Bytes(bytes) => bytes,
            _ => secret(&body).reveal().as_bytes().to_vec(),
        },
        (None, None) => Vec::new(),
    };
    if let Some(user) = options.text("user") {
        let password = asked.raw("password").map(|password| secret(&password));
        let password = password.as_ref().map_or("", Secret::reveal);
        let login = STANDARD.encode(format!("{user}:{password}"));
        headers.push((
            "authorization".into(),
            Secret::new(format!("Basic {login}")),
        ));
    }
    let sends = asked.raw("json").is_some() || asked.raw("body").is_some();
    let method = options
        .text("method")
        .unwrap_or_else(|| if sends { "post" } else { "get" }.into());
    Ok(Call {
        body,
        headers,
        method: method.to_uppercase(),
        timeout: options.duration("timeout").unwrap_or(TIMEOUT),
        tls: tls(world, asked)?,
        url: asked.text(0),
    })
}

fn tls(world: &World, asked: &Asked<'_>) -> Result<etcd::Config> {
    let file = |key: &str| {
        let path = asked.options.text(key).map(|path| world.find(&path));
        path.map(|path| pem(&path, key)).transpose()
    };
    let (ca, cert, key) = (file("ca")?, file("cert")?, file("key")?);
    if cert.is_some() != key.is_some() {
        return Err(Error::config(
            "a client certificate is `cert` and `key` together",
        ));
    }
    Ok(etcd::Config {
        system_roots: ca.is_none(),
        ca_pem: ca,
        cert_pem: cert,
        key_pem: key.map(Secret::new),
        skip_verify: asked.options.bool("verify") == Some(false),
        ..etcd::Config::default()
    })
}

fn pem(path: &Path, key: &str) -> Result<String> {
    let unusable = |why: String| {
        Error::config(format!(
            "`{key}` of `http` cannot be used: `{}`",
            path.display()
        ))
        .because(why)
    };
    let text = std::fs::read_to_string(path).map_err(|error| unusable(error.to_string()))?;
    if text.contains("-----BEGIN ") {
        Ok(text)
    } else {
        Err(unusable("it holds no PEM".into()))
    }
}

fn secret(value: &Dynamic) -> Secret {
    match from_rhai(value) {
        Value::Secret(secret) => secret,
        Value::Text(text) => Secret::new(text),
        Value::Null => Secret::new(""),
        other => Secret::new(revealed(&other).to_string()),
    }
}

/// JSON as it is sent: with the secrets in it.
fn revealed(value: &Value) -> serde_json::Value {
    match value {
        Value::List(values) => values.iter().map(revealed).collect(),
        Value::Map(map) => {
            let pairs = map
                .iter()
                .map(|(key, value)| (key.clone(), revealed(value)));
            serde_json::Value::Object(pairs.collect())
        }
        Value::Secret(secret) => secret.reveal().into(),
        other => other.to_json(),
    }
}

/// An answer that is one: anything but 2xx is an error, unless every status is wanted.
fn checked(asked: &Asked<'_>, call: &Call, answer: Answer) -> Result<Answer> {
    if (200..300).contains(&answer.status) || asked.options.bool("any_status") == Some(true) {
        return Ok(answer);
    }
    let what = format!("`{}` answers {}", call.shown(), answer.status);
    let error = Error::new(Kind::Remote, what);
    let place = answer.headers.iter().find(|(name, _)| name == "location");
    if let Some((_, place)) = place.filter(|_| (300..400).contains(&answer.status)) {
        return Err(error.because(format!(
            "it has moved to {place}, and redirects are not followed"
        )));
    }
    let body = String::from_utf8_lossy(&answer.body);
    let first: String = body
        .lines()
        .next()
        .unwrap_or_default()
        .trim()
        .chars()
        .take(300)
        .collect();
    Err(if first.is_empty() {
        error
    } else {
        error.because(first)
    })
}

fn shown(answer: Answer) -> Map {
    let header = |(name, value): (String, String)| {
        let secret = name == "set-cookie";
        let value = if secret {
            Dynamic::from(Secret::new(value))
        } else {
            value.into()
        };
        (name.into(), value)
    };
    let json = serde_json::from_slice::<serde_json::Value>(&answer.body).ok();
    let body = String::from_utf8_lossy(&answer.body).into_owned();
    Map::from([
        ("body".into(), body.into()),
        ("called".into(), true.into()),
        (
            "headers".into(),
            answer
                .headers
                .into_iter()
                .map(header)
                .collect::<Map>()
                .into(),
        ),
        (
            "json".into(),
            json.as_ref().map_or(Dynamic::UNIT, from_json),
        ),
        ("status".into(), i64::from(answer.status).into()),
    ])
}

/// What check mode gives for a call that it does not make.
fn not_called() -> Map {
    Map::from([
        ("body".into(), "".into()),
        ("called".into(), false.into()),
        ("headers".into(), Map::new().into()),
        ("json".into(), Dynamic::UNIT),
        ("status".into(), 0_i64.into()),
    ])
}
