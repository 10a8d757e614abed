//! Writes the dashboard from its short form, `overview.yml`: places, ids, units, colours and the rest of Grafana's JSON.

use serde_json::{Map, Value, json};

const WIDTH: u64 = 24;

fn text<'a>(panel: &'a Value, key: &str) -> &'a str {
    panel[key].as_str().unwrap_or_default()
}

/// `@` and `%` become the labels of the chosen members, or of the chosen cluster.
fn expression(short: &str) -> String {
    short
        .replace("{@", "{job=\"etcd\", cls=\"$cls\", ins=~\"$ins\"")
        .replace("{%", "{cls=\"$cls\"")
}

fn source(panel: &Value) -> Value {
    if panel["logs"] == true {
        json!({ "type": "loki", "uid": "$logs" })
    } else {
        json!({ "type": "prometheus", "uid": "$ds" })
    }
}

fn targets(panel: &Value) -> Vec<Value> {
    let table = text(panel, "kind") == "table";
    let now = table || ["stat", "gauge"].contains(&text(panel, "kind"));
    let queries = panel["queries"].as_array().expect("a panel has queries");
    let target = |(index, query): (usize, &Value)| {
        let letter = char::from(b'A' + u8::try_from(index).expect("few queries")).to_string();
        let mut target = json!({ "datasource": source(panel), "expr": expression(text(query, "expr")), "refId": letter });
        if let Some(name) = query["name"].as_str() {
            target["legendFormat"] = name.into();
        }
        if now {
            target["instant"] = true.into();
        }
        if table {
            target["format"] = "table".into();
        }
        target
    };
    queries.iter().enumerate().map(target).collect()
}

fn steps(panel: &Value) -> Value {
    let Some(steps) = panel["steps"].as_array() else {
        return json!([{ "color": "blue", "value": null }]);
    };
    steps
        .iter()
        .map(|step| json!({ "color": step[1], "value": step[0] }))
        .collect()
}

/// Words for values, in Grafana's form.
fn mappings(words: &Value) -> Value {
    let Some(words) = words.as_object() else {
        return json!([]);
    };
    let options: Map<String, Value> = words
        .iter()
        .enumerate()
        .map(|(index, (value, text))| (value.clone(), json!({ "index": index, "text": text })))
        .collect();
    json!([{ "options": options, "type": "value" }])
}

fn defaults(panel: &Value) -> Value {
    let mut defaults = json!({ "color": { "mode": "thresholds" }, "mappings": mappings(&panel["mappings"]), "thresholds": { "mode": "absolute", "steps": steps(panel) } });
    for key in ["unit", "decimals"] {
        if !panel[key].is_null() {
            defaults[key] = panel[key].clone();
        }
    }
    if let Some(range) = panel["range"].as_array() {
        (defaults["min"], defaults["max"]) = (range[0].clone(), range[1].clone());
    }
    match text(panel, "kind") {
        "timeseries" => {
            let line = if panel["steps"].is_null() {
                "off"
            } else {
                "dashed"
            };
            defaults["color"] = json!({ "mode": "palette-classic" });
            defaults["custom"] = json!({ "fillOpacity": 8, "lineWidth": 1, "showPoints": "never", "spanNulls": false, "thresholdsStyle": { "mode": line } });
        }
        "state" => defaults["custom"] = json!({ "fillOpacity": 80, "lineWidth": 0 }),
        _ => {}
    }
    defaults
}

fn overrides(panel: &Value) -> Vec<Value> {
    let mut found = Vec::new();
    let mut of = |name: &str, id: &str, value: Value| {
        found.push(json!({ "matcher": { "id": "byName", "options": name }, "properties": [{ "id": id, "value": value }] }));
    };
    for (name, unit) in panel["units"].as_object().into_iter().flatten() {
        of(name, "unit", unit.clone());
    }
    for (name, words) in panel["mapped"].as_object().into_iter().flatten() {
        of(name, "mappings", mappings(words));
    }
    if let Some(name) = panel["colored"].as_str() {
        of(name, "custom.cellOptions", json!({ "type": "color-text" }));
        of(name, "decimals", json!(0));
    }
    found
}

fn options(panel: &Value) -> Value {
    let last = json!({ "calcs": ["lastNotNull"], "fields": "", "values": false });
    match text(panel, "kind") {
        "stat" => {
            let mode = if panel["text"].is_null() {
                "value"
            } else {
                text(panel, "text")
            };
            json!({ "colorMode": "value", "graphMode": "none", "justifyMode": "center", "orientation": "auto", "reduceOptions": last, "textMode": mode })
        }
        "gauge" => {
            json!({ "reduceOptions": last, "showThresholdLabels": false, "showThresholdMarkers": true })
        }
        "state" => {
            json!({ "alignValue": "left", "legend": { "displayMode": "list", "placement": "bottom", "showLegend": false }, "mergeValues": true, "rowHeight": 0.8, "showValue": "auto" })
        }
        "table" => json!({ "cellHeight": "sm", "showHeader": true }),
        "logs" => {
            json!({ "enableLogDetails": true, "showTime": true, "sortOrder": "Descending", "wrapLogMessage": true })
        }
        _ => {
            json!({ "legend": { "calcs": [], "displayMode": "list", "placement": "bottom", "showLegend": true }, "tooltip": { "mode": "multi", "sort": "desc" } })
        }
    }
}

