//! What etcd there is on a host: one read-only question, one answer that the stdlib judges.
//!
//! Tells what is running, from which files and since when, what data there is, and who holds the ports. Says
//! nothing about whose it is: that is `stdlib/etcd/look.rhai`. Where something cannot be told, the answer says so.

mod log;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use rhai::Engine;

use super::bind::{Call, located, word};
use super::host::Host;
use crate::command::quote;
use crate::error::{Error, Kind, Result};
use crate::etcd::wal;
use crate::hex;
use crate::script::World;
use crate::script::trouble::pass;
use crate::script::value::{from_inventory, map_to_rhai};
use crate::transport::Output;
use crate::value::{Map, Value};
use crate::word::{Arg, Args, Of, Section, Type, Word};
use log::Log;

/// Where to look; all paths as the host calls them.
struct Where {
    address: String,
    binary: String,
    ca: String,
    conf: String,
    data: String,
    /// The name that a binary of no package has on the search path.
    link: String,
    /// The folder of the marks that etcd has run here.
    marks: String,
    pki_ca: String,
    ports: [i64; 2],
    sandbox: bool,
    unit: String,
    /// The folder that the inventory wants the log in, when it is one of its own.
    wal: String,
}

impl Where {
    fn new(options: &Args, sandbox: bool) -> Result<Where> {
        let missing = |key: &str| Error::config(format!("`look_at_etcd` needs `{key}`"));
        let text = |key: &str| options.text(key).ok_or_else(|| missing(key));
        let port = |key: &str| options.int(key).ok_or_else(|| missing(key));
        Ok(Where {
            address: text("address")?,
            binary: text("binary")?,
            ca: text("ca")?,
            conf: text("conf")?,
            data: text("data")?,
            link: text("link")?,
            marks: text("marks")?,
            pki_ca: text("pki_ca")?,
            ports: [port("port")?, port("peer_port")?],
            sandbox,
            unit: text("unit")?,
            wal: options.text("wal").unwrap_or_default(),
        })
    }

    /// One script: what it looks for, then `look.sh`.
    fn question(&self) -> String {
        let set = |(name, value): (&str, &str)| format!("{name}={}\n", quote(value));
        let heads = [
            ("addresses", self.addresses().join("|").as_str()),
            ("binary", &self.binary),
            ("ca", &self.ca),
            ("conf", &self.conf),
            ("data", &self.data),
            ("link", &self.link),
            ("marks", &self.marks),
            ("pki_ca", &self.pki_ca),
            (
                "ports",
                &self.ports.map(|port| format!("{port:04X}")).join("|"),
            ),
            ("unit", &self.unit),
            ("wal", &self.wal),
        ]
        .map(set);
        heads.concat() + include_str!("look.sh")
    }

    /// The addresses, as the kernel writes them, where a listener would be in the way of this member, or be this
    /// member: its own, all, and unless it stands beside others on this machine the loopback.
    fn addresses(&self) -> Vec<String> {
        let any = std::net::Ipv4Addr::UNSPECIFIED;
        let mut v4 = vec![any];
        if !self.sandbox {
            v4.push(std::net::Ipv4Addr::LOCALHOST);
        }
        let mut written = vec![hex::kernel(&std::net::Ipv6Addr::UNSPECIFIED.octets())];
        match self.address.parse() {
            Ok(std::net::IpAddr::V4(own)) => v4.push(own),
            Ok(std::net::IpAddr::V6(own)) => written.push(hex::kernel(&own.octets())),
            Err(_) => {}
        }
        written.extend(v4.iter().flat_map(|ip| {
            [
                hex::kernel(&ip.octets()),
                hex::kernel(&ip.to_ipv6_mapped().octets()),
            ]
        }));
        written
    }

