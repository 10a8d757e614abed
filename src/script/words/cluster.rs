//! What the flow asks about clusters: `inventory_clusters()`, `h.member.client_url`, `cluster_login(h)`.
//!
//! The answers are those of the room `cluster`, as `e`, the overview and the console have them.

use std::sync::Arc;

use rhai::{Array, Dynamic, Engine, Map};

use super::bind::{property, word};
use super::host::Host;
use crate::cluster::{self, Member};
use crate::error::{Error, Result};
use crate::etcd::key::{self, Release};
use crate::script::World;
use crate::script::trouble::pass;
use crate::script::value::{map_from_rhai, map_to_rhai};
use crate::word::{Arg, Of, Section, Type, Word};

const INVENTORY_CLUSTERS: Word = Word::function(
    Section::Host,
    "inventory_clusters",
    "The clusters of the inventory: their names, each with its hosts. `etcd::clusters()` checks them as well.",
)
.gives(Type::Map)
.example("print(inventory_clusters().keys())");

const MEMBER: Word = Word::property(
    Section::Host,
    Of::Host,
    "member",
    Type::Map,
    "The member of etcd that its variables make it: `name`, `cluster`, `client_url`, `peer_url` and `endpoint`, which is the client URL without its scheme.",
);

const IDENTITY_MISTAKES: Word = Word::function(
    Section::Stdlib,
    "identity_mistakes",
    "What is wrong with the identity of the hosts of one cluster: their names, each with its lines.",
)
.takes(&[Arg::new("hosts", Type::Array, "all hosts of the cluster")])
.gives(Type::Map)
.example("print(identity_mistakes(hosts))");

const CLUSTER_LOGIN: Word = Word::function(
    Section::Stdlib,
    "cluster_login",
    "`user` and `password` of the cluster of a host, as `etcdctl` takes them; an empty map when nobody logs in.",
)
.takes(&[Arg::new("h", Type::Host, "the host")])
.gives(Type::Map)
.example("print(cluster_login(h).keys())");

