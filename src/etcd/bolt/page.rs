//! One page with the pages it flows over into, read piece by piece, and its elements, none of which may lie outside.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// Bytes of the head of a page, and of an element of its table.
pub(super) const HEADER: usize = 16;
pub(super) const ELEMENT: usize = 16;

/// Read at once of a page that flows over; a key, which has 32 KiB at most, fits.
const PIECE: usize = 1 << 16;
const LONGEST_KEY: u32 = 1 << 15;
/// bbolt parts a page that has more than four keys and is full.
const LONGEST_BRANCH: u64 = 1 << 18;

pub(super) const BRANCH: u16 = 1;
pub(super) const LEAF: u16 = 2;
pub(super) const META: u16 = 4;
pub(super) const FREELIST: u16 = 16;

/// The value of such a leaf element is a bucket.
pub(super) const BUCKET: u32 = 1;

/// What is wrong with a page, or that its file cannot be read.
pub(super) enum Wrong {
    File(io::Error),
    Page(String),
}

impl From<io::Error> for Wrong {
    fn from(error: io::Error) -> Wrong {
        Wrong::File(error)
    }
}

type Result<T> = std::result::Result<T, Wrong>;

fn wrong<T>(what: impl Into<String>) -> Result<T> {
    Err(Wrong::Page(what.into()))
}

pub(super) fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes(array(bytes, at))
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(array(bytes, at))
}

pub(super) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(array(bytes, at))
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let mut array = [0; N];
    array.copy_from_slice(&bytes[at..at + N]);
    array
}

#[derive(Clone, Copy)]
pub(super) struct Header {
    pub(super) count: u16,
    pub(super) kind: u16,
    pub(super) overflow: u32,
    pub(super) page: u64,
}

impl Header {
    fn parse(bytes: &[u8]) -> Header {
        Header {
            count: u16_at(bytes, 10),
            kind: u16_at(bytes, 8),
            overflow: u32_at(bytes, 12),
            page: u64_at(bytes, 0),
        }
    }

    pub(super) fn has_known_kind(&self) -> bool {
        [BRANCH, LEAF, META, FREELIST].contains(&self.kind)
    }

    pub(super) fn kind_name(&self) -> String {
        match self.kind {
            BRANCH => "branch".into(),
            LEAF => "leaf".into(),
            META => "meta".into(),
            FREELIST => "freelist".into(),
            kind => format!("unknown<{kind:02x}>"),
        }
    }
}

pub(super) struct Child {
    pub(super) key: Vec<u8>,
    pub(super) page: u64,
}

/// An element of a leaf: `key` bytes at `at`, `value` bytes after them.
pub(super) struct Entry {
    at: u64,
    pub(super) is_bucket: bool,
    pub(super) key: u32,
    pub(super) value: u32,
}

impl Entry {
    pub(super) fn value_at(&self) -> u64 {
        self.at + u64::from(self.key)
    }
}

/// The bytes of a page, or of the page inside of a small bucket's value. What is held begins at `from`.
pub(super) struct Extent<'f> {
    file: Option<&'f File>,
    from: u64,
    pub(super) header: Header,
    held: Vec<u8>,
    length: u64,
    position: u64,
}

fn fill(file: &File, page: u64, position: u64, bytes: &mut [u8]) -> io::Result<()> {
    file.read_exact_at(bytes, position)
        .map_err(|error| io::Error::other(format!("page {page}: {error}")))
}

impl<'f> Extent<'f> {
    /// Reads the page, not those it flows over into.
    pub(super) fn read(file: &'f File, page: u64, page_size: u64) -> io::Result<Extent<'f>> {
        let position = page * page_size;
        let mut held = vec![0; usize::try_from(page_size).map_err(io::Error::other)?];
        fill(file, page, position, &mut held)?;
        let header = Header::parse(&held);
        let length = (u64::from(header.overflow) + 1) * page_size;
        Ok(Extent {
            file: Some(file),
            from: 0,
            header,
            held,
            length,
            position,
        })
    }

    pub(super) fn inside(value: Vec<u8>) -> Option<Extent<'f>> {
        let header = Header::parse(value.get(..HEADER)?);
        let length = value.len() as u64;
        Some(Extent {
            file: None,
            from: 0,
            header,
            held: value,
            length,
            position: 0,
        })
    }

