//! YAML 1.1 as Ansible reads it: events of a YAML parser composed into nodes that know their place.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span, StrInput};

use super::broken;
use super::lenient::Lenient;
use super::node::{Node, Shape, Source, Spot};
use super::tag::{self, Mood};
use super::value::Value;
use super::vault::{self, Closed};
use super::{Warnings, json};
use crate::error::{Error, Result};

/// More nodes than this come from aliases of aliases, not from a person.
const NODES: usize = 1_000_000;
const DEPTH: usize = 200;

/// Read one document: JSON when it is JSON, else YAML. `None` when there is nothing in it.
pub(super) fn read(source: &Source, warnings: &mut Warnings) -> Result<Option<Node>> {
    if vault::is_encrypted(source.text()) {
        return Err(Closed::NoPassword.error(&format!("`{}`", source.name())));
    }
    // Ansible tries JSON first, and the two differ: `1e3` is a number only in JSON.
    if let Ok(node) = json::parse(source) {
        return Ok(Some(node));
    }
    read_yaml(source, warnings)
}

fn read_yaml(source: &Source, warnings: &mut Warnings) -> Result<Option<Node>> {
    let mut text = Lenient::new(source);
    loop {
        let mut found = Warnings::new();
        let attempt = Composer::new(source, &text, &mut found).document();
        match attempt {
            Ok(node) => {
                warnings.append(&mut found);
                return Ok(node);
            }
            Err(Trouble::Ours(error)) => return Err(error),
            Err(Trouble::Parser { error, flow, quote }) => {
                if !text.give_way(&error, flow, quote) {
                    return Err(broken::explain(source, &error));
                }
            }
        }
    }
}

/// Why a document could not be composed.
enum Trouble {
    Ours(Box<Error>),
    /// The parser refused the text: inside of brackets or not, and the line where a quote may have been opened.
    Parser {
        error: ScanError,
        flow: bool,
        quote: usize,
    },
}

impl From<Box<Error>> for Trouble {
    fn from(error: Box<Error>) -> Trouble {
        Trouble::Ours(error)
    }
}

type Composed<T> = std::result::Result<T, Trouble>;

struct Composer<'a> {
    anchors: HashMap<usize, (Node, usize)>,
    /// Nodes so far, each alias counted as all it stands for.
    count: usize,
    /// The first letters of the collections that are open: brackets, or those of a first key.
    open: Vec<char>,
    parser: Parser<'a, StrInput<'a>>,
    /// Where the last event ended, as line and column from 1.
    reached: (usize, usize),
    source: &'a Source,
    text: &'a Lenient,
    warnings: &'a mut Warnings,
}

type Next<'a> = (Event<'a>, Spot);

impl<'a> Composer<'a> {
    fn new(source: &'a Source, text: &'a Lenient, warnings: &'a mut Warnings) -> Composer<'a> {
        Composer {
            anchors: HashMap::new(),
            count: 0,
            open: Vec::new(),
            parser: Parser::new_from_str(text.text()),
            reached: (1, 1),
            source,
            text,
            warnings,
        }
    }

    fn next(&mut self) -> Composed<Next<'a>> {
        match self.parser.next_event() {
            Some(Ok((event, span))) => {
                let start = &span.start;
                match event {
                    Event::SequenceStart(..) | Event::MappingStart(..) => {
                        self.open
                            .push(self.text.letter(start.line(), start.col()).unwrap_or(' '));
                    }
                    Event::SequenceEnd | Event::MappingEnd => {
                        self.open.pop();
                    }
                    _ => {}
                }
                self.reached = (span.end.line(), span.end.col() + 1);
                Ok((self.cut_at_end(event, &span), self.spot(&span)))
            }
            Some(Err(error)) => {
                let (line, column) = self.reached;
                let flow = self
                    .open
                    .last()
                    .is_some_and(|letter| "[{".contains(*letter))
                    || self
                        .text
                        .opens_bracket((line, column), error.marker().line());
                Err(Trouble::Parser {
                    error,
                    flow,
                    quote: line,
                })
            }
            None => Ok((Event::StreamEnd, self.source.spot(0, 0))),
        }
    }

