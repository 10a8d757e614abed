//! The keyboard: rustyline with completion, hints and colours of the console, history, and the editor of the user.

use std::borrow::Cow;
use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustyline::completion::{Completer, Pair};
use rustyline::config::Configurer;
use rustyline::error::ReadlineError;
use rustyline::highlight::{CmdKind, Highlighter};
use rustyline::hint::Hinter;
use rustyline::history::FileHistory;
use rustyline::validate::Validator;
use rustyline::{
    Cmd, ColorMode, CompletionType, ConditionalEventHandler, Config, Context, EditMode, Editor,
    Event, EventContext, EventHandler, ExternalPrinter, KeyEvent, RepeatCount,
};

use super::console::{Console, Prompt};
use super::{complete, highlight, hint, history, show};
use crate::error::{Error, Kind, Result};
use crate::terminal::{columns, fitting, padded};

/// More offers than this stand in columns, without what they mean.
const EXPLAINED: usize = 60;

/// More offers than this are asked about before they are shown.
const MOST: usize = 200;

pub(super) struct Lines {
    begun: Rc<RefCell<String>>,
    console: Rc<RefCell<Console>>,
    editor: Editor<Helper, FileHistory>,
    file: Option<PathBuf>,
    /// Ctrl-X Ctrl-E was pressed.
    wants_editor: Arc<AtomicBool>,
}

struct Helper {
    /// The lines above the one at hand, which is not the first of its block.
    begun: Rc<RefCell<String>>,
    color: bool,
    console: Rc<RefCell<Console>>,
}

fn trouble(error: &ReadlineError) -> Box<Error> {
    Error::new(Kind::Internal, "the terminal cannot be read").because(error.to_string())
}

impl Lines {
    pub(super) fn new(console: &Rc<RefCell<Console>>) -> Result<Lines> {
        let color = console.borrow().runner.surroundings.color();
        let config = Config::builder()
            .completion_type(CompletionType::List)
            .completion_show_all_if_ambiguous(true)
            .completion_prompt_limit(MOST)
            .history_ignore_space(true)
            .color_mode(if color {
                ColorMode::Enabled
            } else {
                ColorMode::Disabled
            })
            .max_history_size(10_000)
            .map_err(|error| trouble(&error))?
            .build();
        let wants_editor = Arc::new(AtomicBool::new(false));
        let mut editor = Editor::with_config(config).map_err(|error| trouble(&error))?;
        let begun = Rc::default();
        editor.set_helper(Some(Helper {
            begun: Rc::clone(&begun),
            color,
            console: Rc::clone(console),
        }));
        let keys = Event::KeySeq(vec![KeyEvent::ctrl('X'), KeyEvent::ctrl('E')]);
        editor.bind_sequence(
            keys,
            EventHandler::Conditional(Box::new(OpenEditor(Arc::clone(&wants_editor)))),
        );
        let file = history::file(&console.borrow().ground.beside);
        if let Some(file) = &file {
            console.borrow_mut().failed = history::Failed::beside(file);
            let _ = editor.load_history(file);
        }
        if crate::terminal::shows_output()
            && let Ok(mut printer) = editor.create_external_printer()
        {
            let print: super::job::Printer = Box::new(move |text| drop(printer.print(text)));
            *super::state::locked(&console.borrow().jobs.printer) = Some(print);
        }
        Ok(Lines {
            begun,
            console: Rc::clone(console),
            editor,
            file,
            wants_editor,
        })
    }

    /// The next line, or the lines of a block; `None` after Ctrl-D. Ctrl-C gives up what was typed.
    pub(super) fn read(&mut self, prompt: &Prompt) -> Result<Option<String>> {
        let (mut text, mut typed) = (String::new(), String::new());
        loop {
            let shown = if text.is_empty() {
                (prompt.raw.clone(), prompt.styled.clone())
            } else {
                let more = format!("{:>1$}", "... ", columns(&prompt.raw).max(4));
                (more.clone(), more)
            };
            self.begun.replace(text.clone());
            let read = self
                .editor
                .readline_with_initial(&shown, (&std::mem::take(&mut typed), ""));
            match read {
                Ok(line) => {
                    text.push_str(&line);
                    if self.wants_editor.swap(false, Ordering::SeqCst) {
                        match Lines::in_editor(&text) {
                            Ok(changed) => text = changed.unwrap_or_default(),
                            // The line is there again, to be typed on.
                            Err(error) => {
                                self.console.borrow_mut().show_error(&error);
                                typed = std::mem::take(&mut text);
                                continue;
                            }
                        }
                    } else if !line.trim().is_empty() && self.console.borrow().ends_open(&text) {
                        // A blank line ends a block, whatever the parser thinks.
                        text.push('\n');
                        continue;
                    }
                    let text = text.trim_end_matches('\n').to_string();
                    self.console.borrow().echo(&text);
                    self.remember(&text);
                    return Ok(Some(text));
                }
                Err(ReadlineError::Interrupted) => text.clear(),
                Err(ReadlineError::Eof) if text.is_empty() => return Ok(None),
                Err(ReadlineError::Eof) => text.clear(),
                Err(error) => return Err(trouble(&error)),
            }
        }
    }

