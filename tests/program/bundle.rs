//! `etcdsh bundle`, and what may be an `etcd_source`: real releases of etcd, as folder, tarball and URL, and what is refused.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Command;

use super::Test;
use crate::release;

/// A tarball as etcd publishes one, in the folder `name` of the test; none where the release cannot be had.
fn published(test: &Test, name: &str, arch: &str) -> Option<(PathBuf, String)> {
    let (programs, version) = release::folder("3.6")?;
    let top = format!("etcd-v{version}-linux-{arch}");
    let folder = test.path(name);
    let inner = folder.join(&top);
    std::fs::create_dir_all(&inner).unwrap();
    for program in ["etcd", "etcdctl", "etcdutl"] {
        std::fs::copy(programs.join(program), inner.join(program)).unwrap();
    }
    std::fs::write(inner.join("README.md"), "about it\n").unwrap();
    let file = folder.join(format!("{top}.tar.gz"));
    let packed = Command::new("tar")
        .args(["-I", "gzip -1", "-C", &folder.to_string_lossy(), "-cf"])
        .arg(&file)
        .arg(&top)
        .status()
        .unwrap();
    assert!(packed.success());
    std::fs::remove_dir_all(inner).unwrap();
    Some((file, version))
}

/// Write `SHA256SUMS` beside a tarball.
fn sum(file: &std::path::Path) -> String {
    let folder = file.parent().unwrap();
    let sums = Command::new("sha256sum")
        .current_dir(folder)
        .arg(file.file_name().unwrap())
        .output()
        .unwrap();
    std::fs::write(folder.join("SHA256SUMS"), &sums.stdout).unwrap();
    let text = String::from_utf8(sums.stdout).unwrap();
    text.split(' ').next().unwrap().to_string()
}

fn in_tarball(test: &Test, file: &str) -> Vec<String> {
    let listed = test.sh(&format!("tar tzf {file} && tar xzf {file} -O --wildcards '*/etcd' >etcd && chmod +x etcd && ./etcd --version"));
    assert_eq!(listed.status, 0, "{}", listed.text());
    listed.stdout.lines().map(str::to_string).collect()
}

#[test]
fn a_release_is_packed_from_a_folder_and_a_tarball_and_proves_itself() {
    let test = Test::new();
    let Some((file, version)) = published(&test, "pub", "amd64") else {
        return;
    };
    let digest = sum(&file);
    let file = file.display();
    let (programs, _) = release::folder("3.6").unwrap();
    let ran = test.sh(&format!("etcdsh bundle {version} --source {file} >one.tar.gz && etcdsh bundle v{version} --source {} >two.tar.gz && cmp one.tar.gz two.tar.gz", programs.display()));
    assert_eq!((ran.status, ran.stderr.as_str()), (0, ""), "{}", ran.text());
    let lines = in_tarball(&test, "one.tar.gz");
    let top = format!("etcd-v{version}-linux-amd64");
    for name in ["etcd", "etcdctl", "etcdutl", "SHA256SUMS"] {
        assert!(lines.contains(&format!("{top}/{name}")), "{lines:?}");
    }
    assert!(
        lines.contains(&format!("etcd Version: {version}")),
        "{lines:?}"
    );
    // A bundle is a source that needs no proof from beside; what was changed in it is told.
    let ran = test.sh(&format!(
        "etcdsh bundle {version} --source one.tar.gz >three.tar.gz && cmp one.tar.gz three.tar.gz"
    ));
    assert_eq!(ran.status, 0, "{}", ran.text());
    let ran = test.sh(&format!("mkdir t && tar xzf one.tar.gz -C t && printf x >>t/{top}/etcdctl && tar czf bad.tar.gz -C t {top} && etcdsh bundle {version} --source bad.tar.gz >four.tar.gz"));
    assert!(
        ran.stderr
            .contains("etcdctl is not what its SHA256SUMS says"),
        "{}",
        ran.text()
    );
    assert_eq!(
        (ran.status, test.sh("cat four.tar.gz").stdout.as_str()),
        (1, "")
    );
    // The digest may be given instead of the list.
    let ran = test.sh(&format!("mkdir alone && cp {file} alone/ && etcdsh bundle {version} --sha256 {digest} --source alone/*.gz | cmp - one.tar.gz"));
    assert_eq!(ran.status, 0, "{}", ran.text());
}

