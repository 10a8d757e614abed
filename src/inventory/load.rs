//! Sources become an inventory: files, folders, scripts and comma lists, in the order they are given.

use std::collections::HashMap;
use std::fs;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Component, Path, PathBuf};

use super::beside::{self, Beside};
use super::definition::convert_hint;
use super::node::Source;
use super::tree::Provenance;
use super::value::Value;
use super::{Inventory, Vault, Warnings, address, ini, program, vault, yaml};
use crate::error::{Error, Result, nearest};

/// What a folder of inventories may hold beside them.
const IGNORED_ENDS: [&str; 13] = [
    ".pyc", ".pyo", ".swp", ".bak", "~", ".rpm", ".md", ".txt", ".rst", ".orig", ".cfg", ".retry",
    ".rhai",
];
const IGNORED_NAMES: [&str; 3] = ["group_vars", "host_vars", "vars_plugins"];

#[derive(Clone, Debug, Default)]
pub struct LoadOptions {
    /// The folder of the script that is run, whose `group_vars` and `host_vars` count too; nothing means
    /// the current folder.
    pub base_dir: Option<PathBuf>,
    pub vault: Vault,
}

/// The value of a YAML or JSON text, by the rules of an inventory; `name` is its file in messages.
pub fn parse_value(name: &str, text: &str) -> Result<Value> {
    let document = yaml::read(&Source::new(name, text), &mut Warnings::new())?;
    Ok(document.map_or(Value::Null, |node| node.to_value()))
}

impl Inventory {
    /// Read sources: each a YAML or INI file, a folder, an executable or a comma list. Later ones win.
    pub fn load(sources: &[String], options: &LoadOptions) -> Result<Inventory> {
        // A mistake quotes the line that it is in.
        Inventory::load_all(sources, options).map_err(Error::without_secrets)
    }

    fn load_all(sources: &[String], options: &LoadOptions) -> Result<Inventory> {
        let mut inventory = Inventory::empty();
        inventory.vault = options.vault.clone();
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
        inventory.read_document(
            &Source::new(name, text),
            false,
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
        let ignored = |name: &String| {
            name.starts_with('.')
                || IGNORED_NAMES.contains(&name.as_str())
                || IGNORED_ENDS.iter().any(|end| name.ends_with(end))
        };
        let mut names = names_in(path)?;
        names.retain(|name| !ignored(name));
        if names.is_empty() {
            let shown = path.display();
            self.warnings
                .push(format!("{shown}: the folder has no inventory in it"));
        }
        for name in names {
            self.read_path(&path.join(name))?;
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
        let text = match Form::of(path) {
            Form::Yaml => read_text(path)?,
            Form::Any | Form::Ini | Form::Toml => read_text_of_ini(path)?,
        };
        let name = path.display().to_string();
        let (text, secret) = self.vault.text_of(&name, text)?;
        self.read_document(&Source::new(name, text), secret, &from)
    }

    /// As Ansible does: YAML where the ending allows it, then INI. Of two errors the one is told that fits the text.
    fn read_document(&mut self, source: &Source, secret: bool, from: &Provenance) -> Result<()> {
        let form = Form::of(Path::new(source.name()));
        match form {
            Form::Toml => {
                return Err(Error::config(
                    "inventories in TOML are not supported, only YAML and INI",
                )
                .at(source.spot(0, 0).place())
                .hint(convert_hint(source.name())));
            }
            Form::Ini => return self.define_ini(source, from),
            Form::Any | Form::Yaml => {}
        }
        let before = self.clone();
        let mut plain = false;
        let as_yaml = yaml::read(source, &mut self.warnings).and_then(|mut document| {
            if secret {
                document.iter_mut().for_each(vault::conceal);
            }
            plain = document.as_ref().is_none_or(|node| node.as_str().is_some());
            self.define(source, document, from)
        });
        let Err(not_yaml) = as_yaml else {
            return Ok(());
        };
        let empty = plain && !ini::has_lines(source.text());
        if form == Form::Yaml && empty || vault::is_encrypted(source.text()) {
            return Err(not_yaml);
        }
        *self = before;
        let is_ini = ini::has_section(source.text()) || form == Form::Any && plain;
        self.define_ini(source, from)
            .map_err(|not_ini| if is_ini { not_ini } else { not_yaml })
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
            let beside = beside::read(dir, &groups, &hosts, &self.vault, &mut self.warnings)?;
            known.insert(real, beside.clone());
            Ok(beside)
        };
        let script = options.base_dir.clone().unwrap_or_default();
        let mut folders = vec![script.clone()];
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
            folders.push(dir);
        }
        let play = read(&script)?;
        self.folders = folders;
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
    let stem = |known: &&str| Path::new(known).file_stem() == Some(name.as_ref());
    let mut known = names.iter().map(String::as_str);
    let same = known.clone().find(stem);
    match same.or_else(|| nearest(&name, &mut known)) {
        Some(near) => error.hint(format!("did you mean `{}`?", folder.join(near).display())),
        None if is_data(path) => {
            let there: Vec<&str> = names
                .iter()
                .map(String::as_str)
                .filter(|name| is_data(Path::new(name)))
                .collect();
            let some = there.iter().take(5).copied().collect::<Vec<_>>().join(", ");
            match there.as_slice() {
                [] => error.because("no file there is an inventory"),
                [one] => error.hint(format!("-i {}", folder.join(one).display())),
                _ => error.because(format!("what lies there and could be one: {some}")),
            }
        }
        None => error.hint(format!(
            "for a single host write `-i {source},` with a comma"
        )),
    }
}

/// Is it called as inventories are?
fn is_data(path: &Path) -> bool {
    let known = ["yml", "yaml", "ini", "json"];
    path.extension()
        .is_some_and(|end| known.iter().any(|known| end == *known))
}

/// What the ending of a file's name says about what is in it.
#[derive(Clone, Copy, PartialEq)]
enum Form {
    /// Without an ending.
    Any,
    Ini,
    Toml,
    Yaml,
}

impl Form {
    fn of(path: &Path) -> Form {
        match path.extension().and_then(|ending| ending.to_str()) {
            None => Form::Any,
            Some("json" | "yaml" | "yml") => Form::Yaml,
            Some("toml") => Form::Toml,
            Some(_) => Form::Ini,
        }
    }
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

/// Larger is no inventory: a device would be read without end.
const LARGEST: u64 = 256 << 20;

fn read_bytes(path: &Path) -> Result<Vec<u8>> {
    let read = || -> std::io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        fs::File::open(path)?
            .take(LARGEST + 1)
            .read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let bytes = read().map_err(|error| unreadable(path, &error))?;
    if bytes.len() as u64 > LARGEST {
        return Err(Error::config(format!(
            "`{}` has more than {} MiB",
            path.display(),
            LARGEST >> 20
        ))
        .because("that is no inventory and no file of variables"));
    }
    Ok(bytes)
}

pub(super) fn read_text(path: &Path) -> Result<String> {
    let bytes = read_bytes(path)?;
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

/// The same where it may be INI, whose comments may be in any encoding.
fn read_text_of_ini(path: &Path) -> Result<String> {
    read_text(path).or_else(|error| {
        let bytes = read_bytes(path)?;
        ini::without_foreign_comments(&bytes).ok_or(error)
    })
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

/// The error for a program that could not be started.
pub(super) fn not_run(path: &Path, what: &str, error: &std::io::Error) -> Box<Error> {
    let path = path.display();
    Error::config(format!("cannot run {what} `{path}`"))
        .because(error.to_string())
        .hint(format!(
            "chmod -x {path}   # if it is a file to be read, not run"
        ))
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
