//! The ASCII tables of etcdctl: a frame, headers in capitals and centred, cells to the right.

use std::io::{self, Write};

/// Cells with blanks are wrapped at this many letters.
const WRAP: usize = 30;

#[derive(Debug, Default)]
pub(super) struct Table {
    pub(super) header: Vec<String>,
    pub(super) rows: Vec<Vec<String>>,
    /// Cells stand to the left and are not wrapped: the tables that etcdctl does not have.
    pub(super) left: bool,
}

impl Table {
    pub(super) fn new(header: &[&str]) -> Table {
        Table { header: header.iter().map(|name| title(name)).collect(), rows: Vec::new(), left: false }
    }

    pub(super) fn left(header: &[&str]) -> Table {
        Table { left: true, ..Table::new(header) }
    }

    pub(super) fn write(&self, page: &mut dyn Write) -> io::Result<()> {
        let rows: Vec<Vec<Vec<String>>> = self.rows.iter().map(|row| row.iter().map(|cell| self.wrapped(cell)).collect()).collect();
        let mut widths: Vec<usize> = self.header.iter().map(|name| width(name)).collect();
        for row in &rows {
            for (column, lines) in row.iter().enumerate() {
                let widest = lines.iter().map(|line| width(line)).max().unwrap_or(0);
                widths[column] = widths[column].max(widest);
            }
        }
        let rule = widths.iter().fold("+".to_string(), |rule, width| format!("{rule}{}+", "-".repeat(width + 2)));
        writeln!(page, "{rule}")?;
        let cells = self.header.iter().zip(&widths).map(|(name, wide)| centred(name, *wide));
        writeln!(page, "|{}", cells.fold(String::new(), |line, cell| format!("{line} {cell} |")))?;
        writeln!(page, "{rule}")?;
        for row in &rows {
            for line in 0..row.iter().map(Vec::len).max().unwrap_or(0) {
                let cells = row.iter().zip(&widths).map(|(lines, wide)| {
                    let cell = lines.get(line).map_or("", String::as_str);
                    let blanks = " ".repeat(wide - width(cell));
                    if self.left { format!("{cell}{blanks}") } else { format!("{blanks}{cell}") }
                });
                writeln!(page, "|{}", cells.fold(String::new(), |line, cell| format!("{line} {cell} |")))?;
            }
        }
        writeln!(page, "{rule}")
    }

    fn wrapped(&self, cell: &str) -> Vec<String> {
        if self.left {
            return cell.split('\n').map(str::to_string).collect();
        }
        let mut lines = Vec::new();
        for part in cell.split('\n') {
            let mut line = String::new();
            for word in part.split(' ') {
                if !line.is_empty() && width(&line) + 1 + width(word) > WRAP {
                    lines.push(std::mem::take(&mut line));
                }
                if !line.is_empty() {
                    line.push(' ');
                }
                line.push_str(word);
            }
            lines.push(line);
        }
        lines
    }
}

fn title(name: &str) -> String {
    name.replace(['_', '.'], " ").to_uppercase()
}

fn width(text: &str) -> usize {
    text.chars().count()
}

fn centred(text: &str, wide: usize) -> String {
    let gap = wide - width(text);
    let before = gap / 2;
    format!("{}{text}{}", " ".repeat(before), " ".repeat(gap - before))
}
