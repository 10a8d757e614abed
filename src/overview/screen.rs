//! The overview live on a terminal: a table of members, their latencies and rates over time, what is wrong, one member, its log.

use std::sync::mpsc;
use std::time::{Duration, Instant};

use ratatui::DefaultTerminal;
use ratatui::Frame;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span, Text};
use ratatui::widgets::{Clear, Paragraph, Wrap};

use super::Watch;
use super::chart::{Scale, last, spark};
use super::details::details;
use super::finding::{COMMIT_SECONDS, FSYNC_SECONDS, PEER_SECONDS};
use super::text::{
    COLUMNS, Tint, condition_tint, fitting, leadership, membership, membership_in_short, sentence,
};
use super::unit::moment;
use super::view::{Histories, MemberView, View};
use crate::error::{Error, Result};
use crate::terminal;

/// A key is answered at once; without a key the screen is drawn anew this often.
const TICK: Duration = Duration::from_millis(500);

const LOG_LINES: usize = 500;
/// Columns that a log moves with one key.
const ASIDE: usize = 20;
/// Between two looks at a log that is shown.
const LOG_EVERY: Duration = Duration::from_secs(2);

const KEYS: &[(&str, &str)] = &[
    ("up, down", "choose a member"),
    ("Enter", "look at it closely"),
    ("l", "its log, read on its host"),
    ("left, right", "in a log: what does not fit"),
    ("s, r", "sort by the next column; the other way round"),
    ("d", "compare the hosts with the inventory now"),
    ("w", "write what is seen into a page of HTML here"),
    ("p", "hold the picture; what goes on is still gathered"),
    ("q, Esc", "leave, or one step back"),
];

#[derive(Clone, Debug, PartialEq, Eq)]
enum Pane {
    Help,
    Log,
    Member,
    Table,
}

type LogAnswer = (String, std::result::Result<Vec<String>, String>);

struct Screen {
    /// Columns from the left that a log does not show.
    aside: usize,
    chosen: usize,
    color: bool,
    log: std::result::Result<Vec<String>, String>,
    log_asked: Option<Instant>,
    log_from: mpsc::Receiver<LogAnswer>,
    log_to: mpsc::Sender<LogAnswer>,
    /// Lines up from the end of the log, or down from the top of a member's page.
    moved: usize,
    note: Option<String>,
    pane: Pane,
    paused: bool,
    reversed: bool,
    /// A column of `COLUMNS`.
    sorted: usize,
    view: View,
}

/// Show it until the user leaves or `stop` says so.
pub fn show(watch: &Watch, color: bool, stop: &dyn Fn() -> bool) -> Result<()> {
    let trouble = |error: std::io::Error| {
        Error::usage("the terminal cannot be drawn on")
            .because(error.to_string())
            .hint(crate::error::Hint::program("overview --once"))
    };
    let mut terminal = ratatui::try_init().map_err(trouble)?;
    let (log_to, log_from) = mpsc::channel();
    let mut screen = Screen {
        aside: 0,
        chosen: 0,
        color,
        log: Ok(Vec::new()),
        log_asked: None,
        log_from,
        log_to,
        moved: 0,
        note: None,
        pane: Pane::Table,
        paused: false,
        reversed: false,
        sorted: 0,
        view: watch.view(),
    };
    let result = screen.run(&mut terminal, watch, stop);
    ratatui::restore();
    result.map_err(trouble)
}

impl Screen {
    fn run(
        &mut self,
        terminal: &mut DefaultTerminal,
        watch: &Watch,
        stop: &dyn Fn() -> bool,
    ) -> std::io::Result<()> {
        while !stop() {
            if !self.paused {
                self.view = watch.view();
                self.sort();
            }
            self.follow_log(watch);
            terminal.draw(|frame| self.draw(frame))?;
            if !event::poll(TICK)? {
                continue;
            }
            // Keys that were typed ahead are all taken before the next picture.
            loop {
                if let Event::Key(key) = event::read()?
                    && key.kind != KeyEventKind::Release
                    && self.press(key, watch)
                {
                    return Ok(());
                }
                if !event::poll(Duration::ZERO)? {
                    break;
                }
            }
        }
        Ok(())
    }

