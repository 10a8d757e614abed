//! What a template sees: the variables of one host, each rendered when it is looked up, and those of the other hosts.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use indexmap::IndexMap;
use minijinja::value::{Enumerator, Object, ObjectRepr};
use minijinja::{Error as JinjaError, ErrorKind, Value as Jinja};

use super::super::Inventory;
use super::super::layer::{Var, Vars};
use super::super::node::Spot;
use super::super::value::Value;
use super::convert::to_jinja;
use super::explain::{closed_variable, located};
use super::{Given, is_template, lookup, render};
use crate::error::{Error, Result};
use crate::secret::Secret;

/// Variables that refer to variables that refer to ... this often are a mistake.
const DEPTH: usize = 40;

/// An error, and whether a `default` filter may forgive it.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    pub(super) error: Box<Error>,
    pub(super) undefined: bool,
}

pub(super) type Rendered<T> = std::result::Result<T, Failure>;

fn fatal(error: Box<Error>) -> Failure {
    Failure {
        error,
        undefined: false,
    }
}

/// What all hosts of one rendering have in common.
pub(super) struct World {
    pub(super) given: Given,
    pub(super) inventory: Arc<Inventory>,
    state: Mutex<State>,
}

/// What was asked for and is not there.
#[derive(Clone)]
pub(super) enum Missing {
    Host(String),
    Variable { host: String, name: String },
}

#[derive(Default)]
pub(super) struct State {
    /// Failures inside of nested templates; minijinja's errors carry their index.
    pub(super) failures: Vec<Failure>,
    pub(super) missing: Vec<Missing>,
    /// The variables that are being rendered: host and name, from the outside in.
    open: Vec<(String, String)>,
    /// A secret was looked up by the template that is being rendered.
    secret: bool,
    /// Variables that are there, but whose own template needs one that is not.
    pub(super) unset: HashMap<(String, String), usize>,
}

impl World {
    pub(super) fn new(inventory: Arc<Inventory>, given: Given) -> World {
        World {
            given,
            inventory,
            state: Mutex::default(),
        }
    }
}

/// The variables of one host.
pub(super) struct Scope {
    /// The template that is rendered for a script sees the script's own values.
    first: bool,
    pub(super) host: String,
    magic: IndexMap<String, Value>,
    vars: Vars,
    pub(super) world: Arc<World>,
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "variables of {}", self.host)
    }
}

impl Object for Scope {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Map
    }

    fn get_value(self: &Arc<Self>, key: &Jinja) -> Option<Jinja> {
        let name = key.as_str()?;
        let own = &self.world.given.own;
        if let Some(value) = self.first.then(|| own.get(name)).flatten() {
            return Some(self.seen(value));
        }
        if let Some(value) = self.magic.get(name) {
            return Some(to_jinja(value));
        }
        if let Some(var) = self.vars.get(name) {
            return self.looked_up(name, var);
        }
        if let Some(value) = self.world.given.defaults.get(name) {
            return Some(self.seen(value));
        }
        match name {
            "hostvars" => Some(Jinja::from_object(Hosts(Arc::clone(&self.world)))),
            "lookup" | "query" | "q" => Some(lookup::function(self, name != "lookup")),
            "vars" => Some(Jinja::from_dyn_object(Arc::clone(self))),
            _ => self.absent(Missing::Variable {
                host: self.host.clone(),
                name: name.to_string(),
            }),
        }
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.names().into_iter().map(Jinja::from).collect())
    }
}

impl Scope {
    /// The scope of the template that is asked for.
    pub(super) fn first(world: &Arc<World>, host: &str) -> Scope {
        Scope {
            first: true,
            ..Scope::of(world, host)
        }
    }

    pub(super) fn of(world: &Arc<World>, host: &str) -> Scope {
        Scope {
            first: false,
            host: host.to_string(),
            magic: world.inventory.magic_vars(host),
            vars: world.inventory.merged(host),
            world: Arc::clone(world),
        }
    }

