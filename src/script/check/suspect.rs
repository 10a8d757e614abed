//! Names in texts that nobody declares: tasks that `run` and `selected` name, parameters after `h.vars.` and in `vars`.
//!
//! A variable in `${...}` stands in double quotes, where it is not read.
//!
//! A name of one's own is no mistake, so only those are reported that look like a known one or begin like all of them.

use std::collections::BTreeSet;

use rhai::{AST, ASTNode, Expr, Position, Stmt};

use super::Problem;
use crate::error::{Error, nearest};
use crate::script::{Script, World, place};

/// What every parameter of the flow begins with.
const PREFIX: &str = "etcd_";

struct Names<'a> {
    found: Vec<(Position, Box<Error>)>,
    parameters: &'a [String],
    tasks: &'a BTreeSet<String>,
    variables: &'a BTreeSet<String>,
}

/// `flow` is the bundled script that `run("etcd", ...)` runs.
pub(in crate::script) fn problems(
    ast: &AST,
    flow: Option<&AST>,
    script: &Script,
    world: &World,
) -> Vec<Problem> {
    let parameters: Vec<String> = crate::script::parameters(world)
        .into_iter()
        .map(|parameter| parameter.name)
        .collect();
    let tasks: BTreeSet<String> = flow.into_iter().chain([ast]).flat_map(declared).collect();
    let mut names = Names {
        found: Vec::new(),
        parameters: &parameters,
        tasks: &tasks,
        variables: &variables(ast),
    };
    ast.walk(&mut |nodes: &[ASTNode<'_>]| {
        match nodes.last() {
            Some(ASTNode::Expr(expression)) => names.expression(expression),
            Some(ASTNode::Stmt(Stmt::FnCall(call, _))) => names.call(call),
            _ => {}
        }
        true
    });
    names
        .found
        .into_iter()
        .map(|(position, error)| Problem {
            error: error.at(place(&script.name, position, &script.text)),
        })
        .collect()
}

/// Tasks and groups as a script declares them, each with what it says of itself, then their other names. Nothing is run.
pub(in crate::script) fn tags(ast: &AST) -> Vec<(String, String)> {
    let mut all: Vec<(String, String)> = Vec::new();
    ast.walk(&mut |nodes: &[ASTNode<'_>]| {
        let Some(ASTNode::Expr(Expr::FnCall(call, _)) | ASTNode::Stmt(Stmt::FnCall(call, _))) =
            nodes.last()
        else {
            return true;
        };
        let mut texts = call.args.iter().map(text);
        if ["task", "cluster_task", "group"].contains(&call.name.as_str())
            && let Some(Some(name)) = texts.next()
        {
            all.push((name, texts.next().flatten().unwrap_or_default()));
        }
        true
    });
    for name in declared(ast) {
        if all.iter().all(|(known, _)| *known != name) {
            all.push((name, String::new()));
        }
    }
    all
}

/// The tags that a script declares: names of tasks and groups, their aliases and variants.
fn declared(ast: &AST) -> BTreeSet<String> {
    let mut tags = BTreeSet::new();
    ast.walk(&mut |nodes: &[ASTNode<'_>]| {
        let Some(ASTNode::Expr(Expr::FnCall(call, _)) | ASTNode::Stmt(Stmt::FnCall(call, _))) =
            nodes.last()
        else {
            return true;
        };
        if !["task", "cluster_task", "group"].contains(&call.name.as_str()) {
            return true;
        }
        tags.extend(call.args.first().and_then(text));
        for arg in &call.args {
            let Expr::Map(map, _) = arg else { continue };
            for (key, value) in &map.0 {
                if ["alias", "variant"].contains(&key.name.as_str()) {
                    match value {
                        Expr::Array(parts, _) => tags.extend(parts.iter().filter_map(text)),
                        other => tags.extend(text(other)),
                    }
                }
            }
        }
        true
    });
    tags
}

