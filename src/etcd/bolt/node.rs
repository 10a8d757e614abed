//! The bytes of a leaf page and of a branch page, as bbolt writes them.

use super::page::{BRANCH, BUCKET, ELEMENT, HEADER, LEAF};

/// An element of a leaf: a pair, or a bucket by its name.
#[derive(Clone)]
pub(super) struct Element {
    pub(super) is_bucket: bool,
    pub(super) key: Vec<u8>,
    pub(super) value: Vec<u8>,
}

impl Element {
    pub(super) fn bucket(name: &[u8], root: u64, sequence: u64) -> Element {
        Element {
            is_bucket: true,
            key: name.to_vec(),
            value: [root.to_le_bytes(), sequence.to_le_bytes()].concat(),
        }
    }

    pub(super) fn pair(key: &[u8], value: &[u8]) -> Element {
        Element {
            is_bucket: false,
            key: key.to_vec(),
            value: value.to_vec(),
        }
    }

    /// What it takes of a page.
    pub(super) fn size(&self) -> usize {
        ELEMENT + self.key.len() + self.value.len()
    }
}

/// Whole pages; `page` is the number of the first.
pub(super) fn leaf(page: u64, page_size: u64, elements: &[Element]) -> Vec<u8> {
    let mut table = Vec::new();
    let mut content = Vec::new();
    for (index, element) in elements.iter().enumerate() {
        let position = (elements.len() - index) * ELEMENT + content.len();
        let flags = if element.is_bucket { BUCKET } else { 0 };
        let sizes = [position, element.key.len(), element.value.len()];
        table.extend(flags.to_le_bytes());
        table.extend(sizes.into_iter().flat_map(short));
        content.extend_from_slice(&element.key);
        content.extend_from_slice(&element.value);
    }
    pages(page, page_size, LEAF, elements.len(), &[table, content])
}

/// The same for a branch, whose children are the first key below and the page.
pub(super) fn branch(page: u64, page_size: u64, children: &[(Vec<u8>, u64)]) -> Vec<u8> {
    let mut table = Vec::new();
    let mut content = Vec::new();
    for (index, (key, child)) in children.iter().enumerate() {
        let position = (children.len() - index) * ELEMENT + content.len();
        table.extend(short(position));
        table.extend(short(key.len()));
        table.extend(child.to_le_bytes());
        content.extend_from_slice(key);
    }
    pages(page, page_size, BRANCH, children.len(), &[table, content])
}

fn short(number: usize) -> [u8; 4] {
    let number = u32::try_from(number).expect("etcd's values are below a gigabyte");
    number.to_le_bytes()
}

fn pages(page: u64, page_size: u64, kind: u16, count: usize, parts: &[Vec<u8>; 2]) -> Vec<u8> {
    let count = u16::try_from(count).expect("the elements of a page fit into it");
    let size = HEADER + parts[0].len() + parts[1].len();
    let page_size = usize::try_from(page_size).expect("a page has 64 KiB at most");
    let number = size.div_ceil(page_size);
    let mut bytes = Vec::with_capacity(number * page_size);
    bytes.extend(page.to_le_bytes());
    bytes.extend(kind.to_le_bytes());
    bytes.extend(count.to_le_bytes());
    bytes.extend(short(number - 1));
    bytes.extend_from_slice(&parts[0]);
    bytes.extend_from_slice(&parts[1]);
    bytes.resize(number * page_size, 0);
    bytes
}
