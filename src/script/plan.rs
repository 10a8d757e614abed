//! What a script declares: `play`, `task`, `cluster_task`, `group`. Nothing runs here.

#![allow(
    deprecated,
    reason = "Rhai marks the stored call context as volatile, not as obsolete; closures need it to keep their imports"
)]

use std::sync::Arc;

use rhai::{
    Array, Dynamic, Engine, EvalAltResult, FnPtr, FuncArgs, Map, NativeCallContext,
    NativeCallContextStore,
};

use super::World;
use super::host::Host;
use super::trouble::{from_rhai, into_rhai, pass};
use crate::error::{Error, Result, nearest};
use crate::run::{Body, Task};

type Native<T> = std::result::Result<T, Box<EvalAltResult>>;

/// A closure of a script that is called later, on any thread, with its imports and captures.
pub(super) struct Kept {
    closure: FnPtr,
    context: NativeCallContextStore,
}

impl Kept {
    pub(super) fn new(context: &NativeCallContext<'_>, mut closure: FnPtr) -> Kept {
        // A captured variable is shared; every thread gets what it is now.
        let curried: Vec<Dynamic> = closure.iter_curry().map(Dynamic::flatten_clone).collect();
        closure.set_curry(curried);
        Kept {
            closure,
            context: context.store_data(),
        }
    }

    pub(super) fn call(&self, engine: &Engine, args: impl FuncArgs) -> Native<Dynamic> {
        let context = NativeCallContext::from_stored_data(engine, &self.context);
        self.closure.call_within_context(&context, args)
    }
}

/// The engine, for closures that run after the call that declared them. Set once per world by the runner.
pub(super) type Engines = Arc<std::sync::OnceLock<std::sync::Weak<super::Interpreter>>>;

const OPTIONS: [&str; 6] = ["alias", "always", "fail", "on", "serial", "variant"];

struct Declared {
    aliases: Vec<String>,
    always: bool,
    on: Option<Vec<String>>,
    serial: Option<usize>,
    variants: Vec<String>,
    warn: bool,
}

fn words(value: &Dynamic) -> Vec<String> {
    match value.clone().try_cast::<Array>() {
        Some(array) => array.iter().map(ToString::to_string).collect(),
        None => vec![value.to_string()],
    }
}

fn options(world: &Arc<World>, map: &Map) -> Result<Declared> {
    let mut declared = Declared {
        aliases: Vec::new(),
        always: false,
        on: None,
        serial: None,
        variants: Vec::new(),
        warn: false,
    };
    for (key, value) in map {
        match key.as_str() {
            "alias" => declared.aliases = words(value),
            "always" => declared.always = value.as_bool().unwrap_or(false),
            "fail" => match value.to_string().as_str() {
                "warn" => declared.warn = true,
                "stop" => {}
                other => {
                    return Err(Error::config(format!(
                        "`fail` of a task takes \"warn\" or \"stop\", not `{other}`"
                    )));
                }
            },
            "on" => declared.on = Some(names(world, value)?),
            "serial" => {
                let size = value
                    .as_int()
                    .ok()
                    .and_then(|size| usize::try_from(size).ok())
                    .filter(|size| *size > 0);
                declared.serial = Some(size.ok_or_else(|| {
                    Error::config(format!(
                        "`serial` of a task takes a number of hosts, not `{value}`"
                    ))
                })?);
            }
            "variant" => declared.variants = words(value),
            other => {
                let error = Error::config(format!("a task has no option `{other}`"));
                return Err(match nearest(other, OPTIONS) {
                    Some(near) => error.hint(format!("did you mean `{near}`?")),
                    None => error,
                });
            }
        }
    }
    Ok(declared)
}

/// Host names from a pattern, a host, or an array of hosts. A group that is not there is no host at all.
fn names(world: &Arc<World>, value: &Dynamic) -> Result<Vec<String>> {
    if let Some(host) = value.clone().try_cast::<Host>() {
        return Ok(vec![host.name().to_string()]);
    }
    if let Some(array) = value.clone().try_cast::<Array>() {
        return array
            .iter()
            .map(|item| names(world, item))
            .collect::<Result<Vec<_>>>()
            .map(|all| all.concat());
    }
    let pattern = value.to_string();
    if world.inventory.has_group(&pattern) || world.inventory.has_host(&pattern) {
        world.inventory.select(&pattern)
    } else {
        Ok(Vec::new())
    }
}

fn clusters(world: &Arc<World>, name: &str, value: &Dynamic) -> Result<Vec<(String, Vec<String>)>> {
    let all = match value.clone().try_cast::<Map>() {
        Some(map) => map
            .iter()
            .map(|(cluster, hosts)| Ok((cluster.to_string(), names(world, hosts)?)))
            .collect::<Result<Vec<_>>>()?,
        None => vec![(name.to_string(), names(world, value)?)],
    };
    let selected = world.select("all")?;
    // Clusters and hosts in the order of the inventory, whatever a map makes of it.
    let rank = |host: &String| selected.iter().position(|name| name == host);
    let mut all: Vec<(String, Vec<String>)> = all
        .into_iter()
        .map(|(cluster, mut hosts)| {
            hosts.retain(|host| rank(host).is_some());
            hosts.sort_by_key(rank);
            (cluster, hosts)
        })
        .filter(|(_, hosts)| !hosts.is_empty())
        .collect();
    all.sort_by_key(|(_, hosts)| hosts.first().and_then(rank));
    Ok(all)
}

