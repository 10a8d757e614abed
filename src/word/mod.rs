//! A word of the language as a value: what it belongs to, what it takes, what it means.
//!
//! Everything that is said about a word is said here once. From it come the checks of a call, the static check of a
//! script, completion, `etcdsh help` and docs/primitives.md. The words themselves stand beside what they do: the
//! primitives in `primitive`, all others in `script/words`. Must not know Rhai. Start reading at [`Word`].

mod args;

use std::fmt;

pub use args::{Args, no_options, unknown_key, wrong_type};

use crate::value::{Value, duration};

/// What an argument takes, a word gives, or belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    Any,
    Array,
    Authority,
    Bool,
    Client,
    /// A command line, or a list of words that is run as it is.
    Command,
    /// A port, an absolute path, or a command line.
    Condition,
    Duration,
    Error,
    /// A path beside the script or the inventory, on this machine.
    File,
    /// A function with this number of parameters, and what it is called with.
    Function(usize, Gets),
    /// Something to type next: a text, or a map that says where.
    Hint,
    Host,
    /// A pattern, a host, a list of hosts, or a map of clusters to hosts.
    Hosts,
    Int,
    Map,
    /// Octal permissions, `0o640`.
    Mode,
    /// `()`, as of a word that only does something.
    Nothing,
    /// Any of these words.
    OneOf(&'static [&'static str]),
    /// A path on the host; on a sandbox host it lies below its folder.
    Path,
    Secret,
    /// A Jinja template beside the script or the inventory.
    Template,
    Text,
    /// A text or a list of texts.
    Texts,
    /// A moment, as `now()` gives it.
    Time,
    Variables,
}

/// What a function given to a word is called with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gets {
    Host,
    Hosts,
    Item,
    Nothing,
}

/// One argument, or one key of an option map.
#[derive(Clone, Copy, Debug)]
pub struct Arg {
    pub doc: &'static str,
    pub name: &'static str,
    pub takes: Type,
}

impl Arg {
    #[must_use]
    pub const fn new(name: &'static str, takes: Type, doc: &'static str) -> Arg {
        Arg { doc, name, takes }
    }
}

/// What a word belongs to: the value before the point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    Array,
    Authority,
    Client,
    Error,
    /// A function, which stands alone.
    Function,
    Host,
    Map,
    Time,
}

impl Of {
    /// The type of such a value; any for a function.
    #[must_use]
    pub fn value(self) -> Type {
        match self {
            Of::Array => Type::Array,
            Of::Authority => Type::Authority,
            Of::Client => Type::Client,
            Of::Error => Type::Error,
            Of::Function => Type::Any,
            Of::Host => Type::Host,
            Of::Map => Type::Map,
            Of::Time => Type::Time,
        }
    }

    /// The name that the manual gives such a value; empty for a function.
    #[must_use]
    pub fn letter(self) -> &'static str {
        match self {
            Of::Array => "array",
            Of::Authority => "ca",
            Of::Client => "e",
            Of::Error => "error",
            Of::Function => "",
            Of::Host => "h",
            Of::Map => "map",
            Of::Time => "time",
        }
    }
}

/// Where a word stands in the manual.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    Primitive,
    Play,
    Host,
    Flow,
    Plan,
    Saying,
    Etcd,
    Cert,
    Text,
    Time,
    Stdlib,
}

impl Section {
    /// In the order of the manual, after the primitives.
    pub const ALL: [Section; 10] = [
        Section::Play,
        Section::Host,
        Section::Flow,
        Section::Plan,
        Section::Saying,
        Section::Etcd,
        Section::Cert,
        Section::Text,
        Section::Time,
        Section::Stdlib,
    ];

    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Section::Cert => "Certificates",
            Section::Etcd => "etcd",
            Section::Flow => "Several hosts, waiting, other scripts",
            Section::Host => "Hosts and inventory",
            Section::Plan => "Plans",
            Section::Play => "Play, tasks, groups",
            Section::Primitive => "Primitives",
            Section::Saying => "Messages, questions, errors, check mode",
            Section::Stdlib => "For the stdlib",
            Section::Text => "Texts",
            Section::Time => "Times",
        }
    }
}

