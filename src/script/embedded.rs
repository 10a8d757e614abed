//! The stdlib and the bundled scripts, as they are in the binary.

use include_dir::{Dir, include_dir};

static EXAMPLES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/examples");
static SCRIPTS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/scripts");
static STDLIB: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/stdlib");

fn files(
    folder: &'static Dir<'_>,
    name: &'static str,
) -> impl Iterator<Item = (&'static str, &'static str)> {
    let mut files: Vec<_> = folder
        .files()
        .filter_map(|file| Some((file.path().to_str()?, file.contents_utf8()?)))
        .filter(|(path, _)| path.ends_with(".rhai"))
        .collect();
    files.sort_unstable();
    // One leak per file and process: the names live as long as the binary's own text.
    files
        .into_iter()
        .map(move |(path, text)| (&*Box::leak(format!("{name}/{path}").into_boxed_str()), text))
}

/// `stdlib/etcd.rhai` and its text, and so on.
pub fn stdlib() -> impl Iterator<Item = (&'static str, &'static str)> {
    files(&STDLIB, "stdlib")
}

/// `scripts/etcd.rhai` and its text, and so on.
pub fn scripts() -> impl Iterator<Item = (&'static str, &'static str)> {
    files(&SCRIPTS, "scripts").chain(files(&EXAMPLES, "examples"))
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
pub fn named(word: &str) -> Option<(&'static str, &'static str)> {
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

/// The text of anything embedded, such as `stdlib/monitor/etcd-rules.yml`.
#[must_use]
pub fn any(path: &str) -> Option<&'static str> {
    let other = || {
        STDLIB
            .get_file(path.strip_prefix("stdlib/")?)?
            .contents_utf8()
    };
    script(path)
        .or_else(|| {
            stdlib()
                .find(|(name, _)| *name == path)
                .map(|(_, text)| text)
        })
        .or_else(other)
}