    /// `length` bytes at a place of the page; they are in it, or it is an error.
    pub(super) fn bytes(&mut self, at: u64, length: usize) -> io::Result<&[u8]> {
        let end = at + length as u64;
        if end > self.length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if (at < self.from || end > self.from + self.held.len() as u64)
            && let Some(file) = self.file
        {
            let rest = usize::try_from(self.length - at).unwrap_or(usize::MAX);
            self.held.resize(length.max(PIECE).min(rest), 0);
            fill(file, self.header.page, self.position + at, &mut self.held)?;
            self.from = at;
        }
        let start = usize::try_from(at - self.from).map_err(io::Error::other)?;
        self.held
            .get(start..start + length)
            .ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }

    /// Passes `length` bytes on in pieces.
    pub(super) fn each_piece(
        &mut self,
        mut at: u64,
        length: u64,
        mut to: impl FnMut(&[u8]),
    ) -> io::Result<()> {
        let end = at + length;
        while at < end {
            let piece = usize::try_from(end - at).unwrap_or(PIECE).min(PIECE);
            to(self.bytes(at, piece)?);
            at += piece as u64;
        }
        Ok(())
    }

    pub(super) fn key(&mut self, entry: &Entry) -> io::Result<&[u8]> {
        self.bytes(entry.at, entry.key as usize)
    }

    fn table(&mut self) -> Result<Vec<u8>> {
        let size = usize::from(self.header.count) * ELEMENT;
        if (HEADER + size) as u64 > self.length {
            return wrong(format!(
                "{} elements are more than the page can hold",
                self.header.count
            ));
        }
        Ok(self.bytes(HEADER as u64, size)?.to_vec())
    }

    pub(super) fn children(&mut self) -> Result<Vec<Child>> {
        if self.header.count == 0 {
            return wrong("a branch page without elements");
        }
        if self.length > LONGEST_BRANCH {
            return wrong(format!(
                "{} pages of overflow are more than a branch page can have",
                self.header.overflow
            ));
        }
        let table = self.table()?;
        let mut free = (HEADER + table.len()) as u64;
        let mut children = Vec::with_capacity(usize::from(self.header.count));
        for (index, element) in table.chunks_exact(ELEMENT).enumerate() {
            let (position, key) = (u32_at(element, 0), u32_at(element, 4));
            let at = self.place(index, position, key, 0, &mut free)?;
            children.push(Child {
                key: self.bytes(at, key as usize)?.to_vec(),
                page: u64_at(element, 8),
            });
        }
        Ok(children)
    }

    pub(super) fn entries(&mut self) -> Result<Vec<Entry>> {
        let table = self.table()?;
        let mut free = (HEADER + table.len()) as u64;
        let mut entries = Vec::with_capacity(usize::from(self.header.count));
        for (index, element) in table.chunks_exact(ELEMENT).enumerate() {
            let (flags, position, key, value) = (
                u32_at(element, 0),
                u32_at(element, 4),
                u32_at(element, 8),
                u32_at(element, 12),
            );
            if flags > BUCKET {
                return wrong(format!("element {index} has unknown flags {flags:#x}"));
            }
            let at = self.place(index, position, key, value, &mut free)?;
            entries.push(Entry {
                at,
                is_bucket: flags == BUCKET,
                key,
                value,
            });
        }
        Ok(entries)
    }

    /// Where the key of an element is, whose position counts from the element itself.
    ///
    /// bbolt writes keys and values in the order of the elements. To insist on it keeps the work linear: no byte is read twice.
    fn place(
        &self,
        index: usize,
        position: u32,
        key: u32,
        value: u32,
        free: &mut u64,
    ) -> Result<u64> {
        if key == 0 || key > LONGEST_KEY {
            return wrong(format!("the key of element {index} has {key} bytes"));
        }
        let at = (HEADER + index * ELEMENT) as u64 + u64::from(position);
        if at < *free {
            return wrong(format!("element {index} overlaps another one"));
        }
        *free = at + u64::from(key) + u64::from(value);
        if *free > self.length {
            wrong(format!("element {index} reaches beyond the page"))
        } else {
            Ok(at)
        }
    }

    /// How many free pages a freelist page names, and where the first one is.
    pub(super) fn free_pages(&mut self) -> Result<(u64, u64)> {
        let (mut count, mut at) = (u64::from(self.header.count), HEADER as u64);
        if self.header.count == u16::MAX {
            count = u64_at(self.bytes(at, 8)?, 0);
            at += 8;
        }
        if count > (self.length - at) / 8 {
            wrong(format!(
                "{count} free pages are more than the page can hold"
            ))
        } else {
            Ok((count, at))
        }
    }
}
