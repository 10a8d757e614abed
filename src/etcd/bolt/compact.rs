//! Writes a database anew: all keys in order into full pages, none of them free.
//!
//! One leaf is held, and one branch of each level, however many pages there are.
//! Start reading at [`compact`].

use std::fs::File;
use std::io::{self, BufWriter, Seek, SeekFrom, Write};

use super::meta::Meta;
use super::node::{Element, branch, leaf};
use super::page::{ELEMENT, HEADER, u64_at};
use super::{Database, Draft};

/// Of a page, in percent: the room above is for keys that come later.
const FILLED: usize = 90;
/// Elements of a leaf, as of bbolt: two large values share their last page.
const FEWEST: usize = 2;
/// The two meta pages.
const FIRST: u64 = 2;
/// Written at once.
const PIECE: usize = 1 << 20;

/// Write all that is in `from` into an empty file. Only for a database that `check` has found sound.
pub(in crate::etcd) fn compact(from: &Database, into: &mut File) -> io::Result<()> {
    let page_size = from.meta.page_size;
    into.set_len(FIRST * page_size)?;
    into.seek(SeekFrom::Start(FIRST * page_size))?;
    let mut sheets = Sheets {
        end: FIRST,
        out: BufWriter::with_capacity(PIECE, &mut *into),
        page_size,
    };
    let mut names = Tree::default();
    let draft = Draft::new(from)?;
    for (name, value) in draft.buckets() {
        let mut tree = Tree::default();
        draft.each(name, &mut |element| tree.pair(element, &mut sheets))?;
        let root = tree.finish(&mut sheets)?;
        let sequence = u64_at(value, 8);
        names.push(Element::bucket(name, root, sequence), &mut sheets)?;
    }
    let root = names.finish(&mut sheets)?;
    let end = sheets.end;
    sheets.out.flush()?;
    drop(sheets);
    for meta in Meta::pair(page_size, root, end) {
        into.seek(SeekFrom::Start(meta.place() * page_size))?;
        into.write_all(&meta.page(meta.place()))?;
    }
    Ok(())
}

/// Where the next page goes.
struct Sheets<'f> {
    end: u64,
    out: BufWriter<&'f mut File>,
    page_size: u64,
}

impl Sheets<'_> {
    fn add(&mut self, pages: &[u8]) -> io::Result<u64> {
        let page = self.end;
        self.out.write_all(pages)?;
        self.end += pages.len() as u64 / self.page_size;
        Ok(page)
    }

    fn room(&self) -> usize {
        usize::try_from(self.page_size).unwrap_or(usize::MAX) * FILLED / 100
    }
}

/// A bucket that grows from its smallest key on.
#[derive(Default)]
struct Tree {
    /// From the lowest up.
    branches: Vec<Level<(Vec<u8>, u64)>>,
    leaf: Level<Element>,
}

/// What stands on the page of a level that is not full yet.
struct Level<T> {
    held: Vec<T>,
    size: usize,
}

impl<T> Default for Level<T> {
    fn default() -> Level<T> {
        Level {
            held: Vec::new(),
            size: HEADER,
        }
    }
}

impl Tree {
    fn pair(&mut self, element: Element, sheets: &mut Sheets<'_>) -> io::Result<()> {
        if element.is_bucket {
            return Err(io::Error::other("a bucket is in a bucket"));
        }
        self.push(element, sheets)
    }

    fn push(&mut self, element: Element, sheets: &mut Sheets<'_>) -> io::Result<()> {
        let size = element.size();
        if self.leaf.held.len() >= FEWEST && self.leaf.size + size > sheets.room() {
            self.write_leaf(sheets)?;
        }
        self.leaf.size += size;
        self.leaf.held.push(element);
        Ok(())
    }

    fn write_leaf(&mut self, sheets: &mut Sheets<'_>) -> io::Result<()> {
        let Level { held, .. } = std::mem::take(&mut self.leaf);
        let page = sheets.add(&leaf(sheets.end, sheets.page_size, &held))?;
        let key = held.into_iter().next().map(|first| first.key);
        self.rise(0, key.unwrap_or_default(), page, sheets)
    }

    /// A page of the level below is written.
    fn rise(
        &mut self,
        level: usize,
        key: Vec<u8>,
        page: u64,
        sheets: &mut Sheets<'_>,
    ) -> io::Result<()> {
        if level == self.branches.len() {
            self.branches.push(Level::default());
        }
        let size = ELEMENT + key.len();
        let here = &mut self.branches[level];
        // The last one is kept back, so that no branch ends up with a single child.
        if here.held.len() > 2 && here.size + size > sheets.room() {
            let last = here.held.pop().expect("there are three");
            let last_size = ELEMENT + last.0.len();
            let mut full = std::mem::take(here);
            here.held.push(last);
            here.size += last_size;
            let own = sheets.add(&branch(sheets.end, sheets.page_size, &full.held))?;
            self.rise(level + 1, full.held.swap_remove(0).0, own, sheets)?;
        }
        let here = &mut self.branches[level];
        here.size += size;
        here.held.push((key, page));
        Ok(())
    }

    /// The page of its root.
    fn finish(mut self, sheets: &mut Sheets<'_>) -> io::Result<u64> {
        if !self.leaf.held.is_empty() || self.branches.is_empty() {
            self.write_leaf(sheets)?;
        }
        let mut level = 0;
        loop {
            let Level { mut held, .. } = std::mem::take(&mut self.branches[level]);
            if held.len() == 1 && level + 1 == self.branches.len() {
                return Ok(held.remove(0).1);
            }
            let page = sheets.add(&branch(sheets.end, sheets.page_size, &held))?;
            self.rise(level + 1, held.swap_remove(0).0, page, sheets)?;
            level += 1;
        }
    }
}
