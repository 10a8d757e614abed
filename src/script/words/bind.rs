//! How a word of the table becomes a function of the engine: a call is checked against the word, then carried out.
//!
//! Owns the way of arguments from Rhai to us. A path of a host is mapped here, once: below its folder for a host of
//! the sandbox. Must not know what any word does. Start reading at [`word`].

use std::any::TypeId;
use std::sync::Arc;

use rhai::{
    Array, Dynamic, Engine, EvalAltResult, FnPtr, FuncRegistration, Map, Module, NativeCallContext,
    RhaiFunc,
};

use super::cert::Authority;
use super::etcdctl::Etcdctl;
use super::host::Host;
use super::template;
use super::time::Time;
use crate::error::{Error, Result, nearest};
use crate::primitive::{self, Spec};
use crate::script::trouble::{Thrown, into_rhai, pass};
use crate::script::value::{from_rhai, map_from_rhai, map_to_rhai};
use crate::script::{World, embedded};
use crate::value::Value;
use crate::word::{self, Args, Of, Type, Word};

pub(in crate::script) type Native<T> = std::result::Result<T, Box<EvalAltResult>>;

/// A call whose arguments are what the word takes.
pub(in crate::script) struct Call<'a> {
    context: &'a NativeCallContext<'a>,
    function: Option<FnPtr>,
    /// Checked; what only Rhai knows is in [`Call::raw`].
    pub(in crate::script) options: Args,
    plain: Vec<Option<Dynamic>>,
    raw: Map,
    /// What stands before the point.
    value: Dynamic,
}

impl Call<'_> {
    pub(in crate::script) fn context(&self) -> &NativeCallContext<'_> {
        self.context
    }

    /// The function that was handed over.
    pub(in crate::script) fn function(&self) -> FnPtr {
        self.function
            .clone()
            .expect("the word takes a function, and its call was checked")
    }

    /// An argument; `()` when it was left out.
    pub(in crate::script) fn arg(&self, place: usize) -> Dynamic {
        self.plain
            .get(place)
            .cloned()
            .flatten()
            .unwrap_or(Dynamic::UNIT)
    }

    /// An argument as a text, a secret masked; empty when it was left out.
    pub(in crate::script) fn text(&self, place: usize) -> String {
        match from_rhai(&self.arg(place)) {
            Value::Null => String::new(),
            Value::Text(text) => text,
            _ => self.arg(place).to_string(),
        }
    }

    /// The same, a secret as it is.
    pub(in crate::script) fn revealed(&self, place: usize) -> String {
        match from_rhai(&self.arg(place)) {
            Value::Secret(secret) => secret.reveal().to_string(),
            _ => self.text(place),
        }
    }

    pub(in crate::script) fn given_text(&self, place: usize) -> Option<String> {
        (!self.arg(place).is_unit()).then(|| self.text(place))
    }

    pub(in crate::script) fn host(&self, place: usize) -> Option<Host> {
        self.arg(place).try_cast()
    }

    pub(in crate::script) fn array(&self, place: usize) -> Array {
        self.arg(place).try_cast().unwrap_or_default()
    }

    /// An option as Rhai has it.
    pub(in crate::script) fn raw(&self, key: &str) -> Option<Dynamic> {
        self.raw.get(key).cloned()
    }

    /// All options as Rhai has them.
    pub(in crate::script) fn map(&self) -> Map {
        self.raw.clone()
    }

    /// What stands before the point, of the type that the word belongs to.
    pub(in crate::script) fn value<T: Clone + Send + Sync + 'static>(&self) -> T {
        self.value
            .clone()
            .try_cast()
            .expect("the word was registered for values of this type")
    }
}

/// A word that stands in no table would be checked nowhere, and no manual would name it.
fn in_a_table(word: &Word) -> bool {
    super::named(word.name).any(|known| known.of == word.of && known.args.len() == word.args.len())
}

/// Let the engine know a word. Its module, if it has one, is `module`.
pub(in crate::script) fn word(
    engine: &mut Engine,
    word: &'static Word,
    act: impl Fn(&Call<'_>) -> Native<Dynamic> + Send + Sync + 'static,
) {
    debug_assert!(in_a_table(word), "`{}` is not in `WORDS`", word.name);
    let act: Act = Arc::new(act);
    for count in word.counts() {
        let act = Arc::clone(&act);
        engine.register_raw_fn(
            word.name,
            types(word, count),
            move |context: NativeCallContext<'_>, args: &mut [&mut Dynamic]| {
                carry_out(word, &context, args, act.as_ref())
            },
        );
    }
}

/// The same for a word of a module.
pub(in crate::script) fn word_of(
    module: &mut Module,
    word: &'static Word,
    act: impl Fn(&Call<'_>) -> Native<Dynamic> + Send + Sync + 'static,
) {
    debug_assert!(in_a_table(word), "`{}` is not in `WORDS`", word.name);
    let act: Act = Arc::new(act);
    for count in word.counts() {
        let act = Arc::clone(&act);
        let function = move |context: Option<NativeCallContext<'_>>, args: &mut [&mut Dynamic]| {
            let context = context.expect("the function asks for its context");
            carry_out(word, &context, args, act.as_ref())
        };
        FuncRegistration::new(word.bare()).set_into_module_raw(
            module,
            types(word, count),
            RhaiFunc::Method {
                func: Arc::new(function),
                has_context: true,
                is_pure: true,
                is_volatile: true,
            },
        );
    }
}

