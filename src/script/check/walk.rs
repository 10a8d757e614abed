//! The walk through a script: which variables there are, and of what type they are where that can be told.

use std::collections::{HashMap, HashSet};

use rhai::{AST, ASTNode, Expr, Position, ScriptFuncDef, Stmt};

use super::call::closure_of;
use super::{Known, each_statement};
use crate::error::{Error, nearest};
use crate::script::foreign;
use crate::script::words::bind::no_property;
use crate::word::{Gets, Of, Type};

/// What a closure's parameters are, by the closure's own name.
pub(super) type Given = HashMap<String, Vec<Type>>;

pub(super) struct Checker<'a> {
    pub(super) closures: HashMap<String, Vec<String>>,
    pub(super) given: Given,
    pub(super) known: &'a Known,
    /// The module of the stdlib whose results are asked for: its mistakes are not. `None` for a script.
    pub(super) module: Option<String>,
    pub(super) problems: Vec<(Position, Box<Error>)>,
    pub(super) scopes: Vec<Vec<(String, Type)>>,
    /// Keys of maps: behind one there may be a function.
    keys: HashSet<String>,
    /// There are values from elsewhere: of another script, or of earlier lines of the console.
    pub(super) has_others: bool,
    /// Variables that change somewhere: they may be anything.
    unsteady: HashSet<String>,
}

