//! What scripts do besides primitives: work in parallel, wait, say, ask, fail, run another script.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rhai::{Array, Dynamic, Engine, EvalAltResult, FnPtr, Map, NativeCallContext};

use super::World;
use super::host::Host;
use super::plan::Kept;
use super::trouble::{Thrown, pass};
use super::value::{from_rhai, to_inventory};
use crate::error::{Error, Kind, Result};
use crate::inventory::Var;
use crate::report::Event;

type Native<T> = std::result::Result<T, Box<EvalAltResult>>;

pub(super) fn register(engine: &mut Engine, world: &Arc<World>) {
    saying(engine, world);
    waiting(engine, world);
    failing(engine);
    asking(engine, world);
    texts(engine);
    let here = Arc::clone(world);
    engine.register_fn(
        "parallel",
        move |context: NativeCallContext<'_>, items: Array, work: FnPtr| -> Native<Array> {
            in_parallel(&here, &context, &items, work)
        },
    );
    let here = Arc::clone(world);
    engine.register_fn("run", move |name: &str, options: Map| -> Native<()> {
        pass(run_script(&here, name, &options))
    });
    let here = Arc::clone(world);
    engine.register_fn("run", move |name: &str| -> Native<()> {
        pass(run_script(&here, name, &Map::new()))
    });
}

/// All items at once, on as many threads as `-f` allows. The first error in the order of the items counts.
fn in_parallel(
    world: &World,
    context: &NativeCallContext<'_>,
    items: &Array,
    work: FnPtr,
) -> Native<Array> {
    let kept = Kept::new(context, work);
    let items: Vec<Dynamic> = items.iter().map(Dynamic::flatten_clone).collect();
    let engine = context.engine();
    let results = crate::run::parallel(&items, world.session.options.forks.max(1), |item| {
        kept.call(engine, (item.clone(),))
    });
    results.into_iter().collect()
}

fn saying(engine: &mut Engine, world: &Arc<World>) {
    let here = Arc::clone(world);
    engine.on_print(move |text| {
        here.session
            .report
            .event(&Event::Message { host: None, text })
    });
    let here = Arc::clone(world);
    engine.on_debug(move |text, source, position| {
        let text = format!(
            "{}{}: {text}",
            source.map(|s| format!("{s}:")).unwrap_or_default(),
            position.line().unwrap_or(0)
        );
        here.session.report.event(&Event::Message {
            host: None,
            text: &text,
        });
    });
    let here = Arc::clone(world);
    engine.register_fn("warn", move |text: &str| here.session.report.warn(text));
    let here = Arc::clone(world);
    engine.register_fn("say", move |host: Host, text: &str| {
        here.session.report.event(&Event::Message {
            host: Some(host.name()),
            text,
        })
    });
    let here = Arc::clone(world);
    engine.register_fn("unknown", move |host: Host, subject: &str, why: &str| {
        here.session.unknown(host.name(), subject, why)
    });
}

fn waiting(engine: &mut Engine, world: &Arc<World>) {
    let here = Arc::clone(world);
    engine.register_fn(
        "wait_until",
        move |context: NativeCallContext<'_>,
              timeout: &str,
              what: &str,
              condition: FnPtr|
              -> Native<bool> { wait_until(&here, &context, timeout, what, &condition) },
    );
    let here = Arc::clone(world);
    engine.register_fn("sleep", move |time: &str| -> Native<()> {
        pass(length(time).and_then(|time| nap(&here, time)))
    });
    engine.register_fn("now", || {
        jiff::Zoned::now().strftime("%Y%m%dT%H%M%S").to_string()
    });
}

fn length(text: &str) -> Result<Duration> {
    crate::value::duration(text).ok_or_else(|| {
        Error::config(format!("`{text}` is no duration")).hint("write \"60s\" or \"500ms\"")
    })
}

/// Sleep, and wake up for Ctrl-C.
fn nap(world: &World, time: Duration) -> Result<()> {
    let end = Instant::now() + time;
    loop {
        world.session.cancel.check()?;
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(());
        }
        std::thread::sleep(left.min(Duration::from_millis(50)));
    }
}

