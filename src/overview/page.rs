//! The overview as one page of HTML that needs nothing else: no script, no font, no picture from elsewhere.
//!
//! The same page is served live; then a script of a few lines puts a new `<main>` into it each second.

use minijinja::{AutoEscape, Environment, Value, context};

use super::chart::{Line, Scale, svg};
use super::details::details;
use super::finding::{COMMIT_SECONDS, FSYNC_SECONDS, PEER_SECONDS};
use super::text::{COLUMNS, Tint, condition, condition_tint, leadership, membership, sentence};
use super::unit::moment;
use super::view::{Histories, View};

const PAGE: &str = include_str!("page.html");

/// What the browser runs on the page that is served.
pub(super) const LIVE: &str = include_str!("live.js");

struct Chart {
    about: &'static str,
    /// Beyond it is too slow.
    limit: Option<f64>,
    scale: Scale,
    series: fn(&Histories) -> &[Option<f64>],
    title: &'static str,
}

const CHARTS: [Chart; 8] = [
    Chart {
        title: "reads per second",
        limit: None,
        about: "ranges that clients asked for",
        series: |h| &h.reads_per_second,
        scale: Scale::Rate,
    },
    Chart {
        title: "writes per second",
        limit: None,
        about: "puts, deletes and transactions",
        series: |h| &h.writes_per_second,
        scale: Scale::Rate,
    },
    Chart {
        title: "fsync, p99",
        limit: Some(FSYNC_SECONDS),
        about: "of the log, over a minute; 100 ms and more are slow",
        series: |h| &h.fsync_p99_seconds,
        scale: Scale::Seconds,
    },
    Chart {
        title: "commit, p99",
        limit: Some(COMMIT_SECONDS),
        about: "of the database, over a minute; 100 ms and more are slow",
        series: |h| &h.commit_p99_seconds,
        scale: Scale::Seconds,
    },
    Chart {
        title: "round trip to peers, p95",
        limit: Some(PEER_SECONDS),
        about: "over a minute; 200 ms and more are slow",
        series: |h| &h.peer_p95_seconds,
        scale: Scale::Seconds,
    },
    Chart {
        title: "database",
        limit: None,
        about: "size of the file",
        series: |h| &h.db_size,
        scale: Scale::Bytes,
    },
    Chart {
        title: "client traffic per second",
        limit: None,
        about: "received and sent",
        series: |h| &h.traffic_bytes_per_second,
        scale: Scale::Bytes,
    },
    Chart {
        title: "memory",
        limit: None,
        about: "resident",
        series: |h| &h.memory,
        scale: Scale::Bytes,
    },
];

/// The page; with `live` it asks for news by itself.
///
/// `seconds` is the time between two points of the histories.
#[must_use]
pub fn page(view: &View, seconds: f64, live: bool) -> String {
    render("page", view, seconds, live)
}

/// What changes of it from look to look.
pub(super) fn main_part(view: &View, seconds: f64) -> String {
    render("main", view, seconds, true)
}

fn render(part: &str, view: &View, seconds: f64, live: bool) -> String {
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    let template = environment
        .template_from_str(PAGE)
        .expect("a test renders the page");
    template
        .render(values(part, view, seconds, live))
        .expect("a test renders the page")
}

fn tone(tint: Tint) -> &'static str {
    match tint {
        Tint::Bad => "bad",
        Tint::Good => "good",
        Tint::Plain => "plain",
        Tint::Warn => "warn",
        Tint::Weak => "weak",
    }
}

fn values(part: &str, view: &View, seconds: f64, live: bool) -> Value {
    let members: Vec<Value> = view
        .members
        .iter()
        .map(|member| {
            context! {
                cells => COLUMNS.iter().map(|column| (column.cell)(member)).collect::<Vec<_>>(),
                details => details(member, view.at),
                name => member.name.clone(),
                state => if member.up { "up" } else { "down" },
                tone => tone(condition_tint(member)),
                condition => condition(member),
            }
        })
        .collect();
    let charts: Vec<Value> = CHARTS
        .iter()
        .map(|chart| {
            let lines: Vec<Line<'_>> = view.members.iter().map(|member| Line { name: &member.name, values: (chart.series)(&member.history) }).collect();
            context! { about => chart.about, svg => svg(chart.title, &lines, chart.scale, chart.limit, seconds), title => chart.title }
        })
        .collect();
    let findings: Vec<Value> = view
        .findings
        .iter()
        .map(|finding| context! { grade => finding.grade.word(), next => finding.next.clone(), text => sentence(finding), tone => tone(finding.grade.tint()) })
        .collect();
    context! {
        at => moment(view.at),
        charts,
        cluster => view.cluster.clone(),
        columns => COLUMNS.iter().map(|column| column.title).collect::<Vec<_>>(),
        findings,
        leadership => leadership(view),
        live,
        members,
        membership => membership(view),
        part,
        right => COLUMNS.iter().map(|column| column.right).collect::<Vec<_>>(),
        tone => tone(view.verdict.tint()),
        verdict => view.verdict.word(),
        version => env!("CARGO_PKG_VERSION"),
        watched => super::unit::age(super::unit::whole(view.watched_seconds)),
    }
}
