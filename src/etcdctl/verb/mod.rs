//! The table of all commands, and which of them the words mean.

mod alarm;
mod auth;
mod check;
mod compaction;
mod completion;
mod defrag;
mod del;
mod diff;
mod downgrade;
mod elect;
mod endpoint;
mod etcdutl;
mod export;
mod foreign;
mod get;
mod history;
mod import;
mod lease;
mod lock;
mod ls;
mod make_mirror;
mod member;
mod move_leader;
mod put;
mod role;
mod snapshot;
mod top;
mod tree;
mod txn;
mod undelete;
mod user;
mod version;
mod watch;

pub(super) use import::Lines;

use super::Style;
use super::call::Call;
use super::failure::Outcome;
use super::form::go;
use super::line::flag::{self, Flag, HELP, Values};
use super::line::settings;

/// Whether `--command-timeout` counts for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Deadline {
    Command,
    /// Only when it was set by hand.
    Given,
    /// No etcd is asked, so it does not matter where one is.
    Local,
    Never,
}

/// Whether it goes on until it is interrupted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Endless {
    Always,
    Never,
    /// Without this flag of its own.
    Unless(&'static str),
}

/// Since when, and where, a command is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Since {
    /// Every release that counts.
    Always,
    /// Not in native mode's predecessor: etcdctl has never had it.
    Native,
    /// Up to 3.5.
    UpTo35,
    V36,
}

pub(super) struct Verb {
    pub(super) about: &'static str,
    /// As the page shows them: `<key> [range_end]`.
    pub(super) arguments: &'static str,
    /// Does it change the cluster or a file?
    pub(super) changes: bool,
    pub(super) deadline: Deadline,
    pub(super) endless: Endless,
    /// What one would type after `e`.
    pub(super) example: &'static str,
    pub(super) flags: &'static [Flag],
    pub(super) name: &'static str,
    pub(super) run: fn(&mut Call<'_>) -> Outcome,
    pub(super) since: Since,
}

/// Commands that hold others.
pub(super) struct Group {
    pub(super) about: &'static str,
    pub(super) flags: &'static [Flag],
    pub(super) name: &'static str,
}

pub(super) static GROUPS: &[Group] = &[
    Group {
        name: "alarm",
        about: "alarms of the members",
        flags: &[],
    },
    Group {
        name: "auth",
        about: "authentication, on or off",
        flags: &[],
    },
    Group {
        name: "check",
        about: "how the cluster performs",
        flags: &[],
    },
    Group {
        name: "downgrade",
        about: "the cluster's downgrade to an older version",
        flags: &[],
    },
    Group {
        name: "endpoint",
        about: "the members behind the endpoints",
        flags: &[Flag::bool("cluster", "ask all members of the cluster")],
    },
    Group {
        name: "lease",
        about: "leases",
        flags: &[],
    },
    Group {
        name: "member",
        about: "members of the cluster",
        flags: &[],
    },
    Group {
        name: "role",
        about: "roles and their permissions",
        flags: &[],
    },
    Group {
        name: "snapshot",
        about: "snapshots of a member's database",
        flags: &[],
    },
    Group {
        name: "user",
        about: "users",
        flags: &[],
    },
];

/// All commands, by name.
pub(super) static ALL: &[Verb] = &[
    alarm::disarm::VERB,
    alarm::list::VERB,
    auth::disable::VERB,
    auth::enable::VERB,
    auth::status::VERB,
    check::datascale::VERB,
    check::perf::VERB,
    compaction::VERB,
    completion::VERB,
    defrag::VERB,
    del::VERB,
    diff::VERB,
    downgrade::cancel::VERB,
    downgrade::enable::VERB,
    downgrade::validate::VERB,
    elect::VERB,
    endpoint::hashkv::VERB,
    endpoint::health::VERB,
    endpoint::status::VERB,
    export::VERB,
    get::VERB,
    history::VERB,
    import::VERB,
    lease::grant::VERB,
    lease::keep_alive::VERB,
    lease::list::VERB,
    lease::revoke::VERB,
    lease::timetolive::VERB,
    lock::VERB,
    ls::VERB,
    make_mirror::VERB,
    member::add::VERB,
    member::list::VERB,
    member::promote::VERB,
    member::remove::VERB,
    member::update::VERB,
    move_leader::VERB,
    put::VERB,
    role::add::VERB,
    role::delete::VERB,
    role::get::VERB,
    role::grant_permission::VERB,
    role::list::VERB,
    role::revoke_permission::VERB,
    snapshot::restore::VERB,
    snapshot::save::VERB,
    snapshot::status::VERB,
    top::VERB,
    tree::VERB,
    txn::VERB,
    undelete::VERB,
    user::add::VERB,
    user::delete::VERB,
    user::get::VERB,
    user::grant_role::VERB,
    user::list::VERB,
    user::passwd::VERB,
    user::revoke_role::VERB,
    version::VERB,
    watch::VERB,
];

/// All commands of the program that is called.
pub(super) fn all(style: &Style) -> &'static [Verb] {
    if style.is_etcdutl() {
        etcdutl::ALL
    } else {
        ALL
    }
}

