//! `snapshot`: a member's database in a file, and a member's data of such a file.

pub(super) mod restore;
pub(super) mod save;
pub(super) mod status;
