//! Mistakes found before anything runs: unknown variables and functions, wrong numbers of arguments, wrong option
//! keys, in every function and closure of a script, also those that would be called last.
//!
//! Rhai's own strict mode stops at closures and does not look at function names; this walks the whole tree.

use std::collections::{BTreeSet, HashMap, HashSet};

use rhai::{AST, ASTNode, Dynamic, Engine, Expr, FnPtr, Position, Stmt};

use super::place;
use crate::error::{Error, nearest};
use crate::primitive::{self, Args};
use crate::value::{Map, Value};

/// One mistake, as an error with its place.
pub struct Problem {
    pub error: Box<Error>,
}

/// Functions that the engine knows as keywords, with their numbers of arguments as functions and as methods.
const KEYWORDS: [(&str, &[usize]); 12] = [
    ("print", &[1]),
    ("debug", &[1]),
    ("type_of", &[1]),
    ("eval", &[1]),
    ("Fn", &[1]),
    ("call", &[1, 2, 3, 4, 5]),
    ("curry", &[1, 2, 3, 4, 5, 6, 7, 8, 9]),
    ("is_shared", &[1]),
    ("is_def_var", &[1]),
    ("is_def_fn", &[2, 3]),
    ("this", &[0]),
    ("call_fn", &[1, 2, 3]),
];

/// Functions that call a closure, with the place of the closure and what it is given.
const CALLERS: [(&str, usize, &str); 6] = [
    ("task", 1, "the host"),
    ("cluster_task", 1, "the hosts of the cluster"),
    ("group", 0, "nothing"),
    ("parallel", 1, "one of the items"),
    ("wait_until", 0, "nothing"),
    ("play", usize::MAX, ""),
];

type Table = HashMap<(String, String), BTreeSet<usize>>;

/// Functions that can be called: module, name, and how many arguments they take.
#[derive(Clone)]
pub struct Known {
    functions: Table,
    imports: HashSet<String>,
}

impl Known {
    pub(super) fn of(engine: &Engine) -> Known {
        let mut functions = Table::new();
        let known = engine.collect_fn_metadata(
            None,
            |info| {
                Some((
                    info.namespace.to_string(),
                    info.metadata.name.to_string(),
                    info.metadata.num_params,
                ))
            },
            true,
        );
        for (namespace, name, count) in known {
            functions
                .entry((namespace, name))
                .or_default()
                .insert(count);
        }
        for (name, counts) in KEYWORDS {
            functions
                .entry((String::new(), name.to_string()))
                .or_default()
                .extend(counts.iter().copied());
        }
        Known {
            functions,
            imports: HashSet::new(),
        }
    }

    /// With the functions and imports of another script.
    #[must_use]
    pub fn and(&self, ast: &AST) -> Known {
        let mut known = self.clone();
        for function in ast.iter_functions() {
            known
                .functions
                .entry((String::new(), function.name.to_string()))
                .or_default()
                .insert(function.params.len());
        }
        known.imports.extend(imports(ast));
        known
    }

    /// Is there a function of this name, with whatever arguments?
    #[must_use]
    pub fn has(&self, namespace: &str, name: &str) -> bool {
        self.functions
            .contains_key(&(namespace.to_string(), name.to_string()))
            || self
                .imports
                .contains(namespace.split("::").next().unwrap_or_default())
    }

    /// The names in a module; without one those that stand alone. Operators and closures are left out.
    #[must_use]
    pub fn names(&self, namespace: &str) -> Vec<&str> {
        let word = |name: &str| {
            name.starts_with(|letter: char| letter.is_ascii_alphabetic()) && !name.contains('$')
        };
        let mut names: Vec<&str> = self
            .functions
            .keys()
            .filter(|(space, name)| space == namespace && word(name))
            .map(|(_, name)| name.as_str())
            .collect();
        names.sort_unstable();
        names
    }

    /// The modules there are.
    #[must_use]
    pub fn modules(&self) -> BTreeSet<&str> {
        self.functions
            .keys()
            .map(|(space, _)| space.as_str())
            .filter(|space| !space.is_empty())
            .chain(self.imports.iter().map(String::as_str))
            .collect()
    }
}

fn imports(ast: &AST) -> Vec<String> {
    let mut names = Vec::new();
    ast.walk(&mut |nodes: &[ASTNode<'_>]| {
        if let Some(ASTNode::Stmt(Stmt::Import(import, _))) = nodes.last() {
            names.push(import.1.name.to_string());
        }
        true
    });
    names
}

struct Checker<'a> {
    closures: HashMap<String, usize>,
    file: &'a str,
    functions: Table,
    imports: HashSet<String>,
    problems: Vec<(Position, Box<Error>)>,
    scopes: Vec<Vec<String>>,
    text: &'a str,
}

