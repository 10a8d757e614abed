//! One call: is there such a function, and does it take that?
//!
//! What a word takes is in its [`Word`]; a function of the script's own wins over a word of its name. Must not know what
//! any word does. Start reading at `call`.

use rhai::{Array, Dynamic, Expr, FnCallExpr, FnPtr, Map, Position, Stmt};

use super::walk::{Checker, item_of};
use crate::error::{Error, Hint, nearest};
use crate::script::value::from_rhai;
use crate::script::words::{self, bind};
use crate::script::{foreign, manual};
use crate::word::{self, Gets, Of, Type, Word};

/// Methods of arrays that call a function with an item, or with an item and its place.
const EACH: [&str; 8] = [
    "all", "filter", "find", "find_map", "for_each", "map", "retain", "some",
];

/// Of these the result is a list of what was in the list.
const SAME: [&str; 2] = ["filter", "drain"];

impl Checker<'_> {
    /// Check a call and tell what it returns. `value` is the type of what stands before the point.
    pub(super) fn call(
        &mut self,
        call: &FnCallExpr,
        position: Position,
        value: Option<Type>,
    ) -> Type {
        if self.lacks_comma(call) {
            return Type::Any;
        }
        let args: Vec<Type> = call.args.iter().map(|arg| self.expression(arg)).collect();
        if call.op_token.is_some() {
            self.comparison(&call.name, &args, position);
            return match (args.as_slice(), call.name.as_str()) {
                ([Type::Hosts, Type::Hosts], "+") => Type::Hosts,
                _ => Type::Any,
            };
        }
        let parts = call.namespace.path.iter().map(|part| part.name.as_str());
        let namespace = parts.collect::<Vec<_>>().join("::");
        let root = call.namespace.path.first().map(|part| part.name.as_str());
        if root.is_some_and(|root| self.known.imports.contains(root)) {
            return Type::Any;
        }
        let name = call.name.as_str();
        if namespace.is_empty() && value.is_none() && self.variable(name).is_some() {
            let key = (String::new(), name.to_string());
            if !self.known.functions.contains_key(&key) {
                self.variable_called(name, position);
                return Type::Any;
            }
        }
        if let (Some(Type::Function(wanted, _)), "call") = (value, name) {
            self.function_called(wanted, args.len(), position);
            return Type::Any;
        }
        if self.may_be_a_key(name, value) {
            return Type::Any;
        }
        if namespace.is_empty() && self.known.is_own(name, args.len(), value.is_some()) {
            return Type::Any;
        }
        if EACH.contains(&name) {
            let item = value.or(args.first().copied()).map_or(Type::Any, item_of);
            self.hand_over(call, vec![item]);
        }
        if self.module.is_none() {
            let before = self.problems.len();
            self.count(call, &namespace, position, value.is_some());
            if let Some(value) = value.filter(|_| before == self.problems.len()) {
                self.behind(name, args.len(), value, position);
            }
        }
        if let Some(gives) = self.of_word(call, &namespace, position, value, &args) {
            return gives;
        }
        if SAME.contains(&name) {
            return value.unwrap_or(Type::Any);
        }
        let module = match &self.module {
            Some(module) if namespace.is_empty() => module.clone(),
            _ => namespace,
        };
        let count = args.len() + usize::from(value.is_some());
        self.known.gives(&module, name, count)
    }

    /// `f("a" |h| ...)`: without the comma the function is read as an operator between three values.
    fn lacks_comma(&mut self, call: &FnCallExpr) -> bool {
        let Some(Expr::FnCall(outer, _)) = call.args.last() else {
            return false;
        };
        let (true, Some(Expr::FnCall(inner, at))) = (outer.name == "|", outer.args.first()) else {
            return false;
        };
        let (true, Some(Expr::Variable(name, ..))) = (inner.name == "|", inner.args.get(1)) else {
            return false;
        };
        if call.op_token.is_some() || self.variable(&name.1).is_some() {
            return false;
        }
        let error = Error::config(format!("a `,` is missing before `|{}|`", name.1));
        let before = match inner.args.first() {
            Some(Expr::StringConstant(text, _)) => format!("\"{text}\""),
            _ => String::new(),
        };
        self.report(
            *at,
            error.hint(format!("write `{before}, |{}| ...`", name.1)),
        );
        true
    }

    /// The engine finds a text neither less nor more than a number, and says nothing of it.
    fn comparison(&mut self, operator: &str, args: &[Type], position: Position) {
        let mixed = matches!(args, [Type::Text, Type::Int] | [Type::Int, Type::Text]);
        if mixed && ["<", "<=", ">", ">="].contains(&operator) {
            self.report(position, no_number(operator));
        }
    }

    /// Is there a function of this name that takes this number of arguments?
    fn count(&mut self, call: &FnCallExpr, namespace: &str, position: Position, method: bool) {
        let name = call.name.to_string();
        let shift = usize::from(method);
        let count = call.args.len() + shift;
        let key = (namespace.to_string(), name.clone());
        match self.known.functions.get(&key) {
            None => self.unknown_function(namespace, &name, position),
            Some(counts) if !counts.contains(&count) => {
                let wanted = counts.iter().filter(|count| **count >= shift);
                let wanted = wanted
                    .map(|count| (count - shift).to_string())
                    .collect::<Vec<_>>()
                    .join(" or ");
                let error = Error::config(format!(
                    "`{}` takes {wanted} argument{}, not {}",
                    full(namespace, &name),
                    if wanted == "1" { "" } else { "s" },
                    count - shift
                ));
                self.report(position, with_help(error, &name));
            }
            Some(_) => {}
        }
    }

    fn unknown_function(&mut self, namespace: &str, name: &str, position: Position) {
        let error = Error::config(format!("there is no function `{}`", full(namespace, name)));
        let functions = self.known.functions.keys();
        let here: Vec<&str> = functions
            .filter(|(space, name)| space == namespace && !name.contains('$'))
            .map(|(_, name)| name.as_str())
            .collect();
        let instead = foreign::of_function(name).filter(|_| namespace.is_empty());
        let near = nearest(name, here.iter().copied());
        let error = match (instead, near) {
            (Some(instead), _) => error.hint(instead),
            (None, Some(near)) => error.hint(format!("did you mean `{}`?", full(namespace, near))),
            (None, None) if !namespace.is_empty() && here.is_empty() => {
                error.because(format!("there is no module `{namespace}`"))
            }
            (None, None) => error.hint(Hint::Help(String::new())),
        };
        self.report(position, error);
    }

    /// Check a call of one of our words; what it gives, `None` when it is none.
    fn of_word(
        &mut self,
        call: &FnCallExpr,
        namespace: &str,
        position: Position,
        value: Option<Type>,
        args: &[Type],
    ) -> Option<Type> {
        let full = full(namespace, &call.name);
        let given = usize::from(value.is_some()) + args.len();
        let first = value.or(args.first().copied());
        let candidates: Vec<&'static Word> = words::named(&full)
            .filter(|word| !word.property)
            .filter(|word| {
                let before = usize::from(word.of != Of::Function);
                let fits = given >= before && word.counts().contains(&(given - before));
                fits && could_stand_before(word.of, first) && could_come_first(word, value)
            })
            .collect();
        // After a point a word of the value is meant, if there is one.
        let of_values = |word: &&&Word| word.of != Of::Function;
        let candidates: Vec<&'static Word> =
            if value.is_some() && candidates.iter().any(|word| of_values(&word)) {
                candidates
                    .into_iter()
                    .filter(|word| word.of != Of::Function)
                    .collect()
            } else {
                candidates
            };
        let [word] = candidates.as_slice() else {
            // A map has a `get`, too: it is the client's where an option of that is recognised.
            let word = candidates.iter().find(|word| {
                !word.options.is_empty() && options_of(call).is_some_and(|map| resembles(word, map))
            })?;
            self.arguments(word, call, args, position, value.is_some());
            return Some(word.gives);
        };
        // A function of the script's own may have the name of one of our methods.
        self.arguments(word, call, args, position, value.is_some());
        Some(word.gives)
    }

    fn arguments(
        &mut self,
        word: &'static Word,
        call: &FnCallExpr,
        types: &[Type],
        at: Position,
        method: bool,
    ) {
        let skipped = usize::from(word.of != Of::Function && !method);
        let mut args: Vec<Option<&Expr>> = call.args.iter().skip(skipped).map(Some).collect();
        if word.of == Of::Function && method {
            args.insert(0, None);
        }
        if let Some((wanted, gets)) = word.function_arg() {
            args.pop();
            let given = types.last().copied().unwrap_or(Type::Any);
            self.function_given(word, call, at, given, wanted, gets);
        }
        let most = word.plain().len();
        let least = most - usize::from(word.first_optional);
        let last = args.last().copied().flatten();
        let cannot_tell = word.first_optional
            && args.len() == most
            && last.is_some_and(|last| literal(last).is_none());
        if !word.options.is_empty() && cannot_tell {
            // The options may be in a variable.
            return;
        }
        if args.len() > most && !matches!(last, Some(Expr::Map(..))) {
            if let Some(got) = last.and_then(literal) {
                let error = word::no_options(word, &from_rhai(&got));
                self.report(last.map_or(at, Expr::start_position), error);
            }
            args.pop();
        } else if !word.options.is_empty()
            && args.len() > least
            && let Some(Expr::Map(map, map_at)) = last
        {
            args.pop();
            for (key, value) in &map.0 {
                let key_at = if key.pos.is_none() { *map_at } else { key.pos };
                self.option(word, &key.name, value, key_at);
            }
        }
        let missing = most.saturating_sub(args.len());
        for (arg, given) in word.plain()[missing..].iter().zip(args) {
            let Some(given) = given else { continue };
            let Some(value) = literal(given) else {
                continue;
            };
            if !could_be(arg.takes, &value) {
                let want = arg.takes.to_string();
                let error = word::wrong_type(word.name, arg.name, &want, &from_rhai(&value));
                self.report(given.start_position(), error);
            }
        }
    }

    fn option(&mut self, word: &'static Word, key: &str, value: &Expr, at: Position) {
        let Some(arg) = word.option(key) else {
            self.report(at, word::unknown_key(word.name, word, key));
            return;
        };
        if arg.takes == Type::Hint {
            self.hint(value);
        }
        if let Some(value) = literal(value)
            && !could_be(arg.takes, &value)
        {
            let want = arg.takes.to_string();
            self.report(
                at,
                word::wrong_type(word.name, key, &want, &from_rhai(&value)),
            );
        }
    }

    /// The keys of a hint that is a map, or of those in a list.
    fn hint(&mut self, value: &Expr) {
        match value {
            Expr::Array(hints, _) => hints.iter().for_each(|hint| self.hint(hint)),
            Expr::Map(map, map_at) => {
                for (key, _) in &map.0 {
                    if let Some(error) = words::hint::unknown_key(&key.name) {
                        let at = if key.pos.is_none() { *map_at } else { key.pos };
                        self.report(at, error);
                    }
                }
            }
            _ => {}
        }
    }

    /// A closure that will be called with one argument must take one.
    fn function_given(
        &mut self,
        word: &'static Word,
        call: &FnCallExpr,
        position: Position,
        given: Type,
        wanted: usize,
        gets: Gets,
    ) {
        let Some((function, curried)) = call.args.last().and_then(closure_of) else {
            match given {
                Type::Function(takes, _) if takes != wanted => {
                    self.other_function(word, takes, gets, position);
                }
                Type::Any | Type::Function(..) | Type::Nothing => {}
                _ => self.no_function(word, call, given, position),
            }
            return;
        };
        let Some(params) = self.closures.get(&function) else {
            return;
        };
        let takes = params.len().saturating_sub(curried);
        if takes == wanted {
            let items = call.args.first().map_or(Type::Any, |items| {
                let problems = self.problems.len();
                let items = self.expression(items);
                self.problems.truncate(problems);
                items
            });
            let given = match gets {
                Gets::Host => vec![Type::Host],
                Gets::Hosts => vec![Type::Hosts],
                Gets::Item => vec![item_of(items)],
                Gets::Nothing => Vec::new(),
            };
            self.hand_over(call, given);
            return;
        }
        self.other_function(word, takes, gets, position);
    }

    fn other_function(&mut self, word: &Word, takes: usize, gets: Gets, position: Position) {
        let error = Error::config(format!(
            "the function given to `{}` takes {takes} arguments and gets {gets}",
            word.name
        ));
        self.report(
            position,
            error.hint(format!("write `{} ...`", gets.parameters())),
        );
    }

    fn no_function(&mut self, word: &Word, call: &FnCallExpr, given: Type, position: Position) {
        let (Some(arg), Some(last)) = (word.args.last(), call.args.last()) else {
            return;
        };
        let want = arg.takes.to_string();
        let error = match literal(last) {
            Some(value) => word::wrong_type(word.name, arg.name, &want, &from_rhai(&value)),
            None => Error::config(format!(
                "`{}` of `{}` takes {want}, not {given}",
                arg.name, word.name
            ))
            .hint(Hint::Help(word.name.to_string())),
        };
        let at = last.start_position();
        self.report(if at.is_none() { position } else { at }, error);
    }

    /// Remember what a closure at the end of a call will be called with, after what it has captured.
    fn hand_over(&mut self, call: &FnCallExpr, types: Vec<Type>) {
        let Some((function, curried)) = call.args.last().and_then(closure_of) else {
            return;
        };
        let Some(params) = self.closures.get(&function) else {
            return;
        };
        let captured = params.iter().take(curried);
        let mut given: Vec<Type> = captured
            .map(|name| self.variable(name).unwrap_or(Type::Any))
            .collect();
        given.extend(types);
        self.given.insert(function, given);
    }
}

