//! `import FILE`: make the keys be as the lines of an export say; what is so already is left alone.
//!
//! The lines are read three times: whether all can be read, which differ from what etcd holds, and to write those. Only
//! one bit for each line is remembered in between. Lines that are not in the order of their keys are sorted first.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Seek, SeekFrom, Write};
use std::path::Path;

use serde_json::{Map, Value};

use super::ls::Form;
use super::{Deadline, Endless, Since, Verb};
use crate::etcdctl::call::Call;
use crate::etcdctl::failure::{ERROR, Failure, INPUT, Outcome};
use crate::etcdctl::form::decoded;
use crate::etcdctl::form::record::{self, Head, Line, Record};
use crate::etcdctl::line::ask;
use crate::etcdctl::line::flag::Flag;
use crate::etcdctl::line::settings::io_text;
use crate::etcdctl::range::difference::{self, Difference, Kind};
use crate::etcdctl::range::load;

pub(super) const VERB: Verb = Verb {
    name: "import",
    arguments: "<file>",
    about: "put the keys of an export that differ from what is there; - is standard input",
    example: "import --diff service.jsonl\nimport --dest-prefix=/copy/ service.jsonl\ngzip -dc all.jsonl.gz | etcdsh e import - -y",
    flags: FLAGS,
    changes: true,
    deadline: Deadline::Command,
    endless: Endless::Never,
    since: Since::Native,
    run,
};

const FLAGS: &[Flag] = &[
    Flag::bool(
        "delete-extra",
        "delete keys below the prefix that the file does not have",
    ),
    Flag::text(
        "dest-prefix",
        "",
        "put the keys below this prefix instead of their own",
    ),
    Flag::bool("diff", "show what would change, and change nothing"),
    Flag::bool("dry-run", "the same as --diff"),
    Flag::bool(
        "leases",
        "give keys that had a lease a new one, as long as export --ttl has noted",
    ),
    Flag::int(
        "max-txn-ops",
        "128",
        "keys in one transaction; etcd's own limit is 128",
    ),
    Flag::text("prefix", "", "only keys that begin so"),
    Flag::bool("yes", "do not ask").short('y'),
];

/// Which keys are meant, and where they go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Route {
    only: Vec<u8>,
    /// What the beginning of a key is replaced by.
    to: Option<(Vec<u8>, Vec<u8>)>,
}

impl Route {
    fn key(&self, key: Vec<u8>) -> Option<Vec<u8>> {
        if !key.starts_with(&self.only) {
            return None;
        }
        let Some((from, to)) = &self.to else {
            return Some(key);
        };
        let rest = key.strip_prefix(from.as_slice())?;
        Some([to, rest].concat())
    }
}

/// The lines, which can be read again.
pub(in crate::etcdctl) struct Lines {
    file: File,
    name: String,
    route: Route,
}

/// What the first reading has found.
struct Survey {
    ascending: bool,
    head: Option<Head>,
}

fn run(call: &mut Call<'_>) -> Outcome {
    let [name] = call.words.as_slice() else {
        return Err(Failure::arguments(
            "import command takes one file, - is standard input",
        ));
    };
    let name = String::from_utf8_lossy(name).into_owned();
    let operations = usize::try_from(call.number("max-txn-ops"))
        .ok()
        .filter(|count| *count > 0);
    let operations = operations.ok_or_else(|| Failure::arguments("--max-txn-ops is at least 1"))?;
    let form = Form::of(call)?;
    let mut lines = Lines {
        file: open(call, &name)?,
        name,
        route: Route {
            only: call.text("prefix").into_bytes(),
            to: None,
        },
    };
    let survey = lines.survey()?;
    let area = area(call, &mut lines, survey.head.as_ref())?;
    if !survey.ascending {
        lines = lines.sorted()?;
    }
    let difference = difference::find(call, &lines, area.as_deref())?;
    show(call, form, &difference)?;
    let pretended = call.flag("diff") || call.flag("dry-run");
    if pretended || difference.writes() == 0 || !agreed(call, &difference)? {
        return report(call, form, &difference, None);
    }
    let transactions = load::write(call, &lines, &difference, operations)?;
    report(call, form, &difference, Some(transactions))
}

