//! `etcdsh e ...`, `etcdsh em ...`, and the binary under the name `etcdctl`.

use std::collections::HashMap;
use std::ffi::OsString;
use std::io::{BufReader, BufWriter, IsTerminal, Write};
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::setup;
use crate::cluster::{self, Login};
use crate::error::{Error, Result};
use crate::etcdctl::{Io, Place, Placed, Style, Wanted, run};
use crate::inventory::{AnsibleConfig, Inventory};

/// Answers are gathered before they are written.
const BUFFER: usize = 1 << 16;

/// Is the command line one of etcdctl's? Then its exit code.
pub(super) fn dispatch(args: &[OsString]) -> Option<i32> {
    let program = Path::new(args.first()?)
        .file_name()?
        .to_string_lossy()
        .into_owned();
    if program == "etcdctl" {
        return Some(go(&Style::of_process("etcdctl", true), words(&args[1..])));
    }
    let mut sources = Vec::new();
    let mut rest = args[1..].iter();
    loop {
        let word = rest.next()?.to_string_lossy();
        match word.as_ref() {
            "-i" | "--inventory" => sources.push(rest.next()?.to_string_lossy().into_owned()),
            "e" | "em" => {
                let mut style = Style::of_process("etcdsh e", false);
                style.place = Some(Arc::new(Clusters { sources }));
                let mut words = words(rest.as_slice());
                if word == "em" {
                    words.insert(0, b"member".to_vec());
                }
                return Some(go(&style, words));
            }
            other => sources.push(
                other
                    .strip_prefix("--inventory=")
                    .or_else(|| other.strip_prefix("-i").filter(|rest| !rest.is_empty()))?
                    .to_string(),
            ),
        }
    }
}

fn words(args: &[OsString]) -> Vec<Vec<u8>> {
    args.iter().map(|word| word.clone().into_vec()).collect()
}

fn go(style: &Style, words: Vec<Vec<u8>>) -> i32 {
    let mut out = BufWriter::with_capacity(BUFFER, std::io::stdout());
    let mut err = std::io::stderr();
    let mut input = BufReader::new(std::io::stdin());
    let terminal = std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
    let code = run(
        &words,
        style,
        &mut Io {
            err: &mut err,
            input: &mut input,
            out: &mut out,
            stdin: true,
            terminal,
        },
    );
    let _ = out.flush();
    code
}

/// The clusters of the inventory that a script would read.
pub(super) struct Clusters {
    pub(super) sources: Vec<String>,
}

impl Clusters {
    /// The inventory and the folder beside it; nothing when there is none, not even a sandbox.
    fn inventory(&self, wanted: &Wanted) -> Result<Option<(Inventory, PathBuf)>> {
        let given = wanted
            .inventory
            .clone()
            .map_or_else(|| self.sources.clone(), |source| vec![source]);
        let sources = setup::sources(&given, &AnsibleConfig::load()?);
        if !sources.is_empty() {
            return Ok(Some((
                setup::inventory(&sources, None)?,
                setup::beside(&sources),
            )));
        }
        if !crate::sandbox::is_there() {
            return Ok(None);
        }
        Ok(Some((
            setup::inventory(&[], None)?,
            crate::sandbox::folder()?,
        )))
    }
}

impl Place for Clusters {
    fn cluster(&self, wanted: &Wanted) -> Result<Option<Placed>> {
        let Some((inventory, beside)) = self.inventory(wanted)? else {
            return nowhere(wanted);
        };
        let cluster = cluster::chosen(cluster::clusters(&inventory)?, wanted.cluster.as_deref())?;
        let config = cluster::config(&cluster, &beside)?;
        Ok(Some(Placed {
            client: None,
            config,
            via: cluster.access()?.via.clone(),
        }))
    }

    fn tunnel(&self, wanted: &Wanted, endpoints: &[String]) -> Result<HashMap<String, PathBuf>> {
        let Some(via) = &wanted.via else {
            return Ok(HashMap::new());
        };
        let inventory = self
            .inventory(wanted)?
            .map_or_else(Inventory::empty, |(inventory, _)| inventory);
        let login = Login {
            config: AnsibleConfig::load()?,
            ..Login::default()
        };
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
