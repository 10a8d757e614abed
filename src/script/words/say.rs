//! Words for messages, questions, errors, and for what a dry run may know.

use std::sync::Arc;

use rhai::{Array, Dynamic, Engine};

use super::bind::{Call, no_other_properties, property, word};
use super::hint;
use crate::error::{Error, Kind};
use crate::report::Event;
use crate::script::World;
use crate::script::trouble::{Thrown, pass};
use crate::secret::Secret;
use crate::word::{Arg, Of, Section, Type, Word};

const SAY: Word = Word::function(Section::Saying, "say", "Print a line about a host.")
    .takes(&[
        Arg::new("h", Type::Host, "the host"),
        Arg::new("text", Type::Text, "the line"),
    ])
    .example(r#"say(h, "is the leader")"#);

const WARN: Word = Word::function(Section::Saying, "warn", "Print a warning.")
    .takes(&[Arg::new("text", Type::Text, "the warning")])
    .example(r#"warn("an even number of members tolerates no more failures than one less")"#);

/// The console and the command line say the same in words of their own.
const HINT: &str = "what to type next: a text, a map of what is meant, or a list of them. Of a map `run` (a command, as root) with `on` (a host), `etcd` (a line of etcdctl), `etcdsh` (a line of this program, for the same inventory), `limit`, `set` (`name=value`), `without` (the same), `tags`, `text`, and `note`, a remark at the end";

const FAIL: Word = Word::function(Section::Saying, "fail", "End the task with an error.")
    .may_take(&[
        Arg::new("h", Type::Host, "the host it is about"),
        Arg::new("text", Type::Text, "what is wrong, without a full stop"),
    ])
    .with(&[
        Arg::new("because", Type::Texts, "why, from the outside in"),
        Arg::new("hint", Type::Hint, HINT),
        Arg::new("log", Type::Text, "quoted as it is"),
        Arg::new(
            "refused",
            Type::Bool,
            "it protects what is there, and is no failure of the host; false by default",
        ),
        Arg::new(
            "unknown",
            Type::Bool,
            "something could not be told; false by default",
        ),
    ])
    .example(r#"fail(h, "the disk is full", #{ because: "df says 100 %", hint: #{ run: "df -h", on: h } })"#);

const fn of_error(name: &'static str, gives: Type, doc: &'static str) -> Word {
    Word::property(Section::Saying, Of::Error, name, gives, doc)
}

const MESSAGE: Word = of_error(
    "message",
    Type::Text,
    "Of what `catch (error)` caught: its first line.",
);
const WHAT: Word = of_error("what", Type::Text, "The message without the host.");
const HOST: Word = of_error(
    "host",
    Type::Text,
    "The host it is about, or an empty text.",
);
const KIND: Word = of_error(
    "kind",
    Type::Text,
    "One of config, connect, etcd, internal, refused, remote, unknown, untried, usage.",
);
const CAUSES: Word = of_error("causes", Type::Array, "Why, from the outside in.");
const HINTS: Word = of_error(
    "hints",
    Type::Array,
    "What to type next, as texts; without secrets.",
);
const TEXT: Word = of_error(
    "text",
    Type::Text,
    "The whole error as it would be printed.",
);

const CONFIRM: Word = Word::function(
    Section::Saying,
    "confirm",
    "Ask for a word to be typed; `-y` answers. Without a terminal and `-y` it fails. Silent in check mode.",
)
.takes(&[
    Arg::new("question", Type::Text, "what is about to happen"),
    Arg::new("word", Type::Text, "the word that allows it"),
])
.example(r#"confirm("About to stop every member.", "etcd")"#);

const ASK: Word = Word::function(
    Section::Saying,
    "ask",
    "Ask for a line. Enter alone, and `-y`, give the default; without a terminal and a default it fails.",
)
.takes(&[Arg::new("question", Type::Text, "what is asked")])
.with(&[
    Arg::new("default", Type::Text, "what Enter alone means"),
    Arg::new(
        "secret",
        Type::Bool,
        "what is typed is not shown, and the answer is a secret; false by default",
    ),
])
.gives(Type::Any)
.example(r#"let name = ask("Which member?", #{ default: "etcd-1" });"#);

const CHECKING: Word = Word::function(Section::Saying, "checking", "Is this a dry run (`-C`)?")
    .gives(Type::Bool)
    .example(r#"if !checking() { print("done"); }"#);

const ANSWERS_YES: Word = Word::function(
    Section::Saying,
    "answers_yes",
    "Does `-y` answer all questions of this run?",
)
.gives(Type::Bool)
.example(r#"if answers_yes() { print("nobody is asked"); }"#);

const UNKNOWN: Word = Word::function(
    Section::Saying,
    "unknown",
    "Say that only the real run can tell.",
)
.takes(&[
    Arg::new("h", Type::Host, "the host"),
    Arg::new("subject", Type::Text, "what it is about"),
    Arg::new("why", Type::Text, "when it will be known"),
])
.example(r#"unknown(h, "health", "known when etcd has been started")"#);

const SELECTED: Word = Word::function(
    Section::Saying,
    "selected",
    "Is a task with this tag selected by `-t` and `--skip-tags`?",
)
.takes(&[Arg::new("tag", Type::Text, "the tag")])
.gives(Type::Bool)
.example(r#"if selected("etcd_launch") { print("etcd is started"); }"#);

const NAMED_TAG: Word = Word::function(
    Section::Saying,
    "named_tag",
    "Was this very tag given to `-t`?",
)
.takes(&[Arg::new("tag", Type::Text, "the tag")])
.gives(Type::Bool)
.example(r#"if named_tag("etcd_purge") { print("a purge was asked for"); }"#);

pub(super) const WORDS: &[&Word] = &[
    &SAY,
    &WARN,
    &FAIL,
    &MESSAGE,
    &WHAT,
    &HOST,
    &KIND,
    &CAUSES,
    &HINTS,
    &TEXT,
    &CONFIRM,
    &ASK,
    &CHECKING,
    &ANSWERS_YES,
    &UNKNOWN,
    &SELECTED,
    &NAMED_TAG,
];

pub(super) fn register(engine: &mut Engine, world: &Arc<World>) {
    printing(engine, world);
    errors(engine);
    asking(engine, world);
}

fn printing(engine: &mut Engine, world: &Arc<World>) {
    let here = Arc::clone(world);
    engine.on_print(move |text| {
        here.session
            .report
            .event(&Event::Message { host: None, text });
    });
    let here = Arc::clone(world);
    engine.on_debug(move |text, source, position| {
        let file = source.map(|s| format!("{s}:")).unwrap_or_default();
        let text = format!("{file}{}: {text}", position.line().unwrap_or(0));
        here.session.report.event(&Event::Message {
            host: None,
            text: &text,
        });
    });
    let here = Arc::clone(world);
    word(engine, &WARN, move |call| {
        here.session.report.warn(&call.text(0));
        Ok(Dynamic::UNIT)
    });
    let here = Arc::clone(world);
    word(engine, &SAY, move |call| {
        here.session.report.event(&Event::Message {
            host: Some(&name(call)),
            text: &call.text(1),
        });
        Ok(Dynamic::UNIT)
    });
    let here = Arc::clone(world);
    word(engine, &UNKNOWN, move |call| {
        here.session
            .unknown(&name(call), &call.text(1), &call.text(2));
        Ok(Dynamic::UNIT)
    });
}

/// The name of the host that comes first.
fn name(call: &Call<'_>) -> String {
    call.host(0)
        .map(|host| host.name().to_string())
        .unwrap_or_default()
}

fn errors(engine: &mut Engine) {
    engine
        .register_type_with_name::<Thrown>("error")
        .register_fn("to_string", |error: &mut Thrown| error.0.headline());
    let text = |text: String| Ok(Dynamic::from(text));
    property(engine, &MESSAGE, move |error: &Thrown| {
        text(error.0.headline())
    });
    property(engine, &TEXT, move |error: &Thrown| {
        text(error.0.to_string())
    });
    property(engine, &WHAT, move |error: &Thrown| {
        text(error.0.what.clone())
    });
    property(engine, &HOST, move |error: &Thrown| {
        text(error.0.host.clone().unwrap_or_default())
    });
    property(engine, &KIND, move |error: &Thrown| {
        text(format!("{:?}", error.0.kind).to_lowercase())
    });
    property(engine, &CAUSES, |error: &Thrown| {
        let causes = error.0.causes.iter().cloned().map(Dynamic::from);
        Ok(causes.collect::<Array>().into())
    });
    property(engine, &HINTS, |error: &Thrown| {
        let hints = error.0.hints.iter();
        let hints = hints.map(|hint| Dynamic::from(crate::secret::masked(&hint.to_string())));
        Ok(hints.collect::<Array>().into())
    });
    no_other_properties::<Thrown>(engine, Of::Error);
    word(engine, &FAIL, |call| pass(Err(failure(call))));
}

fn failure(call: &Call<'_>) -> Box<Error> {
    let options = &call.options;
    let is = |name| options.bool(name) == Some(true);
    let kind = match () {
        () if is("unknown") => Kind::Unknown,
        () if is("refused") => Kind::Refused,
        () => Kind::Config,
    };
    let mut error = Error::new(kind, call.text(1));
    error.causes = options.texts("because");
    match options.value("hint").map_or(Ok(Vec::new()), hint::all_of) {
        Ok(hints) => error.hints = hints,
        Err(wrong) => return wrong,
    }
    error.stderr = options.text("log").unwrap_or_default();
    match call.host(0) {
        Some(host) => error.on(host.name()),
        None => error,
    }
}

fn asking(engine: &mut Engine, world: &Arc<World>) {
    let here = Arc::clone(world);
    word(engine, &ASK, move |call| {
        let secret = call.options.bool("secret").unwrap_or(false);
        let default = call.options.text("default");
        let answer = here.session.ask(&call.text(0), default.as_deref(), secret);
        pass(answer).map(|answer| {
            if secret {
                Dynamic::from(Secret::new(answer))
            } else {
                answer.into()
            }
        })
    });
    let here = Arc::clone(world);
    word(engine, &CONFIRM, move |call| {
        if here.session.options.check {
            return Ok(Dynamic::UNIT);
        }
        pass(here.session.ask_to_type(&call.text(0), &call.text(1))).map(Into::into)
    });
    let here = Arc::clone(world);
    word(engine, &ANSWERS_YES, move |_| {
        Ok(here.session.options.yes.into())
    });
    let here = Arc::clone(world);
    word(engine, &CHECKING, move |_| {
        Ok(here.session.options.check.into())
    });
    let here = Arc::clone(world);
    word(engine, &SELECTED, move |call| {
        let (tag, draft) = (call.text(0), here.draft());
        let declared = || {
            draft
                .tasks
                .iter()
                .any(|task| task.tags().any(|name| name == tag) && here.selection.takes(task))
        };
        Ok((draft.selected.contains(&tag) || declared()).into())
    });
    let here = Arc::clone(world);
    word(engine, &NAMED_TAG, move |call| {
        let tag = call.text(0);
        Ok(here.selection.tags.contains(&tag).into())
    });
}
