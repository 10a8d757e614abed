//! The console's surroundings: what its settings make of the options it was started with.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::options::Options;
use super::setup::{self, Common, Setup};
use crate::cluster;
use crate::error::{Error, Result};
use crate::inventory::AnsibleConfig;
use crate::repl::{Errand, Ground, Settings, Surroundings};
use crate::run::{Cancel, Pool};

pub(super) struct CommandLine {
    common: Common,
    options: Options,
}

impl CommandLine {
    /// Asks for passwords, once, when the options say so.
    pub(super) fn new(options: &Options) -> Result<Arc<CommandLine>> {
        let cancel = Cancel::default();
        cancel.keep_program();
        setup::listen(&cancel)?;
        let config = AnsibleConfig::load()?;
        let vault = setup::vault(&options.reach.sources, &config)?;
        let login = setup::login(&options.reach, config)?;
        let common = Common {
            cancel,
            login,
            pool: Pool::default(),
            transcript: crate::report::Transcript::default(),
            vault,
        };
        Ok(Arc::new(CommandLine {
            common,
            options: options.clone(),
        }))
    }

    fn options(&self, settings: &Settings, errand: &Errand) -> Options {
        let mut options = self.options.clone();
        options.play.check = settings.check;
        options.play.diff = settings.diff;
        options.reach.sources.limit = settings.limit.iter().cloned().collect();
        options.play.tags.clone_from(&errand.tags);
        options.play.skip_tags.clone_from(&errand.skip_tags);
        options.play.start_at_task = None;
        options.args.clone_from(&errand.args);
        let vars: serde_json::Map<String, serde_json::Value> = settings
            .vars
            .iter()
            .map(|(name, value)| (name.clone(), typed(value)))
            .collect();
        if !vars.is_empty() {
            options
                .reach
                .sources
                .extra_vars
                .push(serde_json::Value::Object(vars).to_string());
        }
        options
    }
}

/// The first line of an error, and its reasons.
fn told(error: &Error) -> String {
    let causes: String = error
        .causes
        .iter()
        .map(|cause| format!("\n  {cause}"))
        .collect();
    format!("{}{causes}", error.headline())
}

/// A list or a map is one; all else is a text, as with `-e name=value`.
fn typed(text: &str) -> serde_json::Value {
    match serde_json::from_str(text) {
        Ok(value @ (serde_json::Value::Array(_) | serde_json::Value::Object(_))) => value,
        _ => serde_json::Value::String(text.to_string()),
    }
}

impl Surroundings for CommandLine {
    fn open(&self, settings: &Settings, errand: &Errand) -> Result<Ground> {
        let mut setup = Setup::with(
            &self.options(settings, errand),
            errand.script_folder.clone(),
            Some(&self.common),
        )?;
        // An inventory with a mistake in it can still be looked at, and one without etcd is none.
        let clusters = cluster::clusters(&setup.inventory);
        if cluster::is_any(&setup.inventory) {
            let first = clusters.as_deref().map_or_else(
                |error| Some(error.clone()),
                |all| all.iter().find_map(|cluster| cluster.access().err()),
            );
            setup.warnings.extend(first.map(|error| told(&error)));
        }
        if let Some(name) = &settings.cluster {
            let hosts = cluster::chosen(clusters.clone()?, Some(name))?.hosts;
            let selected = setup
                .inventory
                .select_with_limit("all", settings.limit.as_deref())?;
            let both: Vec<String> = hosts
                .into_iter()
                .filter(|host| selected.contains(host))
                .collect();
            setup.limit = Some(if both.is_empty() {
                "!all".to_string()
            } else {
                both.join(",")
            });
        }
        let files = setup
            .sources
            .iter()
            .map(PathBuf::from)
            .filter(|path| path.exists())
            .collect();
        Ok(Ground {
            beside: setup.beside.clone(),
            clusters,
            files,
            inventory: Arc::clone(&setup.inventory),
            login: setup.login.clone(),
            name: setup.inventory_name.clone(),
            sources: if setup.sandbox {
                Vec::new()
            } else {
                setup.sources.clone()
            },
            warnings: std::mem::take(&mut setup.warnings),
            world: setup.world(errand.listing),
        })
    }

    fn settings(&self) -> Settings {
        // Checked when the console began.
        let limit = self.options.reach.sources.limit().ok().flatten();
        Settings {
            check: self.options.play.check,
            cluster: None,
            diff: self.options.play.diff,
            limit,
            vars: indexmap::IndexMap::default(),
        }
    }

    fn cancel(&self) -> &Cancel {
        &self.common.cancel
    }

    fn pool(&self) -> &Pool {
        &self.common.pool
    }

    fn transcript(&self) -> &crate::report::Transcript {
        &self.common.transcript
    }

    fn json(&self) -> bool {
        self.options.reach.json()
    }

    fn color(&self) -> bool {
        crate::terminal::shows_output()
            && !self.options.reach.no_color
            && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
    }

    fn start_file(&self) -> Option<PathBuf> {
        if self.options.play.norc {
            return None;
        }
        let config = std::env::var_os("XDG_CONFIG_HOME")
            .map(PathBuf::from)
            .filter(|path| path.is_absolute());
        let config = config
            .or_else(|| std::env::var_os("HOME").map(|home| Path::new(&home).join(".config")));
        config
            .map(|config| config.join("etcdsh/init.rhai"))
            .filter(|file| file.exists())
    }
}
