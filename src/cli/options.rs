//! The options of `etcdsh SCRIPT`: what they mean to ansible-playbook they mean here.

use clap::{ArgAction, Parser, ValueEnum};

use crate::error::{Error, Result};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Output {
    #[default]
    Human,
    Json,
}

/// Deploy and run etcd over ssh: run a script, or start the console.
#[derive(Clone, Debug, Parser)]
#[command(
    name = "etcdsh",
    version,
    after_help = "Subcommands: check, completion, e, em, help, inventory, man, overview, run, sandbox, script.\n\
                  `etcdsh SUBCOMMAND --help` tells about each.\n\
                  A word with `/` or ending in `.rhai` is a path; a bare word is a bundled script: `etcdsh etcd`.\n\
                  Exit codes: 0 ok, 1 error, 2 a host failed, 4 only unreachable hosts, 5 bad option, 99 interrupted."
)]
pub struct Options {
    /// Script to run; the console when there is none, standard input when it is `-` or piped
    pub script: Option<String>,
    /// Arguments of the script, in its `args`
    #[arg(trailing_var_arg = true)]
    pub args: Vec<String>,
    /// Inventory: file, folder, executable or comma list; repeatable
    #[arg(short, long, value_name = "SOURCE", visible_alias = "inventory-file")]
    pub inventory: Vec<String>,
    /// Work only on hosts of this pattern
    #[arg(short, long, value_name = "PATTERN", visible_alias = "subset", action = ArgAction::Append)]
    pub limit: Vec<String>,
    /// Variables that win over all others: k=v, {json} or @file; repeatable
    #[arg(short, long, value_name = "VARS")]
    pub extra_vars: Vec<String>,
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
    /// Hosts at a time
    #[arg(short, long, value_name = "N")]
    pub forks: Option<usize>,
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
    /// Log in as this user
    #[arg(short, long, value_name = "USER")]
    pub user: Option<String>,
    /// Log in with this key
    #[arg(long, value_name = "FILE", visible_alias = "key-file")]
    pub private_key: Option<String>,
    /// Become root on the hosts; the bundled flow does so by itself
    #[arg(short, long)]
    pub r#become: bool,
    /// Become with this method: sudo
    #[arg(long, value_name = "METHOD")]
    pub become_method: Option<String>,
    /// Become this user
    #[arg(long, value_name = "USER")]
    pub become_user: Option<String>,
    /// Ask for the login password
    #[arg(short = 'k', long)]
    pub ask_pass: bool,
    /// Ask for the password of sudo
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
    /// Answer every question with yes
    #[arg(short, long)]
    pub yes: bool,
    /// How to show what happens
    #[arg(short, long, value_enum, default_value_t)]
    pub output: Output,
    /// Do not run ~/.config/etcdsh/init.rhai when the console starts
    #[arg(long)]
    pub norc: bool,
    /// No colour, as with NO_COLOR
    #[arg(long)]
    pub no_color: bool,
    // What ansible-playbook has and etcdsh has not: named, so that it fails loudly.
    #[arg(long, hide = true)]
    pub flush_cache: bool,
    #[arg(long, hide = true)]
    pub force_handlers: bool,
    #[arg(short = 'J', long, hide = true, visible_alias = "ask-vault-password")]
    pub ask_vault_pass: bool,
    #[arg(long, hide = true)]
    pub vault_id: Option<String>,
    #[arg(long, hide = true)]
    pub vault_password_file: Option<String>,
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

impl Options {
    /// Options that are known and not supported are an error, never ignored.
    pub fn check(&self) -> Result<()> {
        let unsupported = [
            ("--flush-cache", self.flush_cache),
            ("--force-handlers", self.force_handlers),
            ("--ask-vault-pass", self.ask_vault_pass),
            ("--vault-id", self.vault_id.is_some()),
            ("--vault-password-file", self.vault_password_file.is_some()),
            ("--module-path", self.module_path.is_some()),
            (
                "--become-password-file",
                self.become_password_file.is_some(),
            ),
            (
                "--connection-password-file",
                self.connection_password_file.is_some(),
            ),
            ("--scp-extra-args", self.scp_extra_args.is_some()),
            ("--sftp-extra-args", self.sftp_extra_args.is_some()),
        ];
        if let Some((name, _)) = unsupported.iter().find(|(_, given)| *given) {
            return Err(
                Error::usage(format!("`{name}` of ansible-playbook is not supported"))
                    .hint("leave it out; COMPATIBILITY.md says why"),
            );
        }
        if let Some(method) = self
            .become_method
            .as_deref()
            .filter(|method| *method != "sudo")
        {
            return Err(
                Error::usage(format!("`--become-method {method}` is not supported"))
                    .because("there is sudo"),
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