/// Let the engine know a property.
pub(in crate::script) fn property<T: Clone + Send + Sync + 'static>(
    engine: &mut Engine,
    word: &'static Word,
    read: impl Fn(&T) -> Native<Dynamic> + Send + Sync + 'static,
) {
    debug_assert!(in_a_table(word), "`{}` is not in `WORDS`", word.name);
    engine.register_get(word.name, move |value: &mut T| read(value));
}

/// A property that a value of type `of` does not have is an error that names the nearest.
pub(in crate::script) fn no_other_properties<T: Clone + Send + Sync + 'static>(
    engine: &mut Engine,
    of: Of,
) {
    engine.register_indexer_get(move |_: &mut T, name: &str| -> Native<Dynamic> {
        Err(into_rhai(no_property(of, name)))
    });
}

/// The error for `h.nam`.
pub(in crate::script) fn no_property(of: Of, name: &str) -> Box<Error> {
    let words = || super::all().filter(|word| word.of == of);
    let called = format!("{}.{name}", of.letter());
    if let Some(word) = words().find(|word| word.name == name && !word.property) {
        return Error::config(format!("`{called}` is a function"))
            .hint(format!("write `{}`", word.signature()));
    }
    let error = Error::config(format!("there is no property `{called}`"));
    match nearest(name, words().map(|word| word.name)) {
        Some(near) => error.hint(format!("did you mean `{near}`?")),
        None => {
            let known: Vec<&str> = words()
                .filter(|word| word.property)
                .map(|word| word.name)
                .collect();
            error.hint(format!("there are {}", known.join(", ")))
        }
    }
}

