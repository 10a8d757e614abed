//! Where `export` and `snapshot save` write: into what is no regular file, and never over it. And how the program ends whose output is not
//! read, and under which names it is etcdctl.

use std::os::unix::fs::{FileTypeExt, MetadataExt, symlink};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use super::server::{Release, program};
use crate::etcd_client::raw::e;
use crate::etcd_client::server::Server;

fn ours(server: &Server, words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_etcdsh"))
        .arg("e")
        .args(words)
        .arg(format!("--endpoints={}", server.endpoint))
        .current_dir(server.folder.path())
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn is_device(path: &Path) -> bool {
    std::fs::symlink_metadata(path)
        .unwrap()
        .file_type()
        .is_char_device()
}

#[test]
fn a_device_stays_one_and_a_link_leads_on() {
    let server = Server::alone(None);
    e(&server.client(), &["put", "a", "1"]).unwrap();
    let at = |name: &str| server.folder.path().join(name);
    // A device of our own: the machine's must not be lost when this fails.
    let null = at("null");
    let made = Command::new("mknod")
        .arg(&null)
        .args(["c", "1", "3"])
        .output();
    if made.unwrap().status.success() {
        for words in [
            ["export", "", "null"].as_slice(),
            &["snapshot", "save", "null"],
        ] {
            let ran = ours(&server, words);
            assert!(ran.status.success(), "{words:?}: {ran:?}");
            assert!(is_device(&null), "{words:?}");
        }
    }
    symlink("/proc/self/fd/1", at("out")).unwrap();
    let ran = ours(&server, &["export", "", "out"]);
    let text = String::from_utf8_lossy(&ran.stdout).into_owned();
    assert!(
        ran.status.success() && text.contains("\"key\":\"a\""),
        "{ran:?}"
    );
    assert!(at("out").is_symlink());
    symlink("kept", at("link")).unwrap();
    for words in [
        ["export", "", "link"].as_slice(),
        &["snapshot", "save", "link"],
    ] {
        let ran = ours(&server, words);
        assert!(ran.status.success(), "{ran:?}");
        let kept = std::fs::metadata(at("kept")).unwrap();
        assert!(at("link").is_symlink() && kept.len() > 10);
        assert_eq!(kept.mode() & 0o777, 0o600);
    }
}

#[test]
fn a_part_that_somebody_made_before_is_not_written_into() {
    let server = Server::alone(None);
    e(&server.client(), &["put", "a", "1"]).unwrap();
    let at = |name: &str| server.folder.path().join(name);
    std::fs::write(at("b.part"), "theirs").unwrap();
    let theirs = std::fs::metadata(at("b.part")).unwrap().ino();
    assert!(ours(&server, &["export", "", "b"]).status.success());
    assert_ne!(std::fs::metadata(at("b")).unwrap().ino(), theirs);
    assert_eq!(std::fs::read_to_string(at("b.part")).unwrap(), "theirs");
}

/// How a program ends whose output nobody reads.
fn unread(program: &Path, words: &[&str]) -> Option<i32> {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let status = Command::new(program)
        .args(words)
        .stdout(writer)
        .stderr(Stdio::null())
        .status()
        .unwrap();
    status.signal()
}

#[test]
fn who_is_not_read_any_longer_ends_as_etcdctl_does() {
    let folder = tempfile::tempdir().unwrap();
    let ours = super::run::ours(folder.path());
    let real = program(Release::V35, "etcdctl");
    assert_eq!(unread(&real, &["version"]), Some(13));
    assert_eq!(unread(&ours, &["version"]), Some(13));
    let native = Path::new(env!("CARGO_BIN_EXE_etcdsh"));
    assert_eq!(unread(native, &["e", "version"]), None);
}

#[test]
fn etcdctl_has_the_names_that_distributions_give_it() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["etcdctl-3.5", "etcdctl.real"] {
        let link = folder.path().join(name);
        symlink(env!("CARGO_BIN_EXE_etcdsh"), &link).unwrap();
        let output = Command::new(link).arg("version").output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(text.starts_with("etcdctl version: 3."), "{text}");
        assert_eq!(text.lines().count(), 2, "{text}");
    }
}