/// The variables and parameters of a script, wherever they are.
fn variables(ast: &AST) -> BTreeSet<String> {
    let params = ast.iter_functions().flat_map(|function| function.params);
    let mut names: BTreeSet<String> = params.map(ToString::to_string).collect();
    ast.walk(&mut |nodes: &[ASTNode<'_>]| {
        match nodes.last() {
            Some(ASTNode::Stmt(Stmt::Var(var, ..))) => drop(names.insert(var.0.name.to_string())),
            Some(ASTNode::Stmt(Stmt::For(each, _))) => drop(names.insert(each.0.name.to_string())),
            _ => {}
        }
        true
    });
    names
}

fn text(expression: &Expr) -> Option<String> {
    match expression {
        Expr::StringConstant(text, _) => Some(text.to_string()),
        _ => None,
    }
}

impl Names<'_> {
    fn expression(&mut self, expression: &Expr) {
        match expression {
            Expr::FnCall(call, _) | Expr::MethodCall(call, _) => self.call(call),
            Expr::StringConstant(text, position) => self.interpolated(text, *position),
            Expr::Dot(pair, ..) => {
                if let Expr::Property(property, _) = &pair.lhs
                    && property.2 == "vars"
                {
                    match &pair.rhs {
                        Expr::Property(name, position) => self.parameter(&name.2, *position),
                        Expr::Dot(rest, ..) | Expr::Index(rest, ..) => {
                            if let Expr::Property(name, position) = &rest.lhs {
                                self.parameter(&name.2, *position);
                            }
                        }
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }

    fn call(&mut self, call: &rhai::FnCallExpr) {
        match call.name.as_str() {
            "run" => {
                let bundled = matches!(call.args.first(), Some(Expr::StringConstant(name, _)) if name == "etcd");
                if let (true, Some(Expr::Map(map, _))) = (bundled, call.args.last()) {
                    for (key, value) in &map.0 {
                        match (key.name.as_str(), value) {
                            ("tags", Expr::StringConstant(tags, position)) => tags
                                .split(',')
                                .for_each(|tag| self.task(tag.trim(), *position)),
                            ("vars", Expr::Map(vars, _)) => vars
                                .0
                                .iter()
                                .for_each(|(name, _)| self.parameter(&name.name, name.pos)),
                            _ => {}
                        }
                    }
                }
            }
            "selected" | "named_tag" => {
                if let Some(Expr::StringConstant(tag, position)) = call.args.last() {
                    self.task(tag, *position);
                }
            }
            "var" => {
                if let Some(Expr::StringConstant(name, position)) = call
                    .args
                    .iter()
                    .find(|arg| matches!(arg, Expr::StringConstant(..)))
                {
                    self.parameter(name, *position);
                }
            }
            _ => {}
        }
    }

    /// `"a ${x}"` where `x` is a variable of the script. A shell's own variable is one that the text sets.
    fn interpolated(&mut self, text: &str, position: Position) {
        let names = text.split("${").skip(1);
        let mut names = names.filter_map(|rest| rest.split_once('}'));
        let read =
            |name: &str| self.variables.contains(name) && !text.contains(&format!("{name}="));
        if let Some((name, _)) = names.find(|(name, _)| read(name)) {
            let what = format!("`${{{name}}}` is not read in double quotes");
            let hint = format!("`${{{name}}}`   # a text with values in it stands in backticks");
            self.found.push((position, Error::config(what).hint(hint)));
        }
    }

    fn task(&mut self, name: &str, position: Position) {
        if self.tasks.contains(name) || ["all", "always"].contains(&name) {
            return;
        }
        let error = Error::config(format!("no task has the tag `{name}`"));
        self.report(
            position,
            error,
            nearest(name, self.tasks.iter().map(String::as_str)),
        );
    }

    fn parameter(&mut self, name: &str, position: Position) {
        if !name.starts_with(PREFIX) || self.parameters.iter().any(|known| known == name) {
            return;
        }
        let error = Error::config(format!("there is no parameter `{name}`"));
        self.report(
            position,
            error,
            nearest(name, self.parameters.iter().map(String::as_str)),
        );
    }

    fn report(&mut self, position: Position, error: Box<Error>, near: Option<&str>) {
        let error = match near {
            Some(near) => error.hint(format!("did you mean `{near}`?")),
            None => error,
        };
        self.found.push((position, error));
    }
}
