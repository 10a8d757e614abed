//! The keys of a case, and how they become what a primitive takes.

use std::collections::BTreeMap;

use etcdsh::host::{Facts, Pretended};
use etcdsh::secret::Secret;
use etcdsh::transport::Output;
use etcdsh::value::{Map, Value};
use serde::Deserialize;
use serde_yaml::Value as Yaml;

/// One call of a primitive. What is wanted is one of `what`, `unchanged` and `error`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Case {
    /// What the host says to the question.
    pub(super) answer: Option<Answer>,
    /// The argument and the map of options; `!secret TEXT` and `!bytes [1, 2]` are values, too.
    args: Vec<Yaml>,
    /// The question: whole as a text, or a list of its parts that matter.
    pub(super) asks: Option<Lines>,
    /// Why, of an error; `null` where no cause is told.
    #[serde(default, deserialize_with = "stated")]
    pub(super) cause: Option<Option<String>>,
    /// Text before and after.
    pub(super) diff: Option<[String; 2]>,
    /// What the change came to; without it the change is only planned.
    pub(super) done: Option<Answer>,
    /// Kind and first line.
    error: Option<[String; 2]>,
    #[serde(default)]
    pub(super) facts: FactsOf,
    pub(super) kind: Kind,
    /// What a dry run has pretended before.
    #[serde(default)]
    pub(super) pretended: Earlier,
    /// What a dry run pretends after it: only what is stated is compared.
    #[serde(default)]
    pub(super) pretends: Earlier,
    result: Option<BTreeMap<String, Yaml>>,
    /// The change: whole as a text, or a list of its parts that matter.
    pub(super) script: Option<Lines>,
    pub(super) shown: Option<String>,
    #[serde(default)]
    unchanged: bool,
    what: Option<Vec<String>>,
}

/// What is tried. The first five each primitive must have.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    /// It is not there.
    Absent,
    /// It is there, and otherwise than is wanted.
    Drifted,
    /// It is there as is wanted.
    Present,
    /// It could not be told.
    Unknown,
    /// A wrong argument: no host is asked.
    Wrong,
    /// The change was tried and did not come true.
    Failed,
}

impl Kind {
    pub(super) const ALL: [Kind; 5] = [
        Kind::Absent,
        Kind::Drifted,
        Kind::Present,
        Kind::Unknown,
        Kind::Wrong,
    ];
}

#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Lines {
    Some(Vec<String>),
    Whole(String),
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Answer {
    status: i32,
    stderr: String,
    stdout: Yaml,
}

impl Answer {
    pub(super) fn output(&self) -> Output {
        Output {
            status: self.status,
            stderr: self.stderr.clone(),
            stdout: match value(&self.stdout) {
                Value::Bytes(bytes) => bytes,
                Value::Null => Vec::new(),
                other => other.as_text().expect("an output is a text").into(),
            },
        }
    }
}

/// A Debian host with systemd where we are root, but for what is stated.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct FactsOf {
    init: String,
    package_tool: String,
    root: String,
    uid: u32,
}

impl Default for FactsOf {
    fn default() -> FactsOf {
        FactsOf {
            init: "systemd".into(),
            package_tool: "apt-get".into(),
            root: String::new(),
            uid: 0,
        }
    }
}

impl FactsOf {
    pub(super) fn read(&self) -> Facts {
        let text = format!(
            "init={}\npackage_tool={}\nid=uid={}(joe) gid=0(joe)\n",
            self.init, self.package_tool, self.uid
        );
        Facts::parse(&text, &self.root).expect("the facts are what a host says")
    }
}

/// What is pretended in a dry run.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Earlier {
    /// Directory, owner, group and mode, as the option `brings` has them.
    brought: BTreeMap<String, (u32, String, String)>,
    enabled: BTreeMap<String, bool>,
    files: BTreeMap<String, Option<String>>,
    /// Files that would be newer than what runs from them; with `files` before the call all are.
    newer: Option<Vec<String>>,
    /// Installed, or removed.
    packages: BTreeMap<String, bool>,
    removed: Vec<String>,
    services: BTreeMap<String, String>,
}

impl Earlier {
    pub(super) fn read(&self) -> Pretended {
        let mut pretended = Pretended::default();
        pretended.brought.extend(self.brought.clone());
        pretended.enabled.extend(self.enabled.clone());
        pretended.packages.extend(self.packages.clone());
        pretended.services.extend(self.services.clone());
        for (path, text) in &self.files {
            pretended.put(path, text.clone(), true);
        }
        for path in &self.removed {
            pretended.remove(path);
        }
        pretended
    }

