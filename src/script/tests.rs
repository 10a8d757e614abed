//! The language by itself: no host is touched here.

mod secret;

use std::path::PathBuf;
use std::sync::Arc;

use super::*;
use crate::inventory::Inventory;
use crate::report::{Report, Silent};
use crate::run::{Options, Session};

pub(super) fn world(inventory: &str) -> World {
    let options = Options {
        check: false,
        diff: false,
        forks: 4,
        held_to: None,
        no_gate: Vec::new(),
        yes: false,
    };
    World::new(Parts {
        args: Vec::new(),
        beside: PathBuf::from("."),
        inventory: Arc::new(Inventory::parse("test.yml", inventory).expect("the inventory reads")),
        limit: None,
        listing: false,
        login: crate::cluster::Login::default(),
        script_folder: None,
        selection: crate::run::Selection::default(),
        session: Arc::new(Session::new(options, Report::new(Box::new(Silent)))),
    })
}

const ONE: &str = "etcd: { hosts: { 10.10.10.10: { etcd_seq: 1 } } }";

fn open(inventory: &str, text: &str) -> std::result::Result<String, String> {
    let script = Script {
        folder: None,
        name: "t.rhai".into(),
        text: text.into(),
    };
    let interpreter = Interpreter::with(world(inventory), script.clone(), Box::new(|_| ()))
        .map_err(|error| error.to_string())?;
    let ast = interpreter
        .compile(&script)
        .map_err(|error| error.to_string())?;
    interpreter
        .evaluate(&ast, &mut interpreter.scope(), &script)
        .map(|value| value.to_string())
        .map_err(|error| error.to_string())
}

/// The body of a task, what is said of it first, and the hint at the end.
fn are_refused(rows: &[(&str, &str, &str)]) {
    for (body, what, hint) in rows {
        let text = format!("task(\"t\", \"d\", |h| {{ {body} }});\n");
        let error = open(ONE, &text).expect_err(body);
        assert!(error.starts_with(what), "{body}\n{error}");
        assert!(error.contains(" --> t.rhai:1:"), "{body}\n{error}");
        assert!(error.ends_with(&format!("hint: {hint}")), "{body}\n{error}");
    }
}

#[test]
fn the_stdlib_and_the_bundled_scripts_have_no_mistakes() {
    let interpreter = Interpreter::new(world(ONE)).expect("the stdlib loads");
    let modules = embedded::modules().iter();
    let modules = modules.map(|module| (module.path.as_str(), module.text.as_str()));
    for (name, text) in modules.chain(embedded::scripts()) {
        let script = Script {
            folder: None,
            name: name.into(),
            text: text.into(),
        };
        let ast = interpreter.parse(name, text).expect("it parses");
        let problems: Vec<String> = interpreter
            .problems(&ast, &script)
            .iter()
            .map(|problem| problem.error.to_string())
            .collect();
        assert_eq!(problems, Vec::<String>::new());
        assert!(interpreter.circle(&ast, &script).is_none());
    }
}

#[test]
fn mistakes_are_found_in_the_last_closure_before_anything_runs() {
    let tasks: String = (1..10)
        .map(|n| format!("task(\"t{n}\", \"d\", |h| h.run(\"true\"));\n"))
        .collect();
    let rows = [
        (
            "|h| h.fil(\"/x\")",
            "there is no function `fil`",
            "did you mean `file`?",
        ),
        (
            "|h| h.file(\"/x\", #{ ownr: \"a\" })",
            "`file` has no option `ownr`",
            "did you mean `owner`?",
        ),
        ("|h| h.file(hh)", "there is no variable `hh`", ""),
        (
            "|h| etcd::confg(h)",
            "there is no function `etcd::confg`",
            "did you mean `etcd::conf`?",
        ),
        (
            "|h| etcd::instance(h, 1)",
            "`etcd::instance` takes 1 argument, not 2",
            "etcdsh help instance",
        ),
        (
            "|h, i| h.run(\"x\")",
            "the function given to `task` takes 2 arguments and gets the host",
            "write `|h| ...`",
        ),
        (
            "|h| h.file(\"/x\", #{ state: \"gone\" })",
            "`state` of `file` takes one of file, directory, link, absent, not `gone`",
            "etcdsh help file",
        ),
    ];
    for (closure, what, hint) in rows {
        let text = format!("{tasks}task(\"t10\", \"d\", {closure});\n");
        let error = open(ONE, &text).expect_err(closure);
        assert!(error.starts_with(what), "{error}");
        assert!(error.contains(" --> t.rhai:10:"), "{error}");
        assert!(
            hint.is_empty() || error.ends_with(&format!("hint: {hint}")),
            "{error}"
        );
    }
}