/// The file, or standard input in a file that nobody else sees.
fn open(call: &mut Call<'_>, name: &str) -> Outcome<File> {
    if name != "-" {
        return File::open(Path::new(name))
            .map_err(|error| Failure::arguments(format!("open {name}: {}", io_text(&error))));
    }
    let mut file = tempfile::tempfile()?;
    std::io::copy(&mut call.io.input, &mut file)?;
    Ok(file)
}

/// Settle where the keys go; with `--delete-extra` the result is the prefix that the file is all of.
fn area(call: &mut Call<'_>, lines: &mut Lines, head: Option<&Head>) -> Outcome<Option<Vec<u8>>> {
    let own = if call.given("prefix") {
        Some(lines.route.only.clone())
    } else {
        head.and_then(|head| head.prefix.clone())
    };
    if call.given("dest-prefix") {
        lines.route.to = Some((
            own.clone().unwrap_or_default(),
            call.text("dest-prefix").into_bytes(),
        ));
    }
    if !call.flag("delete-extra") {
        return Ok(None);
    }
    let own = own.ok_or_else(|| {
        Failure::arguments(
            "--delete-extra needs --prefix: the file does not say what it is an export of",
        )
    })?;
    Ok(Some(
        lines.route.to.as_ref().map_or(own, |(_, to)| to.clone()),
    ))
}

impl Lines {
    pub(in crate::etcdctl) fn read(&self) -> Outcome<Records<'_>> {
        let mut file = self.file.try_clone()?;
        file.seek(SeekFrom::Start(0))?;
        Ok(Records {
            input: BufReader::with_capacity(1 << 18, file),
            line: Vec::new(),
            lines: self,
            number: 0,
            start: 0,
            end: 0,
            head: None,
        })
    }

    /// Read all lines once: the first that is wrong ends it.
    fn survey(&self) -> Outcome<Survey> {
        let mut records = self.read()?;
        let mut ascending = true;
        let mut count = 0;
        let mut last: Option<Vec<u8>> = None;
        while let Some(line) = records.line()? {
            let Line::Record(record) = line else { continue };
            count += 1;
            if last.as_ref() == Some(&record.key) {
                return Err(records.wrong("its key was there on the line before"));
            }
            ascending &= last.as_ref().is_none_or(|last| *last < record.key);
            last = Some(record.key);
        }
        let head = records.head;
        match head.as_ref().and_then(|head| head.count) {
            Some(wanted) if wanted != count => Err(Failure::new(
                INPUT,
                format!(
                    "{}: the export is not complete, it holds {count} of {wanted} keys",
                    self.name
                ),
            )),
            _ => Ok(Survey { ascending, head }),
        }
    }

    /// The same lines in the order of their keys. Only the keys are held in memory.
    fn sorted(&self) -> Outcome<Lines> {
        let mut records = self.read()?;
        let mut places = Vec::new();
        while let Some(line) = records.line()? {
            if let Line::Record(record) = line {
                places.push((record.key, records.number, records.start, records.end));
            }
        }
        places.sort_unstable();
        if let Some(pair) = places.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            return Err(Failure::new(
                INPUT,
                format!(
                    "{}: line {}: its key was there on line {}",
                    self.name, pair[1].1, pair[0].1
                ),
            ));
        }
        let mut source = BufReader::new(self.file.try_clone()?);
        let mut target = BufWriter::with_capacity(1 << 18, tempfile::tempfile()?);
        let mut line = Vec::new();
        for (_, _, start, end) in places {
            // Cheap when the next line is near: the buffer is kept.
            let here = source.stream_position()?;
            source.seek_relative(start.cast_signed() - here.cast_signed())?;
            line.resize(usize::try_from(end - start).unwrap_or(0), 0);
            std::io::Read::read_exact(&mut source, &mut line)?;
            target.write_all(line.trim_ascii_end())?;
            target.write_all(b"\n")?;
        }
        let file = target
            .into_inner()
            .map_err(|error| Failure::new(ERROR, error.to_string()))?;
        Ok(Lines {
            file,
            name: self.name.clone(),
            route: self.route.clone(),
        })
    }
}

