//! `--plan FILE` and `etcdsh apply FILE`: a plan is kept, looked at by somebody, and then done exactly so or not at all.

use std::io::Write;
use std::path::Path;

use clap::Args;

use super::options::{Options, Reach};
use crate::error::{Error, Result};
use crate::inventory::Inventory;
use crate::output_file::OutputFile;
use crate::run::{Kept, Session};

/// Do exactly what was planned before with `--plan FILE`.
///
/// The script plans anew, and the run ends before the first change when its steps, or how many voters there are and how many are
/// healthy, are not as in the file. The values of -e are not in the file: give them again; that none is forgotten is seen to.
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
    sources.limit.clone_from(&kept.limit);
    options.args.clone_from(&kept.args);
    options.play.tags.clone_from(&kept.tags);
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

fn variables(inventory: &Inventory) -> Vec<String> {
    let mut names: Vec<String> = inventory.extra_vars().keys().cloned().collect();
    names.sort();
    names
}

/// What was planned with `-e` is done with it, too.
pub(super) fn refuse_other_variables(options: &Options, inventory: &Inventory) -> Result<()> {
    let Some(kept) = &options.play.held_to else {
        return Ok(());
    };
    let given = variables(inventory);
    let Some(name) = kept.variables.iter().find(|name| !given.contains(name)) else {
        return Ok(());
    };
    Err(Error::usage(format!(
        "it was planned with -e {name}, which is not given now"
    ))
    .because("the values of -e are not kept in the plan")
    .hint(format!("-e {name}=VALUE   # as it was planned")))
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
        tags: options.play.tags.clone(),
        variables: variables(inventory),
    };
    let trouble = |error: std::io::Error| {
        Error::config(format!("the plan cannot be kept in `{file}`")).because(error.to_string())
    };
    let text = serde_json::to_string_pretty(&kept)
        .map_err(|error| Error::internal("a plan is no JSON").because(error.to_string()))?;
    let mut out = OutputFile::create(Path::new(file), 0o644).map_err(trouble)?;
    writeln!(out, "{text}").map_err(trouble)?;
    out.finish().map_err(trouble)
}