#[test]
fn a_parse_error_shows_its_line() {
    let error = open(ONE, "let x = 1;\nlet y = ;\n").expect_err("does not parse");
    assert!(
        error.contains(" --> t.rhai:2:9\n2 | let y = ;\n  |         ^"),
        "{error}"
    );
}

#[test]
fn a_missing_variable_suggests_the_nearest() {
    let error = open(ONE, "host(\"10.10.10.10\").vars.etcd_sqe").expect_err("no such variable");
    assert!(
        error.starts_with("10.10.10.10: variable `etcd_sqe` is not set\n --> t.rhai:1:"),
        "{error}"
    );
    assert!(error.ends_with("hint: did you mean `etcd_seq`?"), "{error}");
}

#[test]
fn parameters_are_typed_and_have_defaults() {
    let rows = [
        (
            "etcd: { hosts: { a: { etcd_seq: '3' } } }",
            "host(\"a\").vars.etcd_seq + 1",
            "4",
        ),
        (ONE, "host(\"10.10.10.10\").vars.etcd_port", "2379"),
        (
            "etcd: { hosts: { a: { etcd_clean: 'no' } } }",
            "host(\"a\").vars.etcd_clean",
            "false",
        ),
        (
            "etcd: { hosts: { a: { etcd_quota_backend_bytes: 2GiB } } }",
            "host(\"a\").vars.etcd_quota_backend_bytes",
            "2147483648",
        ),
        (
            "etcd: { hosts: { a: { cert_validity: 30d } } }",
            "host(\"a\").vars.cert_validity",
            "30",
        ),
        (
            "etcd: { hosts: { a: {} } }",
            "host(\"a\").var(\"etcd_clean\", 7)",
            "7",
        ),
    ];
    for (inventory, text, want) in rows {
        assert_eq!(
            open(inventory, text).as_deref(),
            Ok(want),
            "{inventory} {text}"
        );
    }
}

#[test]
fn all_mistakes_of_a_cluster_are_one_message() {
    let inventory = "etcd:\n  hosts:\n    10.10.10.10: { etcd_seq: 1 }\n    10.10.10.11: { etcd_seq: 1 }\n    10.10.10.12: {}\n    10.10.10.13: { etcd_seq: x }\n  vars: { etcd_peer_port: 2379, etcd_election_timeout: 100 }\n";
    let error = open(inventory, "etcd::clusters()").expect_err("it is wrong");
    for part in [
        "10.10.10.11: `etcd_seq` 1 is that of 10.10.10.10 too (test.yml:4:20)",
        "10.10.10.12: `etcd_seq` is not set",
        "10.10.10.13: `etcd_seq` takes an integer, not `x` (test.yml:6:20)",
        "10.10.10.10: `etcd_election_timeout` 100 is less than 5 times `etcd_heartbeat_interval` 100",
        "10.10.10.10: `etcd_port` and `etcd_peer_port` are both 2379",
    ] {
        assert!(error.contains(part), "{part}\n{error}");
    }
}

#[test]
fn clusters_are_the_group_etcd_and_every_group_that_says_so() {
    let inventory = "all:\n  children:\n    etcd: { hosts: { 10.10.10.10: { etcd_seq: 1 } } }\n    dcs2: { hosts: { 10.10.10.20: { etcd_seq: 1 } }, vars: { etcd_cluster: etcd2 } }\n    pg: { hosts: { 10.10.10.30: } }\n";
    assert_eq!(
        open(inventory, "etcd::clusters().keys().join(\",\")").as_deref(),
        Ok("etcd,etcd2")
    );
    let both = "all:\n  children:\n    etcd: { hosts: { 10.10.10.10: { etcd_seq: 1 } }, vars: { etcd_cluster: etcd } }\n    dcs2: { hosts: { 10.10.10.10: }, vars: { etcd_cluster: etcd2 } }\n";
    let error = open(both, "etcd::clusters()").expect_err("one host in two clusters");
    assert!(
        error.starts_with("10.10.10.10: the host is in two clusters, `etcd"),
        "{error}"
    );
}