impl Verb {
    pub(super) fn is_there(&self, style: &Style) -> bool {
        self.since.is_there(style)
    }

    pub(super) fn is_endless(&self, values: &Values) -> bool {
        match self.endless {
            Endless::Always => true,
            Endless::Never => false,
            Endless::Unless(flag) => values.given(flag).and_then(go::parse_bool) != Some(true),
        }
    }
}

impl Since {
    pub(super) fn is_there(self, style: &Style) -> bool {
        match self {
            Since::Always => true,
            Since::Native => !style.strict,
            Since::UpTo35 => !style.strict || style.layout == super::Layout::V35,
            Since::V36 => !style.strict || style.layout >= super::Layout::V36,
        }
    }
}

/// What the words mean.
pub(super) struct Found {
    /// All flags that are known there.
    pub(super) flags: Vec<&'static Flag>,
    /// Those of them that come from above, and so have variables.
    pub(super) inherited: Vec<&'static Flag>,
    /// The command or group as its page calls it; empty for the program itself.
    pub(super) name: String,
    /// Said on standard error before the page.
    pub(super) notice: Option<String>,
    /// The words without the command's.
    pub(super) rest: Vec<Vec<u8>>,
    /// Nothing: a group, or the program itself, whose page is shown.
    pub(super) verb: Option<&'static Verb>,
}

/// A word that is no command.
#[derive(Debug)]
pub(super) struct Unknown {
    /// The line for it here: in native mode.
    pub(super) instead: Option<String>,
    pub(super) near: Vec<String>,
    pub(super) word: String,
}

/// A word behind a group that is none of its commands, and the words behind that.
pub(super) fn unknown_below(
    group: &str,
    word: &[u8],
    behind: &[Vec<u8>],
    style: &Style,
) -> Unknown {
    let word = String::from_utf8_lossy(word).into_owned();
    let near = crate::error::nearest(&word, names(group, style));
    let near = near.map(|near| format!("{group} {near}"));
    let word = format!("{group} {word}");
    Unknown {
        instead: instead(&word, behind, style),
        near: near.into_iter().collect(),
        word,
    }
}

/// The command that was meant, when only older releases of etcdctl have it. etcdctl itself shows the group's page and ends
/// with 0, and whoever typed it believes that it was done.
pub(super) fn gone(found: &Found, words: &[Vec<u8>], style: &Style) -> Option<&'static str> {
    let word = words.first().filter(|_| found.verb.is_none())?;
    let name = format!("{} {}", found.name, String::from_utf8_lossy(word));
    let verb = all(style).iter().find(|verb| verb.name == name)?;
    (verb.since == Since::UpTo35 && !verb.is_there(style)).then_some(verb.name)
}

/// What etcdctl has no word for, in native mode.
fn instead(word: &str, behind: &[Vec<u8>], style: &Style) -> Option<String> {
    foreign::instead(word, behind, &style.program).filter(|_| !style.strict)
}

/// The names one level below `path`, in the order of the alphabet: groups and commands, each once.
pub(super) fn names(path: &str, style: &Style) -> Vec<&'static str> {
    let below = |name: &'static str| match path {
        "" => Some(name.split(' ').next().unwrap_or(name)),
        path => name.strip_prefix(path)?.strip_prefix(' '),
    };
    let mut names: Vec<&str> = all(style)
        .iter()
        .filter(|verb| verb.is_there(style))
        .filter_map(|verb| below(verb.name))
        .collect();
    if path.is_empty() {
        names.push("help");
    }
    names.sort_unstable();
    names.dedup();
    names
}