    fn sort(&mut self) {
        let name = self
            .view
            .members
            .get(self.chosen)
            .map(|member| member.name.clone());
        let weight = COLUMNS[self.sorted].weight;
        self.view
            .members
            .sort_by(|a, b| weight(b).total_cmp(&weight(a)));
        if self.reversed {
            self.view.members.reverse();
        }
        // The same member stays chosen when the order changes.
        let place = name.and_then(|name| {
            self.view
                .members
                .iter()
                .position(|member| member.name == name)
        });
        self.chosen = place.unwrap_or(0);
    }

    /// Does the user leave?
    fn press(&mut self, key: KeyEvent, watch: &Watch) -> bool {
        self.note = None;
        if key.modifiers.contains(KeyModifiers::CONTROL) {
            return matches!(key.code, KeyCode::Char('c' | 'd'));
        }
        match key.code {
            KeyCode::Right if self.pane == Pane::Log => self.move_aside(true),
            KeyCode::Left if self.pane == Pane::Log && self.aside > 0 => self.move_aside(false),
            KeyCode::Char('q') | KeyCode::Esc if self.pane == Pane::Table => return true,
            KeyCode::Char('q') | KeyCode::Esc | KeyCode::Backspace | KeyCode::Left => {
                self.turn_to(Pane::Table);
            }
            KeyCode::Down | KeyCode::Char('j') => self.step(1),
            KeyCode::Up | KeyCode::Char('k') => self.step(-1),
            KeyCode::PageDown => self.step(10),
            KeyCode::PageUp => self.step(-10),
            KeyCode::Enter | KeyCode::Right if self.pane != Pane::Member => {
                self.turn_to(Pane::Member);
            }
            KeyCode::Char('l') => {
                self.turn_to(Pane::Log);
                self.log = Ok(vec!["reading the log ...".into()]);
                self.log_asked = None;
                self.follow_log(watch);
            }
            KeyCode::Char('s') => self.sort_by_next(),
            KeyCode::Char('r') => {
                self.reversed = !self.reversed;
                self.sort();
            }
            KeyCode::Char('d') => {
                watch.ask_for_drift();
                self.note = Some(
                    if watch.hosts().is_some() {
                        "comparing the hosts with the inventory ..."
                    } else {
                        "there is no inventory to compare with"
                    }
                    .into(),
                );
            }
            KeyCode::Char('w') => self.note = Some(write_page(watch)),
            KeyCode::Char('p') => self.paused = !self.paused,
            KeyCode::Char('?' | 'h') => self.turn_to(Pane::Help),
            _ => {}
        }
        false
    }

    fn turn_to(&mut self, pane: Pane) {
        self.pane = pane;
        self.moved = 0;
        self.aside = 0;
    }

    /// No further than the end of the longest line.
    fn move_aside(&mut self, right: bool) {
        let lines = self.log.iter().flatten();
        let longest = lines.map(|line| terminal::columns(&self.with_names(line)));
        let most = longest.max().unwrap_or(0).saturating_sub(1);
        self.aside = if right {
            (self.aside + ASIDE).min(most)
        } else {
            self.aside.saturating_sub(ASIDE)
        };
    }

    /// Only columns that say something to sort by.
    fn sort_by_next(&mut self) {
        const USEFUL: [&str; 10] = [
            "MEMBER", "ROLE", "HEALTH", "DB", "QUOTA", "LAG", "FSYNC", "PEER", "READ/s", "WRITE/s",
        ];
        let here = USEFUL
            .iter()
            .position(|title| *title == COLUMNS[self.sorted].title)
            .unwrap_or(0);
        let next = USEFUL[(here + 1) % USEFUL.len()];
        self.sorted = COLUMNS
            .iter()
            .position(|column| column.title == next)
            .unwrap_or(0);
        self.sort();
        self.note = Some(format!("sorted by {}", next.to_lowercase()));
    }

