//! The tarball of a release, and the one that a bundle is.

use std::io::{self, Read, Write};

use flate2::{Compression, GzBuilder};

use super::{Machine, PROGRAMS, Program, Release, digest};
use crate::tarball::each;

/// The programs in a tarball of a release or a bundle, and the version that its folder names.
pub(super) fn read(bytes: &[u8]) -> io::Result<(Vec<Program>, Option<String>)> {
    let (mut programs, mut version, mut sums) = (Vec::new(), None, String::new());
    each(bytes, |path, content| {
        let name = path.rsplit('/').next().unwrap_or_default();
        if name == "SHA256SUMS" {
            content.read_to_string(&mut sums)?;
        }
        let Some(name) = PROGRAMS.into_iter().find(|own| *own == name) else {
            return Ok(());
        };
        version = version
            .take()
            .or_else(|| path.split('/').find_map(version_in));
        let mut bytes = Vec::new();
        content.read_to_end(&mut bytes)?;
        programs.push(Program {
            content: bytes,
            name,
        });
        Ok(())
    })?;
    for program in &programs {
        if !sums.is_empty() && listed(&sums, program.name) != Some(digest(&program.content)) {
            let why = format!("{} is not what its SHA256SUMS says", program.name);
            return Err(io::Error::new(io::ErrorKind::InvalidData, why));
        }
    }
    Ok((programs, version))
}

/// Has it its own list of digests, as a bundle has?
pub(super) fn proves_itself(bytes: &[u8]) -> io::Result<bool> {
    let mut found = false;
    each(bytes, |path, _| {
        found |= path.rsplit('/').next() == Some("SHA256SUMS");
        Ok(())
    })?;
    Ok(found)
}

/// `3.6.16` of `etcd-v3.6.16-linux-amd64`.
fn version_in(folder: &str) -> Option<String> {
    let rest = folder.strip_prefix("etcd-")?.trim_start_matches('v');
    let version = rest.split('-').next()?;
    let numbers = version
        .split('.')
        .filter(|part| part.parse::<u32>().is_ok());
    (numbers.count() == 3).then(|| version.to_string())
}

/// The digest that a list has for a file.
pub(super) fn listed(sums: &str, name: &str) -> Option<String> {
    sums.lines().find_map(|line| {
        let (digest, file) = line.split_once(char::is_whitespace)?;
        let file = file.trim_start().trim_start_matches('*');
        (file.rsplit('/').next() == Some(name)).then(|| digest.to_lowercase())
    })
}

/// Write the bundle of a release: the same bytes each time.
pub(super) fn write(to: &mut impl Write, release: &Release, machine: Machine) -> io::Result<()> {
    let folder = format!("etcd-v{}-linux-{}", release.version, machine.name());
    let zipped = GzBuilder::new().write(to, Compression::default());
    let mut archive = tar::Builder::new(zipped);
    let mut sums = String::new();
    let mut add = |name: &str, mode: u32, content: &[u8]| {
        let mut head = tar::Header::new_ustar();
        head.set_size(content.len() as u64);
        head.set_mode(mode);
        head.set_mtime(0);
        head.set_uid(0);
        head.set_gid(0);
        archive.append_data(&mut head, format!("{folder}/{name}"), content)
    };
    for program in &release.programs {
        sums += &format!("{}  {}\n", digest(&program.content), program.name);
        add(program.name, 0o755, &program.content)?;
    }
    add("SHA256SUMS", 0o644, sums.as_bytes())?;
    archive.into_inner()?.finish()?.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn release() -> Release {
        let program = |name, content: &[u8]| Program {
            content: content.to_vec(),
            name,
        };
        Release {
            programs: vec![
                program("etcd", b"the server"),
                program("etcdctl", b"the client"),
            ],
            version: "3.6.16".into(),
        }
    }

    #[test]
    fn a_bundle_is_read_again_and_always_the_same() {
        let (mut one, mut two) = (Vec::new(), Vec::new());
        write(&mut one, &release(), Machine::Amd64).expect("written");
        write(&mut two, &release(), Machine::Amd64).expect("written");
        assert_eq!(one, two);
        let (programs, version) = read(&one).expect("read");
        assert_eq!(version.as_deref(), Some("3.6.16"));
        assert_eq!(programs[1].content, b"the client");
        assert!(proves_itself(&one).expect("read"));
    }

    #[test]
    fn a_list_names_files_in_either_form() {
        assert_eq!(
            listed("AB *etcd.tar.gz\ncd  other\n", "etcd.tar.gz").as_deref(),
            Some("ab")
        );
        assert_eq!(listed("ab  x\n", "y"), None);
        assert_eq!(
            version_in("etcd-v3.5.33-linux-arm64").as_deref(),
            Some("3.5.33")
        );
        assert_eq!(version_in("etcd-main"), None);
    }
}
