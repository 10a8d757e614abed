//! Mistakes found before anything runs: unknown variables, functions and properties, wrong arguments and options, in
//! every function and closure of a script, also those that would be called last.
//!
//! Rhai's own strict mode stops at closures and does not look at function names; this walks the whole tree. What a
//! call may look like comes from the table of words. Start reading at [`problems`], then `walk.rs`, then `call.rs`.

mod behind;
mod call;
mod known;
mod suspect;
mod walk;

use std::collections::HashMap;

use rhai::{AST, ASTNode};

pub use known::Known;
pub(super) use suspect::{problems as suspects, tags};
use walk::Checker;

use super::place;
use crate::error::Error;

/// One mistake, as an error with its place.
pub struct Problem {
    pub error: Box<Error>,
}

/// All mistakes of a script in the order of its text. `globals` are variables it finds in its scope.
pub(super) fn problems(
    known: &Known,
    ast: &AST,
    text: &str,
    file: &str,
    globals: &[&str],
) -> Vec<Problem> {
    let has_others = !known.own.is_empty() || globals.iter().any(|name| *name != "args");
    let known = known.and(ast);
    // What a closure is called with is known when its call has been seen, which may come later.
    let mut given = HashMap::new();
    let mut checker = Checker::new(&known, ast, given);
    checker.has_others |= has_others;
    checker.script(ast, globals);
    given = checker.given;
    let mut checker = Checker::new(&known, ast, given);
    checker.has_others |= has_others;
    checker.script(ast, globals);
    let mut problems = checker.problems;
    problems.sort_by_key(|(at, _)| (at.line().unwrap_or(0), at.position().unwrap_or(0)));
    problems.dedup_by(|a, b| a.0 == b.0 && a.1.what == b.1.what);
    problems
        .into_iter()
        .map(|(position, error)| Problem {
            error: error.at(place(file, position, text)),
        })
        .collect()
}

/// The statements of one function: they can be had only by walking a tree that holds nothing else.
fn each_statement(function: &rhai::ScriptFuncDef, mut act: impl FnMut(&rhai::Stmt)) {
    let mut alone = rhai::Module::new();
    alone.set_script_fn(function.clone());
    AST::new_from_module(alone).walk(&mut |nodes: &[ASTNode<'_>]| {
        if let [ASTNode::Stmt(statement)] = nodes {
            act(statement);
        }
        true
    });
}