type Act = Arc<dyn Fn(&Call<'_>) -> Native<Dynamic> + Send + Sync>;

pub(in crate::script) fn receiver(of: Of) -> Option<TypeId> {
    Some(match of {
        Of::Array => TypeId::of::<Array>(),
        Of::Authority => TypeId::of::<Authority>(),
        Of::Client => TypeId::of::<Etcdctl>(),
        Of::Error => TypeId::of::<Thrown>(),
        Of::Function => return None,
        Of::Host => TypeId::of::<Host>(),
        Of::Map => TypeId::of::<Map>(),
        Of::Time => TypeId::of::<Time>(),
    })
}

fn types(word: &Word, count: usize) -> Vec<TypeId> {
    receiver(word.of)
        .into_iter()
        .chain(std::iter::repeat_n(TypeId::of::<Dynamic>(), count))
        .collect()
}

fn carry_out(
    word: &'static Word,
    context: &NativeCallContext<'_>,
    args: &mut [&mut Dynamic],
    act: &(dyn Fn(&Call<'_>) -> Native<Dynamic> + Send + Sync),
) -> Native<Dynamic> {
    let given: Vec<Dynamic> = args.iter().map(|arg| arg.flatten_clone()).collect();
    let call = pass(checked(word, context, given))?;
    act(&call)
}

fn checked<'a>(
    word: &'static Word,
    context: &'a NativeCallContext<'a>,
    mut given: Vec<Dynamic>,
) -> Result<Call<'a>> {
    let value = match receiver(word.of) {
        Some(_) => given.remove(0),
        None => Dynamic::UNIT,
    };
    let matched = Matched::of(word, given)?;
    Ok(Call {
        context,
        function: matched.function,
        options: Args::of_options(word, map_from_rhai(&matched.options))?,
        plain: matched.plain,
        raw: matched.options,
        value,
    })
}

/// Arguments in their places.
struct Matched {
    function: Option<FnPtr>,
    options: Map,
    plain: Vec<Option<Dynamic>>,
}

/// The error for an argument of another type than is wanted.
fn wrong(word: &Word, arg: &word::Arg, got: &Dynamic) -> Box<Error> {
    word::wrong_type(word.name, arg.name, &arg.takes.to_string(), &from_rhai(got))
}

impl Matched {
    fn of(word: &'static Word, mut given: Vec<Dynamic>) -> Result<Matched> {
        let function = match word.function_arg() {
            None => None,
            Some(_) => {
                let arg = word.args.last().expect("a function is the last argument");
                let got = given.pop().unwrap_or(Dynamic::UNIT);
                Some(
                    got.clone()
                        .try_cast()
                        .ok_or_else(|| wrong(word, arg, &got))?,
                )
            }
        };
        let wanted = word.plain();
        let least = wanted.len() - usize::from(word.first_optional);
        let mut options = Map::new();
        // A map at the end is that of the options, unless the last argument is one itself.
        let full = given.len() > wanted.len();
        let is_options = given.len() > least
            && given.last().is_some_and(Dynamic::is_map)
            && (full || !begins_with(word, &given));
        if !word.options.is_empty() && is_options {
            options = given.pop().and_then(Dynamic::try_cast).unwrap_or_default();
        } else if full && let Some(got) = given.pop().filter(|got| !got.is_unit()) {
            return Err(word::no_options(word, &from_rhai(&got)));
        }
        let missing = wanted.len().saturating_sub(given.len());
        let mut plain: Vec<Option<Dynamic>> = vec![None; missing];
        for (arg, got) in wanted[missing..].iter().zip(given) {
            if !fits(arg.takes, &got) {
                return Err(wrong(word, arg, &got));
            }
            plain.push(Some(got));
        }
        Ok(Matched {
            function,
            options,
            plain,
        })
    }
}

/// Does a call that could leave out the first argument begin with it?
fn begins_with(word: &'static Word, given: &[Dynamic]) -> bool {
    given.len() == word.plain().len()
        && word.first_optional
        && word
            .plain()
            .last()
            .zip(given.last())
            .is_some_and(|(arg, got)| fits(arg.takes, got))
}

/// Is a value what the type says? `()` stands for what was left out.
pub(in crate::script) fn fits(takes: Type, value: &Dynamic) -> bool {
    match takes {
        _ if value.is_unit() => true,
        Type::Authority => value.is::<Authority>(),
        Type::Client => value.is::<Etcdctl>(),
        Type::Error => value.is::<Thrown>(),
        Type::Function(..) => value.is::<FnPtr>(),
        Type::Host => value.is::<Host>(),
        Type::Time => value.is::<Time>(),
        _ => takes.fits(&from_rhai(value)),
    }
}

/// Every primitive of [`primitive::ALL`] as a function of a host: `h.file(path, #{ ... })`.
pub(in crate::script) fn register(engine: &mut Engine, _: &Arc<World>) {
    for spec in primitive::ALL.iter().copied() {
        word(engine, &spec.word, move |call| {
            pass(primitive(spec, call)).map(Into::into)
        });
    }
}

fn primitive(spec: &Spec, call: &Call<'_>) -> Result<Map> {
    let host: Host = call.value();
    if spec.word.args[0].takes == Type::Command {
        warn_of_command(call, &host)?;
    }
    let act = || {
        let options = located(&spec.word, &host, &call.map())?;
        let thing = from_rhai(&call.arg(0));
        let thing = on_host(spec.word.args[0].takes, &host, thing)?;
        let args = Args::check(&spec.word, thing, options)?;
        (spec.build)(&args)
    };
    let primitive = act().map_err(|error: Box<Error>| error.on(host.name()))?;
    let link = host.link().map_err(|error| error.on(host.name()))?;
    let outcome = host.world().session.apply(&link, primitive.as_ref())?;
    Ok(map_to_rhai(outcome.into_value()))
}

/// The options of a call on a host: paths are the host's, and what names a file here is what is in it.
pub(in crate::script) fn located(
    word: &Word,
    host: &Host,
    options: &Map,
) -> Result<crate::value::Map> {
    let mut located = crate::value::Map::new();
    for (key, value) in map_from_rhai(options) {
        let takes = word.option(&key).map_or(Type::Any, |arg| arg.takes);
        let value = match (takes, value.as_text()) {
            (Type::File, Some(path)) => Value::Bytes(read(host, path)?),
            (Type::Template, Some(path)) => template::rendered(host, path, options.get("values"))?,
            _ => on_host(takes, host, value)?,
        };
        located.insert(key, value);
    }
    Ok(located)
}

/// A path as the host calls it; any other value as it is.
pub(in crate::script) fn on_host(takes: Type, host: &Host, value: Value) -> Result<Value> {
    match (takes, value) {
        (Type::Condition, Value::Text(text)) if text.contains(' ') => Ok(Value::Text(text)),
        (Type::Path | Type::Condition, Value::Text(path)) => {
            Ok(Value::Text(host.link()?.path(&path)))
        }
        (_, value) => Ok(value),
    }
}

/// A command cannot be kept inside a sandbox: the first one of a script is warned of.
fn warn_of_command(call: &Call<'_>, host: &Host) -> Result<()> {
    let bundled = call
        .context
        .call_source()
        .is_some_and(|file| embedded::any(file).is_some());
    if bundled || host.link()?.root().is_none() {
        return Ok(());
    }
    let session = &host.world().session;
    if session.first_time("a command in the sandbox") {
        session.report.warn(&format!(
            "{}: a command of a script runs on this machine itself, as you, in the folder of the host; only `h.path(...)` leads into it",
            host.name()
        ));
    }
    Ok(())
}

pub(super) fn read(host: &Host, path: &str) -> Result<Vec<u8>> {
    let found = host.world().find(path);
    std::fs::read(&found).map_err(|error| {
        Error::config(format!("`{}` cannot be read", found.display()))
            .because(error.to_string())
            .hint("relative paths lie beside the script, else beside the inventory")
    })
}