    /// A block at the very end of a file without a last newline has none either.
    fn cut_at_end(&self, event: Event<'a>, span: &Span) -> Event<'a> {
        match event {
            Event::Scalar(
                text,
                style @ (ScalarStyle::Literal | ScalarStyle::Folded),
                anchor,
                tag,
            ) if !self.text.text().ends_with('\n')
                && self.text.is_end(span.end.index())
                && text.ends_with('\n') =>
            {
                Event::Scalar(
                    text[..text.len() - 1].to_string().into(),
                    style,
                    anchor,
                    tag,
                )
            }
            event => event,
        }
    }

    fn spot(&self, span: &Span) -> Spot {
        let (line, column) = self.text.place(span.start.line(), span.start.col() + 1);
        self.source.spot(line, column)
    }

    fn document(&mut self) -> Composed<Option<Node>> {
        let mut found = None;
        loop {
            let (event, at) = self.next()?;
            match event {
                Event::StreamEnd => return Ok(found),
                Event::DocumentStart(_) if found.is_some() => {
                    return Err(second_document(&at).into());
                }
                Event::DocumentStart(_) => {
                    let next = self.next()?;
                    found = Some(self.node(next, Mood::Plain, 0)?);
                }
                _ => {}
            }
        }
    }

    fn node(&mut self, (event, at): Next<'a>, mood: Mood, depth: usize) -> Composed<Node> {
        self.count += 1;
        if depth > DEPTH || self.count > NODES {
            return Err(too_much(&at).into());
        }
        let before = self.count;
        let (anchor, node) = match event {
            Event::Alias(anchor) => return self.alias(anchor, &at, mood),
            Event::Scalar(text, style, anchor, tag) => (
                anchor,
                Node {
                    shape: Shape::Scalar(tag::scalar(&text, style, tag.as_deref(), &at, mood)?),
                    at,
                },
            ),
            Event::SequenceStart(anchor, tag) => {
                let mood = tag::collection(tag.as_deref(), "seq", &at, mood)?;
                (
                    anchor,
                    Node {
                        shape: self.list(mood, depth)?,
                        at,
                    },
                )
            }
            Event::MappingStart(anchor, tag) => {
                let mood = tag::collection(tag.as_deref(), "map", &at, mood)?;
                (
                    anchor,
                    Node {
                        shape: self.map(mood, depth)?,
                        at,
                    },
                )
            }
            _ => (
                0,
                Node {
                    at,
                    shape: Shape::Scalar(Value::Null),
                },
            ),
        };
        if anchor > 0 {
            self.anchors
                .insert(anchor, (node.clone(), self.count - before + 1));
        }
        Ok(node)
    }

    fn alias(&mut self, anchor: usize, at: &Spot, mood: Mood) -> Composed<Node> {
        let Some((node, size)) = self.anchors.get(&anchor) else {
            return Err(Error::config("an alias inside the value it stands for")
                .at(at.place())
                .into());
        };
        self.count += size;
        if self.count > NODES {
            return Err(too_much(at).into());
        }
        let mut node = node.clone();
        if mood == Mood::Unsafe {
            tag::distrust(&mut node);
        }
        Ok(node)
    }

    fn list(&mut self, mood: Mood, depth: usize) -> Composed<Shape> {
        let mut items = Vec::new();
        loop {
            let next = self.next()?;
            if next.0 == Event::SequenceEnd {
                return Ok(Shape::List(items));
            }
            items.push(self.node(next, mood, depth + 1)?);
        }
    }

    fn map(&mut self, mood: Mood, depth: usize) -> Composed<Shape> {
        let mut own: Vec<(Node, Node)> = Vec::new();
        let mut seen: HashMap<String, usize> = HashMap::new();
        let mut merged: Vec<(Node, Node)> = Vec::new();
        loop {
            let next = self.next()?;
            if next.0 == Event::MappingEnd {
                break;
            }
            if is_plain(&next.0, "<<") {
                let value = self.next()?;
                let value = self.node(value, mood, depth + 1)?;
                merged.extend(merge_pairs(value)?);
                continue;
            }
            let key = self.key(next, mood, depth)?;
            let value = self.next()?;
            let value = self.node(value, mood, depth + 1)?;
            match seen.get(&key.key_text()) {
                Some(&index) => {
                    self.warn_duplicate(&key, &own[index].0);
                    // The value is the last one, the place in the order the first one.
                    own[index] = (key, value);
                }
                None => {
                    seen.insert(key.key_text(), own.len());
                    own.push((key, value));
                }
            }
        }
        Ok(Shape::Map(join(merged, own)))
    }

    fn key(&mut self, next: Next<'a>, mood: Mood, depth: usize) -> Composed<Node> {
        if is_plain(&next.0, "=") {
            return Ok(Node {
                at: next.1,
                shape: Shape::Scalar(Value::from("=")),
            });
        }
        let key = self.node(next, mood, depth + 1)?;
        match key.shape {
            Shape::Scalar(Value::Vault(_)) | Shape::List(_) | Shape::Map(_) => {
                Err(broken::bad_key(&key, self.source).into())
            }
            Shape::Scalar(_) => Ok(key),
        }
    }

    fn warn_duplicate(&mut self, key: &Node, first: &Node) {
        self.warnings.push(format!(
            "{}:{}: key `{}` is given again (first on line {}), the last one is used",
            self.source.name(),
            key.at.line,
            key.key_text(),
            first.at.line
        ));
    }
}

fn second_document(at: &Spot) -> Box<Error> {
    Error::config("a second YAML document starts here")
        .at(at.place())
        .because("an inventory file holds one document")
        .hint("remove the `---` line or move what follows to a file of its own")
}

fn too_much(at: &Spot) -> Box<Error> {
    Error::config("the document is nested or repeated too much").at(at.place())
}

fn is_plain(event: &Event<'_>, word: &str) -> bool {
    matches!(event, Event::Scalar(text, ScalarStyle::Plain, _, None) if text == word)
}

/// The pairs a `<<` brings in. Of a list of mappings the first one wins.
fn merge_pairs(node: Node) -> Result<Vec<(Node, Node)>> {
    let wrong = |node: &Node| {
        Error::config(format!(
            "`<<` needs a mapping or a list of mappings, not {}",
            node.kind()
        ))
        .at(node.at.place())
    };
    match node.shape {
        Shape::Map(pairs) => Ok(pairs),
        Shape::List(items) => {
            let mut pairs = Vec::new();
            for item in items.into_iter().rev() {
                let Shape::Map(more) = item.shape else {
                    return Err(wrong(&item));
                };
                pairs = join(pairs, more);
            }
            Ok(pairs)
        }
        Shape::Scalar(_) => Err(wrong(&node)),
    }
}

fn join(first: Vec<(Node, Node)>, second: Vec<(Node, Node)>) -> Vec<(Node, Node)> {
    if first.is_empty() {
        return second;
    }
    let mut pairs = indexmap::IndexMap::new();
    for (key, item) in first.into_iter().chain(second) {
        pairs.insert(key.key_text(), (key, item));
    }
    pairs.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str) -> Result<(String, Warnings)> {
        let mut warnings = Warnings::new();
        let node = read(&Source::new("t.yml", text), &mut warnings)?;
        Ok((
            node.map_or_else(String::new, |node| node.to_value().to_text()),
            warnings,
        ))
    }

