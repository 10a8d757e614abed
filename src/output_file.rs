//! A file that is written on this machine: whole under its name, or not there.
//!
//! It grows beside its place under a random name that is made anew, for its owner alone, and is renamed when all of it is
//! there. What is no regular file (a device, a fifo, `/dev/stdout`) is written into and never replaced. A link is followed
//! to the file that it leads to, unless it is another user's. Knows nobody. Start reading at [`OutputFile::create`].

use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

/// Links on the way to a file, at most.
const HOPS: usize = 40;

pub struct OutputFile(To);

enum To {
    /// What is there is written into.
    Into(File),
    /// A file of this mode that shall have this name.
    Whole(NamedTempFile, PathBuf, u32),
}

impl OutputFile {
    /// Begin to write `name`; nothing of it is seen under that name before [`OutputFile::finish`].
    pub fn create(name: &Path, mode: u32) -> io::Result<OutputFile> {
        let mut path = name.to_path_buf();
        for _ in 0..HOPS {
            // What a process has open may be a regular file, as where its output goes to one.
            if path.starts_with("/proc") {
                return into(&path);
            }
            let found = match fs::symlink_metadata(&path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    return beside(path, mode);
                }
                found => found?,
            };
            let kind = found.file_type();
            if kind.is_symlink() {
                trusted(&path, found.uid())?;
                path = folder(&path).join(fs::read_link(&path)?);
            } else if kind.is_file() {
                return beside(path, mode);
            } else if kind.is_dir() {
                return Err(io::ErrorKind::IsADirectory.into());
            } else if kind.is_block_device() {
                return Err(io::Error::other("it is a disk"));
            } else {
                return into(&path);
            }
        }
        Err(io::Error::other("too many links"))
    }

    /// All is written: it gets its name.
    pub fn finish(self) -> io::Result<()> {
        let (part, name, mode) = match self.0 {
            To::Into(mut file) => return file.flush(),
            To::Whole(part, name, mode) => (part, name, mode),
        };
        part.as_file()
            .set_permissions(Permissions::from_mode(mode))?;
        part.as_file().sync_all()?;
        let folder = folder(&name).to_path_buf();
        part.persist(name).map_err(|error| error.error)?;
        File::open(folder)?.sync_all()
    }
}

/// Write `text` into `name`.
pub fn write(name: &Path, mode: u32, text: &[u8]) -> io::Result<()> {
    let mut file = OutputFile::create(name, mode)?;
    file.write_all(text)?;
    file.finish()
}

impl Write for OutputFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.0 {
            To::Into(file) => file.write(bytes),
            To::Whole(part, ..) => part.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.0 {
            To::Into(file) => file.flush(),
            To::Whole(part, ..) => part.flush(),
        }
    }
}

fn into(path: &Path) -> io::Result<OutputFile> {
    let file = File::options().append(true).open(path)?;
    Ok(OutputFile(To::Into(file)))
}

fn beside(path: PathBuf, mode: u32) -> io::Result<OutputFile> {
    let Some(name) = path.file_name() else {
        return Err(io::ErrorKind::IsADirectory.into());
    };
    let mut prefix = std::ffi::OsString::from(".");
    prefix.push(name);
    prefix.push(".");
    let part = tempfile::Builder::new()
        .prefix(&prefix)
        .suffix(".part")
        // By hand: the error of `tempfile_in` names the part.
        .make_in(folder(&path), |part| {
            File::options()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(part)
        })?;
    Ok(OutputFile(To::Whole(part, path, mode)))
}

/// A link of somebody else leads where that user wants.
fn trusted(path: &Path, owner: u32) -> io::Result<()> {
    if owner == 0 || owner == rustix::process::geteuid().as_raw() {
        return Ok(());
    }
    Err(io::Error::new(
        io::ErrorKind::PermissionDenied,
        format!("{} is a link of another user", path.display()),
    ))
}

fn folder(path: &Path) -> &Path {
    path.parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn text(path: &Path) -> String {
        fs::read_to_string(path).expect("it is there")
    }

    #[test]
    fn a_file_is_whole_or_not_there_and_leaves_nothing_beside() {
        let folder = tempfile::tempdir().expect("a folder");
        let name = folder.path().join("a");
        let mut file = OutputFile::create(&name, 0o640).expect("it begins");
        file.write_all(b"half").expect("it is written");
        assert!(!name.exists());
        drop(file);
        assert_eq!(fs::read_dir(folder.path()).expect("listed").count(), 0);
        write(&name, 0o640, b"whole").expect("it is written");
        assert_eq!(text(&name), "whole");
        assert_eq!(fs::metadata(&name).expect("there").mode() & 0o777, 0o640);
        assert_eq!(fs::read_dir(folder.path()).expect("listed").count(), 1);
    }

    #[test]
    fn a_pre_made_part_is_not_written_into() {
        let folder = tempfile::tempdir().expect("a folder");
        let (name, part) = (folder.path().join("a"), folder.path().join("a.part"));
        fs::write(&part, "theirs").expect("it is made");
        fs::set_permissions(&part, Permissions::from_mode(0o666)).expect("its mode is set");
        write(&name, 0o600, b"ours").expect("it is written");
        assert_eq!((text(&part), text(&name)), ("theirs".into(), "ours".into()));
        assert_eq!(fs::metadata(&name).expect("there").mode() & 0o777, 0o600);
    }

    #[test]
    fn a_link_stays_and_what_it_leads_to_is_replaced() {
        let folder = tempfile::tempdir().expect("a folder");
        let (link, name) = (folder.path().join("link"), folder.path().join("a"));
        symlink("a", &link).expect("a link");
        for text_of in ["new", "again"] {
            write(&link, 0o600, text_of.as_bytes()).expect("it is written");
            assert_eq!(text(&name), text_of);
            assert!(link.is_symlink());
        }
    }

    #[test]
    fn a_fifo_is_written_into() {
        let folder = tempfile::tempdir().expect("a folder");
        let fifo = folder.path().join("fifo");
        let made = std::process::Command::new("mkfifo").arg(&fifo).status();
        assert!(made.expect("mkfifo runs").success());
        let from = fifo.clone();
        let reader = std::thread::spawn(move || text(&from));
        write(&fifo, 0o600, b"through").expect("it is written");
        assert_eq!(reader.join().expect("it reads"), "through");
        assert!(fs::metadata(&fifo).expect("there").file_type().is_fifo());
    }

    #[test]
    fn a_full_device_says_so_and_stays_a_device() {
        let full = Path::new("/dev/full");
        assert!(write(full, 0o600, b"x").is_err());
        let kind = fs::metadata(full).expect("there").file_type();
        assert!(kind.is_char_device());
    }

    #[test]
    fn what_a_process_has_open_is_written_into() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let number = std::os::fd::AsRawFd::as_raw_fd(file.as_file());
        write(format!("/proc/self/fd/{number}").as_ref(), 0o600, b"x").expect("it is written");
        assert_eq!(text(file.path()), "x");
    }

    #[test]
    fn a_link_of_another_user_is_not_followed() {
        if !rustix::process::geteuid().is_root() {
            return;
        }
        let folder = tempfile::tempdir().expect("a folder");
        let link = folder.path().join("link");
        symlink("victim", &link).expect("a link");
        std::os::unix::fs::lchown(&link, Some(65534), Some(65534)).expect("it is given away");
        let error = write(&link, 0o600, b"x").expect_err("it is refused");
        assert!(
            error.to_string().contains("a link of another user"),
            "{error}"
        );
        assert!(!folder.path().join("victim").exists());
    }
}