/// A text and a number, of which neither is less.
pub(in crate::script) fn no_number(operator: &str) -> Box<Error> {
    Error::config(format!(
        "`{operator}` does not compare a text with a number"
    ))
    .hint("`parse_int(text)` makes a number of a text")
}

/// With what to write instead of a function of other languages, or with the help on it, where there is any.
pub(super) fn with_help(error: Box<Error>, name: &str) -> Box<Error> {
    match foreign::of_function(name) {
        Some(instead) => error.hint(instead),
        None if manual::has_page(name) => error.hint(Hint::Help(name.to_string())),
        None => error,
    }
}

/// Could a value of this type stand before a word of that kind? What is not known could.
fn could_stand_before(of: Of, value: Option<Type>) -> bool {
    let wanted = match of {
        Of::Array => [Type::Array, Type::Hosts],
        Of::Authority => [Type::Authority; 2],
        Of::Client => [Type::Client; 2],
        Of::Error => [Type::Error; 2],
        Of::Function => return true,
        Of::Host => [Type::Host; 2],
        Of::Map => [Type::Map; 2],
        Of::Time => [Type::Time; 2],
    };
    match value {
        None => false,
        Some(Type::Any) => true,
        Some(value) => wanted.contains(&value),
    }
}

/// `value.word(...)` hands the value over as the first argument of a function: could it take that?
fn could_come_first(word: &Word, value: Option<Type>) -> bool {
    let takes = word.args.first().map_or(Type::Any, |arg| arg.takes);
    match value {
        Some(value) if word.of == Of::Function && !matches!(value, Type::Any) => {
            takes == Type::Any || takes == value || (takes == Type::Array && value == Type::Hosts)
        }
        _ => true,
    }
}

