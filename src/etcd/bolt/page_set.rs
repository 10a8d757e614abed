//! A set of pages, one bit each: 32 KiB for each GiB of a file with pages of 4 KiB.

pub(super) struct PageSet(Vec<u64>);

impl PageSet {
    /// For pages below `end`.
    pub(super) fn new(end: u64) -> PageSet {
        PageSet(vec![
            0;
            usize::try_from(end / 64).map_or(0, |words| words + 1)
        ])
    }

    pub(super) fn has(&self, page: u64) -> bool {
        self.0
            .get(word(page))
            .is_some_and(|word| word & bit(page) != 0)
    }

    /// False when it was there before.
    pub(super) fn insert(&mut self, page: u64) -> bool {
        let Some(word) = self.0.get_mut(word(page)) else {
            return false;
        };
        let fresh = *word & bit(page) == 0;
        *word |= bit(page);
        fresh
    }
}

fn word(page: u64) -> usize {
    usize::try_from(page / 64).unwrap_or(usize::MAX)
}

fn bit(page: u64) -> u64 {
    1 << (page % 64)
}