#[test]
fn what_is_not_what_was_published_is_refused() {
    let test = Test::new();
    let Some((file, version)) = published(&test, "pub", "amd64") else {
        return;
    };
    let bundle = |options: &str| {
        let ran = test.sh(&format!("etcdsh bundle {options} >out.tar.gz"));
        assert_ne!(ran.status, 0, "{options}: {}", ran.text());
        assert_eq!(test.sh("cat out.tar.gz").stdout, "", "{options}");
        ran.stderr
    };
    let source = file.display();
    let unproven = bundle(&format!("{version} --source {source}"));
    assert!(unproven.contains("nothing says that"), "{unproven}");
    assert!(unproven.contains("-e etcd_sha256="), "{unproven}");
    sum(&file);
    let wrong = bundle(&format!("{version} --source {source} --sha256 00"));
    assert!(wrong.contains("is not what was published"), "{wrong}");
    let other = bundle(&format!("3.5.1 --source {source}"));
    assert!(
        other.contains(&format!("has etcd {version}, and `etcd_version` is 3.5.1")),
        "{other}"
    );
    let machine = bundle(&format!("{version} --source {source} --arch arm64"));
    assert!(machine.contains("is for amd64"), "{machine}");
    assert!(bundle("3.6 --source x").contains("`3.6` is no release of etcd"));
    assert!(bundle("3.6.1 --source nothing-there").contains("No such file"));
    test.sh("mkdir empty && : >not.tar.gz");
    assert!(
        bundle("3.6.1 --source empty")
            .contains("`etcd_source` is a folder with etcd and etcdctl in it")
    );
    std::fs::write(&file, "not a tarball").unwrap();
    sum(&file);
    assert!(
        bundle(&format!("{version} --source {source}"))
            .contains("is no tarball of a release of etcd")
    );
}

/// Serve files of a folder on loopback, each asked for by its path; `/moved/` sends on to the file itself.
fn serve(folder: PathBuf) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut stream = stream;
            let mut head = [0; 4096];
            let read = stream.read(&mut head).unwrap_or(0);
            let head = String::from_utf8_lossy(&head[..read]).into_owned();
            let path = head
                .split(' ')
                .nth(1)
                .unwrap_or("/")
                .trim_start_matches('/')
                .to_string();
            let answer = match (path.strip_prefix("moved/"), std::fs::read(folder.join(&path))) {
                (Some(to), _) => format!("HTTP/1.1 302 Found\r\nLocation: http://{address}/{to}\r\nContent-Length: 0\r\n\r\n").into_bytes(),
                (None, Ok(text)) => [format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", text.len()).into_bytes(), text].concat(),
                (None, Err(_)) => b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_vec(),
            };
            let _ = stream.write_all(&answer);
        }
    });
    format!("http://{address}")
}

#[test]
fn a_release_behind_an_url_is_fetched_once_and_proven() {
    let test = Test::new();
    let Some((file, version)) = published(&test, "pub", "amd64") else {
        return;
    };
    sum(&file);
    let name = file.file_name().unwrap().to_string_lossy().into_owned();
    let url = serve(file.parent().unwrap().to_path_buf());
    let ran = test.sh(&format!(
        "etcdsh bundle {version} --source {url}/moved/{name} >one.tar.gz"
    ));
    assert_eq!(ran.status, 0, "{}", ran.text());
    // The list is asked for each time; the tarball is not.
    std::fs::remove_file(&file).unwrap();
    let ran = test.sh(&format!(
        "etcdsh bundle {version} --source {url}/{name} | cmp - one.tar.gz"
    ));
    assert_eq!(ran.status, 0, "{}", ran.text());
    let ran = test.sh(&format!(
        "etcdsh bundle {version} --source {url}/other.tar.gz >two.tar.gz"
    ));
    assert!(ran.stderr.contains("is not there"), "{}", ran.text());
}
