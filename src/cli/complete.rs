//! What Tab offers in a shell: `etcdsh __complete WORDS` prints what may stand for the last word, each with what it means.
//!
//! Whatever is wrong is silent here, nobody is asked for a password, nothing of a script is run, and no host is visited: an
//! inventory is read, and a cluster asked for as long as [`PATIENCE`]. The scripts of the shells are in `integrate.rs`.
//! Start reading at [`offers`].

use std::ffi::OsString;
use std::sync::Arc;
use std::time::Duration;

use clap::{Arg, ArgAction, Command};

use super::etcdctl::Clusters;
use super::options::Reach;
use super::{integrate, setup};
use crate::error::Result;
use crate::etcd::Client;
use crate::etcdctl::{self, Given, Place, Placed, Style, Wanted};
use crate::inventory::{AnsibleConfig, Inventory, Vault};
use crate::script::{Script, embedded, manual};

/// How long a cluster may take for an answer.
const PATIENCE: Duration = Duration::from_millis(600);

/// A word, and what it means.
type Offer = (String, String);

/// The word behind which the shell hands over its line.
pub(super) const WORD: &str = "__complete";

/// Is the program asked by a shell? Then the exit code.
pub(super) fn dispatch(args: &[OsString]) -> Option<i32> {
    let (word, rest) = args.get(1..)?.split_first()?;
    if word != WORD {
        return None;
    }
    let words: Vec<String> = rest
        .iter()
        .map(|word| word.to_string_lossy().trim_matches(['"', '\'']).to_string())
        .collect();
    let (last, before) = words.split_last()?;
    let is_hidden = |(name, _): &Offer| !name.contains(crate::terminal::is_hidden);
    for (name, about) in offers(before, last).into_iter().filter(is_hidden) {
        let about = about.lines().next().unwrap_or_default().replace('\t', " ");
        say!("{}", format!("{name}\t{about}").trim_end());
    }
    Some(0)
}

/// What was typed before the word at hand.
struct Typed<'a> {
    command: &'a Command,
    /// Words that are no options, behind those that name `command`.
    words: Vec<&'a str>,
    given: Reach,
    /// The option that stands just before and wants a value.
    open: Option<&'a Arg>,
}

fn offers(before: &[String], word: &str) -> Vec<Offer> {
    let tree = integrate::tree();
    let mut typed = Typed {
        command: &tree,
        words: Vec::new(),
        given: Reach::default(),
        open: None,
    };
    for (place, next) in before.iter().enumerate() {
        let is_etcd = typed.open.is_none() && typed.words.is_empty() && typed.is_root();
        if is_etcd && (next == "e" || next == "em") {
            return of_etcd(typed.given, next, &before[place + 1..], word);
        }
        typed.take(next);
    }
    if let Some(option) = typed.open {
        return typed.values(option, word);
    }
    if let Some((name, value)) = word
        .split_once('=')
        .filter(|(name, _)| name.starts_with("--"))
    {
        let found = typed.option(name).map(|option| typed.values(option, value));
        let found = found.into_iter().flatten();
        return found
            .map(|(value, about)| (format!("{name}={value}"), about))
            .collect();
    }
    if word.starts_with('-') {
        return starting(word, options(typed.command));
    }
    starting(word, typed.positional(word))
}

impl<'a> Typed<'a> {
    fn is_root(&self) -> bool {
        self.command.get_name() == "etcdsh"
    }

    fn take(&mut self, word: &'a str) {
        if let Some(option) = self.open.take() {
            self.keep(option, word);
            return;
        }
        if word.starts_with('-') {
            let (name, value) = word
                .split_once('=')
                .map_or((word, None), |(name, value)| (name, Some(value)));
            match (
                self.option(name).filter(|option| takes_value(option)),
                value,
            ) {
                (Some(option), Some(value)) => self.keep(option, value),
                (Some(option), None) => self.open = Some(option),
                (None, _) => {}
            }
            return;
        }
        match self
            .command
            .find_subcommand(word)
            .filter(|_| self.words.is_empty())
        {
            Some(command) => self.command = command,
            None => self.words.push(word),
        }
    }

    /// What says which inventory it is.
    fn keep(&mut self, option: &Arg, value: &str) {
        if option.get_id() == "inventory" {
            self.given.sources.inventory.push(value.to_string());
        }
    }