/// The closure answers true, false, or a text that says what is still missing.
fn wait_until(
    world: &World,
    context: &NativeCallContext<'_>,
    timeout: &str,
    what: &str,
    condition: &FnPtr,
) -> Native<bool> {
    let limit = pass(length(timeout))?;
    let end = Instant::now() + limit;
    let mut pause = Duration::from_millis(25);
    loop {
        let answer = condition.call_within_context::<Dynamic>(context, ())?;
        if answer.as_bool() == Ok(true) || answer.is_unit() {
            return Ok(true);
        }
        if Instant::now() >= end {
            let error = Error::new(Kind::Remote, format!("{what}: not within {timeout}"));
            let missing = answer.into_immutable_string().ok();
            return pass(Err(match missing {
                Some(missing) => error.because(missing.to_string()),
                None => error,
            }));
        }
        pass(nap(world, pause))?;
        pause = (pause * 3 / 2).min(Duration::from_secs(1));
    }
}

fn failing(engine: &mut Engine) {
    engine
        .register_type_with_name::<Thrown>("error")
        .register_get("message", |error: &mut Thrown| error.0.headline())
        .register_get("text", |error: &mut Thrown| error.0.to_string())
        .register_get("what", |error: &mut Thrown| error.0.what.clone())
        .register_get("host", |error: &mut Thrown| {
            error.0.host.clone().unwrap_or_default()
        })
        .register_get("kind", |error: &mut Thrown| {
            format!("{:?}", error.0.kind).to_lowercase()
        })
        .register_get("causes", |error: &mut Thrown| -> Array {
            error.0.causes.iter().cloned().map(Dynamic::from).collect()
        })
        .register_fn("to_string", |error: &mut Thrown| error.0.headline())
        .register_fn("fail", |text: &str| -> Native<()> {
            pass(Err(failure(text, &Map::new())))
        })
        .register_fn("fail", |text: &str, options: Map| -> Native<()> {
            pass(Err(failure(text, &options)))
        })
        .register_fn("fail", |host: Host, text: &str| -> Native<()> {
            pass(Err(failure(text, &Map::new()).on(host.name())))
        })
        .register_fn(
            "fail",
            |host: Host, text: &str, options: Map| -> Native<()> {
                pass(Err(failure(text, &options).on(host.name())))
            },
        );
}

/// `options`: `because` and `hint`, each a text or a list of them; `unknown: true` for what could not be told.
fn failure(text: &str, options: &Map) -> Box<Error> {
    let texts = |key: &str| -> Vec<String> {
        match options.get(key).map(from_rhai) {
            Some(crate::value::Value::List(values)) => values
                .iter()
                .filter_map(|value| value.as_text().map(str::to_string))
                .collect(),
            Some(value) => value.as_text().map(str::to_string).into_iter().collect(),
            None => Vec::new(),
        }
    };
    let kind = if options
        .get("unknown")
        .is_some_and(|value| value.as_bool() == Ok(true))
    {
        Kind::Unknown
    } else {
        Kind::Config
    };
    let mut error = Error::new(kind, text);
    error.causes = texts("because");
    error.hints = texts("hint").into_iter().map(Into::into).collect();
    if let Some(stderr) = options.get("log") {
        error.stderr = stderr.to_string();
    }
    error
}

fn asking(engine: &mut Engine, world: &Arc<World>) {
    let here = Arc::clone(world);
    engine.register_fn("confirm", move |question: &str, word: &str| -> Native<()> {
        pass(if here.session.options.check {
            Ok(())
        } else {
            here.session.ask_to_type(question, word)
        })
    });
    let here = Arc::clone(world);
    engine.register_fn("checking", move || here.session.options.check);
    let here = Arc::clone(world);
    engine.register_fn("selected", move |tag: &str| {
        let draft = here.draft();
        draft.selected.contains(tag)
            || draft
                .tasks
                .iter()
                .any(|task| task.tags().any(|name| name == tag) && here.selection.takes(task))
    });
    let here = Arc::clone(world);
    engine.register_fn("named_tag", move |tag: &str| {
        here.selection.tags.iter().any(|name| name == tag)
    });
    let here = Arc::clone(world);
    engine.register_fn("beside", move |path: &str| {
        here.beside.join(path).display().to_string()
    });
    let here = Arc::clone(world);
    engine.register_fn(
        "fetch_to",
        move |host: Host, path: &str, target: &str| -> Native<()> {
            pass((|| {
                let link = host.link()?;
                let target = here.beside.join(target);
                here.session.change(
                    "localhost",
                    &format!("copy {}", target.display()),
                    &[format!("from {} on {}", path, host.name())],
                    None,
                    || {
                        make_folder(&target)?;
                        here.session.fetch_to(&link, path, &target)
                    },
                )?;
                Ok(())
            })())
        },
    );
}

