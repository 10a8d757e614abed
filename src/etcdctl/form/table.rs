//! The ASCII tables of etcdctl: a frame, headers in capitals and centred, cells to the right.

use std::io::{self, Write};

use crate::terminal::{columns, cut, visible};

/// Cells with blanks are wrapped at this many columns.
const WRAP: usize = 30;

/// A column is not cut below this.
const NARROW: usize = 12;

#[derive(Debug, Default)]
pub(crate) struct Table {
    pub(crate) header: Vec<String>,
    pub(crate) rows: Vec<Vec<String>>,
    /// Cells stand to the left and are not wrapped: the tables that etcdctl does not have.
    pub(crate) left: bool,
}

impl Table {
    pub(crate) fn new(header: &[&str]) -> Table {
        Table {
            header: header.iter().map(|name| title(name)).collect(),
            rows: Vec::new(),
            left: false,
        }
    }

    pub(crate) fn left(header: &[&str]) -> Table {
        Table {
            left: true,
            ..Table::new(header)
        }
    }

    pub(crate) fn write(&self, page: &mut dyn Write) -> io::Result<()> {
        let rows: Vec<Vec<Vec<String>>> = self
            .rows
            .iter()
            .map(|row| row.iter().map(|cell| self.wrapped(cell)).collect())
            .collect();
        let mut widths: Vec<usize> = self.header.iter().map(|name| width(name)).collect();
        for row in &rows {
            for (column, lines) in row.iter().enumerate() {
                let widest = lines.iter().map(|line| width(line)).max().unwrap_or(0);
                // What was wrapped takes the whole width, full or not.
                let widest = if lines.len() > 1 && !self.left {
                    widest.max(WRAP)
                } else {
                    widest
                };
                widths[column] = widths[column].max(widest);
            }
        }
        let rule = widths.iter().fold("+".to_string(), |rule, width| {
            format!("{rule}{}+", "-".repeat(width + 2))
        });
        writeln!(page, "{rule}")?;
        let cells = self
            .header
            .iter()
            .zip(&widths)
            .map(|(name, wide)| centred(name, *wide));
        writeln!(
            page,
            "|{}",
            cells.fold(String::new(), |line, cell| format!("{line} {cell} |"))
        )?;
        writeln!(page, "{rule}")?;
        for row in &rows {
            for line in 0..row.iter().map(Vec::len).max().unwrap_or(0) {
                let cells = row.iter().zip(&widths).map(|(lines, wide)| {
                    let cell = lines.get(line).map_or("", String::as_str);
                    let blanks = " ".repeat(wide - width(cell));
                    if self.left {
                        format!("{cell}{blanks}")
                    } else {
                        format!("{blanks}{cell}")
                    }
                });
                writeln!(
                    page,
                    "|{}",
                    cells.fold(String::new(), |line, cell| format!("{line} {cell} |"))
                )?;
            }
        }
        writeln!(page, "{rule}")
    }

    /// How wide the longest line is.
    pub(crate) fn width(&self) -> usize {
        let cells = |column: usize| {
            self.rows
                .iter()
                .filter_map(move |row| row.get(column))
                .flat_map(|cell| self.wrapped(cell))
                .map(|line| width(&line))
        };
        let widest = |(column, name): (usize, &String)| {
            cells(column).max().unwrap_or(0).max(width(name)) + 3
        };
        self.header.iter().enumerate().map(widest).sum::<usize>() + 1
    }

