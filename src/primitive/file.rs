//! `file`: a file, directory or link is there as stated, or is absent.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use super::{Change, Diff, Plan, Primitive, Seen, Spec, could_not_tell};
use crate::command::quote;
use crate::error::{Error, Kind, Result};
use crate::hex;
use crate::host::{Facts, Pretended};
use crate::transport::Output;
use crate::value::{Map, Value};
use crate::word::{Arg, Args, Of, Section, Type, Word};

pub(super) const SPEC: Spec = Spec {
    build: |args| Ok(Box::new(File::new(args)?)),
    word: Word::method(
        Section::Primitive,
        Of::Host,
        "file",
        "Keep a file, directory or link as stated, or absent.\n\nA file is replaced as a whole: readers see the old or the new one. Missing parent directories are an error.\nReturns `changed`, `what` and `path`. Fails when the path is something else than what is wanted.",
    )
    .takes(&[Arg::new("path", Type::Path, "the file, directory or link")])
    .with(&[
        Arg::new("state", Type::OneOf(&["file", "directory", "link", "absent"]), "what is there; `file` by default, `link` when `target` is given"),
        Arg::new("content", Type::Any, "the whole text, a blob, or a secret, which is never shown"),
        Arg::new("source", Type::File, "a file beside the inventory or script, copied as it is"),
        Arg::new("template", Type::Template, "a Jinja template beside the inventory or script, rendered with the host's variables"),
        Arg::new("line", Type::Text, "a line that the file shall have, added at its end"),
        Arg::new("match", Type::Text, "with `line`: the line that starts with this text is the one to replace"),
        Arg::new("target", Type::Path, "where a link points"),
        Arg::new("owner", Type::Text, "user that owns it; left alone by default"),
        Arg::new("group", Type::Text, "group that owns it; left alone by default"),
        Arg::new("mode", Type::Mode, "permissions; 0o644 for a new file, 0o755 for a new directory"),
        Arg::new("validate", Type::Text, "a command that must accept a new content before it replaces the old one; `%s` in it is the path of the new file. Not run in check mode"),
        Arg::new("backup", Type::Bool, "keep the old file beside it as `NAME.DATE~`; false by default"),
        Arg::new("keep_time_if", Type::Text, "keep the old modification time when only lines that start with this text differ"),
        Arg::new("if_empty", Type::Bool, "with `absent`: leave a directory that has anything in it, or is a mount point; false by default"),
        Arg::new("parents", Type::Bool, "with `directory`: make the directories above it too; false by default"),
        Arg::new("recurse", Type::Bool, "with `absent`: remove a directory with all that is in it; false by default"),
    ])
    .gives(Type::Map)
    .example(r#"h.file("/etc/motd", #{ content: "managed by etcdsh\n", mode: 0o644 })"#),
};

/// How a script ends when `validate` did not accept the new content.
const REFUSED: i32 = 165;

/// Larger files are compared by their hash and show no diff.
const SHOWN: usize = 1 << 20;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Absent,
    Directory,
    File,
    Link,
}

struct File {
    backup: bool,
    content: Option<Vec<u8>>,
    group: Option<String>,
    if_empty: bool,
    keep_time_if: Option<String>,
    line: Option<(String, Option<String>)>,
    mode: Option<u32>,
    owner: Option<String>,
    parents: bool,
    path: String,
    recurse: bool,
    secret: bool,
    state: State,
    target: Option<String>,
    validate: Option<String>,
}

/// What the host says is there.
#[derive(Debug, PartialEq, Eq)]
enum Found {
    Absent {
        parent: bool,
    },
    Present {
        content: Content,
        group: String,
        kind: State,
        mode: u32,
        owner: String,
    },
}

#[derive(Debug, PartialEq, Eq)]
enum Content {
    /// Of a directory: nothing is in it and it is no mount point.
    Empty,
    Hash(String),
    None,
    Target(String),
    Text(Vec<u8>),
}

