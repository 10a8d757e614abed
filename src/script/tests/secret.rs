//! A secret in a value, however deep, is shown by no word: random values go through all that show something.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use super::*;
use crate::locked::locked;
use crate::report::{Human, Json, Sink, Style};

const HUSH: &str = "HUSH-7f3a";

#[derive(Clone, Default)]
struct Page(Arc<Mutex<Vec<u8>>>);

impl Write for Page {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        locked(&self.0).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A script that runs in one of two worlds: one shows JSON, one lines for a person.
struct Shown {
    interpreter: Arc<Interpreter>,
    page: Page,
}

fn worlds() -> [Shown; 2] {
    let style = Style {
        diff: true,
        verbose: 3,
        ..Style::default()
    };
    let pages = [Page::default(), Page::default()];
    let sinks: [Box<dyn Sink>; 2] = [
        Box::new(Json(pages[0].clone())),
        Box::new(Human::new(pages[1].clone(), style)),
    ];
    let mut worlds = sinks.into_iter().zip(pages).map(|(sink, page)| {
        let mut world = world(ONE);
        let options = world.session.options.clone();
        world.session = Arc::new(Session::new(options, Report::new(sink)));
        let interpreter = Interpreter::new(world).expect("the stdlib loads");
        Shown { interpreter, page }
    });
    std::array::from_fn(|_| worlds.next().expect("there are two"))
}

impl Shown {
    /// All that is shown while a script runs, and of how it ends.
    fn of(&self, text: &str) -> String {
        let script = Script {
            folder: None,
            name: "t.rhai".into(),
            text: text.into(),
        };
        let ended = self.interpreter.parse(&script.name, text).and_then(|ast| {
            let mut scope = self.interpreter.scope();
            self.interpreter.evaluate(&ast, &mut scope, &script)
        });
        let ended = match ended {
            Ok(value) => format!(
                "{value}\n{value:?}\n{}\n{}\n",
                show(&value),
                to_json(&value)
            ),
            Err(error) => {
                let json = crate::report::error_json(&error);
                format!("{error}\n{error:?}\n{json}\n")
            }
        };
        let said = std::mem::take(&mut *locked(&self.page.0));
        format!("{ended}{}", String::from_utf8_lossy(&said))
    }
}

/// A value in Rhai's own words, with a secret in it. `random` is changed by each choice.
fn value(random: &mut u64, depth: u32) -> String {
    let mut choose = |count: u64| {
        *random ^= *random << 13;
        *random ^= *random >> 7;
        *random ^= *random << 17;
        *random % count
    };
    let key = ["text", "note", "run", "set", "limit", "etcd", "tags", "k"];
    let key = key[usize::try_from(choose(8)).unwrap_or(0)];
    match if depth == 0 { 0 } else { choose(5) } {
        0 => "s".into(),
        1 => format!("[{}]", value(random, depth - 1)),
        2 => format!("[1, \"a\", {}]", value(random, depth - 1)),
        3 => format!("#{{ \"{key}\": {} }}", value(random, depth - 1)),
        _ => format!(
            "#{{ \"{key}\": {}, \"text\": \"a\" }}",
            value(random, depth - 1)
        ),
    }
}

const ACTS: &[&str] = &[
    "v",
    "print(v);",
    "debug(v);",
    "print(`a ${v} b`);",
    "print(\"a\" + v);",
    "print(v.to_string());",
    "print(v.to_debug());",
    "print([v].join(\",\"));",
    "print(parse_json(`[1]`) + [v]);",
    "print(#{ a: v });",
    "print(to_json(#{ a: v }));",
    "print(#{ a: v }.to_json());",
    "warn(`${v}`);",
    "warn(v);",
    "say(host(\"10.10.10.10\"), `${v}`);",
    "say(host(\"10.10.10.10\"), v);",
    "unknown(host(\"10.10.10.10\"), \"x\", `${v}`);",
    "unknown(host(\"10.10.10.10\"), v, v);",
    "fail(v);",
    "fail(`${v}`);",
    "fail(\"x\", v);",
    "fail(\"x\", #{ hint: v });",
    "fail(\"x\", #{ hint: [v] });",
    "fail(\"x\", #{ hint: [\"a\", v] });",
    "fail(\"x\", #{ hint: #{ text: v } });",
    "fail(\"x\", #{ hint: #{ run: v, on: v, note: v } });",
    "fail(\"x\", #{ because: v });",
    "fail(\"x\", #{ because: [\"a\", v] });",
    "fail(\"x\", #{ log: v });",
    "fail(host(\"10.10.10.10\"), \"x\", #{ hint: [v], because: v });",
    "throw v;",
    "throw `${v}`;",
    "try { throw v; } catch (e) { print(e); print(`${e}`); debug(e); }",
    "try { fail(\"x\", #{ hint: [v] }); } catch (e) { print(e.text); print(e); throw e; }",
    "v.nothing();",
    "v.nothing;",
    "v + 1;",
    "v[7];",
    "let x = v; x.push(v); x.k.k;",
    "if v { }",
    "nothing(v);",
    "sleep(v);",
    "host(v);",
    "hosts(v);",
    "env(v);",
    "read_file(v);",
    "beside(v);",
    "quote(v);",
    "nearest(v, [v]);",
    "parse_json(v);",
    "task(v, v, |h| 1);",
    "play(v, v);",
    "group(v, v, || 1);",
    "run(v);",
    "run(\"nowhere\", #{ vars: #{ a: v } });",
    "run(\"nowhere\", #{ vars: v });",
    "run(\"nowhere\", #{ tags: v });",
    "e(v);",
    "etcdctl(v);",
    "etcdctl(#{ endpoints: v, password: v });",
    "host(\"10.10.10.10\").run(v);",
    "host(\"10.10.10.10\").file(v, v);",
    "host(\"10.10.10.10\").vars[v];",
    "confirm(v, v);",
    "assert(v);",
];

#[test]
fn no_word_shows_a_secret_that_is_deep_in_a_value() {
    let mut random = 0x9e37_79b9_7f4a_7c15;
    let (worlds, mut faults) = (worlds(), Vec::new());
    for act in ACTS {
        for depth in 0..4 {
            let value = value(&mut random, depth);
            let made = format!("let s = secret(\"{HUSH}\");\nlet v = {value};\n{act}");
            if worlds.iter().any(|world| world.of(&made).contains(HUSH)) {
                faults.push(format!("{act}   v = {value}"));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
