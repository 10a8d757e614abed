//! How far a check is: etcdctl's bar on standard output; in native mode a line on a terminal's standard error.

use std::time::{Duration, Instant};

use crate::etcdctl::call::Call;
use crate::etcdctl::form::go;
use crate::terminal;

pub(super) struct Bar {
    changed: Instant,
    current: u64,
    start: Instant,
    strict: bool,
    total: u64,
    visible: bool,
    /// Of the terminal; `None` when there is none.
    width: Option<usize>,
}

/// Between two drawings.
pub(super) const STEP: Duration = Duration::from_millis(200);

impl Bar {
    pub(super) fn new(call: &Call<'_>, total: u64) -> Bar {
        let strict = call.style.strict;
        let shown = strict && crate::terminal::shows_output();
        let width = shown.then(|| terminal::width().unwrap_or(0));
        let now = Instant::now();
        Bar {
            changed: now,
            current: 0,
            start: now,
            strict,
            total,
            visible: strict || call.io.terminal,
            width,
        }
    }

    pub(super) fn draw(&mut self, call: &mut Call<'_>, current: u64) {
        if current != self.current {
            (self.changed, self.current) = (Instant::now(), current);
        }
        self.put(call, &self.left(), "");
    }

    pub(super) fn finish(&mut self, call: &mut Call<'_>) {
        self.current = self.total;
        let spent = Duration::from_secs(self.start.elapsed().as_secs());
        self.put(call, &format!(" {}", go::duration(spent)), "\n");
    }

    fn put(&self, call: &mut Call<'_>, time: &str, end: &str) {
        if !self.visible {
            return;
        }
        let line = line(self.current, self.total, time, self.width);
        // A bar that cannot be drawn is no reason to stop.
        let _ = if self.strict {
            write!(call.io.out, "\r{line}{end}").and_then(|()| call.io.out.flush())
        } else {
            write!(call.io.err, "\r\x1b[K{line}{end}").and_then(|()| call.io.err.flush())
        };
    }

    /// The time that it will take at the pace so far.
    fn left(&self) -> String {
        if self.current == 0 {
            return String::new();
        }
        let each = (self.changed - self.start).as_secs_f64() / number(self.current);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "whole seconds that are more than none"
        )]
        let left = (number(self.total.saturating_sub(self.current)) * each
            - self.changed.elapsed().as_secs_f64())
        .max(0.0) as u64;
        match left {
            0 => String::new(),
            left if left < 3600 => format!(" {:02}m{:02}s", left / 60, left % 60),
            left => format!(
                " {:02}h{:02}m{:02}s",
                left / 3600,
                left / 60 % 60,
                left % 60
            ),
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a count of keys or seconds")]
fn number(count: u64) -> f64 {
    count as f64
}

fn line(current: u64, total: u64, time: &str, width: Option<usize>) -> String {
    let counts = format!(" {current} / {total} ");
    let percent = format!(" {:6.2}%", number(current) * 100.0 / number(total.max(1)));
    let Some(width) = width else {
        return format!("{counts}{percent}{time}");
    };
    let room = width.saturating_sub(counts.len() + percent.len() + time.len() + 2);
    let mut bar = String::new();
    if room > 0 {
        let full =
            usize::try_from((u64::try_from(room).unwrap_or(0) * current).div_ceil(total.max(1)))
                .unwrap_or(room)
                .min(room);
        let (whole, head) = match full {
            0 => (0, ""),
            full if full == room => (room, ""),
            full => (full - 1, "m"),
        };
        bar = format!("B{}{head}{}!", "o".repeat(whole), " ".repeat(room - full));
    }
    format!("{:width$}", format!("{counts}{bar}{percent}{time}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_fits_the_terminal() {
        for (current, time, width, wanted) in [
            (0, "", None, " 0 / 60    0.00%"),
            (1, " 00m59s", None, " 1 / 60    1.67% 00m59s"),
            (
                30,
                " 00m30s",
                Some(40),
                " 30 / 60 Boooooom       !  50.00% 00m30s",
            ),
            (
                60,
                " 1m0s",
                Some(40),
                " 60 / 60 Boooooooooooooooo! 100.00% 1m0s",
            ),
            (60, "", Some(10), " 60 / 60  100.00%"),
        ] {
            assert_eq!(line(current, 60, time, width), wanted);
        }
    }
}