    fn step(&mut self, by: isize) {
        match self.pane {
            Pane::Log => self.moved = self.moved.saturating_add_signed(-by),
            Pane::Member => self.moved = self.moved.saturating_add_signed(by),
            _ => {
                self.chosen = self
                    .chosen
                    .saturating_add_signed(by)
                    .min(self.view.members.len().saturating_sub(1));
            }
        }
    }

    fn member(&self) -> Option<&MemberView> {
        self.view.members.get(self.chosen)
    }

    /// Ask for the log again in a thread of its own: the host may take long, or never answer.
    fn follow_log(&mut self, watch: &Watch) {
        let name = self
            .member()
            .map(|member| member.name.clone())
            .unwrap_or_default();
        while let Ok((of, log)) = self.log_from.try_recv() {
            if of == name {
                self.log = log;
            }
        }
        if self.pane != Pane::Log || self.log_asked.is_some_and(|at| at.elapsed() < LOG_EVERY) {
            return;
        }
        self.log_asked = Some(Instant::now());
        let host = self.member().and_then(|member| member.host.clone());
        match (watch.hosts(), host) {
            (Some(hosts), Some(host)) => {
                let to = self.log_to.clone();
                std::thread::spawn(move || {
                    let log = hosts
                        .log(&host, LOG_LINES)
                        .map_err(|error| error.to_string());
                    let _ = to.send((name, log));
                });
            }
            _ => {
                self.log = Err(
                    "no host of the inventory belongs to this member, so its log cannot be read"
                        .into(),
                );
            }
        }
    }

    fn style(&self, tint: Tint) -> Style {
        let style = Style::new();
        match tint {
            Tint::Weak => style.add_modifier(Modifier::DIM),
            Tint::Plain => style,
            // Without colours a warning is still seen.
            Tint::Bad | Tint::Warn if !self.color => style.add_modifier(Modifier::BOLD),
            _ if !self.color => style,
            Tint::Bad => style.fg(Color::Red).add_modifier(Modifier::BOLD),
            Tint::Good => style.fg(Color::Green),
            Tint::Warn => style.fg(Color::Yellow),
        }
    }

    fn draw(&self, frame: &mut Frame<'_>) {
        let [head, body, foot] = Layout::vertical([
            Constraint::Length(3),
            Constraint::Min(1),
            Constraint::Length(1),
        ])
        .areas(frame.area());
        frame.render_widget(self.head(usize::from(head.width)), head);
        match self.pane {
            Pane::Table => self.draw_table(frame, body),
            Pane::Member => self.draw_member(frame, body),
            Pane::Log => self.draw_log(frame, body),
            Pane::Help => draw_help(frame, body),
        }
        frame.render_widget(self.foot(), foot);
    }

