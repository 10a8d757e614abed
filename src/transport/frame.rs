//! One output of a script, read until its mark: pure, bytes in and bytes out.

use crate::error::{Error, Kind, Result};

/// An output may not be larger than this: one host shall not take all memory of the control machine.
const MOST: usize = 64 << 20;

/// The bytes of an output as they come. Start reading at [`Frame::end`].
pub(crate) struct Frame {
    buffer: Vec<u8>,
    needle: Vec<u8>,
    /// No mark begins before this place.
    searched: usize,
}

impl Frame {
    pub(crate) fn new(mark: &str) -> Frame {
        Frame {
            buffer: Vec::with_capacity(4096),
            needle: format!("\n{mark}").into_bytes(),
            searched: 0,
        }
    }

    /// An error once more has come than may.
    pub(crate) fn bounded(&self) -> Result<()> {
        if self.buffer.len() <= MOST {
            return Ok(());
        }
        Err(Error::new(
            Kind::Remote,
            format!("the output is larger than {} MiB", MOST >> 20),
        )
        .hint("write it to a file there, and copy that: fetch_to(h, path, target)"))
    }

    /// Where the next bytes go.
    pub(crate) fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.buffer
    }

    /// The output, and what stands on the line of the mark; `None` until that line has come whole.
    pub(crate) fn end(&mut self) -> Option<(Vec<u8>, String)> {
        let Some(at) = find(&self.buffer[self.searched..], &self.needle) else {
            self.searched = self.buffer.len().saturating_sub(self.needle.len());
            return None;
        };
        self.searched += at;
        let tail = &self.buffer[self.searched + self.needle.len()..];
        let end = tail.iter().position(|byte| *byte == b'\n')?;
        let line = String::from_utf8_lossy(&tail[..end]).trim().to_string();
        self.buffer.truncate(self.searched);
        Some((std::mem::take(&mut self.buffer), line))
    }
}

/// The status that stands after the mark. One that cannot be read is never taken for success.
pub(crate) fn status(line: &str) -> Result<i32> {
    line.parse().map_err(|_| {
        Error::new(Kind::Unknown, "could not tell how the command ended")
            .because(format!("its status came as `{line}`"))
    })
}

pub(super) fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    if needle.is_empty() || haystack.len() < needle.len() {
        return None;
    }
    let first = needle[0];
    let mut from = 0;
    while let Some(at) = haystack[from..]
        .iter()
        .position(|byte| *byte == first)
        .map(|at| at + from)
    {
        if haystack[at..].starts_with(needle) {
            return Some(at);
        }
        from = at + 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fed `pieces` one after the other.
    fn read(pieces: &[&str]) -> Option<(String, String)> {
        let mut frame = Frame::new("MARK");
        let mut ends = pieces.iter().filter_map(|piece| {
            frame.buffer().extend_from_slice(piece.as_bytes());
            frame.end()
        });
        let (out, line) = ends.next()?;
        Some((String::from_utf8(out).expect("text"), line))
    }

    #[test]
    fn an_output_ends_at_its_mark_however_it_comes() {
        let wanted = Some(("out\n".to_string(), "7".to_string()));
        assert_eq!(read(&["out\n\nMARK 7\n"]), wanted);
        assert_eq!(read(&["ou", "t\n\nMA", "RK", " ", "7", "\n"]), wanted);
        assert_eq!(read(&["\nMARK\n"]), Some((String::new(), String::new())));
        assert_eq!(read(&["out\n\nMARK 7"]), None);
        assert_eq!(read(&["out MARK 7\n"]), None);
    }

    #[test]
    fn a_status_that_cannot_be_read_is_no_success() {
        assert_eq!(status("7").expect("a number"), 7);
        for line in ["", "x", "99999999999", "7 7"] {
            assert_eq!(status(line).expect_err(line).kind, Kind::Unknown);
        }
    }
}