    /// Is the member's address one of the machine that was reached? etcd must listen there. Null where that cannot be told.
    fn at_home(&self, addresses: &str) -> Value {
        let address: Option<std::net::IpAddr> = self.address.parse().ok();
        let Some(address) = address.filter(|address| !self.sandbox && !address.is_loopback())
        else {
            return Value::Null;
        };
        let mut there = addresses.lines().filter_map(local_address).peekable();
        if there.peek().is_none() {
            return Value::Null;
        }
        Value::Bool(there.any(|own| own == address.to_canonical()))
    }

    fn parse(&self, output: &Output, asked: &Asked) -> Result<Map> {
        let text = output.text();
        let sections = sections(&text);
        if output.status != 0 || !sections.contains_key("end") {
            let mut error = Error::new(Kind::Unknown, "could not tell what etcd there is")
                .because(format!("the question ended with exit {}", output.status));
            error.stderr.clone_from(&output.stderr);
            return Err(error);
        }
        let section = |name: &str| sections.get(name).map_or("", String::as_str);
        let file = |path: &str| content_of(section("files"), path);
        let text_or_null = |text: Option<String>| text.map_or(Value::Null, Value::from);
        let process = pairs(section("process"));
        let unit = pairs(section("unit"));
        let listeners = listeners(section("listen"), section("holders"));
        let exe = process.get("exe").map_or("", |exe| exe.as_str());
        let is_etcd = |program: &str| {
            program.trim_end_matches(" (deleted)").rsplit('/').next() == Some("etcd")
        };
        let holder = listeners
            .iter()
            .find(|(_, program)| !is_etcd(program))
            .map(|(port, program)| format!("{program} on port {port}"));
        let by_unit = matches!(
            unit.get("ActiveState").map(String::as_str),
            Some("active" | "activating" | "reloading")
        ) && unit.get("MainPID").is_some_and(|pid| pid != "0");
        let by_hand = listeners.iter().any(|(_, program)| is_etcd(program));
        let running = is_etcd(exe) && (by_unit || by_hand);
        let conf = match file(&self.conf) {
            None => Value::Null,
            Some(text) => in_small_letters(from_inventory(
                crate::inventory::parse_value(&self.conf, &text)
                    .unwrap_or(crate::inventory::Value::Null),
            )),
        };
        let data = of_data(section("data"), section("times"), &conf, &self.data);
        let mark = marked(
            file(&format!("{}/member", self.marks)).as_deref(),
            section("data").lines().any(|line| line == "started"),
        );
        let command = process.get("command").cloned().unwrap_or_default();
        let started_with = config_file(&command);
        let due = if running {
            self.due(section("times"), &process, started_with.as_deref())
        } else {
            Vec::new()
        };
        Ok([
            ("at_home", self.at_home(section("addresses"))),
            // The unit of a package, where ours is lost, knows nothing of the config.
            (
                "by_conf",
                Value::Bool(unit.get("ExecStart").is_none_or(|command| {
                    config_file(command).as_deref() == Some(self.conf.as_str())
                })),
            ),
            ("ca", text_or_null(file(&self.ca))),
            ("command", Value::from(command.trim())),
            ("conf_text", text_or_null(file(&self.conf))),
            ("config_file", text_or_null(started_with)),
            ("conf", conf),
            (
                "due",
                Value::List(due.into_iter().map(Value::from).collect()),
            ),
            (
                "enabled",
                Value::Bool(
                    unit.get("UnitFileState")
                        .is_some_and(|state| state == "enabled"),
                ),
            ),
            ("holder", text_or_null(holder)),
            ("keys", Value::from(keys(section("keys")))),
            ("mark", text_or_null(mark)),
            (
                "pid",
                Value::Int(
                    process
                        .get("pid")
                        .and_then(|pid| pid.parse().ok())
                        .unwrap_or(0),
                ),
            ),
            ("pki_ca", text_or_null(file(&self.pki_ca))),
            ("running", Value::Bool(running)),
            (
                "skew",
                Value::Int(asked.skew(section("clock")).unwrap_or(0)),
            ),
            (
                "state",
                Value::from(unit.get("ActiveState").cloned().unwrap_or_default()),
            ),
        ]
        .into_iter()
        .chain(data)
        .map(|(key, value)| (key.to_string(), value))
        .collect())
    }

