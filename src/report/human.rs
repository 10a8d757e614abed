//! Lines for a person: a header, a line per task and host, diffs, the recap; live lines on a terminal.

use std::collections::HashMap;
use std::io::Write;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::{Change, Counts, Event, Sink, Status, Step};
use crate::primitive::Diff;
use crate::terminal::{columns, padded, visible};

/// How lines look.
#[derive(Clone, Copy, Debug, Default)]
pub struct Style {
    /// Nothing is changed: what would be is said line by line.
    pub check: bool,
    pub color: bool,
    /// What to type next is a line of the console.
    pub console: bool,
    pub diff: bool,
    /// Lines for a terminal: live ones, and nothing that a script prints steers it.
    pub live: bool,
    pub verbose: u8,
}

pub struct Human<W: Write + Send> {
    bars: HashMap<String, ProgressBar>,
    /// The hosts of the present task.
    hosts: Vec<String>,
    live: MultiProgress,
    out: W,
    style: Style,
    /// Title of a quiet task that has not done anything yet.
    untold: Option<String>,
}

const RED: u8 = 31;
const GREEN: u8 = 32;
const YELLOW: u8 = 33;
const MAGENTA: u8 = 35;
const CYAN: u8 = 36;
const BOLD: u8 = 1;
const DIM: u8 = 2;

impl<W: Write + Send> Human<W> {
    pub fn new(out: W, style: Style) -> Human<W> {
        let live = MultiProgress::new();
        if style.live {
            let drawn = live.clone();
            crate::terminal::questions_within(Box::new(move |ask| drawn.suspend(ask)));
        }
        Human {
            bars: HashMap::new(),
            hosts: Vec::new(),
            live,
            out,
            style,
            untold: None,
        }
    }

    fn paint(&self, code: u8, text: &str) -> String {
        if self.style.color {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_string()
        }
    }

    /// What a script prints: for a file or a pipe as it is.
    fn said(&self, text: &str) -> String {
        if self.style.live {
            visible(text.as_bytes(), true)
        } else {
            text.to_string()
        }
    }

    fn say(&mut self, text: &str) {
        if let Some(title) = self.untold.take() {
            self.say(&title);
            self.begin_bars();
        }
        let out = &mut self.out;
        let mut write = || {
            // A reader that went away is no reason to stop in mid-change.
            let _ = writeln!(out, "{text}");
            let _ = out.flush();
        };
        if self.bars.is_empty() {
            write();
        } else {
            self.live.suspend(write);
        }
    }

    fn plan(&mut self, cluster: &str, steps: &[Step]) {
        let plural = if steps.len() == 1 { "" } else { "s" };
        let title = self.paint(BOLD, &format!("PLAN [{}]", shown(cluster)));
        self.say(&format!("\n{title} {} step{plural}", steps.len()));
        for line in super::plan::lines(steps) {
            self.say(&line);
        }
    }

    fn task(&mut self, name: &str, description: &str, hosts: &[String], quiet: bool) {
        let title = self.paint(BOLD, &format!("TASK [{}]", shown(name)));
        let title = format!("\n{title} {}", shown(description));
        self.hosts = hosts.to_vec();
        self.untold = None;
        if quiet && self.style.verbose == 0 {
            self.untold = Some(title);
            return;
        }
        self.say(&title);
        self.begin_bars();
    }

    fn begin_bars(&mut self) {
        if !self.style.live {
            return;
        }
        for host in &self.hosts {
            let bar = self.live.add(ProgressBar::new_spinner());
            if let Ok(style) = ProgressStyle::with_template("  {spinner} {msg} {elapsed}") {
                bar.set_style(style);
            }
            bar.set_message(shown(host));
            bar.enable_steady_tick(Duration::from_millis(120));
            self.bars.insert(host.clone(), bar);
        }
    }

    fn drop_bar(&mut self, host: &str) {
        if let Some(bar) = self.bars.remove(host) {
            bar.finish_and_clear();
            self.live.remove(&bar);
        }
    }

