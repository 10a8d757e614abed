//! Sources become an inventory: files, folders, scripts and comma lists, in the order they are given.

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Component, Path, PathBuf};

use super::beside::{self, Beside};
use super::definition::convert_hint;
use super::node::Source;
use super::tree::Provenance;
use super::value::Value;
use super::{Inventory, Warnings, address, program, yaml};
use crate::error::{Error, Result, nearest};

/// What a folder of inventories may hold beside them.
const IGNORED_ENDS: [&str; 12] = [
    ".pyc", ".pyo", ".swp", ".bak", "~", ".rpm", ".md", ".txt", ".rst", ".orig", ".cfg", ".retry",
];
const IGNORED_NAMES: [&str; 3] = ["group_vars", "host_vars", "vars_plugins"];

#[derive(Clone, Debug, Default)]
pub struct LoadOptions {
    /// The folder of the script that is run, whose `group_vars` and `host_vars` count too; nothing means
    /// the current folder.
    pub base_dir: Option<PathBuf>,
}

/// The value of a YAML or JSON text, by the rules of an inventory; `name` is its file in messages.
pub fn parse_value(name: &str, text: &str) -> Result<Value> {
    let document = yaml::read(&Source::new(name, text), &mut Warnings::new())?;
    Ok(document.map_or(Value::Null, |node| node.to_value()))
}

impl Inventory {
    /// Read sources: each a YAML file, a folder, an executable or a comma list. Later ones win.
    pub fn load(sources: &[String], options: &LoadOptions) -> Result<Inventory> {
        let mut inventory = Inventory::empty();
        for source in sources.iter().filter(|source| !source.is_empty()) {
            inventory.read_source(source)?;
        }
        if sources.iter().all(String::is_empty) {
            inventory.warnings.push(
                "no inventory is given, only this machine (`localhost`) can be addressed"
                    .to_string(),
            );
        }
        inventory.settle();
        inventory.read_beside(sources, options)?;
        Ok(inventory)
    }

    /// Read an inventory from a text; `name` is its file in messages.
    pub fn parse(name: &str, text: &str) -> Result<Inventory> {
        let mut inventory = Inventory::empty();
        inventory.read_yaml(
            &Source::new(name, text),
            &Provenance {
                dir: None,
                file: name.to_string(),
            },
        )?;
        inventory.settle();
        Ok(inventory)
    }

    fn read_source(&mut self, source: &str) -> Result<()> {
        let path = expand_home(source);
        if source.contains(',') && !path.exists() {
            self.read_comma_list(source);
            return Ok(());
        }
        if !path.exists() {
            return Err(missing(source, &path));
        }
        self.read_path(&path)
    }

    fn read_comma_list(&mut self, source: &str) {
        let from = Provenance {
            dir: None,
            file: source.to_string(),
        };
        let spot = Source::new(source, "").spot(0, 0);
        for name in source
            .split(',')
            .map(str::trim)
            .filter(|name| !name.is_empty())
        {
            let (host, port) = address::split_port(name, false).unwrap_or((name.to_string(), None));
            if !self.has_host(&host) {
                self.add_host(&host, "ungrouped", port.map(|port| (port, &spot)), &from);
            }
        }
    }

    fn read_path(&mut self, path: &Path) -> Result<()> {
        if !path.is_dir() {
            return self.read_file(path);
        }
        for name in names_in(path)? {
            let ignored = name.starts_with('.')
                || IGNORED_NAMES.contains(&name.as_str())
                || IGNORED_ENDS.iter().any(|end| name.ends_with(end));
            if !ignored {
                self.read_path(&path.join(name))?;
            }
        }
        Ok(())
    }

    fn read_file(&mut self, path: &Path) -> Result<()> {
        let full = full_path(path);
        let dir = full.parent().map(|dir| dir.display().to_string());
        let from = Provenance {
            dir,
            file: full.display().to_string(),
        };
        if is_program(path)? {
            return program::read(self, path, &from);
        }
        let source = Source::new(path.display().to_string(), read_text(path)?);
        let extension = path
            .extension()
            .map(|extension| extension.to_string_lossy().into_owned());
        match extension.as_deref() {
            Some("yml" | "yaml" | "json") => self.read_yaml(&source, &from),
            Some("toml") => Err(unsupported(&source, "TOML", 0)),
            _ if ini_line(source.text()).is_some() => Err(unsupported(
                &source,
                "INI",
                ini_line(source.text()).unwrap_or(0),
            )),
            None => self.read_yaml(&source, &from),
            Some(_) => Err(unsupported(&source, "INI", 0)),
        }
    }

    fn read_yaml(&mut self, source: &Source, from: &Provenance) -> Result<()> {
        let defined = yaml::read(source, &mut self.warnings)
            .and_then(|document| self.define(source, document, from));
        match (defined, ini_line(source.text())) {
            (Err(_), Some(line)) => Err(unsupported(source, "INI", line)),
            (defined, _) => defined,
        }
    }

