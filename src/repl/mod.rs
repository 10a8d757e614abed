//! The console: the flow by hand, lines of etcdctl, and Rhai, in one place.
//!
//! Owns lines, prompts, completion and history. Must not know how hosts are reached or what a primitive does: it asks
//! `script` for a world and `etcdctl` to carry out a line. Start reading at [`Console::take`] in `console.rs`; the commands
//! are the table in `meta/mod.rs`.

#![expect(
    clippy::disallowed_methods,
    reason = "the console speaks for itself between two scripts"
)]

/// As `println!`, but a reader that went away is no trouble.
macro_rules! put {
    ($out:expr, $($word:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!($out, $($word)*);
    }};
}

mod complete;
mod console;
mod edit;
mod etcd;
mod flow;
mod help;
mod highlight;
mod hint;
mod history;
mod input;
mod job;
mod live;
mod meta;
mod outlet;
mod save;
mod show;
mod state;
mod step;
mod watch;

use std::cell::RefCell;
use std::io::IsTerminal;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

pub use state::{Errand, Ground, Settings, Surroundings};

use crate::error::Result;
use crate::etcd::Client;
use crate::etcdctl::Style;
use console::{Console, Then};
use input::Input;
use outlet::Pager;

/// Read lines until Ctrl-D. Ctrl-C cancels a line, or what runs, and never leaves.
pub fn run(surroundings: Arc<dyn Surroundings>) -> Result<i32> {
    let start = surroundings.start_file();
    let console = Rc::new(RefCell::new(Console::new(surroundings)?));
    let mut editor = edit::Lines::new(&console)?;
    let terminal = crate::terminal::shows_output() && std::io::stdin().is_terminal();
    console.borrow_mut().paging = terminal && Pager::command().is_some();
    console.borrow().welcome();
    if let Some(path) = start {
        console.borrow_mut().feed_file(&path);
    }
    'lines: loop {
        let prompt = console.borrow().prompt();
        let Some(line) = editor.read(&prompt)? else {
            break;
        };
        let mut text = line;
        // What was pasted is several statements: they are run one after the other.
        while !text.is_empty() {
            let length = console.borrow().first_statement(&text);
            let rest = text.split_off(length);
            let statement = std::mem::replace(&mut text, rest);
            let then = console.borrow_mut().take(statement.trim_end_matches('\n'));
            match then {
                Then::Go => {}
                Then::Failed => console.borrow().not_run(&std::mem::take(&mut text)),
                Then::Edit(text) => match edit::Lines::in_editor(&text) {
                    Ok(Some(text)) => {
                        console.borrow().echo(&text);
                        editor.remember(&text);
                        console.borrow_mut().take(&text);
                    }
                    Ok(None) => {}
                    Err(error) => console.borrow_mut().show_error(&error),
                },
                Then::Editing(mode) => editor.set_mode(&mode),
                Then::Leave => break 'lines,
            }
        }
    }
    editor.close();
    console.borrow_mut().close();
    Ok(0)
}

/// The commands of the console and what they do, for the manual page.
#[must_use]
pub fn commands() -> Vec<(String, &'static str)> {
    meta::lines()
}

/// What may stand at the end of `word`, behind the words of a command of `e`, each with what it is; and where in `word` it begins.
/// The cluster is asked for what it holds, for as long as `patience`.
#[must_use]
pub fn offers_of_etcd(
    style: &Style,
    words: Vec<Vec<u8>>,
    word: &str,
    client: &dyn Fn() -> Option<Client>,
    patience: Duration,
) -> (usize, Vec<(String, String)>) {
    let ask = |topic: &live::Topic| {
        client().map_or_else(Vec::new, |client| live::once(client, topic, patience))
    };
    complete::of_words(style, words, word, &ask)
}

/// A list of maps as the console shows it; `None` for every other value.
#[must_use]
pub fn table(value: &rhai::Dynamic) -> Option<String> {
    let array = value.clone().try_cast::<rhai::Array>()?;
    let maps = array
        .iter()
        .all(|one| one.flatten_clone().is::<rhai::Map>());
    let wide = crate::terminal::width().unwrap_or(usize::MAX);
    (maps && !array.is_empty()).then(|| show::pretty(value, wide))
}

/// A value as an event.
#[must_use]
pub fn json(value: &rhai::Dynamic) -> String {
    show::json(value)
}

/// Lines from a pipe, one after the other, up to the first error; the result is the exit code.
pub fn run_lines(surroundings: Arc<dyn Surroundings>, text: &str) -> Result<i32> {
    let mut console = Console::new(surroundings)?;
    let code = console.feed(text);
    console.close();
    Ok(code)
}

/// Is a text for the console, rather than one script? A line for etcd or a command of the console says so.
#[must_use]
pub fn is_for_console(text: &str) -> bool {
    // A name that the script itself gives a value is no alias of etcdctl in it.
    let is_variable = |word: &str| {
        text.lines().any(|line| {
            let names = line.trim_start().strip_prefix("let ");
            names.is_some_and(|rest| input::first_word(rest) == word)
        })
    };
    text.lines()
        .any(|line| match input::kind(line, is_variable) {
            Input::Etcd(_) | Input::Help(..) | Input::Script(_) => true,
            // `exit` alone may be a line of a script.
            Input::Meta(_) => line.trim_start().starts_with(':'),
            Input::Blank => false,
            Input::Rhai(line) => is_step(line),
        })
}

/// A call of a task of the flow, `etcd_install()`: a function that the console has, and a script has not.
fn is_step(line: &str) -> bool {
    line.starts_with("etcd_")
        && line.trim_end_matches(';').ends_with(')')
        && !line.contains("task(")
}

#[cfg(test)]
mod tests {
    use super::is_for_console;

    #[test]
    fn a_text_is_for_the_console_when_one_of_its_lines_is() {
        let rows = [
            ("e get a --limit=1\n", true),
            ("e put a b=c\n", true),
            ("e --write-out=json get a", true),
            ("em list\n", true),
            (":hosts\n", true),
            ("etcd_install()\n", true),
            ("etcd::purge?\n", true),
            ("let a = 1;\nprint(a);\n", false),
            ("let e = 5;\ne -= 1;\nprint(e);\n", false),
            ("let e = etcd::of(\"x\");\ne = 1;\n", false),
            ("e(\"get a\");\n", false),
            ("e == 1\n", false),
            ("", false),
        ];
        for (text, wanted) in rows {
            assert_eq!(is_for_console(text), wanted, "{text}");
        }
    }
}
