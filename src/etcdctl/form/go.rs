//! Go's way of writing and reading values, which etcdctl's users see: quoted strings, durations, numbers, sizes.

use std::fmt::Write as _;
use std::time::Duration;

/// `%q`: a string in double quotes that Go reads back to the same bytes.
pub(crate) fn quote(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() + 2);
    text.push('"');
    for chunk in bytes.utf8_chunks() {
        for letter in chunk.valid().chars() {
            match letter {
                '"' => text.push_str("\\\""),
                '\\' => text.push_str("\\\\"),
                '\x07' => text.push_str("\\a"),
                '\x08' => text.push_str("\\b"),
                '\x0c' => text.push_str("\\f"),
                '\n' => text.push_str("\\n"),
                '\r' => text.push_str("\\r"),
                '\t' => text.push_str("\\t"),
                '\x0b' => text.push_str("\\v"),
                letter if printable(letter) => text.push(letter),
                letter if (letter as u32) < 0x80 => {
                    put(&mut text, format_args!("\\x{:02x}", letter as u32));
                }
                letter if (letter as u32) < 0x1_0000 => {
                    put(&mut text, format_args!("\\u{:04x}", letter as u32));
                }
                letter => put(&mut text, format_args!("\\U{:08x}", letter as u32)),
            }
        }
        for byte in chunk.invalid() {
            put(&mut text, format_args!("\\x{byte:02x}"));
        }
    }
    text.push('"');
    text
}

fn put(text: &mut String, words: std::fmt::Arguments<'_>) {
    let _ = text.write_fmt(words);
}

/// Rust escapes in its debug form what Unicode calls unprintable, as Go does; a few marks apart.
fn printable(letter: char) -> bool {
    match letter {
        ' '..='~' => true,
        letter if letter.is_ascii() => false,
        // A combining mark is printable for Go; Rust escapes it when it stands alone.
        letter => {
            letter.escape_debug().count() == 1
                || !letter.is_whitespace() && !letter.is_control() && letter.is_alphanumeric()
        }
    }
}

/// What a quoted string of Go means; `None` when it is none. The second value is what follows it.
pub(crate) fn unquote(text: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut rest = text.strip_prefix(b"\"")?;
    let mut bytes = Vec::new();
    loop {
        let (first, after) = rest.split_first()?;
        rest = after;
        match first {
            b'"' => return Some((bytes, rest)),
            b'\n' => return None,
            b'\\' => rest = escape(rest, &mut bytes)?,
            byte => bytes.push(*byte),
        }
    }
}

fn escape<'a>(text: &'a [u8], bytes: &mut Vec<u8>) -> Option<&'a [u8]> {
    let (kind, rest) = text.split_first()?;
    let simple = match kind {
        b'a' => 7,
        b'b' => 8,
        b'f' => 12,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'v' => 11,
        b'\\' | b'"' => *kind,
        b'x' => {
            bytes.push(u8::try_from(digits(rest, 2, 16)?).ok()?);
            return rest.get(2..);
        }
        b'0'..=b'7' => {
            bytes.push(u8::try_from(digits(text, 3, 8)?).ok()?);
            return text.get(3..);
        }
        b'u' | b'U' => {
            let length = if *kind == b'u' { 4 } else { 8 };
            let letter = char::from_u32(digits(rest, length, 16)?)?;
            bytes.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
            return rest.get(length..);
        }
        _ => return None,
    };
    bytes.push(simple);
    Some(rest)
}

fn digits(text: &[u8], length: usize, base: u32) -> Option<u32> {
    let text = std::str::from_utf8(text.get(..length)?).ok()?;
    text.chars()
        .all(|letter| letter.is_digit(base))
        .then(|| u32::from_str_radix(text, base).ok())?
}

/// Bytes as `\x66\x6f`, which is what `--hex` prints.
pub(crate) fn hex_escaped(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 4), |mut text, byte| {
            put(&mut text, format_args!("\\x{byte:02x}"));
            text
        })
}

/// `%016x`: an id of a lease; the sign of one below zero stands in front.
pub(crate) fn hex16(id: i64) -> String {
    if id < 0 {
        format!("-{:015x}", id.unsigned_abs())
    } else {
        format!("{id:016x}")
    }
}