    fn head(&self, wide: usize) -> Paragraph<'static> {
        let view = &self.view;
        let membership = if wide < 90 {
            membership_in_short(view)
        } else {
            membership(view)
        };
        let held = if self.paused { "  held" } else { "" };
        let title = Line::from(vec![
            Span::styled(
                view.cluster.clone(),
                Style::new().add_modifier(Modifier::BOLD),
            ),
            Span::raw("  "),
            Span::styled(view.verdict.word(), self.style(view.verdict.tint())),
            Span::raw(format!("  {membership}")),
            Span::styled(
                format!("  {}{held}", moment(view.at)),
                self.style(Tint::Weak),
            ),
        ]);
        Paragraph::new(Text::from(vec![title, Line::raw(leadership(view))]))
    }

    fn foot(&self) -> Paragraph<'static> {
        let text = match (&self.note, &self.pane) {
            (Some(note), _) => note.clone(),
            (None, Pane::Table) => {
                "q leave  Enter member  l log  s sort  d drift  w write page  p hold  ? keys".into()
            }
            (None, Pane::Log) => "Esc back  up, down scroll".into(),
            (None, _) => "Esc back  l log  ? keys".into(),
        };
        Paragraph::new(text).style(self.style(Tint::Weak))
    }

    fn draw_table(&self, frame: &mut Frame<'_>, area: Rect) {
        let wide = usize::from(area.width);
        let rows = self.view.members.len();
        let findings = self.findings();
        let panels = panels(wide);
        // Two panels beside each other where there is room; findings come before pictures.
        let (across, high) = if wide >= 160 {
            (4, rows + 1)
        } else if wide >= 78 {
            (2, 2 * (rows + 1))
        } else {
            (1, 4 * (rows + 1))
        };
        let left = usize::from(area.height).saturating_sub(rows + 2 + findings.len().min(8) + 1);
        let high = if left > high { high + 1 } else { 0 };
        let [table, pictures, wrong] = Layout::vertical([
            Constraint::Length(u16::try_from(rows + 2).unwrap_or(u16::MAX)),
            Constraint::Length(u16::try_from(high).unwrap_or(0)),
            Constraint::Min(0),
        ])
        .areas(area);
        frame.render_widget(self.table(wide), table);
        if high > 0 {
            let lines =
                Layout::vertical(vec![
                    Constraint::Length(u16::try_from(rows + 1).unwrap_or(1));
                    panels.len().div_ceil(across)
                ])
                .split(pictures);
            for (place, panel) in panels.iter().enumerate() {
                let cells = Layout::horizontal(vec![Constraint::Fill(1); across])
                    .spacing(2)
                    .split(lines[place / across]);
                self.draw_panel(frame, cells[place % across], panel);
            }
        }
        frame.render_widget(Paragraph::new(findings).wrap(Wrap { trim: false }), wrong);
    }

    fn table(&self, wide: usize) -> Paragraph<'static> {
        let shown = fitting(&self.view, wide.saturating_sub(2));
        let mut lines = Vec::new();
        let mut titles = vec![Span::raw("  ")];
        for (column, width) in &shown {
            let sorted = column.title == COLUMNS[self.sorted].title;
            let style = if sorted {
                Style::new().add_modifier(Modifier::UNDERLINED)
            } else {
                self.style(Tint::Weak)
            };
            titles.extend(cell(column.title, *width, column.right, style));
        }
        lines.push(Line::from(titles));
        for (place, member) in self.view.members.iter().enumerate() {
            let chosen = place == self.chosen;
            let mut spans = vec![Span::raw(if chosen { "> " } else { "  " })];
            for (column, width) in &shown {
                let tint = if column.title == "HEALTH" {
                    condition_tint(member)
                } else {
                    Tint::Plain
                };
                let mut style = self.style(tint);
                if chosen && column.title == "MEMBER" {
                    style = style.add_modifier(Modifier::BOLD);
                }
                spans.extend(cell(&(column.cell)(member), *width, column.right, style));
            }
            lines.push(Line::from(spans));
        }
        Paragraph::new(lines)
    }

    fn draw_panel(&self, frame: &mut Frame<'_>, area: Rect, panel: &Panel) {
        let name = self
            .view
            .members
            .iter()
            .map(|member| terminal::columns(&member.name))
            .max()
            .unwrap_or(0)
            .min(20);
        let room = usize::from(area.width).saturating_sub(name + 10);
        let all = self.view.members.iter();
        let top = panel
            .scale
            .top(all.map(|member| last((panel.series)(&member.history), room)));
        let mut lines = vec![Line::styled(
            panel.title(top, usize::from(area.width)),
            self.style(Tint::Weak),
        )];
        for member in &self.view.members {
            let short = terminal::padded(terminal::fitting(&member.name, name), name);
            let mut spans = vec![Span::raw(format!("{short} "))];
            spans.extend(self.spans(member, panel, room, top));
            spans.push(Span::raw(format!(" {:>8}", panel.now(member))));
            lines.push(Line::from(spans));
        }
        frame.render_widget(Paragraph::new(lines), area);
    }

    /// What was measured over time; what was beyond the limit has its colour.
    fn spans(
        &self,
        member: &MemberView,
        panel: &Panel,
        room: usize,
        top: f64,
    ) -> Vec<Span<'static>> {
        let values = last((panel.series)(&member.history), room);
        let picture = spark(values, room, top);
        let gap = room - values.len();
        let slow = |place: usize| {
            let value = place.checked_sub(gap).and_then(|place| values[place]);
            value
                .zip(panel.limit)
                .is_some_and(|(value, limit)| value >= limit)
        };
        let mut runs: Vec<(bool, String)> = Vec::new();
        for (place, block) in picture.chars().enumerate() {
            match runs.last_mut() {
                Some((as_before, run)) if *as_before == slow(place) => run.push(block),
                _ => runs.push((slow(place), block.to_string())),
            }
        }
        let tint = |slow: bool| match (slow, member.up) {
            (true, _) => Tint::Warn,
            (false, true) => Tint::Good,
            (false, false) => Tint::Weak,
        };
        runs.into_iter()
            .map(|(slow, run)| Span::styled(run, self.style(tint(slow))))
            .collect()
    }

    fn findings(&self) -> Vec<Line<'static>> {
        let mut lines = Vec::new();
        for finding in &self.view.findings {
            lines.push(Line::from(vec![
                Span::styled(
                    format!("{}: ", finding.grade.word()),
                    self.style(finding.grade.tint()),
                ),
                Span::raw(sentence(finding)),
            ]));
            if let Some(next) = &finding.next {
                lines.push(Line::styled(
                    format!("  next: {next}"),
                    self.style(Tint::Weak),
                ));
            }
        }
        if lines.is_empty() && self.view.watched_seconds > 2.0 {
            lines.push(Line::styled("nothing is wrong", self.style(Tint::Good)));
        }
        lines
    }

    fn draw_member(&self, frame: &mut Frame<'_>, area: Rect) {
        let Some(member) = self.member() else { return };
        let details = details(member, self.view.at);
        let width = details
            .iter()
            .map(|(name, _)| name.len())
            .max()
            .unwrap_or(0);
        let mut lines = vec![Line::styled(
            member.name.clone(),
            Style::new().add_modifier(Modifier::BOLD),
        )];
        for (name, value) in details {
            let style = if name == "health" {
                self.style(condition_tint(member))
            } else {
                Style::new()
            };
            lines.push(Line::from(vec![
                Span::styled(format!("  {name:<width$}  "), self.style(Tint::Weak)),
                Span::styled(value, style),
            ]));
        }
        lines.push(Line::raw(""));
        let room = usize::from(area.width).saturating_sub(width + 30).min(150);
        for panel in panels(160).iter().chain(&MORE) {
            let values = last((panel.series)(&member.history), room);
            let top = panel.scale.top(std::iter::once(values));
            let mut spans = vec![Span::styled(
                format!("  {:<width$}  ", panel.name),
                self.style(Tint::Weak),
            )];
            spans.extend(self.spans(member, panel, room, top));
            spans.push(Span::raw(format!(" {:>9}", panel.now(member))));
            spans.push(Span::styled(
                format!(" of {}", panel.scale.say(top)),
                self.style(Tint::Weak),
            ));
            lines.push(Line::from(spans));
        }
        for finding in self
            .view
            .findings
            .iter()
            .filter(|finding| finding.member.as_ref() == Some(&member.name))
        {
            lines.push(Line::from(vec![
                Span::styled(
                    format!("  {}: ", finding.grade.word()),
                    self.style(finding.grade.tint()),
                ),
                Span::raw(finding.text.clone()),
            ]));
        }
        let most = lines.len().saturating_sub(usize::from(area.height));
        let down = u16::try_from(self.moved.min(most)).unwrap_or(0);
        frame.render_widget(Paragraph::new(lines).scroll((down, 0)), area);
    }

    fn draw_log(&self, frame: &mut Frame<'_>, area: Rect) {
        let name = self.member().map_or("", |member| member.name.as_str());
        let high = usize::from(area.height).saturating_sub(1);
        let mut lines = vec![Line::styled(
            format!("log of {name}"),
            Style::new().add_modifier(Modifier::BOLD),
        )];
        match &self.log {
            Err(why) => {
                let why = terminal::visible(why.as_bytes(), false);
                lines.push(Line::styled(why, self.style(Tint::Bad)));
            }
            Ok(log) => {
                let end = log.len() - self.moved.min(log.len().saturating_sub(high));
                lines.extend(
                    log[end.saturating_sub(high)..end]
                        .iter()
                        .map(|line| Line::raw(self.with_names(line))),
                );
            }
        }
        frame.render_widget(Clear, area);
        let [title, text] =
            Layout::vertical([Constraint::Length(1), Constraint::Min(0)]).areas(area);
        let log = lines.split_off(1);
        frame.render_widget(Paragraph::new(lines), title);
        let aside = u16::try_from(self.aside).unwrap_or(u16::MAX);
        frame.render_widget(Paragraph::new(log).scroll((0, aside)), text);
    }
}