/// A name, or the only one that begins so. What etcdctl has comes before what it has not.
fn meant(word: &str, path: &str, style: &Style) -> Option<&'static str> {
    let all = names(path, style);
    if let Some(name) = all.iter().find(|name| **name == word) {
        return Some(name);
    }
    let strict = Style {
        strict: true,
        ..style.clone()
    };
    let only = |names: Vec<&'static str>| {
        let mut matching = names.into_iter().filter(|name| name.starts_with(word));
        let first = matching.next();
        if matching.next().is_some() {
            None
        } else {
            first
        }
    };
    only(names(path, &strict)).or_else(|| only(all))
}

/// Which command the words name. Flags may stand before it and between its parts.
pub(super) fn find(words: &[Vec<u8>], style: &Style) -> Result<Found, Unknown> {
    let globals = settings::globals(style);
    let mut rest = words.to_vec();
    let mut path = String::new();
    let mut flags: Vec<&'static Flag> = std::iter::once(&HELP)
        .chain(globals.iter().copied())
        .collect();
    let mut inherited = globals;
    loop {
        let here = || Found {
            flags: flags.clone(),
            inherited: inherited.clone(),
            name: path.clone(),
            notice: None,
            rest: rest.clone(),
            verb: None,
        };
        let Some(place) = flag::first_word(&rest, &flags) else {
            return Ok(here());
        };
        let word = String::from_utf8_lossy(&rest[place]).into_owned();
        let Some(name) = meant(&word, &path, style) else {
            // Within a group cobra shows the group's page.
            return if path.is_empty() {
                Err(unknown(word, &rest[place + 1..], style))
            } else {
                Ok(here())
            };
        };
        rest.remove(place);
        if path.is_empty() && name == "help" {
            return Ok(help_for(&rest, style));
        }
        path = if path.is_empty() {
            name.to_string()
        } else {
            format!("{path} {name}")
        };
        if let Some(verb) = all(style)
            .iter()
            .find(|verb| verb.name == path && verb.is_there(style))
        {
            flags.extend(verb.flags.iter().filter(|flag| flag.since.is_there(style)));
            return Ok(Found {
                flags,
                inherited,
                name: path,
                notice: None,
                rest,
                verb: Some(verb),
            });
        }
        if let Some(group) = GROUPS.iter().find(|group| group.name == path) {
            flags.extend(group.flags);
            inherited.extend(group.flags);
        }
    }
}

/// `help get`: the page of what the words name; of the program, when they name nothing.
fn help_for(words: &[Vec<u8>], style: &Style) -> Found {
    let page = |words: &[Vec<u8>]| find(&[words, &[b"--help".to_vec()]].concat(), style);
    page(words).unwrap_or_else(|_| {
        let topics: Vec<String> = words
            .iter()
            .map(|word| format!("`{}`", String::from_utf8_lossy(word)))
            .collect();
        let notice = Some(format!("Unknown help topic [{}]", topics.join(" ")));
        match page(&[]) {
            Ok(found) => Found { notice, ..found },
            Err(_) => Found {
                flags: vec![&HELP],
                inherited: Vec::new(),
                name: String::new(),
                notice,
                rest: Vec::new(),
                verb: None,
            },
        }
    })
}

/// The order in which etcdctl makes up its commands: so it lists those that a wrong word is near to.
const ORDER: [&str; 22] = [
    "get",
    "put",
    "del",
    "txn",
    "compaction",
    "alarm",
    "defrag",
    "endpoint",
    "move-leader",
    "watch",
    "version",
    "lease",
    "member",
    "snapshot",
    "make-mirror",
    "lock",
    "elect",
    "auth",
    "user",
    "role",
    "check",
    "completion",
];

fn unknown(word: String, behind: &[Vec<u8>], style: &Style) -> Unknown {
    let near = |name: &&str| {
        strsim::levenshtein(&word.to_lowercase(), &name.to_lowercase()) <= 2
            || name.to_lowercase().starts_with(&word.to_lowercase())
    };
    let mut near: Vec<&str> = names("", style)
        .into_iter()
        .filter(|name| *name != "help")
        .filter(near)
        .collect();
    near.sort_by_key(|name| {
        ORDER
            .iter()
            .position(|known| known == name)
            .unwrap_or(ORDER.len())
    });
    Unknown {
        instead: instead(&word, behind, style),
        near: near.into_iter().map(str::to_string).collect(),
        word,
    }
}