/// `2.480273ms`, `874.5µs`, `1.002s`, `1m0s`.
pub(crate) fn duration(time: Duration) -> String {
    let nanos = time.as_nanos();
    let scaled = |unit: u128, name: &str| {
        let (whole, rest) = (nanos / unit, nanos % unit);
        let width = unit.ilog10() as usize;
        let fraction = format!("{rest:0width$}");
        let fraction = fraction.trim_end_matches('0');
        let point = if fraction.is_empty() { "" } else { "." };
        format!("{whole}{point}{fraction}{name}")
    };
    match nanos {
        0 => "0s".into(),
        1..1_000 => format!("{nanos}ns"),
        1_000..1_000_000 => scaled(1_000, "µs"),
        1_000_000..1_000_000_000 => scaled(1_000_000, "ms"),
        1_000_000_000..60_000_000_000 => scaled(1_000_000_000, "s"),
        _ => {
            let minutes = nanos / 60_000_000_000;
            let seconds = Duration::from_nanos_u128(nanos % 60_000_000_000);
            let seconds = if seconds.is_zero() {
                "0s".into()
            } else if seconds < Duration::from_secs(1) {
                let fraction = format!("{:09}", seconds.subsec_nanos());
                format!("0.{}s", fraction.trim_end_matches('0'))
            } else {
                duration(seconds)
            };
            if minutes < 60 {
                format!("{minutes}m{seconds}")
            } else {
                format!("{}h{}m{seconds}", minutes / 60, minutes % 60)
            }
        }
    }
}

/// Read `300ms`, `1m30s`, `1.5h`; the error is Go's text. What is below zero counts as zero.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, String> {
    let wrong = |what: &str| format!("time: {what} duration {}", quote(text.as_bytes()));
    let (negative, mut rest) = match text.strip_prefix(['-', '+']) {
        Some(rest) => (text.starts_with('-'), rest),
        None => (false, text),
    };
    if rest == "0" {
        return Ok(Duration::ZERO);
    }
    if rest.is_empty() {
        return Err(wrong("invalid"));
    }
    let mut nanos = 0.0_f64;
    while !rest.is_empty() {
        let end = rest
            .find(|letter: char| letter != '.' && !letter.is_ascii_digit())
            .unwrap_or(rest.len());
        let (number, after) = rest.split_at(end);
        let value: f64 = number.parse().map_err(|_| wrong("invalid"))?;
        let end = after
            .find(|letter: char| letter == '.' || letter.is_ascii_digit())
            .unwrap_or(after.len());
        let (unit, after) = after.split_at(end);
        let scale = match unit {
            "" => return Err(wrong("missing unit in")),
            "ns" => 1.0,
            "us" | "µs" | "μs" => 1e3,
            "ms" => 1e6,
            "s" => 1e9,
            "m" => 60e9,
            "h" => 3600e9,
            other => {
                return Err(wrong(&format!(
                    "unknown unit {} in",
                    quote(other.as_bytes())
                )));
            }
        };
        nanos += value * scale;
        rest = after;
    }
    if nanos > 9.2e18 {
        return Err(wrong("invalid"));
    }
    Ok(if negative {
        Duration::ZERO
    } else {
        Duration::from_secs_f64(nanos / 1e9)
    })
}