/// A table has one row for each member, and only the columns that are named, in their order.
fn transformations(panel: &Value) -> Value {
    let Some(columns) = panel["columns"].as_object() else {
        return json!([]);
    };
    let several = panel["queries"]
        .as_array()
        .is_some_and(|queries| queries.len() > 1);
    let order: Map<String, Value> = columns
        .keys()
        .enumerate()
        .map(|(index, name)| (name.clone(), index.into()))
        .collect();
    let mut steps = Vec::new();
    if several {
        steps
            .push(json!({ "id": "joinByField", "options": { "byField": "ins", "mode": "outer" } }));
    } else {
        steps.push(json!({ "id": "merge", "options": {} }));
    }
    steps.push(json!({ "id": "filterFieldsByName", "options": { "include": { "names": columns.keys().collect::<Vec<_>>() } } }));
    steps.push(
        json!({ "id": "organize", "options": { "indexByName": order, "renameByName": columns } }),
    );
    steps.into()
}

fn panel(short: &Value, id: u64, place: [u64; 4]) -> Value {
    let kind = match text(short, "kind") {
        "state" => "state-timeline",
        kind => kind,
    };
    json!({
        "id": id,
        "type": kind,
        "title": short["title"],
        "description": short["doc"],
        "datasource": source(short),
        "gridPos": { "x": place[0], "y": place[1], "w": place[2], "h": place[3] },
        "targets": targets(short),
        "fieldConfig": { "defaults": defaults(short), "overrides": overrides(short) },
        "options": options(short),
        "transformations": transformations(short),
    })
}

fn panels(short: &Value) -> Vec<Value> {
    let (mut made, mut id, mut top) = (Vec::new(), 0, 0);
    let mut next = || {
        id += 1;
        id
    };
    for row in short["rows"].as_array().expect("rows") {
        made.push(json!({ "id": next(), "type": "row", "title": row["title"], "collapsed": false, "gridPos": { "x": 0, "y": top, "w": WIDTH, "h": 1 }, "panels": [] }));
        top += 1;
        let (mut left, mut height) = (0, 0);
        for short in row["panels"].as_array().expect("panels") {
            let [w, h] = [0, 1].map(|index| short["size"][index].as_u64().expect("a size"));
            if left + w > WIDTH {
                (left, top, height) = (0, top + height, 0);
            }
            made.push(panel(short, next(), [left, top, w, h]));
            (left, height) = (left + w, height.max(h));
        }
        top += height;
    }
    made
}

fn variables() -> Value {
    let source = |name: &str, label: &str, kind: &str| json!({ "name": name, "label": label, "type": "datasource", "query": kind, "regex": "", "current": {}, "options": [], "hide": 0, "refresh": 1 });
    let labels = |name: &str, label: &str, query: &str, all: bool| {
        let source = json!({ "type": "prometheus", "uid": "$ds" });
        let asked = json!({ "qryType": 1, "query": query, "refId": "PrometheusVariableQueryEditor-VariableQuery" });
        let mut variable = json!({ "name": name, "label": label, "type": "query", "datasource": source, "definition": query, "query": asked,
            "regex": "", "current": {}, "options": [], "hide": 0, "refresh": 2, "sort": 1, "multi": all, "includeAll": all });
        if all {
            variable["allValue"] = ".*".into();
            variable["current"] = json!({ "text": ["All"], "value": ["$__all"] });
        }
        variable
    };
    let selector = "unit=\"etcd.service\"";
    let chosen = json!({ "selected": true, "text": selector, "value": selector });
    json!([
        source("ds", "metrics", "prometheus"),
        source("logs", "logs", "loki"),
        labels("cls", "cluster", "label_values(up{job=\"etcd\"}, cls)", false),
        labels("ins", "members", "label_values(up{job=\"etcd\", cls=\"$cls\"}, ins)", true),
        { "name": "log_selector", "label": "log selector", "type": "textbox", "query": selector, "current": chosen.clone(), "options": [chosen], "hide": 0 },
    ])
}

/// The dashboard of a short form; a line for each panel, so that a diff shows which one has changed.
pub(super) fn dashboard(short: &Value) -> String {
    let whole = json!({
        "title": "ETCD Overview",
        "description": "Overview of the ETCD cluster; managed by etcdsh, a change here is overwritten by the next run",
        "uid": "etcdsh-etcd-overview",
        "tags": ["etcd", "etcdsh"],
        "schemaVersion": 39,
        "version": 1,
        "editable": true,
        "graphTooltip": 1,
        "refresh": "15s",
        "time": { "from": "now-1h", "to": "now" },
        "timezone": "browser",
        "annotations": { "list": [] },
        "links": [],
        "templating": { "list": variables() },
        "panels": panels(short),
    });
    let entry = |(key, value): (&String, &Value)| match (key.as_str(), value) {
        ("panels", Value::Array(panels)) => format!(
            "\"{key}\": [\n{}\n]",
            panels
                .iter()
                .map(Value::to_string)
                .collect::<Vec<_>>()
                .join(",\n")
        ),
        _ => format!("\"{key}\": {value}"),
    };
    format!(
        "{{\n{}\n}}\n",
        whole
            .as_object()
            .into_iter()
            .flatten()
            .map(entry)
            .collect::<Vec<_>>()
            .join(",\n")
    )
}
