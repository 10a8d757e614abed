//! The inventory room against the real `ansible-inventory`, and the messages for what is broken.
//!
//! A case is `cases/NAME.yml`, or a folder `cases/NAME/` with a file `args` of arguments to run in it.
//! A host pattern is a line of `patterns.txt`, a broken inventory an entry of `broken.txt` or `broken_ini.txt`.

#![allow(clippy::unwrap_used, reason = "a test that fails says where by itself")]

mod broken;
mod oracle;
mod vault;
