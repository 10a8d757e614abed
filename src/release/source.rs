//! What a source is: a folder, or a tarball here or behind an URL; and the proof of a tarball.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::{
    Bundle, Machine, PROGRAMS, Program, Release, Wanted, contents, digest, found, keep,
    refuse_other,
};
use crate::error::{Error, Kind, Result};
use crate::{etcd, http};

/// How long a download may take.
const PATIENCE: Duration = Duration::from_mins(10);

/// How often a server may send us on to another address.
const TURNS: usize = 5;

/// The bundle of what was asked for.
pub(super) fn open(wanted: &Wanted, beside: &Path) -> Result<Bundle> {
    let bundle = if wanted.source.starts_with("http://") || wanted.source.starts_with("https://") {
        of_url(wanted)?
    } else {
        let path = beside.join(&wanted.source);
        match std::fs::metadata(&path) {
            Ok(about) if about.is_dir() => of_folder(wanted, &path)?,
            Ok(_) => of_file(wanted, &path)?,
            Err(error) => {
                return Err(Error::config(format!("`etcd_source` names `{}`", path.display()))
                    .because(error.to_string())
                    .hint("name a folder with etcd and etcdctl, a tarball of a release, its URL, or `package`"));
            }
        }
    };
    refuse_other(&bundle.version, wanted)?;
    Ok(bundle)
}

