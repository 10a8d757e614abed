//! Each primitive without a host: what was called, what the host says, and the plan that follows from both.
//!
//! A case is `NAME/SENTENCE.yml`; `case.rs` has its keys; `shell.rs` puts questions to the shell of this machine. Each primitive has a case of all five [`Kind`]s that its
//! users meet. A new case is a new file and nothing else.

mod case;
mod shell;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use case::{Case, Kind, Lines, Wanted};
use etcdsh::error::Error;
use etcdsh::primitive::{self, Change, Plan, Primitive, Seen, Spec};
use etcdsh::value::Map;
use etcdsh::word::Args;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/primitive")
}

/// The primitive of this name.
fn spec_of(name: &str) -> Option<&'static Spec> {
    let mut all = primitive::ALL.iter().copied();
    all.find(|spec| spec.word.name == name)
}

fn cases_of(name: &str) -> Vec<(String, Case)> {
    let folder = folder().join(name);
    let files = fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("`{name}` has no folder of cases: {error}"));
    let mut cases: Vec<(String, Case)> = files
        .map(|file| {
            let path = file.expect("the folder can be read").path();
            let said = format!("{name}/{}", path.file_name().unwrap_or_default().display());
            assert_eq!(path.extension().unwrap_or_default(), "yml", "{said}");
            let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{said}: {error}"));
            let case =
                serde_yaml::from_str(&text).unwrap_or_else(|error| panic!("{said}: {error}"));
            (said, case)
        })
        .collect();
    cases.sort_by(|(one, _), (other, _)| one.cmp(other));
    cases
}

/// What a call came to, in the words of a case.
enum End {
    Changed(Change, Map),
    Error(Box<Error>),
    Unchanged(Map),
}

fn play(case: &Case, name: &str, said: &str) -> End {
    let spec = spec_of(name).unwrap_or_else(|| panic!("{said}: no primitive `{name}`"));
    let (thing, options) = case.call();
    let built = Args::check(&spec.word, thing, options).and_then(|args| (spec.build)(&args));
    match built.and_then(|primitive| end_of(case, primitive.as_ref(), said)) {
        Ok(end) => end,
        Err(error) => End::Error(error),
    }
}

fn end_of(case: &Case, primitive: &dyn Primitive, said: &str) -> Result<End, Box<Error>> {
    let facts = case.facts.read();
    let question = primitive.ask(&facts)?;
    if let Some(asks) = &case.asks {
        holds(asks, &question, said, "the question");
    }
    let answer = case
        .answer
        .as_ref()
        .unwrap_or_else(|| panic!("{said}: the host is asked, and there is no `answer`"))
        .output();
    let pretended = case.pretended.read();
    let seen = Seen {
        answer: &answer,
        facts: &facts,
        pretended: &pretended,
    };
    let change = match primitive.plan(&seen)? {
        Plan::Unchanged => return Ok(End::Unchanged(primitive.result(&seen, None))),
        Plan::Change(change) => change,
    };
    let mut after = case.pretended.read();
    primitive.pretend(&mut after, &change);
    case.pretends.compare(&after, said);
    let done = case.done.as_ref().map(case::Answer::output);
    if let Some(done) = &done {
        primitive.judge(&change, done)?;
    }
    let result = primitive.result(&seen, done.as_ref());
    Ok(End::Changed(change, result))
}

fn holds(wanted: &Lines, text: &str, said: &str, what: &str) {
    match wanted {
        Lines::Whole(whole) => assert_eq!(text.trim_end(), whole.trim_end(), "{said}: {what}"),
        Lines::Some(parts) => {
            for part in parts {
                assert!(
                    text.contains(part),
                    "{said}: {what} lacks `{part}`:\n{text}"
                );
            }
        }
    }
}

fn check(case: &Case, name: &str, said: &str) {
    let result = match (&case.wanted(said), play(case, name, said)) {
        (Wanted::Change(what), End::Changed(change, result)) => {
            assert_eq!(&change.what, what, "{said}: what");
            if let Some(script) = &case.script {
                holds(script, &change.script, said, "the change");
            }
            if let Some(shown) = &case.shown {
                assert_eq!(&change.shown, shown, "{said}: shown");
            }
            if let Some([before, after]) = &case.diff {
                let diff = change.diff.as_ref();
                let diff = diff.unwrap_or_else(|| panic!("{said}: there is no diff"));
                assert_eq!((&diff.before, &diff.after), (before, after), "{said}: diff");
            }
            keeps_secrets(case, &change, said);
            result
        }
        (Wanted::Unchanged, End::Unchanged(result)) => result,
        (Wanted::Error(kind, what), End::Error(error)) => {
            assert_eq!(
                (&format!("{:?}", error.kind), &error.what),
                (kind, what),
                "{said}: {error}"
            );
            if let Some(cause) = &case.cause {
                assert_eq!(error.causes.first(), cause.as_ref(), "{said}: cause");
            }
            return;
        }
        (_, End::Changed(change, _)) => panic!("{said}: it changes {:?}", change.what),
        (_, End::Error(error)) => panic!("{said}: {error}"),
        (_, End::Unchanged(_)) => panic!("{said}: it changes nothing"),
    };
    if let Some(wanted) = case.result() {
        assert_eq!(result, wanted, "{said}: result");
    }
}

/// No secret of the call stands in what is shown.
fn keeps_secrets(case: &Case, change: &Change, said: &str) {
    let shown = format!("{} {:?} {:?}", change.shown, change.what, change.diff);
    for secret in case.secrets() {
        assert!(
            !shown.contains(&secret),
            "{said}: a secret is shown: {shown}"
        );
    }
}

#[test]
fn primitives_plan_as_their_cases_say() {
    let mut broken = Vec::new();
    for spec in primitive::ALL {
        let name = spec.word.name;
        for (said, case) in cases_of(name) {
            let check = || check(&case, name, &said);
            if std::panic::catch_unwind(check).is_err() {
                broken.push(said.clone());
            }
        }
    }
    assert!(broken.is_empty(), "not as they say: {broken:#?}");
}

#[test]
fn each_primitive_has_a_case_of_each_kind() {
    for spec in primitive::ALL {
        let name = spec.word.name;
        let kinds: BTreeSet<Kind> = cases_of(name).iter().map(|(_, case)| case.kind).collect();
        for kind in Kind::ALL {
            assert!(
                kinds.contains(&kind),
                "`{name}` has no case of kind {kind:?}"
            );
        }
    }
}

#[test]
fn each_folder_of_cases_is_of_a_primitive() {
    for entry in fs::read_dir(folder()).expect("the cases are there") {
        let entry = entry.expect("the folder can be read");
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_folder = entry.file_type().expect("it has a type").is_dir();
        assert!(!is_folder || spec_of(&name).is_some(), "{name}");
    }
}

#[test]
fn an_unknown_key_is_no_case() {
    let wrong = "kind: present\nargs: [/x]\nanswr: {}\nunchanged: true\n";
    let error = serde_yaml::from_str::<Case>(wrong).err();
    let error = error.expect("the key is unknown").to_string();
    assert!(error.contains("answr"), "{error}");
}
