//! What is in a database and in a log, read by the simplest of readers: nothing here is ours.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

pub(super) type Buckets = BTreeMap<Vec<u8>, BTreeMap<Vec<u8>, Vec<u8>>>;

fn short(bytes: &[u8], at: usize) -> usize {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize
}

fn long(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap())
}

/// Elements of the page that begins here, and of all below it: whether it is a bucket, its key, its value.
fn elements(file: &[u8], page: &[u8], all: &mut Vec<(bool, Vec<u8>, Vec<u8>)>) {
    let is_branch = page[8] & 1 == 1;
    for index in 0..usize::from(u16::from_le_bytes([page[10], page[11]])) {
        let at = 16 + 16 * index;
        if is_branch {
            let child = usize::try_from(long(page, at + 8)).unwrap();
            elements(file, &file[child * 4096..], all);
            continue;
        }
        let (key, value) = (short(page, at + 8), short(page, at + 12));
        let from = at + short(page, at + 4);
        let key = page[from..from + key].to_vec();
        let from = from + key.len();
        all.push((page[at] == 1, key, page[from..from + value].to_vec()));
    }
}

pub(super) fn buckets(database: &Path) -> Buckets {
    let file = fs::read(database).unwrap();
    let newest = [0, 4096]
        .into_iter()
        .max_by_key(|at| long(&file, at + 64))
        .unwrap();
    let page = |number: u64| &file[usize::try_from(number).unwrap() * 4096..];
    let mut names = Vec::new();
    elements(&file, page(long(&file, newest + 32)), &mut names);
    let inside = |(is_bucket, name, value): (bool, Vec<u8>, Vec<u8>)| {
        assert!(is_bucket);
        let mut pairs = Vec::new();
        match long(&value, 0) {
            0 => elements(&file, &value[16..], &mut pairs),
            root => elements(&file, page(root), &mut pairs),
        }
        let pairs = pairs.into_iter().map(|(_, key, value)| (key, value));
        (name, pairs.collect())
    };
    names.into_iter().map(inside).collect()
}

fn varint(bytes: &mut &[u8]) -> u64 {
    let mut value = 0;
    for shift in 0.. {
        let byte = bytes[0];
        *bytes = &bytes[1..];
        value |= u64::from(byte & 0x7f) << (7 * shift);
        if byte < 0x80 {
            break;
        }
    }
    value
}

/// The fields of a message that are not zero, `within` naming the one that is a message, and the one within that.
fn fields(mut bytes: &[u8], within: &[u64]) -> String {
    let mut said = String::new();
    while !bytes.is_empty() {
        let tag = varint(&mut bytes);
        let value = varint(&mut bytes);
        if tag.is_multiple_of(8) {
            if value != 0 {
                said += &format!("{}={value} ", tag >> 3);
            }
            continue;
        }
        let (part, rest) = bytes.split_at(usize::try_from(value).unwrap());
        bytes = rest;
        said += &match within.split_first() {
            Some((message, within)) if *message == tag >> 3 => {
                format!("{message}({}) ", fields(part, within))
            }
            _ => format!("{}={} ", tag >> 3, part.escape_ascii()),
        };
    }
    said
}

/// The records of a log, the sums left out; what follows them must be zeros.
pub(super) fn records(path: &Path) -> Vec<String> {
    let log = fs::read(path).unwrap();
    let mut at = 0;
    let mut all = Vec::new();
    while long(&log, at) != 0 {
        let head = long(&log, at);
        let length = usize::try_from(head & 0x00ff_ffff_ffff_ffff).unwrap();
        let mut body = &log[at + 8..at + 8 + length];
        let (_, kind, _, _) = (
            varint(&mut body),
            varint(&mut body),
            varint(&mut body),
            varint(&mut body),
        );
        if !body.is_empty() {
            let (_, _) = (varint(&mut body), varint(&mut body));
        }
        let within: &[u64] = match kind {
            2 => &[4],
            5 => &[3],
            _ => &[],
        };
        all.push(format!("{kind}: {}", fields(body, within)));
        at += 8 + length.next_multiple_of(8);
    }
    assert!(log[at..].iter().all(|byte| *byte == 0));
    all
}
