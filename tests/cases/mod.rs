//! Tests that are files: one case each, whose name is the sentence that it proves.
//!
//! Needs no host and no rights. Start reading at `primitive/mod.rs`.

mod primitive;
