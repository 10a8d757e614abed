//! `snapshot status FILE`: what is in a snapshot, read from the file itself.
//!
//! etcdctl has it up to 3.5, where it points to etcdutl; native mode has it always, and looks at the hash of the file, too.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use serde_json::{Value, json};

use crate::error::Error;
use crate::etcd::{SnapshotHash, SnapshotStatus, live_keys, snapshot_hash, snapshot_status};
use crate::etcdctl::Layout;
use crate::etcdctl::call::Call;
use crate::etcdctl::failure::{ERROR, Failure, Outcome};
use crate::etcdctl::form::go;
use crate::etcdctl::form::json::Object;
use crate::etcdctl::form::print::{Page, Reply};
use crate::etcdctl::form::table::Table;
use crate::etcdctl::verb::{Deadline, Endless, Since, Verb};

pub(in crate::etcdctl::verb) const VERB: Verb = Verb {
    name: "snapshot status",
    arguments: "<file>",
    about: "show hash, revision, number of keys and size of a snapshot file",
    example: "snapshot status /backup/etcd.db -w table",
    flags: &[],
    changes: false,
    deadline: Deadline::Local,
    endless: Endless::Never,
    since: Since::UpTo35,
    run,
};

/// Before what comes after it in the message of a file whose pages are broken.
const BROKEN: &str = "snapshot file integrity check failed";

fn run(call: &mut Call<'_>) -> Outcome {
    if call.style.strict {
        call.complain("Deprecated: Use `etcdutl snapshot status` instead.\n")?;
    }
    shown(call)
}

/// The same of etcdutl, which counts the keys that live, since 3.6.
pub(in crate::etcdctl::verb) fn shown(call: &mut Call<'_>) -> Outcome {
    if call.words.len() != 1 {
        return Err(Failure::arguments(
            "snapshot status requires exactly one argument",
        ));
    }
    call.format()?;
    let word = call.words[0].clone();
    let path = Path::new(OsStr::from_bytes(&word));
    let mut status = snapshot_status(path).map_err(|error| failed(call, &error))?;
    if call.style.is_etcdutl() && call.style.layout >= Layout::V36 {
        status.total_key = live_keys(path).map_err(|error| failed(call, &error))?;
    }
    call.reply(&status)?;
    if call.style.strict {
        return Ok(());
    }
    match snapshot_hash(path).map_err(|error| failed(call, &error))? {
        SnapshotHash::Differs { .. } => Err(Failure::of_error(&damaged(path))),
        SnapshotHash::Absent | SnapshotHash::Matches => Ok(()),
    }
}

pub(super) fn damaged(path: &Path) -> Box<Error> {
    Error::config(format!(
        "{} is damaged: its bytes do not match the sha256 at its end",
        path.display()
    ))
}

fn failed(call: &Call<'_>, error: &Error) -> Box<Failure> {
    if call.style.strict {
        strict_failure(error)
    } else {
        Failure::of_error(error)
    }
}

/// With what etcdctl says of broken pages, and without a hint.
pub(super) fn strict_failure(error: &Error) -> Box<Failure> {
    let lines: &[String] = if error.what.starts_with(BROKEN) {
        &error.causes
    } else {
        &[]
    };
    Failure::new(
        ERROR,
        std::iter::once(&error.what)
            .chain(lines)
            .cloned()
            .collect::<Vec<_>>()
            .join("\n"),
    )
}

impl Reply for SnapshotStatus {
    fn simple(&self, page: &mut Page<'_>) -> Outcome {
        page.line(row(self, page.layout).join(", "))
    }

    fn json(&self, page: &mut Page<'_>) -> Outcome {
        let layout = page.layout;
        Ok(Object::write(page.out, |object| {
            object.raw("hash", self.hash)?;
            object.raw("revision", self.revision)?;
            object.raw("totalKey", self.total_key)?;
            object.raw("totalSize", self.total_size)?;
            if layout >= Layout::V36 {
                object.string("version", &self.version)
            } else {
                Ok(())
            }
        })?)
    }

    fn decoded(&self) -> Option<Value> {
        Some(
            json!({ "hash": format!("{:x}", self.hash), "revision": self.revision, "keys": self.total_key, "size": self.total_size, "version": self.version }),
        )
    }

    fn fields(&self, page: &mut Page<'_>) -> Outcome {
        page.field("Hash", self.hash)?;
        page.field("Revision", self.revision)?;
        page.field("Keys", self.total_key)?;
        page.field("Size", self.total_size)?;
        if page.layout >= Layout::V36 {
            page.field("Version", &self.version)
        } else {
            Ok(())
        }
    }

    fn table(&self, page: &Page<'_>) -> Outcome<Table> {
        let columns = ["hash", "revision", "total keys", "total size", "version"];
        let row = row(self, page.layout);
        Ok(Table {
            rows: vec![row.clone()],
            ..Table::new(&columns[..row.len()])
        })
    }
}

/// The version is etcdutl's column, since 3.6.
fn row(status: &SnapshotStatus, layout: Layout) -> Vec<String> {
    let mut row = vec![
        format!("{:x}", status.hash),
        status.revision.to_string(),
        status.total_key.to_string(),
        go::size(status.total_size.cast_unsigned()),
    ];
    if layout >= Layout::V36 {
        row.push(status.version.clone());
    }
    row
}