#[test]
fn the_config_is_yaml_with_the_members_of_the_inventory() {
    let inventory = "etcd: { hosts: { 10.10.10.10: { etcd_seq: 1 }, 10.10.10.11: { etcd_seq: 2 } }, vars: { etcd_extra_config: { snapshot-count: 5000 } } }";
    let text = open(
        inventory,
        "etcd::conf(host(\"10.10.10.10\"), #{ cluster: \"a=b\", state: \"new\" })",
    )
    .expect("it renders");
    for line in [
        "name: etcd-1",
        "initial-cluster: a=b",
        "listen-client-urls: https://10.10.10.10:2379,https://127.0.0.1:2379",
        "snapshot-count: 5000",
        "quota-backend-bytes: 8589934592",
    ] {
        assert!(text.lines().any(|have| have == line), "{line}\n{text}");
    }
}

#[test]
fn a_closure_keeps_what_it_captured() {
    let text =
        "let base = 10; let out = parallel([1, 2, 3], |n| n + base); base = 100; out.to_string()";
    assert_eq!(open(ONE, text).as_deref(), Ok("[11, 12, 13]"));
}

#[test]
fn a_secret_is_never_shown() {
    assert_eq!(
        open(ONE, "let s = secret(\"hush\"); `${s} ${[s]} ${#{ a: s }}`").as_deref(),
        Ok("******** [********] #{\"a\": ********}")
    );
}

#[test]
fn a_throw_is_caught_and_a_failure_keeps_its_parts() {
    assert_eq!(open(ONE, "try { fail(\"no\", #{ because: \"why\" }); } catch (e) { return e.message + \" \" + e.causes[0]; }").as_deref(), Ok("no why"));
}

#[test]
fn the_example_of_every_word_has_no_mistakes() {
    let interpreter = Interpreter::new(world(ONE)).expect("the stdlib loads");
    let given = "let h = host(\"10.10.10.10\"); let hosts = hosts(\"etcd\"); let e = etcd::client(h); let ca = cert::ca(\"files/pki/ca\");";
    for word in words::all().filter(|word| !word.property) {
        assert!(!word.example.is_empty(), "`{}` has no example", word.name);
        let script = Script {
            folder: None,
            name: "t.rhai".into(),
            text: format!("{given}\n{};", word.example),
        };
        if let Err(error) = interpreter.compile(&script) {
            panic!("the example of `{}`: {error}", word.name);
        }
    }
}

/// Every mistake of a task's body is found before the first connection.
#[test]
fn wrong_arguments_of_any_word_are_found_before_anything_runs() {
    let rows = [
        (
            "etcd::client(h).member_add([\"u\"], #{ leaner: true })",
            "`member_add` has no option `leaner`",
            "did you mean `learner`?",
        ),
        (
            "etcd::client(h).delete(\"/a\", #{ prefx: true })",
            "`delete` has no option `prefx`",
            "did you mean `prefix`?",
        ),
        (
            "fail(\"no\", #{ becuase: \"x\" })",
            "`fail` has no option `becuase`",
            "did you mean `because`?",
        ),
        (
            "etcd::client(h).get(\"/a\", #{ prefx: true })",
            "`get` has no option `prefx`",
            "did you mean `prefix`?",
        ),
        (
            "let e = etcd::client(h); e.get(\"/a\", #{ limit: \"ten\" })",
            "`limit` of `get` takes an integer, not `ten`",
            "etcdsh help get",
        ),
        (
            "cert::ca(\"c\").issue(\"x\", #{ sanz: [] })",
            "`issue` has no option `sanz`",
            "did you mean `sans`?",
        ),
        (
            "cluster_status(#{ ovr: \"1s\" })",
            "`cluster_status` has no option `ovr`",
            "did you mean `over`?",
        ),
        (
            "run(\"etcd\", #{ limt: \"a\" })",
            "`run` has no option `limt`",
            "did you mean `limit`?",
        ),
        (
            "h.run(\"x\", #{ timeuot: \"1s\" })",
            "`run` has no option `timeuot`",
            "did you mean `timeout`?",
        ),
        (
            "run(h, \"x\", #{ timeout: \"soon\" })",
            "`timeout` of `run` takes a duration such as \"60s\", not `soon`",
            "etcdsh help run",
        ),
        (
            "etcdctl(#{ endpoint: \"x\" })",
            "`etcdctl` has no option `endpoint`",
            "did you mean `endpoints`?",
        ),
        (
            "wait_until(\"soon\", \"x\", || true)",
            "`timeout` of `wait_until` takes a duration such as \"60s\", not `soon`",
            "etcdsh help wait_until",
        ),
        (
            "say(\"h\", \"text\")",
            "`h` of `say` takes a host, not `h`",
            "etcdsh help say",
        ),
        (
            "wait_until(\"1s\", \"x\", |a| true)",
            "the function given to `wait_until` takes 1 arguments and gets nothing",
            "write `|| ...`",
        ),
        (
            "print(h.nam)",
            "there is no property `h.nam`",
            "did you mean `name`?",
        ),
        (
            "for m in hosts(\"etcd\") { print(m.nam) }",
            "there is no property `h.nam`",
            "did you mean `name`?",
        ),
        (
            "let e = etcd::client(h); print(e.status.len())",
            "`e.status` is a function",
            "write `e.status()`",
        ),
    ];
    are_refused(&rows);
}

