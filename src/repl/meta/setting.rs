//! Commands that say how what follows is done: on which hosts, in check mode, with which values, in which form.

use crate::error::{Error, Result, nearest};
use crate::repl::console::{Console, Then};
use crate::repl::show::Form;

pub(super) fn limit(console: &mut Console, pattern: &str) -> Result<Then> {
    if pattern.is_empty() {
        let limit = console.settings().limit.unwrap_or_else(|| "all".into());
        console.say(limit);
        return Ok(Then::Go);
    }
    console.change(|settings| settings.limit = (pattern != "all").then(|| pattern.to_string()))?;
    Ok(Then::Go)
}

pub(super) fn use_cluster(console: &mut Console, name: &str) -> Result<Then> {
    let chosen = if name == "all" {
        None
    } else {
        Some(crate::cluster::chosen(console.ground.clusters.clone()?, Some(name))?.name)
    };
    console.change(|settings| settings.cluster = chosen)?;
    Ok(Then::Go)
}

/// `on`, `off`, or nothing for the other one.
fn switched(text: &str, now: bool) -> Result<bool> {
    match text {
        "" => Ok(!now),
        "on" | "true" | "yes" => Ok(true),
        "off" | "false" | "no" => Ok(false),
        other => Err(Error::usage(format!("on or off, not `{other}`"))),
    }
}

pub(super) fn check(console: &mut Console, text: &str) -> Result<Then> {
    let check = switched(text, console.settings().check)?;
    console.change(|settings| settings.check = check)?;
    Ok(Then::Go)
}

pub(super) fn diff(console: &mut Console, text: &str) -> Result<Then> {
    let diff = switched(text, console.settings().diff)?;
    console.change(|settings| settings.diff = diff)?;
    console.say(if diff {
        "differences are shown"
    } else {
        "differences are not shown"
    });
    Ok(Then::Go)
}

pub(super) fn timing(console: &mut Console, text: &str) -> Result<Then> {
    console.timing = switched(text, console.timing)?;
    console.say(if console.timing {
        "times are shown"
    } else {
        "times are not shown"
    });
    Ok(Then::Go)
}

pub(super) fn format(console: &mut Console, name: &str) -> Result<Then> {
    if name.is_empty() {
        console.say(console.form.name());
        return Ok(Then::Go);
    }
    let names = || Form::ALL.into_iter().map(|(name, _)| name);
    let found = Form::ALL.into_iter().find(|(known, _)| *known == name);
    console.form = match (found, nearest(name, names())) {
        (Some((_, form)), _) => form,
        (None, Some(near)) => {
            return Err(Error::usage(format!("there is no format `{name}`"))
                .hint(format!("did you mean `:format {near}`?")));
        }
        (None, None) => {
            let all = names().collect::<Vec<_>>().join(", ");
            return Err(Error::usage(format!("there is no format `{name}`"))
                .because(format!("there are {all}")));
        }
    };
    Ok(Then::Go)
}

pub(super) fn set(console: &mut Console, text: &str) -> Result<Then> {
    if text.is_empty() {
        for (name, value) in console.settings().vars {
            console.say(crate::secret::masked(&format!("{name}={value}")));
        }
        return Ok(Then::Go);
    }
    let parts = text
        .split_once('=')
        .or_else(|| text.split_once(char::is_whitespace));
    let (name, value) = parts.ok_or_else(|| {
        Error::usage("a name and a value are needed").hint(":set etcd_init=existing")
    })?;
    let (name, value) = (
        name.trim().to_string(),
        value.trim().trim_matches(['"', '\'']).to_string(),
    );
    if name == "editing" {
        return match value.as_str() {
            "vi" | "emacs" => Ok(Then::Editing(value)),
            other => Err(Error::usage(format!(
                "`editing` takes vi or emacs, not `{other}`"
            ))),
        };
    }
    let parameters = crate::script::parameters(console.interpreter.world());
    let known: Vec<&str> = parameters
        .iter()
        .map(|parameter| parameter.name.as_str())
        .collect();
    if let Some(near) = nearest(&name, known.iter().copied()).filter(|near| *near != name) {
        console.complain(format!(
            "{} there is no parameter `{name}`; did you mean `{near}`?",
            console.paint(35, "warning:")
        ));
    }
    console.change(|settings| drop(settings.vars.insert(name, value)))?;
    Ok(Then::Go)
}

pub(super) fn unset(console: &mut Console, name: &str) -> Result<Then> {
    let vars = console.settings().vars;
    if !vars.contains_key(name) {
        let error = Error::usage(format!("`{name}` was not set with `:set`"));
        return Err(match nearest(name, vars.keys().map(String::as_str)) {
            Some(near) => error.hint(format!("did you mean `{near}`?")),
            None => error.hint(":set   # shows what was"),
        });
    }
    console.change(|settings| drop(settings.vars.shift_remove(name)))?;
    Ok(Then::Go)
}
