//! The functions that a script can call, and what those of the stdlib return.

use std::any::TypeId;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Arc, Mutex};

use rhai::{AST, ASTNode, Engine, Stmt};

use super::walk::Checker;
use crate::locked::locked;
use crate::word::Type;

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

pub(super) type Table = HashMap<(String, String), BTreeSet<usize>>;

/// Functions that can be called: module, name, and how many arguments they take.
#[derive(Clone)]
pub struct Known {
    pub(super) functions: Table,
    pub(super) imports: HashSet<String>,
    /// What functions of the stdlib return, as far as somebody has asked.
    learned: Arc<Mutex<HashMap<String, Type>>>,
    /// Functions of the script itself: their names and numbers of parameters.
    pub(super) own: HashSet<(String, usize)>,
    /// Of functions that stand alone: what they take first, by name and number of arguments.
    takers: HashMap<String, HashSet<(usize, TypeId)>>,
    /// The modules of the stdlib by name.
    stdlib: Vec<(String, AST)>,
}

impl Known {
    pub(in crate::script) fn of(engine: &Engine) -> Known {
        let mut functions = Table::new();
        let known = engine.collect_fn_metadata(
            None,
            |info| {
                Some((
                    info.namespace.to_string(),
                    info.metadata.name.to_string(),
                    info.metadata.num_params,
                    info.metadata.param_types.first().copied(),
                ))
            },
            true,
        );
        let mut takers: HashMap<String, HashSet<(usize, TypeId)>> = HashMap::new();
        for (namespace, name, count, first) in known {
            if let Some(first) = first.filter(|_| namespace.is_empty()) {
                takers
                    .entry(name.clone())
                    .or_default()
                    .insert((count, first));
            }
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
            learned: Arc::default(),
            own: HashSet::new(),
            takers,
            stdlib: Vec::new(),
        }
    }

    /// With the modules of the stdlib, to see what their functions return.
    pub(in crate::script) fn with_stdlib(mut self, stdlib: &[(String, AST)]) -> Known {
        self.stdlib = stdlib.to_vec();
        self
    }

    /// What a function of the stdlib returns, where that can be told from its text.
    pub(super) fn gives(&self, module: &str, name: &str, count: usize) -> Type {
        let full = format!("{module}::{name}/{count}");
        if let Some(gives) = locked(&self.learned).get(&full) {
            return *gives;
        }
        // Asked again on the way, it would be a function that calls itself.
        locked(&self.learned).insert(full.clone(), Type::Any);
        let ast = self.stdlib.iter().find(|(known, _)| known == module);
        let function = ast.and_then(|(_, ast)| {
            ast.iter_fn_def()
                .find(|function| function.name == name && function.params.len() == count)
        });
        let gives = function.map_or(Type::Any, |function| {
            Checker::of_module(self, module).function(function)
        });
        locked(&self.learned).insert(full, gives);
        gives
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
            let own = (function.name.to_string(), function.params.len());
            known.own.insert(own);
        }
        known.imports.extend(imports(ast));
        known
    }

    /// The numbers of arguments with which a value of this type can stand before the point of such a call; `None` where
    /// that is the engine's own affair.
    pub(super) fn counts_behind(&self, name: &str, value: TypeId) -> Option<BTreeSet<usize>> {
        if KEYWORDS.iter().any(|(keyword, _)| *keyword == name) {
            return None;
        }
        let any = TypeId::of::<rhai::Dynamic>();
        let takers = self.takers.get(name).into_iter().flatten();
        let fitting = takers.filter(|(_, first)| *first == value || *first == any);
        Some(fitting.map(|(count, _)| count - 1).collect())
    }

    /// Has the script a function of its own for such a call? One that is called after a point has the value as `this`.
    pub(super) fn is_own(&self, name: &str, args: usize, method: bool) -> bool {
        let own = |count: usize| self.own.contains(&(name.to_string(), count));
        own(args) || (method && own(args + 1))
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

pub(super) fn imports(ast: &AST) -> Vec<String> {
    let mut names = Vec::new();
    ast.walk(&mut |nodes: &[ASTNode<'_>]| {
        if let Some(ASTNode::Stmt(Stmt::Import(import, _))) = nodes.last() {
            names.push(import.1.name.to_string());
        }
        true
    });
    names
}