/// What a value has, and what a function takes, is known before anything runs, where it can be told.
#[test]
fn words_of_other_values_and_wrong_functions_are_found() {
    let rows = [
        (
            "let e = etcd::client(h); e.get(\"a\", \"b\")",
            "the options of `get` are a map, not `b`",
            "etcdsh help get",
        ),
        (
            "h.run(\"true\", 5)",
            "the options of `run` are a map, not `5`",
            "etcdsh help run",
        ),
        (
            "h.member_list()",
            "a host has no `member_list`",
            "etcdsh help member_list",
        ),
        (
            "etcd::client(h).service(\"etcd\")",
            "a client of etcd has no `service`",
            "etcdsh help service",
        ),
        (
            "hosts(\"etcd\").run(\"true\")",
            "a list has no `run`",
            "etcdsh help run",
        ),
        ("h.push(1)", "a host has no `push`", "etcdsh help push"),
        (
            "h.run()",
            "`run` of a host takes 1 or 2 arguments, not 0",
            "etcdsh help run",
        ),
        (
            "fail(\"x\", #{ hint: #{ limti: \"a\" } })",
            "a hint has no `limti`",
            "did you mean `limit`?",
        ),
        (
            "fail(\"x\", #{ hint: [\"a\", #{ rum: \"a\" }] })",
            "a hint has no `rum`",
            "did you mean `run`?",
        ),
        (
            "let f = |a| a; f(1)",
            "there is no function `f`, it is a variable",
            "a function in a variable is called with `f.call(...)`",
        ),
        (
            "task(\"a\", \"b\", \"c\")",
            "`body` of `task` takes a function `|h| ...`, not `c`",
            "etcdsh help task",
        ),
        (
            "let b = hosts(\"etcd\"); task(\"a\", \"b\", b)",
            "`body` of `task` takes a function `|h| ...`, not a pattern, hosts, or a map",
            "etcdsh help task",
        ),
        (
            "let f = |x, y| x; parallel([1], f)",
            "the function given to `parallel` takes 2 arguments and gets one of the items",
            "write `|item| ...`",
        ),
    ];
    are_refused(&rows);
    let body = "let z = 1; let f = |a| a + z; f.call(1, 2)";
    let error = open(ONE, &format!("task(\"t\", \"d\", |h| {{ {body} }});\n")).expect_err(body);
    assert!(
        error.starts_with("the function takes 1 argument, not 2\n --> t.rhai:1:"),
        "{error}"
    );
}

#[test]
fn what_is_right_in_a_body_is_not_refused() {
    let right = [
        "let m = #{ a: 1 }; print(m.get(\"b\", #{ c: 2 }).c)",
        "group(\"g\", \"d\", || { task(\"u\", \"d\", #{ serial: 1, on: \"infra\" }, |h| h.run(\"x\")); })",
        "fail(h, \"no\", #{ because: [\"a\", h.name], unknown: true })",
        "let list = [h, h]; list.join(\", \")",
    ];
    for body in right {
        let text = format!("task(\"t\", \"d\", |h| {{ {body} }});\n");
        assert_eq!(open(ONE, &text).as_deref(), Ok(""), "{body}");
    }
}