    /// Why the process must be started again, from what is on the host now.
    fn due(
        &self,
        times: &str,
        process: &HashMap<String, String>,
        config_file: Option<&str>,
    ) -> Vec<String> {
        let number = |key: &str| process.get(key).and_then(|text| text.parse::<f64>().ok());
        let mut reasons = Vec::new();
        // Field 22 of /proc/PID/stat, counted from the state that follows the name.
        let ticks = process
            .get("stat")
            .and_then(|stat| stat.split(' ').nth(19)?.parse::<f64>().ok());
        let (Some(ticks), Some(uptime), Some(now)) = (ticks, number("uptime"), number("now"))
        else {
            return vec!["it cannot be told since when it runs".into()];
        };
        let started = now - uptime + ticks / TICKS;
        if config_file != Some(self.conf.as_str()) {
            reasons.push(format!("it was not started from {}", self.conf));
        }
        let binary = times
            .lines()
            .find_map(|line| line.strip_prefix("binary="))
            .unwrap_or_default();
        let exe = process.get("exe").map_or("", |exe| exe.as_str());
        if exe != binary {
            reasons.push(if exe.ends_with(" (deleted)") {
                "its binary was replaced".into()
            } else {
                format!("it runs {exe}")
            });
        }
        for (path, what) in [
            (&self.conf, "config"),
            (&self.unit, "unit"),
            (&self.ca, "CA file"),
        ] {
            let time = time_of(times, path);
            // The clock of the process counts in hundredths of a second.
            if time.is_some_and(|time| time > started + 0.02) {
                reasons.push(format!("its {what} is newer"));
            }
        }
        reasons
    }
}

/// A config with its keys as we write them: etcd reads `Force-New-Cluster`, too, and of two the last (`encoding/json` of Go).
fn in_small_letters(conf: Value) -> Value {
    match conf {
        Value::Map(map) => Value::Map(
            map.into_iter()
                .map(|(key, value)| (key.to_lowercase(), value))
                .collect(),
        ),
        other => other,
    }
}

/// How often Linux counts in a second where it tells programs of times, on each machine that etcd is built for.
const TICKS: f64 = 100.0;

/// Port and program of everything that listens on the two ports.
fn listeners(listen: &str, holders: &str) -> Vec<(String, String)> {
    let programs: Vec<(&str, &str)> = holders
        .lines()
        .filter_map(|line| {
            let (head, inodes) = line.rsplit_once(' ')?;
            let (_, program) = head.split_once(' ')?;
            Some((program, inodes))
        })
        .collect();
    listen
        .lines()
        .filter_map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            let (_, port) = words.get(1)?.rsplit_once(':')?;
            let inode = *words.get(9)?;
            let program = programs
                .iter()
                .find(|(_, inodes)| inodes.split(',').any(|other| other == inode))
                .map_or("an unknown program", |(program, _)| *program);
            Some((
                i64::from_str_radix(port, 16).ok()?.to_string(),
                program.to_string(),
            ))
        })
        .collect()
}

/// `|-- 10.10.10.10` of the kernel's table, or 32 digits of an IPv6 address.
fn local_address(line: &str) -> Option<std::net::IpAddr> {
    let line = line.trim();
    if let Some((_, v4)) = line.split_once("|-- ") {
        return v4.parse().ok();
    }
    let bytes: [u8; 16] = hex::bytes(line)?.try_into().ok()?;
    Some(std::net::Ipv6Addr::from(bytes).to_canonical())
}

/// The mark of a config that nothing was started with.
const NOT_YET: &str = "none";

/// The member that a host's marks name; `unknown` where one has run that they do not name.
fn marked(text: Option<&str>, started: bool) -> Option<String> {
    let line = |text: &str| {
        let member = text
            .lines()
            .find_map(|line| line.strip_prefix("member_id:"));
        member.map_or("unknown", str::trim).to_string()
    };
    match text.map(line) {
        Some(member) if member != NOT_YET || !started => Some(member),
        _ => started.then(|| "unknown".to_string()),
    }
}

