//! The first two pages say where everything begins. They are written in turn, and the newer one that is whole counts.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileExt;

use super::checksum::fnv;
use super::page::{HEADER, META, u32_at, u64_at};

const MAGIC: u32 = 0xED0C_DAED;
const VERSION: u32 = 2;
/// What follows the header of the page; the last eight bytes are the checksum of those before.
const SIZE: usize = 64;
const SUMMED: usize = 56;
/// The page size when no meta page tells it.
const USUAL: u64 = 4096;
/// Pages are as large as those of the system that made the file: 1 KiB to 64 KiB.
const PAGE_SIZES: [u64; 7] = [
    1 << 10,
    1 << 11,
    1 << 12,
    1 << 13,
    1 << 14,
    1 << 15,
    1 << 16,
];
/// In place of a page: the free pages are not written down, as in every file of etcd 3.4 and later.
const NO_FREELIST: u64 = u64::MAX;

#[derive(Clone, Copy, Debug)]
pub(super) struct Meta {
    /// The pages are numbered below it.
    pub(super) end: u64,
    flags: u32,
    pub(super) freelist: Option<u64>,
    pub(super) page_size: u64,
    pub(super) root: u64,
    /// Of the bucket of all buckets; etcd does not use it.
    sequence: u64,
    transaction: u64,
}

/// A meta page, or etcdctl's words for what it is instead.
type Parsed = Result<Meta, &'static str>;

pub(super) enum Wrong {
    File(io::Error),
    /// etcdctl's words, and why.
    Format(&'static str, String),
}

impl Meta {
    pub(super) fn newest(file: &File, length: u64) -> Result<Meta, Wrong> {
        let invalid = |why: String| Err(Wrong::Format("invalid database", why));
        if length == 0 {
            return invalid("the file is empty".into());
        }
        if length < USUAL {
            return invalid(format!("{length} bytes are less than a page"));
        }
        let (first, second) = pair(file).map_err(Wrong::File)?;
        let page_size = first
            .as_ref()
            .or(second.as_ref())
            .map_or(USUAL, |meta| meta.page_size);
        if length < 2 * page_size {
            return Err(Wrong::Format(
                "file size too small",
                format!("{length} bytes are less than two pages of {page_size}"),
            ));
        }
        let meta = match (first, second) {
            (Ok(first), Ok(second)) if second.transaction > first.transaction => second,
            (Ok(meta), _) | (Err(_), Ok(meta)) => meta,
            (Err(what), Err(_)) => {
                return Err(Wrong::Format(
                    what,
                    "neither of the first two pages is a meta page of bbolt".into(),
                ));
            }
        };
        if meta.end > length / meta.page_size {
            let whole = length / meta.page_size;
            return invalid(format!(
                "the file is cut off: it should have {} pages of {} bytes and has {whole}",
                meta.end, meta.page_size
            ));
        }
        if !meta.holds(meta.root) || meta.freelist.is_some_and(|page| !meta.holds(page)) {
            return invalid(format!(
                "the meta page points outside of its {} pages",
                meta.end
            ));
        }
        Ok(meta)
    }

    /// Whether it is the number of a page that is no meta page.
    pub(super) fn holds(&self, page: u64) -> bool {
        (2..self.end).contains(&page)
    }

    fn at(file: &File, position: u64) -> io::Result<Parsed> {
        let mut bytes = [0; HEADER + SIZE];
        match file.read_exact_at(&mut bytes, position) {
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
                return Ok(Err("invalid database"));
            }
            read => read?,
        }
        Ok(Meta::parse(&bytes[HEADER..]))
    }

    fn parse(bytes: &[u8]) -> Parsed {
        if u32_at(bytes, 0) != MAGIC {
            return Err("invalid database");
        }
        if u32_at(bytes, 4) != VERSION {
            return Err("version mismatch");
        }
        if u64_at(bytes, SUMMED) != fnv(&bytes[..SUMMED]) {
            return Err("checksum error");
        }
        let page_size = u64::from(u32_at(bytes, 8));
        if !PAGE_SIZES.contains(&page_size) {
            return Err("invalid database");
        }
        let freelist = Some(u64_at(bytes, 32)).filter(|page| *page != NO_FREELIST);
        Ok(Meta {
            end: u64_at(bytes, 40),
            flags: u32_at(bytes, 12),
            freelist,
            page_size,
            root: u64_at(bytes, 16),
            sequence: u64_at(bytes, 24),
            transaction: u64_at(bytes, 48),
        })
    }

    /// Both of a new file.
    pub(super) fn pair(page_size: u64, root: u64, end: u64) -> [Meta; 2] {
        [0, 1].map(|transaction| Meta {
            end,
            flags: 0,
            freelist: None,
            page_size,
            root,
            sequence: 0,
            transaction,
        })
    }

    /// Behind this one, with another root and more pages. Free pages are not written down: bbolt finds them when it opens.
    pub(super) fn next(&self, root: u64, end: u64) -> Meta {
        Meta {
            end,
            freelist: None,
            root,
            transaction: self.transaction + 1,
            ..*self
        }
    }

    /// Which of the first two pages it is written to.
    pub(super) fn place(&self) -> u64 {
        self.transaction % 2
    }

    /// The beginning of the page `number`; what follows there means nothing.
    pub(super) fn page(&self, number: u64) -> Vec<u8> {
        let page_size = u32::try_from(self.page_size).expect("a page has 64 KiB at most");
        let mut bytes = [&number.to_le_bytes()[..], &META.to_le_bytes(), &[0; 6]].concat();
        for half in [MAGIC, VERSION, page_size, self.flags] {
            bytes.extend(half.to_le_bytes());
        }
        let freelist = self.freelist.unwrap_or(NO_FREELIST);
        for whole in [
            self.root,
            self.sequence,
            freelist,
            self.end,
            self.transaction,
        ] {
            bytes.extend(whole.to_le_bytes());
        }
        let sum = fnv(&bytes[HEADER..]);
        bytes.extend(sum.to_le_bytes());
        bytes
    }
}

/// Where the second page begins, the first one says; when it cannot, the places where it could begin are tried.
fn pair(file: &File) -> io::Result<(Parsed, Parsed)> {
    let first = Meta::at(file, 0)?;
    if let Ok(meta) = &first {
        let second = Meta::at(file, meta.page_size)?;
        return Ok((first, second));
    }
    for page_size in PAGE_SIZES {
        if let Ok(second) = Meta::at(file, page_size)?
            && second.page_size == page_size
        {
            return Ok((first, Ok(second)));
        }
    }
    Ok((first, Err("invalid database")))
}