const CANONICAL_URL: Word = Word::function(
    Section::Stdlib,
    "canonical_url",
    "A URL, or several with commas, with each IPv6 address in its one short form.",
)
.takes(&[Arg::new("url", Type::Text, "the URL")])
.gives(Type::Text)
.example(r#"print(canonical_url("https://[FD00:0::1]:2380"))"#);

const KEYS: Arg = Arg::new("keys", Type::Map, "keys of etcd's config file");

const CONFIG_MISTAKES: Word = Word::function(
    Section::Stdlib,
    "config_mistakes",
    "What is wrong with keys of etcd's config file: names and types that no release reads; or with those that this one does not.",
)
.takes(&[
    KEYS,
    Arg::new("release", Type::Text, "such as 3.5.16; an empty text for all of them"),
])
.gives(Type::Array)
.example(r#"print(config_mistakes(#{ "pre-vot": true }, "3.5.16"))"#);

const CONFIG_VALUES: Word = Word::function(
    Section::Stdlib,
    "config_values",
    "The same keys as etcd reads them: \"1h\" in nanoseconds where it wants a duration.",
)
.takes(&[KEYS])
.gives(Type::Map)
.example(r#"print(config_values(#{ "grpc-keepalive-interval": "10s" }))"#);

const RELEASE: Word = Word::function(
    Section::Stdlib,
    "release",
    "`minor` and `patch` of a version of etcd or of its package; `()` for what is none of 3.",
)
.takes(&[Arg::new("text", Type::Text, "such as 3.5.33-1")])
.gives(Type::Map)
.example(r#"print(release("3.5.33-1").minor)"#);

pub(super) const WORDS: &[&Word] = &[
    &INVENTORY_CLUSTERS,
    &MEMBER,
    &IDENTITY_MISTAKES,
    &CLUSTER_LOGIN,
    &CANONICAL_URL,
    &CONFIG_MISTAKES,
    &CONFIG_VALUES,
    &RELEASE,
];

pub(super) fn register(engine: &mut Engine, world: &Arc<World>) {
    let here = Arc::clone(world);
    word(engine, &INVENTORY_CLUSTERS, move |_| {
        pass(clusters(&here)).map(Into::into)
    });
    word(engine, &IDENTITY_MISTAKES, |call| {
        Ok(mistakes(call.array(0)).into())
    });
    word(engine, &CLUSTER_LOGIN, |call| {
        let host = call.host(0);
        let host = host.ok_or_else(|| Error::config("a host is wanted first"));
        pass(host.and_then(|host| login(&host))).map(Into::into)
    });
    word(engine, &CANONICAL_URL, |call| {
        Ok(cluster::canonical_url(&call.text(0)).into())
    });
    word(engine, &CONFIG_MISTAKES, |call| {
        let keys = map_from_rhai(&call.arg(0).cast::<Map>());
        let release = call.given_text(1).and_then(|text| Release::parse(&text));
        let lines = key::mistakes(&keys, release).into_iter();
        Ok(lines.map(Dynamic::from).collect::<Array>().into())
    });
    word(engine, &CONFIG_VALUES, |call| {
        let keys = map_from_rhai(&call.arg(0).cast::<Map>());
        Ok(map_to_rhai(key::written(&keys)).into())
    });
    word(engine, &RELEASE, |call| {
        Ok(
            Release::parse(&call.text(0)).map_or(Dynamic::UNIT, |release| {
                let pairs = [("minor", release.0), ("patch", release.1)];
                let map: Map = pairs
                    .map(|(key, number)| (key.into(), i64::from(number).into()))
                    .into();
                map.into()
            }),
        )
    });
    property(engine, &MEMBER, |host: &Host| {
        let member = Member::of(&host.world().inventory, host.name());
        pass(member.map(|member| described(&member).into()))
    });
}

fn clusters(world: &Arc<World>) -> Result<Map> {
    let found = cluster::hosts(&world.inventory)?.into_iter();
    Ok(found
        .map(|(name, hosts)| {
            let hosts: Array = hosts
                .iter()
                .map(|host| Dynamic::from(Host::new(world, host)))
                .collect();
            (name.into(), hosts.into())
        })
        .collect())
}

/// The name of each host, with what is wrong with it, a line each.
fn mistakes(hosts: Array) -> Map {
    let hosts: Vec<Host> = hosts.into_iter().filter_map(Dynamic::try_cast).collect();
    let names: Vec<String> = hosts.iter().map(|host| host.name().to_string()).collect();
    let all = hosts.first().map_or_else(Vec::new, |first| {
        cluster::mistakes(&first.world().inventory, &names)
    });
    let lines = |name: &String| -> Array {
        let own = all.iter().filter(|(host, _)| host == name);
        own.map(|(_, line)| line.into()).collect()
    };
    names
        .iter()
        .map(|name| (name.into(), lines(name).into()))
        .collect()
}

/// `user` and `password`, as `etcdctl` takes them; nothing in it when nobody logs in.
fn login(host: &Host) -> Result<Map> {
    let inventory = &host.world().inventory;
    let clusters = cluster::hosts(inventory)?;
    // As for every client of the cluster: the first host says who.
    let first = clusters
        .values()
        .find(|hosts| hosts.iter().any(|name| name == host.name()))
        .and_then(|hosts| hosts.first())
        .map_or(host.name(), String::as_str);
    Ok(match cluster::login(inventory, first)? {
        None => Map::new(),
        Some((user, password)) => [
            ("user".into(), user.into()),
            ("password".into(), Dynamic::from(password)),
        ]
        .into_iter()
        .collect(),
    })
}

fn described(member: &Member) -> Map {
    [
        ("client_url", member.client_url()),
        ("cluster", member.cluster.clone()),
        ("endpoint", member.endpoint()),
        ("name", member.name()),
        ("peer_url", member.peer_url()),
    ]
    .into_iter()
    .map(|(key, value)| (key.into(), value.into()))
    .collect()
}

#[cfg(test)]
mod tests {
    use crate::cluster::parameter;
    use crate::script::tests::world;
    use crate::script::{Interpreter, Parameter, parameters};
    use crate::value::Value;

    #[test]
    fn the_stdlib_declares_what_the_room_reads() {
        let world = world("etcd: { hosts: { 10.10.10.10: { etcd_seq: 1 } } }");
        let interpreter = Interpreter::new(world).expect("the stdlib loads");
        let declared = parameters(interpreter.world());
        let of = |name: &str| -> Parameter {
            let found = declared.iter().find(|parameter| parameter.name == name);
            found.unwrap_or_else(|| panic!("{name}")).clone()
        };
        let rows = [
            ("etcd_seq", "an integer", Value::Null),
            ("etcd_cluster", "a text", Value::from(parameter::CLUSTER)),
            (
                "etcd_port",
                "a port, 1 to 65535",
                Value::Int(parameter::PORT.into()),
            ),
            (
                "etcd_peer_port",
                "a port, 1 to 65535",
                Value::Int(parameter::PEER_PORT.into()),
            ),
            ("etcd_root_password", "a text", Value::Null),
        ];
        for (name, takes, default) in rows {
            let parameter = of(name);
            assert_eq!(parameter.kind.to_string(), takes, "{name}");
            assert_eq!(parameter.default, default, "{name}");
        }
    }
}
