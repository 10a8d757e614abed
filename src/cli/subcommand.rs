//! Subcommands: `check`, `completion`, `help`, `inventory`, `man`, `overview`, `run`, `sandbox`, `script`. Each has its own options.

use std::ffi::OsString;

use clap::{Args, Subcommand};

use super::line::Verb;
use super::options::{Options, Output, Reach, Sources};
use super::setup::{self, Setup};
use crate::error::{Error, Hint, Result};
use crate::inventory::{AnsibleConfig, Origin, Value};
use crate::script::{embedded, on_hosts};
use crate::secret::is_secret_name;

/// Carry out a subcommand; `before` stood before it.
pub(super) fn carry_out(verb: Verb, before: Options, typed: &[OsString]) -> Result<i32> {
    match verb {
        Verb::Apply(args) => {
            let (options, script) = super::plan::planned(&args, options(&args.reach, before)?)?;
            super::perform(&options, Some(&script), typed)
        }
        Verb::Audit(args) => super::audit::run(&args, &before.reach.sources, before.reach.json()),
        Verb::Bundle(args) => super::bundle::run(&args),
        Verb::Check(args) => super::check::run(&args, before.reach.json()),
        Verb::Completion(args) => Ok(super::integrate::completion(&args)),
        Verb::E(args) => Ok(super::etcdctl::run(&args.words, &[], before.reach)),
        Verb::Em(args) => Ok(super::etcdctl::run(&args.words, &["member"], before.reach)),
        Verb::Help(args) => help(&args),
        Verb::Inventory(args) => {
            let json = args.output.or(before.reach.output) == Some(Output::Json);
            let sources = args.sources.clone().after(before.reach.sources);
            inventory(&args, &sources, json)
        }
        Verb::Man(_) => super::integrate::man(),
        Verb::Named(_) => Err(Error::internal("a script is no subcommand")),
        Verb::Overview(args) => {
            let options = options(&args.reach, before)?;
            super::overview::run(&args, &options)
        }
        Verb::Run(args) => {
            let options = options(&args.reach, before)?;
            run(&args, &options)
        }
        Verb::Sandbox(args) => sandbox(&args),
        Verb::Script(args) => script(&args),
        Verb::Unlock(args) => {
            let options = options(&args.reach, before)?;
            super::unlock::unlock(&args, &options)
        }
    }
}

/// What was given on either side of a subcommand.
fn options(own: &Reach, before: Options) -> Result<Options> {
    let options = Options::from(own.clone().after(before.reach));
    options.check()?;
    Ok(options)
}

/// Show what a function of the language does.
#[derive(Args)]
pub(super) struct HelpArgs {
    /// Name of a primitive, a parameter or a function of the stdlib; all of them when it is left out
    name: Option<String>,
    /// The whole reference as Markdown
    #[arg(long, hide = true)]
    markdown: bool,
}

fn help(args: &HelpArgs) -> Result<i32> {
    if args.markdown {
        match args.name.as_deref() {
            Some("stdlib") => print_text(&crate::script::manual::stdlib_markdown()),
            Some("e") => print_text(&crate::etcdctl::manual::markdown()),
            _ => print_text(&crate::script::manual::markdown()?),
        }
        return Ok(0);
    }
    let Some(name) = &args.name else {
        say!("{}", crate::script::manual::index()?.trim_end());
        return Ok(0);
    };
    say!("{}", crate::script::manual::entry(name)?.trim_end());
    Ok(0)
}

/// Show what was understood of an inventory, as ansible-inventory does.
#[derive(Args)]
pub(super) struct InventoryArgs {
    #[command(flatten)]
    sources: Sources,
    /// All hosts and variables as JSON
    #[arg(long)]
    list: bool,
    /// Groups and hosts as a tree
    #[arg(long, value_name = "GROUP", num_args = 0..=1, default_missing_value = "all")]
    graph: Option<String>,
    /// With --graph: the variables too
    #[arg(long)]
    vars: bool,
    /// Variables of one host as JSON
    #[arg(long, value_name = "NAME")]
    host: Option<String>,
    /// How to show it; --list and --host are JSON in any case
    #[arg(short, long, value_enum, global = true)]
    pub(super) output: Option<Output>,
    /// Show passwords and tokens, too
    #[arg(long, global = true)]
    show_secrets: bool,
    #[command(subcommand)]
    verb: Option<InventoryVerb>,
}

#[derive(Subcommand)]
enum InventoryVerb {
    /// Which file and line a value comes from
    Origin { host: String, variable: String },
}

