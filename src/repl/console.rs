//! One line after the other: what it is, what carries it out, what is kept of it.
//!
//! Owns the variables and functions that were typed, and the last error. Must not know the keyboard.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Instant, SystemTime};

use rhai::{AST, Dynamic, Scope, Stmt};

use super::history::Failed;
use super::input::{self, Input, Typed};
use super::job::Jobs;
use super::live::Live;
use super::outlet::Pager;
use super::save::Accepted;
use super::show::Form;
use super::state::{Errand, Ground, Runner, Settings, Surroundings, changed_at, locked};
use super::step::Stepping;
use super::{etcd, flow, help, meta, show};
use crate::cluster::Cluster;
use crate::error::{Error, Kind, Result};
use crate::report::Terminal;
use crate::script::{CONSOLE, Interpreter};
use crate::terminal::{coloured, columns, fitting, in_json, visible};

/// The colour of a prompt that is for the sandbox.
const SANDBOX: u8 = 36;

/// Lines that were not run, of which each is shown.
const NOT_RUN: usize = 10;

/// What stands before a line, without colours and with them.
pub(super) struct Prompt {
    pub(super) raw: String,
    pub(super) styled: String,
}

/// What the reader of lines has to do next.
pub(super) enum Then {
    /// Open an editor with this text.
    Edit(String),
    /// `vi` or `emacs`.
    Editing(String),
    /// It did not work, and why was said.
    Failed,
    Go,
    Leave,
}

pub(super) struct Console {
    pub(super) accepted: Vec<Accepted>,
    pub(super) ground: Surface,
    pub(super) interpreter: Arc<Interpreter>,
    pub(super) jobs: Jobs,
    pub(super) live: Live,
    pub(super) place: Arc<etcd::Here>,
    pub(super) runner: Arc<Runner>,
    pub(super) scope: Scope<'static>,
    /// Functions and imports that were typed or loaded.
    pub(super) session: AST,
    pub(super) stepping: Option<Stepping>,
    /// Lines that failed, which are never proposed.
    pub(super) failed: Failed,
    pub(super) form: Form,
    /// Long texts go through a pager: somebody sits at a terminal.
    pub(super) paging: bool,
    pub(super) timing: bool,
    typed: Typed,
    /// Files that were loaded, and when they had been changed.
    pub(super) loaded: Vec<(PathBuf, Option<SystemTime>)>,
    last_input: String,
    /// The tasks of a file are declared, not run.
    pub(super) loading: bool,
}

/// What is known of the inventory, beside the world.
pub(super) struct Surface {
    pub(super) beside: PathBuf,
    pub(super) clusters: Result<Vec<Cluster>>,
    /// The code of the prompt's colour, when the inventory has one.
    color: Option<u8>,
    pub(super) files: Vec<(PathBuf, Option<SystemTime>)>,
    pub(super) name: String,
    pub(super) sources: Vec<String>,
    warnings: Vec<String>,
}

impl Surface {
    /// What the prompt calls the inventory: the name of its file, or the sandbox.
    fn place(&self) -> String {
        let Some(first) = self.sources.first() else {
            return "sandbox".to_string();
        };
        let name = if first.contains(',') {
            "hosts".to_string()
        } else {
            let name = Path::new(first).file_name();
            name.map_or_else(|| first.clone(), |name| name.to_string_lossy().into_owned())
        };
        match self.sources.len() {
            1 => name,
            many => format!("{name}+{}", many - 1),
        }
    }

    /// None when they cannot be told.
    pub(super) fn clusters(&self) -> &[Cluster] {
        self.clusters.as_deref().unwrap_or_default()
    }
}

impl Console {
    pub(super) fn new(surroundings: Arc<dyn Surroundings>) -> Result<Console> {
        let runner = Arc::new(Runner {
            last_error: Mutex::default(),
            settings: Mutex::new(surroundings.settings()),
            surroundings,
            tasks: Mutex::default(),
        });
        let (interpreter, ground, place) = open(&runner)?;
        let scope = interpreter.scope();
        let mut console = Console {
            accepted: Vec::new(),
            ground,
            interpreter,
            jobs: Jobs::default(),
            live: Live::default(),
            place,
            runner,
            scope,
            session: AST::empty(),
            stepping: None,
            failed: Failed::default(),
            form: Form::Simple,
            paging: false,
            timing: false,
            typed: Typed::default(),
            loaded: Vec::new(),
            last_input: String::new(),
            loading: false,
        };
        if let Err(error) = flow::load(&mut console, "etcd") {
            console.ground.warnings.push(error.headline());
        }
        console.scope.push("_", Dynamic::UNIT);
        console.live.watch(&console.place);
        Ok(console)
    }