/// The lines on their way.
pub(in crate::etcdctl) struct Records<'a> {
    end: u64,
    head: Option<Head>,
    input: BufReader<File>,
    line: Vec<u8>,
    lines: &'a Lines,
    number: usize,
    /// Where the line begins and ends in the file.
    start: u64,
}

impl Records<'_> {
    /// The next record that is meant, with the key that it goes to.
    pub(in crate::etcdctl) fn next(&mut self) -> Outcome<Option<Record>> {
        while let Some(line) = self.line()? {
            let Line::Record(record) = line else { continue };
            if let Some(key) = self.lines.route.key(record.key) {
                if key.is_empty() {
                    return Err(self.wrong("nothing is left of its key"));
                }
                return Ok(Some(Record { key, ..record }));
            }
        }
        Ok(None)
    }

    fn line(&mut self) -> Outcome<Option<Line>> {
        loop {
            self.line.clear();
            let read = self.input.read_until(b'\n', &mut self.line)?;
            if read == 0 {
                return Ok(None);
            }
            self.number += 1;
            (self.start, self.end) = (self.end, self.end + read as u64);
            if self.line.trim_ascii().is_empty() {
                continue;
            }
            let line = record::parse(&self.line).map_err(|why| self.wrong(&why))?;
            if let Line::Head(head) = &line {
                self.head = Some(head.clone());
            }
            return Ok(Some(line));
        }
    }

    pub(in crate::etcdctl) fn wrong(&self, why: &str) -> Box<Failure> {
        Failure::new(
            INPUT,
            format!("{}: line {}: {why}", self.lines.name, self.number),
        )
    }
}

/// Some of the keys that would change.
fn show(call: &mut Call<'_>, form: Form, difference: &Difference) -> Outcome {
    if form == Form::Json {
        return Ok(());
    }
    for (kind, key) in &difference.sample {
        let sign = match kind {
            Kind::Change => "~",
            Kind::Create => "+",
            Kind::Delete => "-",
        };
        write!(call.io.out, "{sign} ")?;
        call.page()?.bytes_line(key)?;
    }
    let more = difference
        .writes()
        .saturating_sub(difference.sample.len() as u64);
    if more > 0 {
        call.say(format_args!("  and {more} more"))
    } else {
        Ok(())
    }
}

/// Yes was said: on the command line or now.
fn agreed(call: &mut Call<'_>, difference: &Difference) -> Outcome<bool> {
    if call.flag("yes") {
        return Ok(true);
    }
    if call.io.terminal {
        call.say(summary(difference))?;
        return if ask::yes(call.io, "change the cluster?")? {
            Ok(true)
        } else {
            Err(Failure::silent(1))
        };
    }
    if difference.deleted == 0 {
        return Ok(true);
    }
    Err(Failure::new(
        ERROR,
        format!("keys would be deleted: {}", difference.deleted),
    )
    .with_hint("-y says yes to it"))
}

fn summary(difference: &Difference) -> String {
    let Difference {
        changed,
        created,
        deleted,
        same,
        ..
    } = difference;
    format!("create {created}, change {changed}, delete {deleted}, leave {same}")
}

