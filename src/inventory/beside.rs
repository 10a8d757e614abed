//! `group_vars` and `host_vars` folders beside an inventory or a script.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::layer::{Var, Vars};
use super::node::{Shape, Source};
use super::{Vault, Warnings, load, vault, yaml};
use crate::error::{Error, Result};

const EXTENSIONS: [&str; 3] = ["yml", "yaml", "json"];

#[derive(Clone, Debug, Default)]
pub(super) struct Beside {
    pub(super) groups: HashMap<String, Vars>,
    pub(super) hosts: HashMap<String, Vars>,
}

pub(super) fn read(
    dir: &Path,
    groups: &[&str],
    hosts: &[&str],
    passwords: &Vault,
    warnings: &mut Warnings,
) -> Result<Beside> {
    Ok(Beside {
        groups: read_folder(&load::join(dir, "group_vars"), groups, passwords, warnings)?,
        hosts: read_folder(&load::join(dir, "host_vars"), hosts, passwords, warnings)?,
    })
}

fn read_folder(
    folder: &Path,
    names: &[&str],
    passwords: &Vault,
    warnings: &mut Warnings,
) -> Result<HashMap<String, Vars>> {
    let mut found = HashMap::new();
    if !folder.is_dir() {
        if folder.exists() {
            warnings.push(format!(
                "{} is not a folder and is ignored",
                folder.display()
            ));
        }
        return Ok(found);
    }
    // A host may be named by a path; that is not a file in here.
    for name in names.iter().filter(|name| !name.starts_with('/')) {
        let mut vars = Vars::new();
        for file in files_of(folder, name)? {
            read_file(&file, &mut vars, passwords, warnings)?;
        }
        if !vars.is_empty() {
            found.insert((*name).to_string(), vars);
        }
    }
    Ok(found)
}

/// The files of one name: the first that is there of `name`, `name.yml`, `name.yaml` and `name.json`.
fn files_of(folder: &Path, name: &str) -> Result<Vec<PathBuf>> {
    let candidates = std::iter::once(name.to_string())
        .chain(EXTENSIONS.map(|extension| format!("{name}.{extension}")));
    let Some(path) = candidates
        .map(|name| folder.join(name))
        .find(|path| path.exists())
    else {
        return Ok(Vec::new());
    };
    if !path.is_dir() {
        return Ok(vec![path]);
    }
    let mut files = Vec::new();
    walk(&path, &mut files)?;
    Ok(files)
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for name in load::names_in(folder)? {
        if name.starts_with('.') || name.ends_with('~') {
            continue;
        }
        let path = folder.join(&name);
        let extension = path
            .extension()
            .map(|extension| extension.to_string_lossy().into_owned());
        if path.is_dir() {
            if extension.is_none() {
                walk(&path, files)?;
            }
        } else if extension.is_none_or(|extension| EXTENSIONS.contains(&extension.as_str())) {
            files.push(path);
        }
    }
    Ok(())
}

fn read_file(
    path: &Path,
    vars: &mut Vars,
    passwords: &Vault,
    warnings: &mut Warnings,
) -> Result<()> {
    let name = path.display().to_string();
    let (text, secret) = passwords.text_of(&name, load::read_text(path)?)?;
    let source = Source::new(name, text);
    let Some(mut document) = yaml::read(&source, warnings)?.filter(|document| !document.is_falsy())
    else {
        return Ok(());
    };
    if secret {
        vault::conceal(&mut document);
    }
    let Shape::Map(pairs) = &document.shape else {
        return Err(Error::config(format!(
            "a file of variables is a mapping, not {}",
            document.kind()
        ))
        .at(document.at.place())
        .hint("write `name: value` lines"));
    };
    for (key, value) in pairs {
        vars.insert(key.key_text(), Var::of(key, value));
    }
    Ok(())
}
