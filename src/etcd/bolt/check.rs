//! Walks through all pages of a file once, looks at each as bbolt's own check does, and shows keys and values to a tally.

use std::io;

use super::Database;
use super::page::{BRANCH, Entry, Extent, FREELIST, LEAF, Wrong, u64_at};
use super::page_set::PageSet;
use super::problem::Problems;
use super::tally::Tally;

/// A tree whose branches have two children at least would be larger than any disk.
const DEEPEST_TREE: usize = 32;
/// etcd nests no bucket in another one; bbolt could.
const DEEPEST_BUCKET: usize = 8;
/// Root page and sequence number before the page of a small bucket.
const BUCKET_HEADER: usize = 16;

struct Check<'d> {
    database: &'d Database,
    /// When the file says which pages are free.
    freed: Option<PageSet>,
    reached: PageSet,
    tally: Tally,
}

/// The bucket that is walked through, and the way from its root to the page that is looked at.
struct Bucket {
    /// In bbolt's order: what is wrong with its pages, with the order of its keys, with the buckets in it.
    found: [Problems; 3],
    /// 0 is the bucket of all buckets, 1 one of etcd's.
    level: usize,
    path: Vec<u64>,
}

const PAGES: usize = 0;
const ORDER: usize = 1;
const NESTED: usize = 2;

impl Bucket {
    fn new(level: usize) -> Bucket {
        Bucket { found: Default::default(), level, path: Vec::new() }
    }

    fn problems(self) -> Problems {
        self.found.into_iter().fold(Problems::default(), |mut all, some| {
            all.append(some);
            all
        })
    }

    fn add(&mut self, kind: usize, line: String) {
        self.found[kind].add(line);
    }

    /// As Go prints a list.
    fn stack(&self) -> String {
        let path: Vec<String> = self.path.iter().map(u64::to_string).collect();
        format!("[{}]", path.join(" "))
    }
}

/// What a key of a page must be: not below the first, and below the second.
#[derive(Clone, Copy, Default)]
struct Bounds<'k> {
    above: Option<&'k [u8]>,
    below: Option<&'k [u8]>,
}

