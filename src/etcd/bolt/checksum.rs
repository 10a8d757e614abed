//! The two checksums of an etcd file: CRC-32C (Castagnoli) over its content, FNV-1a over a meta page.

/// A CRC-32C that grows piece by piece.
#[derive(Default)]
pub(super) struct Crc(u32);

impl Crc {
    pub(super) fn new() -> Crc {
        Crc::default()
    }

    pub(super) fn add(&mut self, bytes: &[u8]) {
        self.0 = crc32c::crc32c_append(self.0, bytes);
    }

    pub(super) fn value(&self) -> u32 {
        self.0
    }
}

pub(super) fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_known_values_come_out_however_the_bytes_are_cut() {
        // The check value of CRC-32C, and the vectors of RFC 3720, B.4.
        let up: Vec<u8> = (0..32).collect();
        for (bytes, wanted) in [
            (&b"123456789"[..], 0xe306_9283),
            (&[0; 32], 0x8a91_36aa),
            (&[255; 32], 0x62a8_ab43),
            (&up, 0x46dd_794e),
            (&[], 0),
        ] {
            for cut in 0..=bytes.len() {
                let mut crc = Crc::new();
                crc.add(&bytes[..cut]);
                crc.add(&bytes[cut..]);
                assert_eq!(crc.value(), wanted, "{cut}");
            }
        }
        assert_eq!(
            (fnv(b""), fnv(b"foobar")),
            (0xcbf2_9ce4_8422_2325, 0x8594_4171_f739_67e8)
        );
    }
}
