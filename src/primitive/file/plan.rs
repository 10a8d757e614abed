//! What is wanted beside what is there.

use sha2::{Digest, Sha256};

use super::access::{Access, Found};
use super::look::{Content, There};
use super::write::Old;
use super::{File, State};
use crate::command::quote;
use crate::error::{Error, Kind, Result};
use crate::hex;
use crate::primitive::{Change, Plan, Seen, reach};

/// `command` is what a person is shown of `script`.
fn change(what: Vec<String>, script: String, command: String) -> Plan {
    Plan::Change(Change {
        script,
        shown: command,
        what,
        ..Change::default()
    })
}

impl File {
    pub(super) fn compare(&self, seen: &Seen<'_>) -> Result<Plan> {
        if let Some(plan) = self.pretended(seen) {
            return plan;
        }
        let brought = seen.pretended.brought.get(&self.path);
        let (access, content, kind) = match self.read(seen.answer)? {
            There::Absent { .. } if self.state == State::Absent => return Ok(Plan::Unchanged),
            There::Absent { .. } if let Some((mode, owner, group)) = brought => {
                let access = Found {
                    group: group.clone(),
                    mode: *mode,
                    owner: owner.clone(),
                };
                (access, Content::Empty, State::Directory)
            }
            There::Absent { parent } => return self.create(parent, seen),
            There::Present {
                access,
                content,
                kind,
            } => (access, content, kind),
        };
        match self.state {
            State::Absent => {
                let stays = self.if_empty
                    && kind == State::Directory
                    && content != Content::Empty
                    && !seen.pretended.emptied(&self.path);
                Ok(if stays {
                    Plan::Unchanged
                } else {
                    self.remove(kind)
                })
            }
            State::Link if kind == State::Link => Ok(self.lead(&content)),
            wanted if wanted != kind => Err(self.another(kind)),
            _ => Ok(self.differences(&access, &content, seen)),
        }
    }

    /// Check mode has already said that this path changes; a second statement about it is judged by that.
    fn pretended(&self, seen: &Seen<'_>) -> Option<Result<Plan>> {
        if seen.pretended.is_removed(&self.path) {
            let folder = self.path.rsplit_once('/').map_or("/", |(folder, _)| folder);
            return Some(match self.state {
                State::Absent => Ok(Plan::Unchanged),
                _ => self.create(!seen.pretended.is_removed(folder), seen),
            });
        }
        let before = seen.pretended.files.get(&self.path)?;
        let before = before.as_deref().map(str::as_bytes);
        let access = Found {
            group: self.group.clone().unwrap_or_default(),
            mode: self.mode.unwrap_or(0o644),
            owner: self.owner.clone().unwrap_or_default(),
        };
        let old = Old {
            access: &access,
            content: before,
        };
        Some(Ok(match &self.content {
            Some(content) if before != Some(content.as_slice()) => {
                Plan::Change(self.write(content, Some(&old), seen.facts))
            }
            _ => Plan::Unchanged,
        }))
    }

    /// What is in its place is neither what is wanted nor absent.
    fn another(&self, kind: State) -> Box<Error> {
        let name = |state| match state {
            State::Directory => "a directory",
            State::Link => "a link",
            _ => "a file",
        };
        let what = format!(
            "{} is {}, and {} is wanted",
            self.path,
            name(kind),
            name(self.state)
        );
        let path = quote(&self.path);
        let hint = if kind == State::Link {
            format!("readlink -f {path} shows where it leads: name that path")
        } else {
            format!("look at it, then move it away: mv {path} {path}.old")
        };
        Error::new(Kind::Remote, what).hint(hint)
    }

    fn lead(&self, content: &Content) -> Plan {
        let target = self.target.clone().unwrap_or_default();
        if *content == Content::Target(target.clone()) {
            return Plan::Unchanged;
        }
        change(
            vec![format!("target -> {target}")],
            self.link(&target, "-sfnT"),
            format!("ln -sfn -- {} {}", quote(&target), quote(&self.path)),
        )
    }

