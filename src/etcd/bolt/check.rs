//! Walks through all pages of a file once, looks at each as bbolt's own check does, and shows keys and values to a tally.

use std::io;

use super::Database;
use super::page::{BRANCH, Entry, Extent, FREELIST, LEAF, META, Wrong, u64_at};
use super::page_set::PageSet;
use super::problem::Problems;
use super::tally::Tally;
use crate::hex;

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
        Bucket {
            found: Default::default(),
            level,
            path: Vec::new(),
        }
    }

    fn problems(self) -> Problems {
        self.found
            .into_iter()
            .fold(Problems::default(), |mut all, some| {
                all.append(some);
                all
            })
    }

    fn add(&mut self, kind: usize, line: String) {
        self.found[kind].add(line);
    }

    /// `last` is the key before this one, wherever it is.
    fn order(&mut self, found: &Found<'_>, last: &[u8], bounds: Bounds<'_>) {
        let key = found.key;
        let first = if found.index == 0 {
            bounds.above.filter(|above| *above > key)
        } else {
            None
        };
        let next = bounds.below.filter(|below| key >= *below);
        let is_behind = found.index > 0 && last >= key;
        if first.is_none() && next.is_none() && !is_behind {
            return;
        }
        let name = format!(
            "key[{}]=(hex){} on {} page({}) needs to be",
            found.index,
            hex::text(key),
            found.kind,
            found.page
        );
        let stack = self.stack();
        if let Some(above) = first {
            self.add(
                ORDER,
                format!(
                    "the first {name} >= the key in the ancestor ({}). Stack: {stack}",
                    hex::text(above)
                ),
            );
        }
        if is_behind {
            let sign = if last == key { "=" } else { "<" };
            self.add(
                ORDER,
                format!(
                    "{name} > (found {sign}) than previous element (hex){}. Stack: {stack}",
                    hex::text(last)
                ),
            );
        }
        if let Some(below) = next {
            self.add(ORDER, format!("{name} < than key of the next element in ancestor (hex){}. Pages stack: {stack}", hex::text(below)));
        }
    }

    /// As Go prints a list.
    fn stack(&self) -> String {
        let path: Vec<String> = self.path.iter().map(u64::to_string).collect();
        format!("[{}]", path.join(" "))
    }
}

/// What the keys of a page must be: at or above the first, and below the second.
#[derive(Clone, Copy, Default)]
struct Bounds<'k> {
    above: Option<&'k [u8]>,
    below: Option<&'k [u8]>,
}

/// A key where it is found; for an element of a branch the page is its child.
struct Found<'k> {
    index: usize,
    key: &'k [u8],
    kind: &'static str,
    page: u64,
}

/// What is wrong with the file, and the tally if nothing is.
pub(super) fn check(database: &Database) -> io::Result<std::result::Result<Tally, Problems>> {
    let end = database.meta.end;
    let mut check = Check {
        database,
        freed: None,
        reached: PageSet::new(end),
        tally: Tally::new(),
    };
    let mut problems = Problems::default();
    for page in [0, 1] {
        check.reached.insert(page);
        let header = check.read(page)?.header;
        if header.page != page || header.kind != META {
            problems.add(format!(
                "page {page}: expected to be a meta page, says that it is page {}, {}",
                header.page,
                header.kind_name()
            ));
        }
    }
    problems.append(check.freelist()?);
    let mut root = Bucket::new(0);
    check.page(&mut root, database.meta.root, Bounds::default())?;
    problems.append(root.problems());
    if let Some(freed) = &check.freed {
        let lost = (0..end).filter(|page| !check.reached.has(*page) && !freed.has(*page));
        lost.for_each(|page| problems.add(format!("page {page}: unreachable unfreed")));
    }
    Ok(if problems.count == 0 {
        Ok(check.tally)
    } else {
        Err(problems)
    })
}

