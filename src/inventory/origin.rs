//! Where the value of a variable comes from, and what it hides.

use std::fmt;

use super::Inventory;
use super::layer::{Level, Var};
use super::value::Value;

/// The place that decides the value of a variable. `line` and `column` are 0 where there is no file.
#[derive(Clone, Debug, PartialEq)]
pub struct Origin {
    pub column: usize,
    pub file: String,
    pub level: Level,
    pub line: usize,
    /// The weaker places that set it too, strongest first.
    pub overridden: Vec<Origin>,
    pub value: Value,
}

impl Origin {
    fn new(level: Level, var: &Var) -> Origin {
        let spot = var.key_at.as_ref();
        Origin {
            column: spot.map_or(0, |spot| spot.column),
            file: spot
                .map(|spot| spot.source.name().to_string())
                .unwrap_or_default(),
            level,
            line: spot.map_or(0, |spot| spot.line),
            overridden: Vec::new(),
            value: var.value.clone(),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.file.as_str(), self.line) {
            ("", _) => self.level.fmt(f),
            (file, 0) => f.write_str(file),
            (file, line) => write!(f, "{file}:{line}:{} ({})", self.column, self.level),
        }
    }
}

impl Inventory {
    /// Where a host's variable comes from; `None` when it is not set.
    #[must_use]
    pub fn origin(&self, host: &str, name: &str) -> Option<Origin> {
        let layers = self.layers(host).into_iter().rev();
        let mut found =
            layers.filter_map(|(level, vars)| Some(Origin::new(level, vars.get(name)?)));
        let mut winner = found.next()?;
        winner.overridden = found.collect();
        Some(winner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_strongest_place_is_named_with_those_it_hides() {
        let yaml = "all:\n  vars: { port: 1 }\n  children:\n    etcd:\n      hosts:\n        h: { port: 3 }\n      vars:\n        port: 2\n";
        let mut inventory = Inventory::parse("t.yml", yaml).unwrap();
        let origin = inventory.origin("h", "port").unwrap();
        assert_eq!(origin.to_string(), "t.yml:6:14 (host h)");
        let hidden: Vec<String> = origin.overridden.iter().map(Origin::to_string).collect();
        assert_eq!(hidden, ["t.yml:8:9 (group etcd)", "t.yml:2:11 (group all)"]);
        assert_eq!(origin.value, Value::Int(3));
        inventory.read_extra(&["port=4".into()]).unwrap();
        assert_eq!(
            inventory.origin("h", "port").unwrap().to_string(),
            "-e port=4"
        );
        assert_eq!(inventory.origin("h", "nope"), None);
    }
}
