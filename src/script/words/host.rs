//! A host as a script sees it: `h.name`, `h.address`, `h.vars.etcd_seq`, `h.facts.os.family`, `h.path("/etc")`.

use std::sync::{Arc, OnceLock};

use rhai::{Array, Dynamic, Engine, Map};

use super::bind::{Native, no_other_properties, property, word};
use super::parameter;
use crate::error::{Error, Hint, Result};
use crate::host::Link;
use crate::script::World;
use crate::script::trouble::pass;
use crate::script::value::{from_inventory, from_rhai, map_to_rhai, to_rhai};
use crate::word::{Arg, Of, Section, Type, Word};

/// A host of the inventory, in one script's world.
#[derive(Clone)]
pub struct Host(Arc<Inner>);

struct Inner {
    link: OnceLock<Arc<Link>>,
    name: String,
    world: Arc<World>,
}

/// `h.vars`: its properties are the variables.
#[derive(Clone)]
pub(in crate::script) struct Vars(Host);

impl Host {
    #[must_use]
    pub fn new(world: &Arc<World>, name: &str) -> Host {
        Host(Arc::new(Inner {
            link: OnceLock::new(),
            name: name.to_string(),
            world: Arc::clone(world),
        }))
    }

    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
    }

    pub(in crate::script) fn world(&self) -> &Arc<World> {
        &self.0.world
    }

    /// The way to it.
    pub fn link(&self) -> Result<Arc<Link>> {
        if let Some(link) = self.0.link.get() {
            return Ok(Arc::clone(link));
        }
        let link = self.0.world.link(&self.0.name)?;
        Ok(Arc::clone(self.0.link.get_or_init(|| link)))
    }

    pub(in crate::script) fn address(&self) -> Result<String> {
        crate::cluster::address(&self.0.world.inventory, &self.0.name)
    }

    /// The value of a variable, typed when it is a declared parameter.
    pub(super) fn var(&self, name: &str) -> Result<Option<Dynamic>> {
        Ok(parameter::value(&self.0.world, &self.0.name, name)?.map(to_rhai))
    }

    fn required(&self, name: &str) -> Result<Dynamic> {
        if let Some(value) = self.var(name)? {
            return Ok(value);
        }
        let known: Vec<String> = self
            .0
            .world
            .inventory
            .vars(&self.0.name)
            .into_keys()
            .chain(self.0.world.parameters().iter().map(|p| p.name.clone()))
            .collect();
        let error = Error::config(format!("variable `{name}` is not set")).on(self.name());
        Err(
            match crate::error::nearest(name, known.iter().map(String::as_str)) {
                Some(near) => error.hint(format!("did you mean `{near}`?")),
                None => error.hint(Hint::program(&format!("inventory --host {}", self.name()))),
            },
        )
    }
}

impl Vars {
    pub(in crate::script) fn move_to(&mut self, world: &Arc<World>) {
        self.0 = Host::new(world, self.0.name());
    }
}