#[test]
fn a_missing_key_may_have_a_default() {
    let rows = [
        ("let m = #{ a: 1 }; m.b ?? 7", "7"),
        ("let m = #{ a: 1 }; m[\"b\"] ?? 7", "7"),
        ("let m = #{ a: #{ b: 2 } }; m.a.b ?? 7", "2"),
        ("let m = #{ a: 1 }; m.get(\"b\", 7)", "7"),
        ("let m = #{ a: 1 }; `${m.b ?? \"none\"}`", "none"),
        ("host(\"10.10.10.10\").vars.nothing ?? 7", "7"),
        ("host(\"10.10.10.10\").name ?? 7", "10.10.10.10"),
        ("let m = #{}; m.b = 3; m.b ?? 7", "3"),
    ];
    for (text, want) in rows {
        assert_eq!(open(ONE, text).as_deref(), Ok(want), "{text}");
    }
}

#[test]
fn what_rhai_says_badly_is_said_better() {
    let rows = [
        (
            "let x = 'hello';",
            "invalid character: 'hello'\n --> t.rhai:1:9\n",
            "hint: a text stands in double quotes: \"hello\"",
        ),
        (
            "task(\"a\", \"b\", |h| {\n    if true {\n        h.run(\"x\");\n\n});\n",
            "the `{` that stands here is never closed\n --> t.rhai:2:13\n",
            "caused by: line 5: ",
        ),
        (
            "let m = #{ name: 1 };\nm.nmae",
            "there is no property `nmae`\n --> t.rhai:2:",
            "hint: did you mean `name`?",
        ),
        (
            "host(\"10.10.10.10\").nam",
            "there is no property `h.nam`\n --> t.rhai:1:",
            "hint: did you mean `name`?",
        ),
        (
            "let m = #{}; let x = m.a ?? 1; nothing",
            "there is no variable `nothing`\n --> t.rhai:1:32\n",
            "",
        ),
    ];
    for (text, begin, end) in rows {
        let error = open(ONE, text).expect_err(text);
        assert!(error.starts_with(begin), "{text}\n{error}");
        assert!(error.contains(end), "{text}\n{error}");
    }
    assert_eq!(open(ONE, "\u{feff}1 + 1").as_deref(), Ok("2"));
}

#[test]
fn a_secret_that_is_passed_on_stays_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let inner = folder.path().join("inner.rhai");
    let text = "let h = host(\"10.10.10.10\");\n\
        fail(`${h.vars.pass} ${h.vars.etcd_root_password} ${h.vars.open}`);\n";
    std::fs::write(&inner, text).expect("it is written");
    let outer = format!(
        "run({:?}, #{{ vars: #{{ pass: secret(\"hush{{{{ 1 }}}}\"), etcd_root_password: secret(\"hush\"), open: \"seen\" }} }})",
        inner.display().to_string()
    );
    let error = open(ONE, &outer).expect_err("it fails as asked");
    assert!(error.starts_with("******** ******** seen\n"), "{error}");
}

#[test]
fn what_a_module_keeps_to_itself_cannot_be_called() {
    let rows = [
        (
            "etcd::purge_host(host(\"10.10.10.10\"), true)",
            "etcd::purge_host",
        ),
        (
            "monitor::forget(host(\"10.10.10.10\"), [])",
            "monitor::forget",
        ),
    ];
    for (text, name) in rows {
        let error = open(ONE, text).expect_err(text);
        let wanted = format!("there is no function `{name}`");
        assert!(error.starts_with(&wanted), "{error}");
    }
}