    fn diff(&mut self, host: &str, diff: &Diff) {
        let text = similar::TextDiff::from_lines(&diff.before, &diff.after);
        let name = format!("{host}:{}", diff.path);
        let from = if diff.before.is_empty() {
            "/dev/null"
        } else {
            name.as_str()
        };
        let unified = text
            .unified_diff()
            .context_radius(3)
            .header(from, &name)
            .to_string();
        let unified = visible(unified.as_bytes(), true);
        let lines: Vec<String> = unified
            .lines()
            .map(|line| match line.as_bytes().first() {
                Some(b'+') => self.paint(GREEN, line),
                Some(b'-') => self.paint(RED, line),
                Some(b'@') => self.paint(CYAN, line),
                _ => line.to_string(),
            })
            .map(|line| format!("    {line}"))
            .collect();
        self.say(&lines.join("\n"));
    }

    fn host_line(&mut self, event: &Event<'_>) {
        let Event::TaskHost {
            error,
            host,
            seconds,
            status,
            what,
            trips,
            ..
        } = event
        else {
            return;
        };
        self.drop_bar(host);
        let idle = matches!(status, Status::Ok | Status::Untried) && error.is_none();
        if self.untold.is_some() && idle {
            return;
        }
        let color = match status {
            Status::Changed => YELLOW,
            Status::Failed | Status::Refused | Status::Unreachable => RED,
            Status::Ok => GREEN,
            Status::Stopped | Status::Untried => DIM,
        };
        let word = match status {
            // What it would be was said line by line.
            Status::Changed if self.style.check => WOULD,
            other => other.word(),
        };
        let word = self.paint(color, &format!("{word:<11}"));
        let mut line = format!("  {word} {}", shown(host));
        if !what.is_empty() {
            let what = if self.style.check {
                let things = if what.len() == 1 { "thing" } else { "things" };
                format!("{} {things} in all", what.len())
            } else {
                summary(what)
            };
            line += &format!("  {}", shown(&what));
        }
        if self.style.verbose > 0 || *seconds >= Duration::from_secs(1) {
            line += &self.paint(
                DIM,
                &format!("  {:.1}s, {trips} trips", seconds.as_secs_f64()),
            );
        }
        self.say(&line);
        if let Some(error) = error {
            let mut error = (*error).clone();
            if self.style.console {
                error.hints = error
                    .hints
                    .iter()
                    .map(|hint| super::in_console(hint).into())
                    .collect();
            }
            let text = format!("error: {error}").replace('\n', "\n    ");
            self.say(&format!("    {}", self.paint(RED, &text)));
        }
    }

    fn recap(
        &mut self,
        check: bool,
        rows: &[(String, Counts)],
        total: Duration,
        slowest: &[(String, Duration)],
    ) {
        let title = self.paint(
            BOLD,
            if check {
                "PLAY RECAP (check mode: nothing was changed)"
            } else {
                "PLAY RECAP"
            },
        );
        self.say(&format!("\n{title}"));
        let name = |host: &str, row: &Counts| {
            let kind = if row.cluster { "cluster " } else { "" };
            format!("{kind}{}", shown(host))
        };
        let width = rows.iter().map(|(host, row)| columns(&name(host, row)));
        let width = width.max().unwrap_or(0);
        let changed = if check { "would-change" } else { "changed" };
        for (host, row) in rows {
            let bad = row.failed + row.unreachable > 0;
            let color = if bad {
                RED
            } else if row.changed > 0 {
                YELLOW
            } else {
                GREEN
            };
            let name = self.paint(color, &padded(&name(host, row), width));
            let unknown = if check {
                format!(" unknown={}", row.unknown)
            } else {
                String::new()
            };
            self.say(&format!(
                "{name} : ok={:<3} {changed}={:<3} unreachable={:<2} failed={:<2} skipped={:<2}{unknown} {:>6.1}s {:>4} trips",
                row.ok,
                row.changed,
                row.unreachable,
                row.failed,
                row.skipped,
                row.seconds.as_secs_f64(),
                row.trips
            ));
        }
        if self.style.verbose > 0 {
            for (name, time) in slowest.iter().take(5) {
                self.say(&self.paint(
                    DIM,
                    &format!("  {:>6.2}s  {}", time.as_secs_f64(), shown(name)),
                ));
            }
        }
        let trips: u64 = rows.iter().map(|(_, row)| row.trips).sum();
        let text = format!(
            "{:.1}s in all, {trips} trips (a trip: one question to a host, and its answer)",
            total.as_secs_f64()
        );
        self.say(&self.paint(DIM, &text));
    }
}

