//! How a verb ends when it does not succeed: an exit code, and the text after `Error: `.

use std::io;

use tonic::Code;

use crate::error::{Error, Hint, Kind};
use crate::etcd::{Fault, Trouble};
use crate::terminal::visible;

/// Codes of etcdctl.
pub(super) const ERROR: i32 = 1;
pub(super) const CONNECTION: i32 = 2;
pub(super) const INPUT: i32 = 3;
pub(super) const FEATURE: i32 = 4;
pub(super) const INTERRUPTED: i32 = 5;
pub(super) const ARGUMENTS: i32 = 128;

/// Nobody reads any longer what is printed: what a shell says of a program that SIGPIPE ended. In native mode it is no error.
pub const READER_GONE: i32 = 141;

#[derive(Debug)]
pub(super) struct Failure {
    pub(super) code: i32,
    /// Native mode: the cause at each endpoint.
    pub(super) causes: Vec<String>,
    /// Native mode: one thing to type next.
    pub(super) hint: Option<Hint>,
    /// Without it nothing more is printed.
    pub(super) text: Option<String>,
    /// Of the command line itself, so that the command's page is shown.
    pub(super) usage: bool,
}

pub(super) type Outcome<T = ()> = Result<T, Box<Failure>>;

impl Failure {
    pub(super) fn new(code: i32, text: impl Into<String>) -> Box<Failure> {
        Box::new(Failure {
            code,
            causes: Vec::new(),
            hint: None,
            text: Some(text.into()),
            usage: false,
        })
    }

    /// Wrong arguments: 128.
    pub(super) fn arguments(text: impl Into<String>) -> Box<Failure> {
        Failure::new(ARGUMENTS, text)
    }

    /// What had to be said has been said.
    pub(super) fn silent(code: i32) -> Box<Failure> {
        Box::new(Failure {
            code,
            causes: Vec::new(),
            hint: None,
            text: None,
            usage: false,
        })
    }

    /// Words that cobra itself refuses.
    pub(super) fn usage(text: impl Into<String>) -> Box<Failure> {
        Box::new(Failure {
            usage: true,
            ..*Failure::new(ERROR, text)
        })
    }

    /// The same with another exit code: `lease list` ends with 2 where others end with 1.
    pub(super) fn with_code(mut self: Box<Self>, code: i32) -> Box<Failure> {
        self.code = code;
        self
    }

    pub(super) fn with_hint(mut self: Box<Self>, hint: impl Into<Hint>) -> Box<Failure> {
        self.hint = Some(hint.into());
        self
    }

    /// The text, wrapped: `failed to grant lease (...)`.
    pub(super) fn within(mut self: Box<Self>, wrap: impl FnOnce(&str) -> String) -> Box<Failure> {
        self.text = self.text.map(|text| wrap(&text));
        self
    }

    pub(super) fn text(&self) -> &str {
        self.text.as_deref().unwrap_or_default()
    }

    pub(super) fn of_error(error: &Error) -> Box<Failure> {
        let mut failure = Failure::new(ERROR, error.headline());
        failure.causes.clone_from(&error.causes);
        failure.hint = error.hints.first().cloned();
        failure
    }

    /// For another room. `kind` is meant when the code says nothing of it.
    pub(super) fn into_error(self, kind: Kind) -> Box<Error> {
        let kind = if self.usage || matches!(self.code, ARGUMENTS | FEATURE | INPUT) {
            Kind::Usage
        } else {
            kind
        };
        let what = self.text.unwrap_or_else(|| "the command failed".into());
        let mut error = Error::new(kind, what);
        error.causes = self.causes;
        error.hints.extend(self.hint);
        error
    }

    pub(super) fn write(&self, err: &mut dyn io::Write, strict: bool) -> io::Result<()> {
        let Some(text) = &self.text else {
            return Ok(());
        };
        // The server's own words may stand in each of them.
        let shown = |text: &str| {
            if strict {
                text.to_string()
            } else {
                visible(text.as_bytes(), true).replace('\n', "\n    ")
            }
        };
        writeln!(err, "Error: {}", shown(text))?;
        for cause in &self.causes {
            writeln!(err, "  {}", shown(cause))?;
        }
        match &self.hint {
            Some(hint) => writeln!(err, " hint: {}", shown(&hint.to_string())),
            None => Ok(()),
        }
    }
}

/// Nothing can be printed any longer: the reader has gone.
impl From<io::Error> for Box<Failure> {
    fn from(error: io::Error) -> Box<Failure> {
        if error.kind() == io::ErrorKind::BrokenPipe {
            Failure::silent(READER_GONE)
        } else {
            Failure::new(ERROR, error.to_string())
        }
    }
}

/// As etcdctl words it: the server's own text, or the deadline that passed.
pub(super) fn strict_text(fault: &Fault) -> String {
    match fault.trouble() {
        Trouble::Auth(text) => text.clone(),
        Trouble::Server(code, text)
            if text.starts_with("etcdserver: ") || *code == Code::Ok as i32 =>
        {
            text.clone()
        }
        Trouble::Server(code, text)
            if *code == Code::DeadlineExceeded as i32 && text.contains("deadline") =>
        {
            "context deadline exceeded".into()
        }
        Trouble::Server(code, text) => {
            format!("rpc error: code = {} desc = {text}", code_name(*code))
        }
        Trouble::File(_)
        | Trouble::Other(_)
        | Trouble::Refused
        | Trouble::Timeout
        | Trouble::Tls(_) => "context deadline exceeded".into(),
    }
}

/// A gRPC code as Go names it.
pub(super) fn code_name(code: i32) -> String {
    let code = Code::from_i32(code);
    if code == Code::Cancelled {
        "Canceled".into()
    } else {
        format!("{code:?}")
    }
}