    pub(super) fn state<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let state = self.world.state.lock();
        change(&mut state.unwrap_or_else(PoisonError::into_inner))
    }

    /// All names that a template may use here.
    pub(super) fn names(&self) -> Vec<String> {
        let given = &self.world.given;
        let own = self.first.then_some(&given.own);
        let own = own.into_iter().flat_map(IndexMap::keys);
        let mut names: Vec<String> = own
            .chain(self.magic.keys())
            .chain(self.vars.keys())
            .chain(given.defaults.keys())
            .cloned()
            .collect();
        let mut seen = std::collections::HashSet::new();
        names.retain(|name| seen.insert(name.clone()));
        names
    }

    fn absent(&self, what: Missing) -> Option<Jinja> {
        self.state(|state| state.missing.push(what));
        None
    }

    /// A value as the template gets it, which is secret where the value is.
    pub(super) fn seen(&self, value: &Value) -> Jinja {
        if has_secret(value) {
            self.state(|state| state.secret = true);
        }
        to_jinja(value)
    }

    fn looked_up(self: &Arc<Self>, name: &str, var: &Var) -> Option<Jinja> {
        let failure = match self.value_of(name, var) {
            Ok(value) => return Some(self.seen(&value)),
            Err(failure) => failure,
        };
        if !failure.undefined {
            return Some(Jinja::from(self.carried(failure)));
        }
        let key = (self.host.clone(), name.to_string());
        self.state(|state| {
            state.failures.push(failure);
            state.unset.insert(key, state.failures.len() - 1);
        });
        self.absent(Missing::Variable {
            host: self.host.clone(),
            name: name.to_string(),
        })
    }

    /// A failure as an error of minijinja, which carries it out of the template.
    pub(super) fn carried(&self, failure: Failure) -> JinjaError {
        let index = self.state(|state| {
            state.failures.push(failure);
            state.failures.len() - 1
        });
        JinjaError::new(ErrorKind::InvalidOperation, format!("\0{index}"))
    }

    /// The same for an error.
    pub(super) fn refused(&self, error: Box<Error>) -> JinjaError {
        self.carried(fatal(error))
    }

    pub(super) fn value_of(self: &Arc<Self>, name: &str, var: &Var) -> Rendered<Value> {
        let open = self.state(|state| state.open.clone());
        let key = (self.host.clone(), name.to_string());
        if open.contains(&key) || open.len() > DEPTH {
            let shown = |(host, name): &(String, String)| {
                if *host == self.host {
                    format!("`{name}`")
                } else {
                    format!("`{name}` of {host}")
                }
            };
            let path: Vec<String> = open.iter().chain([&key]).map(shown).collect();
            return Err(fatal(located(
                Error::config(format!("variable `{name}` refers to itself"))
                    .because(path.join(" needs ")),
                var.value_at.as_ref(),
            )));
        }
        self.state(|state| state.open.push(key));
        let value = self.rendered(name, &var.value, var.value_at.as_ref());
        self.state(|state| state.open.pop());
        value
    }

    fn rendered(self: &Arc<Self>, name: &str, value: &Value, at: Option<&Spot>) -> Rendered<Value> {
        match value {
            Value::List(items) => items
                .iter()
                .map(|item| self.rendered(name, item, at))
                .collect::<Rendered<_>>()
                .map(Value::List),
            Value::Map(map) => {
                let pairs = map
                    .iter()
                    .map(|(key, item)| Ok((key.clone(), self.rendered(name, item, at)?)));
                pairs.collect::<Rendered<_>>().map(Value::Map)
            }
            Value::Str(text) if is_template(text) => self.template(name, text, at),
            // As Ansible does: what is encrypted by itself is no template.
            Value::Vault(text) => match self.world.inventory.vault.open(text) {
                Ok(secret) => Ok(Value::Secret(secret)),
                Err(closed) => Err(fatal(located(closed_variable(name, &closed), at))),
            },
            other => Ok(other.clone()),
        }
    }

    /// Render a template. Where a secret went into it, what comes out is one.
    fn template(self: &Arc<Self>, name: &str, text: &str, at: Option<&Spot>) -> Rendered<Value> {
        let outside = self.state(|state| std::mem::take(&mut state.secret));
        let context = Jinja::from_dyn_object(Arc::clone(self));
        // A template without a name is the one that was asked for: a file's, where a file is named.
        let file = name.is_empty() && self.world.given.file.is_some();
        let rendered = render::render(text, context, file);
        let inside = self.state(|state| std::mem::replace(&mut state.secret, outside));
        rendered
            .map(|value| if inside { concealed(value) } else { value })
            .map_err(|error| self.explain(name, text, at, &error))
    }

    /// A file's text, rendered as a template where it is one that was encrypted: a secret.
    pub(super) fn opened(&self, name: &str, text: String) -> Result<Value> {
        let (text, secret) = self.world.inventory.vault.text_of(name, text)?;
        Ok(if secret {
            Value::Secret(Secret::new(text))
        } else {
            Value::Str(text)
        })
    }
}

/// `hostvars`: the variables of each host of the inventory.
struct Hosts(Arc<World>);

impl fmt::Debug for Hosts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("variables of all hosts")
    }
}

impl Object for Hosts {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Map
    }

    fn get_value(self: &Arc<Self>, key: &Jinja) -> Option<Jinja> {
        let name = key.as_str()?;
        if self.0.inventory.has_host(name) {
            return Some(Jinja::from_object(Scope::of(&self.0, name)));
        }
        let mut state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.missing.push(Missing::Host(name.to_string()));
        None
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        let hosts = self.0.inventory.hosts();
        Enumerator::Values(hosts.into_iter().map(Jinja::from).collect())
    }
}

/// Whether a secret is in a value.
fn has_secret(value: &Value) -> bool {
    match value {
        Value::List(items) => items.iter().any(has_secret),
        Value::Map(map) => map.values().any(has_secret),
        other => matches!(other, Value::Secret(_)),
    }
}

/// The same value with its texts as secrets.
fn concealed(value: Value) -> Value {
    match value {
        Value::List(items) => Value::List(items.into_iter().map(concealed).collect()),
        Value::Map(map) => {
            let pairs = map.into_iter().map(|(key, item)| (key, concealed(item)));
            Value::Map(pairs.collect())
        }
        Value::Str(text) | Value::Unsafe(text) => Value::Secret(Secret::new(text)),
        other => other,
    }
}