/// In check mode, instead of `changed`.
const WOULD: &str = "would change";

/// A part of a line, which may be somebody else's.
pub(super) fn shown(text: &str) -> String {
    visible(text.as_bytes(), false)
}

/// What was changed on a host, in one line: things of a kind that were created stand together.
fn summary(changes: &[Change]) -> String {
    let mut parts: Vec<String> = Vec::new();
    for change in changes {
        let subject = change.subject.as_str();
        let (kind, thing) = subject.split_once(' ').unwrap_or((subject, ""));
        let start = format!("create {kind} ");
        match parts.last_mut() {
            Some(last) if change.what == "create" && last.starts_with(&start) => {
                *last += &format!(", {thing}");
            }
            _ if change.what == "create" => parts.push(format!("{start}{thing}")),
            _ if change.names_thing => parts.push(change.what.clone()),
            _ => parts.push(change.to_string()),
        }
    }
    parts.join("; ")
}

impl<W: Write + Send> Sink for Human<W> {
    fn event(&mut self, event: &Event<'_>) {
        match event {
            Event::Change {
                check,
                diff,
                host,
                subject,
                what,
                ..
            } => {
                // A host's own changes stand on its line; other places have none.
                let elsewhere = !self.hosts.iter().any(|name| name == host);
                if *check || elsewhere || self.style.verbose > 0 {
                    let verb = if *check { WOULD } else { "changed" };
                    let verb = self.paint(YELLOW, &format!("{verb:<11}"));
                    let what = format!("{host}  {subject}: {}", what.join(", "));
                    self.say(&format!("  {verb} {}", shown(&what)));
                }
                if let (true, Some(diff)) = (self.style.diff, diff) {
                    self.diff(host, diff);
                }
                if let Some(bar) = self.bars.get(*host) {
                    bar.set_message(shown(&format!("{host}  {subject}")));
                }
            }
            Event::Command { command, host } if self.style.verbose > 1 => {
                let command = visible(command.trim().as_bytes(), true);
                let line = self.paint(
                    DIM,
                    &format!("  > {}  {}", shown(host), command.replace('\n', "\n      ")),
                );
                self.say(&line);
            }
            Event::Answer { .. } | Event::Command { .. } => {}
            Event::Message {
                host: Some(host),
                text,
            } => self.say(&format!("  {}  {}", shown(host), self.said(text))),
            Event::Message { host: None, text } => self.say(&self.said(text)),
            Event::Next { text } => {
                let line = format!("{} {}", self.paint(BOLD, "next:"), shown(text));
                self.say(&line);
            }
            Event::Plan { cluster, steps } => self.plan(cluster, steps),
            Event::Play { hosts, name } => {
                let title = self.paint(BOLD, &format!("PLAY [{}]", shown(name)));
                self.say(&format!("\n{title} {}", shown(&hosts.join(", "))));
            }
            Event::Recap {
                check,
                rows,
                seconds,
                slowest,
            } => {
                self.rest();
                self.recap(*check, rows, *seconds, slowest);
            }
            Event::Start {
                check,
                hosts,
                inventory,
                script,
            } => {
                let mode = if *check { ", check mode" } else { "" };
                let plural = if *hosts == 1 { "" } else { "s" };
                self.say(&format!(
                    "etcdsh {}  {}  inventory {}  {hosts} host{plural}{mode}",
                    env!("CARGO_PKG_VERSION"),
                    shown(script),
                    shown(inventory)
                ));
            }
            // A task of a group that the inventory does not have is nothing to look at.
            Event::Task { hosts: [], .. } => {}
            Event::Task {
                description,
                hosts,
                name,
                quiet,
            } => self.task(name, description, hosts, *quiet),
            Event::TaskEnd { .. } => {
                self.untold = None;
                self.rest();
            }
            Event::TaskHost { .. } => self.host_line(event),
            Event::Unknown {
                host, subject, why, ..
            } => {
                let line = format!(
                    "  {} {}",
                    self.paint(MAGENTA, "unknown     "),
                    shown(&format!("{host}  {subject}: {why}"))
                );
                self.say(&line);
            }
            Event::Warning { text } => {
                let text = visible(text.as_bytes(), true);
                let line = format!("{} {text}", self.paint(MAGENTA, "warning:"));
                self.say(&line);
            }
        }
    }

