//! Words for this machine: variables of the environment, and files beside the script.
//!
//! Reading is free; a write is a change of `localhost`, which check mode shows and does not make.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rhai::{Dynamic, Engine};

use super::bind::word;
use super::flow::make_folder;
use crate::error::{Error, Result};
use crate::primitive::Diff;
use crate::script::World;
use crate::script::trouble::pass;
use crate::secret::Secret;
use crate::word::{Arg, Section, Type, Word};

const ENV: Word = Word::function(
    Section::Text,
    "env",
    "A variable of this program's environment, or `()`.",
)
.takes(&[Arg::new("name", Type::Text, "the variable")])
.gives(Type::Any)
.example(r#"print(env("HOME") ?? "no home")"#);

const READ_FILE: Word = Word::function(
    Section::Text,
    "read_file",
    "The text of a file on this machine.",
)
.takes(&[Arg::new(
    "path",
    Type::Text,
    "beside the script, else beside the inventory",
)])
.gives(Type::Text)
.example(r#"print(read_file("members.txt"))"#);

const WRITE_FILE: Word = Word::function(
    Section::Text,
    "write_file",
    "Write a file on this machine; true when that changed it. A secret's file is for its owner alone.",
)
.takes(&[
    Arg::new("path", Type::Text, "beside the script, else beside the inventory"),
    Arg::new("text", Type::Any, "what shall be in it: a text or a secret"),
])
.gives(Type::Bool)
.example(r#"write_file("members.txt", hosts("etcd").map(|h| h.name).join("\n"))"#);

pub(super) const WORDS: &[&Word] = &[&ENV, &READ_FILE, &WRITE_FILE];

pub(super) fn register(engine: &mut Engine, world: &Arc<World>) {
    word(engine, &ENV, |call| {
        let value = std::env::var_os(call.text(0));
        Ok(value.map_or(Dynamic::UNIT, |text| {
            text.to_string_lossy().into_owned().into()
        }))
    });
    let here = Arc::clone(world);
    word(engine, &READ_FILE, move |call| {
        pass(read(&here, &here.find(&call.text(0)))).map(Into::into)
    });
    let here = Arc::clone(world);
    word(engine, &WRITE_FILE, move |call| {
        let secret = call.arg(1).is::<Secret>();
        let path = target(&here, &call.text(0));
        pass(write(&here, &path, &call.revealed(1), secret)).map(Into::into)
    });
}

fn read(world: &World, path: &Path) -> Result<String> {
    let is_pipe = std::fs::metadata(path).is_ok_and(|found| !found.is_file());
    let text = if is_pipe {
        apart(world, path)?
    } else {
        std::fs::read_to_string(path)
    };
    text.map_err(|error| {
        Error::config(format!("cannot read `{}`", path.display())).because(error.to_string())
    })
}

/// The text of what may keep its reader waiting, as a pipe does: Ctrl-C ends that.
fn apart(world: &World, path: &Path) -> Result<std::io::Result<String>> {
    let path = path.to_path_buf();
    let reader = std::thread::spawn(move || std::fs::read_to_string(path));
    while !reader.is_finished() {
        world.session.cancel.check()?;
        std::thread::sleep(Duration::from_millis(20));
    }
    let panicked = |_| Error::internal("a file's reader has ended without a word");
    reader.join().map_err(panicked)
}

fn target(world: &World, path: &str) -> PathBuf {
    let folder = world.script_folder.as_ref().unwrap_or(&world.beside);
    folder.join(path)
}

fn write(world: &World, path: &Path, text: &str, secret: bool) -> Result<bool> {
    let before = match std::fs::read(path) {
        Ok(bytes) => Some(bytes),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => {
            return Err(Error::config(format!("cannot read `{}`", path.display()))
                .because(error.to_string()));
        }
    };
    if before.as_deref() == Some(text.as_bytes()) {
        return Ok(false);
    }
    let what = if before.is_some() { "content" } else { "new" };
    let diff = (!secret).then(|| Diff {
        after: text.to_string(),
        before: String::from_utf8_lossy(&before.unwrap_or_default()).into_owned(),
        path: path.display().to_string(),
    });
    let subject = format!("write {}", path.display());
    let what = [what.to_string()];
    world
        .session
        .change("localhost", &subject, &what, diff.as_ref(), || {
            replace(path, text, secret)
        })?;
    Ok(true)
}

fn replace(path: &Path, text: &str, secret: bool) -> Result<()> {
    make_folder(path)?;
    let mode = match std::fs::metadata(path) {
        _ if secret => 0o600,
        Ok(known) => known.permissions().mode() & 0o777,
        Err(_) => 0o644,
    };
    crate::output_file::write(path, mode, text.as_bytes()).map_err(|error| {
        Error::config(format!("cannot write `{}`", path.display())).because(error.to_string())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::Inventory;
    use crate::report::{Report, Silent};
    use crate::run::{Options, Selection, Session};
    use crate::script::Parts;

    fn world(folder: &Path, check: bool) -> World {
        let options = Options {
            check,
            diff: false,
            forks: 1,
            held_to: None,
            no_gate: Vec::new(),
            yes: false,
        };
        World::new(Parts {
            args: Vec::new(),
            beside: PathBuf::from("/nowhere"),
            inventory: Arc::new(Inventory::empty()),
            limit: None,
            listing: false,
            login: crate::cluster::Login::default(),
            script_folder: Some(folder.to_path_buf()),
            selection: Selection::default(),
            session: Arc::new(Session::new(options, Report::new(Box::new(Silent)))),
        })
    }

    #[test]
    fn a_file_is_written_once_and_never_in_check_mode() {
        let folder = tempfile::tempdir().expect("a folder");
        let checking = world(folder.path(), true);
        let path = target(&checking, "sub/a.txt");
        assert_eq!(path, folder.path().join("sub/a.txt"));
        assert!(write(&checking, &path, "one", false).expect("it is shown"));
        assert!(!path.exists() && !folder.path().join("sub").exists());
        assert_eq!(checking.session.changes_on("localhost"), 1);
        let real = world(folder.path(), false);
        assert!(write(&real, &path, "one", false).expect("it is written"));
        assert!(!write(&real, &path, "one", false).expect("it is there"));
        assert_eq!(real.session.changes_on("localhost"), 1);
        assert_eq!(read(&real, &path).expect("it is read"), "one");
        assert!(write(&real, &path, "hush", true).expect("it is written"));
        let mode = std::fs::metadata(&path)
            .expect("it is there")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
        let names = std::fs::read_dir(folder.path().join("sub"))
            .expect("a folder")
            .count();
        assert_eq!(names, 1, "nothing is left beside it");
    }
}
