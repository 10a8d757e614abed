//! A command that did not do what it was asked for: what is printed of it, and the error it is for another room.

use std::io::{self, Write};

use super::call::Io;
use super::failure::{self, Failure};
use super::line::usage;
use super::verb::{Found, Unknown};
use super::{Layout, Style};
use crate::error::{self, Error, Kind};

pub(super) enum Ended {
    Failed(Box<Failure>),
    /// Words or flags that the command does not take.
    Misused(Box<Found>, Box<Failure>),
    Unknown(Unknown),
}

impl From<Unknown> for Ended {
    fn from(unknown: Unknown) -> Ended {
        Ended::Unknown(unknown)
    }
}

impl Ended {
    pub(super) fn code(&self) -> i32 {
        match self {
            Ended::Failed(failure) | Ended::Misused(_, failure) => failure.code,
            Ended::Unknown(_) => failure::ERROR,
        }
    }

    pub(super) fn write(&self, style: &Style, io: &mut Io<'_>) -> io::Result<()> {
        match self {
            Ended::Failed(failure) => failure.write(io.err, style.strict),
            Ended::Misused(found, failure) if style.strict => misused(found, failure, style, io),
            Ended::Misused(found, failure) => {
                failure.write(io.err, style.strict)?;
                writeln!(io.err, " hint: {}", way_out(found, failure, style))
            }
            Ended::Unknown(unknown) => unknown_command(unknown, style, io.err),
        }
    }

    /// `said` is what the command had to say of it before it ended.
    pub(super) fn into_error(self, said: &str, style: &Style) -> Box<Error> {
        match self {
            Ended::Failed(mut failure) => {
                let mut said: Vec<String> = said.lines().map(|line| line.trim().into()).collect();
                if failure.text.is_none() && !said.is_empty() {
                    failure.text = Some(said.remove(0));
                }
                said.append(&mut failure.causes);
                failure.causes = said;
                failure.into_error(Kind::Etcd)
            }
            Ended::Misused(found, failure) => {
                let hint = way_out(&found, &failure, style);
                failure.into_error(Kind::Usage).hint(hint)
            }
            Ended::Unknown(unknown) => {
                let error = Error::usage(sentence(&unknown, style));
                match (unknown.instead, unknown.near.first()) {
                    (Some(instead), _) => error.hint(instead),
                    (None, Some(near)) => error.hint(format!("did you mean `{near}`?")),
                    (None, None) => error.hint(format!("{} --help", style.program)),
                }
            }
        }
    }
}

/// One thing to type instead.
fn way_out(found: &Found, failure: &Failure, style: &Style) -> String {
    let unknown = failure.text().strip_prefix("unknown flag: --");
    let known = found.flags.iter().map(|flag| flag.name);
    match error::nearest(unknown.unwrap_or_default(), known) {
        Some(near) => format!("did you mean `--{near}`?"),
        None => {
            let asked = format!("{} {}", style.program, found.name);
            format!("{} --help", asked.trim_end())
        }
    }
}

/// etcdctl up to 3.6 shows the command's page on standard output and the error below; etcdutl all of it there, the error twice.
fn misused(found: &Found, failure: &Failure, style: &Style, io: &mut Io<'_>) -> io::Result<()> {
    if style.is_etcdutl() {
        failure.write(io.err, style.strict)?;
        io.err.write_all(usage::page(found, style).as_bytes())?;
        return failure.write(io.err, style.strict);
    }
    io.out.write_all(usage::page(found, style).as_bytes())?;
    io.out.flush()?;
    failure.write(io.err, style.strict)?;
    writeln!(io.err)?;
    if style.layout == Layout::V35 {
        failure.write(io.err, style.strict)
    } else {
        Ok(())
    }
}

fn sentence(unknown: &Unknown, style: &Style) -> String {
    format!("unknown command {:?} for {:?}", unknown.word, style.program)
}

/// etcdctl up to 3.5 says it twice, etcdutl always.
fn unknown_command(unknown: &Unknown, style: &Style, err: &mut dyn Write) -> io::Result<()> {
    let mut said = format!("Error: {}", sentence(unknown, style));
    if let Some(instead) = &unknown.instead {
        return writeln!(err, "{said}\n hint: {instead}");
    }
    if !unknown.near.is_empty() {
        said.push_str("\n\nDid you mean this?\n");
        said.extend(unknown.near.iter().map(|name| format!("\t{name}\n")));
    }
    writeln!(err, "{said}\nRun '{} --help' for usage.", style.program)?;
    if style.is_etcdutl() || style.layout == Layout::V35 && style.strict {
        writeln!(err, "{said}")
    } else {
        Ok(())
    }
}
