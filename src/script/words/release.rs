//! `etcd_bundle`: a release of etcd as binaries, ready to go to hosts.

use std::sync::Arc;

use rhai::{Dynamic, Engine, Map};

use super::bind::word;
use crate::error::Result;
use crate::release::{Machine, Wanted, bundle};
use crate::script::World;
use crate::script::trouble::pass;
use crate::word::{Arg, Args, Section, Type, Word};

const ETCD_BUNDLE: Word = Word::function(
    Section::Etcd,
    "etcd_bundle",
    "A release of etcd as one tarball that `h.unarchive` takes: its programs and their `SHA256SUMS`, in a folder as those of etcd's releases.\n\nReturns `path`, on this machine, and `version`. It is made once and kept among the caches of this user. Fails when a tarball is not what was published, and when the programs are for another machine.",
)
.takes(&[Arg::new(
    "source",
    Type::Text,
    "a folder with `etcd` and `etcdctl`, or a release's tarball: a path beside the inventory, or an URL",
)])
.with(&[
    Arg::new("arch", Type::Text, "the machine it is for, as `h.facts.arch` has it; this one by default"),
    Arg::new("sha256", Type::Text, "what the tarball's digest must be; by default what `SHA256SUMS` beside it says"),
    Arg::new("version", Type::Text, "the release it must be: `3.6.16`, or `3.6` for any of it"),
])
.gives(Type::Map)
.example(r#"let release = etcd_bundle("etcd-v3.6.16-linux-amd64.tar.gz"); print(release.version);"#);

pub(super) const WORDS: &[&Word] = &[&ETCD_BUNDLE];

pub(super) fn register(engine: &mut Engine, world: &Arc<World>) {
    let here = Arc::clone(world);
    word(engine, &ETCD_BUNDLE, move |call| {
        pass(made(&here, &call.text(0), &call.options)).map(Dynamic::from)
    });
}

fn made(world: &World, source: &str, options: &Args) -> Result<Map> {
    let machine = match options.text("arch") {
        Some(arch) => Machine::named(&arch)?,
        None => Machine::own()?,
    };
    let wanted = Wanted {
        machine,
        sha256: options.text("sha256"),
        source: source.to_string(),
        version: options.text("version"),
    };
    let bundle = bundle(&wanted, &world.beside)?;
    let path = bundle.path.display().to_string();
    Ok(Map::from([
        ("path".into(), path.into()),
        ("version".into(), bundle.version.into()),
    ]))
}