impl File {
    fn new(args: &Args) -> Result<File> {
        let path = args.thing();
        if !path.starts_with('/') || path.contains('\0') {
            return Err(Error::config(format!(
                "`file` takes an absolute path, not `{path}`"
            )));
        }
        // What `source` and `template` name has been read: they hold a content, too.
        let stated: Vec<&Value> = ["content", "source", "template"]
            .iter()
            .filter_map(|key| args.value(key))
            .collect();
        if stated.len() > 1 {
            return Err(Error::config(
                "of `content`, `source` and `template` only one can be given",
            ));
        }
        let content = match stated.first().copied() {
            None => None,
            Some(Value::Bytes(bytes)) => Some(bytes.clone()),
            Some(value) => Some(
                value
                    .as_text()
                    .ok_or_else(|| {
                        Error::config(format!(
                            "`content` takes a text or a secret, not {}",
                            value.type_name()
                        ))
                    })?
                    .as_bytes()
                    .to_vec(),
            ),
        };
        let state = match args.text("state").as_deref() {
            Some("absent") => State::Absent,
            Some("directory") => State::Directory,
            Some("link") => State::Link,
            None if args.has("target") => State::Link,
            _ => State::File,
        };
        let target = args.text("target");
        if state == State::Link && target.is_none() {
            return Err(Error::config("a link needs `target`"));
        }
        if state != State::File && (content.is_some() || args.has("line")) {
            return Err(Error::config(
                "`content` and `line` belong to `state: \"file\"`",
            ));
        }
        if content.is_some() && args.has("line") {
            return Err(Error::config(
                "`content` states the whole file: `line` cannot stand beside it",
            ));
        }
        let validate = args.text("validate");
        if validate
            .as_ref()
            .is_some_and(|command| !command.contains("%s"))
        {
            return Err(Error::config(
                "`validate` needs `%s`, which becomes the path of the new file",
            )
            .hint("validate: \"promtool check config %s\""));
        }
        let path = if path.len() > 1 {
            path.trim_end_matches('/').to_string()
        } else {
            path
        };
        Ok(File {
            backup: args.bool("backup").unwrap_or(false),
            content,
            group: args.text("group"),
            if_empty: args.bool("if_empty").unwrap_or(false),
            keep_time_if: args.text("keep_time_if"),
            line: args.text("line").map(|line| (line, args.text("match"))),
            mode: args.mode("mode"),
            owner: args.text("owner"),
            parents: args.bool("parents").unwrap_or(false),
            path,
            recurse: args.bool("recurse").unwrap_or(false),
            secret: matches!(args.value("content"), Some(Value::Secret(_))),
            state,
            target,
            validate,
        })
    }

    fn parse(&self, output: &Output) -> Result<Found> {
        let unknown = || could_not_tell(&self.subject(), output);
        let end = output
            .stdout
            .iter()
            .position(|byte| *byte == b'\n')
            .ok_or_else(unknown)?;
        let head = String::from_utf8_lossy(&output.stdout[..end]).into_owned();
        let rest = &output.stdout[end + 1..];
        let mut words = head.split(' ');
        let kind = match words.next() {
            Some("absent") => {
                return Ok(Found::Absent {
                    parent: words.next() == Some("parent"),
                });
            }
            Some("directory") => State::Directory,
            Some("file") => State::File,
            Some("link") => State::Link,
            Some("other") => {
                return Err(Error::new(
                    Kind::Remote,
                    format!("{} is neither a file, a directory nor a link", self.path),
                ));
            }
            _ => return Err(unknown()),
        };
        let mode = words
            .next()
            .and_then(|mode| u32::from_str_radix(mode, 8).ok())
            .ok_or_else(unknown)?;
        // An id without a name is `UNKNOWN`: then the number is what can be restored.
        let mut named = || {
            words.next()?.split_once('=').map(|(name, id)| {
                if name == "UNKNOWN" {
                    id.to_string()
                } else {
                    name.to_string()
                }
            })
        };
        let (owner, group) = (named().ok_or_else(unknown)?, named().ok_or_else(unknown)?);
        let content = match (kind, words.next()) {
            (State::Link, _) => Content::Target(
                String::from_utf8_lossy(rest)
                    .trim_end_matches('\n')
                    .to_string(),
            ),
            (State::File, Some("hash")) => Content::Hash(
                String::from_utf8_lossy(rest)
                    .split(' ')
                    .next()
                    .unwrap_or_default()
                    .to_string(),
            ),
            (State::File, _) if output.status == 0 => Content::Text(rest.to_vec()),
            (State::File, _) => return Err(unknown()),
            (State::Directory, Some("empty")) => Content::Empty,
            _ => Content::None,
        };
        Ok(Found::Present {
            content,
            group,
            kind,
            mode,
            owner,
        })
    }

