//! Where `import "name"` looks: beside the script, in `$ETCDSH_PATH`, then in what is embedded.

use std::path::PathBuf;
use std::sync::Arc;

use rhai::module_resolvers::{FileModuleResolver, ModuleResolversCollection};
use rhai::{Engine, Module, ModuleResolver, Position, Scope, Shared};

use super::World;
use super::embedded;

struct Embedded;

impl ModuleResolver for Embedded {
    fn resolve(&self, engine: &Engine, _: Option<&str>, path: &str, position: Position) -> Result<Shared<Module>, Box<rhai::EvalAltResult>> {
        let name = format!("{}.rhai", path.trim_end_matches(".rhai"));
        let text = embedded::any(&name).ok_or_else(|| rhai::EvalAltResult::ErrorModuleNotFound(path.to_string(), position))?;
        let mut ast = engine.compile(text)?;
        ast.set_source(name);
        Module::eval_ast_as_new(Scope::new(), &ast, engine).map(Shared::new)
    }
}

pub(super) fn resolver(world: &Arc<World>) -> ModuleResolversCollection {
    let mut resolvers = ModuleResolversCollection::new();
    let folders = std::env::var("ETCDSH_PATH").unwrap_or_default();
    let beside = world.script_folder.clone().unwrap_or_else(|| PathBuf::from("."));
    for folder in std::iter::once(beside).chain(folders.split(':').filter(|f| !f.is_empty()).map(PathBuf::from)) {
        resolvers.push(FileModuleResolver::new_with_path(folder));
    }
    resolvers.push(Embedded);
    resolvers
}