    fn text(yaml: &str) -> String {
        load(yaml).unwrap().0
    }

    #[test]
    fn style_decides_the_type() {
        assert_eq!(
            text("[yes, 'yes', \"on\", y, 0755, '0755', 1e3]"),
            "[True, 'yes', 'on', 'y', 493, '0755', '1e3']"
        );
        assert_eq!(text("{\"a\": 1e3}"), "{'a': 1000.0}");
    }

    #[test]
    fn merge_keys_give_way_to_own_keys() {
        let yaml = "a: &a {x: 1, y: 1}\nb: &b {x: 2, z: 2}\nc: {<<: [*a, *b], y: 3}\nd:\n  y: 4\n  <<: *a\n";
        assert_eq!(
            text(yaml),
            "{'a': {'x': 1, 'y': 1}, 'b': {'x': 2, 'z': 2}, 'c': {'x': 1, 'z': 2, 'y': 3}, 'd': {'x': 1, 'y': 4}}"
        );
    }

    #[test]
    fn a_repeated_key_warns_and_the_last_wins() {
        let (text, warnings) = load("a: 1\nb: 2\na: 3\n").unwrap();
        assert_eq!(text, "{'a': 3, 'b': 2}");
        assert_eq!(
            warnings,
            ["t.yml:3: key `a` is given again (first on line 1), the last one is used"]
        );
    }

    #[test]
    fn tags_are_known_or_refused() {
        assert_eq!(
            text("[!!str 5, !!int '7', !!float 1, !unsafe '5']"),
            "['5', 7, 1.0, 5]"
        );
        assert_eq!(load("a: !env HOME").unwrap_err().what, "unknown tag `!env`");
        assert_eq!(
            load("a: !!binary aGk=").unwrap_err().what,
            "unsupported tag `!!binary`"
        );
    }

    #[test]
    fn aliases_of_aliases_are_stopped() {
        let mut yaml = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for level in 1..9 {
            let items = vec![format!("*a{}", level - 1); 10].join(", ");
            yaml.push_str(&format!("a{level}: &a{level} [{items}]\n"));
        }
        assert_eq!(
            load(&yaml).unwrap_err().what,
            "the document is nested or repeated too much"
        );
        assert_eq!(
            load("a: &a [*a]").unwrap_err().what,
            "an alias inside the value it stands for"
        );
    }

    #[test]
    fn deep_nesting_is_stopped_before_the_stack_is() {
        let deep = |depth: usize| format!("a: {}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(load(&deep(100)).is_ok());
        assert!(load(&deep(100_000)).is_err());
        let blocks: String = (0..5000)
            .map(|depth| format!("{}k:\n", " ".repeat(depth)))
            .collect();
        assert!(load(&blocks).is_err());
    }

    #[test]
    fn an_empty_file_holds_nothing() {
        assert_eq!(text(""), "");
        assert_eq!(text("# only a comment\n"), "");
        assert_eq!(text("---\n"), "None");
    }
}