    fn differences(&self, access: &Found, content: &Content, seen: &Seen<'_>) -> Plan {
        let (old, new) = match content {
            Content::Text(old) => (
                Some(old.as_slice()),
                self.wanted(old).filter(|new| new != old),
            ),
            Content::Hash(hash) => (
                None,
                self.content
                    .clone()
                    .filter(|new| *hash != hex::text(&Sha256::digest(new))),
            ),
            _ => (None, None),
        };
        if let (State::File, Some(new)) = (self.state, new) {
            let old = Old {
                access,
                content: old,
            };
            return Plan::Change(self.write(&new, Some(&old), seen.facts));
        }
        let missing = self.access(seen.facts).missing(access);
        let what = missing.told(access);
        if what.is_empty() {
            return Plan::Unchanged;
        }
        let command = missing.steps(&quote(&self.path)).join(" && ");
        let script = if self.state == State::Directory {
            reach::standing(&self.path, "", &missing.steps(".").join(" && "))
        } else {
            self.give(missing)
        };
        change(what, script, command)
    }

    /// Give it to a file. By its name only where nobody else can put a link there: else by another name of it.
    fn give(&self, missing: Access<'_>) -> String {
        let name = reach::name(&self.path);
        let mut steps = vec![
            format!("ln -P {} ./it", reach::name_above(&self.path)),
            "[ -f ./it ] && [ ! -L ./it ]".to_string(),
        ];
        steps.extend(missing.steps("./it"));
        let elsewhere = reach::staged(&self.path, &steps, "");
        let here = format!(
            "if alone; then [ ! -L {name} ] && {}; exit; fi",
            missing.steps(&name).join(" && ")
        );
        reach::in_folder(&self.path, &format!("{here}\n{elsewhere}"))
    }

    fn link(&self, target: &str, how: &str) -> String {
        let command = format!("ln {how} -- {} {}", quote(target), reach::name(&self.path));
        reach::in_folder(&self.path, &command)
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

    fn create(&self, parent: bool, seen: &Seen<'_>) -> Result<Plan> {
        let folder = self.folder();
        let pretended = seen.pretended.files.contains_key(folder) || seen.pretended.installs();
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
        Ok(match self.state {
            State::Absent => Plan::Unchanged,
            State::Directory => self.make_directory(seen),
            State::Link => {
                let target = self.target.as_deref().unwrap_or_default();
                let shown = format!("ln -s {} {}", quote(target), quote(&self.path));
                change(vec!["create".into()], self.link(target, "-sT"), shown)
            }
            State::File => {
                let content = self.wanted(b"").unwrap_or_default();
                Plan::Change(self.write(&content, None, seen.facts))
            }
        })
    }

    fn make_directory(&self, seen: &Seen<'_>) -> Plan {
        let path = quote(&self.path);
        let stated = self.access(seen.facts);
        let access = Access {
            mode: stated.mode.or(Some(0o755)),
            ..stated
        };
        let make = if self.parents { "make" } else { "" };
        // Once it is made it is gone into, so that owner and mode go to no link that took its place.
        let steps: Vec<String> = [format!("mkdir {}", reach::name(&self.path))]
            .into_iter()
            .chain([format!("reach {path}")])
            .chain(access.steps("."))
            .collect();
        change(
            vec!["create".into()],
            reach::standing(self.folder(), make, &steps.join(" && ")),
            format!("mkdir {path}"),
        )
    }

    fn remove(&self, kind: State) -> Plan {
        let command = match (kind, self.recurse) {
            (State::Directory, true) => "rm -rf",
            (State::Directory, false) => "rmdir",
            _ => "rm -f",
        };
        let command = |path: &str| format!("{command} -- {path}");
        change(
            vec!["remove".into()],
            reach::in_folder(&self.path, &command(&reach::name(&self.path))),
            command(&quote(&self.path)),
        )
    }
}
