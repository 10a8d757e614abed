//! The stdlib and the bundled scripts, as they are in the binary.
//!
//! A module of the stdlib is one file or the files of a folder, read as one text in this order. A test compares the
//! lists here with the folders. Must not know what the texts mean.

use std::sync::LazyLock;

type File = (&'static str, &'static str);

macro_rules! files {
    ($($path:literal),* $(,)?) => {
        &[$(($path, include_str!(concat!("../../", $path)))),*]
    };
}

const SCRIPTS: &[File] = files![
    "scripts/etcd.rhai",
    "scripts/etcd-add.rhai",
    "scripts/etcd-check.rhai",
    "scripts/etcd-reload.rhai",
    "scripts/etcd-replace.rhai",
    "scripts/etcd-restart.rhai",
    "scripts/etcd-rm.rhai",
    "scripts/etcd-scale.rhai",
    "scripts/etcd-upgrade.rhai",
    "examples/add-member.rhai",
    "examples/add-member-hooks.rhai",
    "examples/rolling-restart.rhai",
];

/// What is no script and is put on hosts or run there.
const TEXTS: &[File] = files![
    "stdlib/monitor/etcd-overview.json",
    "stdlib/monitor/etcd-rules.yml",
    "stdlib/monitor/get.sh",
    "stdlib/monitor/look.sh",
    "stdlib/monitor/names.sh",
];

/// A module of the stdlib: its name, which is empty for words without a module, and its files.
struct Source {
    files: &'static [File],
    name: &'static str,
}

const STDLIB: &[Source] = &[
    Source {
        files: files![
            "stdlib/etcd/member.rhai",
            "stdlib/etcd/look.rhai",
            "stdlib/etcd/guard.rhai",
            "stdlib/etcd/newcomer.rhai",
            "stdlib/etcd/owner.rhai",
            "stdlib/etcd/place.rhai",
            "stdlib/etcd/mark.rhai",
            "stdlib/etcd/client.rhai",
            "stdlib/etcd/release.rhai",
            "stdlib/etcd/install.rhai",
            "stdlib/etcd/purge.rhai",
            "stdlib/etcd/config.rhai",
            "stdlib/etcd/launch.rhai",
            "stdlib/etcd/plan.rhai",
            "stdlib/etcd/patroni.rhai",
            "stdlib/etcd/step.rhai",
            "stdlib/etcd/touch.rhai",
            "stdlib/etcd/upgrade.rhai",
            "stdlib/etcd/check.rhai",
        ],
        name: "etcd",
    },
    Source {
        files: files!["stdlib/global.rhai"],
        name: "",
    },
    Source {
        files: files![
            "stdlib/monitor/where.rhai",
            "stdlib/monitor/target.rhai",
            "stdlib/monitor/rule.rhai",
            "stdlib/monitor/watch.rhai",
        ],
        name: "monitor",
    },
];

/// A module of the stdlib as it is loaded.
pub struct Module {
    pub name: &'static str,
    /// What it is called in messages of the engine; [`written`] tells the file.
    pub path: String,
    pub text: String,
    files: &'static [File],
}

impl Module {
    /// The text of each of its files, at the lines that it has in the whole.
    pub fn files(&self) -> impl Iterator<Item = String> {
        self.files.iter().scan(0, |before, (_, text)| {
            let lines = "\n".repeat(*before);
            *before += text.lines().count();
            Some(lines + *text)
        })
    }
}

static MODULES: LazyLock<Vec<Module>> = LazyLock::new(|| {
    let whole = |source: &Source| Module {
        name: source.name,
        path: match source.files {
            [(path, _)] => (*path).to_string(),
            _ => format!("stdlib/{}", source.name),
        },
        text: source.files.iter().map(|(_, text)| *text).collect(),
        files: source.files,
    };
    STDLIB.iter().map(whole).collect()
});

/// The modules of the stdlib.
#[must_use]
pub fn modules() -> &'static [Module] {
    &MODULES
}

