//! `watch KEY [RANGE_END] [-- COMMAND...]`: print what happens to keys, and run a command for each event; with `-i` many
//! watches, asked for line by line.

use std::collections::{HashMap, VecDeque};
use std::io::{self, BufRead};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, channel, sync_channel};

use prost::Message;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::{Deadline, Endless, Since, Verb};
use crate::etcd::raw::{PbEvent, PbKeyValue, PbWatchResponse};
use crate::etcd::{Fault, Told, Watched, Watches, prefix_end};
use crate::etcdctl::Style;
use crate::etcdctl::call::Call;
use crate::etcdctl::failure::{
    ARGUMENTS, ERROR, Failure, INPUT, INTERRUPTED, Outcome, strict_text,
};
use crate::etcdctl::form::go;
use crate::etcdctl::form::json::Object;
use crate::etcdctl::form::print::{Format, Page, Reply, json_header, json_kv};
use crate::etcdctl::form::table::Table;
use crate::etcdctl::line::flag::{self, Flag, HELP, Values};
use crate::etcdctl::line::words;
use crate::etcdctl::wait::child::{self, Ended};
use crate::etcdctl::wait::stop::{Stop, TICK};

pub(super) const VERB: Verb = Verb {
    name: "watch",
    arguments: "[key or prefix] [range_end] [--] [command arg1 arg2 ...]",
    about: "print what happens to a key, a range or a prefix",
    example: "watch --prefix /service/pg-test/\nwatch --rev=100 --prev-kv greeting\nwatch greeting -- sh -c 'echo $ETCD_WATCH_VALUE'",
    flags: FLAGS,
    changes: false,
    deadline: Deadline::Never,
    endless: Endless::Always,
    since: Since::Always,
    run,
};

const FLAGS: &[Flag] = &[
    Flag::bool(
        "interactive",
        "read watches from standard input, one a line, and `progress`",
    )
    .short('i'),
    Flag::bool("prefix", "watch all keys that begin so"),
    Flag::bool("prev-kv", "print the pair that was there before, too"),
    Flag::bool(
        "progress-notify",
        "print from time to time how far the watch has come",
    ),
    Flag::int("rev", "0", "the first revision to print; 0 is the next one"),
];

const BAD_ARGUMENTS: &str = "bad number of arguments";
const CONFLICT: &str = "bad number of arguments (found conflicting environment key)";
const NO_COMMAND: &str = "bad number of arguments (found separator --, but no commands)";

/// Replies that may wait to be printed.
const WAITING: usize = 64;

/// Key and end of the range, given by variables.
#[derive(Default)]
struct Environment(Vec<Vec<u8>>);

impl Environment {
    fn of(style: &Style) -> Outcome<Environment> {
        let (key, end) = (
            style.variable("ETCDCTL_WATCH_KEY"),
            style.variable("ETCDCTL_WATCH_RANGE_END"),
        );
        if let (None, Some(end)) = (&key, &end) {
            return Err(Failure::arguments(format!(
                "ETCDCTL_WATCH_KEY is empty but got ETCDCTL_WATCH_RANGE_END={}",
                go::quote(end.as_bytes())
            )));
        }
        Ok(Environment(
            [key, end]
                .into_iter()
                .flatten()
                .map(String::into_bytes)
                .collect(),
        ))
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Words in front of `--` and the command behind it.
struct Words {
    command: Vec<Vec<u8>>,
    keys: Vec<Vec<u8>>,
}

impl Words {
    fn split(values: &Values, mut words: Vec<Vec<u8>>) -> Words {
        let command = words.split_off(values.before_dashes.unwrap_or(words.len()));
        Words {
            command,
            keys: words,
        }
    }

    /// Neither a command where `--` is, nor keys in two places.
    fn check(
        &self,
        values: &Values,
        environment: &Environment,
        interactive: bool,
    ) -> Result<(), &'static str> {
        let dashes = values.before_dashes.is_some();
        if dashes && self.command.is_empty() {
            return Err(NO_COMMAND);
        }
        if environment.is_empty() {
            return if interactive && !dashes && self.keys.is_empty() {
                Err(BAD_ARGUMENTS)
            } else {
                Ok(())
            };
        }
        // On a line with a command etcdctl does not look.
        if self.keys.is_empty() || interactive && dashes {
            Ok(())
        } else {
            Err(CONFLICT)
        }
    }
}

/// What is to be watched.
fn watched(
    values: &Values,
    environment: &Environment,
    keys: &[Vec<u8>],
) -> Result<Watched, &'static str> {
    let flag = |name| values.given(name).and_then(go::parse_bool).unwrap_or(false);
    let keys: Vec<&Vec<u8>> = environment.0.iter().chain(keys).collect();
    let mut key = keys.first().copied().ok_or(BAD_ARGUMENTS)?.clone();
    let mut end = Vec::new();
    if keys.len() == 2 {
        if flag("prefix") {
            return Err("`range_end` and `--prefix` are mutually exclusive");
        }
        end.clone_from(keys[1]);
    } else if flag("prefix") {
        end = if key.is_empty() {
            vec![0]
        } else {
            prefix_end(&key)
        };
        if key.is_empty() {
            key = vec![0];
        }
    }
    let revision = values
        .given("rev")
        .and_then(|text| go::parse_int(text, 0).ok())
        .unwrap_or(0);
    Ok(Watched {
        end,
        key,
        prev_kv: flag("prev-kv"),
        progress_notify: flag("progress-notify"),
        revision,
    })
}