impl<'d> Check<'d> {
    fn read(&self, page: u64) -> io::Result<Extent<'d>> {
        Extent::read(&self.database.file, page, self.database.meta.page_size)
    }

    fn freelist(&mut self) -> io::Result<Problems> {
        let mut problems = Problems::default();
        let Some(page) = self.database.meta.freelist else {
            return Ok(problems);
        };
        let mut extent = self.read(page)?;
        if extent.header.kind != FREELIST || extent.header.page != page {
            problems.add(format!(
                "invalid freelist page: {page}, page type is {}",
                extent.header.kind_name()
            ));
            return Ok(problems);
        }
        let last = page + u64::from(extent.header.overflow);
        if !self.database.meta.holds(last) {
            problems.add(format!(
                "page {page}: {} pages of overflow reach beyond the last page",
                extent.header.overflow
            ));
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
                problems.add(format!(
                    "page {page}: page {free} is free and outside of the file"
                ));
            } else if !freed.insert(free) {
                problems.add(format!("page {free}: already freed"));
            }
        }
        self.freed = Some(freed);
        Ok(problems)
    }

    /// The last key of the page and all below it; empty when there is none.
    fn page(&mut self, bucket: &mut Bucket, page: u64, bounds: Bounds<'_>) -> io::Result<Vec<u8>> {
        bucket.path.push(page);
        let last = match self.sound(bucket, page)? {
            Some(extent) if extent.header.kind == BRANCH => self.branch(bucket, extent, bounds),
            Some(extent) if extent.header.kind == LEAF => self.leaf(bucket, page, extent, bounds),
            _ => Ok(Vec::new()),
        };
        bucket.path.pop();
        match last {
            Ok(last) => Ok(last),
            Err(Wrong::File(error)) => Err(error),
            Err(Wrong::Page(what)) => {
                bucket.add(PAGES, format!("page {page}: {what}"));
                Ok(Vec::new())
            }
        }
    }

    /// The page, when it is one that can be walked through.
    fn sound(&mut self, bucket: &mut Bucket, page: u64) -> io::Result<Option<Extent<'d>>> {
        let meta = &self.database.meta;
        if page >= meta.end {
            bucket.add(
                PAGES,
                format!(
                    "page {page}: out of bounds: {} (stack: {})",
                    meta.end,
                    bucket.stack()
                ),
            );
            return Ok(None);
        }
        if bucket.path.len() > DEEPEST_TREE {
            bucket.add(PAGES, format!("page {page}: deeper than a tree can be"));
            return Ok(None);
        }
        let extent = self.read(page)?;
        let header = extent.header;
        if header.page != page {
            bucket.add(
                PAGES,
                format!("page {page}: says that it is page {}", header.page),
            );
            return Ok(None);
        }
        if !header.has_known_kind() {
            bucket.add(
                PAGES,
                format!("page {page}: has unexpected type/flags: {:x}", header.kind),
            );
            return Ok(None);
        }
        let last = page + u64::from(header.overflow);
        if last >= meta.end {
            bucket.add(
                PAGES,
                format!(
                    "page {page}: {} pages of overflow reach beyond the last page",
                    header.overflow
                ),
            );
            return Ok(None);
        }
        if let Some(again) = (page..=last).find(|page| !self.reached.insert(*page)) {
            bucket.add(
                PAGES,
                format!(
                    "page {again}: multiple references (stack: {})",
                    bucket.stack()
                ),
            );
            return Ok(None);
        }
        if self.freed.as_ref().is_some_and(|freed| freed.has(page)) {
            bucket.add(PAGES, format!("page {page}: reachable freed"));
        } else if ![BRANCH, LEAF].contains(&header.kind) {
            bucket.add(
                PAGES,
                format!(
                    "page {page}: invalid type: {} (stack: {})",
                    header.kind_name(),
                    bucket.stack()
                ),
            );
            bucket.add(ORDER, format!("unexpected page type for pgId:{page}"));
        }
        Ok(Some(extent))
    }

    fn branch(
        &mut self,
        bucket: &mut Bucket,
        mut extent: Extent<'_>,
        bounds: Bounds<'_>,
    ) -> Result<Vec<u8>, Wrong> {
        let children = extent.children()?;
        // There may be many pages below this one, which is not needed for them.
        drop(extent);
        let mut last = Vec::new();
        for (index, child) in children.iter().enumerate() {
            let found = Found {
                index,
                key: &child.key,
                kind: "branch",
                page: child.page,
            };
            bucket.order(&found, &last, bounds);
            let below = children
                .get(index + 1)
                .map(|next| next.key.as_slice())
                .or(bounds.below);
            last = self.page(
                bucket,
                child.page,
                Bounds {
                    above: Some(&child.key),
                    below,
                },
            )?;
        }
        Ok(last)
    }

    /// `page` is the one to name when the leaf is the value of a small bucket.
    fn leaf(
        &mut self,
        bucket: &mut Bucket,
        page: u64,
        mut extent: Extent<'_>,
        bounds: Bounds<'_>,
    ) -> Result<Vec<u8>, Wrong> {
        let mut last = Vec::new();
        for (index, entry) in extent.entries()?.iter().enumerate() {
            let key = extent.key(entry)?.to_vec();
            bucket.order(
                &Found {
                    index,
                    key: &key,
                    kind: "leaf",
                    page,
                },
                &last,
                bounds,
            );
            self.entry(bucket, page, &mut extent, entry, &key)?;
            last = key;
        }
        Ok(last)
    }

    /// etcd's tools count what is in etcd's own buckets, level 1, and the names of buckets in them.
    fn entry(
        &mut self,
        bucket: &mut Bucket,
        page: u64,
        extent: &mut Extent<'_>,
        entry: &Entry,
        key: &[u8],
    ) -> Result<(), Wrong> {
        if bucket.level == 0 {
            self.tally.bucket(key);
        }
        if bucket.level == 1 && !self.tally.key(key) {
            bucket.add(
                NESTED,
                format!("page {page}: key {} is no revision", hex::text(key)),
            );
        }
        if entry.is_bucket {
            return self.nested(bucket, page, extent, entry, key);
        }
        if bucket.level == 0 {
            bucket.add(
                NESTED,
                format!("cannot get hash of bucket {}", key.escape_ascii()),
            );
        }
        if bucket.level == 1 {
            extent.each_piece(entry.value_at(), u64::from(entry.value), |piece| {
                self.tally.value(piece);
            })?;
        }
        Ok(())
    }

    fn nested(
        &mut self,
        bucket: &mut Bucket,
        page: u64,
        extent: &mut Extent<'_>,
        entry: &Entry,
        name: &[u8],
    ) -> Result<(), Wrong> {
        let size = entry.value as usize;
        let of = format!("bucket `{}`", name.escape_ascii());
        if bucket.level == DEEPEST_BUCKET {
            return Err(Wrong::Page(format!(
                "{of} is in more buckets than etcd knows"
            )));
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
        let inline = Extent::inside(value[BUCKET_HEADER..].to_vec())
            .filter(|inline| inline.header.kind == LEAF);
        let Some(inline) = inline else {
            return Err(Wrong::Page(format!("{of} is no leaf")));
        };
        if let Err(wrong) = self.leaf(&mut inner, page, inline, Bounds::default()) {
            let Wrong::Page(what) = wrong else {
                return Err(wrong);
            };
            inner.add(PAGES, format!("page {page}: {of}: {what}"));
        }
        bucket.found[NESTED].append(inner.problems());
        Ok(())
    }
}