    /// The whole content that shall be, when the call says it.
    fn wanted(&self, old: &[u8]) -> Option<Vec<u8>> {
        let (line, start) = match (&self.content, &self.line) {
            (Some(content), _) => return Some(content.clone()),
            (None, Some((line, start))) => (line.as_bytes(), start.as_deref()),
            (None, None) => return None,
        };
        let mut lines: Vec<&[u8]> = old
            .strip_suffix(b"\n")
            .unwrap_or(old)
            .split(|byte| *byte == b'\n')
            .collect();
        if old.is_empty() {
            lines.clear();
        }
        if lines.contains(&line) {
            return None;
        }
        match start.and_then(|start| {
            lines
                .iter()
                .position(|old| old.starts_with(start.as_bytes()))
        }) {
            Some(at) => lines[at] = line,
            None => lines.push(line),
        }
        let mut new = lines.join(&b'\n');
        new.push(b'\n');
        Some(new)
    }

    fn diff(&self, before: &[u8], after: &[u8]) -> Option<Diff> {
        if self.secret {
            return None;
        }
        let text = |bytes: &[u8]| std::str::from_utf8(bytes).map(str::to_string).ok();
        Some(Diff {
            after: text(after)?,
            before: text(before)?,
            path: self.path.clone(),
        })
    }

    /// `chmod` and `chown` for `path`, from what differs or for a new thing.
    fn own(
        &self,
        path: &str,
        found: Option<(u32, &str, &str)>,
        facts: &Facts,
        default: u32,
    ) -> (String, Vec<String>) {
        let (mut script, mut what) = (String::new(), Vec::new());
        let owns = facts.is_root() && facts.package_tool != crate::host::PackageTool::Sandbox;
        let (old_owner, old_group) = found.map_or(("", ""), |(_, owner, group)| (owner, group));
        let owner = self
            .owner
            .as_deref()
            .filter(|owner| owns && *owner != old_owner);
        let group = self
            .group
            .as_deref()
            .filter(|group| owns && *group != old_group);
        if owner.is_some() || group.is_some() {
            let spec = format!(
                "{}{}",
                owner.unwrap_or_default(),
                group.map(|group| format!(":{group}")).unwrap_or_default()
            );
            let _ = write!(script, " && chown -h {} {path}", quote(&spec));
        }
        let mode = match (self.mode, found) {
            (Some(mode), Some((old, ..))) if old == mode => None,
            (Some(mode), _) => Some(mode),
            (None, None) => Some(default),
            (None, Some(_)) => None,
        };
        if let Some(mode) = mode {
            let _ = write!(script, " && chmod {mode:04o} {path}");
        }
        if let Some((old_mode, old_owner, old_group)) = found {
            what.extend(owner.map(|owner| format!("owner {old_owner} -> {owner}")));
            what.extend(group.map(|group| format!("group {old_group} -> {group}")));
            what.extend(mode.map(|mode| format!("mode {old_mode:04o} -> {mode:04o}")));
        }
        (script, what)
    }

    fn change(&self, what: Vec<String>, script: String, shown: String, diff: Option<Diff>) -> Plan {
        Plan::Change(Change {
            diff,
            script,
            shown,
            timeout: None,
            what,
        })
    }

    /// Put content in place at once: beside it first, then renamed over it.
    fn write(
        &self,
        content: &[u8],
        found: Option<(u32, &str, &str)>,
        old: &[u8],
        facts: &Facts,
    ) -> Plan {
        let path = quote(&self.path);
        let (folder, name) = self.path.rsplit_once('/').unwrap_or(("", &self.path));
        let temporary = quote(&format!("{folder}/.{name}.etcdsh"));
        // A replaced file keeps what the call does not state.
        let keep = File {
            owner: self.owner.clone().or(found.map(|f| f.1.to_string())),
            group: self.group.clone().or(found.map(|f| f.2.to_string())),
            mode: self.mode.or(found.map(|f| f.0)),
            ..self.bare()
        };
        let (own, _) = keep.own(&temporary, None, facts, 0o644);
        let (_, mut what) = self.own(&path, found, facts, 0o644);
        what.insert(
            0,
            if found.is_some() {
                format!("content {}", changed_lines(old, content, self.secret))
            } else {
                "create".into()
            },
        );
        let backup = if self.backup && found.is_some() {
            format!(" && cp -p {path} {path}.$(date +%Y%m%dT%H%M%S)~")
        } else {
            String::new()
        };
        let times = if found.is_some() && self.keeps_time(old, content) {
            format!(" && touch -r {path} {temporary}")
        } else {
            String::new()
        };
        let validated = self.validate.as_ref().map_or(String::new(), |command| {
            format!(
                " && {{ ( {} ) >&2 || {{ rm -f {temporary}; exit {REFUSED}; }}; }}",
                command.replace("%s", &temporary)
            )
        });
        let script = format!(
            "umask 077; {{ rm -f {temporary} && {put}{own}{times}{validated} && {{ sync {temporary} 2>/dev/null || :; }}{backup} && mv -f {temporary} {path}; }} || {{ status=$?; rm -f {temporary}; {full}; exit $status; }}",
            // The shell calls a full disk an I/O error.
            full = format_args!(
                "df -P {} | {{ read -r _; read -r _ _ _ free _; [ \"${{free:-9999999}}\" -gt {} ] || echo 'No space left on device' >&2; }}",
                quote(if folder.is_empty() { "/" } else { folder }),
                content.len() / 1024 + 4
            ),
            put = put(content, &temporary),
        );
        self.change(
            what,
            script,
            format!("write {} ({} bytes)", self.path, content.len()),
            self.diff(old, content),
        )
    }