fn inventory(args: &InventoryArgs, sources: &Sources, json: bool) -> Result<i32> {
    let config = AnsibleConfig::load()?;
    let vault = setup::vault(sources, &config)?;
    let named = setup::sources(&sources.inventory, &config)?;
    let mut inventory = setup::inventory(&named, &vault, None)?;
    inventory.read_extra(&sources.extra_vars)?;
    let mask = !args.show_secrets;
    for warning in &inventory.warnings {
        complain!("warning: {warning}");
    }
    if let Some(InventoryVerb::Origin { host, variable }) = &args.verb {
        inventory.select(host)?;
        let Some(origin) = inventory.origin(host, variable) else {
            let vars = inventory.vars(host);
            let error = Error::config(format!("variable `{variable}` is not set")).on(host);
            return Err(
                match crate::error::nearest(variable, vars.keys().map(String::as_str)) {
                    Some(near) => error.hint(format!("did you mean `{near}`?")),
                    None => error.hint(Hint::program(&format!("inventory --host {host}"))),
                },
            );
        };
        let shown = |value: &Value| match mask {
            true if is_secret_name(variable) => "***".to_string(),
            true => value.shown(),
            false => value.to_text(),
        };
        tell_origin(&origin, shown, json);
        return Ok(0);
    }
    let limit = sources.limit()?;
    match (&args.graph, &args.host, args.list) {
        (Some(_), None, false) if json => {
            return Err(Error::usage("`--graph` is a drawing, and no JSON")
                .hint(Hint::program("inventory --list")));
        }
        (Some(group), None, false) => print_text(&inventory.masking(mask).graph(group, args.vars)?),
        (None, Some(host), false) => print_text(&inventory.masking(mask).host(host)?),
        (None, None, true) => print_text(&inventory.masking(mask).list(limit.as_deref())?),
        _ => {
            return Err(
                Error::usage("one of --list, --graph and --host is needed").hint(Hint::Hosts)
            );
        }
    }
    Ok(0)
}

/// The place that a value comes from, then those that it overrides.
fn tell_origin(origin: &Origin, shown: impl Fn(&Value) -> String, json: bool) {
    let mut all = vec![(origin.to_string(), &origin.value)];
    // A folder of variables may lie beside the inventory and be the current one: its files are read twice.
    for weaker in &origin.overridden {
        let place = weaker.to_string();
        if all.iter().all(|(known, _)| *known != place) {
            all.push((place, &weaker.value));
        }
    }
    let told = |(place, value): &(String, &Value)| serde_json::json!({ "from": place, "value": shown(value) });
    if json {
        let mut first = told(&all[0]);
        first["overrides"] = all[1..].iter().map(told).collect();
        say!("{first}");
        return;
    }
    say!("{}: {}", all[0].0, shown(all[0].1));
    for (place, value) in &all[1..] {
        say!("  overrides {place}: {}", shown(value));
    }
}

fn print_text(text: &str) {
    say!("{}", text.trim_end_matches('\n'));
}

/// Run a command on hosts, in parallel, and group equal outputs.
#[derive(Args)]
#[command(after_help = "Example: etcdsh run etcd -b -- systemctl is-active etcd")]
pub(super) struct RunArgs {
    /// Hosts, as -l takes them
    pattern: String,
    #[command(flatten)]
    pub(super) reach: Reach,
    /// The command; one word is a line for the shell, several are run as they are
    #[arg(last = true, required = true)]
    command: Vec<String>,
}

fn run(args: &RunArgs, options: &Options) -> Result<i32> {
    let setup = Setup::new(options, None)?;
    let world = setup.world(false);
    let hosts = world.select(&args.pattern)?;
    setup.refuse_nowhere()?;
    let command = match args.command.as_slice() {
        [line] => line.clone(),
        words => crate::command::line(words.iter().map(String::as_str)),
    };
    let heard = on_hosts(&world, &hosts, &command);
    let json = options.reach.json();
    for line in heard.lines(json) {
        say!("{line}");
    }
    for error in &heard.errors {
        if json {
            say!(
                "{}",
                serde_json::json!({ "event": "error", "error": crate::report::error_json(error) })
            );
        } else {
            complain!("error: {error}");
        }
    }
    Ok(heard.exit_code())
}

/// Hosts that are folders on this machine, for a first look and for rehearsals.
#[derive(Args)]
pub(super) struct SandboxArgs {
    #[command(subcommand)]
    verb: SandboxVerb,
}

#[derive(Subcommand)]
enum SandboxVerb {
    /// Bring up a cluster of N members (3 by default) with the bundled flow
    Up { members: Option<u8> },
    /// Show its hosts
    Status,
    /// Stop its services; data stays
    Down,
    /// Stop everything and remove it
    Rm,
}

