//! `hashkv FILE`: the hash of all keys and their history, as `endpoint hashkv` of a member with this database.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::etcd::{HashKv, hash_kv};
use crate::etcdctl::call::Call;
use crate::etcdctl::failure::{ERROR, Failure, Outcome};
use crate::etcdctl::form::json::Object;
use crate::etcdctl::form::print::{Page, Reply};
use crate::etcdctl::form::table::Table;
use crate::etcdctl::line::flag::Flag;
use crate::etcdctl::verb::{Deadline, Endless, Since, Verb};

pub(super) const VERB: Verb = Verb {
    name: "hashkv",
    arguments: "<filename>",
    about: "print the hash of all keys and their history in a file",
    example: "",
    flags: &[Flag::int(
        "rev",
        "0",
        "up to this revision; 0 is the newest one",
    )],
    changes: false,
    deadline: Deadline::Local,
    endless: Endless::Never,
    since: Since::V36,
    run,
};

fn run(call: &mut Call<'_>) -> Outcome {
    let [file] = call.words.as_slice() else {
        let count = call.words.len();
        return Err(Failure::usage(format!(
            "accepts 1 arg(s), received {count}"
        )));
    };
    let path = Path::new(OsStr::from_bytes(file)).to_path_buf();
    call.format()?;
    let hash = hash_kv(&path, call.number("rev"))
        .map_err(|error| Failure::new(ERROR, error.headline()))?;
    call.reply(&hash)
}

impl Reply for HashKv {
    fn simple(&self, page: &mut Page<'_>) -> Outcome {
        page.line(row(self).join(", "))
    }

    fn json(&self, page: &mut Page<'_>) -> Outcome {
        Ok(Object::write(page.out, |object| {
            object.raw("hash", self.hash)?;
            object.raw("hashRevision", self.revision)?;
            object.raw("compactRevision", self.compact_revision)
        })?)
    }

    fn fields(&self, page: &mut Page<'_>) -> Outcome {
        page.field("Hash", self.hash)?;
        page.field("Hash revision", self.revision)?;
        page.field("Compact revision", self.compact_revision)
    }

    fn table(&self, _: &Page<'_>) -> Outcome<Table> {
        Ok(Table {
            rows: vec![row(self)],
            ..Table::new(&["hash", "hash revision", "compact revision"])
        })
    }
}

fn row(hash: &HashKv) -> Vec<String> {
    vec![
        hash.hash.to_string(),
        hash.revision.to_string(),
        hash.compact_revision.to_string(),
    ]
}