    fn bare(&self) -> File {
        File {
            backup: false,
            content: None,
            group: None,
            if_empty: false,
            keep_time_if: None,
            line: None,
            mode: None,
            owner: None,
            parents: false,
            path: self.path.clone(),
            recurse: false,
            secret: self.secret,
            state: self.state,
            target: None,
            validate: None,
        }
    }

    fn keeps_time(&self, old: &[u8], new: &[u8]) -> bool {
        let Some(start) = &self.keep_time_if else {
            return false;
        };
        let rest = |bytes: &[u8]| {
            let text = String::from_utf8_lossy(bytes).into_owned();
            text.lines()
                .filter(|line| !line.starts_with(start.as_str()))
                .map(str::to_string)
                .collect::<Vec<_>>()
        };
        rest(old) == rest(new)
    }

    fn create(&self, parent: bool, seen: &Seen<'_>) -> Result<Plan> {
        let folder =
            self.path.rsplit_once('/').map_or(
                "/",
                |(folder, _)| if folder.is_empty() { "/" } else { folder },
            );
        let pretended =
            seen.pretended.files.contains_key(folder) || !seen.pretended.packages.is_empty();
        let makes_it = self.parents && self.state == State::Directory;
        let needs_none = pretended || makes_it || self.state == State::Absent;
        if !parent && !needs_none {
            return Err(Error::new(
                Kind::Remote,
                format!("{}: its directory `{folder}` does not exist", self.path),
            )
            .hint(format!(
                "state the directory first: h.file(\"{folder}\", #{{ state: \"directory\" }})"
            )));
        }
        let path = quote(&self.path);
        Ok(match self.state {
            State::Absent => Plan::Unchanged,
            State::Directory => {
                let (own, _) = self.own(&path, None, seen.facts, 0o755);
                let above = if self.parents {
                    format!("mkdir -p -m 0755 {} && ", quote(folder))
                } else {
                    String::new()
                };
                self.change(
                    vec!["create".into()],
                    format!("{above}mkdir {path}{own}"),
                    format!("mkdir {path}"),
                    None,
                )
            }
            State::Link => {
                let target = quote(self.target.as_deref().unwrap_or_default());
                self.change(
                    vec!["create".into()],
                    format!("ln -s -- {target} {path}"),
                    format!("ln -s {target} {path}"),
                    None,
                )
            }
            State::File => {
                let content = self.wanted(b"").unwrap_or_default();
                self.write(&content, None, b"", seen.facts)
            }
        })
    }

    fn remove(&self, kind: State) -> Plan {
        let path = quote(&self.path);
        let command = match (kind, self.recurse) {
            (State::Directory, true) => format!("rm -rf -- {path}"),
            (State::Directory, false) => format!("rmdir -- {path}"),
            _ => format!("rm -f -- {path}"),
        };
        self.change(vec!["remove".into()], command.clone(), command, None)
    }
}

/// `N lines` that differ, as a person counts them.
fn changed_lines(old: &[u8], new: &[u8], secret: bool) -> String {
    let (Ok(old), Ok(new), false) = (std::str::from_utf8(old), std::str::from_utf8(new), secret)
    else {
        return "differs".into();
    };
    let diff = similar::TextDiff::from_lines(old, new);
    let count = |tag| {
        diff.iter_all_changes()
            .filter(|change| change.tag() == tag)
            .count()
    };
    format!(
        "+{} -{} lines",
        count(similar::ChangeTag::Insert),
        count(similar::ChangeTag::Delete)
    )
}

