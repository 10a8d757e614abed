//! The lookups of templates: `env`, `file`, `vars`, and `pipe` where it is allowed.
//!
//! A template that runs programs is a script that nobody wrote as one: `pipe` runs only where the command line says so.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use minijinja::value::{Kwargs, Rest, ValueKind};
use minijinja::{Error as JinjaError, Value as Jinja};

use super::super::load;
use super::super::value::Value;
use super::convert::from_jinja;
use super::scope::Scope;
use crate::error::{Error, Hint, Result, nearest};

/// The variable of `-e` that allows `pipe`; an inventory cannot allow it.
const ALLOWED: &str = "etcdsh_lookup_pipe";

const NAMES: [&str; 4] = ["env", "file", "pipe", "vars"];

/// `lookup` as a function of templates; as a `list` it is called `query`.
pub(super) fn function(scope: &Arc<Scope>, list: bool) -> Jinja {
    let scope = Arc::clone(scope);
    Jinja::from_function(move |name: &str, terms: Rest<Jinja>, options: Kwargs| {
        look_up(&scope, name, &terms, &options, list)
    })
}

fn look_up(
    scope: &Arc<Scope>,
    name: &str,
    terms: &[Jinja],
    options: &Kwargs,
    list: bool,
) -> std::result::Result<Jinja, JinjaError> {
    let list = options.get::<Option<bool>>("wantlist")?.unwrap_or(list);
    let errors = options.get::<Option<String>>("errors")?.unwrap_or_default();
    let mut found = Vec::new();
    for term in terms {
        let several: Vec<Jinja> = match term.kind() {
            ValueKind::Seq => term.try_iter()?.collect(),
            _ => vec![term.clone()],
        };
        for term in several {
            match one(scope, name, &term, options) {
                Ok(value) => found.push(value),
                Err(_) if ["ignore", "warn"].contains(&errors.as_str()) => {
                    return Ok(if list {
                        Jinja::from(Vec::<Jinja>::new())
                    } else {
                        Jinja::from(())
                    });
                }
                Err(error) => return Err(error),
            }
        }
    }
    if list {
        return Ok(found.into());
    }
    if let [only] = found.as_slice() {
        return Ok(only.clone());
    }
    let texts = found
        .iter()
        .map(|value| from_jinja(value).map(|value| value.to_text()));
    let texts: std::result::Result<Vec<String>, JinjaError> = texts.collect();
    Ok(texts?.join(",").into())
}

fn one(
    scope: &Arc<Scope>,
    name: &str,
    term: &Jinja,
    options: &Kwargs,
) -> std::result::Result<Jinja, JinjaError> {
    let text = from_jinja(term)?.to_text();
    let default = options.get::<Option<Jinja>>("default")?;
    let short = name.strip_prefix("ansible.builtin.").unwrap_or(name);
    let found = match short {
        "env" => {
            let name = text.split_whitespace().next().unwrap_or_default();
            return Ok(match std::env::var_os(name) {
                Some(value) => value.to_string_lossy().into_owned().into(),
                None => default.unwrap_or_else(|| "".into()),
            });
        }
        "vars" => return variable(scope, &text, default),
        "file" => {
            let keep = |name, default| {
                let given = options.get::<Option<bool>>(name);
                given.map(|given| !given.unwrap_or(default))
            };
            file(scope, &text)
                .map(|value| trimmed(value, keep("lstrip", false), keep("rstrip", true)))
        }
        "pipe" => pipe(scope, &text).map(Ok),
        other => Err(unknown(other)),
    };
    let value = found.map_err(|error| scope.refused(error))??;
    Ok(scope.seen(&value))
}

fn variable(
    scope: &Arc<Scope>,
    name: &str,
    default: Option<Jinja>,
) -> std::result::Result<Jinja, JinjaError> {
    let context = Jinja::from_dyn_object(Arc::clone(scope));
    let found = context.get_attr(name)?;
    match default {
        _ if !found.is_undefined() => Ok(found),
        Some(default) => Ok(default),
        None => Err(scope.refused(Error::config(format!(
            "variable `{name}`, which a lookup names, is not defined"
        )))),
    }
}

type Kept = std::result::Result<bool, JinjaError>;

fn trimmed(
    value: Value,
    keep_start: Kept,
    keep_end: Kept,
) -> std::result::Result<Value, JinjaError> {
    let (keep_start, keep_end) = (keep_start?, keep_end?);
    let cut = |text: &str| {
        let text = if keep_start { text } else { text.trim_start() };
        let text = if keep_end { text } else { text.trim_end() };
        text.to_string()
    };
    Ok(match value {
        Value::Secret(secret) => Value::Secret(crate::secret::Secret::new(cut(secret.reveal()))),
        other => Value::Str(cut(&other.to_text())),
    })
}

/// A file beside the script or the inventory, or in a folder `files` there, as Ansible finds it.
fn file(scope: &Scope, name: &str) -> Result<Value> {
    let path = load::expand_home(name);
    let folders = &scope.world.inventory.folders;
    let places: Vec<PathBuf> = if path.is_absolute() {
        vec![path]
    } else {
        let beside = |folder: &PathBuf| [folder.join("files").join(&path), folder.join(&path)];
        let mut places: Vec<PathBuf> = folders.iter().flat_map(beside).collect();
        let mut seen = std::collections::HashSet::new();
        places.retain(|place| seen.insert(place.clone()));
        places
    };
    let Some(found) = places.iter().find(|place| place.is_file()) else {
        let looked: Vec<String> = places
            .iter()
            .map(|place| place.display().to_string())
            .collect();
        return Err(
            Error::config(format!("there is no file `{name}` for a lookup"))
                .because(format!("looked for {}", looked.join(", "))),
        );
    };
    let text = load::read_text(found)?;
    scope.opened(&found.display().to_string(), text)
}

fn pipe(scope: &Scope, command: &str) -> Result<Value> {
    let inventory = &scope.world.inventory;
    let allowed = inventory
        .extra()
        .get(ALLOWED)
        .and_then(|var| var.value.as_bool());
    if allowed != Some(true) {
        return Err(Error::config("a template may not run programs")
            .because(format!(
                "`lookup('pipe', ...)` wants to run `{command}` on this machine"
            ))
            .hint(Hint::Set(format!("{ALLOWED}=true"))));
    }
    let failed =
        |why: String| Error::config(format!("the lookup of `{command}` failed")).because(why);
    let folder = inventory
        .folders
        .first()
        .map_or(Path::new("."), PathBuf::as_path);
    let folder = if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    };
    let output = Command::new("/bin/sh")
        .args(["-c", command])
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| failed(error.to_string()))?;
    if !output.status.success() {
        let stderr = String::from_utf8_lossy(&output.stderr);
        let mut error = failed(output.status.to_string());
        error.stderr = stderr.into_owned();
        return Err(error);
    }
    let text = String::from_utf8(output.stdout).map_err(|_| failed("it printed no text".into()))?;
    Ok(Value::Str(text.trim_end().to_string()))
}

fn unknown(name: &str) -> Box<Error> {
    let error = Error::config(format!("there is no lookup `{name}`"));
    match nearest(name, NAMES) {
        Some(near) => error.hint(format!("did you mean `{near}`?")),
        None => error.because(format!("there are {}", NAMES.join(", "))),
    }
}