fn run(call: &mut Call<'_>) -> Outcome {
    let environment = Environment::of(call.style)?;
    if call.flag("interactive") {
        return interactive(call, &environment);
    }
    let words = Words::split(&call.values, call.words.clone());
    words
        .check(&call.values, &environment, false)
        .map_err(Failure::arguments)?;
    if words.keys.is_empty() && words.command.is_empty() && environment.is_empty() {
        return Err(Failure::arguments(BAD_ARGUMENTS));
    }
    call.client()?;
    let watched = watched(&call.values, &environment, &words.keys).map_err(Failure::arguments)?;
    let (sender, happenings) = sync_channel(WAITING);
    let mut shown = Shown::new(sender, false);
    shown.add(call, watched, words.command)?;
    loop {
        match next(&happenings, &call.style.stop) {
            None => return Ok(()),
            Some(happening) => shown.heed(call, happening)?,
        }
    }
}

/// What the one that prints has to look at.
enum Happening {
    /// The commands for the events of a watch have run.
    Ran(usize, Result<(), (Vec<Vec<u8>>, Ended)>),
    Read(io::Result<Option<Vec<u8>>>),
    Told(Told),
}

impl From<Told> for Happening {
    fn from(told: Told) -> Happening {
        Happening::Told(told)
    }
}

/// The next one; nothing when the end is asked for.
fn next(happenings: &Receiver<Happening>, stop: &Stop) -> Option<Happening> {
    while !stop.asked() {
        match happenings.recv_timeout(TICK) {
            Ok(happening) => return Some(happening),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return None,
        }
    }
    None
}

/// What comes of a watch.
enum News {
    Ended(String),
    Response(PbWatchResponse),
}

/// A watch that is printed.
struct One {
    command: Vec<Vec<u8>>,
    /// Its command runs, and what came since has to wait.
    running: bool,
    waiting: VecDeque<News>,
}

struct Shown {
    interactive: bool,
    sender: SyncSender<Happening>,
    watches: HashMap<usize, One>,
    /// Made when it is first needed.
    source: Option<Watches>,
}

impl Shown {
    fn new(sender: SyncSender<Happening>, interactive: bool) -> Shown {
        Shown {
            interactive,
            sender,
            source: None,
            watches: HashMap::new(),
        }
    }

    fn add(&mut self, call: &mut Call<'_>, watched: Watched, command: Vec<Vec<u8>>) -> Outcome {
        if self.source.is_none() {
            let patience = call.patience()?;
            self.source = Some(Watches::open(call.client()?, patience, self.sender.clone()));
        }
        if let Some(source) = &mut self.source {
            self.watches.insert(
                source.add(watched),
                One {
                    command,
                    running: false,
                    waiting: VecDeque::new(),
                },
            );
        }
        Ok(())
    }