/// A command that writes bytes to `path`. Text goes through the shell's own `printf`, so it is on no command
/// line; anything else is base64 in a here-document, which every shell keeps to itself as well.
pub(super) fn put(content: &[u8], path: &str) -> String {
    match std::str::from_utf8(content) {
        Ok(text) if !text.contains('\0') && text.len() < 1 << 16 => {
            format!("printf %s '{}' >{path}", text.replace('\'', r"'\''"))
        }
        _ => {
            let text = base64(content);
            let mark = "ETCDSH_END";
            format!("base64 -d >{path} <<'{mark}'\n{text}\n{mark}\ntest $? = 0")
        }
    }
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len() * 4 / 3 + bytes.len() / 54 + 8);
    for (index, chunk) in bytes.chunks(3).enumerate() {
        if index > 0 && index % 19 == 0 {
            text.push('\n');
        }
        let word = (u32::from(chunk[0]) << 16)
            | (u32::from(*chunk.get(1).unwrap_or(&0)) << 8)
            | u32::from(*chunk.get(2).unwrap_or(&0));
        for place in 0..4 {
            if place <= chunk.len() {
                text.push(char::from(
                    LETTERS[(word >> (18 - 6 * place)) as usize & 63],
                ));
            } else {
                text.push('=');
            }
        }
    }
    text
}

impl Primitive for File {
    fn subject(&self) -> String {
        match self.state {
            State::Directory => format!("directory {}", self.path),
            State::Link => format!("link {}", self.path),
            _ => format!("file {}", self.path),
        }
    }

    fn ask(&self, _: &Facts) -> Result<String> {
        let path = quote(&self.path);
        let folder = quote(self.path.rsplit_once('/').map_or("/", |(folder, _)| {
            if folder.is_empty() { "/" } else { folder }
        }));
        // A removal needs no content; neither does a directory.
        let content = if self.state == State::File && self.line.is_some() {
            format!("echo; cat {path}")
        } else if self.state == State::File && self.content.is_some() {
            format!(
                "if [ $4 -gt {SHOWN} ]; then echo ' hash'; sha256sum <{path}; else echo; cat {path}; fi"
            )
        } else {
            "echo".into()
        };
        let inside = if self.if_empty {
            format!(
                "if [ -z \"$(ls -A {path})\" ] && ! mountpoint -q {path} 2>/dev/null; then echo ' empty'; else echo; fi"
            )
        } else {
            "echo".into()
        };
        // One process for what is there and one for its content: each costs more than all the rest.
        Ok(format!(
            "if [ -L {path} ] || [ -e {path} ]; then set -- $(stat -c '%a %U=%u %G=%g %s' {path}) && s=\"$1 $2 $3\" || exit 4; fi\n\
             if [ -L {path} ]; then printf 'link %s\\n' \"$s\"; readlink {path}\n\
             elif [ -d {path} ]; then printf 'directory %s' \"$s\"; {inside}\n\
             elif [ -f {path} ]; then printf 'file %s' \"$s\"; {content}\n\
             elif [ -e {path} ]; then echo other\n\
             elif [ -d {folder} ]; then\n\
               # A folder that may not be searched hides what is in it.\n\
               if [ -x {folder} ]; then echo absent parent; else exit 3; fi\n\
             else echo absent; fi"
        ))
    }

