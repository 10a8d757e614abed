//! What a script runs in: the session, the inventory, the options of the user, and what the script declares.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::road::Roads;
use super::words::parameter::Parameter;
use crate::cluster::Login;
use crate::error::Result;
use crate::host::Link;
use crate::inventory::Inventory;
use crate::report::Report;
use crate::run::{Selection, Session, Task};

/// What a script has declared so far.
#[derive(Default)]
pub struct Draft {
    /// Does the play become root by itself?
    pub become_root: bool,
    pub clusters: Vec<(String, Vec<String>)>,
    /// Names of the task groups that are open now.
    pub groups: Vec<String>,
    pub play: String,
    /// Tags of the tasks that run, known when they begin.
    pub selected: std::collections::HashSet<String>,
    pub tasks: Vec<Task>,
}

/// One script's surroundings. Shared by all its threads.
pub struct World {
    pub args: Vec<String>,
    /// The folder that `files/pki` and `backup` lie in: beside the inventory.
    pub beside: PathBuf,
    draft: Mutex<Draft>,
    pub inventory: Arc<Inventory>,
    /// `-l`.
    pub limit: Option<String>,
    /// Only what a script declares is wanted: no host may be touched.
    pub listing: bool,
    pub login: Login,
    parameters: Mutex<Vec<Parameter>>,
    /// The folder of the script.
    pub script_folder: Option<PathBuf>,
    pub selection: Selection,
    pub session: Arc<Session>,
    clients: Mutex<HashMap<String, crate::etcd::Client>>,
    pub(super) roads: Roads,
}

/// Everything a world is made of.
pub struct Parts {
    pub args: Vec<String>,
    pub beside: PathBuf,
    pub inventory: Arc<Inventory>,
    pub limit: Option<String>,
    pub listing: bool,
    pub login: Login,
    pub script_folder: Option<PathBuf>,
    pub selection: Selection,
    pub session: Arc<Session>,
}

impl World {
    #[must_use]
    pub fn new(parts: Parts) -> World {
        World {
            args: parts.args,
            beside: parts.beside,
            clients: Mutex::default(),
            draft: Mutex::default(),
            inventory: parts.inventory,
            limit: parts.limit,
            listing: parts.listing,
            login: parts.login,
            parameters: Mutex::default(),
            roads: Roads::default(),
            script_folder: parts.script_folder,
            selection: parts.selection,
            session: parts.session,
        }
    }

    /// The same surroundings for another run, of the bundled flow: all hosts, in check mode, telling `report`.
    #[must_use]
    pub fn in_check_mode(&self, tags: &[&str], report: Report) -> World {
        World::new(Parts {
            args: Vec::new(),
            beside: self.beside.clone(),
            inventory: Arc::clone(&self.inventory),
            limit: self.limit.clone(),
            listing: false,
            login: self.login.clone(),
            script_folder: None,
            selection: Selection {
                tags: tags.iter().map(ToString::to_string).collect(),
                ..Selection::default()
            },
            session: Arc::new(self.session.in_check_mode(report)),
        })
    }

    pub fn draft(&self) -> MutexGuard<'_, Draft> {
        self.draft.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn parameters(&self) -> MutexGuard<'_, Vec<Parameter>> {
        self.parameters
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn clients(&self) -> MutexGuard<'_, HashMap<String, crate::etcd::Client>> {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The way to a host: opened at its first use, root when the play or the user says so.
    pub fn link(&self, host: &str) -> Result<Arc<Link>> {
        if self.listing {
            return Err(
                crate::error::Error::config("a host is touched outside of a task")
                    .hint("lists and checks need every action to be inside `task(...)`"),
            );
        }
        let become_root = self.login.become_root || self.draft().become_root;
        let key = format!("{host}{}", if become_root { " as root" } else { "" });
        self.session.link(&key, || {
            let visit = self.session.options.check;
            crate::cluster::link(&self.inventory, &self.login, host, become_root, visit)
        })
    }

    /// The hosts of a pattern, within `-l`.
    pub fn select(&self, pattern: &str) -> Result<Vec<String>> {
        self.inventory
            .select_with_limit(pattern, self.limit.as_deref())
            .map_err(|error| crate::cluster::explained(&self.inventory, error, pattern))
    }

    /// A file named by a script: beside the script, else beside the inventory.
    #[must_use]
    pub fn find(&self, path: &str) -> PathBuf {
        let path = Path::new(path);
        if path.is_absolute() {
            return path.to_path_buf();
        }
        let beside_script = self.script_folder.as_ref().map(|folder| folder.join(path));
        beside_script
            .filter(|path| path.exists())
            .unwrap_or_else(|| self.beside.join(path))
    }
}