/// All mistakes of a script in the order of its text. `globals` are variables it finds in its scope.
pub(super) fn problems(
    known: &Known,
    ast: &AST,
    text: &str,
    file: &str,
    globals: &[&str],
) -> Vec<Problem> {
    let mut closures = HashMap::new();
    for function in ast.iter_functions() {
        if function.name.starts_with("anon$") {
            closures.insert(function.name.to_string(), function.params.len());
        }
    }
    let Known { functions, imports } = known.and(ast);
    let mut checker = Checker {
        closures,
        file,
        functions,
        imports,
        problems: Vec::new(),
        scopes: vec![globals.iter().map(ToString::to_string).collect()],
        text,
    };
    checker.block(ast.statements());
    for function in ast.iter_fn_def() {
        checker.scopes = vec![
            function
                .params
                .iter()
                .map(ToString::to_string)
                .chain(["this".to_string()])
                .collect(),
        ];
        // A function's statements can be had only by walking a tree that holds nothing else.
        let mut alone = ast.clone_functions_only();
        alone.retain_functions(|_, _, name, count| {
            name == function.name && count == function.params.len()
        });
        alone.walk(&mut |nodes: &[ASTNode<'_>]| {
            if let [ASTNode::Stmt(statement)] = nodes {
                checker.statement(statement);
            }
            true
        });
    }
    let mut problems = checker.problems;
    problems.sort_by_key(|(position, _)| {
        (
            position.line().unwrap_or(0),
            position.position().unwrap_or(0),
        )
    });
    problems.dedup_by(|a, b| a.0 == b.0 && a.1.what == b.1.what);
    problems
        .into_iter()
        .map(|(_, error)| Problem { error })
        .collect()
}