    fn heed(&mut self, call: &mut Call<'_>, happening: Happening) -> Outcome {
        match happening {
            Happening::Ran(_, Err((command, ended))) => {
                let words: Vec<String> = command.iter().map(|word| go::quote(word)).collect();
                call.complain(format_args!(
                    "command [{}] error ({})",
                    words.join(" "),
                    ended.text
                ))?;
                Err(Failure::silent(ERROR))
            }
            Happening::Ran(number, Ok(())) => {
                let Some(one) = self.watches.get_mut(&number) else {
                    return Ok(());
                };
                one.running = false;
                self.catch_up(call, number)
            }
            Happening::Read(_) => Ok(()),
            Happening::Told(Told::Ended(number, reason)) => {
                let reason = if call.style.strict {
                    reason.raw()
                } else {
                    reason.text()
                };
                self.news(call, number, News::Ended(reason.to_string()))
            }
            Happening::Told(Told::Response(number, response)) => {
                self.news(call, number, News::Response(response))
            }
            Happening::Told(Told::Failed(fault)) => self.failed(call, &fault),
            Happening::Told(Told::Lost(why)) => notice(call, &format!("connection lost: {why}")),
            Happening::Told(Told::Back(endpoint)) => {
                notice(call, &format!("connected again, to {endpoint}"))
            }
        }
    }

    fn news(&mut self, call: &mut Call<'_>, number: usize, news: News) -> Outcome {
        let Some(one) = self.watches.get_mut(&number) else {
            return Ok(());
        };
        one.waiting.push_back(news);
        self.catch_up(call, number)
    }

    /// Print what waits, up to the next command that runs.
    fn catch_up(&mut self, call: &mut Call<'_>, number: usize) -> Outcome {
        while let Some(one) = self.watches.get_mut(&number).filter(|one| !one.running) {
            let Some(news) = one.waiting.pop_front() else {
                break;
            };
            let response = match news {
                News::Ended(reason) => {
                    self.watches.remove(&number);
                    self.cancelled(call, &reason, None)?;
                    continue;
                }
                News::Response(response) => response,
            };
            if response.canceled {
                self.watches.remove(&number);
                self.cancelled(
                    call,
                    "etcdserver: mvcc: required revision has been compacted",
                    Some(&response),
                )?;
                continue;
            }
            if !one.command.is_empty() && !response.events.is_empty() {
                one.running = true;
            }
            let command = one.running.then(|| one.command.clone());
            show(call, &response)?;
            if let Some(command) = command {
                let (sender, style) = (self.sender.clone(), call.style.clone());
                std::thread::spawn(move || {
                    let ran =
                        run_for(&command, &response, &style).map_err(|ended| (command, ended));
                    let _ = sender.send(Happening::Ran(number, ran));
                });
            }
        }
        Ok(())
    }

    /// etcd ended the watch. That is the end of the command, too, unless there are others.
    fn cancelled(
        &self,
        call: &mut Call<'_>,
        reason: &str,
        response: Option<&PbWatchResponse>,
    ) -> Outcome {
        call.complain(format_args!("watch was canceled ({reason})"))?;
        let cancelled = PbWatchResponse {
            canceled: true,
            ..Default::default()
        };
        reply(
            call,
            &Printed {
                response: response.unwrap_or(&cancelled),
                from_etcd: response.is_some(),
            },
        )?;
        if self.interactive {
            return Ok(());
        }
        let failure = Failure::new(INTERRUPTED, "watch is canceled by the server");
        Err(match response {
            Some(response) if !call.style.strict => failure.with_hint(format!(
                "the history begins at revision {}: --rev={0}",
                response.compact_revision
            )),
            _ => failure,
        })
    }

    /// No watch goes on.
    fn failed(&mut self, call: &mut Call<'_>, fault: &Fault) -> Outcome {
        self.source = None;
        if !call.style.strict {
            return Err(call.failed(fault));
        }
        let count = std::mem::take(&mut self.watches).len();
        (0..count).try_for_each(|_| self.cancelled(call, &strict_text(fault), None))
    }
}

fn notice(call: &mut Call<'_>, text: &str) -> Outcome {
    if call.style.strict {
        Ok(())
    } else {
        call.complain(text)
    }
}

fn show(call: &mut Call<'_>, response: &PbWatchResponse) -> Outcome {
    let revision = response.header.as_ref().map_or(0, |header| header.revision);
    if response.events.is_empty() && revision != 0 {
        call.say(format_args!("progress notify: {revision}"))?;
    }
    reply(
        call,
        &Printed {
            response,
            from_etcd: true,
        },
    )
}