    pub(super) fn settings(&self) -> Settings {
        self.runner.settings()
    }

    pub(super) fn json(&self) -> bool {
        self.runner.surroundings.json()
    }

    pub(super) fn say(&self, text: impl std::fmt::Display) {
        let mut text = text.to_string();
        if crate::terminal::shows_output() {
            let shown = if self.json() { in_json } else { coloured };
            text = shown(&text);
        }
        if self.paging && is_long(&text) && self.page(&text) {
            return;
        }
        put!(
            Terminal::new(self.runner.surroundings.transcript()),
            "{text}"
        );
    }

    /// Show a text page by page. Was there a pager?
    fn page(&self, text: &str) -> bool {
        let cancel = self.runner.surroundings.cancel();
        cancel.at_once(true);
        let Some(mut pager) = Pager::start() else {
            return false;
        };
        // Who has seen enough reads no more.
        let _ = pager.write(format!("{text}\n").as_bytes());
        self.runner
            .surroundings
            .transcript()
            .write(format!("{text}\n").as_bytes());
        pager.end();
        // Ctrl-C was for the pager.
        cancel.reset();
        true
    }

    pub(super) fn complain(&self, text: impl std::fmt::Display) {
        let text = format!("{}\n", coloured(&text.to_string()));
        put!(std::io::stderr(), "{}", text.trim_end_matches('\n'));
        self.runner.surroundings.transcript().write(text.as_bytes());
    }

    pub(super) fn paint(&self, code: u8, text: &str) -> String {
        if self.runner.surroundings.color() {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_string()
        }
    }

    pub(super) fn welcome(&self) {
        if self.json() {
            return;
        }
        self.say(format!(
            "etcdsh {}  inventory {}  :help tells all, Ctrl-D leaves",
            env!("CARGO_PKG_VERSION"),
            self.ground.name
        ));
        self.warn();
    }

    fn warn(&self) {
        for warning in &self.ground.warnings {
            self.complain(format!("{} {warning}", self.paint(35, "warning:")));
        }
    }

    /// Inventory, cluster, selection and mode: `pigsty.yml:etcd:10.10.10.11 (check)> `.
    pub(super) fn prompt(&self) -> Prompt {
        let settings = self.settings();
        let place = self.ground.place();
        let cluster = match (&settings.cluster, self.ground.clusters()) {
            (Some(name), _) => format!(":{name}"),
            (None, [only]) => format!(":{}", only.name),
            (None, []) => String::new(),
            (None, many) => format!(":{} clusters", many.len()),
        };
        let limit = settings
            .limit
            .map_or_else(String::new, |limit| format!(":{}", shortened(&limit, 24)));
        let check = if settings.check { " (check)" } else { "" };
        let step = self.stepping.as_ref().map_or_else(String::new, |stepping| {
            format!(" step {}", stepping.title())
        });
        let prompt = format!("{place}{cluster}{limit}{check}{step}> ");
        let raw = visible(prompt.as_bytes(), false);
        Prompt {
            styled: self.paint(
                1,
                &match self.ground.color {
                    Some(code) => self.paint(code, &raw),
                    None => raw.clone(),
                },
            ),
            raw,
        }
    }

    pub(super) fn is_variable(&self, name: &str) -> bool {
        self.scope.contains(name)
    }

    /// Is it a step of the flow?
    pub(super) fn is_step(&self, name: &str) -> bool {
        locked(&self.runner.tasks).contains_key(name)
    }

