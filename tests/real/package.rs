//! The packages, installed on hosts that have never seen the project: the flow is run from there.
//!
//! Those of `make dist` where they are there and no source is younger. Else what the tests run is packed by the same scripts, so that
//! all is tried but the old libc: then one line says so. Start reading at [`Packages::get`].

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::SystemTime;

use tempfile::TempDir;

use super::lab::{Lab, Run, can_boot};

const VERSION: &str = env!("CARGO_PKG_VERSION");

struct Packages {
    folder: PathBuf,
    /// They are those of `make dist`, which run with an old libc.
    handed_out: bool,
    _kept: Option<TempDir>,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn run(command: &mut Command) -> Run {
    let output = command.stdin(Stdio::null()).output();
    output.expect("the program is there").into()
}

/// The last change of a file below these.
fn youngest(paths: &[PathBuf]) -> SystemTime {
    let mut last = SystemTime::UNIX_EPOCH;
    for path in paths {
        if path.is_dir() {
            let entries = std::fs::read_dir(path).expect("a folder of the project can be read");
            let inside: Vec<PathBuf> = entries
                .map(|entry| entry.expect("an entry can be read").path())
                .collect();
            last = last.max(youngest(&inside));
        } else if let Ok(about) = path.metadata() {
            last = last.max(about.modified().expect("files have a time"));
        }
    }
    last
}

impl Packages {
    fn get() -> &'static Packages {
        static ALL: OnceLock<Packages> = OnceLock::new();
        ALL.get_or_init(|| Packages::of_dist().unwrap_or_else(Packages::of_tests))
    }

    fn of_dist() -> Option<Packages> {
        let folder = root().join("dist");
        let sums = folder.join("SHA256SUMS").metadata().ok()?;
        let sources = ["src", "stdlib", "scripts", "packaging", "Cargo.lock"];
        let sources = sources.map(|name| root().join(name));
        if sums.modified().ok()? < youngest(&sources) {
            eprintln!("dist/ is older than the sources: `make dist` makes it anew");
            return None;
        }
        run(Command::new("sha256sum")
            .args(["--check", "--quiet", "SHA256SUMS"])
            .current_dir(&folder))
        .ok();
        Some(Packages {
            folder,
            handed_out: true,
            _kept: None,
        })
    }

    /// The binary of the tests, without what only a debugger reads.
    fn of_tests() -> Packages {
        let kept = tempfile::tempdir().expect("a folder for packages");
        let binary = kept.path().join("etcdsh");
        run(Command::new("strip")
            .arg("-o")
            .args([&binary, Path::new(env!("CARGO_BIN_EXE_etcdsh"))]))
        .ok();
        let folder = kept.path().join("dist");
        std::fs::create_dir(&folder).expect("a folder is made");
        run(Command::new(root().join("packaging/pack"))
            .arg(std::env::consts::ARCH)
            .args([&binary, &folder])
            .env("ETCDSH_GLIBC", libc_of(&binary))
            .env("ETCDSH_LEVEL", "1"))
        .ok();
        Packages {
            folder,
            handed_out: false,
            _kept: Some(kept),
        }
    }

    /// The package for this machine whose name ends so.
    fn named(&self, names: [&str; 2], end: &str) -> PathBuf {
        let arch = usize::from(std::env::consts::ARCH != "x86_64");
        let path = self
            .folder
            .join(names[arch].replace("VERSION", VERSION) + end);
        assert!(path.is_file(), "{} was not made", path.display());
        path
    }

    fn deb(&self) -> PathBuf {
        self.named(["etcdsh_VERSION_amd64", "etcdsh_VERSION_arm64"], ".deb")
    }

    fn rpm(&self) -> PathBuf {
        self.named(
            ["etcdsh-VERSION-1.x86_64", "etcdsh-VERSION-1.aarch64"],
            ".rpm",
        )
    }

    fn archive(&self) -> PathBuf {
        let names = [
            "etcdsh-VERSION-linux-x86_64",
            "etcdsh-VERSION-linux-aarch64",
        ];
        self.named(names, ".tar.gz")
    }
}

/// The oldest glibc that a binary runs with, as its symbols say.
fn libc_of(binary: &Path) -> String {
    let symbols = run(Command::new("objdump").arg("-T").arg(binary))
        .ok()
        .stdout;
    let version = regex::Regex::new(r"GLIBC_2\.(\d+)").expect("a pattern");
    let minor = version
        .captures_iter(&symbols)
        .filter_map(|found| found[1].parse::<u32>().ok());
    format!("2.{}", minor.max().expect("it is linked with glibc"))
}

/// The flow, a key, and the flow again, by the etcdsh that the host has: the host deploys itself.
fn deploys_itself(lab: &Lab, host: &str) {
    let here = "export HOME=/root; cd /root &&";
    let inventory = format!(
        "all: {{ children: {{ etcd: {{ hosts: {{ {host}: {{ etcd_seq: 1, ansible_connection: local }} }}, vars: {{ etcd_cluster: etcd }} }} }} }}"
    );
    lab.on(
        host,
        &format!("{here} echo '{inventory}' >pigsty.yml && etcdsh etcd"),
    );
    lab.on(
        host,
        &format!("{here} etcdsh e put a 10 && etcdsh e endpoint health"),
    );
    let again = lab.on(host, &format!("{here} etcdsh etcd"));
    assert!(
        again.contains("changed=0") && again.contains("failed=0"),
        "{again}"
    );
}

