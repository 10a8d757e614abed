//! `etcdsh e ...`, `etcdsh em ...`, and the binary under the names `etcdctl` and `etcdutl`.

use std::collections::HashMap;
use std::ffi::OsString;
use std::io::{BufReader, BufWriter, IsTerminal, Write};
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use super::options::Reach;
use super::setup;
use crate::cluster;
use crate::error::{Error, Result};
use crate::etcdctl::{self, Io, Place, Placed, Style, Wanted};
use crate::inventory::{AnsibleConfig, Inventory, Vault};

/// Answers are gathered before they are written.
const BUFFER: usize = 1 << 16;

/// Is the program called as etcdctl or etcdutl, or does its first word say so? Then the exit code.
///
/// The tree of options is not made for these, nor for `-i FILE` before them: a `put` takes a few milliseconds in all.
/// Every other line is clap's.
pub(super) fn dispatch(args: &[OsString]) -> Option<i32> {
    let program = Path::new(args.first()?)
        .file_name()?
        .to_string_lossy()
        .into_owned();
    if is_etcdctl(&program) || program == "etcdutl" {
        let called = if program == "etcdutl" {
            "etcdutl"
        } else {
            "etcdctl"
        };
        let style = Style::of_process(called, true);
        return Some(go(&style, &words(&args[1..]), false));
    }
    let mut given = Reach::default();
    let mut left = &args[1..];
    while let [option, source, rest @ ..] = left {
        if option != "-i" {
            break;
        }
        given.sources.inventory.push(source.to_str()?.to_string());
        left = rest;
    }
    let (word, rest) = left.split_first()?;
    match word.to_str()? {
        "e" => Some(run(rest, &[], given)),
        "em" => Some(run(rest, &["member"], given)),
        _ => None,
    }
}

/// Under what names it is etcdctl: distributions call it `etcdctl-3.5`, a login shell `-etcdctl`.
fn is_etcdctl(program: &str) -> bool {
    let name = program.strip_prefix('-').unwrap_or(program);
    name.strip_prefix("etcdctl").is_some_and(|version| {
        version.is_empty()
            || version.starts_with(['-', '.', '_'])
            || version.starts_with(|c: char| c.is_ascii_digit())
    })
}

/// A command of etcdctl on the cluster that `given` leads to.
pub(super) fn run(rest: &[OsString], group: &[&str], given: Reach) -> i32 {
    let mut style = Style::of_process("etcdsh e", false);
    given.sources.name_inventory();
    let mut all: Vec<Vec<u8>> = group.iter().map(|word| word.as_bytes().to_vec()).collect();
    all.extend(words(rest));
    if given.json() {
        all.insert(group.len(), b"--output=json".to_vec());
    }
    let json = given.json() || super::wants_json(rest.iter());
    style.place = Some(Arc::new(Clusters::of(given)));
    go(&style, &all, json)
}

fn words(args: &[OsString]) -> Vec<Vec<u8>> {
    args.iter().map(|word| word.clone().into_vec()).collect()
}

fn go(style: &Style, words: &[Vec<u8>], json: bool) -> i32 {
    let mut out = BufWriter::with_capacity(BUFFER, std::io::stdout());
    let mut err = std::io::stderr();
    let mut input = BufReader::new(std::io::stdin());
    let terminal = std::io::stdin().is_terminal() && crate::terminal::shows_errors();
    let mut io = Io {
        err: &mut err,
        input: &mut input,
        out: &mut out,
        screen: crate::terminal::shows_output(),
        stdin: true,
        terminal,
    };
    let code = if json {
        let mut error = None;
        let code =
            etcdctl::run_and_tell(words, style, &mut io, |failed| error = Some(failed.clone()));
        let _ = out.flush();
        if let Some(error) = error {
            super::tell(&error, true, false);
        }
        code
    } else {
        etcdctl::run(words, style, &mut io)
    };
    let _ = out.flush();
    if style.strict && code == etcdctl::READER_GONE {
        // As a program of Go ends; `set -o pipefail` sees it.
        let _ = signal_hook::low_level::emulate_default_handler(signal_hook::consts::SIGPIPE);
    }
    code
}

