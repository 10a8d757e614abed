//! `snapshot`: a member's database in a file.

pub(super) mod save;
pub(super) mod status;