    pub(super) fn remember(&mut self, line: &str) {
        if history::wants(line)
            && self.editor.add_history_entry(line).unwrap_or(false)
            && let Some(file) = &self.file
        {
            let _ = self.editor.append_history(file);
        }
    }

    /// A text, changed in the user's editor; `None` when it was emptied.
    pub(super) fn in_editor(text: &str) -> Result<Option<String>> {
        let refused = |error: std::io::Error| {
            Error::config("no file can be made for the editor").because(error.to_string())
        };
        let file = tempfile::Builder::new()
            .prefix("etcdsh-")
            .suffix(".rhai")
            .tempfile()
            .map_err(refused)?;
        std::fs::write(file.path(), format!("{text}\n")).map_err(refused)?;
        open(file.path())?;
        let changed = std::fs::read_to_string(file.path()).map_err(refused)?;
        Ok(Some(changed.trim().to_string()).filter(|text| !text.is_empty()))
    }

    pub(super) fn set_mode(&mut self, mode: &str) {
        self.editor.set_edit_mode(if mode == "vi" {
            EditMode::Vi
        } else {
            EditMode::Emacs
        });
    }

    pub(super) fn close(&mut self) {
        *super::state::locked(&self.console.borrow().jobs.printer) = None;
        // It holds the console.
        self.editor.set_helper(None);
    }
}

/// Open `$VISUAL` or `$EDITOR` on a file and wait for it.
pub(super) fn open(path: &Path) -> Result<()> {
    let named = |name: &str| {
        std::env::var(name)
            .ok()
            .filter(|value| !value.trim().is_empty())
    };
    let editor = named("VISUAL")
        .or_else(|| named("EDITOR"))
        .unwrap_or_else(|| "vi".into());
    let line = format!(
        "{editor} {}",
        crate::command::quote(&path.display().to_string())
    );
    let status = std::process::Command::new("/bin/sh")
        .arg("-c")
        .arg(line)
        .status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(Error::usage(format!(
            "the editor `{editor}` ended with {}",
            status.code().unwrap_or(-1)
        ))
        .hint("set EDITOR to one that is here")),
        Err(error) => Err(
            Error::usage(format!("the editor `{editor}` cannot be started"))
                .because(error.to_string()),
        ),
    }
}

struct OpenEditor(Arc<AtomicBool>);

impl ConditionalEventHandler for OpenEditor {
    fn handle(&self, _: &Event, _: RepeatCount, _: bool, _: &EventContext<'_>) -> Option<Cmd> {
        self.0.store(true, Ordering::SeqCst);
        Some(Cmd::AcceptLine)
    }
}

impl rustyline::Helper for Helper {}

impl Completer for Helper {
    type Candidate = Pair;

    fn complete(
        &self,
        line: &str,
        position: usize,
        _: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<Pair>)> {
        let Ok(console) = self.console.try_borrow() else {
            return Ok((position, Vec::new()));
        };
        let begun = self.begun.borrow();
        let (start, offers) = complete::offers(&console, &format!("{begun}{}", &line[..position]));
        let Some(start) = start.checked_sub(begun.len()) else {
            return Ok((position, Vec::new()));
        };
        let explained =
            offers.len() <= EXPLAINED && offers.iter().any(|(_, about)| !about.is_empty());
        let wide = offers
            .iter()
            .map(|(name, _)| columns(name))
            .max()
            .unwrap_or(0);
        let room = show::columns().saturating_sub(wide + 4);
        let pairs = offers.into_iter().map(|(name, about)| {
            let display = if explained && room > 10 {
                let line = format!("{}  {}", padded(&name, wide), fitting(&about, room));
                line.trim_end().to_string()
            } else {
                name.clone()
            };
            Pair {
                display,
                replacement: name,
            }
        });
        Ok((start, pairs.collect()))
    }
}

impl Hinter for Helper {
    type Hint = hint::Hint;

    fn hint(&self, line: &str, position: usize, context: &Context<'_>) -> Option<hint::Hint> {
        if !self.begun.borrow().is_empty() {
            return None;
        }
        hint::hint(
            &*self.console.try_borrow().ok()?,
            line,
            position,
            context.history(),
        )
    }
}

impl Highlighter for Helper {
    fn highlight<'l>(&self, line: &'l str, _: usize) -> Cow<'l, str> {
        match self.console.try_borrow() {
            Ok(console) if self.color => {
                Cow::Owned(highlight::coloured(&console, &self.begun.borrow(), line))
            }
            _ => Cow::Borrowed(line),
        }
    }

    fn highlight_hint<'h>(&self, hint: &'h str) -> Cow<'h, str> {
        if self.color {
            Cow::Owned(format!("\x1b[2m{hint}\x1b[0m"))
        } else {
            Cow::Borrowed(hint)
        }
    }

    fn highlight_char(&self, _: &str, _: usize, kind: CmdKind) -> bool {
        self.color && kind != CmdKind::MoveCursor
    }
}

impl Validator for Helper {}
