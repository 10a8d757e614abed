//! The language: Rhai with words for hosts, tasks, certificates and etcd.
//!
//! Owns the engine, the words (`words/`), the static check (`check/`), the embedded stdlib and scripts, and the way from
//! a Rhai error to a place in the file. Says what to do; `run` does it. Start reading at [`Interpreter`].

mod check;
mod circle;
pub mod embedded;
mod file;
mod foreign;
mod heard;
pub mod manual;
pub mod overview;
mod road;
mod source;
mod speak;
mod trouble;
mod value;
pub mod words;
mod world;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rhai::{AST, Engine, Module, OptimizationLevel, Scope};

pub use check::{Known, Problem};
pub use heard::{Heard, on_hosts};
pub use value::{map_from_rhai as plain_map, show, to_json};
pub use words::host::Host;
pub use words::parameter::{Kind as ParameterKind, Parameter, declared as parameters};
pub use words::table::pretty;
pub use world::{Draft, Parts, World};

use crate::error::{Error, Place, Result};
use crate::run::{Play, Score};

/// Is the value a client of etcd?
#[must_use]
pub fn is_etcd_client(value: &rhai::Dynamic) -> bool {
    value.is::<words::etcdctl::Etcdctl>()
}

/// An error for a function that the console adds to the language.
#[must_use]
pub fn thrown(error: Box<Error>) -> Box<rhai::EvalAltResult> {
    trouble::into_rhai(error)
}

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
            Ok(text) => Ok(Script {
                folder: Path::new(path).parent().map(Path::to_path_buf),
                name: path.to_string(),
                text,
            }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let clean = path.trim_start_matches("./");
                embedded::script(clean)
                    .map(|text| Script {
                        folder: None,
                        name: clean.to_string(),
                        text: text.to_string(),
                    })
                    .ok_or_else(|| {
                        let known: Vec<&str> = embedded::scripts().map(|(name, _)| name).collect();
                        let error = Error::config(format!("there is no script `{path}`"));
                        match crate::error::nearest(clean, known) {
                            Some(name) => error.hint(format!("did you mean `{name}`?")),
                            None => error.hint("etcdsh script list"),
                        }
                    })
            }
            Err(error) => {
                Err(Error::config(format!("script `{path}` cannot be read"))
                    .because(error.to_string()))
            }
        }
    }
}

/// The engine with everything a script can say, bound to one world.
pub struct Interpreter {
    engine: Engine,
    known: std::sync::OnceLock<Known>,
    script: Script,
    /// What was loaded of the stdlib, by the names of its modules.
    stdlib: Vec<(String, AST)>,
    world: Arc<World>,
}

/// What the console adds to the language.
pub type Words = Box<dyn FnOnce(&mut Engine)>;

/// Letters of a text, bytes of a blob: a loop that only grows ends as an error.
const LARGEST: usize = 256 << 20;
/// Values of a list or a map, each of which takes 24 bytes and more.
const MOST: usize = 4 << 20;

impl Interpreter {
    /// An engine for scripts, with the stdlib loaded.
    pub fn new(world: World) -> Result<Arc<Interpreter>> {
        Self::with(
            world,
            Script {
                folder: None,
                name: "input".into(),
                text: String::new(),
            },
            Box::new(|_| {}),
        )
    }

    /// An engine for the console, with words of its own.
    pub fn for_console(world: World, more: Words) -> Result<Arc<Interpreter>> {
        Self::with(
            world,
            Script {
                folder: None,
                name: CONSOLE.into(),
                text: String::new(),
            },
            more,
        )
    }

    fn with(world: World, script: Script, more: Words) -> Result<Arc<Interpreter>> {
        let world = Arc::new(world);
        let mut engine = Engine::new();
        engine.set_max_expr_depths(128, 128);
        engine.set_max_call_levels(64);
        engine.set_max_string_size(LARGEST);
        engine.set_max_array_size(MOST);
        engine.set_max_map_size(MOST);
        // The stdlib has more names than the 256 that Rhai keeps; with fewer it throws them out again and again.
        engine.set_max_strings_interned(8192);
        engine.set_fail_on_invalid_map_property(true);
        engine.set_optimization_level(OptimizationLevel::None);
        engine.set_module_resolver(file::resolver(&world));
        let cancel = world.session.cancel.clone();
        engine.on_progress(move |_| cancel.asked().then(|| "interrupted".into()));
        let late: words::play::Engines = Arc::default();
        speak::words(&mut engine);
        words::register(&mut engine, &world, &late);
        more(&mut engine);
        let mut interpreter = Interpreter {
            engine,
            known: std::sync::OnceLock::new(),
            script,
            stdlib: Vec::new(),
            world,
        };
        for module in embedded::modules() {
            interpreter.load_stdlib(module)?;
        }
        let interpreter = Arc::new(interpreter);
        let _ = late.set(Arc::downgrade(&interpreter));
        Ok(interpreter)
    }

