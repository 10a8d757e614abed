//! A parsed document in which every value knows where it was written.

use std::fmt;
use std::sync::Arc;

use indexmap::IndexMap;

use super::value::Value;
use crate::error::Place;

/// A file (or an argument) with its text, shared by every value read from it.
#[derive(Clone)]
pub struct Source {
    inner: Arc<(String, String)>,
}

impl Source {
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Source {
        Source {
            inner: Arc::new((name.into(), text.into())),
        }
    }

    #[must_use]
    pub fn name(&self) -> &str {
        &self.inner.0
    }

    #[must_use]
    pub fn text(&self) -> &str {
        &self.inner.1
    }

    pub(super) fn spot(&self, line: usize, column: usize) -> Spot {
        Spot {
            column,
            line,
            source: self.clone(),
        }
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl PartialEq for Source {
    fn eq(&self, other: &Source) -> bool {
        self.name() == other.name()
    }
}

/// A line and column of a source, both from 1; 0 where there is no such thing.
#[derive(Clone, Debug, PartialEq)]
pub struct Spot {
    pub column: usize,
    pub line: usize,
    pub source: Source,
}

impl Spot {
    /// The place for an error message, with the text of its line.
    #[must_use]
    pub fn place(&self) -> Place {
        let text = match self.line {
            0 => "",
            line => self.source.text().lines().nth(line - 1).unwrap_or(""),
        };
        // A tab moves the caret in a terminal, so it is shown as one blank.
        let text = text.replace('\t', " ").trim_end().to_string();
        Place {
            column: self.column,
            file: self.source.name().to_string(),
            line: self.line,
            text,
        }
    }
}

impl fmt::Display for Spot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.place().fmt(f)
    }
}

#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) at: Spot,
    pub(super) shape: Shape,
}

#[derive(Clone, Debug)]
pub(super) enum Shape {
    List(Vec<Node>),
    Map(Vec<(Node, Node)>),
    Scalar(Value),
}

impl Node {
    pub(super) fn as_str(&self) -> Option<&str> {
        match &self.shape {
            Shape::Scalar(value) => value.as_str(),
            _ => None,
        }
    }

    pub(super) fn is_null(&self) -> bool {
        matches!(&self.shape, Shape::Scalar(Value::Null))
    }

    /// What Python calls false: nothing, an empty text or collection, zero.
    pub(super) fn is_falsy(&self) -> bool {
        match &self.shape {
            Shape::List(items) => items.is_empty(),
            Shape::Map(pairs) => pairs.is_empty(),
            Shape::Scalar(Value::Null | Value::Bool(false) | Value::Int(0)) => true,
            Shape::Scalar(Value::Float(number)) => *number == 0.0,
            Shape::Scalar(value) => value.as_str() == Some(""),
        }
    }

    /// A mapping's key as JSON shows it: numbers and booleans as their text.
    pub(super) fn key_text(&self) -> String {
        match &self.shape {
            Shape::Scalar(Value::Str(text) | Value::Unsafe(text)) => text.clone(),
            Shape::Scalar(other) => other.to_json(),
            _ => self.to_value().to_text(),
        }
    }

    pub(super) fn kind(&self) -> &'static str {
        match &self.shape {
            Shape::List(_) => "a list",
            Shape::Map(_) => "a mapping",
            Shape::Scalar(value) => value.kind(),
        }
    }

    pub(super) fn to_value(&self) -> Value {
        match &self.shape {
            Shape::List(items) => Value::List(items.iter().map(Node::to_value).collect()),
            Shape::Map(pairs) => {
                let mut map = IndexMap::with_capacity(pairs.len());
                for (key, item) in pairs {
                    map.insert(key.key_text(), item.to_value());
                }
                Value::Map(map)
            }
            Shape::Scalar(value) => value.clone(),
        }
    }
}