fn reply(call: &mut Call<'_>, told: &Printed<'_>) -> Outcome {
    // A table of native mode has only rows for events.
    if call.style.strict || !told.response.events.is_empty() || call.format()? != Format::Table {
        call.reply(told)?;
    }
    Ok(call.io.out.flush()?)
}

/// Run the command for each event.
fn run_for(command: &[Vec<u8>], response: &PbWatchResponse, style: &Style) -> Result<(), Ended> {
    let revision = response.header.as_ref().map_or(0, |header| header.revision);
    response.events.iter().try_for_each(|event| {
        let mut child = child::command(command, style);
        let kv = event.kv.clone().unwrap_or_default();
        child.env("ETCD_WATCH_REVISION", revision.to_string());
        child.env("ETCD_WATCH_EVENT_TYPE", go::quote(kind(event).as_bytes()));
        child.env("ETCD_WATCH_KEY", go::quote(&kv.key));
        child.env("ETCD_WATCH_VALUE", go::quote(&kv.value));
        child::run(child)
    })
}

/// Watches from standard input.
fn interactive(call: &mut Call<'_>, environment: &Environment) -> Outcome {
    call.client()?;
    let (sender, happenings) = sync_channel(WAITING);
    let mut shown = Shown::new(sender.clone(), true);
    // The reader holds the input while the rest of the call prints.
    let input = std::mem::replace(&mut call.io.input, Box::leak(Box::new(io::empty())));
    let (stdin, done) = (call.io.stdin, Stop::default());
    std::thread::scope(|scope| {
        let (more, wanted) = channel::<()>();
        let over = done.clone();
        let _ = more.send(());
        scope.spawn(move || {
            let mut lines = Lines {
                buffer: Vec::new(),
                input,
                over,
                stdin,
            };
            // One line at a time, so that nothing is read behind the one that ends the command.
            while wanted.recv().is_ok() && sender.send(Happening::Read(lines.next())).is_ok() {}
        });
        let outcome = (|| {
            while let Some(happening) = next(&happenings, &call.style.stop) {
                let Happening::Read(read) = happening else {
                    shown.heed(call, happening)?;
                    continue;
                };
                match read {
                    Ok(Some(line)) => order(call, &mut shown, environment, &line)?,
                    Ok(None) => {
                        return Err(Failure::new(INPUT, "error reading watch request line: EOF"));
                    }
                    Err(error) => {
                        return Err(Failure::new(
                            INPUT,
                            format!("error reading watch request line: {error}"),
                        ));
                    }
                }
                let _ = more.send(());
            }
            Ok(())
        })();
        done.ask();
        drop((more, happenings));
        outcome
    })
}

/// A line of input: `watch ...` or `progress`.
fn order(
    call: &mut Call<'_>,
    shown: &mut Shown,
    environment: &Environment,
    line: &[u8],
) -> Outcome {
    let text = String::from_utf8_lossy(line).into_owned();
    let words = words::split(line).ok_or_else(|| Failure::new(INPUT, "invalid syntax"))?;
    match words.first().map(Vec::as_slice) {
        None => {
            return call.complain(format_args!(
                "Invalid command: {text} (watch and progress supported)"
            ));
        }
        Some(b"progress") => {
            if let Some(source) = &shown.source {
                source.progress();
            }
            return Ok(());
        }
        Some(b"watch") => {}
        Some(_) => {
            return call.complain(format_args!("Invalid command {text} (only support watch)"));
        }
    }
    if words.len() < 2 && environment.is_empty() {
        return call.complain(format_args!(
            "Invalid command {text} (command type or key is not provided)"
        ));
    }
    let flags: Vec<&'static Flag> = std::iter::once(&HELP).chain(FLAGS).collect();
    let (values, words) = flag::parse(&words[1..], &flags)
        .map_err(|failure| Failure::new(ARGUMENTS, failure.text()))?;
    if values.given("help").is_some() {
        return Err(Failure::arguments("pflag: help requested"));
    }
    let words = Words::split(&values, words);
    words
        .check(&values, environment, true)
        .map_err(Failure::arguments)?;
    match watched(&values, environment, &words.keys) {
        Ok(watched) => shown.add(call, watched, words.command),
        Err(why) => call.complain(format_args!("Invalid command {text} ({why})")),
    }
}