fn report(
    call: &mut Call<'_>,
    form: Form,
    difference: &Difference,
    transactions: Option<u64>,
) -> Outcome {
    if form == Form::Json {
        let sample = |wanted: Kind| {
            difference
                .sample
                .iter()
                .filter(move |(kind, _)| *kind == wanted)
                .map(|(_, key)| Value::from(String::from_utf8_lossy(key)))
                .collect()
        };
        let mut object = Map::new();
        for (name, count, kind) in [
            ("create", difference.created, Kind::Create),
            ("change", difference.changed, Kind::Change),
            ("delete", difference.deleted, Kind::Delete),
        ] {
            object.insert(name.into(), count.into());
            object.insert(format!("{name}_sample"), sample(kind));
        }
        object.insert("leave".into(), difference.same.into());
        object.insert("written".into(), transactions.is_some().into());
        return call.json_line(&decoded::object(object));
    }
    let done = match transactions {
        None => String::new(),
        Some(1) => ": done in 1 transaction".into(),
        Some(count) => format!(": done in {count} transactions"),
    };
    call.say(format_args!("{}{done}", summary(difference)))?;
    if difference.leases > 0 && transactions.is_some() && !call.flag("leases") {
        call.complain(format_args!(
            "{} of the keys had a lease and have none now; --leases gives them new ones",
            difference.leases
        ))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str, route: Route) -> Lines {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        Lines {
            file,
            name: "f".into(),
            route,
        }
    }

    fn keys(lines: &Lines) -> String {
        let mut records = lines.read().unwrap();
        let mut keys = Vec::new();
        while let Some(record) = records.next().unwrap() {
            keys.push(String::from_utf8(record.key).unwrap());
        }
        keys.join(" ")
    }

    #[test]
    fn keys_go_where_they_are_sent() {
        let text = "{\"key\":\"/a/1\",\"value\":\"\"}\n\n{\"key\":\"/b/2\",\"value\":\"\"}";
        let route = |only: &str, to: Option<(&str, &str)>| Route {
            only: only.into(),
            to: to.map(|(from, to)| (from.into(), to.into())),
        };
        for (route, wanted) in [
            (route("", None), "/a/1 /b/2"),
            (route("/b", None), "/b/2"),
            (route("/a/", Some(("/a/", "/x/"))), "/x/1"),
            (route("", Some(("", "/x"))), "/x/a/1 /x/b/2"),
        ] {
            assert_eq!(keys(&lines(text, route)), wanted);
        }
    }

    #[test]
    fn wrong_files_are_refused_before_anything_is_asked() {
        for (text, wanted) in [
            (
                "{\"export\":1,\"count\":2}\n{\"key\":\"a\",\"value\":\"\"}\n",
                "f: the export is not complete, it holds 1 of 2 keys",
            ),
            (
                "{\"key\":\"a\",\"value\":\"\"}\n\nhello\n",
                "f: line 3: expected value at column 1",
            ),
            (
                "{\"key\":\"a\",\"value\":\"\"}\n{\"key\":\"a\",\"value\":\"b\"}\n",
                "f: line 2: its key was there on the line before",
            ),
        ] {
            assert_eq!(
                lines(text, Route::default())
                    .survey()
                    .err()
                    .map(|failure| failure.text().to_string())
                    .as_deref(),
                Some(wanted)
            );
        }
    }

    #[test]
    fn lines_in_another_order_are_sorted() {
        let line = |key: &str| format!("{{\"key\":\"{key}\",\"value\":\"v{key}\"}}");
        let mixed = lines(
            &[line("c"), line("a"), line("b")].join("\n"),
            Route::default(),
        );
        assert!(!mixed.survey().unwrap().ascending);
        assert_eq!(keys(&mixed.sorted().unwrap()), "a b c");
        let twice = lines(
            &[line("c"), line("a"), line("c")].join("\n"),
            Route::default(),
        );
        assert_eq!(
            twice
                .sorted()
                .err()
                .map(|failure| failure.text().to_string())
                .as_deref(),
            Some("f: line 3: its key was there on line 1")
        );
    }
}