/// What `stat` says of a path: when it was changed last, whose it is, and its size.
fn told<'a>(times: &'a str, path: &str) -> Option<[&'a str; 3]> {
    times.lines().find_map(|line| {
        let mut words = line.splitn(4, ' ');
        let told = [words.next()?, words.next()?, words.next()?];
        (words.next()? == path).then_some(told)
    })
}

/// When a file was changed last.
fn time_of(times: &str, path: &str) -> Option<f64> {
    told(times, path).and_then(|[time, ..]| time.parse().ok())
}

/// The text of a file, of lines that each begin with its path.
fn content_of(files: &str, path: &str) -> Option<String> {
    let mut lines = files
        .lines()
        .filter_map(|line| line.strip_prefix(path)?.strip_prefix(':'))
        .peekable();
    lines.peek()?;
    let text: String = lines.flat_map(|line| [line, "\n"]).collect();
    Some(text.trim_end_matches('\n').to_string() + "\n")
}

/// When the question was asked, in seconds of this machine's clock.
struct Asked {
    after: f64,
    before: f64,
}

/// What lies in the data folders, as a log and a database tell it.
fn of_data(data: &str, times: &str, conf: &Value, folder: &str) -> [(&'static str, Value); 16] {
    let in_data = |key: &'static str| {
        let lines = data.lines();
        lines.filter_map(move |line| line.strip_prefix(key)?.strip_prefix('='))
    };
    let others = in_data("other").map(Value::from).collect();
    let logs: Vec<Log> = in_data("log").filter_map(Log::parse).collect();
    let log = logs.first();
    let database_path = format!("{folder}/member/snap/db");
    let database: i64 = told(times, &database_path)
        .and_then(|[.., size]| size.parse().ok())
        .unwrap_or(0);
    // A database without a log is what is left of a member: only one to which nothing was ever written is as good as none.
    let lived = log.map_or(database > 0, Log::has_lived);
    let mut folders: Vec<&str> = logs.iter().map(Log::folder).collect();
    folders.dedup();
    let says = |word: &str| data.lines().any(|line| line == word);
    let path = |key| in_data(key).next().map_or(Value::Null, Value::from);
    [
        ("data_dir", path("data_dir")),
        ("database", Value::Int(database)),
        ("database_path", Value::from(database_path)),
        ("directory", Value::Bool(says("directory"))),
        ("founders", founders(conf)),
        ("fits", Value::Bool(log.is_some_and(|log| log.fits(conf)))),
        ("link", path("link")),
        ("linked", Value::Bool(says("linked"))),
        ("lived", Value::Bool(lived)),
        (
            "log_owner",
            log.and_then(|log| log.owner(conf))
                .map_or(Value::Null, Value::from),
        ),
        ("log", log.map_or(Value::Null, Log::to_value)),
        (
            "logs",
            Value::List(folders.into_iter().map(Value::from).collect()),
        ),
        ("member", Value::Bool(log.is_some() || says("member"))),
        ("others", Value::List(others)),
        (
            "owner",
            Value::from(told(times, folder).map_or("", |[_, owner, _]| owner)),
        ),
        ("password", Value::Bool(says("password"))),
    ]
}

/// The ids of the members that this config founds a cluster with, by their names.
fn founders(conf: &Value) -> Value {
    let Value::Map(conf) = conf else {
        return Value::Null;
    };
    let text = |key: &str| conf.get(key).and_then(Value::as_text);
    let (Some(all), Some(token)) = (text("initial-cluster"), text("initial-cluster-token")) else {
        return Value::Null;
    };
    let all = wal::founders(all, token).into_iter();
    Value::Map(
        all.map(|(name, id)| (name.to_string(), Value::from(crate::etcd::hex(id))))
            .collect(),
    )
}

fn now() -> f64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0.0, |since| since.as_secs_f64())
}