/// A whole module of the stdlib as one file: `etcd`, `global`, `monitor`.
#[must_use]
pub fn module(name: &str) -> Option<File> {
    let (path, name) = match name {
        "etcd" => ("stdlib/etcd.rhai", "etcd"),
        "global" => ("stdlib/global.rhai", ""),
        "monitor" => ("stdlib/monitor.rhai", "monitor"),
        _ => return None,
    };
    let module = modules().iter().find(|module| module.name == name)?;
    Some((path, &module.text))
}

/// `stdlib/etcd/launch.rhai` and its text, and so on.
pub fn stdlib() -> impl Iterator<Item = File> {
    STDLIB
        .iter()
        .flat_map(|source| source.files.iter().copied())
}

/// The file, and the line in it, of a line of a module.
#[must_use]
pub fn written(path: &str, line: usize) -> Option<(&'static str, usize)> {
    let name = path.strip_prefix("stdlib/")?;
    let source = STDLIB.iter().find(|source| source.name == name)?;
    let mut begin = 0;
    for (file, text) in source.files {
        let length = text.lines().count();
        if line <= begin + length {
            return Some((file, line - begin));
        }
        begin += length;
    }
    None
}

/// The name of the module that a file of the stdlib belongs to; empty for words without a module.
#[must_use]
pub fn module_of(path: &str) -> &'static str {
    let mut sources = STDLIB.iter();
    let source = sources.find(|source| source.files.iter().any(|(file, _)| *file == path));
    source.map_or("", |source| source.name)
}

/// `scripts/etcd.rhai` and its text, and so on.
pub fn scripts() -> impl Iterator<Item = File> {
    SCRIPTS.iter().copied()
}

/// The script embedded under this path.
#[must_use]
pub fn script(path: &str) -> Option<&'static str> {
    scripts()
        .find(|(name, _)| *name == path)
        .map(|(_, text)| text)
}

/// The bundled script that a bare word names: `etcd`, `add-member`.
#[must_use]
pub fn named(word: &str) -> Option<File> {
    scripts().find(|(name, _)| {
        name.rsplit('/')
            .next()
            .is_some_and(|file| file.strip_suffix(".rhai") == Some(word))
    })
}

/// What is no script and is put on hosts: rules and the dashboard, each with a word about it.
pub const PUT: [(&str, &str); 2] = [
    (
        "stdlib/monitor/etcd-overview.json",
        "the dashboard ETCD Overview, for Grafana.",
    ),
    (
        "stdlib/monitor/etcd-rules.yml",
        "the recording and alert rules, for Prometheus.",
    ),
];

/// The text of anything embedded, such as `stdlib/monitor/etcd-rules.yml`; of a module with `stdlib/etcd`.
#[must_use]
pub fn any(path: &str) -> Option<&'static str> {
    let file = || {
        let mut files = stdlib().chain(TEXTS.iter().copied());
        files.find(|(name, _)| *name == path).map(|(_, text)| text)
    };
    let module = || {
        let bare = path.trim_end_matches(".rhai");
        let mut modules = modules().iter();
        let module = modules.find(|module| module.path.trim_end_matches(".rhai") == bare);
        module.map(|module| module.text.as_str())
    };
    script(path).or_else(file).or_else(module)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_folders_is_embedded() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
        for folder in [
            "examples",
            "scripts",
            "stdlib",
            "stdlib/etcd",
            "stdlib/monitor",
        ] {
            for entry in std::fs::read_dir(root.join(folder)).expect("the folder is there") {
                let entry = entry.expect("it reads");
                let path = format!("{folder}/{}", entry.file_name().to_string_lossy());
                let inventory = folder == "examples" && path.strip_suffix(".yml").is_some();
                if entry.path().is_file() && !inventory {
                    assert!(
                        any(&path).is_some(),
                        "{path} is not in src/script/embedded.rs"
                    );
                }
            }
        }
    }

    #[test]
    fn a_line_of_a_module_is_one_of_a_file() {
        let module = modules().iter().find(|module| module.name == "etcd");
        let module = module.expect("there is `etcd`");
        for (number, line) in module.text.lines().enumerate() {
            let (file, at) = written(&module.path, number + 1).expect("it is in a file");
            let text = any(file).expect("the file is there");
            assert_eq!(text.lines().nth(at - 1), Some(line), "{file}:{at}");
        }
        assert_eq!(written("stdlib/global.rhai", 1), None);
    }
}