    fn read_beside(&mut self, sources: &[String], options: &LoadOptions) -> Result<()> {
        let groups: Vec<&str> = self.groups.keys().map(String::as_str).collect();
        let hosts: Vec<&str> = self.hosts.keys().map(String::as_str).collect();
        let mut known: HashMap<PathBuf, Beside> = HashMap::new();
        let mut read = |dir: &Path| -> Result<Beside> {
            let real = dir.canonicalize().unwrap_or_else(|_| dir.to_path_buf());
            if let Some(beside) = known.get(&real) {
                return Ok(beside.clone());
            }
            let beside = beside::read(dir, &groups, &hosts, &mut self.warnings)?;
            known.insert(real, beside.clone());
            Ok(beside)
        };
        let mut all = Vec::new();
        for source in sources {
            let path = expand_home(source);
            if source.is_empty() || source.contains(',') && !path.exists() {
                continue;
            }
            let dir = if path.is_dir() {
                path
            } else {
                path.parent().map(Path::to_path_buf).unwrap_or_default()
            };
            all.push(read(&dir)?);
        }
        let play = read(&options.base_dir.clone().unwrap_or_default())?;
        self.beside = all;
        self.play = Some(play);
        Ok(())
    }
}

fn missing(source: &str, path: &Path) -> Box<Error> {
    let error = Error::config(format!("inventory `{source}` does not exist"));
    let folder = path.parent().map(Path::to_path_buf).unwrap_or_default();
    let names = names_in(&folder).unwrap_or_default();
    let name = path
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    match nearest(&name, names.iter().map(String::as_str)) {
        Some(near) => error.hint(format!("did you mean `{}`?", folder.join(near).display())),
        None => error.hint(format!(
            "for a single host write `-i {source},` with a comma"
        )),
    }
}

fn unsupported(source: &Source, format: &str, line: usize) -> Box<Error> {
    Error::config(format!(
        "inventories in {format} are not supported, only YAML"
    ))
    .at(source.spot(line, 0).place())
    .hint(convert_hint(source.name()))
}

/// The line with the first `[group]` header, which no YAML inventory has at its margin.
fn ini_line(text: &str) -> Option<usize> {
    let is_header = |line: &str| {
        let inner = line
            .trim_end()
            .strip_prefix('[')
            .and_then(|line| line.strip_suffix(']'));
        inner.is_some_and(|inner| {
            !inner.is_empty()
                && inner
                    .chars()
                    .all(|letter| letter.is_alphanumeric() || "_-.:".contains(letter))
        })
    };
    text.lines().position(is_header).map(|index| index + 1)
}

/// Executable, and not just a YAML file on a file system where everything is.
fn is_program(path: &Path) -> Result<bool> {
    let mode = fs::metadata(path)
        .map_err(|error| unreadable(path, &error))?
        .permissions()
        .mode();
    if mode & 0o111 == 0 {
        return Ok(false);
    }
    let document = path.extension().is_some_and(|extension| {
        ["yml", "yaml", "json"]
            .iter()
            .any(|known| extension == *known)
    });
    Ok(!document || fs::read(path).is_ok_and(|bytes| bytes.starts_with(b"#!")))
}

fn unreadable(path: &Path, error: &std::io::Error) -> Box<Error> {
    Error::config(format!("cannot read `{}`", path.display())).because(error.to_string())
}

pub(super) fn read_text(path: &Path) -> Result<String> {
    let bytes = fs::read(path).map_err(|error| unreadable(path, &error))?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = before.split(|byte| *byte == b'\n').count();
        Error::config(format!("`{}` is not UTF-8 text", path.display())).at(Source::new(
            path.display().to_string(),
            "",
        )
        .spot(line, 0)
        .place())
    })?;
    Ok(text
        .strip_prefix('\u{feff}')
        .map(str::to_string)
        .unwrap_or(text))
}

/// The names in a folder, sorted.
pub(super) fn names_in(folder: &Path) -> Result<Vec<String>> {
    let folder = if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    };
    let entries = fs::read_dir(folder).map_err(|error| unreadable(folder, &error))?;
    let mut names: Vec<String> = entries
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    Ok(names)
}

/// `dir/name`, or `name` alone for the current folder, so that messages stay short.
pub(super) fn join(dir: &Path, name: &str) -> PathBuf {
    if dir == Path::new(".") {
        PathBuf::from(name)
    } else {
        dir.join(name)
    }
}

pub(super) fn expand_home(text: &str) -> PathBuf {
    match (
        text.strip_prefix('~')
            .filter(|rest| rest.is_empty() || rest.starts_with('/')),
        std::env::var_os("HOME"),
    ) {
        (Some(rest), Some(home)) => Path::new(&home).join(rest.trim_start_matches('/')),
        _ => PathBuf::from(text),
    }
}

/// An absolute path without `.` and `..`; links are not followed.
pub(super) fn full_path(path: &Path) -> PathBuf {
    let mut full = PathBuf::new();
    for part in std::path::absolute(path)
        .unwrap_or_else(|_| path.to_path_buf())
        .components()
    {
        match part {
            Component::ParentDir => {
                full.pop();
            }
            Component::CurDir => {}
            part => full.push(part),
        }
    }
    full
}
