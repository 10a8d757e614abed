//! Bytes in hexadecimal, as we write them and as the kernel does.

/// Two small letters for each byte.
pub(crate) fn text(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let both = |byte: &u8| [byte >> 4, byte & 15].map(|half| char::from(DIGITS[usize::from(half)]));
    bytes.iter().flat_map(both).collect()
}

/// The bytes that two letters each stand for; `None` where they are no such letters.
pub(crate) fn bytes(text: &str) -> Option<Vec<u8>> {
    let pairs = text.as_bytes().chunks(2);
    pairs
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect()
}

/// An address as `/proc/net/tcp` writes it on a little-endian host: words of four bytes, the last byte first.
pub(crate) fn kernel(octets: &[u8]) -> String {
    octets
        .chunks(4)
        .flat_map(|word| word.iter().rev())
        .map(|byte| format!("{byte:02X}"))
        .collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn each_byte_has_two_letters() {
        assert_eq!(super::text(&[0, 0x0f, 0xa0, 0xff]), "000fa0ff");
        assert_eq!(super::text(&[]), "");
        assert_eq!(super::bytes("000fa0ff"), Some(vec![0, 0x0f, 0xa0, 0xff]));
        assert_eq!(super::bytes("0g"), None);
    }

    #[test]
    fn addresses_are_written_as_the_kernel_writes_them() {
        let own = std::net::Ipv4Addr::new(10, 10, 10, 11);
        assert_eq!(super::kernel(&[127, 0, 0, 1]), "0100007F");
        assert_eq!(
            super::kernel(&own.to_ipv6_mapped().octets()),
            "0000000000000000FFFF00000B0A0A0A"
        );
    }
}
