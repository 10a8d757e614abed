//! Tells the linker to lay the functions of one `put` and one `get` side by side: see `order.ld`. Owns nothing else.
//!
//! Only where it counts: in an optimized program for Linux. Rust's own lld there, GNU ld and zig's lld read the script; gold and mold
//! do not, and get none: there the program only takes more memory.

#![allow(clippy::print_stdout, reason = "cargo reads what it says")]

fn main() {
    println!("cargo:rerun-if-changed=src/link/build.rs");
    println!("cargo:rerun-if-changed=src/link/order.ld");
    let is = |name: &str, value: &str| std::env::var(name).is_ok_and(|found| found == value);
    let flags = std::env::var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default();
    let reads = ["fuse-ld=gold", "fuse-ld=mold", "fuse-ld=wild"]
        .iter()
        .all(|other| !flags.contains(other));
    if is("CARGO_CFG_TARGET_OS", "linux") && !is("OPT_LEVEL", "0") && reads {
        let folder = std::env::var("CARGO_MANIFEST_DIR").unwrap_or_default();
        println!("cargo:rustc-link-arg-bins=-Wl,-T,{folder}/src/link/order.ld");
    }
}
