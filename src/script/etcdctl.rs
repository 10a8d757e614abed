//! etcd for scripts: `etcdctl(#{ endpoints: [...] })` and its typed calls, which return maps and arrays.
//!
//! Ids are hex text: a script's integers are signed and etcd's are not.

use std::sync::Arc;

use rhai::{Array, Dynamic, Engine, EvalAltResult, Map};

use super::World;
use super::trouble::pass;
use super::value::{from_rhai, to_rhai};
use crate::error::{Error, Kind, Result};
use crate::etcd::{
    Client, Config, DeleteOptions, GetOptions, KeyValue, Member, PutOptions, Status, Trouble, hex,
};
use crate::etcdctl::{self, Known, Placed, Style};
use crate::secret::Secret;
use crate::value::Value;

/// A client bound to a script's world.
#[derive(Clone)]
pub(super) struct Etcdctl {
    client: Client,
    /// The name its changes are reported under.
    name: String,
    world: Arc<World>,
}

impl std::fmt::Display for Etcdctl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "etcdctl({})", self.client.endpoints().join(", "))
    }
}

type Native<T> = std::result::Result<T, Box<EvalAltResult>>;

fn map(pairs: impl IntoIterator<Item = (&'static str, Value)>) -> Map {
    pairs
        .into_iter()
        .map(|(key, value)| (key.into(), to_rhai(value)))
        .collect()
}

fn list(texts: &[String]) -> Value {
    Value::List(
        texts
            .iter()
            .map(|text| Value::from(text.as_str()))
            .collect(),
    )
}

/// Options: `endpoints`, `name`, `timeout`, `user`, `password`, `tls` (false: no certificates).
fn open(world: &Arc<World>, options: &Map) -> Result<Etcdctl> {
    let mut config = Config::default();
    let mut name = "etcd".to_string();
    let mut tls = true;
    for (key, value) in options {
        match (key.as_str(), from_rhai(value)) {
            ("endpoints", Value::List(values)) => {
                config.endpoints = values
                    .iter()
                    .filter_map(|value| value.as_text().map(str::to_string))
                    .collect()
            }
            ("endpoints", Value::Text(text)) => {
                config.endpoints = text.split(',').map(str::to_string).collect()
            }
            ("name", Value::Text(text)) => name = text,
            ("timeout", Value::Text(text)) => {
                config.request_timeout = crate::value::duration(&text)
                    .ok_or_else(|| Error::config(format!("`{text}` is no duration")))?
            }
            ("user", Value::Text(text)) => config.user = Some(text),
            ("password", Value::Secret(secret)) => config.password = Some(secret),
            ("password", Value::Text(text)) => config.password = Some(Secret::new(text)),
            ("tls", Value::Bool(value)) => tls = value,
            (other, _) => {
                return Err(Error::config(format!("`etcdctl` has no option `{other}`"))
                    .hint("there are endpoints, name, timeout, user, password and tls"));
            }
        }
    }
    let key = format!("{:?} {:?} {tls}", config.endpoints, config.user);
    let cached = world.clients().get(&key).cloned();
    let client = match cached {
        Some(client) => client,
        None => {
            if tls
                && let Some((ca, crt, key)) =
                    super::pki::client_pair(&world.beside, "files/pki/ca", "admin")?
            {
                (config.ca_pem, config.cert_pem, config.key_pem) = (Some(ca), Some(crt), Some(key));
            }
            let has_certificates = config.ca_pem.is_some();
            let client = Client::new(config)?;
            // Without a CA there is nothing to keep: the next call may find one.
            if has_certificates || !tls {
                world.clients().insert(key, client.clone());
            }
            client
        }
    };
    Ok(Etcdctl {
        client,
        name,
        world: Arc::clone(world),
    })
}

fn id_of(text: &str) -> Result<u64> {
    u64::from_str_radix(text, 16).map_err(|_| {
        Error::config(format!(
            "`{text}` is no id: ids are hex, as `member_list` shows them"
        ))
    })
}

fn member(member: &Member) -> Map {
    map([
        ("client_urls", list(&member.client_urls)),
        ("id", Value::from(hex(member.id))),
        ("learner", Value::Bool(member.is_learner)),
        ("name", Value::from(member.name.as_str())),
        ("peer_urls", list(&member.peer_urls)),
    ])
}

fn members(members: &[Member]) -> Array {
    members
        .iter()
        .map(|one| Dynamic::from(member(one)))
        .collect()
}

fn status(endpoint: &str, status: &Status) -> Map {
    let number = |value: u64| Value::Int(i64::try_from(value).unwrap_or(i64::MAX));
    map([
        ("cluster_id", Value::from(hex(status.cluster_id))),
        ("db_size", Value::Int(status.db_size)),
        ("db_size_in_use", Value::Int(status.db_size_in_use)),
        ("endpoint", Value::from(endpoint)),
        ("errors", list(&status.errors)),
        (
            "is_leader",
            Value::Bool(status.leader == status.member_id && status.leader != 0),
        ),
        (
            "leader",
            if status.leader == 0 {
                Value::Null
            } else {
                Value::from(hex(status.leader))
            },
        ),
        ("learner", Value::Bool(status.is_learner)),
        ("member_id", Value::from(hex(status.member_id))),
        ("ok", Value::Bool(true)),
        ("raft_applied_index", number(status.raft_applied_index)),
        ("raft_index", number(status.raft_index)),
        ("raft_term", number(status.raft_term)),
        ("version", Value::from(status.version.as_str())),
    ])
}

/// A key or value as text; bytes that are none are replaced.
fn text(bytes: &[u8]) -> Value {
    Value::from(String::from_utf8_lossy(bytes).into_owned())
}

fn pair(pair: &KeyValue) -> Map {
    map([
        ("create_revision", Value::Int(pair.create_revision)),
        ("key", text(&pair.key)),
        (
            "lease",
            if pair.lease == 0 {
                Value::Null
            } else {
                Value::from(hex(pair.lease))
            },
        ),
        ("mod_revision", Value::Int(pair.mod_revision)),
        ("value", text(&pair.value)),
        ("version", Value::Int(pair.version)),
    ])
}

fn get_options(options: &Map) -> Result<GetOptions> {
    let mut get = GetOptions::default();
    for (key, value) in options {
        match (key.as_str(), from_rhai(value)) {
            ("prefix", Value::Bool(value)) => get.prefix = value,
            ("limit", Value::Int(value)) => get.limit = value,
            ("rev", Value::Int(value)) => get.rev = value,
            ("keys_only", Value::Bool(value)) => get.keys_only = value,
            ("count_only", Value::Bool(value)) => get.count_only = value,
            ("serializable", Value::Bool(value)) => get.serializable = value,
            ("range_end", Value::Text(value)) => get.range_end = Some(value.into_bytes()),
            (other, _) => {
                return Err(Error::config(format!("`get` has no option `{other}`"))
                    .hint("there are prefix, limit, rev, keys_only, count_only, serializable and range_end"));
            }
        }
    }
    Ok(get)
}

impl Etcdctl {
    pub(super) fn move_to(&mut self, world: &Arc<World>) {
        self.world = Arc::clone(world);
    }

    /// A change of a key: data, not configuration, so it is shown only where it is not done.
    fn data<T>(
        &self,
        subject: &str,
        what: &str,
        act: impl FnOnce() -> Result<T>,
    ) -> Result<Option<T>> {
        if self.world.session.options.check {
            self.change(subject, what, act)
        } else {
            act().map(Some)
        }
    }

    /// A change of the cluster: shown and not done in check mode.
    fn change<T>(
        &self,
        subject: &str,
        what: &str,
        act: impl FnOnce() -> Result<T>,
    ) -> Result<Option<T>> {
        self.world
            .session
            .change(&self.name, subject, &[what.to_string()], None, act)
    }

    fn put(&self, key: &str, value: &str) -> Result<Map> {
        let done = self.data(&format!("key {key}"), "put", || {
            Ok(self
                .client
                .put(key.as_bytes(), value.as_bytes(), PutOptions::default())?)
        })?;
        Ok(map([(
            "revision",
            Value::Int(done.map_or(0, |put| put.header.revision)),
        )]))
    }

    fn get(&self, key: &str, options: &Map) -> Result<Array> {
        let got = self.client.get(key.as_bytes(), &get_options(options)?)?;
        Ok(got.kvs.iter().map(|one| Dynamic::from(pair(one))).collect())
    }

    fn delete(&self, key: &str, prefix: bool) -> Result<i64> {
        let options = DeleteOptions {
            prefix,
            ..DeleteOptions::default()
        };
        let done = self.data(&format!("key {key}"), "delete", || {
            Ok(self.client.delete(key.as_bytes(), &options)?)
        })?;
        Ok(done.map_or(0, |delete| delete.deleted))
    }

    /// How a line of etcdctl is carried out for this client.
    fn style(&self) -> Style {
        let placed = Placed {
            client: Some(self.client.clone()),
            config: self.client.config().clone(),
            via: None,
        };
        Style {
            place: Some(Arc::new(Known(placed))),
            variables: Vec::new(),
            ..Style::of_process("etcdsh e", false)
        }
    }

    /// One answer per endpoint, those that do not answer with `ok: false` and `why`.
    fn statuses(&self) -> Array {
        let endpoints = self.client.endpoints().to_vec();
        let answers = crate::run::parallel(&endpoints, endpoints.len(), |endpoint| {
            self.client.status(endpoint)
        });
        endpoints
            .iter()
            .zip(answers)
            .map(|(endpoint, answer)| {
                Dynamic::from(match answer {
                    Ok(one) => status(endpoint, &one),
                    Err(fault) => map([
                        ("endpoint", Value::from(endpoint.as_str())),
                        ("ok", Value::Bool(false)),
                        ("refused", Value::Bool(*fault.trouble() == Trouble::Refused)),
                        ("why", Value::from(fault.trouble().to_string())),
                    ]),
                })
            })
            .collect()
    }

    /// One answer per endpoint: does it read through the quorum?
    fn healths(&self) -> Array {
        let endpoints = self.client.endpoints().to_vec();
        let answers = crate::run::parallel(&endpoints, endpoints.len(), |endpoint| {
            self.client.health(endpoint)
        });
        endpoints
            .iter()
            .zip(answers)
            .map(|(endpoint, answer)| {
                let (healthy, why) = match answer {
                    Ok(took) => (true, format!("took {:.1} ms", took.as_secs_f64() * 1000.0)),
                    Err(fault) => (false, fault.trouble().to_string()),
                };
                Dynamic::from(map([
                    ("endpoint", Value::from(endpoint.as_str())),
                    ("healthy", Value::Bool(healthy)),
                    ("why", Value::from(why)),
                ]))
            })
            .collect()
    }

    fn member_add(&self, urls: &Array, options: &Map) -> Result<Map> {
        let urls: Vec<String> = urls.iter().map(ToString::to_string).collect();
        let learner = options
            .get("learner")
            .is_some_and(|value| value.as_bool() == Ok(true));
        let what = if learner { "add as learner" } else { "add" };
        let added = self.change(&format!("member {}", urls.join(",")), what, || {
            Ok(self.client.member_add(&urls, learner)?)
        })?;
        Ok(added
            .and_then(|all| all.added)
            .map_or_else(Map::new, |one| member(&one)))
    }

    fn on_member(
        &self,
        id: &str,
        what: &str,
        act: impl FnOnce(u64) -> crate::etcd::Result<()>,
    ) -> Result<()> {
        let number = id_of(id)?;
        self.change(&format!("member {id}"), what, || Ok(act(number)?))
            .map(|_| ())
    }

    fn snapshot_save(&self, path: &str) -> Result<Map> {
        let target = self.world.beside.join(path);
        let saved = self.world.session.change(
            "localhost",
            &format!("snapshot {path}"),
            &["save".into()],
            None,
            || {
                super::act::make_folder(&target)?;
                let mut last = None;
                for endpoint in self.client.endpoints() {
                    match self.client.snapshot_save(endpoint, &target) {
                        Ok(snapshot) => return Ok(snapshot),
                        Err(error) => last = Some(error),
                    }
                }
                Err(last.map_or_else(
                    || Error::new(Kind::Etcd, "there is no endpoint to take a snapshot from"),
                    Into::into,
                ))
            },
        )?;
        Ok(map([
            (
                "bytes",
                Value::Int(saved.map_or(0, |snapshot| {
                    i64::try_from(snapshot.bytes).unwrap_or(i64::MAX)
                })),
            ),
            ("path", Value::from(target.display().to_string())),
        ]))
    }
}

pub(super) fn register(engine: &mut Engine, world: &Arc<World>) {
    let here = Arc::clone(world);
    engine.register_fn("etcdctl", move |options: Map| -> Native<Etcdctl> {
        pass(open(&here, &options))
    });
    engine
        .register_type_with_name::<Etcdctl>("etcdctl")
        .register_get("endpoints", |etcd: &mut Etcdctl| -> Array {
            etcd.client
                .endpoints()
                .iter()
                .cloned()
                .map(Dynamic::from)
                .collect()
        })
        .register_fn(
            "put",
            |etcd: &mut Etcdctl, key: &str, value: &str| -> Native<Map> {
                pass(etcd.put(key, value))
            },
        )
        .register_fn("get", |etcd: &mut Etcdctl, key: &str| -> Native<Array> {
            pass(etcd.get(key, &Map::new()))
        })
        .register_fn(
            "get",
            |etcd: &mut Etcdctl, key: &str, options: Map| -> Native<Array> {
                pass(etcd.get(key, &options))
            },
        )
        .register_fn("delete", |etcd: &mut Etcdctl, key: &str| -> Native<i64> {
            pass(etcd.delete(key, false))
        })
        .register_fn(
            "delete",
            |etcd: &mut Etcdctl, key: &str, options: Map| -> Native<i64> {
                let prefix = options
                    .get("prefix")
                    .is_some_and(|value| value.as_bool() == Ok(true));
                pass(etcd.delete(key, prefix))
            },
        )
        .register_fn("status", |etcd: &mut Etcdctl| etcd.statuses())
        .register_fn("health", |etcd: &mut Etcdctl| etcd.healths())
        .register_fn("member_list", |etcd: &mut Etcdctl| -> Native<Array> {
            pass(member_list(etcd))
        })
        .register_fn(
            "member_add",
            |etcd: &mut Etcdctl, urls: Array| -> Native<Map> {
                pass(etcd.member_add(&urls, &Map::new()))
            },
        )
        .register_fn(
            "member_add",
            |etcd: &mut Etcdctl, urls: Array, options: Map| -> Native<Map> {
                pass(etcd.member_add(&urls, &options))
            },
        )
        .register_fn(
            "member_remove",
            |etcd: &mut Etcdctl, id: &str| -> Native<()> {
                let client = etcd.client.clone();
                pass(etcd.on_member(id, "remove", move |id| client.member_remove(id).map(|_| ())))
            },
        )
        .register_fn(
            "member_promote",
            |etcd: &mut Etcdctl, id: &str| -> Native<()> {
                let client = etcd.client.clone();
                pass(etcd.on_member(id, "promote", move |id| {
                    client.member_promote(id).map(|_| ())
                }))
            },
        )
        .register_fn(
            "move_leader",
            |etcd: &mut Etcdctl, id: &str| -> Native<()> {
                let client = etcd.client.clone();
                pass(etcd.on_member(id, "make leader", move |id| {
                    client.move_leader(id).map(|_| ())
                }))
            },
        )
        .register_fn(
            "command",
            |etcd: &mut Etcdctl, text: &str| -> Native<String> {
                pass(line(&Arc::clone(&etcd.world), etcd, text))
            },
        )
        .register_fn(
            "snapshot_save",
            |etcd: &mut Etcdctl, path: &str| -> Native<Map> { pass(etcd.snapshot_save(path)) },
        );
}

/// A line of etcdctl, for the cluster of the inventory: what the commands print.
fn line(world: &Arc<World>, etcd: &Etcdctl, text: &str) -> Result<String> {
    let style = etcd.style();
    let mut said = Vec::new();
    for words in etcdctl::commands(text)? {
        let act = || etcdctl::evaluate(&words, &style);
        said.push(
            match etcdctl::meaning(&words, &style).filter(|meaning| meaning.changes) {
                None => act()?,
                Some(meaning) if ["put", "del"].contains(&meaning.name) => {
                    etcd.data(text, meaning.name, act)?.unwrap_or_default()
                }
                Some(meaning) => world
                    .session
                    .change(&etcd.name, text, &[meaning.name.to_string()], None, act)?
                    .unwrap_or_default(),
            },
        );
    }
    Ok(said.join("\n"))
}

/// The members as the quorum knows them.
fn member_list(etcd: &Etcdctl) -> Result<Array> {
    Ok(members(&etcd.client.member_list(true)?.members))
}
