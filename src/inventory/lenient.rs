//! Text that Ansible's YAML parser reads and the one used here refuses, moved until both agree.
//!
//! libyaml does not care where the lines inside of brackets and quotes begin, and takes a tab for the blank after a
//! colon. YAML 1.2 forbids both. Only lines the parser complained about are touched, and places stay those of the file.

use std::collections::{HashMap, HashSet};

use saphyr_parser::ScanError;

use super::node::Source;

pub(super) struct Lenient {
    count: usize,
    /// How far each line was moved to the right.
    moved: HashMap<usize, usize>,
    /// The byte each line begins at.
    starts: Vec<usize>,
    tabs: HashSet<usize>,
    text: String,
    /// Farther right than any collection can begin.
    width: usize,
}

impl Lenient {
    pub(super) fn new(source: &Source) -> Lenient {
        let text = source.text().to_string();
        let width = text.lines().map(str::len).max().unwrap_or(0) + 1;
        Lenient {
            count: text.chars().count(),
            starts: starts(&text),
            moved: HashMap::new(),
            tabs: HashSet::new(),
            text,
            width,
        }
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn is_end(&self, index: usize) -> bool {
        index >= self.count
    }

    /// Line and column in the file, both from 1.
    pub(super) fn place(&self, line: usize, column: usize) -> (usize, usize) {
        (
            line,
            column
                .saturating_sub(self.moved.get(&line).copied().unwrap_or(0))
                .max(1),
        )
    }

    /// The letter at a line from 1 and a column from 0.
    pub(super) fn letter(&self, line: usize, column: usize) -> Option<char> {
        self.line(line)?.chars().nth(column)
    }

    fn line(&self, line: usize) -> Option<&str> {
        self.text[*self.starts.get(line.checked_sub(1)?)?..]
            .lines()
            .next()
    }

    /// Whether the text from a place up to the beginning of a line leaves a bracket open.
    pub(super) fn opens_bracket(&self, (line, column): (usize, usize), until: usize) -> bool {
        let mut depth = 0i32;
        for (index, text) in self
            .text
            .lines()
            .enumerate()
            .skip(line - 1)
            .take(until.saturating_sub(line))
        {
            let skip = if index + 1 == line { column - 1 } else { 0 };
            let code = text.split(" #").next().unwrap_or(text);
            for letter in code.chars().skip(skip) {
                depth += i32::from("[{".contains(letter)) - i32::from("]}".contains(letter));
            }
        }
        depth > 0
    }

    /// Change what the parser stumbled over; false when there is nothing to give way to.
    pub(super) fn give_way(&mut self, error: &ScanError, flow: bool, quote: usize) -> bool {
        let line = error.marker().line();
        if self.tab_after_colon(line) {
            return true;
        }
        if !error.info().contains("indentation") {
            return false;
        }
        if error.info().contains("quoted") {
            return self.move_quoted(quote.max(1));
        }
        flow && self.shift(line)
    }

    fn shift(&mut self, line: usize) -> bool {
        if self.moved.contains_key(&line) {
            return false;
        }
        let width = self.width;
        self.moved.insert(line, width);
        self.change(line, |text| format!("{}{text}", " ".repeat(width)));
        true
    }

    /// Move the lines a quoted text goes on in, up to the one that the parser was content with.
    fn move_quoted(&mut self, from: usize) -> bool {
        let count = self.text.lines().count();
        let next = (from + 1..=count).find(|line| {
            let text = self.line(*line).unwrap_or("");
            !self.moved.contains_key(line) && !text.trim().is_empty()
        });
        match next {
            // A quote that is never closed must not pull the whole file over.
            Some(line) if line - from < 100 => self.shift(line),
            _ => false,
        }
    }

    fn tab_after_colon(&mut self, line: usize) -> bool {
        let Some(text) = self.line(line).map(str::to_string) else {
            return false;
        };
        let Some(start) = text
            .find(":\t")
            .filter(|start| !text[..*start].contains(['"', '\'']))
        else {
            return false;
        };
        if !self.tabs.insert(line) {
            return false;
        }
        let run = text[start + 1..].len() - text[start + 1..].trim_start_matches([' ', '\t']).len();
        let fixed = format!(
            "{}{}{}",
            &text[..=start],
            " ".repeat(run),
            &text[start + 1 + run..]
        );
        self.change(line, |_| fixed.clone());
        true
    }

    fn change(&mut self, line: usize, change: impl Fn(&str) -> String) {
        let parts: Vec<String> = self
            .text
            .split_inclusive('\n')
            .enumerate()
            .map(|(index, text)| {
                if index + 1 == line {
                    change_keeping_end(text, &change)
                } else {
                    text.to_string()
                }
            })
            .collect();
        self.text = parts.concat();
        self.count = self.text.chars().count();
        self.starts = starts(&self.text);
    }
}

fn starts(text: &str) -> Vec<usize> {
    std::iter::once(0)
        .chain(text.match_indices('\n').map(|(byte, _)| byte + 1))
        .collect()
}

fn change_keeping_end(text: &str, change: &impl Fn(&str) -> String) -> String {
    let body = text.trim_end_matches(['\r', '\n']);
    format!("{}{}", change(body), &text[body.len()..])
}
