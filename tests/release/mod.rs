//! The real etcd 3.5, 3.6 and 3.7: where a test gets one (tests/tools/etcd-release), and what must be true of every one.
//!
//! Must not know hosts: tests/real/versions.rs has these releases on them. Start reading at [`folder`].

#![allow(clippy::unwrap_used)]

mod defrag;
mod etcdutl;
mod keys;
mod origin;
mod raw;
mod restore;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The release lines that are tested beside Debian's own.
pub(crate) const LINES: [&str; 3] = ["3.5", "3.6", "3.7"];

fn script() -> Command {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tools/etcd-release");
    Command::new(path)
}

/// Is `make torture` running, which takes all releases where `make test` takes a sample?
pub(crate) fn in_full() -> bool {
    std::env::var_os("ETCDSH_TORTURE").is_some_and(|value| !value.is_empty())
}

/// Folder with etcd, etcdctl and etcdutl of a release line, and its full version. Where there is none the test says so and
/// is not run; in CI that is a failure.
pub(crate) fn folder(line: &str) -> Option<(PathBuf, String)> {
    let output = script().arg(line).output().expect("bash runs");
    if output.status.success() {
        let path = PathBuf::from(text(&output.stdout).trim());
        let version = path.file_name().expect("it is named for the version");
        let version = version.to_string_lossy().into_owned();
        return Some((path, version));
    }
    let why = text(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{why}");
    assert!(
        std::env::var_os("CI").is_none_or(|ci| ci.is_empty()),
        "{why}"
    );
    eprintln!("not run: {}", why.trim());
    None
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A PATH with what the script needs, and no Go.
fn bare_path(folder: &Path) -> PathBuf {
    let path = folder.join("bin");
    fs::create_dir(&path).unwrap();
    let programs =
        "bash sh sed env dirname mkdir flock mktemp rm cp mv uname tar gzip tail cat sort head";
    for name in programs.split(' ') {
        let found = Command::new("sh")
            .args(["-c", &format!("command -v {name}")])
            .output()
            .unwrap();
        std::os::unix::fs::symlink(text(&found.stdout).trim(), path.join(name)).unwrap();
    }
    path
}

#[test]
fn a_release_comes_from_path_or_a_tarball_and_else_it_is_said_that_there_is_none() {
    let Some((programs, version)) = folder("3.7") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let path = bare_path(folder.path());
    let tarballs = folder.path().join("tarballs");
    let run = |releases: &str, path: &str| -> Output {
        script()
            .arg("3.7")
            .env("PATH", path)
            .env("GOROOT", folder.path().join("no-go"))
            .env("ETCD_TARBALLS", &tarballs)
            .env("ETCD_RELEASES", folder.path().join(releases))
            .output()
            .unwrap()
    };
    let bare = path.display().to_string();
    let none = run("none", &bare);
    let said = text(&none.stderr);
    assert_eq!(none.status.code(), Some(3), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    for word in [version.as_str(), "no etcd on PATH", ".tar.gz in", "no go"] {
        assert!(said.contains(word), "`{word}` was not said: {said}");
    }
    assert!(!folder.path().join("none").join(&version).exists());

    let with_programs = format!("{}:{bare}", programs.display());
    let name = format!("etcd-v{version}-linux-{}", machine());
    let tar = Command::new("sh")
        .args(["-c", "set -e; mkdir -p \"$1\"; cp -r \"$2\" \"$1/$3\"; cd \"$1\"; tar -czf \"$3.tar.gz\" \"$3\"; rm -r \"$3\"", "tar"])
        .args([&tarballs, &programs])
        .arg(&name)
        .status()
        .unwrap();
    assert!(tar.success());
    for (releases, path) in [("tarball", &bare), ("path", &with_programs)] {
        let made = run(releases, path);
        assert!(made.status.success(), "{}", text(&made.stderr));
        let made = PathBuf::from(text(&made.stdout).trim());
        assert_eq!(made, folder.path().join(releases).join(&version));
        for program in ["etcd", "etcdctl", "etcdutl"] {
            let (ours, theirs) = (made.join(program), programs.join(program));
            assert_eq!(fs::read(ours).unwrap(), fs::read(theirs).unwrap());
        }
    }
}

fn machine() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}