impl Asked {
    /// By how many milliseconds at least the host's clock is ahead of ours, or with a minus behind it.
    fn skew(&self, clock: &str) -> Option<i64> {
        let there: f64 = clock.trim().trim_end_matches(".%N").parse().ok()?;
        let ahead = (there - self.after).max(0.0) + (there - self.before).min(0.0);
        i64::try_from(Duration::try_from_secs_f64(ahead.abs()).ok()?.as_millis())
            .ok()
            .map(|apart| if ahead < 0.0 { -apart } else { apart })
    }
}

/// A database to which nothing was ever written is smaller; a larger one need not be read.
const EMPTY_DATABASE: i64 = 1 << 20;

/// A disk that hangs, or a file that is none, ends no run: then it could not be told.
const PATIENCE: Duration = Duration::from_mins(1);
/// A log that is asked about again: no founding is longer, with all elections that came to nothing.
const WHOLE_BEGINNING: u64 = 1 << 20;

/// The value of `--config-file` on a command line.
fn config_file(command: &str) -> Option<String> {
    let mut words = command.split_whitespace();
    while let Some(word) = words.next() {
        let word = word.trim_start_matches('-');
        if word == "config-file" {
            return words.next().map(str::to_string);
        }
        if let Some(path) = word.strip_prefix("config-file=") {
            return Some(path.to_string());
        }
    }
    None
}

/// `none`, `some` or `unknown`: does a default etcd hold a key?
fn keys(section: &str) -> &'static str {
    match section.trim().lines().last() {
        Some("status=0") if section.trim() == "status=0" => "none",
        Some("status=0") => "some",
        _ => "unknown",
    }
}

fn sections(text: &str) -> HashMap<String, String> {
    let mut sections: HashMap<String, String> = HashMap::new();
    let mut name = String::new();
    for line in text.lines() {
        match line.strip_prefix("== ") {
            Some(next) => {
                name = next.to_string();
                sections.entry(name.clone()).or_default();
            }
            None => {
                let section = sections.entry(name.clone()).or_default();
                section.push_str(line);
                section.push('\n');
            }
        }
    }
    sections
}

fn pairs(text: &str) -> HashMap<String, String> {
    text.lines()
        .filter_map(|line| line.split_once('='))
        .map(|(key, value)| (key.to_string(), value.to_string()))
        .collect()
}

const LOOK_AT_ETCD: Word = Word::method(
    Section::Stdlib,
    Of::Host,
    "look_at_etcd",
    "What etcd there is on the host, in one round trip; `etcd::look(h)` calls it. All options but `wal` are needed.",
)
.with(&[
    Arg::new("address", Type::Text, "its IP address"),
    Arg::new("binary", Type::Path, "the program"),
    Arg::new("link", Type::Path, "the name on the search path that a program of no package has"),
    Arg::new("ca", Type::Path, "the CA file that its members trust"),
    Arg::new("conf", Type::Path, "its config"),
    Arg::new("data", Type::Path, "its data directory"),
    Arg::new("marks", Type::Path, "the folder of the marks that etcd has run"),
    Arg::new("peer_port", Type::Int, "the port for other members"),
    Arg::new("pki_ca", Type::Path, "the CA file that others on the host use"),
    Arg::new("port", Type::Int, "the port for clients"),
    Arg::new("unit", Type::Path, "its systemd unit"),
    Arg::new("wal", Type::Path, "the directory for its log, when that is not in the data directory; none by default"),
])
.gives(Type::Map)
.example("print(etcd::look(h).running)");

pub(super) const WORDS: &[&Word] = &[&LOOK_AT_ETCD];

pub(super) fn register(engine: &mut Engine, _: &Arc<World>) {
    word(engine, &LOOK_AT_ETCD, |call| {
        pass(look(call).map(|map| map_to_rhai(map).into()))
    });
}