fn options_of(call: &FnCallExpr) -> Option<Vec<&str>> {
    match call.args.last()? {
        Expr::Map(map, _) => Some(map.0.iter().map(|(key, _)| key.name.as_str()).collect()),
        _ => None,
    }
}

/// Are the keys options of the word, or nearly?
fn resembles(word: &Word, keys: Vec<&str>) -> bool {
    keys.into_iter()
        .all(|key| nearest(key, word.options.iter().map(|arg| arg.name)).is_some())
}

/// The anonymous function behind a closure, and the number of variables it has captured.
pub(super) fn closure_of(expression: &Expr) -> Option<(String, usize)> {
    match expression {
        Expr::DynamicConstant(value, _) => value
            .clone()
            .try_cast::<FnPtr>()
            .map(|function| (function.fn_name().to_string(), 0)),
        Expr::FnCall(call, _) if call.name == "curry" => {
            let (name, _) = call.args.first().and_then(closure_of)?;
            Some((name, call.args.len() - 1))
        }
        Expr::Stmt(block) => block.statements().last().and_then(|last| match last {
            Stmt::Expr(expression) => closure_of(expression),
            Stmt::FnCall(call, _) if call.name == "curry" => call
                .args
                .first()
                .and_then(closure_of)
                .map(|(name, _)| (name, call.args.len() - 1)),
            _ => None,
        }),
        _ => None,
    }
}

