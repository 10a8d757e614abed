//! `file`: a file, directory or link is there as stated, or is absent.
//!
//! Here is what a call states; `look` asks the host what is there, `plan` compares, `write` and `access` are the
//! shell of a change. Start reading at [`File`].

mod access;
mod look;
mod plan;
mod write;

pub(super) use write::{full, put, replace};

use super::{Change, Plan, Primitive, Seen, Spec};
use crate::error::{Error, Hint, Kind, Result};
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
        Arg::new("template", Type::Template, "a Jinja template beside the inventory or script, rendered with the host's variables, the defaults of parameters, `groups` and `hostvars`; one that prints a secret is never shown"),
        Arg::new("values", Type::Map, "with `template`: values of the script's own, which win over variables"),
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

/// Does a path lead to the root directory, whatever is written?
fn is_all_of_the_host(path: &str) -> bool {
    let depth = path.split('/').fold(0_usize, |depth, part| match part {
        "" | "." => depth,
        ".." => depth.saturating_sub(1),
        _ => depth + 1,
    });
    depth == 0
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
        if args.has("values") && !args.has("template") {
            return Err(Error::config("`values` are for a `template`"));
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
        if state == State::Absent && is_all_of_the_host(&path) {
            return Err(Error::config(format!(
                "`{path}` is all of the host and is not removed"
            )));
        }
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
            secret: matches!(stated.first(), Some(Value::Secret(_))),
            state,
            target,
            validate,
        })
    }

    /// The folder it lies in.
    fn folder(&self) -> &str {
        match self.path.rsplit_once('/') {
            Some((folder, _)) if !folder.is_empty() => folder,
            _ => "/",
        }
    }
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
        Ok(self.question())
    }

    fn plan(&self, seen: &Seen<'_>) -> Result<Plan> {
        self.compare(seen)
    }

    fn judge(&self, change: &Change, output: &Output) -> Result<()> {
        if output.status == 0 {
            return Ok(());
        }
        if let Some(refused) = super::reach::refused(&self.subject(), output) {
            return Err(refused);
        }
        let (mut error, command) = match &self.validate {
            Some(command) if output.status == write::REFUSED => (
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
            error = error.hint(Hint::OnHost("df -h".into()));
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
        pretended.put(&self.path, text, !change.keeps_time);
    }
}
