//! Words for several hosts, for waiting, and for other scripts.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rhai::{Array, Dynamic, Engine, EvalAltResult, FnPtr, NativeCallContext};

use super::bind::{Call, Native, on_host, word};
use super::host::Host;
use super::play::{Engines, Kept};
use crate::error::{Error, Kind, Result};
use crate::inventory::Var;
use crate::run::Session;
use crate::script::trouble::{from_rhai, pass, with_thrown};
use crate::script::value::to_inventory;
use crate::script::{Interpreter, Parts, Script, World, embedded};
use crate::value::{Value, duration};
use crate::word::{Arg, Args, Gets, Section, Type, Word};

const PARALLEL: Word = Word::function(
    Section::Flow,
    "parallel",
    "Call a function for each item, `-f` at once, and return the results in order. The first error counts.",
)
.takes(&[
    Arg::new("items", Type::Array, "the items, as a rule hosts"),
    Arg::new("work", Type::Function(1, Gets::Item), "the work on one of them"),
])
.gives(Type::Array)
.example(r#"parallel(hosts, |h| h.run("uptime", #{ changes: false }).stdout)"#);

const WAIT_UNTIL: Word = Word::function(
    Section::Flow,
    "wait_until",
    "Call a function again and again until it returns true or `()`; a text says what is still missing.\nFails when the time is up.",
)
.takes(&[
    Arg::new("timeout", Type::Duration, "give up after this long"),
    Arg::new("what", Type::Text, "what is waited for, as the error says it"),
    Arg::new("condition", Type::Function(0, Gets::Nothing), "the question"),
])
.gives(Type::Bool)
.example(r#"wait_until("60s", "all members answer", || e.status().all(|member| member.ok))"#);

const RETRY: Word = Word::function(
    Section::Flow,
    "retry",
    "Call a function until it ends without an error, and return what it returns; the last error counts.",
)
.takes(&[
    Arg::new("times", Type::Int, "call it at most this many times"),
    Arg::new("work", Type::Function(0, Gets::Nothing), "the work"),
])
.with(&[Arg::new(
    "every",
    Type::Duration,
    "wait this long between two calls; 1s by default",
)])
.gives(Type::Any)
.example(r#"let list = retry(5, #{ every: "2s" }, || e.member_list());"#);

const SLEEP: Word = Word::function(Section::Flow, "sleep", "Sleep; Ctrl-C wakes it.")
    .takes(&[Arg::new(
        "time",
        Type::Duration,
        "for this long, such as \"500ms\"",
    )])
    .example(r#"sleep("500ms")"#);

const RUN: Word = Word::function(
    Section::Flow,
    "run",
    "Run another script over the same connections. With a host, `h.run(...)`, it is the primitive.",
)
.takes(&[Arg::new(
    "script",
    Type::Text,
    "a bundled script such as `etcd`, or a path",
)])
.with(&[
    Arg::new("args", Type::Texts, "the words of the script, in its `args`"),
    Arg::new("check", Type::Bool, "show what would change and change nothing, as with `-C`; as the run itself by default"),
    Arg::new("diff", Type::Bool, "with `check`: show the difference of each file, as with `-D`; as the run itself by default"),
    Arg::new(
        "limit", Type::Text, "a pattern, instead of that of `-l`"),
    Arg::new(
        "tags",
        Type::Texts,
        "run only tasks with these; a list, or a text with commas",
    ),
    Arg::new(
        "vars",
        Type::Map,
        "variables that win over all others, as with `-e`",
    ),
])
.example(r#"run("etcd", #{ limit: "10.10.10.13", vars: #{ etcd_init: "existing" } })"#);

const FETCH_TO: Word = Word::function(
    Section::Flow,
    "fetch_to",
    "Copy a file of the host, of any size, to a file beside the inventory.",
)
.takes(&[
    Arg::new("h", Type::Host, "the host"),
    Arg::new("path", Type::Path, "the file there"),
    Arg::new(
        "target",
        Type::File,
        "the file here, made for its owner alone",
    ),
])
.with(&[Arg::new(
    "database",
    Type::Bool,
    "it is a database of etcd, and what came must be a whole one; false by default",
)])
.example(r#"fetch_to(h, "/etc/etcd/etcd.conf", "backup/etcd.conf")"#);

const LOCK_HOSTS: Word = Word::function(
    Section::Flow,
    "lock_hosts",
    "Take the lock of the run on these hosts, too, before something is judged that another run could change meanwhile.\nThe hosts of the play are locked before the first change by themselves. One that cannot be reached is left out, when the run does not change it. Returns the names of those that were left out: runs that \
     reach different hosts never both hold more than half of them. Nothing in check mode.",
)
.gives(Type::Array)
.takes(&[Arg::new("hosts", Type::Array, "the hosts, as a rule all members of a cluster")])
.example(r"lock_hosts(hosts)");

pub(super) const WORDS: &[&Word] = &[
    &PARALLEL,
    &WAIT_UNTIL,
    &RETRY,
    &SLEEP,
    &RUN,
    &FETCH_TO,
    &LOCK_HOSTS,
];

pub(super) fn register(engine: &mut Engine, world: &Arc<World>, engines: &Engines) {
    let (here, engines) = (Arc::clone(world), Arc::clone(engines));
    word(engine, &PARALLEL, move |call| {
        in_parallel(
            &here,
            &engines,
            call.context(),
            &call.array(0),
            call.function(),
        )
        .map(Into::into)
    });
    let here = Arc::clone(world);
    word(engine, &WAIT_UNTIL, move |call| {
        wait_until(&here, call).map(Into::into)
    });
    let here = Arc::clone(world);
    word(engine, &RETRY, move |call| retry(&here, call));
    let here = Arc::clone(world);
    word(engine, &SLEEP, move |call| {
        pass(length(call, 0).and_then(|time| nap(&here, time))).map(Into::into)
    });
    let here = Arc::clone(world);
    word(engine, &RUN, move |call| {
        pass(run_script(&here, &call.text(0), &call.options)).map(Into::into)
    });
    let here = Arc::clone(world);
    word(engine, &FETCH_TO, move |call| {
        pass(fetch_to(&here, call)).map(Into::into)
    });
    let here = Arc::clone(world);
    word(engine, &LOCK_HOSTS, move |call| {
        let links = call.array(0).into_iter().map(|host| {
            let host = host.try_cast::<Host>();
            host.ok_or_else(|| Error::config("`lock_hosts` takes hosts"))?
                .link()
        });
        pass(
            links
                .collect::<Result<_>>()
                .and_then(|links| here.session.lock_also(links)),
        )
        .map(|open| {
            open.into_iter()
                .map(Dynamic::from)
                .collect::<Array>()
                .into()
        })
    });
}

/// All items at once, on as many threads as `-f` allows. The first error in the order of the items counts; it
/// carries those of the other hosts, so that each host is told its own.
fn in_parallel(
    world: &World,
    engines: &Engines,
    context: &NativeCallContext<'_>,
    items: &Array,
    work: FnPtr,
) -> Native<Array> {
    let kept = Kept::new(context, work);
    let items: Vec<Dynamic> = items.iter().map(Dynamic::flatten_clone).collect();
    let engine = context.engine();
    let results = crate::run::parallel(&items, world.session.options.forks.max(1), |item| {
        let host = item.read_lock::<Host>().map(|host| host.name().to_string());
        let result = kept.call(engine, (item.clone(),));
        result.map_err(|error| with_host(error, host))
    });
    let mut done = Array::new();
    let mut errors = Vec::new();
    for result in results {
        match result {
            Ok(value) => done.push(value),
            Err(error) => errors.push(error),
        }
    }
    if errors.is_empty() {
        return Ok(done);
    }
    let mut first = errors.remove(0);
    let interpreter = engines.get().and_then(std::sync::Weak::upgrade);
    if let (Some(interpreter), false) = (interpreter, errors.is_empty()) {
        let source_of = |file: &str| interpreter.source_of(file);
        let here = context.call_source().unwrap_or(interpreter.name());
        let others = errors
            .iter()
            .map(|error| *from_rhai(error, here, &source_of));
        with_thrown(&mut first, |error| error.others.extend(others));
    }
    Err(first)
}

/// An error of ours in the work on a host happened on it when nothing else is said.
fn with_host(mut error: Box<EvalAltResult>, host: Option<String>) -> Box<EvalAltResult> {
    with_thrown(&mut error, |error| {
        if error.host.is_none() {
            error.host = host;
        }
    });
    error
}

/// A duration that the word's type has let through.
fn length(call: &Call<'_>, place: usize) -> Result<Duration> {
    let text = call.text(place);
    duration(&text).ok_or_else(|| Error::config(format!("`{text}` is no duration")))
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
fn wait_until(world: &World, call: &Call<'_>) -> Native<bool> {
    let limit = pass(length(call, 0))?;
    let condition: FnPtr = call.function();
    let end = Instant::now() + limit;
    let mut pause = Duration::from_millis(25);
    loop {
        let answer = condition.call_within_context::<Dynamic>(call.context(), ())?;
        if answer.as_bool() == Ok(true) || answer.is_unit() {
            return Ok(true);
        }
        if Instant::now() >= end {
            let what = format!("{}: not within {}", call.text(1), call.text(0));
            let error = Error::new(Kind::Remote, what);
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

/// Ctrl-C is no error that is tried again.
fn retry(world: &World, call: &Call<'_>) -> Native<Dynamic> {
    let pause = call
        .options
        .duration("every")
        .unwrap_or(Duration::from_secs(1));
    let times = call.arg(0).as_int().unwrap_or(1).max(1);
    let work: FnPtr = call.function();
    let mut done = 1;
    loop {
        match work.call_within_context::<Dynamic>(call.context(), ()) {
            Err(error) if done < times && error.is_catchable() => pass(nap(world, pause))?,
            answer => return answer,
        }
        done += 1;
    }
}

fn fetch_to(world: &World, call: &Call<'_>) -> Result<()> {
    let host = call
        .host(0)
        .ok_or_else(|| Error::config("`fetch_to` takes a host first"))?;
    let link = host.link()?;
    let path = on_host(Type::Path, &host, Value::Text(call.text(1)))?;
    let path = path.as_text().unwrap_or_default();
    let target = world.beside.join(call.text(2));
    let what = [format!("from {path} on {}", host.name())];
    let subject = format!("copy {}", target.display());
    world
        .session
        .change("localhost", &subject, &what, None, || {
            make_folder(&target)?;
            world.session.fetch_to(&link, path, &target)?;
            if call.options.bool("database").unwrap_or(false) {
                crate::etcd::snapshot_status(&target)?;
            }
            Ok(())
        })?;
    Ok(())
}

/// The folder of a file that is about to be written here, for the owner alone.
pub(in crate::script) fn make_folder(file: &std::path::Path) -> Result<()> {
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

/// Another script with other variables or another limit, over the same connections.
fn run_script(world: &Arc<World>, name: &str, options: &Args) -> Result<()> {
    let mut inventory = (*world.inventory).clone();
    if let Some(Value::Map(vars)) = options.value("vars") {
        let mut extra = inventory.extra().clone();
        extra.extend(
            vars.iter()
                .map(|(key, value)| (key.clone(), Var::from(to_inventory(value.clone())))),
        );
        inventory.set_extra(extra);
    }
    let script = match embedded::named(name) {
        Some((path, text)) => Script {
            folder: None,
            name: path.to_string(),
            text: text.to_string(),
        },
        None => Script::open(name)?,
    };
    let tags = crate::run::Selection::words("tags:", &options.texts("tags"))?;
    let parts = Parts {
        args: options.texts("args"),
        beside: world.beside.clone(),
        inventory: Arc::new(inventory),
        limit: options.text("limit").or_else(|| world.limit.clone()),
        listing: world.listing,
        login: world.login.clone(),
        script_folder: script.folder.clone(),
        selection: crate::run::Selection {
            tags,
            ..Default::default()
        },
        session: session_of(world, options),
    };
    let play = || Interpreter::open(World::new(parts), &script)?.run(None);
    let score = world.session.within(play)?;
    match score.errors.into_iter().next() {
        None => Ok(()),
        Some(error) => Err(Box::new(error)),
    }
}

/// The session of the run itself, or one like it in check mode.
fn session_of(world: &World, options: &Args) -> Arc<Session> {
    let now = &world.session.options;
    let check = now.check || options.bool("check").unwrap_or(false);
    let diff = options.bool("diff").unwrap_or(now.diff);
    if check && !now.check {
        return Arc::new(world.session.checking(diff));
    }
    Arc::clone(&world.session)
}