/// A value that is written out. Of a list what is known of it; of a function that it is one.
fn literal(expression: &Expr) -> Option<Dynamic> {
    Some(match expression {
        Expr::BoolConstant(value, _) => (*value).into(),
        Expr::IntegerConstant(value, _) => (*value).into(),
        Expr::FloatConstant(value, _) => (**value).into(),
        Expr::StringConstant(value, _) => value.clone().into(),
        Expr::Array(parts, _) => parts.iter().filter_map(literal).collect::<Array>().into(),
        Expr::Map(map, _) => {
            let known = map
                .0
                .iter()
                .filter_map(|(key, value)| Some((key.name.as_str().into(), literal(value)?)));
            known.collect::<Map>().into()
        }
        other => {
            let (name, _) = closure_of(other)?;
            Dynamic::from(FnPtr::new(name).ok()?)
        }
    })
}

/// Could a value that is written out be of this type? None of ours can be written.
fn could_be(takes: Type, value: &Dynamic) -> bool {
    match takes {
        Type::Authority | Type::Client | Type::Error | Type::Host | Type::Time => false,
        Type::Any => true,
        _ if value.is::<FnPtr>() => matches!(takes, Type::Function(..)),
        _ => bind::fits(takes, value),
    }
}

fn full(namespace: &str, name: &str) -> String {
    if namespace.is_empty() {
        name.to_string()
    } else {
        format!("{namespace}::{name}")
    }
}
