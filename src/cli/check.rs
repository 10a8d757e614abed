//! `etcdsh check`: the mistakes of scripts without running them, for people, editors and CI.

use std::path::PathBuf;

use clap::Args;

use super::options::{Options, Output};
use super::setup::Setup;
use crate::error::{Error, Kind, Result};
use crate::script::{Interpreter, Script};

/// Find mistakes in scripts and run nothing.
#[derive(Args)]
#[command(after_help = "Exit codes: 0 no mistakes, 1 mistakes, 5 bad option.")]
pub(super) struct CheckArgs {
    /// Scripts; standard input when it is `-`
    #[arg(required_unless_present = "definitions")]
    files: Vec<String>,
    /// One JSON object per mistake: file, line, column, message, hints
    #[arg(long)]
    json: bool,
    /// How to show mistakes: `json` is the same as --json
    #[arg(short, long, value_enum)]
    pub(super) output: Option<Output>,
    /// Write files that tell an editor which functions there are
    #[arg(long, value_name = "DIR")]
    definitions: Option<PathBuf>,
}

/// `json` was asked for before the subcommand.
pub(super) fn run(args: &CheckArgs, json: bool) -> Result<i32> {
    let json = args.json || args.output.map_or(json, |output| output == Output::Json);
    // The embedded inventory serves: nothing of it is looked at.
    let mut options = Options::default();
    options.reach.sources.inventory = vec!["localhost,".into()];
    if let Some(folder) = &args.definitions {
        let interpreter = Interpreter::new(Setup::new(&options, None)?.world(true))?;
        interpreter.write_definitions(folder).map_err(|error| {
            Error::config(format!("`{}` cannot be written", folder.display()))
                .because(error.to_string())
        })?;
        say!("{}: definitions written", folder.display());
    }
    let mut wrong = 0;
    for file in &args.files {
        let script = if file == "-" {
            super::standard_input()?
        } else {
            Script::open(file)?
        };
        let interpreter =
            Interpreter::new(Setup::new(&options, script.folder.clone())?.world(true))?;
        let errors: Vec<Box<Error>> = match interpreter.compile_line(&script) {
            Err(error) => vec![error],
            Ok(ast) => interpreter
                .suspects(&ast, &script)
                .into_iter()
                .map(|problem| problem.error)
                .chain(interpreter.circle(&ast, &script))
                .collect(),
        };
        wrong += errors.len();
        for error in &errors {
            if json {
                let at = error.at.clone().unwrap_or_default();
                say!(
                    "{}",
                    serde_json::json!({ "file": script.name, "line": at.line, "column": at.column, "message": error.what, "hints": error.hints.iter().map(ToString::to_string).collect::<Vec<_>>() })
                );
            } else {
                complain!("error: {error}");
            }
        }
        if errors.is_empty() && !json {
            say!("{file}: no mistakes found");
        }
    }
    Ok(if wrong > 0 {
        Kind::Config.exit_code()
    } else {
        0
    })
}