    /// The same with a line for each column and a column for each row, as many beside each other as there is room for: for
    /// a terminal that is narrower than the table.
    pub(crate) fn write_turned(&self, room: usize, page: &mut dyn Write) -> io::Result<()> {
        let names = self
            .header
            .iter()
            .map(|name| width(name))
            .max()
            .unwrap_or(0);
        let wide = |row: &Vec<String>| row.iter().map(|cell| width(cell)).max().unwrap_or(0);
        let mut first = 0;
        while first < self.rows.len() {
            let (mut end, mut taken) = (first, names);
            while end < self.rows.len()
                && (end == first || taken + 2 + wide(&self.rows[end]) <= room)
            {
                taken += 2 + wide(&self.rows[end]);
                end += 1;
            }
            if first > 0 {
                writeln!(page)?;
            }
            for (column, name) in self.header.iter().enumerate() {
                let mut line = format!("{name}{}", " ".repeat(names - width(name)));
                for row in &self.rows[first..end] {
                    let cell = row
                        .get(column)
                        .map_or("", String::as_str)
                        .replace('\n', " ");
                    line.push_str("  ");
                    line.push_str(&cell);
                    line.push_str(&" ".repeat(wide(row).saturating_sub(width(&cell))));
                }
                writeln!(page, "{}", line.trim_end())?;
            }
            first = end;
        }
        Ok(())
    }

    /// The same with nothing in it that steers a terminal; the lines of a cell stay.
    pub(crate) fn visible(mut self) -> Table {
        let shown = |cell: &str| {
            let lines = cell.split('\n').map(|line| visible(line.as_bytes(), false));
            lines.collect::<Vec<_>>().join("\n")
        };
        for cell in self.rows.iter_mut().flatten() {
            *cell = shown(cell);
        }
        self
    }

    /// The same with the widest columns cut, so that a line fits into this many columns. Only tables that etcdctl does not
    /// have are cut.
    pub(crate) fn fitted(mut self, room: Option<usize>) -> Table {
        let Some(room) = room.filter(|_| self.left) else {
            return self;
        };
        let widest = |column: usize| {
            self.rows
                .iter()
                .filter_map(|row| row.get(column))
                .flat_map(|cell| cell.split('\n'))
                .map(width)
                .max()
                .unwrap_or(0)
        };
        let mut widths: Vec<usize> = self
            .header
            .iter()
            .enumerate()
            .map(|(column, name)| widest(column).max(width(name)))
            .collect();
        // A frame before each cell and one at the end, a blank on both sides.
        let room = room.saturating_sub(3 * widths.len() + 1);
        while widths.iter().sum::<usize>() > room {
            let Some(widest) = widths.iter_mut().max() else {
                break;
            };
            if *widest <= NARROW {
                break;
            }
            *widest -= 1;
        }
        for row in &mut self.rows {
            for (cell, wide) in row.iter_mut().zip(&widths) {
                *cell = cell
                    .split('\n')
                    .map(|line| cut(line, *wide))
                    .collect::<Vec<_>>()
                    .join("\n");
            }
        }
        self
    }

    fn wrapped(&self, cell: &str) -> Vec<String> {
        if self.left {
            cell.split('\n').map(str::to_string).collect()
        } else {
            wrapped(cell)
        }
    }
}

/// A text in lines of at most `WRAP` letters, broken where the lines become most even, and not where the first would be
/// full: so etcdctl's tables do it. A word that is longer makes all lines of the cell longer.
fn wrapped(text: &str) -> Vec<String> {
    let words: Vec<&str> = text.split(['\n', ' ']).collect();
    let longest = words.iter().map(|word| width(word)).max().unwrap_or(0);
    let limit = WRAP.min(width(&text.replace('\n', " "))).max(longest);
    let mut best = vec![(0_usize, words.len()); words.len() + 1];
    for first in (0..words.len()).rev() {
        let mut length = 0;
        let mut choice = None;
        for end in first + 1..=words.len() {
            length += width(words[end - 1]) + usize::from(end > first + 1);
            if length > limit {
                break;
            }
            let gap = limit - length;
            // The last line may be as short as it is.
            let cost = if end == words.len() {
                0
            } else {
                gap * gap + best[end].0
            };
            if end == words.len() || choice.is_none_or(|(least, _)| cost < least) {
                choice = Some((cost, end));
            }
        }
        best[first] = choice.unwrap_or((0, first + 1));
    }
    let mut lines = Vec::new();
    let mut first = 0;
    while first < words.len() {
        let end = best[first].1;
        lines.push(words[first..end].join(" "));
        first = end;
    }
    lines
}