impl<'a> Checker<'a> {
    pub(super) fn new(known: &'a Known, ast: &AST, given: Given) -> Checker<'a> {
        let closures = ast
            .iter_functions()
            .filter(|function| function.name.starts_with("anon$"))
            .map(|function| {
                let params = function.params.iter().map(ToString::to_string);
                (function.name.to_string(), params.collect())
            })
            .collect();
        Checker {
            closures,
            given,
            known,
            module: None,
            problems: Vec::new(),
            scopes: Vec::new(),
            keys: keys(ast),
            has_others: !known.imports.is_empty(),
            unsteady: unsteady(ast),
        }
    }

    /// One that tells what functions of a module of the stdlib return, and looks into no closure.
    pub(super) fn of_module(known: &'a Known, module: &str) -> Checker<'a> {
        Checker {
            closures: HashMap::new(),
            given: Given::new(),
            known,
            module: Some(module.to_string()),
            problems: Vec::new(),
            scopes: Vec::new(),
            keys: HashSet::new(),
            has_others: false,
            unsteady: HashSet::new(),
        }
    }

    /// The statements, then every function and closure.
    pub(super) fn script(&mut self, ast: &AST, globals: &[&str]) {
        let globals = globals.iter().map(|name| ((*name).to_string(), Type::Any));
        self.scopes = vec![globals.collect()];
        self.block(ast.statements());
        for function in ast.iter_fn_def() {
            self.function(function);
        }
    }

    /// One function, and the type of what it returns.
    pub(super) fn function(&mut self, function: &ScriptFuncDef) -> Type {
        let given = self.given.get(function.name.as_str()).cloned();
        let types = given.unwrap_or_default();
        let params = function.params.iter().enumerate().map(|(place, name)| {
            let takes = types.get(place).copied().unwrap_or(Type::Any);
            (name.to_string(), takes)
        });
        let this = ("this".to_string(), Type::Any);
        self.scopes = vec![params.chain([this]).collect()];
        let mut last = Type::Nothing;
        each_statement(function, |statement| last = self.statement(statement));
        last
    }

    /// Could `value.name(...)` call a function that a map holds? What is known of nothing but its name could be a map.
    pub(super) fn may_be_a_key(&self, name: &str, value: Option<Type>) -> bool {
        matches!(value, Some(Type::Any | Type::Map | Type::Variables))
            && (self.keys.contains(name) || self.keys.contains(ANY_KEY) || self.has_others)
    }

    pub(super) fn report(&mut self, position: Position, error: Box<Error>) {
        self.problems.push((position, error));
    }

    fn declare(&mut self, name: &str, gives: Type) {
        let gives = if self.unsteady.contains(name) {
            Type::Any
        } else {
            gives
        };
        if let Some(scope) = self.scopes.last_mut() {
            scope.push((name.to_string(), gives));
        }
    }

    /// The type of a variable, `None` when there is none of the name.
    pub(super) fn variable(&self, name: &str) -> Option<Type> {
        let mut all = self
            .scopes
            .iter()
            .rev()
            .flat_map(|scope| scope.iter().rev());
        all.find(|(known, _)| known == name)
            .map(|(_, gives)| *gives)
    }

    /// A variable that is assigned to may be anything from then on.
    fn forget(&mut self, name: &str) {
        let all = self.scopes.iter_mut().flatten();
        for (_, gives) in all.filter(|(known, _)| known == name) {
            *gives = Type::Any;
        }
    }

    fn block(&mut self, statements: &[Stmt]) -> Type {
        self.scopes.push(Vec::new());
        let mut last = Type::Nothing;
        for statement in statements {
            last = self.statement(statement);
        }
        self.scopes.pop();
        last
    }

    fn statement(&mut self, statement: &Stmt) -> Type {
        match statement {
            Stmt::Var(var, ..) => {
                let gives = self.expression(&var.1);
                self.declare(&var.0.name, gives);
            }
            Stmt::Assignment(assignment) => {
                let before = self.problems.len();
                self.expression(&assignment.1.lhs);
                if let (Expr::Variable(variable, ..), Some((_, error))) =
                    (&assignment.1.lhs, self.problems.get_mut(before))
                    && error.hints.is_empty()
                {
                    error.hints.push(format!("let {} = ...", variable.1).into());
                }
                self.expression(&assignment.1.rhs);
                if let Expr::Variable(variable, ..) = &assignment.1.lhs {
                    self.forget(&variable.1);
                }
            }
            Stmt::If(flow, _) => {
                self.expression(&flow.expr);
                let (yes, no) = (
                    self.block(flow.body.statements()),
                    self.block(flow.branch.statements()),
                );
                return if yes == no { yes } else { Type::Any };
            }
            Stmt::While(flow, _) | Stmt::Do(flow, ..) => {
                self.expression(&flow.expr);
                self.block(flow.body.statements());
                self.block(flow.branch.statements());
            }
            Stmt::For(each, _) => {
                let items = self.expression(&each.2.expr);
                self.scopes.push(Vec::new());
                self.declare(&each.0.name, item_of(items));
                if let Some(counter) = &each.1 {
                    self.declare(&counter.name, Type::Int);
                }
                self.block(each.2.body.statements());
                self.scopes.pop();
            }
            Stmt::TryCatch(flow, _) => {
                self.block(flow.body.statements());
                self.scopes.push(Vec::new());
                if let Expr::Variable(name, ..) = &flow.expr {
                    self.declare(&name.1, Type::Any);
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
            Stmt::FnCall(call, position) => return self.call(call, *position, None),
            Stmt::Block(block) => return self.block(block.statements()),
            Stmt::Expr(expression) => return self.expression(expression),
            Stmt::BreakLoop(Some(value), ..) => self.visit(value),
            Stmt::Return(Some(value), ..) => return self.expression(value),
            Stmt::Import(import, _) => self.import(&import.0),
            _ => {}
        }
        Type::Any
    }

    /// `import os`: what is no name of a file in quotes.
    fn import(&mut self, file: &Expr) {
        match file {
            Expr::Variable(name, _, at) if self.variable(&name.1).is_none() => {
                self.report(
                    *at,
                    Error::config(foreign::IMPORT).hint(foreign::import(&name.1)),
                );
            }
            _ => self.visit(file),
        }
    }

    fn visit(&mut self, expression: &Expr) {
        let _ = self.expression(expression);
    }

    /// The type of what an expression gives; of a closure that it is a function, and of how many parameters.
    pub(super) fn expression(&mut self, expression: &Expr) -> Type {
        let gives = self.value_of(expression);
        let function = closure_of(expression);
        let params = function.and_then(|(name, curried)| {
            let params = self.closures.get(&name)?;
            Some(params.len().saturating_sub(curried))
        });
        params.map_or(gives, |count| Type::Function(count, Gets::Item))
    }

    fn value_of(&mut self, expression: &Expr) -> Type {
        match expression {
            Expr::Variable(variable, _, position) => {
                let name = &variable.1;
                if !variable.2.is_empty() {
                    return Type::Any;
                }
                let found = self.variable(name);
                if found.is_none() && self.module.is_none() {
                    self.unknown_variable(name, *position);
                }
                return found.unwrap_or(Type::Any);
            }
            Expr::InterpolatedString(parts, _) => {
                parts.iter().for_each(|part| self.visit(part));
                return Type::Text;
            }
            Expr::Array(parts, _) => {
                let kinds: Vec<Type> = parts.iter().map(|part| self.expression(part)).collect();
                let hosts = !kinds.is_empty() && kinds.iter().all(|kind| *kind == Type::Host);
                return if hosts { Type::Hosts } else { Type::Array };
            }
            Expr::Map(map, _) => {
                map.0.iter().for_each(|(_, value)| self.visit(value));
                return Type::Map;
            }
            Expr::StringConstant(..) => return Type::Text,
            Expr::IntegerConstant(..) => return Type::Int,
            Expr::BoolConstant(..) => return Type::Bool,
            Expr::Stmt(block) => return self.block(block.statements()),
            Expr::FnCall(call, position) => return self.call(call, *position, None),
            Expr::Dot(..) | Expr::Index(..) => return self.chain(None, expression),
            Expr::And(all, _) | Expr::Or(all, _) | Expr::Coalesce(all, _) => {
                all.iter().for_each(|one| self.visit(one));
            }
            _ => {}
        }
        Type::Any
    }

    /// `a.b[c].d()`: each part stands after a value of the type of the part before it.
    fn chain(&mut self, before: Option<Type>, expression: &Expr) -> Type {
        match (before, expression) {
            (_, Expr::Dot(pair, ..)) => {
                let value = self.chain(before, &pair.lhs);
                self.chain(Some(value), &pair.rhs)
            }
            (_, Expr::Index(pair, ..)) => {
                let value = self.chain(before, &pair.lhs);
                match &pair.rhs {
                    // What follows the brackets hangs below the index.
                    rest @ (Expr::Dot(inner, ..) | Expr::Index(inner, ..)) => {
                        self.expression(&inner.lhs);
                        let _ = rest;
                        self.chain(Some(item_of(value)), &inner.rhs)
                    }
                    index => {
                        self.expression(index);
                        item_of(value)
                    }
                }
            }
            (Some(value), Expr::Property(property, position)) => {
                self.property(value, &property.2, *position)
            }
            (Some(value), Expr::MethodCall(call, position)) => {
                self.call(call, *position, Some(value))
            }
            (_, other) => self.expression(other),
        }
    }

    fn property(&mut self, value: Type, name: &str, position: Position) -> Type {
        let of = match value {
            Type::Authority => Of::Authority,
            Type::Client => Of::Client,
            Type::Host => Of::Host,
            Type::Time => Of::Time,
            _ => return Type::Any,
        };
        let mut words = crate::script::words::named(name);
        match words.find(|word| word.of == of && word.property) {
            Some(word) => word.gives,
            None => {
                self.report(position, no_property(of, name));
                Type::Any
            }
        }
    }

    fn unknown_variable(&mut self, name: &str, position: Position) {
        let known: Vec<String> = self
            .scopes
            .iter()
            .flatten()
            .map(|(known, _)| known.clone())
            .collect();
        let error = Error::config(format!("there is no variable `{name}`"));
        let near = nearest(name, known.iter().map(String::as_str));
        let word = crate::script::words::all().find(|word| word.name == name && !word.property);
        let error = match (foreign::of_name(name), near, word) {
            (Some(instead), ..) => error.hint(instead),
            (_, Some(near), _) => error.hint(format!("did you mean `{near}`?")),
            (_, _, Some(word)) => error
                .because("it is a function")
                .hint(format!("write `{}`", word.signature())),
            _ => error,
        };
        self.report(position, error);
    }
}

/// What a list holds.
pub(super) fn item_of(items: Type) -> Type {
    match items {
        Type::Hosts => Type::Host,
        _ => Type::Any,
    }
}

/// Methods that change the list they are called on.
const CHANGING: [&str; 12] = [
    "append", "chop", "clear", "drain", "extract", "insert", "pad", "push", "retain", "set",
    "splice", "truncate",
];

/// The names that are assigned to, or changed through, anywhere in a script.
fn unsteady(ast: &AST) -> HashSet<String> {
    let mut names = HashSet::new();
    ast.walk(&mut |nodes: &[ASTNode<'_>]| {
        match nodes.last() {
            Some(ASTNode::Stmt(Stmt::Assignment(assignment))) => {
                names.extend(root(&assignment.1.lhs));
            }
            Some(ASTNode::Expr(chain @ Expr::Dot(pair, ..))) => {
                if let Expr::MethodCall(call, _) = &pair.rhs
                    && CHANGING.contains(&call.name.as_str())
                {
                    names.extend(root(chain));
                }
            }
            _ => {}
        }
        true
    });
    names
}

/// A key that is only known when the script runs.
const ANY_KEY: &str = "";

/// The keys that are written or set anywhere in a script.
fn keys(ast: &AST) -> HashSet<String> {
    let mut names = HashSet::new();
    ast.walk(&mut |nodes: &[ASTNode<'_>]| {
        match nodes.last() {
            Some(ASTNode::Expr(Expr::Map(map, _))) => {
                names.extend(map.0.iter().map(|(key, _)| key.name.to_string()));
            }
            Some(ASTNode::Stmt(Stmt::Assignment(assignment))) => {
                names.extend(key_set(&assignment.1.lhs));
            }
            _ => {}
        }
        true
    });
    names
}

/// The last key of what is assigned to.
fn key_set(target: &Expr) -> Option<String> {
    match target {
        Expr::Dot(pair, ..) | Expr::Index(pair, ..)
            if matches!(pair.rhs, Expr::Dot(..) | Expr::Index(..)) =>
        {
            key_set(&pair.rhs)
        }
        Expr::Dot(pair, ..) => match &pair.rhs {
            Expr::Property(property, _) => Some(property.2.to_string()),
            _ => None,
        },
        Expr::Index(pair, ..) => match &pair.rhs {
            Expr::StringConstant(key, _) => Some(key.to_string()),
            Expr::IntegerConstant(..) => None,
            _ => Some(ANY_KEY.to_string()),
        },
        _ => None,
    }
}

/// The variable that a chain begins with.
fn root(expression: &Expr) -> Option<String> {
    match expression {
        Expr::Variable(variable, ..) => Some(variable.1.to_string()),
        Expr::Dot(pair, ..) | Expr::Index(pair, ..) => root(&pair.lhs),
        _ => None,
    }
}