impl Checker<'_> {
    fn report(&mut self, position: Position, error: Box<Error>) {
        let at = place(self.file, position, self.text);
        self.problems.push((position, error.at(at)));
    }

    fn declare(&mut self, name: &str) {
        if let Some(scope) = self.scopes.last_mut() {
            scope.push(name.to_string());
        }
    }

    fn block(&mut self, statements: &[Stmt]) {
        self.scopes.push(Vec::new());
        for statement in statements {
            self.statement(statement);
        }
        self.scopes.pop();
    }

    fn statement(&mut self, statement: &Stmt) {
        match statement {
            Stmt::Var(var, ..) => {
                self.expression(&var.1);
                self.declare(&var.0.name);
            }
            Stmt::Assignment(assignment) => {
                self.expression(&assignment.1.lhs);
                self.expression(&assignment.1.rhs);
            }
            Stmt::If(flow, _) | Stmt::While(flow, _) | Stmt::Do(flow, ..) => {
                self.expression(&flow.expr);
                self.block(flow.body.statements());
                self.block(flow.branch.statements());
            }
            Stmt::For(each, _) => {
                self.expression(&each.2.expr);
                self.scopes.push(Vec::new());
                self.declare(&each.0.name);
                if let Some(counter) = &each.1 {
                    self.declare(&counter.name);
                }
                self.block(each.2.body.statements());
                self.scopes.pop();
            }
            Stmt::TryCatch(flow, _) => {
                self.block(flow.body.statements());
                self.scopes.push(Vec::new());
                if let Expr::Variable(name, ..) = &flow.expr {
                    self.declare(&name.1);
                }
                self.block(flow.branch.statements());
                self.scopes.pop();
            }
            Stmt::Switch(switch, _) => {
                self.expression(&switch.0);
                for case in &switch.1.expressions {
                    self.expression(&case.lhs);
                    self.expression(&case.rhs);
                }
            }
            Stmt::FnCall(call, position) => self.call(call, *position, false),
            Stmt::Block(block) => self.block(block.statements()),
            Stmt::Expr(expression) => self.expression(expression),
            Stmt::BreakLoop(Some(value), ..) | Stmt::Return(Some(value), ..) => {
                self.expression(value)
            }
            Stmt::Import(import, _) => self.expression(&import.0),
            _ => {}
        }
    }

    fn expression(&mut self, expression: &Expr) {
        match expression {
            Expr::Variable(variable, _, position) => {
                let name = &variable.1;
                if variable.2.is_empty()
                    && !self
                        .scopes
                        .iter()
                        .flatten()
                        .any(|known| known == name.as_str())
                {
                    self.unknown_variable(name, *position);
                }
            }
            Expr::InterpolatedString(parts, _) | Expr::Array(parts, _) => {
                parts.iter().for_each(|part| self.expression(part))
            }
            Expr::Map(map, _) => map.0.iter().for_each(|(_, value)| self.expression(value)),
            Expr::Stmt(block) => self.block(block.statements()),
            Expr::FnCall(call, position) => self.call(call, *position, false),
            Expr::MethodCall(call, position) => self.call(call, *position, true),
            Expr::Dot(pair, ..) | Expr::Index(pair, ..) => {
                self.expression(&pair.lhs);
                self.expression(&pair.rhs);
            }
            Expr::And(all, _) | Expr::Or(all, _) | Expr::Coalesce(all, _) => {
                all.iter().for_each(|one| self.expression(one))
            }
            _ => {}
        }
    }

    fn unknown_variable(&mut self, name: &str, position: Position) {
        let known: Vec<String> = self.scopes.iter().flatten().cloned().collect();
        let error = Error::config(format!("there is no variable `{name}`"));
        let error = match nearest(name, known.iter().map(String::as_str)) {
            Some(near) => error.hint(format!("did you mean `{near}`?")),
            None => error,
        };
        self.report(position, error);
    }

    fn call(&mut self, call: &rhai::FnCallExpr, position: Position, method: bool) {
        for argument in &call.args {
            self.expression(argument);
        }
        if call.op_token.is_some() {
            return;
        }
        let namespace = call
            .namespace
            .path
            .iter()
            .map(|part| part.name.as_str())
            .collect::<Vec<_>>()
            .join("::");
        let root = call
            .namespace
            .path
            .first()
            .map(|part| part.name.to_string());
        if root
            .as_ref()
            .is_some_and(|root| self.imports.contains(root))
        {
            return;
        }
        let count = call.args.len() + usize::from(method);
        let name = call.name.to_string();
        // A variable that holds a function.
        if namespace.is_empty()
            && !method
            && self.scopes.iter().flatten().any(|known| *known == name)
        {
            return;
        }
        match self.functions.get(&(namespace.clone(), name.clone())) {
            None => self.unknown_function(&namespace, &name, position),
            Some(counts) if !counts.contains(&count) => {
                let shift = usize::from(method);
                let wanted = counts
                    .iter()
                    .filter(|count| **count >= shift)
                    .map(|count| (count - shift).to_string())
                    .collect::<Vec<_>>()
                    .join(" or ");
                let error = Error::config(format!(
                    "`{}` takes {wanted} argument{}, not {}",
                    full(&namespace, &name),
                    if wanted == "1" { "" } else { "s" },
                    count - shift
                ))
                .hint(format!("etcdsh help {name}"));
                self.report(position, error);
            }
            Some(_) => {}
        }
        self.options(call, &name, position, method);
        self.closure(call, &name, position);
    }

    fn unknown_function(&mut self, namespace: &str, name: &str, position: Position) {
        let error = Error::config(format!("there is no function `{}`", full(namespace, name)));
        let here: Vec<&str> = self
            .functions
            .keys()
            .filter(|(space, name)| space == namespace && !name.contains('$'))
            .map(|(_, name)| name.as_str())
            .collect();
        let error = match nearest(name, here.iter().copied()) {
            Some(near) => error.hint(format!("did you mean `{}`?", full(namespace, near))),
            None if !namespace.is_empty() && here.is_empty() => {
                error.because(format!("there is no module `{namespace}`"))
            }
            None => error.hint("etcdsh help"),
        };
        self.report(position, error);
    }

    /// The keys, and the values that are written out, of a primitive's option map.
    fn options(&mut self, call: &rhai::FnCallExpr, name: &str, position: Position, method: bool) {
        let Some(spec) = primitive::find(name) else {
            return;
        };
        let expected = if method { 2 } else { 3 };
        let Some(Expr::Map(map, map_position)) =
            call.args.last().filter(|_| call.args.len() == expected)
        else {
            return;
        };
        for (key, value) in &map.0 {
            let known = literal(value);
            let options: Map = [(key.name.to_string(), known.unwrap_or(Value::Null))].into();
            if let Err(error) = Args::check(spec, Value::Null, options) {
                let at = if key.pos.is_none() {
                    *map_position
                } else {
                    key.pos
                };
                self.report(if at.is_none() { position } else { at }, error);
            }
        }
    }

    /// A closure that will be called with one argument must take one.
    fn closure(&mut self, call: &rhai::FnCallExpr, name: &str, position: Position) {
        let Some((_, wanted, given)) = CALLERS.iter().find(|(caller, ..)| *caller == name) else {
            return;
        };
        let Some((function, curried)) = call.args.last().and_then(closure_of) else {
            return;
        };
        let Some(params) = self.closures.get(&function).copied() else {
            return;
        };
        let takes = params.saturating_sub(curried);
        if *wanted != usize::MAX && takes != *wanted {
            let shape = if *wanted == 0 { "|| ..." } else { "|h| ..." };
            self.report(
                position,
                Error::config(format!(
                    "the function given to `{name}` takes {takes} arguments and gets {given}"
                ))
                .hint(format!("write `{shape}`")),
            );
        }
    }
}

/// The anonymous function behind a closure, and how many variables it has captured.
fn closure_of(expression: &Expr) -> Option<(String, usize)> {
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

fn literal(expression: &Expr) -> Option<Value> {
    let value: Dynamic = match expression {
        Expr::BoolConstant(value, _) => (*value).into(),
        Expr::IntegerConstant(value, _) => (*value).into(),
        Expr::StringConstant(value, _) => value.clone().into(),
        _ => return None,
    };
    Some(super::value::from_rhai(&value))
}

fn full(namespace: &str, name: &str) -> String {
    if namespace.is_empty() {
        name.to_string()
    } else {
        format!("{namespace}::{name}")
    }
}