fn hex(key: &[u8]) -> String {
    key.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What is wrong with the file, and the tally if nothing is.
pub(super) fn check(database: &Database) -> io::Result<std::result::Result<Tally, Problems>> {
    let end = database.meta.end;
    let mut check = Check { database, freed: None, reached: PageSet::new(end), tally: Tally::new() };
    check.reached.insert(0);
    check.reached.insert(1);
    let mut problems = check.freelist()?;
    let mut root = Bucket::new(0);
    check.page(&mut root, database.meta.root, Bounds::default())?;
    problems.append(root.problems());
    if let Some(freed) = &check.freed {
        let lost = (0..end).filter(|page| !check.reached.has(*page) && !freed.has(*page));
        lost.for_each(|page| problems.add(format!("page {page}: unreachable unfreed")));
    }
    Ok(if problems.count == 0 { Ok(check.tally) } else { Err(problems) })
}

impl<'d> Check<'d> {
    fn read(&self, page: u64) -> io::Result<Extent<'d>> {
        Extent::read(&self.database.file, page, self.database.meta.page_size)
    }

    fn freelist(&mut self) -> io::Result<Problems> {
        let mut problems = Problems::default();
        let Some(page) = self.database.meta.freelist else { return Ok(problems) };
        let mut extent = self.read(page)?;
        if extent.header.kind != FREELIST || extent.header.page != page {
            problems.add(format!("invalid freelist page: {page}, page type is {}", extent.header.kind_name()));
            return Ok(problems);
        }
        let last = page + u64::from(extent.header.overflow);
        if !self.database.meta.holds(last) {
            problems.add(format!("page {page}: {} pages of overflow reach beyond the last page", extent.header.overflow));
            return Ok(problems);
        }
        (page..=last).for_each(|page| _ = self.reached.insert(page));
        let (count, at) = match extent.free_pages() {
            Ok(list) => list,
            Err(Wrong::File(error)) => return Err(error),
            Err(Wrong::Page(what)) => {
                problems.add(format!("page {page}: {what}"));
                return Ok(problems);
            }
        };
        let mut freed = PageSet::new(self.database.meta.end);
        for number in 0..count {
            let free = u64_at(extent.bytes(at + 8 * number, 8)?, 0);
            if !self.database.meta.holds(free) {
                problems.add(format!("page {page}: page {free} is free and outside of the file"));
            } else if !freed.insert(free) {
                problems.add(format!("page {free}: already freed"));
            }
        }
        self.freed = Some(freed);
        Ok(problems)
    }

    fn page(&mut self, bucket: &mut Bucket, page: u64, bounds: Bounds<'_>) -> io::Result<()> {
        bucket.path.push(page);
        let done = self.sound(bucket, page)?.map(|extent| match extent.header.kind {
            BRANCH => self.branch(bucket, extent, bounds),
            LEAF => self.leaf(bucket, page, extent, bounds),
            _ => Ok(()),
        });
        bucket.path.pop();
        match done {
            None | Some(Ok(())) => Ok(()),
            Some(Err(Wrong::File(error))) => Err(error),
            Some(Err(Wrong::Page(what))) => {
                bucket.add(PAGES, format!("page {page}: {what}"));
                Ok(())
            }
        }
    }

    /// The page, when it is one that can be walked through.
    fn sound(&mut self, bucket: &mut Bucket, page: u64) -> io::Result<Option<Extent<'d>>> {
        let meta = &self.database.meta;
        if page >= meta.end {
            bucket.add(PAGES, format!("page {page}: out of bounds: {} (stack: {})", meta.end, bucket.stack()));
            return Ok(None);
        }
        if bucket.path.len() > DEEPEST_TREE {
            bucket.add(PAGES, format!("page {page}: deeper than a tree can be"));
            return Ok(None);
        }
        let extent = self.read(page)?;
        let header = extent.header;
        if header.page != page {
            bucket.add(PAGES, format!("page {page}: says that it is page {}", header.page));
            return Ok(None);
        }
        if !header.has_known_kind() {
            bucket.add(PAGES, format!("page {page}: has unexpected type/flags: {:x}", header.kind));
            return Ok(None);
        }
        let last = page + u64::from(header.overflow);
        if last >= meta.end {
            bucket.add(PAGES, format!("page {page}: {} pages of overflow reach beyond the last page", header.overflow));
            return Ok(None);
        }
        if let Some(again) = (page..=last).find(|page| !self.reached.insert(*page)) {
            bucket.add(PAGES, format!("page {again}: multiple references (stack: {})", bucket.stack()));
            return Ok(None);
        }
        if self.freed.as_ref().is_some_and(|freed| freed.has(page)) {
            bucket.add(PAGES, format!("page {page}: reachable freed"));
        } else if ![BRANCH, LEAF].contains(&header.kind) {
            bucket.add(PAGES, format!("page {page}: invalid type: {} (stack: {})", header.kind_name(), bucket.stack()));
            bucket.add(ORDER, format!("unexpected page type for pgid:{page}"));
        }
        Ok(Some(extent))
    }

    fn branch(&mut self, bucket: &mut Bucket, mut extent: Extent<'_>, bounds: Bounds<'_>) -> Result<(), Wrong> {
        let page = extent.header.page;
        let children = extent.children()?;
        // The pages below may be many; their ancestors need not stay.
        drop(extent);
        for (index, child) in children.iter().enumerate() {
            let name = || format!("{}) on the branch page({page}) needs to be", hex(&child.key));
            if index == 0 && bounds.above.is_some_and(|above| above > child.key.as_slice()) {
                let line = format!("key ({index}, {} >= to the index in the ancestor. Pages stack: {}", name(), bucket.stack());
                bucket.add(ORDER, line);
            }
            if let Some(below) = bounds.below.filter(|below| child.key.as_slice() >= *below) {
                let next = format!("than key of the next element reachable from the ancestor ({})", hex(below));
                let line = format!("key ({index}: {} < {next}. Pages stack: {}", name(), bucket.stack());
                bucket.add(ORDER, line);
            }
            let next = children.get(index + 1).map(|next| next.key.as_slice()).or(bounds.below);
            self.page(bucket, child.page, Bounds { above: Some(&child.key), below: next })?;
        }
        Ok(())
    }

    /// `page` is the one to name when the leaf is the value of a small bucket.
    fn leaf(&mut self, bucket: &mut Bucket, page: u64, mut extent: Extent<'_>, bounds: Bounds<'_>) -> Result<(), Wrong> {
        let mut previous = Vec::new();
        for (index, entry) in extent.entries()?.iter().enumerate() {
            let key = extent.key(entry)?.to_vec();
            let before = if index == 0 { None } else { Some(previous.as_slice()) };
            order(bucket, page, (index, &key), before, bounds);
            self.entry(bucket, page, &mut extent, entry, &key)?;
            previous = key;
        }
        Ok(())
    }

    /// etcd's tools count what is in etcd's own buckets, level 1, and the names of buckets in them.
    fn entry(&mut self, bucket: &mut Bucket, page: u64, extent: &mut Extent<'_>, entry: &Entry, key: &[u8]) -> Result<(), Wrong> {
        if bucket.level == 0 {
            self.tally.bucket(key);
        }
        if bucket.level == 1 && !self.tally.key(key) {
            bucket.add(NESTED, format!("page {page}: key {} is no revision", hex(key)));
        }
        if entry.is_bucket {
            return self.nested(bucket, page, extent, entry, key);
        }
        if bucket.level == 0 {
            bucket.add(NESTED, format!("cannot get hash of bucket {}", key.escape_ascii()));
        }
        if bucket.level == 1 {
            extent.each_piece(entry.value_at(), u64::from(entry.value), |piece| self.tally.value(piece))?;
        }
        Ok(())
    }

    fn nested(&mut self, bucket: &mut Bucket, page: u64, extent: &mut Extent<'_>, entry: &Entry, name: &[u8]) -> Result<(), Wrong> {
        let size = entry.value as usize;
        let of = format!("bucket `{}`", name.escape_ascii());
        if bucket.level == DEEPEST_BUCKET {
            return Err(Wrong::Page(format!("{of} is in more buckets than etcd knows")));
        }
        if size < BUCKET_HEADER || size as u64 > self.database.meta.page_size {
            return Err(Wrong::Page(format!("{of} has a value of {size} bytes")));
        }
        let value = extent.bytes(entry.value_at(), size)?;
        let root = u64_at(value, 0);
        let mut inner = Bucket::new(bucket.level + 1);
        if root > 0 {
            self.page(&mut inner, root, Bounds::default())?;
            bucket.found[NESTED].append(inner.problems());
            return Ok(());
        }
        let inline = Extent::inside(value[BUCKET_HEADER..].to_vec()).filter(|inline| inline.header.kind == LEAF);
        let Some(inline) = inline else { return Err(Wrong::Page(format!("{of} is no leaf"))) };
        if let Err(wrong) = self.leaf(&mut inner, page, inline, Bounds::default()) {
            let Wrong::Page(what) = wrong else { return Err(wrong) };
            inner.add(PAGES, format!("page {page}: {of}: {what}"));
        }
        bucket.found[NESTED].append(inner.problems());
        Ok(())
    }
}

fn order(bucket: &mut Bucket, page: u64, (index, key): (usize, &[u8]), before: Option<&[u8]>, bounds: Bounds<'_>) {
    let name = || format!("key[{index}]=(hex){} on leaf page({page}) needs to be", hex(key));
    if index == 0 && bounds.above.is_some_and(|above| above > key) {
        bucket.add(ORDER, format!("{} >= to the key in the ancestor. Stack: {}", name(), bucket.stack()));
    }
    if let Some(before) = before.filter(|before| *before >= key) {
        let found = if before == key { "=" } else { "<" };
        bucket.add(ORDER, format!("{} > (found {found}) than previous element (hex){}. Stack: {}", name(), hex(before), bucket.stack()));
    }
    if let Some(below) = bounds.below.filter(|below| key >= *below) {
        bucket.add(ORDER, format!("{} < than key of the next element in ancestor (hex){}. Pages stack: {}", name(), hex(below), bucket.stack()));
    }
}