/// Go's spellings of a boolean.
pub(crate) fn parse_bool(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

/// A whole number; base 0 takes `0x`, `0o`, `0b` and `_` as in Go's source. The error is Go's text.
pub(crate) fn parse_int(text: &str, base: u32) -> Result<i64, String> {
    let failed = |what: &str| {
        format!(
            "strconv.ParseInt: parsing {}: {what}",
            quote(text.as_bytes())
        )
    };
    let (negative, digits) = match text.strip_prefix(['-', '+']) {
        Some(digits) => (text.starts_with('-'), digits),
        None => (false, text),
    };
    let (digits, base) = if base == 0 {
        prefixed(digits).ok_or_else(|| failed("invalid syntax"))?
    } else {
        (digits.to_string(), base)
    };
    if digits.is_empty() || !digits.chars().all(|letter| letter.is_digit(base)) {
        return Err(failed("invalid syntax"));
    }
    let number = i128::from_str_radix(&digits, base).map_err(|_| failed("value out of range"))?;
    i64::try_from(if negative { -number } else { number }).map_err(|_| failed("value out of range"))
}

/// The same for a number that is never below zero.
pub(crate) fn parse_uint(text: &str, base: u32) -> Result<u64, String> {
    let failed = |what: &str| {
        format!(
            "strconv.ParseUint: parsing {}: {what}",
            quote(text.as_bytes())
        )
    };
    if text.is_empty() || !text.chars().all(|letter| letter.is_digit(base)) {
        return Err(failed("invalid syntax"));
    }
    u64::from_str_radix(text, base).map_err(|_| failed("value out of range"))
}

fn prefixed(text: &str) -> Option<(String, u32)> {
    let lower = text.to_ascii_lowercase();
    let (digits, base) = match lower.get(..2) {
        Some("0x") => (&lower[2..], 16),
        Some("0b") => (&lower[2..], 2),
        Some("0o") => (&lower[2..], 8),
        _ if lower.len() > 1 && lower.starts_with('0') => (&lower[1..], 8),
        _ => {
            return (!lower.contains('_') || well_placed(&lower))
                .then(|| (lower.replace('_', ""), 10));
        }
    };
    well_placed(digits.trim_start_matches('_')).then(|| (digits.replace('_', ""), base))
}

/// `_` stands between two digits.
fn well_placed(digits: &str) -> bool {
    !digits.is_empty()
        && !digits.starts_with('_')
        && !digits.ends_with('_')
        && !digits.contains("__")
}

/// `20 kB`, `1.2 MB`, `9 B`: powers of 1000.
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [&str; 7] = ["B", "kB", "MB", "GB", "TB", "PB", "EB"];
    if bytes < 10 {
        return format!("{bytes} B");
    }
    #[expect(clippy::cast_precision_loss, reason = "one decimal is shown")]
    let exact = bytes as f64;
    let power = UNITS.len().min(bytes.ilog(1000) as usize + 1) - 1;
    let scaled = exact / 1000_f64.powi(i32::try_from(power).unwrap_or(0));
    let rounded = (scaled * 10.0 + 0.5).floor() / 10.0;
    if rounded < 10.0 {
        format!("{rounded:.1} {}", UNITS[power])
    } else {
        format!("{rounded:.0} {}", UNITS[power])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_quoted_and_read_back() {
        let rows: [(&[u8], &str); 7] = [
            (b"a b", r#""a b""#),
            (b"\"\\\n\t", r#""\"\\\n\t""#),
            (b"\x00\x7f\x07", r#""\x00\x7f\a""#),
            (b"\xff\xfea", r#""\xff\xfea""#),
            ("é日".as_bytes(), "\"é日\""),
            ("\u{200b}".as_bytes(), r#""\u200b""#),
            ("\u{a0}".as_bytes(), r#""\u00a0""#),
        ];
        for (bytes, wanted) in rows {
            assert_eq!(quote(bytes), wanted);
            assert_eq!(unquote(wanted.as_bytes()), Some((bytes.to_vec(), &b""[..])));
        }
        assert_eq!(
            unquote(br#""\101\u00e9" x"#),
            Some(("Aé".as_bytes().to_vec(), &b" x"[..]))
        );
        for broken in ["abc", "\"abc", r#""\q""#, r#""\x1""#] {
            assert_eq!(unquote(broken.as_bytes()), None, "{broken}");
        }
    }

    #[test]
    fn durations_are_read_and_written() {
        for (text, nanos, written) in [
            ("300ms", 300_000_000, "300ms"),
            ("1m30s", 90_000_000_000, "1m30s"),
            ("1.5h", 5_400_000_000_000, "1h30m0s"),
            ("2.480273ms", 2_480_273, "2.480273ms"),
            ("874.5us", 874_500, "874.5µs"),
            ("0", 0, "0s"),
            ("1m0.5s", 60_500_000_000, "1m0.5s"),
        ] {
            let read = parse_duration(text).unwrap();
            assert_eq!(read.as_nanos(), nanos, "{text}");
            assert_eq!(duration(read), written);
        }
        for (text, wanted) in [
            ("5", r#"time: missing unit in duration "5""#),
            ("abc", r#"time: invalid duration "abc""#),
            ("", r#"time: invalid duration """#),
            ("5x", r#"time: unknown unit "x" in duration "5x""#),
        ] {
            assert_eq!(parse_duration(text), Err(wanted.to_string()));
        }
    }

    #[test]
    fn numbers_and_sizes() {
        for (id, wanted) in [
            (0xabc, "0000000000000abc"),
            (-1, "-000000000000001"),
            (i64::MIN, "-8000000000000000"),
        ] {
            assert_eq!(hex16(id), wanted);
        }
        for (text, wanted) in [
            ("10", 10),
            ("0x10", 16),
            ("-0b11", -3),
            ("017", 15),
            ("1_000", 1000),
        ] {
            assert_eq!(parse_int(text, 0), Ok(wanted), "{text}");
        }
        assert_eq!(
            parse_int("x", 0),
            Err(r#"strconv.ParseInt: parsing "x": invalid syntax"#.to_string())
        );
        assert_eq!(
            parse_int("9223372036854775808", 10),
            Err(
                r#"strconv.ParseInt: parsing "9223372036854775808": value out of range"#
                    .to_string()
            )
        );
        for (bytes, wanted) in [
            (0, "0 B"),
            (9, "9 B"),
            (10, "10 B"),
            (20_480, "20 kB"),
            (1_234_567, "1.2 MB"),
            (25_000_000, "25 MB"),
        ] {
            assert_eq!(size(bytes), wanted);
        }
    }
}