/// The folder of a file that is about to be written here, for the owner alone.
pub(super) fn make_folder(file: &std::path::Path) -> Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    let Some(folder) = file.parent() else {
        return Ok(());
    };
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(|error| {
            Error::config(format!("the folder `{}` cannot be made", folder.display()))
                .because(error.to_string())
        })
}

fn texts(engine: &mut Engine) {
    engine.register_fn("yaml", |value: Dynamic| -> Native<String> {
        let json = from_rhai(&value).to_json();
        pass(serde_yaml::to_string(&json).map_err(|error| {
            Error::config("no YAML can be made of that").because(error.to_string())
        }))
    });
    engine.register_fn("from_yaml", |text: &str| -> Native<Dynamic> {
        let parsed = crate::inventory::parse_value("text", text);
        pass(parsed.map(|value| super::value::to_rhai(super::value::from_inventory(value))))
    });
    engine.register_fn(
        "yaml_block",
        |text: &str, key: &str, name: &str, items: &str| -> Native<String> {
            pass(super::yaml_block::put(text, key, name, items))
        },
    );
    engine.register_fn("bundled", |path: &str| -> Native<String> {
        pass(
            super::embedded::any(path)
                .map(str::to_string)
                .ok_or_else(|| Error::config(format!("no `{path}` is inside the program"))),
        )
    });
    engine.register_fn("nearest", |word: &str, known: Array| -> String {
        let known: Vec<String> = known.iter().map(ToString::to_string).collect();
        crate::error::nearest(word, known.iter().map(String::as_str))
            .unwrap_or_default()
            .to_string()
    });
    engine.register_fn("join", |items: Array, between: &str| -> String {
        items
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(between)
    });
    engine.register_fn("quote", |text: &str| crate::command::quote(text));
}

/// Another script with other variables or another limit, over the same connections.
fn run_script(world: &Arc<World>, name: &str, options: &Map) -> Result<()> {
    let mut inventory = (*world.inventory).clone();
    let (mut limit, mut tags) = (world.limit.clone(), Vec::new());
    for (key, value) in options {
        match key.as_str() {
            "limit" => limit = Some(value.to_string()),
            "tags" => tags = crate::run::Selection::words(&[value.to_string()]),
            "vars" => {
                let map = value
                    .clone()
                    .try_cast::<Map>()
                    .ok_or_else(|| Error::config("`vars` of `run` takes a map"))?;
                let mut extra = inventory.extra().clone();
                extra.extend(map.iter().map(|(key, value)| {
                    (key.to_string(), Var::from(to_inventory(from_rhai(value))))
                }));
                inventory.set_extra(extra);
            }
            other => {
                return Err(Error::config(format!("`run` has no option `{other}`"))
                    .hint("there are limit, tags and vars"));
            }
        }
    }
    let script = match super::embedded::named(name) {
        Some((path, text)) => super::Script {
            folder: None,
            name: path.to_string(),
            text: text.to_string(),
        },
        None => super::Script::open(name)?,
    };
    let parts = super::world::Parts {
        args: Vec::new(),
        beside: world.beside.clone(),
        inventory: Arc::new(inventory),
        limit,
        listing: world.listing,
        login: world.login.clone(),
        script_folder: script.folder.clone(),
        selection: crate::run::Selection {
            tags,
            ..Default::default()
        },
        session: Arc::clone(&world.session),
    };
    let score = super::Interpreter::open(World::new(parts), &script)?.run(None)?;
    match score.errors.into_iter().next() {
        None => Ok(()),
        Some(error) => Err(Box::new(error)),
    }
}