impl Screen {
    /// etcd's log calls members by their ids.
    fn with_names(&self, line: &str) -> String {
        let named = |line: String, member: &MemberView| match &member.id {
            Some(id) if line.contains(id.as_str()) => line.replace(id.as_str(), &member.name),
            _ => line,
        };
        self.view.members.iter().fold(
            terminal::visible(line.replace('\t', " ").as_bytes(), false),
            named,
        )
    }
}

fn cell(text: &str, width: usize, right: bool, style: Style) -> [Span<'static>; 2] {
    let gap = " ".repeat(width.saturating_sub(terminal::columns(text)));
    let (text, gap) = (Span::styled(text.to_string(), style), Span::raw(gap));
    let [first, second] = if right { [gap, text] } else { [text, gap] };
    [
        first,
        Span {
            content: format!("{}  ", second.content).into(),
            style: second.style,
        },
    ]
}

fn draw_help(frame: &mut Frame<'_>, area: Rect) {
    let mut lines: Vec<Line<'_>> = KEYS
        .iter()
        .map(|(key, what)| Line::raw(format!("  {key:<10} {what}")))
        .collect();
    lines.push(Line::raw(""));
    lines.push(Line::raw("  fsync, commit: 99 of 100 of the last minute's were faster; peer: 95 of 100 round trips to the other members"));
    lines.push(Line::raw("  lag: entries of the raft log behind the leader; drift: changes that the flow would make on the host"));
    frame.render_widget(Paragraph::new(lines).wrap(Wrap { trim: false }), area);
}