/// A function of the language, or a property of one of its values.
#[derive(Clone, Copy, Debug)]
pub struct Word {
    /// In their order; a function that is handed over comes last, after the options.
    pub args: &'static [Arg],
    /// One line that stands alone, then more about it.
    pub doc: &'static str,
    /// A line of a script, with a host `h`, hosts `hosts`, a client `e` and a CA `ca` at hand.
    pub example: &'static str,
    /// May the first argument be left out?
    pub first_optional: bool,
    pub gives: Type,
    /// `module::name` for a word of a module.
    pub name: &'static str,
    pub of: Of,
    /// The keys of the option map.
    pub options: &'static [Arg],
    /// Read without brackets.
    pub property: bool,
    pub section: Section,
}

impl Word {
    /// A function that stands alone.
    #[must_use]
    pub const fn function(section: Section, name: &'static str, doc: &'static str) -> Word {
        Word {
            args: &[],
            doc,
            example: "",
            first_optional: false,
            gives: Type::Nothing,
            name,
            of: Of::Function,
            options: &[],
            property: false,
            section,
        }
    }

    /// A function of a value.
    #[must_use]
    pub const fn method(section: Section, of: Of, name: &'static str, doc: &'static str) -> Word {
        let mut word = Word::function(section, name, doc);
        word.of = of;
        word
    }

    /// A property of a value.
    #[must_use]
    pub const fn property(
        section: Section,
        of: Of,
        name: &'static str,
        gives: Type,
        doc: &'static str,
    ) -> Word {
        let mut word = Word::method(section, of, name, doc);
        word.gives = gives;
        word.property = true;
        word
    }

    #[must_use]
    pub const fn takes(mut self, args: &'static [Arg]) -> Word {
        self.args = args;
        self
    }

    /// The same, and a call may begin with the second of them.
    #[must_use]
    pub const fn may_take(mut self, args: &'static [Arg]) -> Word {
        self.args = args;
        self.first_optional = true;
        self
    }

    #[must_use]
    pub const fn with(mut self, options: &'static [Arg]) -> Word {
        self.options = options;
        self
    }

    #[must_use]
    pub const fn gives(mut self, gives: Type) -> Word {
        self.gives = gives;
        self
    }

    #[must_use]
    pub const fn example(mut self, example: &'static str) -> Word {
        self.example = example;
        self
    }

    /// The arguments that stand before the options.
    #[must_use]
    pub fn plain(&self) -> &'static [Arg] {
        match self.function_arg() {
            Some(_) => &self.args[..self.args.len() - 1],
            None => self.args,
        }
    }

    /// The function that is handed over.
    #[must_use]
    pub fn function_arg(&self) -> Option<(usize, Gets)> {
        match self.args.last()?.takes {
            Type::Function(count, gets) => Some((count, gets)),
            _ => None,
        }
    }

    /// The numbers of arguments that a call may have, without the value before the point.
    #[must_use]
    pub fn counts(&self) -> Vec<usize> {
        let all = self.args.len();
        let mut counts = vec![all];
        if self.first_optional {
            counts.push(all - 1);
        }
        if !self.options.is_empty() {
            counts.extend(counts.clone().iter().map(|count| count + 1));
        }
        counts.sort_unstable();
        counts.dedup();
        counts
    }

    /// The last part of the name, as it is called.
    #[must_use]
    pub fn bare(&self) -> &'static str {
        self.name.rsplit("::").next().unwrap_or(self.name)
    }

    /// How it is called, without what stands before the point: `put(key, value)`.
    #[must_use]
    pub fn call(&self) -> String {
        if self.property {
            return self.name.to_string();
        }
        let mut parts: Vec<String> = self
            .plain()
            .iter()
            .map(|arg| arg.name.to_string())
            .collect();
        if !self.options.is_empty() {
            let keys: Vec<&str> = self.options.iter().map(|arg| arg.name).collect();
            parts.push(format!("#{{ {} }}", keys.join(", ")));
        }
        if let Some((_, gets)) = self.function_arg() {
            parts.push(format!("{} ...", gets.parameters()));
        }
        format!("{}({})", self.name, parts.join(", "))
    }

    /// How it is called: `e.put(key, value)`.
    #[must_use]
    pub fn signature(&self) -> String {
        match self.of {
            Of::Function => self.call(),
            of => format!("{}.{}", of.letter(), self.call()),
        }
    }

    /// The line that stands alone.
    #[must_use]
    pub fn first_line(&self) -> &'static str {
        self.doc.lines().next().unwrap_or_default()
    }

    /// The option of this name.
    #[must_use]
    pub fn option(&self, name: &str) -> Option<&'static Arg> {
        self.options.iter().find(|arg| arg.name == name)
    }
}

