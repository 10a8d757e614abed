//! Words for times: what time it is, how long ago something was, and how a time is written.
//!
//! A time is a value: `a - b` is whole seconds, `a + "5m"` and `a - "1h"` are other times, `<` and `==` compare.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, Zoned};
use rhai::{Dynamic, Engine};

use super::bind::{Native, no_other_properties, property, word};
use crate::error::{Error, Result};
use crate::script::trouble::pass;
use crate::value::{Value, duration};
use crate::word::{Arg, Of, Section, Type, Word};

/// How a time is written where nothing else is said: for names of files.
const COMPACT: &str = "%Y%m%dT%H%M%S";

const NOW: Word = Word::function(
    Section::Time,
    "now",
    "The time it is, of this machine. As a text it is local and fit for names of files: 20261123T044753.",
)
.gives(Type::Time)
.example("print(`backup-${now()}.db`)");

const TIME: Word = Word::function(
    Section::Time,
    "time",
    "A time from a text or from seconds since 1970. Without an offset the text is local time.",
)
.takes(&[Arg::new(
    "text",
    Type::Any,
    "such as `2026-11-23T04:47:53Z`, `2026-11-23 04:47`, `20261123T044753`, or a whole number of seconds",
)])
.gives(Type::Time)
.example(r#"if now() - time("2026-11-23T04:47:53Z") > 86400 { print("older than a day") }"#);

const FORMAT: Word = Word::method(
    Section::Time,
    Of::Time,
    "format",
    "A time as a text, local time. The letters are those of `date`: `%F %T %z`, `%s`.",
)
.takes(&[Arg::new("form", Type::Text, "such as `%Y-%m-%d`")])
.gives(Type::Text)
.example(r#"print(now().format("%F %T"))"#);

const UNIX: Word = Word::property(
    Section::Time,
    Of::Time,
    "unix",
    Type::Int,
    "Whole seconds since 1970.",
);

pub(super) const WORDS: &[&Word] = &[&NOW, &TIME, &FORMAT, &UNIX];

/// A time of this machine's zone.
#[derive(Clone, Debug, PartialEq, PartialOrd)]
pub(in crate::script) struct Time(Zoned);

impl Time {
    fn text(&self) -> String {
        self.0.strftime(COMPACT).to_string()
    }

    /// Later by a duration, or with `back` earlier.
    fn moved(&self, by: &str, back: bool) -> Result<Time> {
        let by = duration(by)
            .and_then(|by| SignedDuration::try_from(by).ok())
            .ok_or_else(|| {
                Error::config(format!("`{by}` is no duration"))
                    .hint("such as \"90s\", \"5m\", \"1h\"")
            })?;
        let moved = if back {
            self.0.checked_sub(by)
        } else {
            self.0.checked_add(by)
        };
        moved
            .map(Time)
            .map_err(|error| Error::config("there is no such time").because(error.to_string()))
    }
}

pub(super) fn register(engine: &mut Engine) {
    word(engine, &NOW, |_| Ok(Dynamic::from(Time(Zoned::now()))));
    word(engine, &TIME, |call| {
        let text = call.text(0);
        let time = match crate::script::value::from_rhai(&call.arg(0)) {
            Value::Int(seconds) => at_second(seconds),
            _ => read(&text),
        };
        let time = time.ok_or_else(|| {
            Error::config(format!("`{text}` is no time"))
                .hint("such as 2026-11-23T04:47:53Z, 2026-11-23 04:47, or a number of seconds")
        });
        pass(time).map(Dynamic::from)
    });
    word(engine, &FORMAT, |call| {
        let time: Time = call.value();
        pass(written(&time, &call.text(0))).map(Into::into)
    });
    property(engine, &UNIX, |time: &Time| -> Native<Dynamic> {
        Ok(time.0.timestamp().as_second().into())
    });
    no_other_properties::<Time>(engine, Of::Time);
    engine
        .register_type_with_name::<Time>("time")
        .register_fn("to_string", |time: &mut Time| time.text())
        .register_fn("to_debug", |time: &mut Time| time.text())
        .register_fn("-", |one: Time, other: Time| {
            one.0.duration_since(&other.0).as_secs()
        })
        .register_fn("+", |time: Time, by: &str| pass(time.moved(by, false)))
        .register_fn("-", |time: Time, by: &str| pass(time.moved(by, true)))
        .register_fn("==", |one: Time, other: Time| one == other)
        .register_fn("!=", |one: Time, other: Time| one != other)
        .register_fn("<", |one: Time, other: Time| one < other)
        .register_fn("<=", |one: Time, other: Time| one <= other)
        .register_fn(">", |one: Time, other: Time| one > other)
        .register_fn(">=", |one: Time, other: Time| one >= other);
}

fn at_second(seconds: i64) -> Option<Time> {
    let at = Timestamp::from_second(seconds).ok()?;
    Some(Time(at.to_zoned(TimeZone::system())))
}

fn read(text: &str) -> Option<Time> {
    let text = text.trim();
    if let Ok(at) = text.parse::<Timestamp>() {
        return Some(Time(at.to_zoned(TimeZone::system())));
    }
    let local: jiff::civil::DateTime = text
        .parse()
        .or_else(|_| jiff::civil::DateTime::strptime(COMPACT, text))
        .or_else(|_| jiff::civil::DateTime::strptime("%Y-%m-%d %H:%M", text))
        .ok()?;
    local.to_zoned(TimeZone::system()).ok().map(Time)
}

fn written(time: &Time, form: &str) -> Result<String> {
    jiff::fmt::strtime::format(form, &time.0).map_err(|error| {
        Error::config(format!("`{form}` is no form of a time")).because(error.to_string())
    })
}
