//! The command line as clap knows it: options, subcommands, and words that name a script.

use std::ffi::OsString;

use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{Args, Command, CommandFactory, FromArgMatches, Parser, Subcommand};

use super::audit::AuditArgs;
use super::bundle::BundleArgs;
use super::check::CheckArgs;
use super::integrate::{CompletionArgs, ManArgs};
use super::options::{Options, Reach, Sources};
use super::overview::OverviewArgs;
use super::plan::ApplyArgs;
use super::subcommand::{HelpArgs, InventoryArgs, RunArgs, SandboxArgs, ScriptArgs};
use super::unlock::UnlockArgs;
use crate::error::Error;

/// Deploy and run etcd over ssh: run a script, or start the console
#[derive(Parser)]
#[command(
    name = "etcdsh",
    version,
    override_usage = "etcdsh [OPTIONS] [SCRIPT] [ARGS]...\n       etcdsh [OPTIONS] COMMAND ...",
    disable_help_subcommand = true,
    after_help = "Bundled scripts: etcd (install, configure, launch), etcd-add, etcd-rm, etcd-replace, etcd-scale, etcd-upgrade, etcd-restart, etcd-reload, etcd-check.\n\
                  `etcdsh etcd-rm --help` tells about one, `etcdsh script list` names all.\n\
                  SCRIPT is a path when it has a `/` or ends in `.rhai`, else a bundled script: `etcdsh etcd`; `-` is standard input.\n\
                  Without it etcdsh is a console. Options may stand on either side of a command or a script.\n\
                  `etcdsh COMMAND --help` tells about each command.\n\
                  Exit codes: 0 ok, 1 error, 2 a host failed, 4 only unreachable hosts, 5 bad option, 99 interrupted."
)]
pub(super) struct Line {
    #[command(flatten)]
    pub(super) options: Options,
    #[command(subcommand)]
    pub(super) verb: Option<Verb>,
}

/// The important ones first.
#[derive(Subcommand)]
pub(super) enum Verb {
    /// Run a command of etcdctl on the cluster of the inventory: `etcdsh e get a`
    E(Words),
    /// Watch a cluster: health, latencies, space, certificates, drift, and what to do
    ///
    /// On a terminal it goes on until `q`; elsewhere it is as with --once. Needs no Prometheus: it asks the members themselves,
    /// and their hosts for drift and logs.
    Overview(OverviewArgs),
    /// Run a command on hosts, in parallel, and group equal outputs
    Run(RunArgs),
    /// Hosts that are folders on this machine, for a first look and for rehearsals
    Sandbox(SandboxArgs),
    /// Show what was understood of an inventory, as ansible-inventory does
    Inventory(InventoryArgs),
    /// The scripts in the binary: list, show, fork
    Script(ScriptArgs),
    /// Find mistakes in scripts and run nothing
    Check(CheckArgs),
    /// Do exactly what was planned with `--plan FILE`, or nothing
    Apply(ApplyArgs),
    /// What runs did to these hosts: list, show, clean
    Audit(AuditArgs),
    /// Pack a release of etcd into one file, for hosts that no internet reaches
    Bundle(BundleArgs),
    /// Short for `e member`: `etcdsh em list`
    Em(Words),
    /// Break the lock that a run has left on hosts
    Unlock(UnlockArgs),
    /// Show what a function of the language does
    Help(HelpArgs),
    /// Print completions for a shell: `source <(etcdsh completion bash)`
    Completion(CompletionArgs),
    /// Print the manual page: `etcdsh man | man -l -`
    Man(ManArgs),
    /// A script: options may stand among its words.
    #[command(external_subcommand)]
    Named(Vec<OsString>),
}

impl Verb {
    /// What was given after the word about how to show things.
    pub(super) fn shown(&self) -> Reach {
        let output = match self {
            Verb::Overview(args) => return args.reach.clone(),
            Verb::Run(args) => return args.reach.clone(),
            Verb::Unlock(args) => return args.reach.clone(),
            Verb::Apply(args) => return args.reach.clone(),
            Verb::Check(args) => args.output,
            Verb::Inventory(args) => args.output,
            _ => None,
        };
        Reach {
            output,
            ..Reach::default()
        }
    }

    /// An option that stands before the word and means nothing to it is an error, never ignored.
    pub(super) fn check(&self, given: &[String]) -> crate::error::Result<()> {
        let mut known = match self {
            Verb::Apply(_) | Verb::Overview(_) | Verb::Run(_) | Verb::Unlock(_) => {
                names(&Reach::augment_args(Command::new("")))
            }
            Verb::E(_) | Verb::Em(_) => names(&Reach::augment_args(Command::new("")))
                .into_iter()
                .filter(|name| name != "limit" && name != "forks")
                .collect(),
            Verb::Audit(_) | Verb::Inventory(_) => names(&Sources::augment_args(Command::new(""))),
            _ => Vec::new(),
        };
        known.extend(["no_color", "output", "verbose"].map(str::to_string));
        match given.iter().find(|name| !known.contains(name)) {
            None => Ok(()),
            Some(name) => {
                let option = name.replace('_', "-");
                Err(
                    Error::usage(format!("`--{option}` means nothing to this subcommand"))
                        .hint("leave it out; `--help` behind the subcommand shows its options"),
                )
            }
        }
    }
}

/// Words that etcdctl reads by itself.
#[derive(Args)]
#[command(disable_help_flag = true)]
pub(super) struct Words {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub(super) words: Vec<OsString>,
}

/// A command line that names a script.
#[derive(Parser)]
#[command(name = "etcdsh", version)]
pub(super) struct ScriptLine {
    pub(super) script: Option<String>,
    /// Arguments of the script, in its `args`; behind `--` they may look like options
    args: Vec<String>,
    #[command(flatten)]
    options: Options,
}

impl Line {
    /// The line, and the names of the options that stand before a subcommand.
    pub(super) fn read(args: &[OsString]) -> Result<(Line, Vec<String>), clap::Error> {
        let mut command = Line::command();
        let options = names(&command);
        let mut matches = command.try_get_matches_from_mut(args)?;
        let given = options
            .into_iter()
            .filter(|name| matches.value_source(name) == Some(ValueSource::CommandLine))
            .collect();
        Ok((Line::from_arg_matches_mut(&mut matches)?, given))
    }
}

/// The options of a command, as clap names them.
fn names(command: &Command) -> Vec<String> {
    let options = command.get_arguments();
    options.map(|option| option.get_id().to_string()).collect()
}

impl ScriptLine {
    /// The script and its options; the options hold its words.
    pub(super) fn read(args: &[OsString]) -> Result<(Option<String>, Options), clap::Error> {
        let line = match ScriptLine::try_parse_from(args) {
            Ok(line) => line,
            Err(error) if error.kind() == ErrorKind::DisplayHelp => return Err(help(error)),
            Err(error) => return Err(error),
        };
        let mut options = line.options;
        options.args = line.args;
        // To keep a plan is to look at it.
        options.play.check |= options.play.plan.is_some();
        Ok((line.script, options))
    }
}

/// The help of a script of one's own is that of the program.
fn help(own: clap::Error) -> clap::Error {
    match Line::try_parse_from(["etcdsh", "--help"]) {
        Err(help) => help,
        Ok(_) => own,
    }
}
