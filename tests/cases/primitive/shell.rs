//! Questions of primitives put to `/bin/sh` of this machine, by a user who is not root.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use etcdsh::error::Kind;
use etcdsh::host::Pretended;
use etcdsh::primitive::{Plan, Seen};
use etcdsh::transport::Output;
use etcdsh::value::{Map, Value};
use etcdsh::word::Args;

use super::case::FactsOf;
use super::spec_of;

/// Somebody who owns nothing.
const NOBODY: u32 = 65534;

/// What a call comes to: `unchanged`, `change`, or the kind of the error.
fn end(name: &str, thing: &str, options: &[(&str, &str)]) -> (String, Map) {
    let options = options
        .iter()
        .map(|(key, value)| ((*key).to_string(), Value::from(*value)));
    let spec = spec_of(name).expect("the primitive exists");
    let args = Args::check(&spec.word, thing.into(), options.collect());
    let primitive = (spec.build)(&args.expect("the arguments fit")).expect("the call is right");
    let facts = FactsOf::default().read();
    let answer = answer(&primitive.ask(&facts).expect("there is a question"));
    let pretended = Pretended::default();
    let seen = Seen {
        answer: &answer,
        facts: &facts,
        pretended: &pretended,
    };
    match primitive.plan(&seen) {
        Ok(Plan::Unchanged) => ("unchanged".into(), primitive.result(&seen, None)),
        Ok(Plan::Change(_)) => ("change".into(), Map::new()),
        Err(error) => {
            let told = error.kind != Kind::Unknown || !error.stderr.is_empty();
            assert!(told, "{name} {thing} does not say why: {error}");
            (format!("{:?}", error.kind), Map::new())
        }
    }
}

fn answer(question: &str) -> Output {
    let mut sh = Command::new("/bin/sh");
    sh.args(["-c", question])
        .env("LC_ALL", "C")
        .current_dir("/");
    if rustix::process::getuid().is_root() {
        sh.uid(NOBODY).gid(NOBODY);
    }
    let output = sh.output().expect("sh runs");
    Output {
        status: output.status.code().expect("sh ends by itself"),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        stdout: output.stdout,
    }
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, PermissionsExt::from_mode(mode)).expect("the mode is set");
}

/// A folder that may not be searched, with a file and a folder in it, and links into it from outside.
fn locked_folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    fs::create_dir_all(at("locked/below")).expect("folders");
    for name in ["locked/file", "locked/below/file", "open", "unreadable"] {
        fs::write(at(name), "text\n").expect("a file");
    }
    symlink(at("locked/file"), at("to_file")).expect("a link");
    symlink(at("locked/below"), at("to_folder")).expect("a link");
    symlink(at("nothing"), at("to_nothing")).expect("a link");
    fs::create_dir(at("unlisted")).expect("a folder");
    fs::write(at("unlisted/file"), "").expect("a file");
    mode(folder.path(), 0o755);
    mode(&at("unreadable"), 0);
    mode(&at("unlisted"), 0);
    mode(&at("locked"), 0);
    folder
}

/// One question about a path in such a folder, and what each primitive makes of it.
fn ends(path: &str) -> [String; 6] {
    let wait = [("timeout", "1s")];
    let gone = [("timeout", "1s"), ("state", "absent")];
    [
        end("fetch", path, &[]),
        end("file", path, &[("state", "absent")]),
        end("file", path, &[("content", "text\n")]),
        end("run", "make", &[("creates", path)]),
        end("wait_for", path, &wait),
        end("wait_for", path, &gone),
    ]
    .map(|(end, _)| end)
}

#[test]
fn what_a_folder_hides_is_never_absent() {
    let folder = locked_folder();
    for name in [
        "locked/file",
        "locked/nothing",
        "locked/below/file",
        "locked/below/further/down",
        "to_folder/file",
    ] {
        let path = folder.path().join(name).display().to_string();
        assert_eq!(
            ends(&path),
            [(); 6].map(|()| "Unknown".to_string()),
            "{name}"
        );
    }
    // The link itself is seen: for `file` it is what is there.
    let link = folder.path().join("to_file").display().to_string();
    let wanted = [
        "Unknown", "change", "Remote", "Unknown", "Unknown", "Unknown",
    ];
    assert_eq!(ends(&link), wanted);
    mode(&folder.path().join("locked"), 0o700);
}