    fn option(&self, name: &str) -> Option<&'a Arg> {
        let long = name.strip_prefix("--");
        let mut short = name.chars().skip(1);
        let short = short.next().filter(|_| long.is_none());
        self.command.get_arguments().find(|option| {
            let aliases = option.get_all_aliases().unwrap_or_default();
            long.is_some_and(|long| option.get_long() == Some(long) || aliases.contains(&long))
                || short.is_some() && option.get_short() == short
        })
    }

    fn values(&self, option: &Arg, word: &str) -> Vec<Offer> {
        match option.get_id().as_str() {
            "limit" => list(word, hosts(&self.given).unwrap_or_default()),
            "host" => starting(word, hosts(&self.given).unwrap_or_default()),
            "tags" | "skip_tags" => list(word, self.tags()),
            "start_at_task" => starting(word, self.tags()),
            "extra_vars" => {
                let all = manual::parameters().unwrap_or_default();
                let all = all
                    .into_iter()
                    .map(|one| (format!("{}=", one.name), one.doc));
                starting(word, all.collect())
            }
            "connection" => starting(word, named(&["local", "sandbox", "ssh"])),
            "inventory" | "private_key" | "vault_password_file" | "html" | "definitions" => {
                files(word)
            }
            _ => starting(word, possible(option)),
        }
    }

    /// The tags of the script that is named, else of the flow.
    fn tags(&self) -> Vec<Offer> {
        let name = self.words.first().copied().unwrap_or("etcd");
        let script = match embedded::named(name) {
            Some((path, text)) if !name.contains('/') => Ok(Script {
                folder: None,
                name: path.to_string(),
                text: text.to_string(),
            }),
            _ => Script::open(name),
        };
        script
            .and_then(|script| manual::tags(&script))
            .unwrap_or_default()
    }

    fn positional(&self, word: &str) -> Vec<Offer> {
        let mut all: Vec<Offer> = Vec::new();
        let first = self.words.is_empty();
        if first {
            let commands = self
                .command
                .get_subcommands()
                .filter(|command| !command.is_hide_set());
            all.extend(commands.map(|command| {
                let about = command.get_about().map(ToString::to_string);
                (command.get_name().to_string(), about.unwrap_or_default())
            }));
        }
        match (self.command.get_name(), first) {
            ("etcdsh", true) => {
                all.extend(scripts());
                all.extend(files(word));
            }
            ("run" | "unlock", true) => {
                all.extend(list(word, hosts(&self.given).unwrap_or_default()));
            }
            ("origin", true) => all.extend(hosts(&self.given).unwrap_or_default()),
            ("show" | "fork", true) => all.extend(scripts()),
            ("help", true) => {
                let words = crate::script::words::all();
                all.extend(
                    words.map(|word| (word.name.to_string(), word.first_line().to_string())),
                );
            }
            ("etcdsh" | "check", _) => all.extend(files(word)),
            _ => {}
        }
        let places = self.command.get_positionals().take(1).filter(|_| first);
        all.extend(places.flat_map(possible));
        all
    }
}

fn takes_value(option: &Arg) -> bool {
    matches!(option.get_action(), ArgAction::Set | ArgAction::Append)
        && option
            .get_num_args()
            .is_none_or(|count| count.min_values() > 0)
}

fn options(command: &Command) -> Vec<Offer> {
    let shown = command
        .get_arguments()
        .filter(|option| !option.is_hide_set());
    shown
        .filter_map(|option| {
            let equals = if takes_value(option) { "=" } else { "" };
            let about = option.get_help().map(ToString::to_string);
            Some((
                format!("--{}{equals}", option.get_long()?),
                about.unwrap_or_default(),
            ))
        })
        .collect()
}

fn possible(option: &Arg) -> Vec<Offer> {
    let values = option.get_possible_values();
    let values = values.iter().map(|value| {
        let about = value.get_help().map(ToString::to_string);
        (value.get_name().to_string(), about.unwrap_or_default())
    });
    values.collect()
}

fn named(words: &[&str]) -> Vec<Offer> {
    words
        .iter()
        .map(|word| ((*word).to_string(), String::new()))
        .collect()
}

fn starting(word: &str, all: Vec<Offer>) -> Vec<Offer> {
    all.into_iter()
        .filter(|(name, _)| name.starts_with(word))
        .collect()
}

/// The last part of a list with commas, or of a pattern.
fn list(word: &str, all: Vec<Offer>) -> Vec<Offer> {
    let start = word.rfind([',', ':', '&', '!']).map_or(0, |at| at + 1);
    let found = starting(&word[start..], all).into_iter();
    found
        .map(|(name, about)| (format!("{}{name}", &word[..start]), about))
        .collect()
}

fn scripts() -> Vec<Offer> {
    let bare = |path: &str| Some(path.rsplit('/').next()?.strip_suffix(".rhai")?.to_string());
    let found = embedded::scripts().filter_map(|(path, text)| {
        let about = text.lines().find_map(|line| line.strip_prefix("//! "));
        Some((bare(path)?, about.unwrap_or(path).to_string()))
    });
    found.collect()
}

