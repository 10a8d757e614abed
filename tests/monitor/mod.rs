//! What is shipped for Prometheus and Grafana: rules that Prometheus's own tool accepts and tries, and the dashboard.
//!
//! Rules: `rules.yml` beside this file is a plain input of `promtool test rules`. Dashboard: `overview.yml` is its short
//! form and `generate.rs` makes the JSON. On real hosts both are tried by tests/real/monitor.rs.

#![allow(clippy::unwrap_used)]

mod generate;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use regex::Regex;
use serde_json::Value;

pub(crate) const RULES: &str = "stdlib/monitor/etcd-rules.yml";
pub(crate) const DASHBOARD: &str = "stdlib/monitor/etcd-overview.json";

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn yaml(path: &str) -> Value {
    serde_yaml::from_str(&read(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn promtool(args: &[&str], folder: &Path) -> Output {
    static TOOL: OnceLock<PathBuf> = OnceLock::new();
    let tool = TOOL.get_or_init(|| {
        let output = Command::new(root().join("tests/tools/promtool"))
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        PathBuf::from(String::from_utf8(output.stdout).unwrap().trim())
    });
    Command::new(tool)
        .args(args)
        .current_dir(folder)
        .output()
        .unwrap()
}

fn said(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

fn list<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    value[key].as_array().into_iter().flatten()
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

fn rules() -> Vec<Value> {
    yaml(RULES)["groups"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|group| list(group, "rules").cloned().collect::<Vec<_>>())
        .collect()
}

fn alerts() -> Vec<Value> {
    rules()
        .into_iter()
        .filter(|rule| rule["alert"].is_string())
        .collect()
}

#[test]
fn the_rules_are_accepted_by_prometheus() {
    let output = promtool(&["check", "rules", RULES], &root());
    assert!(output.status.success(), "{}", said(&output));
}

/// The alert that a case asks for, when it is fired, and whether it is expected to fire.
fn cases() -> Vec<(String, String, bool, Value)> {
    let alert = Regex::new(r#"alertname="(\w+)""#).unwrap();
    let tests = yaml("tests/monitor/rules.yml");
    let mut found = Vec::new();
    for test in list(&tests, "tests") {
        for case in list(test, "promql_expr_test") {
            let Some(name) = alert.captures(text(case, "expr")) else {
                continue;
            };
            found.push((
                name[1].to_string(),
                text(case, "eval_time").to_string(),
                list(case, "exp_samples").next().is_some(),
                test.clone(),
            ));
        }
    }
    found
}

#[test]
fn each_alert_fires_and_stays_silent_when_it_should() {
    let output = promtool(
        &["test", "rules", "rules.yml"],
        &root().join("tests/monitor"),
    );
    assert!(output.status.success(), "{}", said(&output));
    let mut seen: BTreeMap<String, [bool; 2]> = alerts()
        .iter()
        .map(|rule| (text(rule, "alert").to_string(), [false; 2]))
        .collect();
    for (alert, _, fires, _) in cases() {
        seen.get_mut(&alert)
            .unwrap_or_else(|| panic!("there is no alert `{alert}`"))[usize::from(fires)] = true;
    }
    let lacking: Vec<_> = seen
        .iter()
        .filter(|(_, both)| **both != [true; 2])
        .map(|(name, _)| name)
        .collect();
    assert!(
        lacking.is_empty(),
        "without a case that fires and one that is silent: {lacking:?}"
    );
}

/// promtool says what it got when nothing is expected: so the texts of an alert are seen as Prometheus makes them.
#[test]
fn the_texts_of_each_alert_name_the_member_and_the_next_thing_to_type() {
    let mut tests = Vec::new();
    let mut named = BTreeSet::new();
    for (alert, at, fires, test) in cases() {
        if !fires || !named.insert(alert.clone()) {
            continue;
        }
        let mut test = test;
        test.as_object_mut().unwrap().remove("promql_expr_test");
        test["alert_rule_test"] =
            serde_json::json!([{ "alertname": alert, "eval_time": at, "exp_alerts": [] }]);
        tests.push(test);
    }
    assert_eq!(named.len(), alerts().len());
    let mut whole = yaml("tests/monitor/rules.yml");
    whole["rule_files"] = serde_json::json!([root().join(RULES)]);
    whole["tests"] = tests.into();
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("texts.yml"), whole.to_string()).unwrap();
    let said = said(&promtool(&["test", "rules", "texts.yml"], folder.path()));
    let summary = Regex::new(r#"summary="([^"]*)""#).unwrap();
    let summaries: Vec<&str> = summary
        .captures_iter(&said)
        .map(|found| found.get(1).unwrap().as_str())
        .collect();
    let place = Regex::new(r"\betcd(-\d)?\b|\bother\b|prometheus|short").unwrap();
    for alert in &named {
        let own: Vec<_> = summaries
            .iter()
            .filter(|summary| summary.contains(&format!("{alert}:")))
            .collect();
        assert!(!own.is_empty(), "{alert} has no summary\n{said}");
        for summary in own {
            assert!(
                place.is_match(summary) && !summary.contains("expanding"),
                "{summary}"
            );
        }
    }
    for rule in alerts() {
        let (name, notes) = (text(&rule, "alert"), &rule["annotations"]);
        let (level, severity) = (
            text(&rule["labels"], "level"),
            text(&rule["labels"], "severity"),
        );
        assert!(
            [("0", "CRIT"), ("1", "WARN"), ("2", "INFO")].contains(&(level, severity)),
            "{name}: {level} {severity}"
        );
        assert_eq!(text(&rule["labels"], "category"), "etcd", "{name}");
        assert!(
            text(notes, "summary").starts_with(&format!("{severity} {name}: ")),
            "{name}"
        );
        let last = text(notes, "description")
            .lines()
            .last()
            .unwrap_or_default();
        assert!(
            last.starts_with("etcdsh "),
            "{name}: its description ends with what to type, not with `{last}`"
        );
    }
}

#[test]
fn every_alert_is_in_the_manual() {
    let page = read("docs/monitoring.md");
    for rule in alerts() {
        let name = text(&rule, "alert");
        assert!(
            page.contains(&format!("| `{name}` |")),
            "docs/monitoring.md has no row for {name}"
        );
    }
}

pub(crate) fn dashboard() -> Value {
    serde_json::from_str(&read(DASHBOARD)).unwrap()
}

fn panels(dashboard: &Value) -> Vec<Value> {
    list(dashboard, "panels")
        .flat_map(|panel| {
            std::iter::once(panel.clone()).chain(list(panel, "panels").cloned().collect::<Vec<_>>())
        })
        .collect()
}

/// Title and expression of each query that goes to Prometheus.
pub(crate) fn expressions() -> Vec<(String, String)> {
    let mut found = Vec::new();
    for panel in panels(&dashboard()) {
        for target in list(&panel, "targets")
            .filter(|target| text(&target["datasource"], "type") == "prometheus")
        {
            found.push((
                text(&panel, "title").to_string(),
                text(target, "expr").to_string(),
            ));
        }
    }
    found
}

#[test]
fn the_dashboard_is_fresh() {
    let made = generate::dashboard(&yaml("tests/monitor/overview.yml"));
    if std::env::var_os("ETCDSH_WRITE").is_some() {
        fs::write(root().join(DASHBOARD), &made).unwrap();
    }
    assert!(
        made == read(DASHBOARD),
        "{DASHBOARD} is stale: ETCDSH_WRITE=1 cargo test the_dashboard_is_fresh"
    );
}

#[test]
fn panels_have_ids_of_their_own_and_do_not_overlap() {
    let dashboard = dashboard();
    assert_eq!(dashboard["title"], "ETCD Overview");
    let panels = panels(&dashboard);
    let rows: Vec<&str> = panels
        .iter()
        .filter(|panel| panel["type"] == "row")
        .map(|panel| text(panel, "title"))
        .collect();
    for row in [
        "Overview",
        "Alerts",
        "Metrics",
        "gRPC",
        "Disk",
        "MVCC",
        "Certificates and members",
        "Logs",
    ] {
        assert!(rows.contains(&row), "no row {row}");
    }
    let mut ids = BTreeSet::new();
    let mut taken: BTreeMap<(u64, u64), String> = BTreeMap::new();
    for panel in &panels {
        let title = text(panel, "title").to_string();
        assert!(
            !title.is_empty() && ids.insert(panel["id"].as_u64().unwrap()),
            "{title}: its id is not its own"
        );
        let place = |key: &str| panel["gridPos"][key].as_u64().unwrap();
        let (x, y, w, h) = (place("x"), place("y"), place("w"), place("h"));
        assert!(w > 0 && h > 0 && x + w <= 24, "{title} leaves the grid");
        for cell in (x..x + w).flat_map(|column| (y..y + h).map(move |line| (column, line))) {
            if let Some(other) = taken.insert(cell, title.clone()) {
                panic!("{title} lies on {other}");
            }
        }
        assert!(
            panel["type"] == "row" || text(panel, "description").len() > 40,
            "{title}: a description says what a bad value means"
        );
    }
}

/// Every place where Grafana takes a data source.
fn sources<'a>(value: &'a Value, found: &mut Vec<&'a Value>) {
    match value {
        Value::Object(map) => {
            found.extend(map.get("datasource"));
            map.values().for_each(|value| sources(value, found));
        }
        Value::Array(items) => items.iter().for_each(|value| sources(value, found)),
        _ => {}
    }
}

#[test]
fn every_data_source_is_a_variable() {
    let dashboard = dashboard();
    let variables: BTreeMap<String, Value> = list(&dashboard["templating"], "list")
        .map(|variable| (format!("${}", text(variable, "name")), variable.clone()))
        .collect();
    let mut found = Vec::new();
    sources(&dashboard, &mut found);
    assert!(found.len() > 100, "{}", found.len());
    for source in found {
        let variable = &variables[text(source, "uid")];
        assert_eq!(
            (text(variable, "type"), text(variable, "query")),
            ("datasource", text(source, "type")),
            "{source}"
        );
    }
    let used = Regex::new(r"\$(\w+)").unwrap();
    for (title, expression) in expressions() {
        for name in used.captures_iter(&expression) {
            assert!(
                name[1].starts_with("__") || variables.contains_key(&name[0]),
                "{title}: there is no variable {}",
                &name[0]
            );
        }
    }
}

/// Names of recording rules and alerts that a panel asks for are there.
#[test]
fn panels_ask_for_recorded_names_that_there_are() {
    let known: BTreeSet<String> = rules()
        .iter()
        .map(|rule| text(rule, "record").to_string())
        .collect();
    let written = [
        "etcd:ins:expected",
        "etcd:ins:cert_not_after",
        "etcd:ins:cert_not_before",
    ];
    let name = Regex::new(r"etcd:\w+:\w+").unwrap();
    let asked = expressions().into_iter().chain(
        rules()
            .into_iter()
            .map(|rule| ("a rule".to_string(), text(&rule, "expr").to_string())),
    );
    for (title, expression) in asked {
        for found in name.find_iter(&expression) {
            assert!(
                known.contains(found.as_str()) || written.contains(&found.as_str()),
                "{title}: nothing records {}",
                found.as_str()
            );
        }
    }
}