/// What people write, and what the check of words must leave alone.
#[test]
fn what_is_right_is_not_refused() {
    let rows = [
        "let o = #{ because: \"y\" }; if false { fail(\"x\", o) }",
        "fn why(o) { fail(\"no\", o) } 1",
        "fn say(a, b) { a + b } say(\"x\", \"y\") == \"xy\"",
        "fn warn(n) { n + 1 } warn(5) == 6",
        "fn host(a) { #{ nam: a } } host(\"x\").nam == \"x\"",
        "fn quote(a, b) { a } quote(1, 2) == 1",
        "fn bump() { this += 1 } let x = 1; x.bump(); x == 2",
        "fn get(m, k) { 7 } get(#{}, \"a\") == 7",
        "let l = hosts(\"etcd\"); l.push(#{ foo: 1 }); l[1].foo == 1",
        "let l = hosts(\"etcd\"); l[0] = #{ foo: 1 }; l[0].foo == 1",
        "let x = host(\"10.10.10.10\"); x = #{ foo: 1 }; x.foo == 1",
        "fn f(m) { m.get(\"k\", #{ limit: 4, name: \"x\" }) } f(#{}).limit == 4",
        "let n = 0; for i in 0..n ?? 5 { } true",
        "let n = 5; n[0] ?? 1",
        "etcdctl(#{ endpoints: [\"127.0.0.1:1\"], tls: false }).endpoints ?? [] == [\"127.0.0.1:1\"]",
        "let q = '\\''; let s = \"it's\"; \"a m.x ?? b\" != s",
        "let s = #\"say \" it\"#; \"a m.x ?? b\" != s",
        "/* a /* b */ c \" d */ \"a m.x ?? b\" != \"\"",
        "let m = #{}; (m?[\"x\"] ?? 1) == 1 && (m [\"a\"] ?? 2) == 2",
        "let items = [1]; items.parallel(|n| n + 1)[0] == 2",
        "let m = #{ f: |x| x + 1 }; m.f(1) == 2",
        "let m = #{}; m.f = |x| x + 1; m.f(1) == 2",
        "let m = #{}; m[\"f\"] = |x| x + 1; m.f(1) == 2",
        "let m = #{}; let k = \"f\"; m[k] = |x| x + 1; m.f(1) == 2",
        "let m = #{ a: #{} }; m.a.f = |x| x + 1; m.a.f(1) == 2",
        "let m = #{ len: |a, b| a + b }; m.len(1, 2) == 3",
        "fn make() { #{ f: |x| x + 1 } } make().f(1) == 2",
        "let z = 1; let f = |a, b| a + b + z; f.call(1, 2) == 4",
        "let f = |a| a; let g = f; g.call(1) == 1",
        "let f = |a| a; f = |a, b| a + b; f.call(1, 2) == 3",
        "let f = if true { |a| a } else { |a, b| b }; f.call(1) == 1",
        "let f = |a, b| a + b; let g = f.curry(1); g.call(2) == 3",
        "let f = |a| this + a; let x = 5; x.call(f, 2) == 7",
        "let hosts = hosts(\"etcd\"); hosts.len() == 1 && hosts(\"etcd\").len() == 1",
        "let h = host(\"10.10.10.10\"); h.type_of() == \"host\" && h.to_string() == \"10.10.10.10\"",
        "let h = host(\"10.10.10.10\"); if false { h.run(\"true\", ()); } true",
        "let h = host(\"10.10.10.10\"); h.host().name == h.name && h.quote() == \"10.10.10.10\"",
        "let e = etcdctl(#{ endpoints: [\"127.0.0.1:1\"], tls: false }); e.type_of() != \"\"",
        "fn twice() { this.name + this.name } host(\"10.10.10.10\").twice().len() == 22",
        "let o = #{ hint: #{ run: \"df\", on: \"x\", note: \"y\" } }; if false { fail(\"x\", o); } true",
        "let h = host(\"10.10.10.10\"); if false { h.fail(\"x\", #{ hint: \"y\" }); h.say(\"z\"); }",
    ];
    for text in rows {
        if let Err(error) = open(ONE, text) {
            panic!("{text}\n{error}");
        }
    }
    for (text, what) in [
        (
            "let h = host(\"10.10.10.10\"); if false { h.group(\"g\", #{ zzz: 1 }); }",
            "`group` has no option `zzz`",
        ),
        (
            "let h = host(\"10.10.10.10\"); if false { h.run(5); }",
            "`command` of `run` takes a command line or a list of words, not `5`",
        ),
        (
            "say(host(\"10.10.10.10\"), secret(\"hush\"))",
            "`text` of `say` takes a text, not a secret",
        ),
        (
            "host(secret(\"hush\"))",
            "`name` of `host` takes a text, not a secret",
        ),
    ] {
        let error = open(ONE, text).expect_err(text);
        assert!(error.starts_with(what), "{text}\n{error}");
    }
}

