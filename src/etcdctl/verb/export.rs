//! `export [PREFIX] [FILE]`: all keys of one revision as JSON lines, which `import` reads.

use std::collections::HashMap;
use std::io::{BufWriter, Write};
use std::path::PathBuf;

use super::{Deadline, Endless, Since, Verb};
use crate::etcdctl::call::Call;
use crate::etcdctl::failure::{ERROR, Failure, Outcome};
use crate::etcdctl::form::record;
use crate::etcdctl::line::flag::Flag;
use crate::etcdctl::line::settings::io_text;
use crate::etcdctl::range::pages::{self, Query};
use crate::output_file::OutputFile;

pub(super) const VERB: Verb = Verb {
    name: "export",
    arguments: "[prefix] [file]",
    about: "write all keys below a prefix as JSON lines, to a file or to standard output",
    example: "export /service/ service.jsonl\nexport --rev=1000 | gzip > all.jsonl.gz",
    flags: FLAGS,
    changes: false,
    deadline: Deadline::Command,
    endless: Endless::Never,
    since: Since::Native,
    run,
};

const FLAGS: &[Flag] = &[
    Flag::int(
        "rev",
        "0",
        "the keys as they were at this revision; 0 is now",
    ),
    Flag::bool(
        "ttl",
        "note for keys with a lease how many seconds it has left",
    ),
];

fn run(call: &mut Call<'_>) -> Outcome {
    if call.words.len() > 2 {
        return Err(Failure::arguments(
            "export command takes a prefix and a file",
        ));
    }
    let prefix = call.words.first().cloned().unwrap_or_default();
    let mut file = match call
        .words
        .get(1)
        .map(|word| String::from_utf8_lossy(word).into_owned())
    {
        Some(name) if name != "-" => {
            let name = PathBuf::from(name);
            // Values may be secrets.
            let file = OutputFile::create(&name, 0o600).map_err(|error| trouble(&name, &error))?;
            Some((BufWriter::with_capacity(1 << 18, file), name))
        }
        _ => None,
    };
    let (start, query) = Query::prefix(&prefix);
    let query = Query {
        rev: call.number("rev"),
        ..query
    };
    let mut leases = Leases {
        asked: HashMap::new(),
        wanted: call.flag("ttl"),
    };
    let (mut first, mut revision, mut written) = (true, query.rev, 0);
    pages::each(call, start, query, |call, page| {
        let left = page
            .kvs
            .iter()
            .map(|kv| leases.left(call, kv.lease))
            .collect::<Outcome<Vec<_>>>()?;
        let out: &mut dyn Write = match &mut file {
            Some((file, _)) => file,
            None => &mut *call.io.out,
        };
        if std::mem::take(&mut first) {
            if revision == 0 {
                revision = page.header.map_or(0, |header| header.revision);
            }
            record::write_head(out, &prefix, revision, page.count)?;
        }
        written += page.kvs.len();
        page.kvs
            .iter()
            .zip(left)
            .try_for_each(|(kv, ttl)| record::write(out, kv, ttl))?;
        Ok(())
    })?;
    let Some((file, name)) = file else {
        return Ok(());
    };
    file.into_inner()
        .map_err(std::io::IntoInnerError::into_error)
        .and_then(OutputFile::finish)
        .map_err(|error| trouble(&name, &error))?;
    let name = name.display();
    let keys = if written == 1 { "key" } else { "keys" };
    call.complain(format_args!(
        "{written} {keys} of revision {revision} exported to {name}"
    ))
}

/// How long the leases have left; each is asked for once.
struct Leases {
    asked: HashMap<i64, i64>,
    wanted: bool,
}

impl Leases {
    fn left(&mut self, call: &mut Call<'_>, lease: i64) -> Outcome<Option<i64>> {
        if lease == 0 || !self.wanted {
            return Ok(None);
        }
        if let Some(left) = self.asked.get(&lease) {
            return Ok(Some(*left));
        }
        let left = call
            .read(async |etcd| etcd.lease().time_to_live(lease, None).await)?
            .ttl();
        self.asked.insert(lease, left);
        Ok(Some(left))
    }
}

fn trouble(path: &std::path::Path, error: &std::io::Error) -> Box<Failure> {
    Failure::new(
        ERROR,
        format!("cannot write {}: {}", path.display(), io_text(error)),
    )
}
