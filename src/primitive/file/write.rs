//! The shell that puts a content in place, whole or not at all.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::File;
use super::access::{Access, Found};
use crate::command::quote;
use crate::hex;
use crate::host::Facts;
use crate::primitive::{Change, Diff, reach};

/// How a script ends when `validate` did not accept the new content.
pub(super) const REFUSED: i32 = 165;

/// A file that is to be replaced.
pub(super) struct Old<'a> {
    pub(super) access: &'a Found,
    /// `None` where it was too large to be looked at.
    pub(super) content: Option<&'a [u8]>,
}

impl File {
    /// Put content in place at once: in a stage beside it first, then renamed over it.
    pub(super) fn write(&self, content: &[u8], old: Option<&Old<'_>>, facts: &Facts) -> Change {
        let path = reach::name_above(&self.path);
        let keeps_time = old
            .and_then(|old| old.content)
            .is_some_and(|old| self.keeps_time(old, content));
        let mut steps = vec![put(content, "./new")];
        steps.extend(self.access_of_new(old, facts).steps("./new"));
        if keeps_time {
            steps.push(format!("touch -h -r {path} ./new"));
        }
        steps.extend(self.validate.as_deref().map(|command| self.tried(command)));
        steps.push("{ sync ./new 2>/dev/null || :; }".into());
        if self.backup && old.is_some() {
            // Another name of the old file, which stays when its own name goes to the new one.
            steps.push(format!("ln -P -- {path} {path}.$(date +%Y%m%dT%H%M%S)~"));
        }
        steps.push(format!("mv -fT ./new {path}"));
        Change {
            diff: self.diff(old, content),
            keeps_time,
            script: reach::staged(
                &self.path,
                &steps,
                &format!("{}; ", full(self.folder(), content.len())),
            ),
            shown: format!("write {} ({} bytes)", self.path, content.len()),
            what: self.told(old, content, facts),
            ..Change::default()
        }
    }

    /// Have `command` look at the new file from the folder where it will lie, since a config may name files beside it.
    fn tried(&self, command: &str) -> String {
        let mut random = [0; 8];
        getrandom::fill(&mut random).expect("the system gives random bytes");
        let (folder, name) = self.path.rsplit_once('/').unwrap_or(("", &self.path));
        let beside = quote(&format!("{folder}/.{name}.{}.etcdsh", hex::text(&random)));
        format!(
            "ln -P ./new {beside} && {{ ( cd .. && {} ) >&2 || {{ rm -f {beside}; leave; exit {REFUSED}; }}; }} && rm -f {beside}",
            command.replace("%s", &beside)
        )
    }

    /// A replaced file keeps what the call does not state.
    fn access_of_new<'a>(&'a self, old: Option<&'a Old<'_>>, facts: &Facts) -> Access<'a> {
        let stated = self.access(facts);
        let Some(Old { access: found, .. }) = old else {
            let mode = stated.mode.or(Some(0o644));
            return Access { mode, ..stated };
        };
        let owns = File::owns(facts);
        Access {
            group: stated.group.or(owns.then_some(&found.group)),
            mode: stated.mode.or(Some(found.mode)),
            owner: stated.owner.or(owns.then_some(&found.owner)),
        }
    }

    fn told(&self, old: Option<&Old<'_>>, content: &[u8], facts: &Facts) -> Vec<String> {
        let Some(old) = old else {
            return vec!["create".into()];
        };
        let lines = match old.content {
            Some(old) => changed_lines(old, content, self.secret),
            None => "differs".into(),
        };
        let mut told = vec![format!("content {lines}")];
        told.extend(self.access(facts).missing(old.access).told(old.access));
        told
    }

    fn diff(&self, old: Option<&Old<'_>>, after: &[u8]) -> Option<Diff> {
        let before = match old {
            _ if self.secret => return None,
            None => b"",
            Some(old) => old.content?,
        };
        let text = |bytes: &[u8]| std::str::from_utf8(bytes).map(str::to_string).ok();
        Some(Diff {
            after: text(after)?,
            before: text(before)?,
            path: self.path.clone(),
        })
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
}

/// A command that names a full disk: the shell calls it an I/O error.
pub(in crate::primitive) fn full(folder: &str, bytes: usize) -> String {
    format!(
        "df -P {} | {{ read -r _; read -r _ _ _ free _; [ \"${{free:-9999999}}\" -gt {} ] || echo 'No space left on device' >&2; }}",
        quote(folder),
        bytes / 1024 + 4
    )
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

/// A script that puts a text that anybody may read in the place of the file `path`; with `keeps_time` it is no newer.
pub(in crate::primitive) fn replace(path: &str, text: &str, keeps_time: bool) -> String {
    let place = reach::name_above(path);
    let mut steps = vec![
        put(text.as_bytes(), "./new"),
        "chmod 0644 ./new".to_string(),
    ];
    if keeps_time {
        steps.push(format!("touch -r {place} ./new"));
    }
    steps.push(format!("mv -fT ./new {place}"));
    reach::staged(path, &steps, "")
}

/// A command that writes bytes to `path`. Text goes through the shell's own `printf`, so it is on no command
/// line; anything else is base64 in a here-document, which every shell keeps to itself as well.
pub(in crate::primitive) fn put(content: &[u8], path: &str) -> String {
    match std::str::from_utf8(content) {
        Ok(text) if !text.contains('\0') && text.len() < 1 << 16 => {
            format!("printf %s '{}' >{path}", text.replace('\'', r"'\''"))
        }
        _ => {
            // 57 bytes are 76 letters, the longest line that every `base64 -d` takes.
            let lines: Vec<String> = content
                .chunks(57)
                .map(|line| STANDARD.encode(line))
                .collect();
            let mark = "ETCDSH_END";
            format!(
                "base64 -d >{path} <<'{mark}'\n{}\n{mark}\ntest $? = 0",
                lines.join("\n")
            )
        }
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
