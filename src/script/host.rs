//! A host as a script sees it: `h.name`, `h.address`, `h.vars.etcd_seq`, `h.facts.os.family`, `h.path("/etc")`.

use std::sync::{Arc, OnceLock};

use rhai::{Array, Dynamic, Engine, EvalAltResult, Map};

use super::trouble::pass;
use super::value::{from_rhai, map_to_rhai, to_rhai};
use super::{World, parameter};
use crate::error::{Error, Result};
use crate::host::Link;

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
pub(super) struct Vars(Host);

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

    pub(super) fn world(&self) -> &Arc<World> {
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

    pub(super) fn address(&self) -> Result<String> {
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
                None => error.hint(format!("etcdsh inventory --host {}", self.name())),
            },
        )
    }
}

impl Vars {
    pub(super) fn move_to(&mut self, world: &Arc<World>) {
        self.0 = Host::new(world, self.0.name());
    }
}

fn names(values: impl IntoIterator<Item = String>) -> Array {
    values.into_iter().map(Dynamic::from).collect()
}

type Native<T> = std::result::Result<T, Box<EvalAltResult>>;

pub(super) fn register(engine: &mut Engine, world: &Arc<World>) {
    engine
        .register_type_with_name::<Host>("host")
        .register_get("name", |host: &mut Host| host.name().to_string())
        .register_get("address", |host: &mut Host| -> Native<String> {
            pass(host.address())
        })
        .register_get("vars", |host: &mut Host| Vars(host.clone()))
        .register_get("facts", |host: &mut Host| -> Native<Map> {
            pass(
                host.link()
                    .and_then(|link| link.facts().map(|facts| map_to_rhai(facts.to_value()))),
            )
        })
        .register_get("groups", |host: &mut Host| {
            names(host.0.world.inventory.groups_of(host.name()))
        })
        .register_get("trips", |host: &mut Host| -> Native<i64> {
            pass(
                host.link()
                    .map(|link| i64::try_from(link.trips()).unwrap_or(i64::MAX)),
            )
        })
        .register_fn("to_string", |host: &mut Host| host.name().to_string())
        .register_fn("to_debug", |host: &mut Host| {
            format!("host({})", host.name())
        })
        .register_fn("==", |a: Host, b: Host| a.name() == b.name())
        .register_fn("!=", |a: Host, b: Host| a.name() != b.name())
        .register_fn(
            "var",
            |host: &mut Host, name: &str, default: Dynamic| -> Native<Dynamic> {
                pass(host.var(name).map(|value| value.unwrap_or(default)))
            },
        )
        .register_fn("path", |host: &mut Host, path: &str| -> Native<String> {
            pass(host.link().map(|link| link.path(path)))
        })
        .register_fn(
            "note",
            |host: &mut Host, key: &str, value: Dynamic| -> Native<()> {
                pass(host.link().map(|link| {
                    link.notes().insert(key.to_string(), from_rhai(&value));
                }))
            },
        )
        .register_fn("noted", |host: &mut Host, key: &str| -> Native<Dynamic> {
            pass(host.link().map(|link| {
                link.notes()
                    .get(key)
                    .cloned()
                    .map_or(Dynamic::UNIT, to_rhai)
            }))
        })
        .register_get("changes", |host: &mut Host| -> i64 {
            i64::try_from(host.world().session.changes_on(host.name())).unwrap_or(i64::MAX)
        })
        .register_fn("pretends", |host: &mut Host, path: &str| -> Native<bool> {
            pass(host.link().map(|link| {
                let pretended = link.pretended();
                pretended.newer.contains(path) || pretended.services.contains_key(path)
            }))
        })
        .register_type_with_name::<Vars>("variables")
        .register_indexer_get(|vars: &mut Vars, name: &str| -> Native<Dynamic> {
            pass(vars.0.required(name))
        })
        .register_fn("contains", |vars: &mut Vars, name: &str| -> Native<bool> {
            pass(vars.0.var(name).map(|value| value.is_some()))
        });
    let here = Arc::clone(world);
    engine.register_fn("hosts", move |pattern: &str| -> Native<Array> {
        let selected = pass(here.select(pattern))?;
        Ok(selected
            .iter()
            .map(|name| Dynamic::from(Host::new(&here, name)))
            .collect())
    });
    let here = Arc::clone(world);
    engine.register_fn("group_hosts", move |name: &str| -> Array {
        let hosts = here.inventory.group_hosts(name);
        hosts
            .iter()
            .map(|name| Dynamic::from(Host::new(&here, name)))
            .collect()
    });
    let here = Arc::clone(world);
    engine.register_fn("group_vars", move |name: &str| -> Map {
        here.inventory
            .own_group_vars(name)
            .into_iter()
            .map(|(key, value)| (key.into(), to_rhai(super::value::from_inventory(value))))
            .collect()
    });
    let here = Arc::clone(world);
    engine.register_fn("inventory_groups", move || {
        names(here.inventory.groups().map(str::to_string))
    });
    let here = Arc::clone(world);
    engine.register_fn("is_selected", move |host: Host| -> Native<bool> {
        pass(
            here.select("all")
                .map(|all| all.iter().any(|name| name == host.name())),
        )
    });
    let here = Arc::clone(world);
    engine.register_fn("host", move |name: &str| -> Native<Host> {
        let known = here.inventory.hosts();
        if known.iter().any(|host| host == name) || crate::inventory::LOCALHOST.contains(&name) {
            return Ok(Host::new(&here, name));
        }
        let error = Error::config(format!("there is no host `{name}` in the inventory"));
        pass(Err(
            match crate::error::nearest(name, known.iter().map(String::as_str)) {
                Some(near) => error.hint(format!("did you mean `{near}`?")),
                None => error.hint("etcdsh inventory --graph"),
            },
        ))
    });
}