/// The clusters of the inventory that a script would read.
pub(super) struct Clusters {
    given: Reach,
    /// Nothing names an inventory: what stands for it.
    unnamed: OnceLock<String>,
}

impl Clusters {
    pub(super) fn of(given: Reach) -> Clusters {
        Clusters {
            given,
            unnamed: OnceLock::new(),
        }
    }

    /// The inventory and the folder beside it; `None` when there is none, not even a sandbox.
    fn inventory(&self, wanted: &Wanted) -> Result<Option<(Inventory, PathBuf)>> {
        let given = wanted.inventory.clone().map_or_else(
            || self.given.sources.inventory.clone(),
            |source| vec![source],
        );
        let config = AnsibleConfig::load()?;
        let sources = setup::sources(&given, &config)?;
        if !sources.is_empty() {
            let vault = setup::vault(&self.given.sources, &config)?;
            let mut inventory = setup::inventory(&sources, &vault, None)?;
            inventory.read_extra(&self.given.sources.extra_vars)?;
            return Ok(Some((inventory, setup::beside(&sources))));
        }
        if !crate::sandbox::is_there() {
            let _ = self.unnamed.set("127.0.0.1:2379".into());
            return Ok(None);
        }
        let folder = crate::sandbox::folder()?;
        let _ = self
            .unnamed
            .set(format!("the sandbox in {}", folder.display()));
        Ok(Some((
            setup::inventory(&[], &Vault::default(), None)?,
            folder,
        )))
    }
}

impl Place for Clusters {
    fn cluster(&self, wanted: &Wanted) -> Result<Option<Placed>> {
        let Some((inventory, beside)) = self.inventory(wanted)? else {
            return nowhere(wanted);
        };
        let cluster = cluster::chosen(cluster::clusters(&inventory)?, wanted.cluster.as_deref())?;
        let mut config = cluster::config(&cluster, &beside)?;
        if config.user.is_none() {
            let given = self.given.clone();
            let login = move || setup::login(&given, AnsibleConfig::load()?);
            let hosts = cluster.hosts.clone();
            config.keeper = Some(cluster::keeper(Arc::new(inventory), login, hosts));
        }
        Ok(Some(Placed {
            client: None,
            config,
            via: cluster.access()?.via.clone(),
        }))
    }

    fn notice(&self) -> Option<String> {
        let place = self.unnamed.get()?;
        Some(setup::unnamed(place))
    }

    fn tunnel(&self, wanted: &Wanted, endpoints: &[String]) -> Result<HashMap<String, PathBuf>> {
        let Some(via) = &wanted.via else {
            return Ok(HashMap::new());
        };
        let inventory = self
            .inventory(wanted)?
            .map_or_else(Inventory::empty, |(inventory, _)| inventory);
        let login = setup::login(&self.given, AnsibleConfig::load()?)?;
        cluster::tunnel(&inventory, &login, via, endpoints)
    }
}

fn nowhere(wanted: &Wanted) -> Result<Option<Placed>> {
    match &wanted.cluster {
        None => Ok(None),
        Some(name) => Err(Error::config(format!(
            "there is no inventory to find cluster `{name}` in"
        ))
        .hint("--inventory=FILE")),
    }
}

#[cfg(test)]
mod tests {
    use super::is_etcdctl;

    #[test]
    fn etcdctl_has_many_names() {
        for name in [
            "etcdctl",
            "etcdctl-3.5",
            "etcdctl3",
            "etcdctl.real",
            "-etcdctl",
            "etcdctl_old",
        ] {
            assert!(is_etcdctl(name), "{name}");
        }
        for name in ["etcdsh", "etcd", "myetcdctl", "etcdctlx"] {
            assert!(!is_etcdctl(name), "{name}");
        }
    }
}