    fn rest(&mut self) {
        let hosts: Vec<String> = self.bars.keys().cloned().collect();
        for host in hosts {
            self.drop_bar(&host);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;

    const HOSTILE: &str = "a\x1b]0;t\x07\x1b[2J\r\x08\u{202e}\u{2066}\u{9b}2J";

    #[test]
    fn nothing_that_an_event_says_steers_a_terminal() {
        let h = HOSTILE;
        let names = [h.to_string()];
        let error = Error::config(h).on(h).because(h).hint(h);
        let change = Change {
            names_thing: false,
            subject: h.into(),
            what: h.into(),
        };
        let diff = Diff {
            after: format!("{h}\n"),
            before: "b\n".into(),
            path: h.into(),
        };
        let second = Duration::from_secs(1);
        let rows = [(h.to_string(), Counts::default())];
        let slowest = [(h.to_string(), second)];
        let step = Step {
            after: crate::report::Standing::default(),
            before: crate::report::Standing::default(),
            during: crate::report::Standing::default(),
            effect: super::super::Effect::None,
            host: h.into(),
            member: String::new(),
            what: h.into(),
            why: h.into(),
        };
        let steps = [step];
        let events = [
            Event::Start {
                check: false,
                hosts: 1,
                inventory: h,
                script: h,
            },
            Event::Plan {
                cluster: h,
                steps: &steps,
            },
            Event::Play {
                hosts: &names,
                name: h,
            },
            Event::Task {
                description: h,
                hosts: &names,
                name: h,
                quiet: false,
            },
            Event::Command {
                command: h,
                host: h,
            },
            Event::Change {
                check: true,
                diff: Some(&diff),
                host: h,
                nth: 1,
                subject: h,
                task: h,
                what: &names,
            },
            Event::Unknown {
                host: h,
                subject: h,
                task: h,
                why: h,
            },
            Event::Message {
                host: Some(h),
                text: h,
            },
            Event::Message {
                host: None,
                text: h,
            },
            Event::Warning { text: h },
            Event::TaskHost {
                error: Some(&error),
                host: h,
                seconds: second,
                status: Status::Failed,
                task: h,
                trips: 1,
                what: &[change],
            },
            Event::TaskEnd {
                name: h,
                seconds: second,
            },
            Event::Next { text: h },
            Event::Recap {
                check: false,
                rows: &rows,
                seconds: second,
                slowest: &slowest,
            },
        ];
        steer_nothing(&events);
    }

    fn steer_nothing(events: &[Event<'_>]) {
        let mut page = Vec::new();
        let style = Style {
            check: false,
            color: false,
            console: false,
            diff: true,
            live: true,
            verbose: 3,
        };
        let mut human = Human::new(&mut page, style);
        for event in events {
            human.event(event);
            let shown = String::from_utf8(human.out.split_off(0)).unwrap();
            let hidden = |letter| letter != '\n' && crate::terminal::is_hidden(letter);
            assert!(!shown.contains(hidden), "{event:?}\n{shown:?}");
            assert!(
                shown.contains("\\x1b]0;t") || matches!(event, Event::TaskEnd { .. }),
                "{event:?}\n{shown}"
            );
        }
    }

    /// What a person is shown of these.
    fn page(style: Style, events: &[Event<'_>]) -> String {
        let mut page = Vec::new();
        let mut human = Human::new(&mut page, style);
        for event in events {
            human.event(event);
        }
        String::from_utf8(page).unwrap()
    }

    fn task(names: &[String], quiet: bool) -> Event<'_> {
        Event::Task {
            description: "remove what is to go",
            hosts: names,
            name: "purge",
            quiet,
        }
    }

    fn ended(status: Status, what: &[Change]) -> Event<'_> {
        Event::TaskHost {
            error: None,
            host: "one",
            seconds: Duration::ZERO,
            status,
            task: "purge",
            trips: 0,
            what,
        }
    }

    const END: Event<'_> = Event::TaskEnd {
        name: "purge",
        seconds: Duration::ZERO,
    };

    #[test]
    fn a_quiet_task_is_told_of_where_it_does_something() {
        let names = ["one".to_string()];
        let changes = [Change {
            names_thing: true,
            subject: "file /a".into(),
            what: "remove /a".into(),
        }];
        let plain = Style::default();
        let idle = [task(&names, true), ended(Status::Ok, &[]), END];
        assert_eq!(page(plain, &idle), "");
        // The next task is not taken for it.
        let next = [task(&names, true), END, Event::Warning { text: "later" }];
        assert_eq!(page(plain, &next), "warning: later\n");
        let busy = [task(&names, true), ended(Status::Changed, &changes), END];
        assert_eq!(
            page(plain, &busy),
            "\nTASK [purge] remove what is to go\n  changed     one  remove /a\n"
        );
        let verbose = Style {
            verbose: 1,
            ..plain
        };
        assert!(page(verbose, &idle).contains("TASK [purge]"));
        assert!(
            page(plain, &[task(&names, false), ended(Status::Ok, &[])]).contains("ok          one")
        );
    }

    #[test]
    fn nothing_is_called_changed_in_check_mode() {
        let names = ["one".to_string()];
        let changes = [Change {
            names_thing: true,
            subject: "file /a".into(),
            what: "remove /a".into(),
        }];
        let rows = [
            (
                "one".to_string(),
                Counts {
                    changed: 1,
                    ok: 1,
                    trips: 3,
                    ..Counts::default()
                },
            ),
            (
                "etcd".to_string(),
                Counts {
                    cluster: true,
                    ok: 1,
                    ..Counts::default()
                },
            ),
        ];
        let recap = |check| Event::Recap {
            check,
            rows: &rows,
            seconds: Duration::ZERO,
            slowest: &[],
        };
        let check = Style {
            check: true,
            ..Style::default()
        };
        let events = [
            task(&names, false),
            ended(Status::Changed, &changes),
            recap(true),
        ];
        let text = page(check, &events);
        assert!(
            text.contains("  would change one  1 thing in all\n"),
            "{text}"
        );
        assert!(
            text.contains("one          : ok=1   would-change=1 "),
            "{text}"
        );
        // A cluster is no host.
        assert!(
            text.contains("\ncluster etcd : ok=1   would-change=0 "),
            "{text}"
        );
        assert!(
            text.ends_with(
                "0.0s in all, 3 trips (a trip: one question to a host, and its answer)\n"
            ),
            "{text}"
        );
        let said = text.replace("nothing was changed", "");
        assert!(!said.contains("changed"), "{text}");
        assert!(
            page(Style::default(), &[recap(false)]).contains("one          : ok=1   changed=1 ")
        );
    }

    #[test]
    fn what_a_script_prints_is_as_it_is_for_a_pipe() {
        let mut page = Vec::new();
        Human::new(&mut page, Style::default()).event(&Event::Message {
            host: None,
            text: HOSTILE,
        });
        assert_eq!(page, format!("{HOSTILE}\n").into_bytes());
    }

    #[test]
    fn things_created_stand_together() {
        let changes = [
            ("directory /a", "create"),
            ("directory /b", "mode 0700 -> 0770"),
            ("directory /c", "create"),
            ("directory /d", "create"),
            ("package x", "install x"),
            ("service etcd", "enable, start"),
            ("file /a: b", "create"),
            ("file /c: d", "mode 0644 -> 0600"),
        ];
        let text = summary(&changes.map(|(subject, what)| Change {
            names_thing: subject.starts_with("package"),
            subject: subject.to_string(),
            what: what.to_string(),
        }));
        assert_eq!(
            text,
            "create directory /a; directory /b: mode 0700 -> 0770; create directory /c, /d; install x; service etcd: enable, start; \
             create file /a: b; file /c: d: mode 0644 -> 0600"
        );
    }
}
