//! The packages of `make dist`, installed on hosts that have never seen the project: the flow is run from there.
//!
//! A sample: building them takes minutes, so that this looks at what lies in `dist/`, and says so where there is nothing.

use std::path::{Path, PathBuf};

use super::lab::Lab;

const VERSION: &str = env!("CARGO_PKG_VERSION");

fn dist(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("dist")
        .join(name);
    if path.exists() {
        return Some(path);
    }
    eprintln!("not run: there is no dist/{name}; `make dist` makes it");
    None
}

#[test]
fn the_package_is_installed_and_deploys_the_host_it_is_on() {
    if std::env::consts::ARCH != "x86_64" {
        return;
    }
    let Some(deb) = dist(&format!("etcdsh_{VERSION}_amd64.deb")) else {
        return;
    };
    let hosts = ["10.10.10.10", "10.10.10.11"];
    let Some(lab) = Lab::up(&[hosts[0], "10.10.10.11=trixie"], "all: {}") else {
        return;
    };
    std::fs::copy(deb, lab.folder().join("etcdsh.deb")).expect("it is copied");
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
        let inventory = format!(
            "all: {{ children: {{ etcd: {{ hosts: {{ {host}: {{ etcd_seq: 1, ansible_connection: local }} }}, vars: {{ etcd_cluster: etcd }} }} }} }}"
        );
        let here = "export HOME=/root; cd /root &&";
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
        let tab = "COMP_LINE='etcdsh e get ' COMP_POINT=13; _etcdsh; echo ${COMPREPLY[@]}";
        let tab = format!("{here} . /usr/share/bash-completion/completions/etcdsh; {tab}");
        assert_eq!(
            lab.on(host, &format!("exec bash -c {}", quoted(&tab)))
                .trim(),
            "a"
        );
        lab.on(host, "dpkg -r etcdsh");
        assert_eq!(lab.tries(host, "test -e /usr/bin/etcdsh").code, 1);
    }
}

/// One word for a shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}
