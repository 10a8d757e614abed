//! The options: what they mean to ansible-playbook they mean here. Each is declared once, for all that take it.

use clap::{ArgAction, Args, ValueEnum};

use crate::error::{Error, Result};
use crate::transport::Method;

/// The methods of becoming root.
pub(super) const METHODS: &str = "there are sudo, su and doas";

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Output {
    Human,
    Json,
}

/// Which hosts and variables there are.
#[derive(Args, Clone, Debug, Default)]
pub struct Sources {
    /// Inventory: file, folder, executable or comma list; repeatable
    #[arg(short, long, value_name = "SOURCE", visible_alias = "inventory-file")]
    pub inventory: Vec<String>,
    /// Work only on hosts of this pattern
    #[arg(short, long, value_name = "PATTERN", visible_alias = "subset", action = ArgAction::Append)]
    pub limit: Vec<String>,
    /// Variables that win over all others: k=v, {json} or @file; repeatable
    #[arg(short, long, value_name = "VARS")]
    pub extra_vars: Vec<String>,
    /// File, or program, with the password of ansible-vault; repeatable
    #[arg(long, value_name = "FILE", visible_alias = "vault-pass-file")]
    pub vault_password_file: Vec<String>,
    /// The same with a label: LABEL@FILE or LABEL@prompt; repeatable
    #[arg(long, value_name = "ID")]
    pub vault_id: Vec<String>,
    /// Ask for the password of ansible-vault
    #[arg(short = 'J', long, visible_alias = "ask-vault-password")]
    pub ask_vault_pass: bool,
}

impl Sources {
    /// Lines to type next are meant for the same inventory.
    pub(super) fn name_inventory(&self) {
        let named = self.inventory.iter();
        let named = named.map(|source| format!(" -i {}", crate::command::quote(source)));
        crate::error::name_inventory(named.collect());
    }
}

/// How hosts are reached and what is said: for everything that goes to hosts.
#[derive(Args, Clone, Debug, Default)]
pub struct Reach {
    #[command(flatten)]
    pub sources: Sources,
    /// Hosts at a time
    #[arg(short, long, value_name = "N")]
    pub forks: Option<usize>,
    /// Log in as this user
    #[arg(short, long, value_name = "USER")]
    pub user: Option<String>,
    /// Log in with this key
    #[arg(long, value_name = "FILE", visible_alias = "key-file")]
    pub private_key: Option<String>,
    /// Become root on the hosts; the bundled flow does so by itself
    #[arg(short, long)]
    pub r#become: bool,
    /// Become with this method: sudo, su or doas
    #[arg(long, value_name = "METHOD")]
    pub become_method: Option<String>,
    /// Become this user
    #[arg(long, value_name = "USER")]
    pub become_user: Option<String>,
    /// Ask for the login password
    #[arg(short = 'k', long)]
    pub ask_pass: bool,
    /// Ask for the password to become root
    #[arg(short = 'K', long)]
    pub ask_become_pass: bool,
    /// Seconds to wait for a connection
    #[arg(short = 'T', long, value_name = "SECONDS")]
    pub timeout: Option<u64>,
    /// How hosts are reached: ssh, local or sandbox
    #[arg(short, long, value_name = "WAY")]
    pub connection: Option<String>,
    /// Options for every ssh, as ssh takes them
    #[arg(long, value_name = "ARGS", allow_hyphen_values = true)]
    pub ssh_common_args: Option<String>,
    /// More options for ssh
    #[arg(long, value_name = "ARGS", allow_hyphen_values = true)]
    pub ssh_extra_args: Option<String>,
    /// Say more: times; -vv what is looked at and done
    #[arg(short, long, action = ArgAction::Count)]
    pub verbose: u8,
    /// How to show what happens; human by default
    #[arg(short, long, value_enum)]
    pub output: Option<Output>,
    /// No colour, as with `NO_COLOR`
    #[arg(long)]
    pub no_color: bool,
}

/// What a run of a script takes.
#[derive(Args, Clone, Debug, Default)]
pub struct Options {
    /// Words of the script, in its `args`.
    #[arg(skip)]
    pub args: Vec<String>,
    #[command(flatten)]
    pub reach: Reach,
    #[command(flatten)]
    pub play: PlayOptions,
}

/// What means something to scripts and the console only.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Options of scripts and of the console")]
pub struct PlayOptions {
    /// Run only tasks with these tags; repeatable, comma lists
    #[arg(short, long, value_name = "TAGS")]
    pub tags: Vec<String>,
    /// Run no task with these tags
    #[arg(long, value_name = "TAGS")]
    pub skip_tags: Vec<String>,
    /// Show what would change and change nothing
    #[arg(short = 'C', long)]
    pub check: bool,
    /// Show the difference of each file that changes
    #[arg(short = 'D', long)]
    pub diff: bool,
    /// Evaluate an expression and print its value
    #[arg(long, value_name = "EXPR")]
    pub eval: Option<String>,
    /// List the hosts that would be worked on
    #[arg(long)]
    pub list_hosts: bool,
    /// List the tasks that would run
    #[arg(long)]
    pub list_tasks: bool,
    /// List the tags there are
    #[arg(long)]
    pub list_tags: bool,
    /// Begin at this task
    #[arg(long, value_name = "NAME")]
    pub start_at_task: Option<String>,
    /// Ask before each task
    #[arg(long)]
    pub step: bool,
    /// Find mistakes in the script and run nothing
    #[arg(long)]
    pub syntax_check: bool,
    /// Answer every question with yes
    #[arg(short, long)]
    pub yes: bool,
    /// Keep the plan in a file, and change nothing; `etcdsh apply FILE` does exactly it
    #[arg(long, value_name = "FILE")]
    pub plan: Option<String>,
    /// Go on without one of the checks between two steps of a plan: `patroni=REASON`; repeatable
    #[arg(long, value_name = "GATE=REASON", value_parser = gate)]
    pub no_gate: Vec<(String, String)>,
    /// The plan that the run is held to.
    #[arg(skip)]
    pub held_to: Option<crate::run::Kept>,
    /// Do not run ~/.config/etcdsh/init.rhai when the console starts
    #[arg(long)]
    pub norc: bool,
    // What ansible-playbook has and etcdsh has not: named, so that it fails loudly.
    #[arg(long, hide = true)]
    pub flush_cache: bool,
    #[arg(long, hide = true)]
    pub force_handlers: bool,
    #[arg(short = 'M', long, hide = true)]
    pub module_path: Option<String>,
    #[arg(long, hide = true)]
    pub become_password_file: Option<String>,
    #[arg(long, hide = true)]
    pub connection_password_file: Option<String>,
    #[arg(long, hide = true)]
    pub scp_extra_args: Option<String>,
    #[arg(long, hide = true)]
    pub sftp_extra_args: Option<String>,
}