fn look(call: &Call<'_>) -> Result<Map> {
    let host: Host = call.value();
    let link = host.link()?;
    let options = Args::of_options(&LOOK_AT_ETCD, located(&LOOK_AT_ETCD, &host, &call.map())?)?;
    let place = Where::new(&options, link.root().is_some())?;
    link.facts()?;
    let before = now();
    let output = link.ask(&place.question(), Some(PATIENCE))?;
    let asked = Asked {
        after: now(),
        before,
    };
    let seen = place.parse(&output, &asked);
    let mut seen = seen.map_err(|error| error.on(host.name()))?;
    if let Some(path) = undecided(&seen) {
        let begins = link.ask(&bytes(&path, WHOLE_BEGINNING), Some(PATIENCE))?;
        let lived = hex::bytes(begins.text().trim())
            .and_then(|bytes| wal::beginning(&bytes))
            .is_none_or(|beginning| beginning.lived != Some(false));
        seen.insert("lived".into(), Value::Bool(lived));
    }
    if let Some(path) = without_log(&seen) {
        let whole = link.ask(
            &bytes(&path, EMPTY_DATABASE.cast_unsigned()),
            Some(PATIENCE),
        )?;
        seen.insert("lived".into(), Value::Bool(database_lived(&whole)));
    }
    Ok(seen)
}

/// The question for the first bytes of a file, as one line of hexadecimal digits.
fn bytes(path: &str, count: u64) -> String {
    format!("od -An -v -tx1 -N {count} {} | tr -d ' \\n'", quote(path))
}

/// The database that may be that of a start which died before its log was made.
fn without_log(seen: &Map) -> Option<String> {
    let stands_still = matches!(seen.get("running"), Some(Value::Bool(false)));
    let no_log = matches!(seen.get("log"), Some(Value::Null));
    let may_be_empty = matches!(seen.get("database"), Some(Value::Int(1..EMPTY_DATABASE)));
    let path = seen.get("database_path")?.as_text()?.to_string();
    (stands_still && no_log && may_be_empty).then_some(path)
}

/// What cannot be read is no reason to take it for empty.
fn database_lived(whole: &Output) -> bool {
    let lived = || {
        let mut file = tempfile::NamedTempFile::new().ok()?;
        std::io::Write::write_all(&mut file, &hex::bytes(whole.text().trim())?).ok()?;
        crate::etcd::database_has_lived(file.path()).ok()
    };
    lived() != Some(false)
}

/// The log of which the first bytes do not say whether it has lived.
fn undecided(seen: &Map) -> Option<String> {
    let Some(Value::Map(log)) = seen.get("log") else {
        return None;
    };
    let path = log.get("path")?.as_text()?.to_string();
    matches!(log.get("lived"), Some(Value::Null)).then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_config_file_is_found_on_a_command_line() {
        assert_eq!(
            config_file("/usr/bin/etcd --config-file /etc/etcd/etcd.conf").as_deref(),
            Some("/etc/etcd/etcd.conf")
        );
        assert_eq!(
            config_file("/usr/bin/etcd -config-file=/x").as_deref(),
            Some("/x")
        );
        assert_eq!(config_file("/usr/bin/etcd"), None);
    }

    #[test]
    fn addresses_are_read_as_the_kernel_writes_them() {
        let of = |line: &str| local_address(line).map(|address| address.to_string());
        assert_eq!(
            of("           |-- 10.10.10.10").as_deref(),
            Some("10.10.10.10")
        );
        assert_eq!(of("              /32 host LOCAL"), None);
        assert_eq!(of("--"), None);
        assert_eq!(
            of("fd000000000000000000000000000010").as_deref(),
            Some("fd00::10")
        );
    }

    #[test]
    fn a_file_may_hold_lines_that_look_like_sections() {
        let sections = sections("== unit\na=b\n== files\n/x:== data\n/x:text:1\n/y:\n== end\n");
        let content = |path| content_of(&sections["files"], path);
        assert_eq!(content("/x").as_deref(), Some("== data\ntext:1\n"));
        assert_eq!(content("/y").as_deref(), Some("\n"));
        assert_eq!(content("/z"), None);
        assert!(sections.contains_key("end") && !sections.contains_key("data"));
    }
}
