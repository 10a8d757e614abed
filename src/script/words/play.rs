//! What a script declares: `play`, `task`, `cluster_task`, `group`. Nothing runs here.

#![allow(
    deprecated,
    reason = "Rhai marks the stored call context as volatile, not as obsolete; closures need it to keep their imports"
)]

use std::sync::Arc;

use rhai::{
    Array, Dynamic, Engine, FnPtr, FuncArgs, Map, NativeCallContext, NativeCallContextStore,
};

use super::bind::{Call, Native, word};
use super::host::Host;
use crate::error::{Error, Result};
use crate::run::{Body, Task};
use crate::script::World;
use crate::script::trouble::{from_rhai, pass};
use crate::word::{Arg, Gets, Section, Type, Word};

/// A closure of a script that is called later, on any thread, with its imports and captures.
pub(in crate::script) struct Kept {
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
pub(in crate::script) type Engines =
    Arc<std::sync::OnceLock<std::sync::Weak<crate::script::Interpreter>>>;

const TASK_OPTIONS: &[Arg] = &[
    Arg::new("alias", Type::Texts, "more tags"),
    Arg::new(
        "always",
        Type::Bool,
        "run it whatever tags are selected; false by default",
    ),
    Arg::new(
        "fail",
        Type::OneOf(&["stop", "warn"]),
        "`warn` makes a failure a warning; `stop` by default",
    ),
    Arg::new(
        "on",
        Type::Hosts,
        "work on these instead of the play's hosts",
    ),
    Arg::new(
        "quiet",
        Type::Bool,
        "show it only where it does something; false by default",
    ),
    Arg::new(
        "serial",
        Type::Int,
        "hosts at once; the first failure leaves the rest alone; by default up to `-f`",
    ),
    Arg::new(
        "variant",
        Type::Texts,
        "more tags, which mean something else: the body asks `named_tag`",
    ),
];

const PLAY: Word = Word::function(
    Section::Play,
    "play",
    "Say which hosts the tasks run on.\nA script has one. What `-l` leaves out is left out here.",
)
.takes(&[
    Arg::new("name", Type::Text, "what the recap calls it"),
    Arg::new(
        "hosts",
        Type::Hosts,
        "a pattern, an array of hosts, or a map of clusters to hosts",
    ),
])
.with(&[Arg::new(
    "become",
    Type::Bool,
    "become root; by default as `-b` says",
)])
.example(r#"play("etcd", etcd::clusters(), #{ become: true })"#);

const TASK: Word = Word::function(
    Section::Play,
    "task",
    "Declare work on each host of the play, on up to `-f` hosts at once.\nThe name is a tag. Nothing runs before the whole script has been read.",
)
.takes(&[
    Arg::new("name", Type::Text, "its name, and its tag"),
    Arg::new("description", Type::Text, "what it does, in one line"),
    Arg::new("body", Type::Function(1, Gets::Host), "the work"),
])
.with(TASK_OPTIONS)
.example(r#"task("motd", "say who manages this host", |h| h.file("/etc/motd", #{ content: "managed by etcdsh\n" }))"#);

const CLUSTER_TASK: Word = Word::function(
    Section::Play,
    "cluster_task",
    "Declare work on each cluster of the play, with its selected hosts as an array; clusters side by side.",
)
.takes(&[
    Arg::new("name", Type::Text, "its name, and its tag"),
    Arg::new("description", Type::Text, "what it does, in one line"),
    Arg::new("body", Type::Function(1, Gets::Hosts), "the work"),
])
.with(TASK_OPTIONS)
.example(r#"cluster_task("say", "say how many there are", |members| print(members.len()))"#);

const GROUP: Word = Word::function(Section::Play, "group", "Give tasks a common tag.")
    .takes(&[
        Arg::new("name", Type::Text, "the tag"),
        Arg::new("description", Type::Text, "what they do, in one line"),
        Arg::new("body", Type::Function(0, Gets::Nothing), "declares the tasks"),
    ])
    .with(&[Arg::new("alias", Type::Texts, "more tags")])
    .example(r#"group("all", "both of them", || { task("a", "the one", |h| h.run("true")); task("b", "the other", |h| h.run("true")); })"#);

const AS_ROOT: Word = Word::function(
    Section::Play,
    "as_root",
    "Become root on the hosts of this script, when it has no `play`.",
)
.example("as_root()");

pub(super) const WORDS: &[&Word] = &[&PLAY, &TASK, &CLUSTER_TASK, &GROUP, &AS_ROOT];

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

fn declare(world: &Arc<World>, call: &Call<'_>, body: Body) -> Result<()> {
    let options = &call.options;
    let serial = match options.int("serial") {
        None => None,
        Some(size) => Some(
            usize::try_from(size)
                .ok()
                .filter(|size| *size > 0)
                .ok_or_else(|| {
                    Error::config(format!(
                        "`serial` of a task takes a number of hosts, not `{size}`"
                    ))
                })?,
        ),
    };
    let name = call.text(0);
    let on = call
        .raw("on")
        .map(|hosts| names(world, &hosts))
        .transpose()?;
    let mut draft = world.draft();
    if draft.tasks.iter().any(|task| task.name == name) {
        return Err(Error::config(format!("two tasks are called `{name}`")));
    }
    let groups = draft.groups.clone();
    draft.tasks.push(Task {
        aliases: options.texts("alias"),
        always: options.bool("always").unwrap_or(false),
        body,
        description: call.text(1),
        groups,
        name,
        on,
        quiet: options.bool("quiet").unwrap_or(false),
        serial,
        variants: options.texts("variant"),
        warn: options.text("fail").as_deref() == Some("warn"),
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
    for (task, make) in [
        (&TASK, host_body as Make),
        (&CLUSTER_TASK, cluster_body as Make),
    ] {
        let (here, late) = (Arc::clone(world), Arc::clone(engines));
        word(engine, task, move |call| {
            let body = make(&here, &late, Kept::new(call.context(), call.function()));
            pass(declare(&here, call, body)).map(Into::into)
        });
    }
    let here = Arc::clone(world);
    word(engine, &GROUP, move |call| {
        let mut names = vec![call.text(0)];
        names.extend(call.options.texts("alias"));
        within(&here, call.context(), names, &call.function()).map(Into::into)
    });
    let here = Arc::clone(world);
    word(engine, &PLAY, move |call| {
        let become_root = call.options.bool("become").unwrap_or(false);
        pass(set_play(&here, &call.text(0), &call.arg(1), become_root)).map(Into::into)
    });
    let here = Arc::clone(world);
    word(engine, &AS_ROOT, move |_| {
        here.draft().become_root = true;
        Ok(Dynamic::UNIT)
    });
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