struct Panel {
    /// Beyond it is too slow.
    limit: Option<f64>,
    name: &'static str,
    of: fn(&MemberView) -> Option<f64>,
    scale: Scale,
    series: fn(&Histories) -> &[Option<f64>],
}

impl Panel {
    fn now(&self, member: &MemberView) -> String {
        (self.of)(member).map_or_else(|| "-".into(), |value| self.scale.say(value))
    }

    /// Its name, where the axis of all its lines ends, and what is too slow: as much as has room.
    fn title(&self, top: f64, wide: usize) -> String {
        let mut title = format!("{}, 0 to {}", self.name, self.scale.say(top));
        if let Some(limit) = self.limit {
            let longer = format!("{title}, slow from {}", self.scale.say(limit));
            if longer.len() <= wide {
                title = longer;
            }
        }
        title
    }
}

const PANELS: [Panel; 4] = [
    Panel {
        limit: Some(FSYNC_SECONDS),
        name: "fsync p99",
        of: |m| m.fsync_p99_seconds,
        scale: Scale::Seconds,
        series: |h| &h.fsync_p99_seconds,
    },
    Panel {
        limit: Some(PEER_SECONDS),
        name: "peer round trip p95",
        of: |m| m.peer_p95_seconds,
        scale: Scale::Seconds,
        series: |h| &h.peer_p95_seconds,
    },
    Panel {
        limit: None,
        name: "reads/s",
        of: |m| m.reads_per_second,
        scale: Scale::Rate,
        series: |h| &h.reads_per_second,
    },
    Panel {
        limit: None,
        name: "writes/s",
        of: |m| m.writes_per_second,
        scale: Scale::Rate,
        series: |h| &h.writes_per_second,
    },
];