    fn plan(&self, seen: &Seen<'_>) -> Result<Plan> {
        if seen.pretended.is_removed(&self.path) {
            let folder = self.path.rsplit_once('/').map_or("/", |(folder, _)| folder);
            return if self.state == State::Absent {
                Ok(Plan::Unchanged)
            } else {
                self.create(!seen.pretended.is_removed(folder), seen)
            };
        }
        if let Some(before) = seen.pretended.files.get(&self.path) {
            // Check mode has already said that this path changes; a second statement about it is judged by that.
            let same = before.as_deref().map(str::as_bytes) == self.content.as_deref();
            return Ok(if same || self.content.is_none() {
                Plan::Unchanged
            } else {
                self.write(
                    &self.content.clone().unwrap_or_default(),
                    None,
                    b"",
                    seen.facts,
                )
            });
        }
        let brought = seen.pretended.brought.get(&self.path);
        let (content, group, kind, mode, owner) = match self.parse(seen.answer)? {
            Found::Absent { .. } if self.state == State::Absent => return Ok(Plan::Unchanged),
            Found::Absent { .. } if let Some((mode, owner, group)) = brought => (
                Content::Empty,
                group.clone(),
                State::Directory,
                *mode,
                owner.clone(),
            ),
            Found::Absent { parent } => return self.create(parent, seen),
            Found::Present {
                content,
                group,
                kind,
                mode,
                owner,
            } => (content, group, kind, mode, owner),
        };
        if self.state == State::Absent {
            let stays = self.if_empty
                && kind == State::Directory
                && content != Content::Empty
                && !seen.pretended.emptied(&self.path);
            return Ok(if stays {
                Plan::Unchanged
            } else {
                self.remove(kind)
            });
        }
        let path = quote(&self.path);
        if kind == State::Link && self.state == State::Link {
            let target = self.target.clone().unwrap_or_default();
            if content == Content::Target(target.clone()) {
                return Ok(Plan::Unchanged);
            }
            let command = format!("ln -sfn -- {} {path}", quote(&target));
            return Ok(self.change(
                vec![format!("target -> {target}")],
                command.clone(),
                command,
                None,
            ));
        }
        if kind != self.state {
            let name = |state| match state {
                State::Directory => "a directory",
                State::Link => "a link",
                _ => "a file",
            };
            return Err(Error::new(
                Kind::Remote,
                format!(
                    "{} is {}, and {} is wanted",
                    self.path,
                    name(kind),
                    name(self.state)
                ),
            )
            .hint(format!("look at it, then remove it: rm -r {path}")));
        }
        let found = Some((mode, owner.as_str(), group.as_str()));
        if self.state == State::File {
            let (old, differs, new): (&[u8], bool, _) = match &content {
                Content::Text(old) => {
                    let new = self.wanted(old);
                    (old, new.as_ref().is_some_and(|new| new != old), new)
                }
                Content::Hash(hash) => {
                    let new = self.content.clone();
                    (
                        b"",
                        new.as_ref()
                            .is_some_and(|new| *hash != hex::text(&Sha256::digest(new))),
                        new,
                    )
                }
                _ => (b"", false, None),
            };
            if let (true, Some(new)) = (differs, new) {
                return Ok(self.write(&new, found, old, seen.facts));
            }
        }
        let (own, what) = self.own(&path, found, seen.facts, 0);
        if what.is_empty() {
            return Ok(Plan::Unchanged);
        }
        let command = own.trim_start_matches(" && ").to_string();
        Ok(self.change(what, command.clone(), command, None))
    }

    fn judge(&self, change: &Change, output: &Output) -> Result<()> {
        if output.status == 0 {
            return Ok(());
        }
        let (mut error, command) = match &self.validate {
            Some(command) if output.status == REFUSED => (
                Error::new(
                    Kind::Remote,
                    format!("the new {} was refused, and the old one stays", self.path),
                )
                .hint("look at the new text with -C -D"),
                command.replace("%s", &self.path),
            ),
            _ => (
                Error::new(
                    Kind::Remote,
                    format!("{} could not be changed", self.subject()),
                ),
                format!("{} (exit {})", change.shown, output.status),
            ),
        };
        error.command = Some(command);
        error.stderr.clone_from(&output.stderr);
        if output.stderr.contains("No space left") {
            error = error.hint("df -h   # on the host");
        }
        Err(error)
    }

    fn result(&self, _: &Seen<'_>, _: Option<&Output>) -> Map {
        [("path".to_string(), Value::from(self.path.as_str()))].into()
    }

    fn pretend(&self, pretended: &mut Pretended, change: &Change) {
        if self.state == State::Absent {
            pretended.remove(&self.path);
            return;
        }
        let text = self
            .content
            .as_ref()
            .filter(|_| !self.secret)
            .and_then(|content| String::from_utf8(content.clone()).ok());
        pretended.put(&self.path, text, !change.script.contains(" && touch -r "));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_what_base64_reads() {
        for bytes in [
            &b""[..],
            b"a",
            b"ab",
            b"abc",
            &[0, 255, 1, 2, 3, 4, 5],
            &[7; 1000],
        ] {
            let script = put(&[b"\0".as_slice(), bytes].concat(), "/dev/stdout");
            let output = std::process::Command::new("sh")
                .arg("-c")
                .arg(script)
                .output()
                .expect("sh runs");
            assert_eq!(output.stdout, [b"\0".as_slice(), bytes].concat());
        }
    }
}
