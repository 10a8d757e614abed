//! Scripts that import each other in a circle, found before anything runs: as far as the paths are written out.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rhai::{AST, ASTNode, Engine, Expr, Position, Stmt};

use super::file::{Imports, shown};
use super::{World, place, source};
use crate::error::Error;

/// The mistake, at the import of the script that leads into the circle.
pub(super) fn problem(
    engine: &Engine,
    world: &Arc<World>,
    ast: &AST,
    text: &str,
    name: &str,
) -> Option<Box<Error>> {
    let imports = Imports::of(world);
    let mut way = Way {
        engine,
        imports: &imports,
        known: Vec::new(),
        open: vec![real(Path::new(name))],
    };
    imported(ast).into_iter().find_map(|(path, position)| {
        let circle = way.follow(&path)?;
        let again = circle.last()?;
        let error = Error::config(format!("`{again}` imports itself"));
        let at = place(name, position, text);
        Some(error.because(circle.join(" -> ")).at(at))
    })
}

/// Paths that are written out, and where.
fn imported(ast: &AST) -> Vec<(String, Position)> {
    let mut found = Vec::new();
    ast.walk(&mut |nodes: &[ASTNode<'_>]| {
        if let Some(ASTNode::Stmt(Stmt::Import(import, _))) = nodes.last()
            && let Expr::StringConstant(path, position) = &import.0
        {
            found.push((path.to_string(), *position));
        }
        true
    });
    found
}

fn real(file: &Path) -> PathBuf {
    std::fs::canonicalize(file).unwrap_or_else(|_| file.to_path_buf())
}

struct Way<'a> {
    engine: &'a Engine,
    imports: &'a Imports,
    /// Those that lead into no circle.
    known: Vec<PathBuf>,
    /// Each imports the next.
    open: Vec<PathBuf>,
}

impl Way<'_> {
    /// The circle that an import leads into. What cannot be read or parsed is told when it is imported.
    fn follow(&mut self, path: &str) -> Option<Vec<String>> {
        let file = self.imports.find(path)?;
        let file = real(&file);
        if let Some(at) = self.open.iter().position(|open| *open == file) {
            let names = self.open[at..].iter().chain([&file]);
            return Some(names.map(|file| named(file)).collect());
        }
        if self.known.contains(&file) {
            return None;
        }
        let text = std::fs::read_to_string(&file).ok()?;
        let ast = source::compile(self.engine, &text).ok()?;
        self.open.push(file.clone());
        let circle = imported(&ast)
            .iter()
            .find_map(|(path, _)| self.follow(path));
        self.open.pop();
        self.known.push(file);
        circle
    }
}

/// A file as its user would write it.
fn named(file: &Path) -> String {
    let here = std::env::current_dir().unwrap_or_default();
    shown(file.strip_prefix(here).unwrap_or(file))
}