#[test]
fn the_manual_names_every_fact() {
    let doc = words::named("facts").next().expect("a word").doc;
    for fact in crate::host::Facts::names().chain(crate::host::Facts::names_of_os()) {
        assert!(doc.contains(fact), "`{fact}`: {doc}");
    }
}

#[test]
fn words_for_texts_and_this_machine_give_what_they_say() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.txt").display().to_string();
    for (line, expected) in [
        (r#"regex_match("etcd 3.6.1", "^etcd [0-9.]+$")"#, "true"),
        (r#"regex_match("etcd", "[0-9]")"#, "false"),
        (
            r#"regex_captures("etcd 3.6", "([0-9]+)[.]([0-9]+)").join("|")"#,
            "3.6|3|6",
        ),
        (r#"regex_captures("etcd", "[0-9]").len"#, "0"),
        (r#"regex_replace("a-1, a-2", "a-([0-9])", "b$1")"#, "b1, b2"),
        (
            r#"sha256("etcd")"#,
            "c38cbd92fce41312f3fbdce60510013b7f0d4004a03b45c8e762f98f1ed4006c",
        ),
        (r#"base64("etcd")"#, "ZXRjZA=="),
        (r#"from_base64("ZXRj\nZA==")"#, "etcd"),
        (r#"env("ETCDSH_NO_SUCH_VARIABLE") ?? "none""#, "none"),
        (r#"env("PATH").len > 0"#, "true"),
        (
            &format!(r#"write_file("{path}", "x y"); read_file("{path}")"#),
            "x y",
        ),
        (&format!(r#"write_file("{path}", "x y")"#), "false"),
        (
            r#"format("%05.1f|%-3s|%x", [3.14159, "x", 255])"#,
            "003.1|x  |ff",
        ),
        (r#"format("%d%%", 3)"#, "3%"),
        (r#"format("%s", secret("hush"))"#, "********"),
        (r#"from_csv("a,b\n1,\"x,y\"\n")[0].b"#, "x,y"),
        (r#"from_csv("a;b\n1;2\n", #{ separator: ";" })[0].b"#, "2"),
        (
            r#"csv([#{ a: 1, b: "x,y" }, #{ a: () }])"#,
            "a,b\n1,\"x,y\"\n,\n",
        ),
        (r#"csv([#{ a: 1, b: 2 }], #{ columns: ["b"] })"#, "b\n2\n"),
        (r#"time("2026-11-23T04:47:53Z").unix"#, "1795409273"),
        (
            r#"time("2026-11-23T04:47:53+01:00") + "1h" == time("2026-11-23T04:47:53Z")"#,
            "true",
        ),
        ("time(90) - time(0)", "90"),
        (r#"time(90) - "1m" < time(31)"#, "true"),
        (r#"time(0).format("%s")"#, "0"),
        ("time(now().to_string()) <= now()", "true"),
        (
            r#"let n = 0; retry(3, #{ every: "1ms" }, || { n += 1; if n < 3 { throw "no" } n })"#,
            "3",
        ),
        (&format!(r#"write_file("{path}", secret("z"))"#), "true"),
    ] {
        assert_eq!(open(ONE, line).as_deref(), Ok(expected), "{line}");
    }
    for (line, expected) in [
        (
            r#"regex_match("a", "(")"#,
            "`(` is not a regular expression",
        ),
        (r#"from_base64("!")"#, "this is not base64"),
        (r#"format("%d", "x")"#, "`%d` takes a number, not `x`"),
        (r#"from_csv("a,b\n1\n")"#, "this is no CSV"),
        ("csv([1])", "row 1 is not a map"),
        (r#"time("yesterday")"#, "`yesterday` is no time"),
        (r#"now() + "soon""#, "`soon` is no duration"),
        ("now().year", "there is no property `time.year`"),
        (
            r#"retry(2, #{ every: "1ms" }, || fail("still no"))"#,
            "still no",
        ),
        (
            r#"read_file("/no/such/file")"#,
            "cannot read `/no/such/file`",
        ),
    ] {
        let error = open(ONE, line).expect_err(line);
        assert!(error.starts_with(expected), "{error}");
    }
}
