//! What the console's commands change, and what the command line makes of it.
//!
//! Owns the settings and the way to new worlds. Must not know lines, prompts or terminals.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use indexmap::IndexMap;

use crate::cluster::{Cluster, Login};
use crate::error::{Error, Kind, Result};
use crate::inventory::Inventory;
pub(super) use crate::locked::locked;
use crate::report::Transcript;
use crate::run::{Cancel, Pool, Score};
use crate::script::{Interpreter, Script, World};

/// Options of the command line that change while the console runs.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    pub check: bool,
    /// The cluster that `:use` chose.
    pub cluster: Option<String>,
    pub diff: bool,
    pub limit: Option<String>,
    /// Variables that win over all others, as with `-e`.
    pub vars: IndexMap<String, String>,
}

/// What one world is for.
#[derive(Clone, Debug, Default)]
pub struct Errand {
    pub args: Vec<String>,
    /// Only what a script declares is wanted.
    pub listing: bool,
    pub script_folder: Option<PathBuf>,
    pub skip_tags: Vec<String>,
    pub tags: Vec<String>,
}

/// A world that was just made, and where it came from.
pub struct Ground {
    pub beside: PathBuf,
    /// Or why they cannot be told.
    pub clusters: Result<Vec<Cluster>>,
    /// Files of the inventory.
    pub files: Vec<PathBuf>,
    pub inventory: Arc<Inventory>,
    pub login: Login,
    pub name: String,
    /// As `-i` takes them; none for the sandbox.
    pub sources: Vec<String>,
    pub warnings: Vec<String>,
    pub world: World,
}

/// The command line that the console was started with.
pub trait Surroundings: Send + Sync {
    /// Read the inventory again and make a world for an errand.
    fn open(&self, settings: &Settings, errand: &Errand) -> Result<Ground>;
    fn settings(&self) -> Settings;
    fn cancel(&self) -> &Cancel;
    fn pool(&self) -> &Pool;
    fn transcript(&self) -> &Transcript;
    fn json(&self) -> bool;
    fn color(&self) -> bool;
    /// What is run when the console starts.
    fn start_file(&self) -> Option<PathBuf>;
}

/// Runs tasks and scripts with the settings there are now, each in a world of its own.
pub(super) struct Runner {
    pub(super) last_error: Mutex<Option<Box<Error>>>,
    pub(super) settings: Mutex<Settings>,
    pub(super) surroundings: Arc<dyn Surroundings>,
    /// The script that declares each task, group and alias.
    pub(super) tasks: Mutex<IndexMap<String, Named>>,
}

/// A name of the flow that can be called.
#[derive(Clone)]
pub(super) struct Named {
    pub(super) description: String,
    /// The name of the script, as `Script::open` or a bundled name has it.
    pub(super) script: String,
    pub(super) what: What,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    Alias,
    Group,
    Task,
    /// A name of a task that asks by which of its names it was called.
    Variant,
}

/// A bundled script by its bare name, or a file.
pub(super) fn script_named(word: &str) -> Result<Script> {
    match crate::script::embedded::named(word) {
        Some((path, text)) if !word.contains('/') => Ok(Script {
            folder: None,
            name: path.to_string(),
            text: text.to_string(),
        }),
        _ => Script::open(word),
    }
}

impl Runner {
    pub(super) fn settings(&self) -> Settings {
        locked(&self.settings).clone()
    }

    /// Run a task, group or alias of the flow. A failure is shown by the run; what comes back is one line of it.
    pub(super) fn task(&self, name: &str, settings: &Settings) -> Result<()> {
        let named = locked(&self.tasks).get(name).cloned();
        let Some(named) = named else {
            let tasks = locked(&self.tasks);
            let error = Error::config(format!("there is no task `{name}`"));
            return Err(
                match crate::error::nearest(name, tasks.keys().map(String::as_str)) {
                    Some(near) => error.hint(format!("did you mean `{near}`?")),
                    None => error.hint(":tasks"),
                },
            );
        };
        let errand = Errand {
            tags: vec![name.to_string()],
            ..Errand::default()
        };
        self.script(&script_named(&named.script)?, settings, errand, name)
    }

    /// Run a script with its recap.
    pub(super) fn script(
        &self,
        script: &Script,
        settings: &Settings,
        errand: Errand,
        called: &str,
    ) -> Result<()> {
        let errand = Errand {
            script_folder: script.folder.clone(),
            ..errand
        };
        let ground = self.surroundings.open(settings, &errand)?;
        let interpreter = Interpreter::open(ground.world, script)?;
        let world = interpreter.world();
        if world.draft().tasks.is_empty() {
            world.session.release();
            return Ok(());
        }
        if world
            .draft()
            .clusters
            .iter()
            .all(|(_, hosts)| hosts.is_empty())
        {
            let error = Error::config(format!("`{called}` has no host to run on"));
            return Err(error.hint(if settings.limit.is_some() {
                ":limit all"
            } else {
                ":hosts"
            }));
        }
        let score = interpreter.run(None)?;
        self.judge(score, called)
    }

    fn judge(&self, score: Score, called: &str) -> Result<()> {
        let hosts: Vec<String> = score
            .rows
            .iter()
            .filter(|(_, row)| row.failed + row.unreachable > 0)
            .map(|(host, _)| host.clone())
            .collect();
        let Some(error) = score.errors.into_iter().next() else {
            return Ok(());
        };
        if error.kind == Kind::Interrupted {
            return Err(Box::new(error));
        }
        let short = Error::new(
            error.kind,
            format!("`{called}` failed on {}", hosts.join(", ")),
        )
        .hint(":bt   # the whole error again");
        *locked(&self.last_error) = Some(Box::new(error));
        Err(short)
    }
}

/// When a file was changed last.
pub(super) fn changed_at(path: &std::path::Path) -> Option<SystemTime> {
    let own = std::fs::metadata(path).ok()?;
    let mut latest = own.modified().ok()?;
    // Of a folder, what lies in it counts.
    if own.is_dir() {
        for entry in std::fs::read_dir(path).ok()?.flatten() {
            latest = latest.max(entry.metadata().ok()?.modified().ok()?);
        }
    }
    Some(latest)
}