fn sandbox(args: &SandboxArgs) -> Result<i32> {
    match &args.verb {
        SandboxVerb::Up { members } => up(members.unwrap_or(3)),
        SandboxVerb::Status => {
            let hosts = crate::sandbox::hosts()?;
            if hosts.is_empty() {
                say!("there is no sandbox; `etcdsh sandbox up` makes one");
            }
            for host in hosts {
                let pid = if host.pid == 0 {
                    String::new()
                } else {
                    format!("  pid {}", host.pid)
                };
                say!(
                    "{}  {}{pid}  {}",
                    host.name,
                    host.state,
                    host.root.display()
                );
            }
            Ok(0)
        }
        SandboxVerb::Down => {
            for host in crate::sandbox::down()? {
                say!("{}  stopped", host.name);
            }
            Ok(0)
        }
        SandboxVerb::Rm => {
            match crate::sandbox::remove()? {
                (folder, true) => say!("removed {}", folder.display()),
                (folder, false) => say!("there is no sandbox in {}", folder.display()),
            }
            Ok(0)
        }
    }
}

/// The bundled flow on the embedded inventory, with the options of a run at their defaults.
fn up(members: u8) -> Result<i32> {
    if !(1..=9).contains(&members) {
        return Err(Error::usage(format!(
            "a sandbox has 1 to 9 members, not {members}"
        )));
    }
    crate::sandbox::make_folder()?;
    let path = crate::sandbox::inventory_file()?;
    std::fs::write(&path, crate::sandbox::inventory(members)).map_err(|error| {
        Error::config(format!("`{}` cannot be written", path.display())).because(error.to_string())
    })?;
    let mut options = Options::default();
    options.reach.sources.inventory = vec![path.display().to_string()];
    let typed = ["etcdsh", "sandbox", "up"].map(Into::into);
    super::perform(&options, Some("etcd"), &typed)
}

/// The scripts in the binary: list, show, fork.
#[derive(Args)]
pub(super) struct ScriptArgs {
    #[command(subcommand)]
    verb: ScriptVerb,
}

#[derive(Subcommand)]
enum ScriptVerb {
    /// Names of the bundled scripts and of the stdlib
    List,
    /// Print one
    Show { name: String },
    /// Copy one to change it
    Fork {
        name: String,
        /// Where to; `./NAME.rhai` by default
        destination: Option<String>,
    },
}

fn find(name: &str) -> Result<(&'static str, &'static str)> {
    let all = || embedded::scripts().chain(embedded::stdlib());
    let put = || {
        embedded::PUT
            .iter()
            .map(|(path, _)| *path)
            .find(|path| *path == name)
            .and_then(|path| Some((path, embedded::any(path)?)))
    };
    let named = embedded::named(name)
        .or_else(|| all().find(|(path, _)| *path == name))
        .or_else(put);
    named
        .or_else(|| {
            let bare = name.trim_start_matches("stdlib/").trim_end_matches(".rhai");
            embedded::module(bare)
        })
        .ok_or_else(|| {
            let error = Error::config(format!("there is no bundled script `{name}`"));
            let short = |path: &'static str| {
                path.rsplit('/')
                    .next()
                    .and_then(|file| file.strip_suffix(".rhai"))
            };
            match crate::error::nearest(
                name,
                all()
                    .map(|(path, _)| path)
                    .chain(embedded::PUT.map(|(path, _)| path))
                    .flat_map(|path| [Some(path), short(path)])
                    .flatten(),
            ) {
                Some(near) => error.hint(format!("did you mean `{near}`?")),
                None => error.hint("etcdsh script list"),
            }
        })
}

fn script(args: &ScriptArgs) -> Result<i32> {
    match &args.verb {
        ScriptVerb::List => {
            for (path, text) in embedded::scripts().chain(embedded::stdlib()) {
                let about = text
                    .lines()
                    .find_map(|line| line.strip_prefix("//!"))
                    .unwrap_or_default()
                    .trim();
                say!("{path:<34} {about}");
            }
            for (path, about) in embedded::PUT {
                say!("{path:<34} {about}");
            }
        }
        ScriptVerb::Show { name } => say!("{}", find(name)?.1.trim_end_matches('\n')),
        ScriptVerb::Fork { name, destination } => {
            let (path, text) = find(name)?;
            let file = path.rsplit('/').next().unwrap_or(path);
            let target = destination.clone().unwrap_or_else(|| format!("./{file}"));
            let target = if std::path::Path::new(&target).is_dir() {
                format!("{}/{file}", target.trim_end_matches('/'))
            } else {
                target
            };
            write_new(&target, text)?;
            if path.strip_suffix(".rhai").is_none() {
                say!("{target}: written");
                return Ok(0);
            }
            say!(
                "{target}: run it with `etcdsh {}`",
                if target.contains('/') {
                    target.clone()
                } else {
                    format!("./{target}")
                }
            );
        }
    }
    Ok(0)
}

fn write_new(target: &str, text: &str) -> Result<()> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let write = || {
        let mut file = std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o755)
            .open(target)?;
        file.write_all(text.as_bytes())
    };
    write().map_err(|error| {
        let error =
            Error::config(format!("`{target}` cannot be written")).because(error.to_string());
        if std::path::Path::new(target).exists() {
            error.hint("name another destination, or move yours away first")
        } else {
            error
        }
    })
}
