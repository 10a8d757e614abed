//! Doors to what no other crate needs, for the targets of `fuzz/`.

use crate::transport::frame::{Frame, status};

/// The output and the status in an answer that comes in these pieces; `None` while it is not whole.
#[must_use]
pub fn answer<'a>(
    mark: &str,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> Option<(Vec<u8>, Option<i32>)> {
    let mut frame = Frame::new(mark);
    for piece in pieces {
        frame.buffer().extend_from_slice(piece);
        if let Some((output, line)) = frame.end() {
            return Some((output, status(&line).ok()));
        }
    }
    None
}