#[test]
fn the_deb_is_installed_and_deploys_the_host_it_is_on() {
    let hosts = ["10.10.10.10", "10.10.10.11"];
    let Some(lab) = Lab::up(&[hosts[0], "10.10.10.11=trixie"], "all: {}") else {
        return;
    };
    std::fs::copy(Packages::get().deb(), lab.folder().join("etcdsh.deb")).expect("it is copied");
    for host in hosts {
        lab.keep_on(host, "etcdsh.deb", "/tmp/etcdsh.deb");
        lab.on(host, "dpkg -i /tmp/etcdsh.deb");
        let version = lab.on(host, "etcdsh --version");
        assert_eq!(version.trim(), format!("etcdsh {VERSION}"));
        for file in [
            "bash-completion/completions/etcdsh",
            "fish/vendor_completions.d/etcdsh.fish",
            "man/man1/etcdsh.1",
            "zsh/vendor-completions/_etcdsh",
        ] {
            lab.on(host, &format!("test -s /usr/share/{file}"));
        }
        assert_eq!(
            lab.tries(host, "test -e /usr/bin/etcdctl").code,
            1,
            "the link is left to the user"
        );
        deploys_itself(&lab, host);
        let tab = "COMP_LINE='etcdsh e get ' COMP_POINT=13; _etcdsh; echo ${COMPREPLY[@]}";
        let tab = format!(
            "export HOME=/root; cd /root && . /usr/share/bash-completion/completions/etcdsh; {tab}"
        );
        assert_eq!(
            lab.on(host, &format!("exec bash -c {}", quoted(&tab)))
                .trim(),
            "a"
        );
        lab.on(host, "dpkg -r etcdsh");
        assert_eq!(lab.tries(host, "test -e /usr/bin/etcdsh").code, 1);
    }
}

#[test]
fn the_rpm_is_installed_and_deploys_the_host_it_is_on() {
    let host = "10.10.10.10";
    let Some(lab) = Lab::up(&["10.10.10.10=dnf"], "all: {}") else {
        return;
    };
    std::fs::copy(Packages::get().rpm(), lab.folder().join("etcdsh.rpm")).expect("it is copied");
    lab.keep_on(host, "etcdsh.rpm", "/tmp/etcdsh.rpm");
    // Its libc is Debian's, of which rpm knows nothing.
    lab.on(host, "rpm -i --nodeps /tmp/etcdsh.rpm");
    let needs = lab.on(host, "rpm -q --requires etcdsh");
    assert!(needs.contains("glibc >= 2."), "{needs}");
    assert_eq!(
        lab.on(host, "etcdsh --version").trim(),
        format!("etcdsh {VERSION}")
    );
    deploys_itself(&lab, host);
    lab.on(host, "rpm -e etcdsh && ! test -e /usr/bin/etcdsh");
}

#[test]
fn the_archive_runs_where_it_is_put_also_with_an_old_libc() {
    let packages = Packages::get();
    let folder = tempfile::tempdir().expect("a folder");
    run(Command::new("tar")
        .args(["-x", "--strip-components=1", "-C"])
        .args([folder.path(), Path::new("-f"), &packages.archive()]))
    .ok();
    let binary = folder.path().join("bin/etcdsh");
    for file in [
        "README.md",
        "CHANGELOG.md",
        "examples/three.yml",
        "share/man/man1/etcdsh.1",
        "share/doc/etcdsh/LICENSE",
    ] {
        assert!(folder.path().join(file).is_file(), "{file} is missing");
    }
    let said = run(Command::new(&binary).args(["--eval", "6 * 7"])).ok();
    assert_eq!(said.stdout, "42\n");
    if !packages.handed_out {
        eprintln!("not tried in a bullseye root: there is no fresh dist/; `make dist` makes it");
        return;
    }
    assert_eq!(libc_of(&binary), "2.17");
    let bytes = std::fs::read(&binary).expect("it can be read");
    let places = ["/.cargo/", "/.rustup/", env!("CARGO_MANIFEST_DIR")];
    for place in places {
        let there = bytes
            .windows(place.len())
            .any(|part| part == place.as_bytes());
        assert!(!there, "`{place}` is in the binary");
    }
    if !can_boot() {
        return;
    }
    let old = run(&mut Command::new(root().join("tests/real/bullseye")));
    if old.code == 3 {
        eprintln!("not tried in a bullseye root: {}", old.stderr.trim());
        return;
    }
    let old = PathBuf::from(old.ok().stdout.trim());
    std::fs::copy(&binary, old.join("tmp/etcdsh")).expect("it is copied");
    let inside = |words: &[&str]| {
        let mut command = Command::new("chroot");
        command
            .arg(&old)
            .args(words)
            .env_clear()
            .env("HOME", "/tmp")
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        run(&mut command).ok().stdout
    };
    let libc = format!("/lib/{}-linux-gnu/libc.so.6", std::env::consts::ARCH);
    assert!(inside(&[&libc]).contains("2.31"));
    assert!(inside(&["/tmp/etcdsh", "--version"]).contains(VERSION));
    assert_eq!(inside(&["/tmp/etcdsh", "--eval", "6 * 7"]), "42\n");
    assert!(inside(&["/tmp/etcdsh", "e", "get", "--help"]).contains("etcdsh e get"));
}

/// One word for a shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}