const HOSTS: Word = Word::function(
    Section::Host,
    "hosts",
    "The hosts of a pattern, within `-l`, as an array.",
)
.takes(&[Arg::new(
    "pattern",
    Type::Text,
    "as for `-l`: names, groups, `a:&b`, `a:!b`, `*`",
)])
.gives(Type::Hosts)
.example(r#"for h in hosts("etcd") { print(h.name); }"#);

const HOST: Word = Word::function(
    Section::Host,
    "host",
    "One host of the inventory, whatever `-l` says.",
)
.takes(&[Arg::new("name", Type::Text, "its name, or `localhost`")])
.gives(Type::Host)
.example(r#"print(host("localhost").name)"#);

const GROUP_HOSTS: Word = Word::function(
    Section::Host,
    "group_hosts",
    "All hosts of a group, whatever `-l` says; none when there is no such group.",
)
.takes(&[Arg::new("group", Type::Text, "its name")])
.gives(Type::Hosts)
.example(r#"print(group_hosts("etcd").len())"#);

const GROUP_VARS: Word = Word::function(
    Section::Host,
    "group_vars",
    "The variables that a group itself sets, without those of its parents.",
)
.takes(&[Arg::new("group", Type::Text, "its name")])
.gives(Type::Map)
.example(r#"print(group_vars("etcd").keys())"#);

const INVENTORY_GROUPS: Word = Word::function(
    Section::Host,
    "inventory_groups",
    "The names of all groups.",
)
.gives(Type::Array)
.example("print(inventory_groups())");

const IS_SELECTED: Word = Word::function(Section::Host, "is_selected", "Is the host within `-l`?")
    .takes(&[Arg::new("h", Type::Host, "the host")])
    .gives(Type::Bool)
    .example("print(is_selected(h))");

const fn of_host(name: &'static str, gives: Type, doc: &'static str) -> Word {
    Word::property(Section::Host, Of::Host, name, gives, doc)
}

const NAME: Word = of_host("name", Type::Text, "The name of the host in the inventory.");

const ADDRESS: Word = of_host(
    "address",
    Type::Text,
    "Its IP address: its name when that is one, else `ansible_host`, else what the name resolves to.",
);

const VARS: Word = of_host(
    "vars",
    Type::Variables,
    "Its variables: `h.vars.NAME`; a declared parameter has its type and default. A name that is not set is an error.\n`\"NAME\" in h.vars` asks.",
);

const FACTS: Word = of_host(
    "facts",
    Type::Map,
    "What was found out about the host, once: `os.{id,family,version,codename,name}`, `arch`, `kernel`, `hostname`, `cpus`, `memory_mib`, `addresses`, `init`, `package_tool`, `user`, `machine_id`.",
);

const GROUPS: Word = of_host("groups", Type::Array, "The names of its groups.");

const CHANGES: Word = of_host(
    "changes",
    Type::Int,
    "How many changes this run has made to the host.",
);

const TRIPS: Word = of_host(
    "trips",
    Type::Int,
    "How many round trips this run has made to the host.",
);

const VAR: Word = Word::method(
    Section::Host,
    Of::Host,
    "var",
    "A variable, or `default` when it is not set.",
)
.takes(&[
    Arg::new("name", Type::Text, "the variable"),
    Arg::new(
        "default",
        Type::Any,
        "what stands for it when it is not set",
    ),
])
.gives(Type::Any)
.example(r#"print(h.var("etcd_port", 2379))"#);

const PATH: Word = Word::method(
    Section::Host,
    Of::Host,
    "path",
    "A path as the host calls it: below its folder in a sandbox, else unchanged.\nUse it wherever a path goes into a text or a command. Arguments that are paths need it not.",
)
.takes(&[Arg::new("path", Type::Text, "an absolute path")])
.gives(Type::Text)
.example(r#"h.run("ls " + quote(h.path("/etc")), #{ changes: false })"#);

const NOTE: Word = Word::method(
    Section::Host,
    Of::Host,
    "note",
    "Keep a value with the host until the end of the run.",
)
.takes(&[
    Arg::new("key", Type::Text, "the name to ask for it by"),
    Arg::new("value", Type::Any, "the value"),
])
.example(r#"h.note("seen", true)"#);

const NOTED: Word = Word::method(
    Section::Host,
    Of::Host,
    "noted",
    "What was kept with `note`, or `()`.",
)
.takes(&[Arg::new("key", Type::Text, "its name")])
.gives(Type::Any)
.example(r#"if h.noted("seen") == () { print("for the first time"); }"#);

const PRETENDS: Word = Word::method(
    Section::Stdlib,
    Of::Host,
    "pretends",
    "Has this dry run changed a path, `unit:NAME` or a service on the host?",
)
.takes(&[Arg::new(
    "thing",
    Type::Text,
    "an absolute path, `unit:NAME`, or the name of a service",
)])
.gives(Type::Bool)
.example(r#"if h.pretends("/etc/etcd/etcd.conf") { say(h, "its config would change"); }"#);

pub(super) const WORDS: &[&Word] = &[
    &HOSTS,
    &HOST,
    &GROUP_HOSTS,
    &GROUP_VARS,
    &INVENTORY_GROUPS,
    &IS_SELECTED,
    &NAME,
    &ADDRESS,
    &VARS,
    &VAR,
    &FACTS,
    &GROUPS,
    &PATH,
    &CHANGES,
    &TRIPS,
    &NOTE,
    &NOTED,
    &PRETENDS,
];

fn names(values: impl IntoIterator<Item = String>) -> Array {
    values.into_iter().map(Dynamic::from).collect()
}

fn count(number: u64) -> Dynamic {
    i64::try_from(number).unwrap_or(i64::MAX).into()
}

pub(super) fn register(engine: &mut Engine, world: &Arc<World>) {
    engine
        .register_type_with_name::<Host>("host")
        .register_fn("to_string", |host: &mut Host| host.name().to_string())
        .register_fn("to_debug", |host: &mut Host| {
            format!("host({})", host.name())
        })
        .register_fn("==", |a: Host, b: Host| a.name() == b.name())
        .register_fn("!=", |a: Host, b: Host| a.name() != b.name())
        .register_type_with_name::<Vars>("variables")
        .register_indexer_get(|vars: &mut Vars, name: &str| -> Native<Dynamic> {
            pass(vars.0.required(name))
        })
        .register_fn("get", |vars: &mut Vars, name: &str| -> Native<Dynamic> {
            pass(vars.0.var(name).map(|value| value.unwrap_or(Dynamic::UNIT)))
        })
        .register_fn("contains", |vars: &mut Vars, name: &str| -> Native<bool> {
            pass(vars.0.var(name).map(|value| value.is_some()))
        });
    properties(engine);
    of_one_host(engine);
    of_the_inventory(engine, world);
}

fn properties(engine: &mut Engine) {
    property(engine, &NAME, |host: &Host| {
        Ok(host.name().to_string().into())
    });
    property(engine, &ADDRESS, |host: &Host| {
        pass(host.address().map(Into::into))
    });
    property(engine, &VARS, |host: &Host| {
        Ok(Dynamic::from(Vars(host.clone())))
    });
    property(engine, &FACTS, |host: &Host| {
        let facts = host
            .link()
            .and_then(|link| link.facts().map(crate::host::Facts::to_value));
        pass(facts.map(|facts| map_to_rhai(facts).into()))
    });
    property(engine, &GROUPS, |host: &Host| {
        Ok(names(host.0.world.inventory.groups_of(host.name())).into())
    });
    property(engine, &CHANGES, |host: &Host| {
        Ok(count(host.world().session.changes_on(host.name()) as u64))
    });
    property(engine, &TRIPS, |host: &Host| {
        pass(host.link().map(|link| count(link.trips())))
    });
    no_other_properties::<Host>(engine, Of::Host);
}

fn of_one_host(engine: &mut Engine) {
    word(engine, &VAR, |call| {
        let host: Host = call.value();
        pass(
            host.var(&call.text(0))
                .map(|value| value.unwrap_or_else(|| call.arg(1))),
        )
    });
    word(engine, &PATH, |call| {
        let link = call.value::<Host>().link();
        pass(link.map(|link| link.path(&call.text(0)).into()))
    });
    word(engine, &NOTE, |call| {
        let link = pass(call.value::<Host>().link())?;
        link.notes().insert(call.text(0), from_rhai(&call.arg(1)));
        Ok(Dynamic::UNIT)
    });
    word(engine, &NOTED, |call| {
        let link = pass(call.value::<Host>().link())?;
        let noted = link.notes().get(&call.text(0)).cloned();
        Ok(noted.map_or(Dynamic::UNIT, to_rhai))
    });
    word(engine, &PRETENDS, |call| {
        let link = pass(call.value::<Host>().link())?;
        let thing = link.path(&call.text(0));
        let pretended = link.pretended();
        let known = pretended.newer.contains(&thing) || pretended.services.contains_key(&thing);
        Ok(known.into())
    });
}

fn of_the_inventory(engine: &mut Engine, world: &Arc<World>) {
    let all = |world: &Arc<World>, names: Vec<String>| -> Dynamic {
        let hosts = names
            .iter()
            .map(|name| Dynamic::from(Host::new(world, name)));
        hosts.collect::<Array>().into()
    };
    let here = Arc::clone(world);
    word(engine, &HOSTS, move |call| {
        let selected = pass(here.select(&call.text(0)))?;
        Ok(all(&here, selected))
    });
    let here = Arc::clone(world);
    word(engine, &GROUP_HOSTS, move |call| {
        Ok(all(&here, here.inventory.group_hosts(&call.text(0))))
    });
    let here = Arc::clone(world);
    word(engine, &GROUP_VARS, move |call| {
        let own = here.inventory.own_group_vars(&call.text(0));
        let map: Map = own
            .into_iter()
            .map(|(key, value)| (key.into(), to_rhai(from_inventory(value))))
            .collect();
        Ok(map.into())
    });
    let here = Arc::clone(world);
    word(engine, &INVENTORY_GROUPS, move |_| {
        Ok(names(here.inventory.groups().map(str::to_string)).into())
    });
    let here = Arc::clone(world);
    word(engine, &IS_SELECTED, move |call| {
        let name = call.text(0);
        pass(here.select("all").map(|all| all.contains(&name).into()))
    });
    let here = Arc::clone(world);
    word(engine, &HOST, move |call| {
        pass(named(&here, &call.text(0)).map(Dynamic::from))
    });
}

fn named(world: &Arc<World>, name: &str) -> Result<Host> {
    let known = world.inventory.hosts();
    if known.iter().any(|host| host == name) || crate::inventory::LOCALHOST.contains(&name) {
        return Ok(Host::new(world, name));
    }
    let error = Error::config(format!("there is no host `{name}` in the inventory"));
    Err(
        match crate::error::nearest(name, known.iter().map(String::as_str)) {
            Some(near) => error.hint(format!("did you mean `{near}`?")),
            None => error.hint(Hint::Hosts),
        },
    )
}
