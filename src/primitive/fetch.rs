//! `fetch`: the text of a file on the host. Copying a file of any size to here is `Session::fetch_to`.

use super::hidden::hidden;
use super::reach;
use super::{Plan, Primitive, Seen, Spec, could_not_tell};
use crate::command::quote;
use crate::error::{Error, Kind, Result};
use crate::host::Facts;
use crate::transport::Output;
use crate::value::{Map, Value};
use crate::word::{Arg, Args, Of, Section, Type, Word};

pub(super) const SPEC: Spec = Spec {
    build: |args: &Args| Ok(Box::new(Fetch { path: args.thing() })),
    word: Word::method(
        Section::Primitive,
        Of::Host,
        "fetch",
        "Read a text file of the host.\n\nReturns `content` and `exists`; a missing file is no error. Never a change, so it reads in check mode too.\nA link is followed where nobody but root and the login account can have put it.",
    )
    .takes(&[Arg::new("path", Type::Path, "the file")])
    .with(&[])
    .gives(Type::Map)
    .example(r#"h.fetch("/etc/hostname").content"#),
};

struct Fetch {
    path: String,
}

impl Primitive for Fetch {
    fn subject(&self) -> String {
        format!("fetch {}", self.path)
    }

    fn ask(&self, _: &Facts) -> Result<String> {
        let path = quote(&self.path);
        Ok(reach::with_functions(&format!(
            "if follow {path} && [ -e \"./$name\" ]; then echo present; {}\n\
             else {} && exit 2; echo absent; fi",
            reach::PRINT,
            hidden(&self.path)
        )))
    }

    fn plan(&self, seen: &Seen<'_>) -> Result<Plan> {
        if seen.answer.status != 0 {
            return Err(could_not_tell(&format!("file {}", self.path), seen.answer));
        }
        if seen.answer.stdout.starts_with(b"present\n")
            && std::str::from_utf8(&seen.answer.stdout).is_err()
        {
            return Err(Error::new(
                Kind::Remote,
                format!("{} is no text", self.path),
            ));
        }
        Ok(Plan::Unchanged)
    }

    fn result(&self, seen: &Seen<'_>, _: Option<&Output>) -> Map {
        let text = seen.answer.text();
        let content = text.strip_prefix("present\n");
        [
            (
                "content".to_string(),
                Value::from(content.unwrap_or_default()),
            ),
            ("exists".to_string(), Value::Bool(content.is_some())),
            ("path".to_string(), Value::from(self.path.as_str())),
        ]
        .into()
    }
}
