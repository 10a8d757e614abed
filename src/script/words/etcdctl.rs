//! etcd for scripts: `etcdctl(#{ endpoints: [...] })` and its typed calls, which return maps and arrays.
//!
//! Ids are hex text: a script's integers are signed and etcd's are not.

use std::sync::{Arc, mpsc};
use std::time::Duration;

use rhai::{Array, Dynamic, Engine, Map};

use super::bind::{Call, no_other_properties, property, word};
use crate::cluster::{canonical_url, pki};
use crate::error::{Error, Kind, Result};
use crate::etcd::{
    Client, Config, DeleteOptions, GetOptions, KeyValue, Member, PutOptions, Status, Trouble, hex,
};
use crate::etcdctl::{self, Known, Placed, Style};
use crate::script::World;
use crate::script::trouble::pass;
use crate::script::value::to_rhai;
use crate::secret::Secret;
use crate::value::Value;
use crate::word::{Arg, Args, Of, Section, Type, Word};

/// A client bound to a script's world.
#[derive(Clone)]
pub(in crate::script) struct Etcdctl {
    client: Client,
    /// The name its changes are reported under.
    name: String,
    /// Endpoints that cannot be reached from here, neither directly nor through ssh.
    silent: Vec<String>,
    world: Arc<World>,
}

impl std::fmt::Display for Etcdctl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "etcdctl({})", self.client.endpoints().join(", "))
    }
}

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