fn declare(world: &Arc<World>, name: &str, description: &str, map: &Map, body: Body) -> Result<()> {
    let declared = options(world, map)?;
    let mut draft = world.draft();
    if draft.tasks.iter().any(|task| task.name == name) {
        return Err(Error::config(format!("two tasks are called `{name}`")));
    }
    let groups = draft.groups.clone();
    draft.tasks.push(Task {
        aliases: declared.aliases,
        always: declared.always,
        body,
        description: description.to_string(),
        groups,
        name: name.to_string(),
        on: declared.on,
        serial: declared.serial,
        variants: declared.variants,
        warn: declared.warn,
    });
    Ok(())
}

fn finish(engines: &Engines, result: impl FnOnce(&Engine) -> Native<Dynamic>) -> Result<()> {
    let interpreter = engines
        .get()
        .and_then(std::sync::Weak::upgrade)
        .ok_or_else(|| Error::internal("a task outlived its script"))?;
    result(interpreter.engine()).map(|_| ()).map_err(|error| {
        from_rhai(&error, interpreter.name(), &|file| {
            interpreter.source_of(file)
        })
    })
}

fn host_body(world: &Arc<World>, engines: &Engines, kept: Kept) -> Body {
    let (world, engines) = (Arc::downgrade(world), Arc::clone(engines));
    Body::Host(Box::new(move |name| {
        let world = world
            .upgrade()
            .ok_or_else(|| Error::internal("a task outlived its world"))?;
        finish(&engines, |engine| {
            kept.call(engine, (Host::new(&world, name),))
        })
        .map_err(|error| error.on(name))
    }))
}

fn cluster_body(world: &Arc<World>, engines: &Engines, kept: Kept) -> Body {
    let (world, engines) = (Arc::downgrade(world), Arc::clone(engines));
    Body::Cluster(Box::new(move |names| {
        let world = world
            .upgrade()
            .ok_or_else(|| Error::internal("a task outlived its world"))?;
        let hosts: Array = names
            .iter()
            .map(|name| Dynamic::from(Host::new(&world, name)))
            .collect();
        finish(&engines, |engine| kept.call(engine, (hosts,)))
    }))
}

/// The tasks that `body` declares lie in groups of all these names.
fn within(
    world: &World,
    context: &NativeCallContext<'_>,
    names: Vec<String>,
    body: &FnPtr,
) -> Native<()> {
    let outer = world.draft().groups.len();
    world.draft().groups.extend(names);
    let result = body.call_within_context::<Dynamic>(context, ());
    world.draft().groups.truncate(outer);
    result.map(|_| ())
}

pub(super) fn register(engine: &mut Engine, world: &Arc<World>, engines: &Engines) {
    type Make = fn(&Arc<World>, &Engines, Kept) -> Body;
    for (word, make) in [
        ("task", host_body as Make),
        ("cluster_task", cluster_body as Make),
    ] {
        let (here, late) = (Arc::clone(world), Arc::clone(engines));
        engine.register_fn(
            word,
            move |context: NativeCallContext<'_>,
                  name: &str,
                  description: &str,
                  options: Map,
                  body: FnPtr|
                  -> Native<()> {
                pass(declare(
                    &here,
                    name,
                    description,
                    &options,
                    make(&here, &late, Kept::new(&context, body)),
                ))
            },
        );
        let (here, late) = (Arc::clone(world), Arc::clone(engines));
        engine.register_fn(
            word,
            move |context: NativeCallContext<'_>,
                  name: &str,
                  description: &str,
                  body: FnPtr|
                  -> Native<()> {
                pass(declare(
                    &here,
                    name,
                    description,
                    &Map::new(),
                    make(&here, &late, Kept::new(&context, body)),
                ))
            },
        );
    }
    let here = Arc::clone(world);
    engine.register_fn(
        "group",
        move |context: NativeCallContext<'_>,
              name: &str,
              _description: &str,
              body: FnPtr|
              -> Native<()> { within(&here, &context, vec![name.to_string()], &body) },
    );
    let here = Arc::clone(world);
    engine.register_fn(
        "group",
        move |context: NativeCallContext<'_>,
              name: &str,
              _description: &str,
              options: Map,
              body: FnPtr|
              -> Native<()> {
            let mut names = vec![name.to_string()];
            for (key, value) in &options {
                match key.as_str() {
                    "alias" => names.extend(words(value)),
                    other => {
                        return Err(into_rhai(
                            Error::config(format!("a group has no option `{other}`"))
                                .hint("there is `alias`"),
                        ));
                    }
                }
            }
            within(&here, &context, names, &body)
        },
    );
    let here = Arc::clone(world);
    engine.register_fn(
        "play",
        move |name: &str, hosts: Dynamic, options: Map| -> Native<()> {
            for key in options.keys() {
                if key != "become" {
                    return Err(into_rhai(
                        Error::config(format!("a play has no option `{key}`"))
                            .hint("there is `become`"),
                    ));
                }
            }
            let become_root = options
                .get("become")
                .is_some_and(|value| value.as_bool().unwrap_or(false));
            pass(set_play(&here, name, &hosts, become_root))
        },
    );
    let here = Arc::clone(world);
    engine.register_fn("play", move |name: &str, hosts: Dynamic| -> Native<()> {
        pass(set_play(&here, name, &hosts, false))
    });
    let here = Arc::clone(world);
    engine.register_fn("as_root", move || here.draft().become_root = true);
}

fn set_play(world: &Arc<World>, name: &str, hosts: &Dynamic, become_root: bool) -> Result<()> {
    let clusters = clusters(world, name, hosts)?;
    let mut draft = world.draft();
    if !draft.play.is_empty() {
        return Err(Error::config("a script has one `play`"));
    }
    draft.become_root |= become_root;
    draft.clusters = clusters;
    draft.play = name.to_string();
    Ok(())
}