/// A gate that is left out, and why.
fn gate(text: &str) -> std::result::Result<(String, String), String> {
    match text.split_once('=') {
        Some(("patroni", reason)) if !reason.trim().is_empty() => {
            Ok(("patroni".to_string(), reason.trim().to_string()))
        }
        Some(("patroni", _)) | None => {
            Err("a reason goes with it, such as patroni=\"no PostgreSQL here yet\"".to_string())
        }
        Some((name, _)) => Err(format!("there is no gate `{name}`: there is `patroni`")),
    }
}

impl Sources {
    /// The pattern of all `-l`; each of them must name something.
    pub fn limit(&self) -> Result<Option<String>> {
        for pattern in &self.limit {
            crate::inventory::parts_of(pattern)?;
        }
        Ok((!self.limit.is_empty()).then(|| self.limit.join(",")))
    }

    /// These after `before`, which stood on the other side of the subcommand.
    #[must_use]
    pub fn after(self, mut before: Sources) -> Sources {
        before.inventory.extend(self.inventory);
        before.limit.extend(self.limit);
        before.extra_vars.extend(self.extra_vars);
        before.vault_password_file.extend(self.vault_password_file);
        before.vault_id.extend(self.vault_id);
        before.ask_vault_pass |= self.ask_vault_pass;
        before
    }
}

impl Reach {
    /// These, and what was given `before` the subcommand: of a single value the later one counts.
    #[must_use]
    pub fn after(self, before: Reach) -> Reach {
        Reach {
            sources: self.sources.after(before.sources),
            forks: self.forks.or(before.forks),
            user: self.user.or(before.user),
            private_key: self.private_key.or(before.private_key),
            r#become: self.r#become || before.r#become,
            become_method: self.become_method.or(before.become_method),
            become_user: self.become_user.or(before.become_user),
            ask_pass: self.ask_pass || before.ask_pass,
            ask_become_pass: self.ask_become_pass || before.ask_become_pass,
            timeout: self.timeout.or(before.timeout),
            connection: self.connection.or(before.connection),
            ssh_common_args: self.ssh_common_args.or(before.ssh_common_args),
            ssh_extra_args: self.ssh_extra_args.or(before.ssh_extra_args),
            verbose: self.verbose.saturating_add(before.verbose),
            output: self.output.or(before.output),
            no_color: self.no_color || before.no_color,
        }
    }

    #[must_use]
    pub fn json(&self) -> bool {
        self.output == Some(Output::Json)
    }

    /// What is there and not supported is an error, never ignored.
    fn check(&self) -> Result<()> {
        if let Some(method) = self
            .become_method
            .as_deref()
            .filter(|method| Method::named(method).is_none())
        {
            return Err(
                Error::usage(format!("`--become-method {method}` is not supported"))
                    .because(METHODS),
            );
        }
        if let Some(way) = self
            .connection
            .as_deref()
            .filter(|way| !["ssh", "smart", "local", "sandbox"].contains(way))
        {
            return Err(Error::usage(format!("`-c {way}` is not supported"))
                .because("there are ssh, local and sandbox"));
        }
        if self.forks == Some(0) {
            return Err(Error::usage("`-f` takes a number of hosts from 1 up"));
        }
        Ok(())
    }
}

impl From<Reach> for Options {
    fn from(reach: Reach) -> Options {
        Options {
            reach,
            ..Options::default()
        }
    }
}

impl Options {
    /// Options that are known and not supported are an error, never ignored.
    pub fn check(&self) -> Result<()> {
        let unsupported = [
            ("--flush-cache", self.play.flush_cache),
            ("--force-handlers", self.play.force_handlers),
            ("--module-path", self.play.module_path.is_some()),
            (
                "--become-password-file",
                self.play.become_password_file.is_some(),
            ),
            (
                "--connection-password-file",
                self.play.connection_password_file.is_some(),
            ),
            ("--scp-extra-args", self.play.scp_extra_args.is_some()),
            ("--sftp-extra-args", self.play.sftp_extra_args.is_some()),
        ];
        if let Some((name, _)) = unsupported.iter().find(|(_, given)| *given) {
            return Err(
                Error::usage(format!("`{name}` of ansible-playbook is not supported"))
                    .hint("leave it out; COMPATIBILITY.md says why"),
            );
        }
        self.reach.check()
    }
}