const ETCDCTL: Word = Word::function(
    Section::Etcd,
    "etcdctl",
    "A client of etcd. `etcd::client(h)` makes one for the cluster of a host.",
)
.with(&[
    Arg::new("endpoints", Type::Texts, "a list, or a text with commas"),
    Arg::new(
        "name",
        Type::Text,
        "what its changes are reported under; `etcd` by default",
    ),
    Arg::new(
        "timeout",
        Type::Duration,
        "of each request; \"5s\" by default",
    ),
    Arg::new("user", Type::Text, "who logs in"),
    Arg::new("password", Type::Secret, "the password"),
    Arg::new(
        "tls",
        Type::Bool,
        "use the CA and the admin certificate beside the inventory; true by default",
    ),
])
.gives(Type::Client)
.example(r#"print(etcdctl(#{ endpoints: ["https://10.10.10.10:2379"] }).member_list())"#);

const fn of_client(name: &'static str, doc: &'static str) -> Word {
    Word::method(Section::Etcd, Of::Client, name, doc)
}

const ENDPOINTS: Word = Word::property(
    Section::Etcd,
    Of::Client,
    "endpoints",
    Type::Array,
    "The client's endpoints.",
);

const PREFIX: Arg = Arg::new(
    "prefix",
    Type::Bool,
    "all keys that begin with it; false by default",
);

const KEY: Arg = Arg::new(
    "key",
    Type::Text,
    "the key, or with `prefix` what keys begin with",
);

const PUT: Word = of_client("put", "Put a key; returns `revision`.")
    .takes(&[
        Arg::new("key", Type::Text, "the key"),
        Arg::new("value", Type::Secret, "its value"),
    ])
    .gives(Type::Map)
    .example(r#"e.put("a", "10")"#);

const GET: Word = of_client(
    "get",
    "Get keys: an array of maps with `key`, `value`, `create_revision`, `mod_revision`, `version` and `lease`.",
)
.takes(&[KEY])
.with(&[
    Arg::new("count_only", Type::Bool, "ask only how many there are; false by default"),
    Arg::new("keys_only", Type::Bool, "leave the values out; false by default"),
    Arg::new("limit", Type::Int, "at most this number of keys; all by default"),
    PREFIX,
    Arg::new("range_end", Type::Text, "all keys from `key` up to this one, without it"),
    Arg::new("rev", Type::Int, "as it was at this revision; the newest by default"),
    Arg::new("serializable", Type::Bool, "what one member knows, without asking the quorum; false by default"),
])
.gives(Type::Array)
.example(r#"for pair in e.get("/pg/", #{ prefix: true, limit: 10 }) { print(pair.key); }"#);

const DELETE: Word = of_client("delete", "Delete keys; returns how many there were.")
    .takes(&[KEY])
    .with(&[PREFIX])
    .gives(Type::Int)
    .example(r#"e.delete("/old/", #{ prefix: true })"#);

const STATUS: Word = of_client(
    "status",
    "One map per endpoint: `endpoint`, `ok`, and `version`, `is_leader`, `leader`, `learner`, `member_id`, `db_size`, `raft_index`, `errors` and more; or `why`, with `login` (it refuses who asks), `no_login` (it wants one), `refused` and `silent` (it cannot be reached from here).",
)
.gives(Type::Array)
.example("for member in e.status() { print(member.endpoint); }");

const HEALTH: Word = of_client(
    "health",
    "One map per endpoint: `endpoint`, `healthy` (reads through the quorum) and `why`.",
)
.gives(Type::Array)
.example("print(e.health().filter(|x| !x.healthy))");

const WANTS_LOGIN: Word = of_client(
    "wants_login",
    "Is authentication on, and nobody logged in? False where no endpoint answers.",
)
.gives(Type::Bool)
.example(
    r#"if e.wants_login() { print("set etcdsh_user and etcdsh_password in the inventory"); }"#,
);

const COUNT: Word = of_client("count", "How many keys there are.")
    .takes(&[KEY])
    .with(&[PREFIX])
    .gives(Type::Int)
    .example(r#"print(e.count("", #{ prefix: true }))"#);

const MEMBER_LIST: Word = of_client(
    "member_list",
    "The members: maps with `id` (hex text), `name`, `peer_urls`, `client_urls` and `learner`.",
)
.gives(Type::Array)
.example("for member in e.member_list() { print(member.name); }");

const LEASE_TTL: Word = of_client(
    "lease_ttl",
    "How long leases still live, all asked at once: an array of maps with `id`, `left` (seconds; -1 when there is no such lease) and `granted`.",
)
.takes(&[Arg::new(
    "ids",
    Type::Array,
    "their ids, hex as `lease` of `get` shows them",
)])
.gives(Type::Array)
.example(r#"print(e.lease_ttl(e.get("/pg/", #{ prefix: true }).filter(|x| x.lease != ()).map(|x| x.lease)));"#);

const ID: Arg = Arg::new("id", Type::Text, "its id, hex as `member_list` shows it");

const MEMBER_ADD: Word = of_client("member_add", "Add a member; returns its map.")
    .takes(&[Arg::new("urls", Type::Array, "its peer URLs")])
    .with(&[Arg::new(
        "learner",
        Type::Bool,
        "it has no vote until it is promoted; false by default",
    )])
    .gives(Type::Map)
    .example(r#"e.member_add(["https://10.10.10.13:2380"], #{ learner: true })"#);

const MEMBER_REMOVE: Word = of_client("member_remove", "Remove a member.")
    .takes(&[ID])
    .example(r#"e.member_remove("8e9e05c52164694d")"#);

const MEMBER_PROMOTE: Word = of_client(
    "member_promote",
    "Make a learner a voter; fails while it is not in sync.",
)
.takes(&[ID])
.example(r#"e.member_promote("8e9e05c52164694d")"#);

const MOVE_LEADER: Word = of_client(
    "move_leader",
    "Let another member lead. The client's first endpoint must be the leader.",
)
.takes(&[ID])
.example(r#"e.move_leader("8e9e05c52164694d")"#);

const SNAPSHOT_SAVE: Word = of_client(
    "snapshot_save",
    "Save a snapshot in a file beside the inventory; returns `path` and `bytes`.",
)
.takes(&[Arg::new("path", Type::File, "where it goes")])
.gives(Type::Map)
.example(r#"e.snapshot_save("backup/etcd/today.db")"#);

const COMMAND: Word = of_client(
    "command",
    "Run an everyday line of etcdctl and return what etcdctl prints.",
)
.takes(&[Arg::new(
    "line",
    Type::Command,
    "such as \"get --prefix /pg\" or \"member list\"; a list is one command, its words as they are",
)])
.gives(Type::Text)
.example(r#"print(e.command("member list"))"#);

pub(super) const WORDS: &[&Word] = &[
    &ETCDCTL,
    &PUT,
    &GET,
    &DELETE,
    &STATUS,
    &HEALTH,
    &WANTS_LOGIN,
    &COUNT,
    &MEMBER_LIST,
    &MEMBER_ADD,
    &MEMBER_REMOVE,
    &MEMBER_PROMOTE,
    &MOVE_LEADER,
    &LEASE_TTL,
    &SNAPSHOT_SAVE,
    &COMMAND,
    &ENDPOINTS,
];

/// The client that the options describe; the one of an earlier call when it is the same.
fn open(world: &Arc<World>, options: &Args) -> Result<Etcdctl> {
    let mut config = Config {
        endpoints: match options.value("endpoints") {
            Some(Value::Text(text)) => text.split(',').map(str::to_string).collect(),
            _ => options.texts("endpoints"),
        },
        ..Config::default()
    };
    if let Some(timeout) = options.duration("timeout") {
        config.request_timeout = timeout;
    }
    config.user = options.text("user");
    config.password = options.text("password").map(Secret::new);
    if config.user.is_none() {
        config.keeper = world.roads.keeper(world, &config.endpoints)?;
    }
    let name = options.text("name").unwrap_or_else(|| "etcd".into());
    let tls = options.bool("tls").unwrap_or(true);
    let roads = world.roads.to(world, &config.endpoints)?;
    config.forwards = roads.forwards;
    let mut doors: Vec<_> = config.forwards.iter().collect();
    doors.sort();
    let (endpoints, user, limit) = (&config.endpoints, &config.user, config.request_timeout);
    let key = format!("{endpoints:?} {user:?} {tls} {doors:?}");
    let cached = world.clients().get(&key).cloned();
    let client = match cached {
        Some(client) => client,
        None => {
            if tls
                && let Some((ca, crt, key)) =
                    pki::client_pair(&world.beside, "files/pki/ca", "admin")?
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
        client: client.with_limit(limit),
        name,
        silent: roads.silent,
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
    // URLs are compared with those of the inventory: addresses as addresses.
    let urls = |all: &[String]| {
        let urls: Vec<String> = all.iter().map(|url| canonical_url(url)).collect();
        list(&urls)
    };
    map([
        ("client_urls", urls(&member.client_urls)),
        ("id", Value::from(hex(member.id))),
        ("learner", Value::Bool(member.is_learner)),
        ("name", Value::from(member.name.as_str())),
        ("peer_urls", urls(&member.peer_urls)),
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
        ("downgrade", Value::from(status.downgrade.as_str())),
        (
            "storage_version",
            Value::from(status.storage_version.as_str()),
        ),
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

fn get_options(options: &Args) -> GetOptions {
    let flag = |key: &str| options.bool(key).unwrap_or(false);
    GetOptions {
        count_only: flag("count_only"),
        keys_only: flag("keys_only"),
        limit: options.int("limit").unwrap_or(0),
        prefix: flag("prefix"),
        range_end: options.text("range_end").map(String::into_bytes),
        rev: options.int("rev").unwrap_or(0),
        serializable: flag("serializable"),
        ..GetOptions::default()
    }
}

impl Etcdctl {
    pub(in crate::script) fn move_to(&mut self, world: &Arc<World>) {
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

    fn get(&self, key: &str, options: &Args) -> Result<Array> {
        let got = self.client.get(key.as_bytes(), &get_options(options))?;
        Ok(got.kvs.iter().map(|one| Dynamic::from(pair(one))).collect())
    }

    fn count(&self, key: &str, options: &Args) -> Result<i64> {
        let options = GetOptions {
            count_only: true,
            ..get_options(options)
        };
        Ok(self.client.get(key.as_bytes(), &options)?.count)
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
                        (
                            "login",
                            Value::Bool(matches!(fault.trouble(), Trouble::Auth(_))),
                        ),
                        ("no_login", Value::Bool(fault.trouble().wants_login())),
                        ("ok", Value::Bool(false)),
                        ("refused", Value::Bool(*fault.trouble() == Trouble::Refused)),
                        ("silent", Value::Bool(self.silent.contains(endpoint))),
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

    fn member_add(&self, urls: &Array, learner: bool) -> Result<Map> {
        let urls: Vec<String> = urls.iter().map(ToString::to_string).collect();
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
                super::flow::make_folder(&target)?;
                let mut last = None;
                for endpoint in self.client.endpoints() {
                    match self.client.snapshot_save(endpoint, &target) {
                        Ok(snapshot) => {
                            crate::etcd::snapshot_status(&target)?;
                            return Ok(snapshot);
                        }
                        Err(error) if matches!(error.trouble(), crate::etcd::Trouble::File(_)) => {
                            return Err(error.into());
                        }
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
    word(engine, &ETCDCTL, move |call| {
        pass(open(&here, &call.options).map(Dynamic::from))
    });
    engine.register_type_with_name::<Etcdctl>("etcdctl");
    property(engine, &ENDPOINTS, |etcd: &Etcdctl| {
        let all = etcd.client.endpoints().iter().cloned().map(Dynamic::from);
        Ok(all.collect::<Array>().into())
    });
    no_other_properties::<Etcdctl>(engine, Of::Client);
    on_keys(engine);
    on_members(engine);
    word(engine, &COMMAND, |call| {
        let etcd = client(call);
        let commands = match call.arg(0).try_cast::<Array>() {
            Some(words) => {
                let words: Vec<String> = words.iter().map(ToString::to_string).collect();
                let text = crate::command::line(words.iter().map(String::as_str));
                let words = words.into_iter().map(String::into_bytes).collect();
                Ok((text, vec![words]))
            }
            None => etcdctl::commands(&call.text(0)).map(|all| (call.text(0), all)),
        };
        let said = commands.and_then(|(text, all)| line(&etcd.world, &etcd, &text, all));
        pass(said.map(Into::into))
    });
    word(engine, &SNAPSHOT_SAVE, |call| {
        pass(client(call).snapshot_save(&call.text(0)).map(Into::into))
    });
}

fn client(call: &Call<'_>) -> Etcdctl {
    call.value()
}

/// A question to etcd, which has no effect: Ctrl-C leaves it unanswered.
fn heard<T: Send + 'static>(
    etcd: Etcdctl,
    ask: impl FnOnce(&Etcdctl) -> Result<T> + Send + 'static,
) -> Result<T> {
    let cancel = etcd.world.session.cancel.clone();
    let (done, answers) = mpsc::channel();
    std::thread::spawn(move || drop(done.send(ask(&etcd))));
    loop {
        match answers.recv_timeout(Duration::from_millis(20)) {
            Ok(answer) => return answer,
            Err(mpsc::RecvTimeoutError::Timeout) => cancel.check()?,
            Err(mpsc::RecvTimeoutError::Disconnected) => {
                return Err(Error::internal("a question to etcd ended without a word"));
            }
        }
    }
}

fn on_keys(engine: &mut Engine) {
    word(engine, &PUT, |call| {
        pass(
            client(call)
                .put(&call.text(0), &call.revealed(1))
                .map(Into::into),
        )
    });
    word(engine, &GET, |call| {
        let (key, options) = (call.text(0), call.options.clone());
        pass(heard(client(call), move |etcd| etcd.get(&key, &options)).map(Into::into))
    });
    word(engine, &COUNT, |call| {
        let (key, options) = (call.text(0), call.options.clone());
        pass(heard(client(call), move |etcd| etcd.count(&key, &options)).map(Into::into))
    });
    word(engine, &DELETE, |call| {
        let prefix = call.options.bool("prefix").unwrap_or(false);
        pass(client(call).delete(&call.text(0), prefix).map(Into::into))
    });
}

/// What is done with a member by its id.
type Act = fn(&Client, u64) -> crate::etcd::Result<()>;

fn on_members(engine: &mut Engine) {
    word(engine, &STATUS, |call| {
        pass(heard(client(call), |etcd| Ok(etcd.statuses())).map(Into::into))
    });
    word(engine, &HEALTH, |call| {
        pass(heard(client(call), |etcd| Ok(etcd.healths())).map(Into::into))
    });
    word(engine, &WANTS_LOGIN, |call| {
        let wants = client(call).client.wants_login();
        Ok(wants.unwrap_or(false).into())
    });
    word(engine, &MEMBER_LIST, |call| {
        pass(heard(client(call), member_list).map(Into::into))
    });
    word(engine, &LEASE_TTL, |call| {
        let ids: Vec<String> = call.array(0).iter().map(ToString::to_string).collect();
        pass(heard(client(call), move |etcd| lease_ttl(etcd, &ids)).map(Into::into))
    });
    word(engine, &MEMBER_ADD, |call| {
        let learner = call.options.bool("learner").unwrap_or(false);
        pass(
            client(call)
                .member_add(&call.array(0), learner)
                .map(Into::into),
        )
    });
    let rows: [(&'static Word, &str, Act); 3] = [
        (&MEMBER_REMOVE, "remove", |client, id| {
            client.member_remove(id).map(|_| ())
        }),
        (&MEMBER_PROMOTE, "promote", |client, id| {
            client.member_promote(id).map(|_| ())
        }),
        (&MOVE_LEADER, "make leader", |client, id| {
            client.move_leader(id).map(|_| ())
        }),
    ];
    for (of_member, what, act) in rows {
        let what = what.to_string();
        word(engine, of_member, move |call| {
            let etcd = client(call);
            let done = etcd.on_member(&call.text(0), &what, |id| act(&etcd.client, id));
            pass(done).map(Into::into)
        });
    }
}

/// What is left of leases, in the order of their ids in the list.
fn lease_ttl(etcd: &Etcdctl, ids: &[String]) -> Result<Array> {
    let numbers: Vec<u64> = ids.iter().map(|id| id_of(id)).collect::<Result<_>>()?;
    let all = etcd.client.lease_ttl(&numbers)?;
    Ok(all
        .iter()
        .map(|lease| {
            Dynamic::from(map([
                ("granted", Value::Int(lease.granted)),
                ("id", Value::from(hex(lease.id))),
                ("left", Value::Int(lease.left)),
            ]))
        })
        .collect())
}

/// A line of etcdctl, for the cluster of the inventory: what the commands print.
fn line(
    world: &Arc<World>,
    etcd: &Etcdctl,
    text: &str,
    commands: Vec<etcdctl::Command>,
) -> Result<String> {
    let style = etcd.style();
    let mut said = Vec::new();
    for words in commands {
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
