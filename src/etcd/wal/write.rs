//! The log that a restored member begins with: byte for byte the one that etcd's own tools write up to 3.6.
//!
//! 3.7 leaves out two numbers that are zero, and reads them all the same. Integers of the messages are all unsigned here: of
//! those that are written none is negative.

use super::{CRC, ENTRY, METADATA, SNAPSHOT, STATE};

/// A message in the encoding of protobuf, whose fields are written even when they are zero.
#[derive(Default)]
pub(in crate::etcd) struct Fields(Vec<u8>);

impl Fields {
    pub(in crate::etcd) fn number(mut self, tag: u8, value: u64) -> Fields {
        self.0.push(tag << 3);
        self.varint(value);
        self
    }

    pub(in crate::etcd) fn bytes(mut self, tag: u8, value: &[u8]) -> Fields {
        self.0.push(tag << 3 | 2);
        self.varint(value.len() as u64);
        self.0.extend_from_slice(value);
        self
    }

    fn varint(&mut self, mut value: u64) {
        while value > 0x7f {
            self.0.push(value.to_le_bytes()[0] | 0x80);
            value >>= 7;
        }
        self.0.push(value.to_le_bytes()[0]);
    }

    pub(in crate::etcd) fn done(self) -> Vec<u8> {
        self.0
    }
}

/// A log file from its beginning. Each record carries the sum of all data before it and its own.
pub(in crate::etcd) struct Log {
    bytes: Vec<u8>,
    sum: u32,
}

impl Log {
    /// Of this member of this cluster.
    pub(in crate::etcd) fn new(member: u64, cluster: u64) -> Log {
        let mut log = Log {
            bytes: Vec::new(),
            sum: 0,
        };
        log.record(CRC, None);
        let whose = Fields::default().number(1, member).number(2, cluster);
        log.record(METADATA, Some(&whose.done()));
        log
    }

    /// A change of the membership, which is all that such a log has.
    pub(in crate::etcd) fn change(&mut self, term: u64, index: u64, change: &[u8]) {
        let entry = Fields::default().number(1, 1).number(2, term);
        let entry = entry.number(3, index).bytes(4, change);
        self.record(ENTRY, Some(&entry.done()));
    }

    pub(in crate::etcd) fn state(&mut self, term: u64, vote: u64, commit: u64) {
        let state = Fields::default().number(1, term).number(2, vote);
        self.record(STATE, Some(&state.number(3, commit).done()));
    }

    /// Where a snapshot is, and who votes there: not said of the one that every log begins with.
    pub(in crate::etcd) fn snapshot(&mut self, index: u64, term: u64, voters: Option<&[u8]>) {
        let mut mark = Fields::default().number(1, index).number(2, term);
        if let Some(voters) = voters {
            mark = mark.bytes(3, voters);
        }
        self.record(SNAPSHOT, Some(&mark.done()));
    }

    pub(in crate::etcd) fn done(self) -> Vec<u8> {
        self.bytes
    }

    /// A frame: eight bytes with the length, in the highest of which stands how many bytes fill it up to eight again.
    fn record(&mut self, kind: i64, data: Option<&[u8]>) {
        if let Some(data) = data {
            self.sum = crc32c::crc32c_append(self.sum, data);
        }
        let mut body = Fields::default()
            .number(1, kind.unsigned_abs())
            .number(2, self.sum.into());
        if let Some(data) = data {
            body = body.bytes(3, data);
        }
        let body = body.done();
        let padding = (8 - body.len() % 8) % 8;
        let mut head = body.len() as u64;
        if padding > 0 {
            head |= (0x80 | padding as u64) << 56;
        }
        self.bytes.extend(head.to_le_bytes());
        self.bytes.extend(&body);
        self.bytes.resize(self.bytes.len() + padding, 0);
    }
}
