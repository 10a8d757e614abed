//! `snapshot`: a member's database in a file.

pub(super) mod save;
