//! Commands that show something: hosts, tasks, the overview, the last error.

use std::io::IsTerminal;
use std::time::Duration;

use crate::error::Result;
use crate::overview::Watch;
use crate::repl::console::{Console, Then};
use crate::repl::help;
use crate::repl::state::{What, locked};
use crate::terminal::{columns, padded};

pub(super) fn overview(console: &mut Console, name: &str) -> Result<Then> {
    let world = console.interpreter.world();
    let settings = console.settings();
    let name = Some(name)
        .filter(|name| !name.is_empty())
        .or(settings.cluster.as_deref());
    let cluster = crate::script::overview::chosen(world, name)?;
    let sources: String = console
        .ground
        .sources
        .iter()
        .map(|source| format!(" -i {}", crate::command::quote(source)))
        .collect();
    let watch = Watch::begin(crate::script::overview::plan(
        world,
        &cluster,
        None,
        &format!("etcdsh{sources}"),
    )?);
    let terminal = crate::terminal::shows_output() && std::io::stdin().is_terminal();
    if terminal && !console.json() {
        let cancel = console.runner.surroundings.cancel().clone();
        watch.wait(1, Duration::from_millis(300));
        crate::overview::show(&watch, console.runner.surroundings.color(), &|| {
            cancel.asked()
        })?;
        return Ok(Then::Go);
    }
    let view = watch.settled();
    console.say(if console.json() {
        view.to_json(false).to_string()
    } else {
        crate::overview::text(&view, crate::repl::show::columns(), false)
    });
    Ok(Then::Go)
}

pub(super) fn hosts(console: &mut Console, pattern: &str) -> Result<Then> {
    let world = console.interpreter.world();
    let selected = world.select(if pattern.is_empty() { "all" } else { pattern })?;
    let pool = console.runner.surroundings.pool();
    let wide = selected.iter().map(|name| columns(name)).max().unwrap_or(0);
    let clusters: Vec<&str> = selected
        .iter()
        .map(|host| {
            console
                .ground
                .clusters()
                .iter()
                .find(|cluster| cluster.hosts.contains(host))
                .map_or("-", |cluster| cluster.name.as_str())
        })
        .collect();
    let broad = clusters.iter().map(|name| columns(name)).max().unwrap_or(0);
    let mut lines = Vec::new();
    for (host, cluster) in selected.iter().zip(clusters) {
        let seen = match pool.known(host) {
            None => "not connected yet".to_string(),
            Some(link) if link.gone() => "cannot be reached".to_string(),
            Some(link) => format!("{} round trips", link.trips()),
        };
        let groups = world
            .inventory
            .groups_of(host)
            .into_iter()
            .filter(|group| group != "all")
            .collect::<Vec<_>>()
            .join(",");
        let (host, cluster) = (padded(host, wide), padded(cluster, broad));
        lines.push(format!("{host}  {cluster}  {groups}  {seen}"));
    }
    console.say(if lines.is_empty() {
        "no host is selected; `:limit all` selects all".to_string()
    } else {
        lines.join("\n")
    });
    Ok(Then::Go)
}

pub(super) fn tasks(console: &mut Console, _: &str) -> Result<Then> {
    let tasks = locked(&console.runner.tasks).clone();
    let shown = tasks.iter().filter(|(_, named)| named.what != What::Alias);
    let wide = shown.map(|(name, _)| columns(name)).max().unwrap_or(0) + 2;
    let (mut script, mut text) = (String::new(), String::new());
    for (name, named) in tasks.iter().filter(|(_, named)| named.what != What::Alias) {
        if named.script != script {
            script.clone_from(&named.script);
            text.push_str(&format!("{}\n", console.paint(1, &script)));
        }
        let same = format!("the same as {name}");
        let others: Vec<&str> = tasks
            .iter()
            .filter(|(_, other)| other.what == What::Alias && other.description == same)
            .map(|(name, _)| name.as_str())
            .collect();
        let also = if others.is_empty() {
            String::new()
        } else {
            format!("; also {}", others.join(", "))
        };
        help::line(
            &mut text,
            &format!("  {name}()"),
            &format!("{}{also}", named.description),
            wide + 2,
            crate::repl::show::columns(),
        );
    }
    console.say(text.trim_end_matches('\n'));
    Ok(Then::Go)
}

pub(super) fn trace(console: &mut Console, _: &str) -> Result<Then> {
    let last = locked(&console.runner.last_error).clone();
    match last {
        Some(error) => console.say(format!(
            "{}: {error}",
            format!("{:?}", error.kind).to_lowercase()
        )),
        None => console.say("there was no error"),
    }
    Ok(Then::Go)
}
