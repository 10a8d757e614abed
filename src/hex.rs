//! Bytes in hexadecimal.

/// Two small letters for each byte.
pub(crate) fn text(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let both = |byte: &u8| [byte >> 4, byte & 15].map(|half| char::from(DIGITS[usize::from(half)]));
    bytes.iter().flat_map(both).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn each_byte_has_two_letters() {
        assert_eq!(super::text(&[0, 0x0f, 0xa0, 0xff]), "000fa0ff");
        assert_eq!(super::text(&[]), "");
    }
}