fn title(name: &str) -> String {
    name.replace(['_', '.'], " ").to_uppercase()
}

/// Columns as etcdctl counts them: a control character has none.
fn width(text: &str) -> usize {
    columns(text) - text.chars().filter(|letter| letter.is_control()).count()
}

fn centred(text: &str, wide: usize) -> String {
    let gap = wide - width(text);
    let before = gap / 2;
    format!("{}{text}{}", " ".repeat(before), " ".repeat(gap - before))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_columns_are_cut_on_a_terminal() {
        let table = || Table {
            rows: vec![vec!["key".into(), "v".repeat(100), "1".into()]],
            ..Table::left(&["key", "value", "version"])
        };
        let mut page = Vec::new();
        table().fitted(Some(40)).write(&mut page).unwrap();
        let text = String::from_utf8(page).unwrap();
        assert!(text.lines().all(|line| width(line) == 40), "{text}");
        assert!(text.contains("vvv\u{2026} |"), "{text}");
        for uncut in [
            table().fitted(None),
            Table {
                left: false,
                ..table()
            }
            .fitted(Some(40)),
        ] {
            assert_eq!(uncut.rows[0][1].len(), 100);
        }
    }

    #[test]
    fn cells_are_as_broad_as_they_are_shown() {
        let table = Table {
            rows: vec![vec!["\u{4e2d}\u{6587}e\u{301}".into()], vec!["a".into()]],
            ..Table::new(&["k"])
        };
        let mut page = Vec::new();
        table.write(&mut page).unwrap();
        let text = String::from_utf8(page).unwrap();
        assert!(text.lines().all(|line| width(line) == 9), "{text}");
        assert!(text.contains("|     a |"), "{text}");
    }

    #[test]
    fn a_table_is_turned_where_it_has_no_room() {
        let row = |word: &str| vec![word.to_string(), word.repeat(5), "1".into()];
        let table = Table {
            rows: vec![row("a"), row("bb"), row("ccc")],
            ..Table::new(&["name", "endpoint", "id"])
        };
        assert_eq!(table.width(), 7 + 18 + 5 + 1);
        let mut page = Vec::new();
        table.write_turned(28, &mut page).unwrap();
        let wanted = "NAME      a      bb\nENDPOINT  aaaaa  bbbbbbbbbb\nID        1      1\n\nNAME      ccc\nENDPOINT  ccccccccccccccc\nID        1\n";
        assert_eq!(String::from_utf8(page).unwrap(), wanted);
    }

    #[test]
    fn long_cells_are_wrapped_evenly() {
        for (text, wanted) in [
            (
                "context deadline exceeded",
                &["context deadline exceeded"][..],
            ),
            (
                "memberID:12964394945207473611 alarm:NOSPACE ",
                &["memberID:12964394945207473611", "alarm:NOSPACE "],
            ),
            (
                "aaaaaaaaaa bbbbbbbbbb cccccccc dddddddddd eeeeeeeeee ffff",
                &[
                    "aaaaaaaaaa bbbbbbbbbb cccccccc",
                    "dddddddddd eeeeeeeeee ffff",
                ],
            ),
            ("a\nb", &["a b"]),
            ("", &[""]),
        ] {
            assert_eq!(wrapped(text), wanted, "{text}");
        }
        assert_eq!(wrapped(&"x".repeat(40)), ["x".repeat(40)]);
    }

    #[test]
    fn a_wrapped_cell_takes_the_whole_width() {
        let table = Table {
            rows: vec![vec!["memberID:12964394945207473611 alarm:NOSPACE ".into()]],
            ..Table::new(&["errors"])
        };
        let mut page = Vec::new();
        table.write(&mut page).unwrap();
        let text = String::from_utf8(page).unwrap();
        assert!(
            text.contains("|  memberID:12964394945207473611 |\n|                 alarm:NOSPACE  |"),
            "{text}"
        );
    }
}
