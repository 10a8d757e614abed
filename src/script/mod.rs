//! The language: Rhai with the vocabulary of `primitive`, tasks, certificates and etcd.
//!
//! Owns the engine, the embedded stdlib and scripts, the static check and the way from a Rhai error to a place in
//! the file. Says what to do; `run` does it. Start reading at [`Interpreter`].

mod act;
mod bind;
mod check;
pub mod embedded;
mod etcdctl;
mod file;
mod host;
mod look;
mod parameter;
mod pki;
mod plan;
mod reach;
mod speak;
mod trouble;
mod value;
mod world;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rhai::{AST, Engine, Module, OptimizationLevel, Scope};

pub use check::Problem;
pub use parameter::{Kind as ParameterKind, Parameter};
pub use reach::Login;
pub use world::{Draft, World};

use crate::error::{Error, Place, Result};

/// A script's text and what it is called in messages.
#[derive(Clone, Debug)]
pub struct Script {
    /// Its folder, when it is a file.
    pub folder: Option<PathBuf>,
    pub name: String,
    pub text: String,
}

impl Script {
    /// A path: on disk first, then embedded under that path.
    pub fn open(path: &str) -> Result<Script> {
        match std::fs::read_to_string(path) {
            Ok(text) => Ok(Script { folder: Path::new(path).parent().map(Path::to_path_buf), name: path.to_string(), text }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let clean = path.trim_start_matches("./");
                embedded::script(clean).map(|text| Script { folder: None, name: clean.to_string(), text: text.to_string() }).ok_or_else(|| {
                    let known: Vec<&str> = embedded::scripts().map(|(name, _)| name).collect();
                    let error = Error::config(format!("there is no script `{path}`"));
                    match crate::error::nearest(clean, known) {
                        Some(name) => error.hint(format!("did you mean `{name}`?")),
                        None => error.hint("etcdsh script list"),
                    }
                })
            }
            Err(error) => Err(Error::config(format!("script `{path}` cannot be read")).because(error.to_string())),
        }
    }
}

/// The engine with everything a script can say, bound to one world.
pub struct Interpreter {
    engine: Engine,
    world: Arc<World>,
}

impl Interpreter {
    /// An engine for scripts: names are checked before anything runs.
    pub fn new(world: Arc<World>) -> Result<Interpreter> {
        let mut engine = Engine::new();
        engine.set_max_expr_depths(128, 128);
        engine.set_max_call_levels(64);
        engine.set_fail_on_invalid_map_property(true);
        engine.set_optimization_level(OptimizationLevel::None);
        speak::words(&mut engine);
        let resolver = file::resolver(&world);
        engine.set_module_resolver(resolver);
        let cancel = world.session.cancel.clone();
        engine.on_progress(move |_| cancel.asked().then(|| "interrupted".into()));
        bind::register(&mut engine, &world);
        act::register(&mut engine, &world);
        host::register(&mut engine, &world);
        plan::register(&mut engine, &world);
        parameter::register(&mut engine, &world);
        look::register(&mut engine, &world);
        etcdctl::register(&mut engine, &world);
        let cert = pki::module(&world);
        engine.register_static_module("cert", cert.into());
        let mut interpreter = Interpreter { engine, world };
        for (name, text) in embedded::stdlib() {
            interpreter.load_stdlib(name, text)?;
        }
        Ok(interpreter)
    }

    /// A module of the stdlib: Rhai that every script sees, without an import.
    fn load_stdlib(&mut self, path: &str, text: &str) -> Result<()> {
        let name = path.trim_start_matches("stdlib/").trim_end_matches(".rhai");
        let ast = self.parse(path, text)?;
        self.reject(check::problems(&self.engine, &ast, text, path, &[]))?;
        let module = Module::eval_ast_as_new(Scope::new(), &ast, &self.engine).map_err(|error| trouble::from_rhai(&error, &|file| source_of(file, path, text)))?;
        self.engine.register_static_module(name, module.into());
        Ok(())
    }

    fn parse(&self, name: &str, text: &str) -> Result<AST> {
        let text = text.strip_prefix("#!").map_or_else(|| text.to_string(), |rest| format!("//{rest}"));
        let mut ast = self.engine.compile(&text).map_err(|error| trouble::from_parse(&error, name, &text))?;
        ast.set_source(name);
        Ok(ast)
    }

    fn reject(&self, problems: Vec<Problem>) -> Result<()> {
        match problems.into_iter().next() {
            None => Ok(()),
            Some(problem) => Err(problem.error),
        }
    }

    /// Parse a script and find its mistakes: unknown names, wrong numbers of arguments, wrong option keys.
    pub fn compile(&self, script: &Script) -> Result<AST> {
        let ast = self.parse(&script.name, &script.text)?;
        self.reject(self.problems(&ast, script))?;
        Ok(ast)
    }

    /// All mistakes that can be found without running.
    #[must_use]
    pub fn problems(&self, ast: &AST, script: &Script) -> Vec<Problem> {
        check::problems(&self.engine, ast, &script.text, &script.name, &["args"])
    }

    /// Run the statements of a script. Its tasks are only declared by this.
    pub fn evaluate(&self, ast: &AST, scope: &mut Scope<'_>, script: &Script) -> Result<rhai::Dynamic> {
        self.engine.eval_ast_with_scope(scope, ast).map_err(|error| trouble::from_rhai(&error, &|file| source_of(file, &script.name, &script.text)))
    }

    /// A scope with what every script finds there.
    #[must_use]
    pub fn scope(&self) -> Scope<'static> {
        let mut scope = Scope::new();
        let args: rhai::Array = self.world.args.iter().map(|arg| arg.clone().into()).collect();
        scope.push_constant("args", args);
        scope
    }

    #[must_use]
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    #[must_use]
    pub fn world(&self) -> &Arc<World> {
        &self.world
    }
}

/// The text of a line of a script, an imported file, or the stdlib.
fn source_of(file: &str, name: &str, text: &str) -> Option<String> {
    if file == name || file.is_empty() {
        return Some(text.to_string());
    }
    embedded::any(file).map(str::to_string).or_else(|| std::fs::read_to_string(file).ok())
}

/// A place with the text of its line.
fn place(file: &str, position: rhai::Position, text: &str) -> Place {
    let line = position.line().unwrap_or(0);
    let shown = if line > 0 { text.lines().nth(line - 1).unwrap_or_default().to_string() } else { String::new() };
    Place { column: position.position().unwrap_or(0), file: file.to_string(), line, text: shown }
}
