//! Numbers as a person reads them: bytes, durations, rates. Pure.

/// Without its fraction; what is no such number becomes the nearest one.
#[expect(clippy::cast_possible_truncation, reason = "that is what is wanted")]
pub(super) fn whole(value: f64) -> i64 {
    value as i64
}

/// `1.4 GiB`, three digits.
pub(super) fn bytes(value: f64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = value;
    let mut unit = 0;
    while value >= 1000.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    if unit == 0 {
        format!("{value:.0} B")
    } else {
        format!("{} {}", three_digits(value), UNITS[unit])
    }
}

fn three_digits(value: f64) -> String {
    if value < 9.995 {
        format!("{value:.2}")
    } else if value < 99.95 {
        format!("{value:.1}")
    } else {
        format!("{value:.0}")
    }
}

/// A time that something takes: `0.4ms`, `12ms`, `1.5s`.
pub(super) fn latency(seconds: f64) -> String {
    match seconds {
        0.0 => "0".into(),
        s if s < 0.001 => format!("{:.2}ms", s * 1e3),
        s if s < 0.01 => format!("{:.1}ms", s * 1e3),
        s if s < 1.0 => format!("{:.0}ms", s * 1e3),
        s => format!("{s:.1}s"),
    }
}

/// How long something has been so: `8s`, `5m`, `3h 12m`, `17d 4h`.
pub(super) fn age(seconds: i64) -> String {
    let seconds = seconds.max(0);
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m {}s", seconds / 60, seconds % 60),
        3600..86_400 => format!("{}h {}m", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{}d {}h", seconds / 86_400, seconds % 86_400 / 3600),
    }
}

/// Things in a second.
pub(super) fn rate(value: f64) -> String {
    match value {
        v if v < 0.05 => "0".into(),
        v if v < 9.95 => format!("{v:.1}"),
        v if v < 9_999.5 => format!("{v:.0}"),
        v => format!("{}k", three_digits(v / 1000.0)),
    }
}

pub(super) fn count(value: f64) -> String {
    match value {
        v if v < 99_999.5 => format!("{v:.0}"),
        v if v < 9_999_500.0 => format!("{}k", three_digits(v / 1e3)),
        v => format!("{}M", three_digits(v / 1e6)),
    }
}

pub(super) fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if percent > 0.0 && percent < 1.0 {
        format!("{percent:.1}%")
    } else {
        format!("{percent:.0}%")
    }
}

/// A time of day and date in UTC.
pub(super) fn moment(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds).map_or_else(
        |_| seconds.to_string(),
        |time| time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_keep_their_size() {
        for (value, wanted) in [
            (0.0, "0 B"),
            (999.0, "999 B"),
            (20_480.0, "20.0 KiB"),
            (1_023_000.0, "999 KiB"),
            (8_589_934_592.0, "8.00 GiB"),
        ] {
            assert_eq!(bytes(value), wanted);
        }
        for (value, wanted) in [
            (0.0004, "0.40ms"),
            (0.0042, "4.2ms"),
            (0.25, "250ms"),
            (2.0, "2.0s"),
        ] {
            assert_eq!(latency(value), wanted);
        }
        for (value, wanted) in [
            (-3, "0s"),
            (59, "59s"),
            (61, "1m 1s"),
            (11_520, "3h 12m"),
            (1_483_200, "17d 4h"),
        ] {
            assert_eq!(age(value), wanted);
        }
        for (value, wanted) in [
            (0.01, "0"),
            (2.0, "2.0"),
            (345.4, "345"),
            (12_345.0, "12.3k"),
        ] {
            assert_eq!(rate(value), wanted);
        }
        assert_eq!(
            (
                count(99_999.0),
                count(1_250_000.0),
                percent(0.005),
                percent(0.42)
            ),
            ("99999".into(), "1250k".into(), "0.5%".into(), "42%".into())
        );
    }
}
