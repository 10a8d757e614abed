//! Hosts, groups and variables, read from inventories exactly as Ansible reads them.
//!
//! Owns: YAML 1.1, INI, the tree of groups, the precedence of variables, host patterns, `-e`, ansible-vault, `ansible.cfg`.
//! Must not know: ssh, etcd, scripts. Reads files and runs inventory scripts; prints nothing, changes nothing.
//! Start reading at `load.rs`, then `definition.rs` or `ini.rs` (a file becomes a tree) and `layer.rs` (a tree becomes variables).
//! Where Ansible warns and goes on without a file it could not read, this room fails.

#![cfg_attr(
    test,
    allow(clippy::unwrap_used, reason = "a test that fails says where by itself")
)]

mod address;
mod beside;
mod broken;
mod config;
mod definition;
mod extra;
mod ini;
mod ini_broken;
mod ini_literal;
mod ini_words;
mod json;
mod layer;
mod lenient;
mod listing;
mod load;
mod node;
mod origin;
mod pattern;
mod program;
mod scalar;
mod tag;
mod template;
mod tree;
mod trust;
mod value;
mod vault;
mod yaml;

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use indexmap::{IndexMap, IndexSet};

use beside::Beside;

pub use config::AnsibleConfig;
pub use layer::{Level, Var, Vars};
pub use load::{LoadOptions, parse_value};
pub use node::{Source, Spot};
pub use origin::Origin;
pub use pattern::{is_like, parts_of};
pub use template::Given;
pub use trust::distrusted;
pub use value::Value;
pub use vault::Vault;

/// What is odd but not wrong, each with its file and line.
pub type Warnings = Vec<String>;

/// The names that mean this machine even when no inventory lists them.
pub const LOCALHOST: [&str; 3] = ["127.0.0.1", "localhost", "::1"];

/// All that is known about the hosts: read once, then asked.
#[derive(Clone, Debug)]
pub struct Inventory {
    pub warnings: Warnings,
    /// `group_vars` and `host_vars` next to each source, in the order of the sources.
    beside: Vec<Beside>,
    extra: Vars,
    /// Where files are looked for: beside the script, then beside each source.
    folders: Vec<PathBuf>,
    groups: IndexMap<String, Group>,
    hosts: IndexMap<String, Host>,
    masking: bool,
    /// `group_vars` and `host_vars` next to the script that is run.
    play: Option<Beside>,
    /// What opens the values that ansible-vault encrypted.
    vault: Vault,
    /// A copy for templates, which look at other hosts too; made when the first one is rendered.
    whole: OnceLock<Arc<Inventory>>,
}

#[derive(Clone, Debug)]
struct Group {
    children: IndexSet<String>,
    depth: usize,
    hosts: IndexSet<String>,
    parents: IndexSet<String>,
    priority: i64,
    vars: Vars,
}

#[derive(Clone, Debug)]
struct Host {
    /// The folder of the first source that names the host; `None` for a comma list.
    dir: Option<String>,
    file: String,
    vars: Vars,
}
