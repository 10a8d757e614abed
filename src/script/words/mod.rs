//! The words of the language that are no primitives, each beside what it does.
//!
//! A word is a [`Word`] in the file of its subject, with its place in `WORDS` and a function for `bind`; from it come
//! the checks of its calls, the static check, completion, help and the reference. Start reading at [`all`].

pub(in crate::script) mod bind;
pub(in crate::script) mod cert;
mod cluster;
mod csv;
pub(in crate::script) mod etcdctl;
mod flow;
pub(in crate::script) mod hint;
pub(in crate::script) mod host;
mod http;
mod local;
mod look;
pub(in crate::script) mod parameter;
mod pattern;
mod plan;
pub(in crate::script) mod play;
mod release;
mod say;
pub(in crate::script) mod table;
mod template;
mod text;
mod time;
mod yaml_block;

use std::sync::Arc;

use rhai::Engine;

use super::World;
use crate::primitive;
use crate::word::{Section, Word};

/// Every file's words, in the order of the manual.
const FILES: &[&[&Word]] = &[
    play::WORDS,
    host::WORDS,
    template::WORDS,
    cluster::WORDS,
    parameter::WORDS,
    flow::WORDS,
    plan::WORDS,
    say::WORDS,
    etcdctl::WORDS,
    super::overview::WORDS,
    cert::WORDS,
    text::WORDS,
    pattern::WORDS,
    csv::WORDS,
    table::WORDS,
    time::WORDS,
    local::WORDS,
    http::WORDS,
    look::WORDS,
    release::WORDS,
];

/// Every word there is: the primitives, then all others.
pub fn all() -> impl Iterator<Item = &'static Word> {
    let primitives = primitive::ALL.iter().map(|spec| &spec.word);
    primitives.chain(FILES.iter().flat_map(|words| words.iter().copied()))
}

/// The words of a section.
pub fn of_section(section: Section) -> impl Iterator<Item = &'static Word> {
    all().filter(move |word| word.section == section)
}

/// The words that are called so, whatever they belong to.
pub fn named(name: &str) -> impl Iterator<Item = &'static Word> {
    all().filter(move |word| word.name == name)
}

pub(super) fn register(engine: &mut Engine, world: &Arc<World>, engines: &play::Engines) {
    bind::register(engine, world);
    play::register(engine, world, engines);
    host::register(engine, world);
    template::register(engine);
    cluster::register(engine, world);
    parameter::register(engine, world);
    flow::register(engine, world, engines);
    plan::register(engine, world);
    say::register(engine, world);
    etcdctl::register(engine, world);
    super::overview::register(engine, world);
    cert::register(engine, world);
    text::register(engine, world);
    pattern::register(engine);
    csv::register(engine);
    table::register(engine);
    time::register(engine);
    local::register(engine, world);
    http::register(engine, world);
    look::register(engine, world);
    release::register(engine, world);
}
