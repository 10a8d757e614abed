//! What a host sends back, in pieces of any size: it ends at the mark, and where it is cut makes no difference.

#![no_main]

use etcdsh::fuzzing::answer;
use libfuzzer_sys::fuzz_target;

const MARK: &str = "MARK";

fuzz_target!(|input: (u8, &[u8])| {
    let (size, bytes) = input;
    let whole = answer(MARK, [bytes]);
    let mut pieces = answer(MARK, bytes.chunks(usize::from(size).max(1)));
    if whole.is_none() {
        assert_eq!(pieces, None);
    }
    let Some((output, _)) = &whole else { return };
    assert!(bytes.starts_with(output));
    assert_eq!(pieces.take(), whole);
    let needle = format!("\n{MARK}");
    let inside = output
        .windows(needle.len())
        .any(|part| part == needle.as_bytes());
    assert!(!inside, "a mark is in the output");
});