    pub(super) fn input_kind<'a>(&self, text: &'a str) -> Input<'a> {
        input::kind(text, |word| self.is_variable(word))
    }

    /// Copy a line that was read into the transcript.
    pub(super) fn echo(&self, line: &str) {
        self.runner
            .surroundings
            .transcript()
            .write(format!("{}{line}\n", self.prompt().raw).as_bytes());
    }

    /// Carry out one line, and show what comes of it. Whatever happens, variables and functions stay.
    pub(super) fn take(&mut self, line: &str) -> Then {
        self.refresh_when_changed();
        let start = Instant::now();
        let before = self.runner.surroundings.pool().traffic();
        let result = self.carry_out(line);
        // What was stopped has answered; its locks must come off the hosts.
        self.runner.surroundings.cancel().reset();
        self.interpreter.world().session.release();
        let then = match result {
            Ok(then) => {
                self.failed.forget(line);
                then
            }
            Err(error) => {
                self.show_error(&error);
                if error.kind != Kind::Interrupted {
                    self.failed.add(line);
                }
                Then::Failed
            }
        };
        if self.timing && !line.trim().is_empty() {
            self.say(show::timing(
                start.elapsed(),
                &before,
                &self.runner.surroundings.pool().traffic(),
            ));
        }
        then
    }

    pub(super) fn carry_out(&mut self, line: &str) -> Result<Then> {
        let cancel = self.runner.surroundings.cancel().clone();
        cancel.reset();
        cancel.at_once(false);
        let kept = line.to_string();
        if let Input::Rhai(_) | Input::Etcd(_) | Input::Script(_) = self.input_kind(line) {
            self.last_input.clone_from(&kept);
        }
        let then = match input::kind(line, |word| self.scope.contains(word)) {
            Input::Blank => Then::Go,
            Input::Etcd(text) => {
                // A watch is nothing that a script could wait for.
                if etcd::run(self, text)? {
                    self.accept(Accepted::Etcd(text.to_string(), self.settings().cluster));
                }
                Then::Go
            }
            Input::Help(name, source) => {
                let text = if source {
                    help::source(self, name)?
                } else {
                    help::page(self, name)?
                };
                self.say(text.trim_end());
                Then::Go
            }
            Input::Meta(text) => meta::run(self, text)?,
            Input::Script(text) => {
                let text = input::call_of(text)?;
                let _ = self.evaluate(&text)?;
                self.accept(Accepted::Rhai(text, self.settings()));
                Then::Go
            }
            Input::Rhai(text) => {
                let value = self
                    .evaluate(text)
                    .map_err(|error| self.with_what_was_meant(error, text))?;
                self.accept(Accepted::Rhai(text.to_string(), self.settings()));
                self.show(&value);
                Then::Go
            }
        };
        Ok(then)
    }

    /// `get a` is no line of the language, and `e get a` is a line.
    fn with_what_was_meant(&self, mut error: Box<Error>, text: &str) -> Box<Error> {
        let known = self.interpreter.engine().compile(text).is_ok()
            && !error.what.starts_with("there is no variable");
        if known {
            return error;
        }
        let style = etcd::style(self);
        let is_etcd = |word: &str| crate::etcdctl::is_command(&[word.as_bytes().to_vec()], &style);
        let meant = input::meant(text, is_etcd, |word| self.is_step(word));
        if !meant.is_empty() {
            error.hints = meant.into_iter().map(Into::into).collect();
        }
        error
    }

    /// Keep a line for `:save`. What only showed what would happen is none.
    pub(super) fn accept(&mut self, line: Accepted) {
        if self.settings().check {
            return;
        }
        self.accepted.push(match line {
            Accepted::Rhai(text, settings) => Accepted::Rhai(text, self.selected(settings)),
            Accepted::Script {
                name,
                settings,
                tags,
            } => Accepted::Script {
                name,
                settings: self.selected(settings),
                tags,
            },
            Accepted::Shell { command, settings } => Accepted::Shell {
                command,
                settings: self.selected(settings),
            },
            other => other,
        });
    }

    /// With the hosts by name that were selected, by `:limit` or `:use`: a script knows neither.
    fn selected(&self, settings: Settings) -> Settings {
        if settings.limit.is_none() && settings.cluster.is_none() {
            return settings;
        }
        let mut hosts = self
            .interpreter
            .world()
            .inventory
            .select_with_limit("all", settings.limit.as_deref())
            .unwrap_or_default();
        if let Some(cluster) = self
            .ground
            .clusters()
            .iter()
            .find(|cluster| Some(&cluster.name) == settings.cluster.as_ref())
        {
            hosts.retain(|host| cluster.hosts.contains(host));
        }
        Settings {
            limit: Some(hosts.join(","))
                .filter(|names| !names.is_empty())
                .or(settings.limit.clone()),
            ..settings
        }
    }

    /// The last line that was for etcd or a script.
    pub(super) fn last_input(&self) -> &str {
        &self.last_input
    }

    fn show(&mut self, value: &Dynamic) {
        if value.is_unit() {
            return;
        }
        self.say(match self.form {
            _ if self.json() => show::json(value),
            Form::Json => show::indented_json(value),
            Form::Vertical => show::vertical(value, show::columns()),
            Form::Simple | Form::Table => show::pretty(value, show::columns()),
        });
        self.scope.set_value("_", value.clone());
    }

    pub(super) fn show_error(&mut self, error: &Error) {
        // What a command of etcdctl says of its failure stands there already.
        if error.what.is_empty() {
            return;
        }
        let mut error = error.clone();
        for hint in &mut error.hints {
            *hint = crate::report::in_console(hint).into();
        }
        if self.json() {
            self.say(
                serde_json::json!({ "event": "error", "error": crate::report::error_json(&error) }),
            );
        } else {
            self.complain(format!(
                "{}: {}",
                self.paint(31, "error"),
                show::underlined(&error)
            ));
        }
        if !error
            .hints
            .iter()
            .any(|hint| hint.to_string().starts_with(":bt"))
        {
            *locked(&self.runner.last_error) = Some(Box::new(error));
        }
    }

    /// A text of the language, in the scope of the console.
    pub(super) fn evaluate(&mut self, text: &str) -> Result<Dynamic> {
        self.evaluate_from(text, None)
    }

    pub(super) fn evaluate_from(&mut self, text: &str, file: Option<&str>) -> Result<Dynamic> {
        let text = text
            .strip_prefix("#!")
            .map_or_else(|| text.to_string(), |rest| format!("//{rest}"));
        let (parsed, all) = self.typed.add(CONSOLE, &text, file);
        let line = self
            .interpreter
            .compile_line(&parsed)
            .map_err(|error| self.at_its_file(error))?;
        let globals: Vec<String> = self
            .scope
            .iter_raw()
            .map(|(name, ..)| name.to_string())
            .collect();
        let globals: Vec<&str> = globals.iter().map(String::as_str).collect();
        if let Some(problem) = self
            .interpreter
            .problems_of_line(&line, &self.session, &parsed, &globals)
            .into_iter()
            .next()
        {
            return Err(self.at_its_file(problem.error));
        }
        let mut merged = self.session.merge(&line);
        merged.set_source(CONSOLE);
        let result = self.interpreter.evaluate(&merged, &mut self.scope, &all);
        // Functions stay, and so do imports: they are carried out again before each line.
        let imports: Vec<Stmt> = merged
            .statements()
            .iter()
            .filter(|statement| matches!(statement, Stmt::Import(..)))
            .cloned()
            .collect();
        self.session = AST::new(imports, merged.shared_lib().clone());
        let result = result.map_err(|error| {
            *self.interpreter.world().draft() = crate::script::Draft::default();
            self.at_its_file(error)
        })?;
        flow::run_declared(self)?;
        Ok(result)
    }

    pub(super) fn all_typed(&self) -> &str {
        self.typed.text()
    }

    fn at_its_file(&self, error: Box<Error>) -> Box<Error> {
        let mut error = flow::without_own_place(error);
        if let Some(at) = error.at.as_mut().filter(|at| at.file == CONSOLE) {
            self.typed.translate(at);
        }
        error
    }

    /// A new world from the settings there are now; what was typed stays.
    pub(super) fn refresh(&mut self) -> Result<()> {
        let (interpreter, ground, place) = open(&self.runner)?;
        interpreter.adopt(&mut self.scope);
        (self.interpreter, self.ground, self.place) = (interpreter, ground, place);
        self.live.watch(&self.place);
        Ok(())
    }

    /// Change a setting; one that does not work is as before.
    pub(super) fn change(&mut self, change: impl FnOnce(&mut Settings)) -> Result<()> {
        let before = self.settings();
        change(&mut locked(&self.runner.settings));
        self.refresh()
            .inspect_err(|_| *locked(&self.runner.settings) = before)
    }

    /// Files are read again when they were changed on disk.
    fn refresh_when_changed(&mut self) {
        if self
            .ground
            .files
            .iter()
            .any(|(path, at)| changed_at(path) != *at)
        {
            match self.refresh() {
                Ok(()) => {
                    self.say(format!("read again: {}", self.ground.name));
                    self.warn();
                }
                Err(error) => {
                    for (path, at) in &mut self.ground.files {
                        *at = changed_at(path);
                    }
                    self.show_error(&error.because(
                        "the inventory was changed; the one before counts until it is mended",
                    ));
                }
            }
        }
        let changed: Vec<PathBuf> = self
            .loaded
            .iter()
            .filter(|(path, at)| changed_at(path) != *at)
            .map(|(path, _)| path.clone())
            .collect();
        for path in changed {
            self.say(format!("read again: {}", path.display()));
            if let Err(error) = flow::load(self, &path.display().to_string()) {
                self.show_error(&error);
            }
        }
    }

    /// How long the first statement of a text is.
    pub(super) fn first_statement(&self, text: &str) -> usize {
        input::first_statement(text, |text| self.is_open(text))
    }

    /// Does a text end in the middle of something?
    pub(super) fn is_open(&self, text: &str) -> bool {
        match self.input_kind(text) {
            Input::Rhai(text) => input::is_open(self.interpreter.engine(), text),
            Input::Etcd(text) => crate::etcdctl::is_open(text),
            _ => false,
        }
    }

    /// Is the last statement of a text open?
    pub(super) fn ends_open(&self, text: &str) -> bool {
        let mut rest = text;
        loop {
            let (first, left) = rest.split_at(self.first_statement(rest));
            if left.is_empty() {
                return self.is_open(first);
            }
            rest = left;
        }
    }

    /// What stands behind a statement that failed.
    pub(super) fn not_run(&self, rest: &str) {
        let lines: Vec<&str> = rest
            .lines()
            .filter(|line| !line.trim().is_empty())
            .collect();
        if lines.is_empty() {
            return;
        }
        if self.json() {
            return self.say(serde_json::json!({ "event": "not_run", "lines": lines }));
        }
        let shown: String = (lines.iter().take(NOT_RUN))
            .map(|line| format!("\n  {}", crate::secret::masked(line)))
            .collect();
        let more = match lines.len().saturating_sub(NOT_RUN) {
            0 => String::new(),
            more => format!("\n  and {more} more"),
        };
        self.complain(format!("{}{shown}{more}", self.paint(33, "not run:")));
    }

    /// The statements of a text, up to the first error. The result is an exit code.
    pub(super) fn feed(&mut self, text: &str) -> i32 {
        let mut rest = text;
        while !rest.is_empty() {
            let (statement, left) = rest.split_at(self.first_statement(rest));
            rest = left;
            self.refresh_when_changed();
            let result = self.carry_out(statement.trim_end_matches('\n'));
            self.runner.surroundings.cancel().reset();
            self.interpreter.world().session.release();
            match result {
                Ok(Then::Leave) => return 0,
                Ok(_) => {}
                Err(error) => {
                    self.show_error(&error);
                    self.not_run(rest);
                    return error.kind.exit_code();
                }
            }
        }
        0
    }

    /// What is run at the start. Nothing of it is kept for `:save`.
    pub(super) fn feed_file(&mut self, path: &Path) {
        match std::fs::read_to_string(path) {
            Ok(text) => {
                self.feed(&text);
                self.accepted.clear();
            }
            Err(error) => self.show_error(
                &Error::new(Kind::Config, format!("`{}` cannot be read", path.display()))
                    .because(error.to_string()),
            ),
        }
    }

    pub(super) fn close(&mut self) {
        self.jobs.stop_all();
        if std::io::stdin().is_terminal() {
            self.runner.surroundings.transcript().end();
        }
    }
}