#[test]
fn what_is_absent_or_there_is_told_from_what_is_hidden() {
    let folder = locked_folder();
    let in_folder = |name: &str| folder.path().join(name).display().to_string();
    let rows = [
        (
            "open",
            [
                "unchanged",
                "change",
                "unchanged",
                "unchanged",
                "unchanged",
                "Remote",
            ],
        ),
        (
            "nothing",
            [
                "unchanged",
                "unchanged",
                "change",
                "change",
                "Remote",
                "unchanged",
            ],
        ),
        (
            "no/thing",
            [
                "unchanged",
                "unchanged",
                "Remote",
                "change",
                "Remote",
                "unchanged",
            ],
        ),
        (
            "open/below",
            [
                "unchanged",
                "unchanged",
                "Remote",
                "change",
                "Remote",
                "unchanged",
            ],
        ),
        (
            "to_nothing",
            [
                "unchanged",
                "change",
                "Remote",
                "change",
                "Remote",
                "unchanged",
            ],
        ),
        (
            "unreadable",
            [
                "Unknown",
                "change",
                "Unknown",
                "unchanged",
                "unchanged",
                "Remote",
            ],
        ),
    ];
    for (name, wanted) in rows {
        assert_eq!(ends(&in_folder(name)), wanted, "{name}");
    }
    let exists = |name: &str| end("fetch", &in_folder(name), &[]).1["exists"].clone();
    assert_eq!(exists("open"), Value::Bool(true));
    assert_eq!(exists("nothing"), Value::Bool(false));
    assert_eq!(exists("to_nothing"), Value::Bool(false));
    mode(&folder.path().join("locked"), 0o700);
}

#[test]
fn a_folder_that_may_not_be_listed_is_not_empty() {
    let folder = locked_folder();
    let path = folder.path().join("unlisted").display().to_string();
    let spec = spec_of("file").expect("there is `file`");
    let options: Map = [
        ("state".to_string(), Value::from("absent")),
        ("if_empty".to_string(), Value::Bool(true)),
    ]
    .into();
    let args = Args::check(&spec.word, Value::from(path), options).expect("the arguments fit");
    let file = (spec.build)(&args).expect("the call is right");
    let facts = FactsOf::default().read();
    let answer = answer(&file.ask(&facts).expect("there is a question"));
    let pretended = Pretended::default();
    let error = file.plan(&Seen {
        answer: &answer,
        facts: &facts,
        pretended: &pretended,
    });
    assert_eq!(error.expect_err("it cannot be told").kind, Kind::Unknown);
    mode(&folder.path().join("locked"), 0o700);
    mode(&folder.path().join("unlisted"), 0o700);
}

#[test]
fn a_port_is_waited_for_on_its_own_address() {
    let rows = [
        ("127.0.0.1", "port PORT", true),
        ("127.0.0.1", "port 127.0.0.1:PORT", true),
        ("127.0.0.1", "port [::ffff:127.0.0.1]:PORT", true),
        ("127.0.0.1", "port 10.99.99.99:PORT", false),
        ("127.0.0.1", "port 127.0.0.2:PORT", false),
        ("127.0.0.1", "port [::1]:PORT", false),
        ("0.0.0.0", "port 10.99.99.99:PORT", true),
        ("0.0.0.0", "port PORT", true),
        ("0.0.0.0", "port [::1]:PORT", false),
        ("[::1]", "port [::1]:PORT", true),
        ("[::1]", "port PORT", true),
        ("[::1]", "port [fd00::1]:PORT", false),
        ("[::1]", "port 127.0.0.1:PORT", false),
        ("[::]", "port [fd00::1]:PORT", true),
        ("[::]", "port 127.0.0.1:PORT", true),
        ("[::]", "port PORT", true),
    ];
    let v6 = TcpListener::bind("[::1]:0").is_ok();
    // Each waits for a second in vain: all at once.
    std::thread::scope(|scope| {
        for row in rows.into_iter().filter(|row| v6 || !row.0.starts_with('[')) {
            scope.spawn(move || listener_is_told(row));
        }
    });
}

fn listener_is_told((address, condition, listens): (&str, &str, bool)) {
    let listener = TcpListener::bind(format!("{address}:0")).expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    let condition = condition.replace("PORT", &port.to_string());
    let wanted = |there| if there { "unchanged" } else { "Remote" };
    let wait = [("timeout", "1s"), ("every", "50ms")];
    let there = end("wait_for", &condition, &wait).0;
    assert_eq!(there, wanted(listens), "{condition} beside {address}");
    let gone = [wait[0], wait[1], ("state", "absent")];
    let gone = end("wait_for", &condition, &gone).0;
    assert_eq!(gone, wanted(!listens), "no {condition} beside {address}");
}
