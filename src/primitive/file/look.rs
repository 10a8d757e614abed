//! What is there: one question, one answer.

use super::access::Found;
use super::{File, State};
use crate::error::{Error, Kind, Result};
use crate::primitive::hidden::hidden;
use crate::primitive::reach;
use crate::primitive::{Primitive, could_not_tell};
use crate::transport::Output;

/// Larger files are compared by their hash and show no diff.
const SHOWN: usize = 1 << 20;

/// What the host says is there.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum There {
    Absent {
        /// Is there a directory that it would lie in?
        parent: bool,
    },
    Present {
        access: Found,
        content: Content,
        kind: State,
    },
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// Of a directory: it has no entries and is no mount point.
    Empty,
    Hash(String),
    None,
    Target(String),
    Text(Vec<u8>),
}

impl File {
    pub(super) fn question(&self) -> String {
        let path = reach::name(&self.path);
        let print = reach::PRINT;
        // A removal needs no content; neither does a directory.
        let content = if self.state == State::File && self.line.is_some() {
            format!("echo; {print}")
        } else if self.state == State::File && self.content.is_some() {
            format!(
                "if [ $4 -gt {SHOWN} ]; then echo ' hash'; [ -r {path} ] && {print} | sha256sum; else echo; {print}; fi"
            )
        } else {
            "echo".into()
        };
        let inside = if self.if_empty {
            format!(
                "said=$(ls -A {path}) || exit 4; if [ -z \"$said\" ] && ! mountpoint -q {path} 2>/dev/null; then echo ' empty'; else echo; fi"
            )
        } else {
            "echo".into()
        };
        // One process for what is there and one for its content: each costs more than all the rest.
        reach::with_functions(&format!(
            "if {beside}; then name={path}\n\
             if [ -L {path} ] || [ -e {path} ]; then set -- $(stat -c '%a %U=%u %G=%g %s' {path}) && s=\"$1 $2 $3\" || exit 4; fi\n\
             if [ -L {path} ]; then printf 'link %s\\n' \"$s\"; readlink {path}\n\
             elif [ -d {path} ]; then printf 'directory %s' \"$s\"; {inside}\n\
             elif [ -f {path} ]; then printf 'file %s' \"$s\"; {content}\n\
             elif [ -e {path} ]; then echo other\n\
             else echo absent parent; fi\n\
             else {hidden} && exit 2; echo absent; fi",
            beside = reach::beside(&self.path),
            hidden = hidden(&self.path)
        ))
    }

    pub(super) fn read(&self, output: &Output) -> Result<There> {
        let unknown = || could_not_tell(&self.subject(), output);
        if output.status != 0 {
            return Err(unknown());
        }
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
                return Ok(There::Absent {
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
            (State::File, _) => Content::Text(rest.to_vec()),
            (State::Directory, Some("empty")) => Content::Empty,
            _ => Content::None,
        };
        Ok(There::Present {
            access: Found { group, mode, owner },
            content,
            kind,
        })
    }
}
