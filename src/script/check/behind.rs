//! What stands before the point of a call: has a value of that type such a word, and with that number of arguments?
//!
//! Speaks only where the type is known and the engine would find no function. Start reading at `behind`.

use rhai::Position;

use super::call::with_help;
use super::walk::Checker;
use crate::error::{Error, Hint, nearest};
use crate::script::words::{self, bind};
use crate::value::Value;
use crate::word::{Of, Type, Word};

impl Checker<'_> {
    /// `value.name(...)` where the value is one of ours, or a list.
    pub(super) fn behind(&mut self, name: &str, given: usize, value: Type, position: Position) {
        let of = match value {
            Type::Array | Type::Hosts => Of::Array,
            Type::Authority => Of::Authority,
            Type::Client => Of::Client,
            Type::Host => Of::Host,
            Type::Time => Of::Time,
            _ => return,
        };
        let Some(kind) = bind::receiver(of) else {
            return;
        };
        let Some(mut counts) = self.known.counts_behind(name, kind) else {
            return;
        };
        let own: Vec<usize> = words::named(name)
            .filter(|word| word.of == of && !word.property)
            .flat_map(Word::counts)
            .collect();
        if own.is_empty() {
            // The engine hands any value to a function; the function takes what it takes.
            for word in words::named(name).filter(|word| word.of == Of::Function) {
                if !could_take(word, of) {
                    let refused: Vec<usize> = word.counts();
                    counts.retain(|count| !refused.contains(&(count + 1)));
                }
            }
        } else {
            counts = own.into_iter().collect();
        }
        if counts.contains(&given) {
            return;
        }
        let error = if counts.is_empty() {
            no_word(of, name)
        } else {
            let wanted: Vec<String> = counts.iter().map(ToString::to_string).collect();
            let wanted = wanted.join(" or ");
            let plural = if wanted == "1" { "" } else { "s" };
            let error = Error::config(format!(
                "`{name}` of {} takes {wanted} argument{plural}, not {given}",
                of.value()
            ));
            with_help(error, name)
        };
        self.report(position, error);
    }

    /// `f(1)` where `f` is a variable: the engine looks for a function of that name only.
    pub(super) fn variable_called(&mut self, name: &str, position: Position) {
        let error = Error::config(format!("there is no function `{name}`, it is a variable"));
        let hint = format!("a function in a variable is called with `{name}.call(...)`");
        self.report(position, error.hint(hint));
    }

    /// `f.call(...)` where the parameters of `f` are known.
    pub(super) fn function_called(&mut self, wanted: usize, given: usize, position: Position) {
        if wanted != given {
            let plural = if wanted == 1 { "" } else { "s" };
            let error = Error::config(format!(
                "the function takes {wanted} argument{plural}, not {given}"
            ));
            self.report(position, error);
        }
    }
}

/// The error for a word of another value.
fn no_word(of: Of, name: &str) -> Box<Error> {
    let error = Error::config(format!("{} has no `{name}`", of.value()));
    let others = words::named(name).filter(|word| word.of != Of::Function);
    let mut others: Vec<String> = others.map(|word| word.of.value().to_string()).collect();
    others.dedup();
    if !others.is_empty() {
        return error
            .because(format!("it is a word of {}", others.join(" and of ")))
            .hint(Hint::Help(name.to_string()));
    }
    let own = words::all().filter(|word| word.of == of);
    match nearest(name, own.map(|word| word.name)) {
        Some(near) => error.hint(format!("did you mean `{near}`?")),
        None => error.hint(Hint::Help(name.to_string())),
    }
}

/// Could a function take such a value first? Of ours, what is no list is its name, a text, where a text is wanted.
fn could_take(word: &Word, of: Of) -> bool {
    let Some(arg) = word.args.first() else {
        return false;
    };
    match (arg.takes, of) {
        (Type::Authority | Type::Client | Type::Error | Type::Host | Type::Time, _) => {
            arg.takes == of.value()
        }
        (Type::Function(..), _) => false,
        (Type::Duration | Type::OneOf(_), _) => of != Of::Array,
        (takes, Of::Array) => takes.fits(&Value::List(Vec::new())),
        (takes, _) => takes.fits(&Value::Text("a".into())),
    }
}
