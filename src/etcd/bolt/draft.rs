//! A database as it is to become, without a byte of it changed: its own pages, some more behind them, and a new meta page.
//!
//! bbolt never writes over a page that is in use, so a change is a tail and a meta page, however large the file is. It may
//! be laid over a copy of the file. Only for a file that `check` has found sound.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::FileExt;

use super::Database;
use super::node::{Element, branch, leaf};
use super::page::{BRANCH, Child, Extent, LEAF, Wrong, u64_at};

/// Keys and values of a small bucket.
pub(in crate::etcd) type Pairs = BTreeMap<Vec<u8>, Vec<u8>>;

/// More than that is in none of etcd's buckets that are read as a whole.
const LARGEST: usize = 16 << 20;
const DEEPEST: usize = 32;
/// Copied at once.
const PIECE: u64 = 64 << 20;
/// Before the page inside of the value of a small bucket: root page and sequence number.
const BUCKET_HEADER: usize = 16;

pub(in crate::etcd) struct Draft<'d> {
    buckets: BTreeMap<Vec<u8>, Vec<u8>>,
    database: &'d Database,
    /// The number of the next page.
    end: u64,
    tail: Vec<u8>,
}

/// What is laid over the bytes of the file.
pub(in crate::etcd) struct Patch {
    meta: Vec<u8>,
    meta_at: u64,
    /// Where the file's own pages end.
    tail_at: u64,
    tail: Vec<u8>,
}

impl<'d> Draft<'d> {
    pub(in crate::etcd) fn new(database: &'d Database) -> io::Result<Draft<'d>> {
        let mut draft = Draft {
            buckets: BTreeMap::new(),
            database,
            end: database.meta.end,
            tail: Vec::new(),
        };
        let root = draft.elements(database.meta.root)?;
        draft.buckets = root
            .into_iter()
            .map(|element| (element.key, element.value))
            .collect();
        Ok(draft)
    }

    pub(in crate::etcd) fn has(&self, bucket: &[u8]) -> bool {
        self.buckets.contains_key(bucket)
    }

    /// All of a small bucket; nothing where there is none of that name.
    pub(in crate::etcd) fn pairs(&self, bucket: &[u8]) -> io::Result<Pairs> {
        let Some(value) = self.buckets.get(bucket) else {
            return Ok(Pairs::new());
        };
        let elements = match u64_at(value, 0) {
            0 => inside(value)?,
            root => self.elements(root)?,
        };
        let pairs = elements
            .into_iter()
            .map(|element| (element.key, element.value));
        Ok(pairs.collect())
    }

    /// Let a bucket hold just this.
    pub(in crate::etcd) fn set(&mut self, bucket: &[u8], pairs: &Pairs) {
        let elements: Vec<Element> = pairs
            .iter()
            .map(|(key, value)| Element::pair(key, value))
            .collect();
        let root = self.add(|page, size| leaf(page, size, &elements));
        self.point(bucket, root);
    }

    /// Put one more pair into a bucket, behind all its keys.
    pub(in crate::etcd) fn append(
        &mut self,
        bucket: &[u8],
        key: &[u8],
        value: &[u8],
    ) -> io::Result<()> {
        let old = self.buckets.get(bucket).cloned().unwrap_or_default();
        let last = Element::pair(key, value);
        let root = match old.first_chunk().map(|root| u64::from_le_bytes(*root)) {
            None => self.add(|page, size| leaf(page, size, &[last])),
            Some(0) => {
                let mut elements = inside(&old)?;
                elements.push(last);
                self.add(|page, size| leaf(page, size, &elements))
            }
            Some(root) => self.append_below(root, last, 0)?,
        };
        self.point(bucket, root);
        Ok(())
    }

    /// The page that stands for `page` and has the element as its last. Leaves stay as they are: the element gets its own.
    fn append_below(&mut self, page: u64, last: Element, depth: usize) -> io::Result<u64> {
        let mut extent = self.read(page, depth)?;
        let key = last.key.clone();
        let children = if extent.header.kind == BRANCH {
            let mut children: Vec<(Vec<u8>, u64)> = extent
                .children()
                .map_err(broken)?
                .into_iter()
                .map(|Child { key, page }| (key, page))
                .collect();
            let end = children.len() - 1;
            let below = children[end].1;
            if self.read(below, depth)?.header.kind == BRANCH {
                children[end].1 = self.append_below(below, last, depth + 1)?;
            } else {
                let own = self.add(|page, size| leaf(page, size, &[last]));
                children.push((key, own));
            }
            children
        } else {
            let entries = extent.entries().map_err(broken)?;
            let own = self.add(|page, size| leaf(page, size, &[last]));
            let Some(first) = entries.first() else {
                return Ok(own);
            };
            vec![(extent.key(first)?.to_vec(), page), (key, own)]
        };
        Ok(self.add(|page, size| branch(page, size, &children)))
    }

    /// What is to be laid over the file.
    pub(in crate::etcd) fn finish(mut self) -> Patch {
        let elements: Vec<Element> = std::mem::take(&mut self.buckets)
            .into_iter()
            .map(|(key, value)| Element {
                is_bucket: true,
                key,
                value,
            })
            .collect();
        let root = self.add(|page, size| leaf(page, size, &elements));
        let meta = self.database.meta.next(root, self.end);
        Patch {
            meta: meta.page(meta.place()),
            meta_at: meta.place() * meta.page_size,
            tail_at: self.database.meta.end * meta.page_size,
            tail: self.tail,
        }
    }

    fn point(&mut self, bucket: &[u8], root: u64) {
        let sequence = self.buckets.get(bucket).map_or(0, |value| u64_at(value, 8));
        let element = Element::bucket(bucket, root, sequence);
        self.buckets.insert(element.key, element.value);
    }

    fn add(&mut self, pages: impl FnOnce(u64, u64) -> Vec<u8>) -> u64 {
        let page = self.end;
        let page_size = self.database.meta.page_size;
        let bytes = pages(page, page_size);
        self.end += bytes.len() as u64 / page_size;
        self.tail.extend(bytes);
        page
    }

    /// Each pair of a bucket in order, one at a time, however many there are.
    pub(super) fn each(
        &self,
        bucket: &[u8],
        to: &mut dyn FnMut(Element) -> io::Result<()>,
    ) -> io::Result<()> {
        let Some(value) = self.buckets.get(bucket) else {
            return Ok(());
        };
        match u64_at(value, 0) {
            0 => inside(value)?.into_iter().try_for_each(to),
            root => self.below(root, 0, to),
        }
    }

    fn below(
        &self,
        page: u64,
        depth: usize,
        to: &mut dyn FnMut(Element) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut extent = self.read(page, depth)?;
        if extent.header.kind == BRANCH {
            let children = extent.children().map_err(broken)?;
            // There may be many pages below this one, which is not needed for them.
            drop(extent);
            return children
                .iter()
                .try_for_each(|child| self.below(child.page, depth + 1, to));
        }
        take(&mut extent, to)
    }

    /// The buckets' names and values, in order.
    pub(super) fn buckets(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.buckets
            .iter()
            .map(|(name, value)| (name.as_slice(), value.as_slice()))
    }

    /// A page of a tree, `depth` pages below its root.
    fn read(&self, page: u64, depth: usize) -> io::Result<Extent<'d>> {
        let meta = &self.database.meta;
        if depth > DEEPEST || !meta.holds(page) {
            return Err(io::Error::other(format!("page {page} is in no tree")));
        }
        let extent = Extent::read(&self.database.file, page, meta.page_size)?;
        match extent.header.kind {
            BRANCH | LEAF => Ok(extent),
            _ => Err(io::Error::other(format!("page {page} is in no tree"))),
        }
    }