/// A folder is what the operator made: nothing else can prove it.
fn of_folder(wanted: &Wanted, path: &Path) -> Result<Bundle> {
    let mut programs = Vec::new();
    for name in PROGRAMS {
        let file = path.join(name);
        match std::fs::read(&file) {
            Ok(content) => programs.push(Program { content, name }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && name == "etcdutl" => {}
            Err(error) => {
                return Err(Error::config(format!("cannot read `{}`", file.display()))
                    .because(error.to_string())
                    .hint("`etcd_source` is a folder with etcd and etcdctl in it"));
            }
        }
    }
    let all: String = programs
        .iter()
        .map(|program| digest(&program.content))
        .collect();
    let key = digest(all.as_bytes());
    if let Some(bundle) = found(wanted.machine, &key)? {
        return Ok(bundle);
    }
    let version = version_of(wanted, &path.join("etcd"), &programs[0])?;
    taken(wanted, &Release { programs, version }, &key, None)
}

/// What a program says of itself, where this machine can run it.
fn version_of(wanted: &Wanted, path: &Path, program: &Program) -> Result<String> {
    let runs =
        Machine::own().is_ok_and(|own| Machine::of_program(&program.content) == Some(Ok(own)));
    let said = runs
        .then(|| Command::new(path).arg("--version").output().ok())
        .flatten()
        .map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    let version = said.as_deref().and_then(|said| {
        let line = said
            .lines()
            .find_map(|line| line.strip_prefix("etcd Version: "))?;
        Some(line.trim().to_string())
    });
    match (version, stated_version(wanted)) {
        (Some(version), _) => Ok(version),
        (None, Some(stated)) if !runs => Ok(stated),
        (None, _) => Err(Error::config(format!(
            "cannot tell which release `{}` is",
            path.display()
        ))
        .because(if runs {
            "it does not say so, called with --version"
        } else {
            "it is for another machine than this one"
        })
        .hint("say it: -e etcd_version=3.6.16")),
    }
}

fn of_file(wanted: &Wanted, path: &Path) -> Result<Bundle> {
    let unreadable_file = |error: std::io::Error| {
        Error::config(format!("cannot read `{}`", path.display())).because(error.to_string())
    };
    let bytes = std::fs::read(path).map_err(unreadable_file)?;
    let beside = path.with_file_name("SHA256SUMS");
    let sums = match std::fs::read_to_string(&beside) {
        Ok(sums) => Some(sums),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => return Err(unreadable_file(error)),
    };
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let published = sums
        .as_deref()
        .and_then(|sums| contents::listed(sums, &name));
    of_tarball(wanted, &bytes, published.as_deref())
}

fn of_url(wanted: &Wanted) -> Result<Bundle> {
    let bare = wanted.source.split(['?', '#']).next().unwrap_or_default();
    let (folder, name) = bare.rsplit_once('/').unwrap_or((bare, ""));
    let published = match &wanted.sha256 {
        Some(_) => None,
        None => download(&format!("{folder}/SHA256SUMS"))?
            .and_then(|sums| contents::listed(&String::from_utf8_lossy(&sums), name)),
    };
    // What has this digest was fetched before.
    if let Some(digest) = wanted.sha256.as_ref().or(published.as_ref())
        && let Some(bundle) = found(wanted.machine, &digest.to_lowercase())?
    {
        return Ok(bundle);
    }
    let bytes = download(&wanted.source)?.ok_or_else(|| {
        Error::new(Kind::Remote, format!("`{bare}` is not there"))
            .hint("etcdsh -e etcd_source=package etcd   # or another address, or a file")
    })?;
    of_tarball(wanted, &bytes, published.as_deref())
}

/// What lies behind an address; `None` where the server says that there is nothing.
fn download(url: &str) -> Result<Option<Vec<u8>>> {
    let mut url = url.to_string();
    for _ in 0..TURNS {
        let call = http::Call {
            body: Vec::new(),
            headers: Vec::new(),
            method: "GET".into(),
            timeout: PATIENCE,
            tls: etcd::Config {
                system_roots: true,
                ..etcd::Config::default()
            },
            url: url.clone(),
        };
        let answer = http::call(&call)?;
        let onwards = answer.headers.iter().find(|(name, _)| name == "location");
        match (answer.status, onwards) {
            (200, _) => return Ok(Some(answer.body)),
            (404 | 410, _) => return Ok(None),
            (301 | 302 | 303 | 307 | 308, Some((_, place))) if place.starts_with("http") => {
                if url.starts_with("https://") && !place.starts_with("https://") {
                    return Err(
                        Error::new(Kind::Remote, format!("`{}` failed", call.shown()))
                            .because("the server sends us on to an address without TLS"),
                    );
                }
                url.clone_from(place);
            }
            (status, _) => {
                return Err(
                    Error::new(Kind::Remote, format!("`{}` failed", call.shown()))
                        .because(format!("the server answers {status}")),
                );
            }
        }
    }
    Err(Error::new(Kind::Remote, format!("`{url}` failed"))
        .because(format!("the server sends us on more than {TURNS} times")))
}

/// A tarball is taken when it is what was published, or proves itself as a bundle does.
fn of_tarball(wanted: &Wanted, bytes: &[u8], published: Option<&str>) -> Result<Bundle> {
    let key = digest(bytes);
    let stated = wanted.sha256.as_ref().map(|text| text.to_lowercase());
    let right = match (&stated, published) {
        (Some(right), _) => Some(("`etcd_sha256`", right.as_str())),
        (None, Some(right)) => Some(("SHA256SUMS", right)),
        (None, None) => None,
    };
    if let Some((who, right)) = right.filter(|(_, right)| *right != key) {
        let what = format!("`{}` is not what was published", wanted.source);
        return Err(Error::config(what)
            .because(format!("its SHA-256 is {key}, and {who} says {right}"))
            .hint("fetch it anew"));
    }
    if let Some(bundle) = found(wanted.machine, &key)? {
        return Ok(bundle);
    }
    let unreadable = |error: std::io::Error| {
        let what = format!("`{}` is no tarball of a release of etcd", wanted.source);
        Error::config(what).because(error.to_string())
    };
    let is_bundle = contents::proves_itself(bytes).map_err(unreadable)?;
    if right.is_none() && !is_bundle {
        let what = format!(
            "nothing says that `{}` is what was published",
            wanted.source
        );
        return Err(Error::config(what)
            .because("no SHA256SUMS that names it lies beside it, and `etcd_sha256` is not set")
            .hint(format!(
                "-e etcd_sha256={key}   # when the release says the same"
            )));
    }
    let (programs, version) = contents::read(bytes).map_err(unreadable)?;
    let has = |name| programs.iter().any(|program| program.name == name);
    if !has("etcd") || !has("etcdctl") {
        let what = format!("`{}` has no etcd and etcdctl in it", wanted.source);
        return Err(Error::config(what));
    }
    let version = version.or_else(|| stated_version(wanted)).ok_or_else(|| {
        Error::config(format!("cannot tell which release `{}` is", wanted.source))
            .because("its folder is not called as etcd's releases are")
            .hint("say it: -e etcd_version=3.6.16")
    })?;
    taken(
        wanted,
        &Release { programs, version },
        &key,
        is_bundle.then_some(bytes),
    )
}

/// The whole number of a release, where one was asked for.
fn stated_version(wanted: &Wanted) -> Option<String> {
    let stated = wanted.version.as_deref()?.trim_start_matches('v');
    (stated.split('.').count() == 3).then(|| stated.to_string())
}

/// Keep what is for the right machine: a bundle as it is, anything else packed anew.
fn taken(wanted: &Wanted, release: &Release, key: &str, packed: Option<&[u8]>) -> Result<Bundle> {
    let machine = wanted.machine.name();
    for program in &release.programs {
        let is_for = match Machine::of_program(&program.content) {
            Some(Ok(machine)) if machine == wanted.machine => continue,
            Some(Ok(machine)) => format!("is for {}", machine.name()),
            Some(Err(number)) => format!("is for a machine of another kind ({number})"),
            None => "is no program".into(),
        };
        let what = format!("{} of `{}` {is_for}", program.name, wanted.source);
        return Err(Error::config(what)
            .because(format!("the host is {machine}"))
            .hint(format!(
                "name the release for linux-{machine} in `etcd_source`"
            )));
    }
    keep(release, wanted.machine, key, packed)
}
