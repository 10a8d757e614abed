//! Words for a plan: a step, and the showing of all of them before the first is taken.
//!
//! What a plan asks of the cluster, and the order of things, is Rhai: `stdlib/etcd/plan.rhai`.

use std::sync::Arc;

use rhai::{Array, Dynamic, Engine, Map};

use super::bind::{Call, word};
use super::host::Host;
use crate::error::{Error, Result};
use crate::report::{Effect, Event, Standing, Step};
use crate::script::World;
use crate::script::trouble::pass;
use crate::word::{Arg, Gets, Section, Type, Word};

const EFFECTS: &[&str] = &["adds", "clears", "none", "promotes", "removes", "stops"];

const STEP: Word = Word::function(
    Section::Plan,
    "step",
    "One step of a plan. Nothing is done before `plan` has shown all of them and found that quorum bears it.",
)
.takes(&[
    Arg::new("h", Type::Host, "the host it is taken on"),
    Arg::new("what", Type::Text, "what it does, as in \"restart etcd-2\""),
    Arg::new("work", Type::Function(1, Gets::Host), "the work"),
])
.with(&[
    Arg::new(
        "effect",
        Type::OneOf(EFFECTS),
        "what it does to the membership: `stops` a member for a moment, `removes` it, `adds` a learner, `promotes` one, `clears` the host of one that has left; `none` by default",
    ),
    Arg::new(
        "member",
        Type::Text,
        "the name or the id of the member it is about; that of the host by default",
    ),
    Arg::new("why", Type::Text, "why it is needed"),
])
.gives(Type::Map)
.example(r#"let steps = hosts.map(|h| step(h, `restart ${h.name}`, #{ effect: "stops", why: "asked for" }, |h| h.service("etcd", #{ state: "restarted" })));"#);

const SHOW_PLAN: Word = Word::function(
    Section::Plan,
    "show_plan",
    "Show the steps of a plan, keep them for `--plan FILE`, and fail where `etcdsh apply` is held to other ones. `plan` calls it.",
)
.takes(&[
    Arg::new("cluster", Type::Text, "the name of the cluster"),
    Arg::new(
        "steps",
        Type::Array,
        "maps with `host`, `what`, `why`, `effect`, and `before`, `during` and `after`, each with `voters` and `healthy`",
    ),
])
.example(r#"let well = #{ voters: 3, healthy: 3 }; show_plan("etcd", [#{ host: "10.10.10.10", what: "restart etcd-1", why: "asked for", effect: "stops", before: well, during: #{ voters: 3, healthy: 2 }, after: well }]);"#);

const GATE_LEFT_OUT: Word = Word::function(
    Section::Plan,
    "gate_left_out",
    "Why a check between two steps is left out, as `--no-gate` says, or `()`.",
)
.takes(&[Arg::new("gate", Type::Text, "its name: `patroni`")])
.gives(Type::Any)
.example(r#"if gate_left_out("patroni") == () { print("Patroni is watched"); }"#);

const APPLYING: Word = Word::function(
    Section::Plan,
    "applying",
    "Is this run held to a plan that was kept (`etcdsh apply FILE`)? It does nothing of weight that is no step of it.",
)
.gives(Type::Bool)
.example(r#"if applying() { print("nothing else is done"); }"#);

pub(super) const WORDS: &[&Word] = &[&STEP, &SHOW_PLAN, &GATE_LEFT_OUT, &APPLYING];

pub(super) fn register(engine: &mut Engine, world: &Arc<World>) {
    word(engine, &STEP, |call| Ok(step(call).into()));
    let here = Arc::clone(world);
    word(engine, &SHOW_PLAN, move |call| {
        pass(show(&here, &call.text(0), &call.array(1))).map(Into::into)
    });
    let here = Arc::clone(world);
    word(engine, &APPLYING, move |_| {
        Ok(here.session.plans.is_held().into())
    });
    let here = Arc::clone(world);
    word(engine, &GATE_LEFT_OUT, move |call| {
        let left_out = &here.session.options.no_gate;
        let gate = left_out.iter().find(|(name, _)| *name == call.text(0));
        Ok(gate.map_or(Dynamic::UNIT, |(_, why)| why.clone().into()))
    });
}

fn step(call: &Call<'_>) -> Map {
    let mut step = call.map();
    for (key, default) in [("effect", "none"), ("member", ""), ("why", "")] {
        step.entry(key.into()).or_insert_with(|| default.into());
    }
    step.insert("host".into(), call.arg(0));
    step.insert("what".into(), call.text(1).into());
    step.insert("work".into(), call.function().into());
    step
}

fn show(world: &World, cluster: &str, steps: &Array) -> Result<()> {
    let steps = steps.iter().map(planned).collect::<Result<Vec<_>>>()?;
    world.session.report.event(&Event::Plan {
        cluster,
        steps: &steps,
    });
    world.session.plans.add(cluster, &steps)
}

fn planned(step: &Dynamic) -> Result<Step> {
    let wrong = |key: &str| Error::config(format!("a step of `show_plan` lacks `{key}`"));
    let map = step.read_lock::<Map>().ok_or_else(|| wrong("host"))?;
    let text = |key: &str| {
        map.get(key)
            .map(ToString::to_string)
            .ok_or_else(|| wrong(key))
    };
    let standing = |key: &str| -> Result<Standing> {
        let of = map.get(key).and_then(Dynamic::read_lock::<Map>);
        let of = of.ok_or_else(|| wrong(key))?;
        let number = |name: &str| {
            let number = of.get(name).and_then(|number| number.as_int().ok());
            number
                .and_then(|number| usize::try_from(number).ok())
                .ok_or_else(|| wrong(name))
        };
        Ok(Standing {
            healthy: number("healthy")?,
            voters: number("voters")?,
        })
    };
    let host = map.get("host").and_then(Dynamic::read_lock::<Host>);
    Ok(Step {
        after: standing("after")?,
        before: standing("before")?,
        during: standing("during")?,
        effect: match text("effect")?.as_str() {
            "adds" => Effect::Adds,
            "clears" => Effect::Clears,
            "promotes" => Effect::Promotes,
            "removes" => Effect::Removes,
            "stops" => Effect::Stops,
            _ => Effect::None,
        },
        host: host.map_or_else(|| text("host"), |host| Ok(host.name().to_string()))?,
        member: map.get("id").map(ToString::to_string).unwrap_or_default(),
        what: text("what")?,
        why: text("why")?,
    })
}