fn open(runner: &Arc<Runner>) -> Result<(Arc<Interpreter>, Surface, Arc<etcd::Here>)> {
    let Ground {
        beside,
        clusters,
        files,
        inventory,
        login,
        name,
        sources,
        warnings,
        world,
    } = runner
        .surroundings
        .open(&runner.settings(), &Errand::default())?;
    let settings = runner.settings();
    let chosen = crate::cluster::chosen(
        clusters.clone().unwrap_or_default(),
        settings.cluster.as_deref(),
    );
    let hosts = chosen.map_or_else(|_| inventory.hosts(), |cluster| cluster.hosts);
    let mut warnings = warnings;
    let mut color = sources.is_empty().then_some(SANDBOX);
    for host in &hosts {
        match crate::cluster::color(&inventory, host) {
            Ok(None) => continue,
            Ok(code) => color = code,
            Err(error) => warnings.push(error.to_string()),
        }
        break;
    }
    let place = etcd::Here::new(
        clusters.clone(),
        beside.clone(),
        settings.cluster,
        inventory,
        login,
    );
    let interpreter = Interpreter::for_console(world, flow::words(runner))?;
    let files = files
        .into_iter()
        .map(|path| (path.clone(), changed_at(&path)))
        .collect();
    Ok((
        interpreter,
        Surface {
            beside,
            clusters,
            color,
            files,
            name,
            sources,
            warnings,
        },
        Arc::new(place),
    ))
}

/// More than the terminal has room for?
fn is_long(text: &str) -> bool {
    let Some(rows) = crate::terminal::height() else {
        return false;
    };
    let wide = show::columns().max(1);
    let taken = text.lines().map(|line| columns(line).div_ceil(wide).max(1));
    taken.sum::<usize>() >= rows
}

fn shortened(text: &str, most: usize) -> String {
    if columns(text) <= most {
        text.to_string()
    } else {
        format!("{}...", fitting(text, most - 3))
    }
}