    /// Compile a script, find its mistakes and let it declare its tasks.
    pub fn open(world: World, script: &Script) -> Result<Arc<Interpreter>> {
        let interpreter = Self::with(world, script.clone(), Box::new(|_| {}))?;
        let ast = interpreter.compile(script)?;
        let _ = interpreter.evaluate(&ast, &mut interpreter.scope(), script)?;
        Ok(interpreter)
    }

    /// Run the tasks that the script declared. `step` is asked before each of them.
    pub fn run(&self, step: Option<Step<'_>>) -> Result<Score> {
        let draft = std::mem::take(&mut *self.world.draft());
        self.world.draft().become_root = draft.become_root;
        let selection = self.world.selection.clone();
        selection.check(&draft.tasks)?;
        let play = Play {
            clusters: draft.clusters,
            name: draft.play,
            selection,
            session: &self.world.session,
            step,
            tasks: draft.tasks,
        };
        self.world.draft().selected = play
            .selected()
            .iter()
            .flat_map(|task| task.tags().map(str::to_string))
            .collect();
        let links: Vec<_> = play
            .clusters
            .iter()
            .flat_map(|(_, hosts)| hosts)
            .map(|host| self.world.link(host))
            .collect::<Result<_>>()?;
        self.world.session.lock_together(links, &self.script.name);
        let score = play.run(&|host| self.world.link(host).ok());
        Ok(score)
    }

    /// A module of the stdlib: Rhai that every script sees, without an import.
    fn load_stdlib(&mut self, source: &embedded::Module) -> Result<()> {
        let ast = self.parse_files(source)?;
        let module =
            Module::eval_ast_as_new(Scope::new(), &ast, &self.engine).map_err(|error| {
                trouble::from_rhai(&error, &source.path, &|file| self.source_of(file))
            })?;
        if source.name.is_empty() {
            self.engine.register_global_module(module.into());
        } else {
            self.engine
                .register_static_module(source.name, module.into());
        }
        self.stdlib.push((source.name.to_string(), ast));
        Ok(())
    }

    /// Each file by itself: for each variable Rhai goes through the functions that stand before it. Not at once: its
    /// parsers would sleep for each other's turn at the names they share.
    fn parse_files(&self, source: &embedded::Module) -> Result<AST> {
        let mut whole = AST::empty();
        for text in source.files() {
            whole.combine(self.parse(&source.path, &text)?);
        }
        whole.set_source(&source.path);
        Ok(whole)
    }

    fn parse(&self, name: &str, text: &str) -> Result<AST> {
        let mut ast = source::compile(&self.engine, text)
            .map_err(|error| trouble::from_parse(&error, name, text))?;
        ast.set_source(name);
        Ok(ast)
    }

    /// Parse a script; its first mistake is an error.
    pub fn compile(&self, script: &Script) -> Result<AST> {
        self.compile_or_all(script)
            .map_err(|mut all| all.swap_remove(0))
    }

    /// Parse a script; all its mistakes are errors, in the order of its text.
    pub fn compile_or_all(&self, script: &Script) -> std::result::Result<AST, Vec<Box<Error>>> {
        let ast = self
            .parse(&script.name, &script.text)
            .map_err(|error| vec![error])?;
        // What is in the program has been checked with it.
        if embedded::scripts().any(|(_, text)| text == script.text) {
            return Ok(ast);
        }
        let problems = self.problems(&ast, script).into_iter();
        let mut errors: Vec<_> = problems.map(|problem| problem.error).collect();
        errors.extend(self.circle(&ast, script));
        if errors.is_empty() {
            return Ok(ast);
        }
        Err(errors)
    }

    /// Parse without looking for mistakes. `_` is a variable in it.
    pub fn compile_line(&self, script: &Script) -> Result<AST> {
        speak::with_last_result(&script.text, || self.parse(&script.name, &script.text))
    }

    /// Imports that lead back to themselves.
    #[must_use]
    pub fn circle(&self, ast: &AST, script: &Script) -> Option<Box<Error>> {
        circle::problem(&self.engine, &self.world, ast, &script.text, &script.name)
    }

    /// All mistakes that can be found without running.
    #[must_use]
    pub fn problems(&self, ast: &AST, script: &Script) -> Vec<Problem> {
        let mut all = check::problems(self.known(), ast, &script.text, &script.name, &["args"]);
        for problem in &mut all {
            self.name_of_inventory(&mut problem.error);
            self.step_of_flow(&mut problem.error);
        }
        all
    }

    /// A step of the flow that is written like a function, as the console has it.
    fn step_of_flow(&self, error: &mut Error) {
        let name = error.what.strip_prefix("there is no function `");
        let Some(name) = name.and_then(|rest| rest.strip_suffix('`')) else {
            return;
        };
        let flow = embedded::named("etcd").and_then(|(flow, text)| self.parse(flow, text).ok());
        let mut tags = flow.iter().flat_map(check::tags);
        if tags.any(|(tag, _)| tag == name) {
            error.hints = vec![format!("run(\"etcd\", #{{ tags: \"{name}\" }})").into()];
        }
    }

