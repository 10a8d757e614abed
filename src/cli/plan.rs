//! `--plan FILE` and `etcdsh apply FILE`: a plan is kept, looked at by somebody, and then done exactly so or not at all.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use clap::Args;

use super::options::{Options, Reach};
use crate::command::quote;
use crate::error::{Error, Result};
use crate::inventory::{Inventory, Value};
use crate::output_file::OutputFile;
use crate::run::{Kept, Session};
use crate::secret::is_secret_name;

/// Do exactly what was planned before with `--plan FILE`.
///
/// The script plans anew, and the run ends before the first change when its steps, or how many voters there are and how many are
/// healthy, are not as in the file. What was planned with -e is given again: that nothing is forgotten, or other, is seen to.
#[derive(Args)]
#[command(after_help = "Example: etcdsh etcd-scale 5 --plan five.json && etcdsh apply five.json")]
pub(super) struct ApplyArgs {
    /// The file
    file: String,
    #[command(flatten)]
    pub(super) reach: Reach,
    /// Answer every question with yes
    #[arg(short = 'y', long)]
    yes: bool,
}

/// The options of the run that was planned, and the word that names its script.
pub(super) fn planned(args: &ApplyArgs, mut options: Options) -> Result<(Options, String)> {
    let kept = read(Path::new(&args.file))?;
    let sources = &mut options.reach.sources;
    if sources.inventory.is_empty() {
        sources.inventory.clone_from(&kept.inventory);
    }
    if !sources.limit.is_empty() && sources.limit != kept.limit {
        return Err(
            Error::usage("`apply` does a whole plan: -l is the one it was made with")
                .hint("leave -l out, or plan it anew for these hosts with --plan FILE"),
        );
    }
    sources.limit.clone_from(&kept.limit);
    options.args.clone_from(&kept.args);
    options.play.tags.clone_from(&kept.tags);
    options.play.skip_tags.clone_from(&kept.skip_tags);
    options.play.start_at_task.clone_from(&kept.start_at_task);
    options.play.yes |= args.yes;
    let script = kept.script.clone();
    options.play.held_to = Some(kept);
    Ok((options, script))
}

fn read(path: &Path) -> Result<Kept> {
    let wrong = |why: String| {
        Error::config(format!("`{}` is no plan", path.display()))
            .because(why)
            .hint("etcdsh etcd-restart etcd --plan FILE   # makes one")
    };
    let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
    serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))
}

fn variables(inventory: &Inventory) -> BTreeMap<String, Option<String>> {
    let shown = |name: &str, value: &Value| {
        // Of another's variables nobody can know what is secret.
        let plain = name.starts_with("etcd_") && !is_secret_name(name);
        match value {
            Value::Bool(_) | Value::Int(_) | Value::Str(_) if plain => Some(value.to_text()),
            _ => None,
        }
    };
    let given = inventory.extra_vars().iter();
    given
        .map(|(name, var)| (name.clone(), shown(name, &var.value)))
        .collect()
}

/// What was planned with `-e` is done with it, too, and with nothing else.
pub(super) fn refuse_other_variables(options: &Options, inventory: &Inventory) -> Result<()> {
    let Some(kept) = &options.play.held_to else {
        return Ok(());
    };
    let given = variables(inventory);
    for (name, value) in &kept.variables {
        let shown = value.as_deref().unwrap_or("VALUE");
        let again = format!("-e {name}={}   # as it was planned", quote(shown));
        let planned = format!("it was planned with -e {name}");
        match given.get(name) {
            Some(now) if now == value => {}
            Some(_) => {
                let what = format!("{planned}={shown}, which is another value now");
                return Err(Error::usage(what).hint(again));
            }
            None => {
                let what = format!("{planned}, which is not given now");
                return Err(Error::usage(what)
                    .because("values are given again, and compared with the plan")
                    .hint(again));
            }
        }
    }
    let more = given
        .keys()
        .find(|name| !kept.variables.contains_key(*name));
    match more {
        None => Ok(()),
        Some(name) => Err(Error::usage(format!("it was planned without -e {name}"))
            .hint("leave it out, or plan it anew with --plan FILE")),
    }
}

/// Write what was planned into the file of `--plan`.
pub(super) fn keep(
    options: &Options,
    script: &str,
    session: &Session,
    inventory: &Inventory,
) -> Result<()> {
    let Some(file) = &options.play.plan else {
        return Ok(());
    };
    let plans = session.plans.made();
    if plans.is_empty() {
        return Err(Error::config(format!("`{script}` planned nothing to do"))
            .because(format!("`{file}` is not written")));
    }
    let kept = Kept {
        args: options.args.clone(),
        inventory: options.reach.sources.inventory.clone(),
        limit: options.reach.sources.limit.clone(),
        plans,
        script: script.to_string(),
        skip_tags: options.play.skip_tags.clone(),
        start_at_task: options.play.start_at_task.clone(),
        tags: options.play.tags.clone(),
        variables: variables(inventory),
    };
    let trouble = |error: std::io::Error| {
        Error::config(format!("the plan cannot be kept in `{file}`")).because(error.to_string())
    };
    if let Ok(there) = std::fs::read_to_string(file)
        && !there.is_empty()
        && serde_json::from_str::<Kept>(&there).is_err()
    {
        return Err(Error::config(format!("`{file}` is there, and is no plan"))
            .because("it stays as it is")
            .hint("give --plan another name"));
    }
    let text = serde_json::to_string_pretty(&kept)
        .map_err(|error| Error::internal("a plan is no JSON").because(error.to_string()))?;
    let mut out = OutputFile::create(Path::new(file), 0o644).map_err(trouble)?;
    writeln!(out, "{text}").map_err(trouble)?;
    out.finish().map_err(trouble)
}
