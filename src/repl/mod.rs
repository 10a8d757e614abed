//! The console: a line is read, evaluated, and its result printed; variables and functions stay.
//!
//! A plain line editor for now; the sub-tasks of the bundled flow and the lines of etcdctl come with it later.

use std::sync::Arc;

use rhai::{AST, Scope};
use rustyline::error::ReadlineError;

use crate::error::{Kind, Result};
use crate::script::{Interpreter, Script};

/// Read lines until Ctrl-D. Ctrl-C cancels a line, or what runs, and never leaves.
pub fn run(interpreter: &Arc<Interpreter>) -> Result<()> {
    let trouble = |error: ReadlineError| crate::error::Error::new(Kind::Internal, "the terminal cannot be read").because(error.to_string());
    let mut editor = rustyline::DefaultEditor::new().map_err(trouble)?;
    println!("etcdsh {}  Ctrl-D leaves", env!("CARGO_PKG_VERSION"));
    let mut scope = interpreter.scope();
    let mut session = AST::empty();
    let mut pending = String::new();
    loop {
        let prompt = if pending.is_empty() { "etcdsh> " } else { "   ...> " };
        match editor.readline(prompt) {
            Ok(line) => {
                if !pending.is_empty() {
                    pending.push('\n');
                }
                pending.push_str(&line);
                if is_open(interpreter, &pending) && !line.is_empty() {
                    continue;
                }
                let text = std::mem::take(&mut pending);
                if text.trim().is_empty() {
                    continue;
                }
                let _ = editor.add_history_entry(&text);
                interpreter.world().session.cancel.reset();
                show(evaluate(interpreter, &mut scope, &mut session, &text));
            }
            Err(ReadlineError::Interrupted) => pending.clear(),
            Err(ReadlineError::Eof) => return Ok(()),
            Err(error) => return Err(trouble(error)),
        }
    }
}

/// Does the text end in the middle of something? The parser says so by an error at its very end.
fn is_open(interpreter: &Interpreter, text: &str) -> bool {
    use rhai::{LexError, ParseErrorType};
    let Err(error) = interpreter.engine().compile(text) else { return false };
    let lines = text.trim_end().lines().count();
    let last = text.trim_end().lines().last().unwrap_or_default().chars().count();
    let at_end = error.1.line().is_none_or(|line| line > lines || (line == lines && error.1.position().unwrap_or(0) > last));
    match *error.0 {
        ParseErrorType::UnexpectedEOF => true,
        ParseErrorType::MissingToken(..) => at_end,
        ParseErrorType::BadInput(LexError::UnterminatedString) => true,
        _ => false,
    }
}

fn evaluate(interpreter: &Arc<Interpreter>, scope: &mut Scope<'static>, session: &mut AST, text: &str) -> Result<rhai::Dynamic> {
    let script = Script { folder: None, name: "input".into(), text: text.to_string() };
    let line = interpreter.compile_line(&script)?;
    let merged = session.merge(&line);
    let result = interpreter.evaluate(&merged, scope, &script);
    *session = merged;
    session.clear_statements();
    if !interpreter.world().draft().tasks.is_empty() {
        interpreter.run(None)?;
    }
    result
}

fn show(result: Result<rhai::Dynamic>) {
    match result {
        Ok(value) if value.is_unit() => {}
        Ok(value) => println!("{}", crate::script::show(&value)),
        Err(error) => eprintln!("error: {error}"),
    }
}
