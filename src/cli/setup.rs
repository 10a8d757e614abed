//! From the options to what a script runs in: which inventory, which variables, which passwords, which report.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::options::{METHODS, Options, Output, Reach, Sources};
use crate::cluster::Login;
use crate::error::{Error, Kind, Result};
use crate::inventory::{AnsibleConfig, Inventory, LoadOptions, Vault, distrusted};
use crate::report::{Audited, Human, Json, Report, Sink, Style, Terminal, Transcript};
use crate::run::{self, Cancel, Pool, Selection, Session};
use crate::script::{Parts, World};
use crate::secret::Secret;
use crate::terminal;
use crate::transport::Method;

pub(super) struct Setup {
    args: Vec<String>,
    pub(super) beside: PathBuf,
    pub(super) inventory: Arc<Inventory>,
    pub(super) inventory_name: String,
    pub(super) limit: Option<String>,
    pub(super) login: Login,
    pub(super) sandbox: bool,
    script_folder: Option<PathBuf>,
    selection: Selection,
    session: Arc<Session>,
    pub(super) sources: Vec<String>,
    pub(super) warnings: Vec<String>,
}

/// What several setups of the console have in common.
#[derive(Clone)]
pub(super) struct Common {
    pub(super) cancel: Cancel,
    pub(super) login: Login,
    pub(super) pool: Pool,
    pub(super) transcript: Transcript,
    pub(super) vault: Vault,
}

/// Where something goes that nobody has said.
pub(super) fn unnamed(place: &str) -> String {
    format!("no inventory here: this goes to {place}; -i FILE names one")
}

/// Red text for a terminal.
pub(super) fn red(text: &str, terminal: bool) -> String {
    if terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()) {
        format!("\x1b[31m{text}\x1b[0m")
    } else {
        text.to_string()
    }
}

/// The inventory of `-i`, `$ETCDSH_INVENTORY`, `ansible.cfg`, or of the current folder; none of them means the embedded one.
pub(super) fn sources(given: &[String], config: &AnsibleConfig) -> Result<Vec<String>> {
    if !given.is_empty() {
        return Ok(given.to_vec());
    }
    if let Some(path) = std::env::var("ETCDSH_INVENTORY")
        .ok()
        .filter(|path| !path.is_empty())
    {
        return Ok(vec![path]);
    }
    if let Some(paths) = config.inventory.clone().filter(|paths| !paths.is_empty()) {
        return Ok(paths);
    }
    let found = ["./pigsty.yml", "./inventory.yml"]
        .into_iter()
        .find(|path| Path::new(path).exists());
    if let Some(path) = found
        && let Some(why) = distrusted(Path::new(path))
    {
        let what = format!("`{path}` is not read unless it is named, because {why}");
        return Err(Error::config(what).hint(format!("add `-i {path}` when you trust it")));
    }
    Ok(found.map(str::to_string).into_iter().collect())
}

/// The folder of the first source that is a file or folder, else the current one.
pub(super) fn beside(sources: &[String]) -> PathBuf {
    let first = sources.iter().map(Path::new).find(|path| path.exists());
    let folder = match first {
        Some(path) if path.is_dir() => path.to_path_buf(),
        Some(path) => path.parent().map(Path::to_path_buf).unwrap_or_default(),
        None => PathBuf::new(),
    };
    if folder.as_os_str().is_empty() {
        PathBuf::from(".")
    } else {
        folder
    }
}

/// Read what `sources` name; without any, the embedded default.
pub(super) fn inventory(
    sources: &[String],
    vault: &Vault,
    script_folder: Option<&Path>,
) -> Result<Inventory> {
    if sources.is_empty() {
        return Inventory::parse(
            "<embedded>",
            &crate::sandbox::inventory(crate::sandbox::members()?),
        );
    }
    Inventory::load(
        sources,
        &LoadOptions {
            base_dir: script_folder.map(Path::to_path_buf),
            vault: vault.clone(),
        },
    )
}

/// The passwords of ansible-vault that the options, the environment and `ansible.cfg` name.
pub(super) fn vault(given: &Sources, config: &AnsibleConfig) -> Result<Vault> {
    let mut vault = Vault::default();
    for id in config.vault_identity_list.iter().chain(&given.vault_id) {
        let (label, place) = id.split_once('@').unwrap_or(("", id));
        let label = if label.is_empty() { "default" } else { label };
        if ["prompt", "prompt_ask_vault_pass"].contains(&place) {
            vault.add(
                label,
                ask_secret(&format!("Vault password ({label})"), VAULT)?,
            );
        } else {
            vault.add_file(label, place)?;
        }
    }
    for path in given
        .vault_password_file
        .iter()
        .chain(&config.vault_password_file)
    {
        vault.add_file("default", path)?;
    }
    if given.ask_vault_pass || config.ask_vault_pass {
        vault.add("default", ask_secret("Vault password", VAULT)?);
    }
    Ok(vault)
}

