//! Comparisons and operations of `txn`, from its input. Without a cluster it never succeeds, and always says why.

#![no_main]

mod offline;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let (code, said) = offline::carry_out(&["txn"], input);
    assert_eq!(
        code == 0,
        said.is_empty(),
        "{}",
        String::from_utf8_lossy(&said)
    );
});
