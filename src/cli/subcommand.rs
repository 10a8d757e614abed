//! Subcommands: `check`, `completion`, `help`, `inventory`, `man`, `overview`, `run`, `sandbox`, `script`. Each has its own options.

use std::ffi::OsString;

use clap::{CommandFactory, Parser, Subcommand};

use super::check::CheckArgs;
use super::integrate::{CompletionArgs, ManArgs};
use super::options::Options;
use super::overview::OverviewArgs;
use super::setup::{self, Setup};
use crate::error::{Error, Hint, Kind, Result};
use crate::inventory::{AnsibleConfig, parse_extra};
use crate::script::{embedded, on_hosts};

pub(super) const NAMES: [&str; 9] = [
    "check",
    "completion",
    "help",
    "inventory",
    "man",
    "overview",
    "run",
    "sandbox",
    "script",
];

/// Run the subcommand that the first word names, when it names one.
pub(super) fn dispatch(args: &[OsString]) -> Result<Option<i32>> {
    let mut rest: Vec<OsString> = args.to_vec();
    // Options may stand before the word, as `etcdsh -i x run etcd -- uptime`.
    let Some(at) = first_word(args) else {
        return Ok(None);
    };
    let word = args[at].to_string_lossy().into_owned();
    if !NAMES.contains(&word.as_str()) {
        return Ok(None);
    }
    rest.remove(at);
    let name = format!("etcdsh {word}");
    rest[0] = name.into();
    let code = match word.as_str() {
        "check" => parse::<CheckArgs>(rest, |args| super::check::run(&args)),
        "completion" => parse::<CompletionArgs>(rest, |args| super::integrate::completion(&args)),
        "man" => parse::<ManArgs>(rest, |_| super::integrate::man()),
        "help" => parse::<HelpArgs>(rest, |args| help(&args)),
        "inventory" => parse::<InventoryArgs>(rest, |args| inventory(&args)),
        "overview" => parse::<OverviewArgs>(rest, |args| super::overview::run(&args)),
        "run" => parse::<RunArgs>(rest, |args| run(&args)),
        "sandbox" => parse::<SandboxArgs>(rest, |args| sandbox(&args)),
        _ => parse::<ScriptArgs>(rest, |args| script(&args)),
    }?;
    Ok(Some(code))
}

/// The place of the first word that is no option and no option's value.
fn first_word(args: &[OsString]) -> Option<usize> {
    let command = Options::command();
    let takes_value = |word: &str| {
        let mut options = command
            .get_arguments()
            .filter(|option| option.get_action().takes_values() && !option.is_positional());
        match word.strip_prefix("--") {
            Some(long) => options.any(|option| {
                option
                    .get_long_and_visible_aliases()
                    .is_some_and(|names| names.contains(&long))
            }),
            // `-vi FILE`: the last letter of a bundle may take the next word.
            None => options.any(|option| {
                option
                    .get_short()
                    .is_some_and(|short| bundle_ends_with(&command, word, short))
            }),
        }
    };
    let mut index = 1;
    while index < args.len() {
        let word = args[index].to_string_lossy();
        if word == "--eval" || word == "--" {
            return None;
        }
        if !word.starts_with('-') || word == "-" {
            return Some(index);
        }
        index += if takes_value(&word) { 2 } else { 1 };
    }
    None
}

/// Is `short` the last letter of `-vvi`, and none before it takes the rest as its value?
fn bundle_ends_with(command: &clap::Command, word: &str, short: char) -> bool {
    let flag = |letter: char| {
        command
            .get_arguments()
            .any(|option| option.get_short() == Some(letter) && !option.get_action().takes_values())
    };
    let letters = word.trim_start_matches('-');
    letters.ends_with(short)
        && letters[..letters.len() - short.len_utf8()]
            .chars()
            .all(flag)
}

fn parse<T: Parser>(args: Vec<OsString>, act: impl FnOnce(T) -> Result<i32>) -> Result<i32> {
    match T::try_parse_from(args) {
        Ok(parsed) => act(parsed),
        Err(error) => {
            let _ = error.print();
            Ok(if error.use_stderr() {
                Kind::Usage.exit_code()
            } else {
                0
            })
        }
    }
}

/// Show what a function of the language does.
#[derive(Parser)]
#[command(name = "etcdsh help")]
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
#[derive(Parser)]
#[command(name = "etcdsh inventory")]
pub(super) struct InventoryArgs {
    /// Inventory: file, folder, executable or comma list; repeatable
    #[arg(short, long, value_name = "SOURCE")]
    inventory: Vec<String>,
    /// Variables that win over all others
    #[arg(short, long, value_name = "VARS")]
    extra_vars: Vec<String>,
    /// Only hosts of this pattern
    #[arg(short, long, value_name = "PATTERN")]
    limit: Option<String>,
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
    #[command(subcommand)]
    verb: Option<InventoryVerb>,
}

#[derive(Subcommand)]
enum InventoryVerb {
    /// Which file and line a value comes from
    Origin { host: String, variable: String },
}