/// Lines of the input, waited for until the command is over.
struct Lines<'i> {
    buffer: Vec<u8>,
    input: &'i mut (dyn BufRead + Send),
    over: Stop,
    stdin: bool,
}

impl Lines<'_> {
    /// The next line without its end; nothing at the end of the input, whatever stands before it.
    fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
        loop {
            if let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let mut line: Vec<u8> = self.buffer.drain(..=end).collect();
                line.pop();
                return Ok(Some(line));
            }
            if self.stdin && !self.ready()? {
                return Ok(None);
            }
            let read = self.input.fill_buf()?;
            if read.is_empty() {
                return Ok(None);
            }
            let length = read.len();
            self.buffer.extend_from_slice(read);
            self.input.consume(length);
        }
    }

    /// Wait until there is something to read; false when the command is over.
    fn ready(&self) -> io::Result<bool> {
        let stdin = io::stdin();
        let tick = Timespec {
            tv_sec: 0,
            tv_nsec: TICK.subsec_nanos().into(),
        };
        while !self.over.asked() {
            match poll(&mut [PollFd::new(&stdin, PollFlags::IN)], Some(&tick)) {
                Ok(0) | Err(rustix::io::Errno::INTR) => {}
                Ok(_) => return Ok(true),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(false)
    }
}

/// What is printed of a watch; not all of it comes from etcd.
struct Printed<'r> {
    from_etcd: bool,
    response: &'r PbWatchResponse,
}

/// As etcd names it; one that is not known is a number.
fn kind(event: &PbEvent) -> String {
    match event.r#type {
        0 => "PUT".into(),
        1 => "DELETE".into(),
        other => other.to_string(),
    }
}

impl Reply for Printed<'_> {
    fn simple(&self, page: &mut Page<'_>) -> Outcome {
        self.response.events.iter().try_for_each(|event| {
            page.line(kind(event))?;
            event.prev_kv.as_ref().map_or(Ok(()), |kv| page.pair(kv))?;
            page.pair(event.kv.as_ref().unwrap_or(&PbKeyValue::default()))
        })
    }

    fn json(&self, page: &mut Page<'_>) -> Outcome {
        let response = self.response;
        Ok(Object::write(page.out, |object| {
            object.object("Header", |object| {
                json_header(object, &response.header.unwrap_or_default())
            })?;
            if self.from_etcd {
                object.array("Events", &response.events, json_event)?;
            } else {
                object.raw("Events", "null")?;
            }
            object.raw("CompactRevision", response.compact_revision)?;
            object.raw("Canceled", response.canceled)?;
            object.raw("Created", response.created)
        })?)
    }

    fn fields(&self, page: &mut Page<'_>) -> Outcome {
        page.header_fields(self.response.header.as_ref())?;
        self.response.events.iter().try_for_each(|event| {
            page.field("Type", kind(event))?;
            event
                .prev_kv
                .as_ref()
                .map_or(Ok(()), |kv| page.kv_fields("Prev", kv))?;
            page.kv_fields("", event.kv.as_ref().unwrap_or(&PbKeyValue::default()))
        })
    }

    fn protobuf(&self) -> Outcome<Vec<u8>> {
        // etcdctl keeps the id and the reason to itself, and writes a header also when there is none.
        let header = Some(self.response.header.unwrap_or_default());
        Ok(PbWatchResponse {
            cancel_reason: String::new(),
            header,
            watch_id: 0,
            ..self.response.clone()
        }
        .encode_to_vec())
    }

    fn native_table(&self, page: &Page<'_>) -> Outcome<Table> {
        let mut table = Table::left(&["event", "key", "value", "version", "modified", "lease"]);
        for event in &self.response.events {
            let kv = event.kv.clone().unwrap_or_default();
            let lease = if kv.lease == 0 {
                String::new()
            } else {
                format!("{:x}", kv.lease)
            };
            table.rows.push(vec![
                kind(event),
                page.cell(&kv.key),
                page.cell(&kv.value),
                kv.version.to_string(),
                kv.mod_revision.to_string(),
                lease,
            ]);
        }
        Ok(table)
    }
}

