//! What is wrong with a file, one line each; the words are bbolt's where it has words and does not crash.

/// More are counted, not kept.
const KEPT: usize = 100;

#[derive(Default)]
pub(super) struct Problems {
    pub(super) count: u64,
    pub(super) lines: Vec<String>,
}

impl Problems {
    pub(super) fn add(&mut self, line: String) {
        self.count += 1;
        if self.lines.len() < KEPT {
            self.lines.push(line);
        }
    }

    pub(super) fn append(&mut self, others: Problems) {
        let more = others.count - others.lines.len() as u64;
        others.lines.into_iter().for_each(|line| self.add(line));
        self.count += more;
    }
}