/// What to type where nobody can be asked, for each password.
const VAULT: &str = "--vault-password-file FILE";
const LOGIN: &str =
    "-e @FILE   # with `ansible_password: ...` in it; `ansible-vault encrypt FILE` locks it";
const BECOME: &str =
    "-e @FILE   # with `ansible_become_password: ...` in it; `ansible-vault encrypt FILE` locks it";

/// Ask for a password; `instead` gives it without a terminal.
fn ask_secret(question: &str, instead: &'static str) -> Result<Secret> {
    let trouble = |error: std::io::Error| {
        let why = if error.raw_os_error() == Some(rustix::io::Errno::NXIO.raw_os_error()) {
            "there is no terminal to ask".to_string()
        } else {
            error.to_string()
        };
        Error::usage("a password cannot be asked for")
            .because(why)
            .hint(instead)
    };
    match terminal::asked_secret(question).map_err(trouble)? {
        Some(line) => Ok(Secret::new(line)),
        None => Err(Error::new(Kind::Interrupted, "interrupted")),
    }
}

pub(super) fn login(reach: &Reach, config: AnsibleConfig) -> Result<Login> {
    let password = if reach.ask_pass {
        Some(ask_secret("SSH password", LOGIN)?)
    } else {
        None
    };
    let become_password = if reach.ask_become_pass || config.become_ask_pass {
        let question = if reach.ask_pass {
            "BECOME password [defaults to SSH password]"
        } else {
            "BECOME password"
        };
        let asked = ask_secret(question, BECOME)?;
        if asked.reveal().is_empty() {
            password.clone()
        } else {
            Some(asked)
        }
    } else {
        None
    };
    if let Some(method) = &config.become_method
        && Method::named(method).is_none()
    {
        return Err(Error::config(format!(
            "`become_method = {method}` of `ansible.cfg` is not supported"
        ))
        .because(METHODS));
    }
    let ssh_common_args = reach
        .ssh_common_args
        .as_ref()
        .or(config.ssh_common_args.as_ref());
    let ssh_extra_args = reach
        .ssh_extra_args
        .as_ref()
        .or(config.ssh_extra_args.as_ref());
    let common = match (ssh_common_args, ssh_extra_args) {
        (Some(common), Some(extra)) => Some(format!("{common} {extra}")),
        (common, extra) => common.or(extra).cloned(),
    };
    Ok(Login {
        become_method: reach
            .become_method
            .clone()
            .or_else(|| config.become_method.clone()),
        become_password,
        become_root: reach.r#become || config.r#become == Some(true),
        become_user: reach
            .become_user
            .clone()
            .or_else(|| config.become_user.clone()),
        common_args: common,
        config,
        connection: reach.connection.clone(),
        password,
        private_key: reach.private_key.clone(),
        timeout: reach.timeout,
        user: reach.user.clone(),
    })
}

/// Who runs this, from where, and on which inventory: the first line of its audit.
fn who(sources: &[String]) -> serde_json::Value {
    use sha2::Digest;
    let mut hash = sha2::Sha256::new();
    for source in sources {
        hash.update(std::fs::read(source).unwrap_or_else(|_| source.clone().into_bytes()));
    }
    let named = |name: &str| std::env::var(name).ok().filter(|name| !name.is_empty());
    let typed: Vec<String> = std::env::args().collect();
    let typed = crate::command::line(typed.iter().map(String::as_str));
    serde_json::json!({
        "event": "who",
        "at": jiff::Timestamp::now().to_string(),
        "user": named("SUDO_USER").or_else(|| named("USER")).unwrap_or_else(|| rustix::process::getuid().as_raw().to_string()),
        "machine": rustix::system::uname().nodename().to_string_lossy(),
        "folder": std::env::current_dir().unwrap_or_default(),
        "typed": crate::secret::masked(&typed),
        "inventory": if sources.is_empty() { "embedded".to_string() } else { sources.join(", ") },
        "sha256": crate::hex::text(&hash.finalize()),
    })
}

fn report(
    options: &Options,
    console: bool,
    transcript: &Transcript,
    sources: &[String],
    beside: &Path,
) -> Report {
    let terminal = crate::terminal::shows_output();
    let color = terminal
        && !options.reach.no_color
        && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let sink: Box<dyn Sink> = match options.reach.output.unwrap_or(Output::Human) {
        Output::Human => {
            let style = Style {
                check: options.play.check,
                color,
                console,
                diff: options.play.diff,
                live: terminal,
                verbose: options.reach.verbose,
            };
            Box::new(Human::new(Terminal::new(transcript), style))
        }
        Output::Json => Box::new(Json(Terminal::new(transcript))),
    };
    if options.play.check {
        return Report::new(sink);
    }
    let sources = sources.to_vec();
    Report::new(Box::new(Audited::new(sink, beside, move || who(&sources))))
}