fn json_event(page: &mut dyn io::Write, event: &PbEvent) -> io::Result<()> {
    Object::write(page, |object| {
        object.some_number("type", event.r#type)?;
        if let Some(kv) = &event.kv {
            json_kv(object.name("kv")?, kv)?;
        }
        event
            .prev_kv
            .as_ref()
            .map_or(Ok(()), |kv| json_kv(object.name("prev_kv")?, kv))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::etcdctl::form::print::{Layout, reply};

    fn read(line: &str, environment: &[&str], interactive: bool) -> Result<String, String> {
        let words = words::split(line.as_bytes()).unwrap();
        let flags: Vec<&'static Flag> = FLAGS.iter().collect();
        let (values, words) = flag::parse(&words, &flags).unwrap();
        let environment = Environment(
            environment
                .iter()
                .map(|word| word.as_bytes().to_vec())
                .collect(),
        );
        let words = Words::split(&values, words);
        words.check(&values, &environment, interactive)?;
        let watched = watched(&values, &environment, &words.keys)?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ok(format!(
            "{}..{} @{} {}",
            text(&watched.key),
            text(&watched.end),
            watched.revision,
            words.command.len()
        ))
    }

    #[test]
    fn keys_and_commands_are_told_apart() {
        for (line, environment, interactive, wanted) in [
            ("k", &[][..], false, Ok("k.. @0 0")),
            ("k --rev 5 kz", &[], false, Ok("k..kz @5 0")),
            ("--prefix k", &[], false, Ok("k..l @0 0")),
            ("--prefix \"\"", &[], false, Ok("\0..\0 @0 0")),
            ("a b c", &[], false, Ok("a.. @0 0")),
            ("k --rev 5 -- echo --rev x", &[], false, Ok("k.. @5 3")),
            ("k -- k k", &[], false, Ok("k.. @0 2")),
            ("k --", &[], false, Err(NO_COMMAND)),
            (
                "a b --prefix",
                &[],
                false,
                Err("`range_end` and `--prefix` are mutually exclusive"),
            ),
            ("-- echo", &[], true, Err(BAD_ARGUMENTS)),
            ("--rev 2", &[], true, Err(BAD_ARGUMENTS)),
            ("--rev 2", &["k", "kz"], false, Ok("k..kz @2 0")),
            ("-- echo", &["k"], false, Ok("k.. @0 1")),
            ("a", &["k"], false, Err(CONFLICT)),
            ("a -- echo", &["k"], false, Err(CONFLICT)),
            ("a -- echo", &["k"], true, Ok("k..a @0 1")),
        ] {
            assert_eq!(
                read(line, environment, interactive),
                wanted.map(str::to_string).map_err(str::to_string),
                "{line}"
            );
        }
    }

    #[test]
    fn an_event_of_an_unknown_kind_is_a_number() {
        let event = PbEvent {
            r#type: 7,
            ..Default::default()
        };
        let response = PbWatchResponse {
            events: vec![event],
            ..Default::default()
        };
        let printed = |format| {
            let mut out = Vec::new();
            reply(
                &Printed {
                    from_etcd: true,
                    response: &response,
                },
                format,
                true,
                &mut Page {
                    hex: false,
                    layout: Layout::V36,
                    out: &mut out,
                    width: None,
                },
            )
            .unwrap();
            String::from_utf8(out).unwrap()
        };
        assert_eq!(printed(Format::Simple), "7\n\n\n");
        assert_eq!(
            printed(Format::Json),
            "{\"Header\":{},\"Events\":[{\"type\":7}],\"CompactRevision\":0,\"Canceled\":false,\"Created\":false}\n"
        );
    }

    #[test]
    fn lines_end_with_the_input() {
        let mut input = &b"watch a\n\nprogress"[..];
        let mut lines = Lines {
            buffer: Vec::new(),
            input: &mut input,
            over: Stop::default(),
            stdin: false,
        };
        let mut read = || {
            lines
                .next()
                .unwrap()
                .map(|line| String::from_utf8(line).unwrap())
        };
        assert_eq!(
            (read().as_deref(), read().as_deref(), read()),
            (Some("watch a"), Some(""), None)
        );
    }
}
