//! The inventory room against the real `ansible-inventory`, and the messages for what is broken.
//!
//! A case is `cases/NAME.yml`, or a folder `cases/NAME/` with a file `args` of arguments to run in it.
//! A host pattern is a line of `patterns.txt`, a broken inventory an entry of `broken.rs`.

mod broken;
mod oracle;