    pub(super) fn compare(&self, found: &Pretended, said: &str) {
        for (path, text) in &self.files {
            assert_eq!(found.files.get(path), Some(text), "{said}: pretends {path}");
        }
        for (path, brought) in &self.brought {
            assert_eq!(found.brought.get(path), Some(brought), "{said}: {path}");
        }
        for (name, state) in &self.services {
            assert_eq!(found.services.get(name), Some(state), "{said}: {name}");
        }
        for (name, state) in &self.enabled {
            assert_eq!(found.enabled.get(name), Some(state), "{said}: {name}");
        }
        for path in &self.removed {
            assert!(found.is_removed(path), "{said}: {path} would be there");
        }
        for (name, installed) in &self.packages {
            assert_eq!(found.packages.get(name), Some(installed), "{said}: {name}");
        }
        if let Some(newer) = &self.newer {
            let mut found: Vec<&String> = found.newer.iter().collect();
            found.sort();
            assert_eq!(found, newer.iter().collect::<Vec<_>>(), "{said}: newer");
        }
    }
}

pub(super) enum Wanted {
    Change(Vec<String>),
    Error(String, String),
    Unchanged,
}

impl Case {
    /// The one thing that is wanted, and that it goes with the kind of the case.
    pub(super) fn wanted(&self, said: &str) -> Wanted {
        let wanted = match (&self.what, self.unchanged, &self.error) {
            (Some(what), false, None) => Wanted::Change(what.clone()),
            (None, true, None) => Wanted::Unchanged,
            (None, false, Some([kind, what])) => Wanted::Error(kind.clone(), what.clone()),
            _ => panic!("{said}: one of `what`, `unchanged` and `error` is wanted"),
        };
        let fits = match (self.kind, &wanted) {
            (Kind::Wrong, Wanted::Error(kind, _)) => kind == "Config" && self.answer.is_none(),
            (Kind::Unknown, Wanted::Error(kind, _)) => kind == "Unknown",
            (Kind::Wrong | Kind::Unknown, _) => false,
            (Kind::Present, wanted) => matches!(wanted, Wanted::Unchanged),
            (Kind::Failed, wanted) => matches!(wanted, Wanted::Error(..)) && self.done.is_some(),
            (Kind::Absent | Kind::Drifted, Wanted::Error(kind, _)) => kind == "Remote",
            (Kind::Absent | Kind::Drifted, _) => true,
        };
        assert!(fits, "{said}: this is no case of kind {:?}", self.kind);
        wanted
    }

    pub(super) fn call(&self) -> (Value, Map) {
        let options = match self.args.get(1).map(value) {
            None => Map::new(),
            Some(Value::Map(options)) => options,
            Some(other) => panic!("options are a map, not {}", other.type_name()),
        };
        (value(&self.args[0]), options)
    }

    pub(super) fn result(&self) -> Option<Map> {
        let result = self.result.as_ref()?;
        let pairs = result.iter();
        Some(
            pairs
                .map(|(key, yaml)| (key.clone(), value(yaml)))
                .collect(),
        )
    }

    /// The secrets among the arguments.
    pub(super) fn secrets(&self) -> Vec<String> {
        fn all(value: &Value, found: &mut Vec<String>) {
            match value {
                Value::Secret(secret) => found.push(secret.reveal().to_string()),
                Value::List(values) => values.iter().for_each(|value| all(value, found)),
                Value::Map(map) => map.values().for_each(|value| all(value, found)),
                _ => {}
            }
        }
        let mut found = Vec::new();
        self.args
            .iter()
            .for_each(|yaml| all(&value(yaml), &mut found));
        found
    }
}

/// `null` is something that was stated.
fn stated<'de, D: serde::Deserializer<'de>>(key: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(key).map(Some)
}

fn value(yaml: &Yaml) -> Value {
    match yaml {
        Yaml::Null => Value::Null,
        Yaml::Bool(value) => Value::Bool(*value),
        Yaml::Number(number) => number.as_i64().map_or_else(
            || Value::Float(number.as_f64().expect("it is a number")),
            Value::Int,
        ),
        Yaml::String(text) => Value::from(text.as_str()),
        Yaml::Sequence(values) => Value::List(values.iter().map(value).collect()),
        Yaml::Mapping(map) => Value::Map(
            map.iter()
                .map(|(key, yaml)| (key.as_str().expect("a key is a text").into(), value(yaml)))
                .collect(),
        ),
        Yaml::Tagged(tagged) if tagged.tag == "secret" => {
            let text = tagged.value.as_str().expect("a secret is a text");
            Value::Secret(Secret::new(text))
        }
        Yaml::Tagged(tagged) if tagged.tag == "bytes" => {
            let bytes = serde_yaml::from_value(tagged.value.clone());
            Value::Bytes(bytes.expect("bytes are numbers below 256"))
        }
        Yaml::Tagged(tagged) => panic!("there is no tag {}", tagged.tag),
    }
}