fn files(word: &str) -> Vec<Offer> {
    let (shown, name) = word.rsplit_once('/').map_or(("", word), |(_, name)| {
        (&word[..word.len() - name.len()], name)
    });
    let home = std::env::var("HOME").unwrap_or_default();
    let place = match shown.strip_prefix("~/") {
        Some(rest) => format!("{home}/{rest}"),
        None if shown.is_empty() => ".".to_string(),
        None => shown.to_string(),
    };
    let mut found: Vec<Offer> = Vec::new();
    for entry in std::fs::read_dir(place).into_iter().flatten().flatten() {
        let Ok(file) = entry.file_name().into_string() else {
            continue;
        };
        if file.starts_with(name) && (!file.starts_with('.') || name.starts_with('.')) {
            let slash = if entry.path().is_dir() { "/" } else { "" };
            found.push((format!("{shown}{file}{slash}"), String::new()));
        }
    }
    found.sort();
    found
}

/// Hosts and groups of the inventory.
fn hosts(given: &Reach) -> Result<Vec<Offer>> {
    let sources = setup::sources(&given.sources.inventory, &AnsibleConfig::load()?)?;
    let inventory: Inventory = setup::inventory(&sources, &Vault::default(), None)?;
    let hosts = inventory
        .hosts()
        .into_iter()
        .map(|host| (host, "host".to_string()));
    let groups = inventory
        .groups()
        .map(|group| (group.to_string(), "group".to_string()));
    Ok(hosts.chain(groups).collect())
}

/// A command of `e`: its words and flags, and what the cluster holds.
fn of_etcd(given: Reach, alias: &str, before: &[String], word: &str) -> Vec<Offer> {
    let style = Style {
        place: Some(Arc::new(Near(Clusters::of(given)))),
        ..Style::of_process("etcdsh e", false)
    };
    let group = (alias == "em").then(|| b"member".to_vec());
    let own = before.iter().map(|word| word.clone().into_bytes());
    let words: Vec<Vec<u8>> = group.into_iter().chain(own).collect();
    let client = || {
        let mut config = etcdctl::config(&named_place(before), &style).ok()?;
        config.connect_timeout = PATIENCE;
        config.request_timeout = PATIENCE;
        Client::new(config).ok()
    };
    let (start, found) = crate::repl::offers_of_etcd(&style, words, word, &client, PATIENCE);
    let found = found.into_iter();
    found
        .map(|(name, about)| (format!("{}{name}", &word[..start]), about))
        .collect()
}

/// The flags among the words that say where the cluster is.
fn named_place(words: &[String]) -> Given {
    let mut given = Given::default();
    let mut left = words.iter();
    while let Some(word) = left.next() {
        let (name, value) = match word.split_once('=') {
            Some((name, value)) => (name, Some(value.to_string())),
            None => (word.as_str(), None),
        };
        let mut value = || value.clone().or_else(|| left.next().cloned());
        match name {
            "--cacert" => given.cacert = value(),
            "--cert" => given.cert = value(),
            "--cluster-name" => given.cluster_name = value(),
            "--endpoints" => given.endpoints.extend(value()),
            "--inventory" | "-i" => given.inventory = value(),
            "--insecure-skip-tls-verify" => given.insecure_skip_tls_verify = true,
            "--key" => given.key = value(),
            _ => {}
        }
    }
    given
}

/// Clusters as far as they can be asked at once: not through ssh.
struct Near(Clusters);

impl Place for Near {
    fn cluster(&self, wanted: &Wanted) -> Result<Option<Placed>> {
        let mut placed = self.0.cluster(wanted)?;
        if let Some(placed) = &mut placed {
            placed.via = None;
            placed.config.keeper = None;
        }
        Ok(placed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_options_are_offered_where_they_can_stand() {
        let offered = |line: &str| {
            let words: Vec<String> = line.split(' ').map(str::to_string).collect();
            let (last, before) = words.split_last().unwrap();
            let names = offers(before, last).into_iter().map(|(name, _)| name);
            names.collect::<Vec<_>>()
        };
        for (line, wanted) in [
            ("sandb", "sandbox"),
            ("sandbox u", "up"),
            ("completion f", "fish"),
            ("--start-at", "--start-at-task="),
            ("--output=j", "--output=json"),
            ("-o h", "human"),
            ("-t etcd_laun", "etcd_launch"),
            ("etcd -t etcd_dir,etcd_laun", "etcd_dir,etcd_launch"),
            ("-C -e etcd_elec", "etcd_election_timeout="),
            ("-i a,b, -l a", "a"),
            ("-i a,b, run b", "b"),
            ("-i a,b, inventory origin b", "b"),
            ("script show roll", "rolling-restart"),
            ("help pack", "package"),
            ("e memb", "member"),
            ("em rem", "remove"),
            ("-i x.yml e get a --pref", "--prefix"),
            ("e get a -w js", "json"),
            ("e get --order=DE", "--order=DESCEND"),
        ] {
            assert!(
                offered(line).contains(&wanted.to_string()),
                "{line}: {:?}",
                offered(line)
            );
        }
        assert!(offered("nowhere/").is_empty());
    }
}
