//! `:step`: a script task by task, with all of the console between two of them.

use super::console::{Console, Then};
use super::save::Accepted;
use super::state::{Errand, script_named};
use super::{help, show};
use crate::error::{Error, Result, nearest};
use crate::script::{Interpreter, Script};

pub(super) struct Stepping {
    at: usize,
    script: Script,
    /// Names and descriptions.
    tasks: Vec<(String, String)>,
    word: String,
}

impl Stepping {
    /// `3/10 etcd_dir`, for the prompt.
    pub(super) fn title(&self) -> String {
        match self.tasks.get(self.at) {
            Some((name, _)) => format!("{}/{} {name}", self.at + 1, self.tasks.len()),
            None => "at the end".to_string(),
        }
    }

    fn list(&self) -> String {
        let mut text = String::new();
        for (number, (name, description)) in self.tasks.iter().enumerate() {
            let mark = if number == self.at { ">" } else { " " };
            help::line(
                &mut text,
                &format!("{mark} {:2}  {name}", number + 1),
                description,
                22,
                show::columns(),
            );
        }
        text.trim_end().to_string()
    }

    fn place(&self, name: &str) -> Result<usize> {
        self.tasks
            .iter()
            .position(|(task, _)| task == name)
            .ok_or_else(|| {
                let error = Error::usage(format!("`{}` has no task `{name}`", self.word));
                match nearest(name, self.tasks.iter().map(|(task, _)| task.as_str())) {
                    Some(near) => error.hint(format!("did you mean `{near}`?")),
                    None => error.hint(":step   # shows them"),
                }
            })
    }
}

/// `:step SCRIPT [TASK]`, `:step off`, `:step`.
pub(super) fn begin(console: &mut Console, text: &str) -> Result<Then> {
    if text.is_empty() {
        let shown = stepping(console)?.list();
        console.say(shown);
        return Ok(Then::Go);
    }
    let (word, task) = text
        .split_once(char::is_whitespace)
        .map_or((text, ""), |(word, task)| (word, task.trim()));
    if word == "off" {
        console.stepping = None;
        return Ok(Then::Go);
    }
    let script = script_named(word)?;
    let errand = Errand {
        listing: true,
        script_folder: script.folder.clone(),
        ..Errand::default()
    };
    let ground = console
        .runner
        .surroundings
        .open(&console.settings(), &errand)?;
    let interpreter = Interpreter::open(ground.world, &script)?;
    let tasks: Vec<_> = interpreter
        .world()
        .draft()
        .tasks
        .iter()
        .map(|task| (task.name.clone(), task.description.clone()))
        .collect();
    if tasks.is_empty() {
        return Err(Error::usage(format!(
            "`{word}` has no tasks to step through"
        )));
    }
    let mut stepping = Stepping {
        at: 0,
        script,
        tasks,
        word: word.to_string(),
    };
    if !task.is_empty() {
        stepping.at = stepping.place(task)?;
    }
    console.say(stepping.list());
    console.say(":next runs it, :skip leaves it out, :redo runs the one before, :continue runs the rest, :step off ends this");
    console.stepping = Some(stepping);
    Ok(Then::Go)
}

fn stepping(console: &mut Console) -> Result<&mut Stepping> {
    console
        .stepping
        .as_mut()
        .ok_or_else(|| Error::usage("no script is stepped through").hint(":step etcd"))
}

fn run_at(console: &mut Console, place: usize) -> Result<()> {
    let stepping = stepping(console)?;
    let (name, _) = stepping
        .tasks
        .get(place)
        .cloned()
        .ok_or_else(|| Error::usage("there is no task left").hint(":step off"))?;
    let (script, word) = (stepping.script.clone(), stepping.word.clone());
    // The file may have been changed since.
    let script = if script.folder.is_some() {
        Script::open(&script.name)?
    } else {
        script
    };
    let settings = console.settings();
    let errand = Errand {
        tags: vec![name.clone()],
        ..Errand::default()
    };
    console.runner.script(&script, &settings, errand, &name)?;
    console.accept(Accepted::Script {
        name: word,
        settings,
        tags: name,
    });
    Ok(())
}

/// A task that fails stays at hand.
pub(super) fn next(console: &mut Console, _: &str) -> Result<Then> {
    let at = stepping(console)?.at;
    run_at(console, at)?;
    stepping(console)?.at = at + 1;
    Ok(Then::Go)
}

pub(super) fn skip(console: &mut Console, _: &str) -> Result<Then> {
    let stepping = stepping(console)?;
    stepping.at = (stepping.at + 1).min(stepping.tasks.len());
    Ok(Then::Go)
}

pub(super) fn redo(console: &mut Console, _: &str) -> Result<Then> {
    let at = stepping(console)?.at;
    run_at(
        console,
        at.checked_sub(1)
            .ok_or_else(|| Error::usage("no task was run yet").hint(":next"))?,
    )?;
    Ok(Then::Go)
}

/// To the end, or up to a task, which is then at hand.
pub(super) fn go_on(console: &mut Console, task: &str) -> Result<Then> {
    let stepped = stepping(console)?;
    let end = if task.is_empty() {
        stepped.tasks.len()
    } else {
        stepped.place(task)?
    };
    while stepping(console)?.at < end {
        next(console, "")?;
    }
    Ok(Then::Go)
}