pub(super) fn listen(cancel: &Cancel) -> Result<()> {
    cancel.listen().map_err(|error| {
        Error::internal("signals cannot be listened to").because(error.to_string())
    })
}

impl Setup {
    pub(super) fn new(options: &Options, script_folder: Option<PathBuf>) -> Result<Setup> {
        Self::with(options, script_folder, None)
    }

    /// For what shows things by itself: a run says nothing.
    pub(super) fn quiet(options: &Options) -> Result<Setup> {
        let mut setup = Self::new(options, None)?;
        setup.session = Arc::new(setup.session.quiet());
        Ok(setup)
    }

    pub(super) fn cancel(&self) -> Cancel {
        self.session.cancel.clone()
    }

    /// For the console: over connections that are there, without asking for passwords again.
    pub(super) fn with(
        options: &Options,
        script_folder: Option<PathBuf>,
        common: Option<&Common>,
    ) -> Result<Setup> {
        let config = AnsibleConfig::load()?;
        let sources = sources(&options.reach.sources.inventory, &config)?;
        let vault = match common {
            Some(common) => common.vault.clone(),
            None => vault(&options.reach.sources, &config)?,
        };
        options.reach.sources.name_inventory();
        let mut inventory = inventory(&sources, &vault, script_folder.as_deref())?;
        inventory.read_extra(&options.reach.sources.extra_vars)?;
        let limit = options.reach.sources.limit()?;
        if let Some(limit) = &limit {
            let selected = inventory.select_with_limit("all", Some(limit));
            selected.map_err(|error| crate::cluster::explained(&inventory, error, limit))?;
        }
        let forks = options
            .reach
            .forks
            .or(config.forks.and_then(|forks| usize::try_from(forks).ok()))
            .unwrap_or(10)
            .max(1);
        let run_options = run::Options {
            check: options.play.check,
            diff: options.play.diff,
            forks,
            held_to: options.play.held_to.clone(),
            no_gate: options.play.no_gate.clone(),
            yes: options.play.yes,
        };
        let sandbox = sources.is_empty()
            || sources.iter().any(|source| {
                std::path::Path::new(source) == crate::sandbox::inventory_file().unwrap_or_default()
            });
        let folder = if sandbox {
            crate::sandbox::folder()?
        } else {
            beside(&sources)
        };
        let session = match common {
            Some(common) => Session::of_console(
                run_options,
                report(options, true, &common.transcript, &sources, &folder),
                common.cancel.clone(),
                common.pool.clone(),
            ),
            None => Session::new(
                run_options,
                report(options, false, &Transcript::default(), &sources, &folder),
            ),
        };
        if common.is_none() {
            listen(&session.cancel)?;
        }
        let warnings = config
            .warnings
            .iter()
            .chain(&inventory.warnings)
            .cloned()
            .collect();
        let inventory_name = if sandbox {
            "embedded (a sandbox on this machine; -i FILE uses yours)".to_string()
        } else {
            sources.join(", ")
        };
        Ok(Setup {
            args: options.args.clone(),
            beside: folder,
            inventory: Arc::new(inventory),
            inventory_name,
            limit,
            login: match common {
                Some(common) => common.login.clone(),
                None => login(&options.reach, config)?,
            },
            sandbox,
            script_folder,
            selection: Selection {
                skip: Selection::words("--skip-tags", &options.play.skip_tags)?,
                start_at: options.play.start_at_task.clone(),
                tags: Selection::words("-t", &options.play.tags)?,
            },
            session: Arc::new(session),
            sources,
            warnings,
        })
    }

    /// Without an inventory the hosts are folders on this machine, and a command on them is one on this machine: fine where a sandbox
    /// is up, and else nothing that was meant.
    pub(super) fn refuse_nowhere(&self) -> Result<()> {
        if !self.sources.is_empty() {
            return Ok(());
        }
        if crate::sandbox::is_there() {
            self.session
                .report
                .warn(&unnamed("the sandbox on this machine"));
            return Ok(());
        }
        Err(Error::config("there is no inventory here, and no sandbox")
            .because("the command would run on this machine")
            .hint("-i FILE   # names an inventory; `etcdsh sandbox up` makes a sandbox"))
    }

    /// Say what is odd about the inventory and the settings.
    pub(super) fn warn(&self) {
        for warning in &self.warnings {
            self.session.report.warn(warning);
        }
    }

    pub(super) fn world(&self, listing: bool) -> World {
        World::new(Parts {
            args: self.args.clone(),
            beside: self.beside.clone(),
            inventory: Arc::clone(&self.inventory),
            limit: self.limit.clone(),
            listing,
            login: self.login.clone(),
            script_folder: self.script_folder.clone(),
            selection: self.selection.clone(),
            session: Arc::clone(&self.session),
        })
    }
}