fn inventory(args: &InventoryArgs) -> Result<i32> {
    let config = AnsibleConfig::load()?;
    let mut inventory = setup::inventory(&setup::sources(&args.inventory, &config), None)?;
    inventory.set_extra(parse_extra(&args.extra_vars)?);
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
                    None => error.hint(format!("etcdsh inventory --host {host}")),
                },
            );
        };
        say!("{origin}: {}", origin.value.to_text());
        // A folder of variables may lie beside the inventory and be the current one: its files are read twice.
        let mut said = vec![format!("{origin}")];
        for weaker in &origin.overridden {
            let place = format!("{weaker}");
            if !said.contains(&place) {
                say!("  overrides {place}: {}", weaker.value.to_text());
                said.push(place);
            }
        }
        return Ok(0);
    }
    match (&args.graph, &args.host, args.list) {
        (Some(group), None, false) => print_text(&inventory.graph(group, args.vars)?),
        (None, Some(host), false) => print_text(&inventory.host(host)?),
        (None, None, true) => print_text(&inventory.list(args.limit.as_deref())?),
        _ => {
            return Err(
                Error::usage("one of --list, --graph and --host is needed").hint(Hint::Hosts)
            );
        }
    }
    Ok(0)
}

fn print_text(text: &str) {
    say!("{}", text.trim_end_matches('\n'));
}

/// Run a command on hosts, in parallel, and group equal outputs.
#[derive(Parser)]
#[command(
    name = "etcdsh run",
    after_help = "Example: etcdsh run etcd -b -- systemctl is-active etcd"
)]
pub(super) struct RunArgs {
    /// Hosts, as -l takes them
    pattern: String,
    #[command(flatten)]
    options: Reach,
    /// The command; one word is a line for the shell, several are run as they are
    #[arg(last = true, required = true)]
    command: Vec<String>,
}

/// The options that say how hosts are reached.
#[derive(clap::Args, Clone)]
pub(super) struct Reach {
    /// Inventory: file, folder, executable or comma list; repeatable
    #[arg(short, long, value_name = "SOURCE")]
    pub(super) inventory: Vec<String>,
    /// Work only on hosts of this pattern
    #[arg(short, long, value_name = "PATTERN")]
    limit: Vec<String>,
    /// Variables that win over all others
    #[arg(short, long, value_name = "VARS")]
    extra_vars: Vec<String>,
    /// Hosts at a time
    #[arg(short, long, value_name = "N")]
    forks: Option<String>,
    /// Log in as this user
    #[arg(short, long, value_name = "USER")]
    user: Option<String>,
    /// Log in with this key
    #[arg(long, value_name = "FILE")]
    private_key: Option<String>,
    /// Become root
    #[arg(short, long)]
    r#become: bool,
    /// Ask for the login password
    #[arg(short = 'k', long)]
    ask_pass: bool,
    /// Ask for the password of sudo
    #[arg(short = 'K', long)]
    ask_become_pass: bool,
    /// Seconds to wait for a connection
    #[arg(short = 'T', long, value_name = "SECONDS")]
    timeout: Option<String>,
    /// ssh, local or sandbox
    #[arg(short, long, value_name = "WAY")]
    connection: Option<String>,
    /// Options for every ssh
    #[arg(long, value_name = "ARGS", allow_hyphen_values = true)]
    ssh_common_args: Option<String>,
    /// human or json
    #[arg(short, long, value_name = "FORM")]
    output: Option<String>,
    /// No colour
    #[arg(long)]
    no_color: bool,
    /// Say more
    #[arg(short, long)]
    verbose: bool,
}

impl Reach {
    /// The same as options of a run, so that there is one meaning for each.
    pub(super) fn options(&self) -> Result<Options> {
        let mut words: Vec<String> = vec!["etcdsh".into()];
        let lists = [
            ("-i", &self.inventory),
            ("-l", &self.limit),
            ("-e", &self.extra_vars),
        ];
        words.extend(lists.iter().flat_map(|(flag, values)| {
            values
                .iter()
                .flat_map(move |value| [(*flag).to_string(), value.clone()])
        }));
        let single = [
            ("-f", &self.forks),
            ("-u", &self.user),
            ("--private-key", &self.private_key),
            ("-T", &self.timeout),
            ("-c", &self.connection),
            ("--ssh-common-args", &self.ssh_common_args),
            ("-o", &self.output),
        ];
        words.extend(
            single
                .iter()
                .filter_map(|(flag, value)| {
                    value
                        .as_ref()
                        .map(|value| [(*flag).to_string(), value.clone()])
                })
                .flatten(),
        );
        let flags = [
            ("-b", self.r#become),
            ("-k", self.ask_pass),
            ("-K", self.ask_become_pass),
            ("--no-color", self.no_color),
            ("-v", self.verbose),
        ];
        words.extend(
            flags
                .iter()
                .filter(|(_, given)| *given)
                .map(|(flag, _)| (*flag).to_string()),
        );
        let options = Options::try_parse_from(words)
            .map_err(|error| Error::usage(error.to_string().trim().to_string()))?;
        options.check()?;
        Ok(options)
    }
}

fn run(args: &RunArgs) -> Result<i32> {
    let options = args.options.options()?;
    let setup = Setup::new(&options, None)?;
    let world = setup.world(false)?;
    let hosts = world.select(&args.pattern)?;
    let command = match args.command.as_slice() {
        [line] => line.clone(),
        words => crate::command::line(words.iter().map(String::as_str)),
    };
    let heard = on_hosts(&world, &hosts, &command);
    let json = options.output == super::options::Output::Json;
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
#[derive(Parser)]
#[command(name = "etcdsh sandbox")]
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
            say!("removed {}", crate::sandbox::remove()?.display());
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
    super::go(["etcdsh".into(), "-i".into(), path.into(), "etcd".into()].into())
}

/// The scripts in the binary: list, show, fork.
#[derive(Parser)]
#[command(name = "etcdsh script")]
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
            if !path.ends_with(".rhai") {
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