    /// All elements below a page, in order.
    fn elements(&self, page: u64) -> io::Result<Vec<Element>> {
        let (mut all, mut size) = (Vec::new(), 0);
        self.below(page, 0, &mut |element| keep(element, &mut size, &mut all))?;
        Ok(all)
    }
}

/// The elements of a bucket that is inside of its value.
fn inside(value: &[u8]) -> io::Result<Vec<Element>> {
    let page = value.get(BUCKET_HEADER..).unwrap_or_default().to_vec();
    let mut extent = Extent::inside(page).ok_or_else(|| io::Error::other("a bucket is no leaf"))?;
    let mut all = Vec::new();
    take(&mut extent, |element| keep(element, &mut 0, &mut all))?;
    Ok(all)
}

fn keep(element: Element, size: &mut usize, all: &mut Vec<Element>) -> io::Result<()> {
    *size += element.size();
    if *size > LARGEST {
        return Err(io::Error::other("a bucket is larger than etcd makes it"));
    }
    all.push(element);
    Ok(())
}

/// Each element of a leaf, one at a time.
fn take(extent: &mut Extent<'_>, mut to: impl FnMut(Element) -> io::Result<()>) -> io::Result<()> {
    for entry in extent.entries().map_err(broken)? {
        to(Element {
            is_bucket: entry.is_bucket,
            key: extent.key(&entry)?.to_vec(),
            value: extent
                .bytes(entry.value_at(), entry.value as usize)?
                .to_vec(),
        })?;
    }
    Ok(())
}

fn broken(wrong: Wrong) -> io::Error {
    match wrong {
        Wrong::File(error) => error,
        Wrong::Page(what) => io::Error::other(what),
    }
}

impl Patch {
    /// Write the database as it is to become into an empty file, unless `stop` asks for the end.
    pub(in crate::etcd) fn write(
        &self,
        from: &Database,
        into: &mut File,
        stop: &dyn Fn() -> bool,
    ) -> io::Result<()> {
        let mut source = &from.file;
        source.rewind()?;
        let mut left = self.tail_at;
        while left > 0 {
            if stop() {
                return Err(io::ErrorKind::Interrupted.into());
            }
            // Between two files the kernel copies by itself.
            let copied = io::copy(&mut source.take(left.min(PIECE)), into)?;
            if copied == 0 {
                return Err(io::Error::other(
                    "the file became shorter while it was read",
                ));
            }
            left -= copied;
        }
        into.write_all(&self.tail)?;
        into.write_all_at(&self.meta, self.meta_at)
    }
}