    /// A group, a host or a parameter that is written like a variable.
    fn name_of_inventory(&self, error: &mut Error) {
        let name = error.what.strip_prefix("there is no variable `");
        let Some(name) = name.and_then(|rest| rest.strip_suffix('`')) else {
            return;
        };
        let declared = parameters(&self.world);
        if declared.iter().any(|parameter| parameter.name == name) {
            let hint =
                format!("h.vars.{name}   # of a host: the one a task is given, or host(\"NAME\")");
            error.hints = vec![hint.into()];
            return;
        }
        let inventory = &self.world.inventory;
        if error.hints.is_empty() && (inventory.has_group(name) || inventory.has_host(name)) {
            let hint = format!("\"{name}\"   # names of the inventory stand in quotes");
            error.hints.push(hint.into());
        }
    }

    /// The same in a line of the console: `globals` are its variables, `earlier` holds its functions and imports.
    #[must_use]
    pub fn problems_of_line(
        &self,
        ast: &AST,
        earlier: &AST,
        script: &Script,
        globals: &[&str],
    ) -> Vec<Problem> {
        let known = self.known().and(earlier);
        let mut all = check::problems(&known, ast, &script.text, &script.name, globals);
        for problem in &mut all {
            self.name_of_inventory(&mut problem.error);
        }
        all
    }

    /// Mistakes, and names of tasks and parameters that nobody declares: what `etcdsh check` shows.
    #[must_use]
    pub fn suspects(&self, ast: &AST, script: &Script) -> Vec<Problem> {
        let mut found = self.problems(ast, script);
        let flow = embedded::named("etcd").and_then(|(name, text)| self.parse(name, text).ok());
        found.extend(check::suspects(ast, flow.as_ref(), script, &self.world));
        found.sort_by_key(|problem| problem.error.at.as_ref().map(|at| (at.line, at.column)));
        found
    }

    /// Write files that tell an editor what can be called.
    pub fn write_definitions(&self, folder: &Path) -> std::io::Result<()> {
        std::fs::create_dir_all(folder)?;
        self.engine.definitions().write_to_dir(folder)
    }

    /// The functions that every script can call.
    pub fn known(&self) -> &Known {
        self.known
            .get_or_init(|| Known::of(&self.engine).with_stdlib(&self.stdlib))
    }

    /// Values of a scope that belong to another world, hosts and clients, become those of this one.
    pub fn adopt(&self, scope: &mut Scope<'_>) {
        let names: Vec<String> = scope
            .iter_raw()
            .map(|(name, ..)| name.to_string())
            .collect();
        for name in names {
            if let Some(value) = scope.get_mut(&name) {
                value::adopt(value, &self.world);
            }
        }
    }

    /// Run the statements of a script. Its tasks are only declared by this.
    pub fn evaluate(
        &self,
        ast: &AST,
        scope: &mut Scope<'_>,
        script: &Script,
    ) -> Result<rhai::Dynamic> {
        let source_of = |file: &str| {
            if file == script.name || file.is_empty() {
                Some(script.text.clone())
            } else {
                self.source_of(file)
            }
        };
        self.engine
            .eval_ast_with_scope(scope, ast)
            .map_err(|error| trouble::from_rhai(&error, &script.name, &source_of))
    }

    /// What the script is called in messages.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.script.name
    }

    /// A scope with what every script finds there.
    #[must_use]
    pub fn scope(&self) -> Scope<'static> {
        let mut scope = Scope::new();
        let args: rhai::Array = self
            .world
            .args
            .iter()
            .map(|arg| arg.clone().into())
            .collect();
        scope.push_constant("args", args);
        scope
    }

    /// The text of a script, an imported file, or the stdlib.
    pub(super) fn source_of(&self, file: &str) -> Option<String> {
        if file == self.script.name || file.is_empty() {
            return Some(self.script.text.clone());
        }
        embedded::any(file)
            .map(str::to_string)
            .or_else(|| std::fs::read_to_string(file).ok())
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

/// What the lines of the console are called in messages.
pub const CONSOLE: &str = "input";

/// What `--step` asks before a task.
pub type Step<'a> = Box<dyn Fn(&crate::run::Task) -> crate::run::Verdict + Sync + 'a>;

/// A place with the text of its line.
fn place(file: &str, position: rhai::Position, text: &str) -> Place {
    let (line, column) = (
        position.line().unwrap_or(0),
        position.position().unwrap_or(0),
    );
    let written = text.strip_prefix('\u{feff}').unwrap_or(text);
    let shown = line
        .checked_sub(1)
        .and_then(|line| written.lines().nth(line));
    // The files of a module of the stdlib are read as one text.
    let (file, at) = embedded::written(file, line).unwrap_or((file, line));
    Place {
        column: source::column(text, line, column),
        file: file.to_string(),
        line: at,
        text: shown.unwrap_or_default().to_string(),
    }
}

#[cfg(test)]
mod tests;