const MORE: [Panel; 4] = [
    Panel {
        limit: Some(COMMIT_SECONDS),
        name: "commit p99",
        of: |m| m.commit_p99_seconds,
        scale: Scale::Seconds,
        series: |h| &h.commit_p99_seconds,
    },
    Panel {
        limit: None,
        name: "database",
        of: |m| m.db_size,
        scale: Scale::Bytes,
        series: |h| &h.db_size,
    },
    Panel {
        limit: None,
        name: "client traffic/s",
        of: |m| m.client_bytes_per_second,
        scale: Scale::Bytes,
        series: |h| &h.traffic_bytes_per_second,
    },
    Panel {
        limit: None,
        name: "memory",
        of: |m| m.memory,
        scale: Scale::Bytes,
        series: |h| &h.memory,
    },
];

/// A narrow screen has room for the two latencies.
fn panels(wide: usize) -> &'static [Panel] {
    if wide >= 78 { &PANELS } else { &PANELS[..2] }
}

fn write_page(watch: &Watch) -> String {
    let view = watch.view();
    let name = format!("etcd-overview-{}-{}.html", view.cluster, view.at);
    let page = super::page(&view, watch.seconds_between_points(), false);
    match crate::output_file::write(name.as_ref(), 0o644, page.as_bytes()) {
        Ok(()) => format!("written: {name}"),
        Err(error) => format!("{name} cannot be written: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    use super::super::view::tests::{down, three};
    use super::super::view::view;
    use super::*;

    fn screen(pane: Pane, members: bool) -> Screen {
        let (plan, mut state) = three();
        down(&mut state, 3);
        if !members {
            (state.members, state.seen) = (None, std::collections::BTreeMap::default());
        }
        let (log_to, log_from) = mpsc::channel();
        let log = Ok((0..100)
            .map(|line| format!("line {line}\tof the log"))
            .collect());
        let (chosen, moved) = (1, 3);
        let view = view(&plan, &state);
        Screen {
            aside: 0,
            chosen,
            color: true,
            log,
            log_asked: None,
            log_from,
            log_to,
            moved,
            note: None,
            pane,
            paused: false,
            reversed: false,
            sorted: 0,
            view,
        }
    }

    #[test]
    fn every_pane_is_drawn_at_any_size() {
        for pane in [Pane::Table, Pane::Member, Pane::Log, Pane::Help] {
            for (wide, high) in [
                (1, 1),
                (10, 3),
                (20, 5),
                (60, 24),
                (80, 24),
                (120, 40),
                (250, 70),
            ] {
                for members in [true, false] {
                    let screen = screen(pane.clone(), members);
                    let mut terminal = Terminal::new(TestBackend::new(wide, high)).unwrap();
                    terminal.draw(|frame| screen.draw(frame)).unwrap();
                    let text: String = terminal
                        .backend()
                        .buffer()
                        .content()
                        .iter()
                        .map(ratatui::buffer::Cell::symbol)
                        .collect();
                    let wanted = match pane {
                        Pane::Table if members => "etcd-3",
                        Pane::Member if members => "endpoint",
                        Pane::Log => "line 96",
                        Pane::Help => "choose a member",
                        _ => "etcd",
                    };
                    assert!(
                        (wide, high) < (60, 24) || text.contains(wanted),
                        "{pane:?} at {wide} x {high}\n{text}"
                    );
                }
            }
        }
    }

    fn drawn(screen: &Screen, wide: u16, high: u16) -> Vec<String> {
        let mut terminal = Terminal::new(TestBackend::new(wide, high)).unwrap();
        terminal.draw(|frame| screen.draw(frame)).unwrap();
        let buffer = terminal.backend().buffer();
        let row = |row: u16| {
            (0..wide)
                .map(|column| buffer[(column, row)].symbol())
                .collect()
        };
        (0..high).map(row).collect()
    }

    #[test]
    fn the_end_of_a_long_line_of_a_log_is_a_few_keys_away() {
        let mut screen = screen(Pane::Log, true);
        screen.moved = 0;
        screen.log = Ok(vec![
            format!("begins {} ends", "-".repeat(60)),
            "short".into(),
        ]);
        let shows = |screen: &Screen, word: &str| {
            drawn(screen, 40, 10).iter().any(|row| row.contains(word))
        };
        assert!(shows(&screen, "begins") && !shows(&screen, "ends"));
        for _ in 0..2 {
            screen.move_aside(true);
        }
        assert!(shows(&screen, "ends") && !shows(&screen, "begins"));
        assert!(shows(&screen, "log of etcd-2"), "its head stays");
        for _ in 0..9 {
            screen.move_aside(true);
        }
        assert_eq!(screen.aside, 71, "no further than its last letter");
        for _ in 0..4 {
            screen.move_aside(false);
        }
        assert!(shows(&screen, "begins"));
    }

    #[test]
    fn members_are_measured_on_one_axis_that_says_where_it_ends() {
        let mut screen = screen(Pane::Table, true);
        for (place, seconds) in [(0, 0.002), (1, 0.15)] {
            let member = &mut screen.view.members[place];
            member.history.fsync_p99_seconds = vec![Some(seconds); 30];
            member.fsync_p99_seconds = Some(seconds);
        }
        let rows = drawn(&screen, 110, 40);
        let title = rows
            .iter()
            .position(|row| row.contains("fsync p99, 0 to 200ms, slow from 100ms"));
        let title = title.unwrap_or_else(|| panic!("{}", rows.join("\n")));
        assert!(
            rows[title + 1].contains("▁▁▁") && rows[title + 2].contains("▆▆▆"),
            "{}",
            rows.join("\n")
        );
        // What is too slow is told by its colour.
        let panel = &PANELS[0];
        let spans = screen.spans(&screen.view.members[1], panel, 30, 0.2);
        assert_eq!(spans[0].style, screen.style(Tint::Warn));
        let spans = screen.spans(&screen.view.members[0], panel, 30, 0.2);
        assert_eq!(spans[0].style, screen.style(Tint::Good));
    }

    #[test]
    fn the_order_is_that_of_the_chosen_column_and_the_chosen_member_stays() {
        let mut screen = screen(Pane::Table, true);
        screen.sort_by_next();
        let names: Vec<&str> = screen
            .view
            .members
            .iter()
            .map(|member| member.name.as_str())
            .collect();
        assert_eq!(
            (names, screen.chosen),
            (vec!["etcd-1", "etcd-2", "etcd-3"], 1)
        );
        screen.reversed = true;
        screen.sort();
        assert_eq!(
            (screen.view.members[2].name.as_str(), screen.chosen),
            ("etcd-1", 1)
        );
        screen.step(5);
        assert_eq!(screen.chosen, 2);
        screen.step(-9);
        assert_eq!(screen.chosen, 0);
    }
}
