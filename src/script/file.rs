//! Where `import "name"` looks: beside the script, in `$ETCDSH_PATH`, then in what is embedded.
//!
//! An imported file is checked as a script is: its mistakes are found when it is read, before a host is touched.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rhai::{Engine, EvalAltResult, Module, ModuleResolver, Position, Scope, Shared};

use super::World;
use super::embedded;
use super::trouble::{from_parse, into_rhai};
use crate::error::Error;

pub(super) struct Imports {
    folders: Vec<PathBuf>,
}

impl ModuleResolver for Imports {
    fn resolve(
        &self,
        engine: &Engine,
        _: Option<&str>,
        path: &str,
        position: Position,
    ) -> Result<Shared<Module>, Box<EvalAltResult>> {
        let name = full(path);
        for file in self.files(path) {
            match std::fs::read_to_string(&file) {
                Ok(text) => return module(engine, &shown(&file), &text),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => {
                    return Err(into_rhai(
                        Error::config(format!("`{}` cannot be read", shown(&file)))
                            .because(error.to_string()),
                    ));
                }
            }
        }
        let text = embedded::any(&name)
            .ok_or_else(|| EvalAltResult::ErrorModuleNotFound(path.to_string(), position))?;
        module(engine, &name, text)
    }
}

/// With the ending, which may be left out.
fn full(path: &str) -> String {
    format!("{}.rhai", path.trim_end_matches(".rhai"))
}

/// The name of a file as its user would write it.
pub(super) fn shown(file: &Path) -> String {
    file.strip_prefix(".").unwrap_or(file).display().to_string()
}

thread_local! {
    /// The modules that are being read, each by the one before.
    static OPEN: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// A module that is being read, until it is dropped.
struct Open;

impl Open {
    fn begin(name: &str) -> Result<Open, Box<EvalAltResult>> {
        OPEN.with_borrow_mut(|open| {
            if open.iter().any(|other| other == name) {
                let way = [open.as_slice(), &[name.to_string()]].concat().join(" -> ");
                let what = format!("`{name}` imports itself");
                return Err(into_rhai(Error::config(what).because(way)));
            }
            open.push(name.to_string());
            Ok(Open)
        })
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        OPEN.with_borrow_mut(Vec::pop);
    }
}

fn module(engine: &Engine, name: &str, text: &str) -> Result<Shared<Module>, Box<EvalAltResult>> {
    let _open = Open::begin(name)?;
    let mut ast = super::source::compile(engine, text)
        .map_err(|error| into_rhai(from_parse(&error, name, text)))?;
    ast.set_source(name);
    if let Some(problem) = super::check::problems(&super::Known::of(engine), &ast, text, name, &[])
        .into_iter()
        .next()
    {
        return Err(into_rhai(problem.error));
    }
    Module::eval_ast_as_new(Scope::new(), &ast, engine).map(Shared::new)
}

impl Imports {
    /// Where a path may be found, in order.
    fn files(&self, path: &str) -> impl Iterator<Item = PathBuf> {
        let name = full(path);
        self.folders.iter().map(move |folder| folder.join(&name))
    }

    /// The file that a path means, if it is one.
    pub(super) fn find(&self, path: &str) -> Option<PathBuf> {
        self.files(path).find(|file| file.exists())
    }

    pub(super) fn of(world: &World) -> Imports {
        Imports {
            folders: folders(world),
        }
    }
}

pub(super) fn resolver(world: &Arc<World>) -> impl ModuleResolver + 'static {
    Imports::of(world)
}

fn folders(world: &World) -> Vec<PathBuf> {
    let more = std::env::var("ETCDSH_PATH").unwrap_or_default();
    let beside = world
        .script_folder
        .clone()
        .unwrap_or_else(|| PathBuf::from("."));
    std::iter::once(beside)
        .chain(
            more.split(':')
                .filter(|folder| !folder.is_empty())
                .map(PathBuf::from),
        )
        .collect()
}