impl Gets {
    /// The head of such a function.
    #[must_use]
    pub fn parameters(self) -> &'static str {
        match self {
            Gets::Host => "|h|",
            Gets::Hosts => "|members|",
            Gets::Item => "|item|",
            Gets::Nothing => "||",
        }
    }
}

impl fmt::Display for Gets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Gets::Host => "the host",
            Gets::Hosts => "the hosts of the cluster",
            Gets::Item => "one of the items",
            Gets::Nothing => "nothing",
        })
    }
}

impl Type {
    /// Could a plain value be meant? What only the interpreter knows, such as a host, fits here. A secret is no text:
    /// it would be shown, or mean something else than it says.
    #[must_use]
    pub fn fits(self, value: &Value) -> bool {
        let is_text = matches!(value, Value::Text(_));
        match self {
            _ if *value == Value::Null => true,
            Type::Array => matches!(value, Value::List(_)),
            Type::Bool => matches!(value, Value::Bool(_)),
            Type::Command | Type::Texts => match value {
                Value::List(values) => values.iter().all(|value| matches!(value, Value::Text(_))),
                _ => is_text,
            },
            Type::Condition | Type::Path | Type::Text => is_text,
            Type::Duration => match value {
                Value::Int(seconds) => *seconds >= 0,
                Value::Text(text) => duration(text).is_some(),
                _ => false,
            },
            Type::File => is_text || matches!(value, Value::Bytes(_)),
            // One that was rendered with a secret is one.
            Type::Template => is_text || matches!(value, Value::Secret(_)),
            Type::Hint => is_text || matches!(value, Value::List(_) | Value::Map(_)),
            Type::Hosts => is_text || matches!(value, Value::List(_) | Value::Map(_)),
            Type::Int => matches!(value, Value::Int(_)),
            Type::Map => matches!(value, Value::Map(_)),
            Type::Mode => value
                .as_int()
                .is_some_and(|mode| (0..=0o7777).contains(&mode)),
            Type::OneOf(words) => match value {
                Value::Text(text) => words.contains(&text.as_str()),
                _ => false,
            },
            Type::Secret => value.as_text().is_some(),
            Type::Any
            | Type::Authority
            | Type::Client
            | Type::Error
            | Type::Function(..)
            | Type::Host
            | Type::Nothing
            | Type::Time
            | Type::Variables => true,
        }
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Type::Any => "any value",
            Type::Array => "a list",
            Type::Authority => "a CA",
            Type::Bool => "true or false",
            Type::Client => "a client of etcd",
            Type::Command => "a command line or a list of words",
            Type::Condition => "a port, a path or a command line",
            Type::Duration => "a duration such as \"60s\"",
            Type::Error => "an error",
            Type::File => "a path here",
            Type::Function(_, gets) => return write!(f, "a function `{} ...`", gets.parameters()),
            Type::Hint => "a text, a map, or a list of them",
            Type::Host => "a host",
            Type::Hosts => "a pattern, hosts, or a map of clusters to hosts",
            Type::Int => "an integer",
            Type::Map => "a map",
            Type::Mode => "octal permissions such as 0o640",
            Type::Nothing => "()",
            Type::OneOf(words) => return write!(f, "one of {}", words.join(", ")),
            Type::Path => "a path",
            Type::Secret => "a text or a secret",
            Type::Template => "the path of a template here",
            Type::Text => "a text",
            Type::Texts => "a text or a list of texts",
            Type::Time => "a time",
            Type::Variables => "variables",
        })
    }
}
