//! What a plain YAML 1.1 scalar means: the types `PyYAML` gives it, not those of YAML 1.2.

use super::value::Value;

/// The meaning of a plain scalar.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Plain {
    /// `=`, a type Ansible has no use for.
    Equals,
    /// `<<`, as a key.
    Merge,
    Value(Value),
}

pub(super) fn resolve(text: &str) -> Result<Plain, &'static str> {
    Ok(Plain::Value(match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "<<" => return Ok(Plain::Merge),
        "=" => return Ok(Plain::Equals),
        _ => match boolean(text) {
            Some(value) => Value::Bool(value),
            None => numeric(text)?,
        },
    }))
}

pub(super) fn boolean(text: &str) -> Option<bool> {
    match text {
        "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => Some(true),
        "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => Some(false),
        _ => None,
    }
}

fn numeric(text: &str) -> Result<Value, &'static str> {
    if !text.starts_with(|letter: char| letter.is_ascii_digit() || "+-.".contains(letter)) {
        return Ok(Value::from(text));
    }
    if is_float(text) {
        return float(text).map(Value::Float).ok_or("not a number");
    }
    if is_integer(text) {
        return integer(text).ok_or("not an integer");
    }
    match timestamp(text) {
        Some(stamp) => stamp.map(Value::Str),
        None => Ok(Value::from(text)),
    }
}

fn unsigned(text: &str) -> &str {
    text.strip_prefix(['+', '-']).unwrap_or(text)
}

fn all(text: &str, accept: impl Fn(u8) -> bool) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte == b'_' || accept(byte))
}

fn digits(text: &str) -> bool {
    text.starts_with(|letter: char| letter.is_ascii_digit())
        && all(text, |byte| byte.is_ascii_digit())
}

/// One to two digits below sixty, as the parts of `12:30:45` after the first are.
fn sixtieth(part: &str) -> bool {
    matches!(part.as_bytes(), [b'0'..=b'9'] | [b'0'..=b'5', b'0'..=b'9'])
}

fn is_integer(text: &str) -> bool {
    let body = unsigned(text);
    if let Some(bits) = body.strip_prefix("0b") {
        return all(bits, |byte| matches!(byte, b'0' | b'1'));
    }
    if let Some(hex) = body.strip_prefix("0x") {
        return all(hex, |byte| byte.is_ascii_hexdigit());
    }
    if let Some(octal) = body.strip_prefix('0') {
        return octal.is_empty() || all(octal, |byte| (b'0'..=b'7').contains(&byte));
    }
    match body.split_once(':') {
        Some((first, rest)) => digits(first) && rest.split(':').all(sixtieth),
        None => digits(body),
    }
}

fn is_float(text: &str) -> bool {
    let body = unsigned(text);
    if matches!(body, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN") {
        return true;
    }
    let Some((whole, rest)) = body.split_once('.') else {
        return false;
    };
    let (fraction, exponent) = match rest.split_once(['e', 'E']) {
        Some((fraction, exponent)) => (fraction, Some(exponent)),
        None => (rest, None),
    };
    // Only a signed exponent counts: `1.5e3` is text, `1.5e+3` a number.
    let exponent_is_good = exponent.is_none_or(|exponent| {
        exponent.starts_with(['+', '-'])
            && exponent.len() > 1
            && exponent[1..].bytes().all(|byte| byte.is_ascii_digit())
    });
    if !exponent_is_good || !(fraction.is_empty() || all(fraction, |byte| byte.is_ascii_digit())) {
        return false;
    }
    if whole.is_empty() {
        return text.starts_with('.') && digits(fraction);
    }
    match whole.split_once(':') {
        Some((first, parts)) => {
            exponent.is_none() && digits(first) && parts.split(':').all(sixtieth)
        }
        None => digits(whole),
    }
}

/// The integer a text stands for, of any size.
pub(super) fn integer(text: &str) -> Option<Value> {
    let text = text.replace('_', "");
    let body = unsigned(&text);
    let negative = text.starts_with('-');
    let (radix, body) = match body {
        "0" => (10, body),
        _ if body.starts_with("0b") => (2, &body[2..]),
        _ if body.starts_with("0x") => (16, &body[2..]),
        _ if body.starts_with('0') => (8, &body[1..]),
        _ => (10, body),
    };
    let digits = if body.contains(':') {
        let parts: Option<Vec<u32>> = body.split(':').map(|part| part.parse().ok()).collect();
        to_decimal(&parts?, 60)
    } else {
        let parts: Option<Vec<u32>> = body.chars().map(|letter| letter.to_digit(radix)).collect();
        to_decimal(&parts.filter(|parts| !parts.is_empty())?, radix)
    };
    let text = if negative && digits != "0" {
        format!("-{digits}")
    } else {
        digits
    };
    Some(text.parse().map_or(Value::Big(text), Value::Int))
}

/// Digits of a base as decimal text. Integers in inventories can be longer than any machine word.
fn to_decimal(parts: &[u32], base: u32) -> String {
    let mut limbs: Vec<u64> = vec![0];
    for part in parts {
        let mut carry = u64::from(*part);
        for limb in &mut limbs {
            let sum = *limb * u64::from(base) + carry;
            *limb = sum % 1_000_000_000;
            carry = sum / 1_000_000_000;
        }
        if carry > 0 {
            limbs.push(carry);
        }
    }
    let mut out = String::new();
    for (index, limb) in limbs.iter().rev().enumerate() {
        if index == 0 {
            out.push_str(&limb.to_string());
        } else {
            out.push_str(&format!("{limb:09}"));
        }
    }
    out
}

pub(super) fn float(text: &str) -> Option<f64> {
    let text = text.replace('_', "").to_lowercase();
    let body = unsigned(&text);
    let sign = if text.starts_with('-') { -1.0 } else { 1.0 };
    let number = match body {
        ".inf" => f64::INFINITY,
        ".nan" => f64::NAN,
        _ if body.contains(':') => body.split(':').try_fold(0.0, |sum, part| {
            Some(sum * 60.0 + part.parse::<f64>().ok()?)
        })?,
        _ => body.parse().ok()?,
    };
    Some(sign * number)
}

/// A date or a time as ISO text; `None` when it is neither, an error when there is no such day.
fn timestamp(text: &str) -> Option<Result<String, &'static str>> {
    let bytes = text.as_bytes();
    let digits = |range: std::ops::Range<usize>| {
        bytes
            .get(range.clone())
            .is_some_and(|part| part.iter().all(u8::is_ascii_digit))
    };
    if !digits(0..4) || bytes.get(4) != Some(&b'-') {
        return None;
    }
    if bytes.len() == 10 && digits(5..7) && bytes[7] == b'-' && digits(8..10) {
        return Some(date(text).ok_or("no such date"));
    }
    let (day, time) = text.split_at(text.find(['T', 't', ' ', '\t'])?);
    let mut parts = day.split('-').skip(1);
    let short = |part: Option<&str>| {
        part.is_some_and(|part| {
            (1..=2).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
        })
    };
    if !short(parts.next()) || !short(parts.next()) || parts.next().is_some() {
        return None;
    }
    let time = match time.strip_prefix(['T', 't']) {
        Some(time) => time,
        None => time.trim_start_matches([' ', '\t']),
    };
    let clock = clock(time)?;
    Some(
        date(day)
            .zip(clock.ok())
            .map(|(date, clock)| format!("{date}T{clock}"))
            .ok_or("no such date or time"),
    )
}

fn date(text: &str) -> Option<String> {
    let mut parts = text.split('-').map(|part| part.parse::<u32>().unwrap_or(0));
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => return None,
    };
    ((1..=days).contains(&day) && year > 0).then(|| format!("{year:04}-{month:02}-{day:02}"))
}

/// It looks like a time, and there is no such time: 25:00:00.
struct Impossible;

/// `None` means that it does not look like a time.
fn clock(text: &str) -> Option<Result<String, Impossible>> {
    let end = text
        .find(|letter: char| !letter.is_ascii_digit() && letter != ':')
        .unwrap_or(text.len());
    let (hms, rest) = text.split_at(end);
    let parts: Vec<&str> = hms.split(':').collect();
    let [hour, minute, second] = parts.as_slice() else {
        return None;
    };
    if !(1..=2).contains(&hour.len()) || minute.len() != 2 || second.len() != 2 {
        return None;
    }
    let (fraction, zone) = match rest.strip_prefix('.') {
        Some(rest) => rest.split_at(
            rest.find(|letter: char| !letter.is_ascii_digit())
                .unwrap_or(rest.len()),
        ),
        None => ("", rest),
    };
    let zone = zone_text(zone.trim_start_matches([' ', '\t']), zone)?;
    let number = |part: &str| part.parse::<u32>().unwrap_or(99);
    let (hour, minute, second) = (number(hour), number(minute), number(second));
    if hour > 23 || minute > 59 || second > 59 {
        return Some(Err(Impossible));
    }
    let micros = format!("{fraction:0<6}")[..6].to_string();
    let fraction = if micros == "000000" {
        String::new()
    } else {
        format!(".{micros}")
    };
    Some(zone.map(|zone| format!("{hour:02}:{minute:02}:{second:02}{fraction}{zone}")))
}

fn zone_text(zone: &str, written: &str) -> Option<Result<String, Impossible>> {
    if zone.is_empty() {
        return written.is_empty().then(|| Ok(String::new()));
    }
    if zone == "Z" {
        return Some(Ok("+00:00".to_string()));
    }
    let sign = zone.chars().next().filter(|sign| "+-".contains(*sign))?;
    let (hour, minute) = zone[1..].split_once(':').unwrap_or((&zone[1..], "00"));
    let numeric = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !numeric(hour) || hour.len() > 2 || !numeric(minute) || minute.len() != 2 {
        return None;
    }
    let (hour, minute) = (hour.parse::<u32>().ok()?, minute.parse::<u32>().ok()?);
    let sign = if hour == 0 && minute == 0 { '+' } else { sign };
    Some(
        (hour * 60 + minute < 24 * 60)
            .then(|| format!("{sign}{:02}:{:02}", hour + minute / 60, minute % 60))
            .ok_or(Impossible),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str) -> Value {
        match resolve(text) {
            Ok(Plain::Value(value)) => value,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn integers_have_many_spellings() {
        for (text, number) in [
            ("0", 0),
            ("0755", 493),
            ("-010", -8),
            ("+12", 12),
            ("1_000", 1000),
            ("0x1F", 31),
            ("0b1010", 10),
            ("12:30:45", 45045),
            ("190:20", 11420),
            ("-1:30", -90),
            ("0_", 0),
        ] {
            assert_eq!(plain(text), Value::Int(number), "{text}");
        }
        let big = "123456789012345678901234567890";
        assert_eq!(plain(big), Value::Big(big.into()));
        assert_eq!(
            plain("-0xffffffffffffffffff"),
            Value::Big("-4722366482869645213695".into())
        );
        assert_eq!(resolve("0b_"), Err("not an integer"));
    }

    #[test]
    fn floats_need_a_point_and_a_signed_exponent() {
        for (text, number) in [
            ("3.10", 3.1),
            ("1.", 1.0),
            (".5", 0.5),
            ("1.5e+3", 1500.0),
            ("1_0.5", 10.5),
            ("1:30.5", 90.5),
            ("-.inf", f64::NEG_INFINITY),
        ] {
            assert_eq!(plain(text), Value::Float(number), "{text}");
        }
    }

    #[test]
    fn what_only_looks_like_a_number_is_text() {
        for text in [
            "y",
            "n",
            "Y",
            "yEs",
            "0o755",
            "08",
            "1e3",
            "1.5e3",
            "-.5",
            "1:60",
            "0:10",
            "1.2.3",
            "10.10.10.10",
            "+",
            "-",
            ".",
            "..",
            "1a",
            "0x",
            "_1",
            "2024-1-2",
            "2024-01-02x",
            "12:30:",
            "v3.5",
            "+.nan",
        ] {
            assert_eq!(plain(text), Value::from(text), "{text}");
        }
    }

    #[test]
    fn dates_become_iso_text() {
        for (text, iso) in [
            ("2024-01-02", "2024-01-02"),
            ("2024-1-2 3:04:05", "2024-01-02T03:04:05"),
            ("2024-01-02T03:04:05Z", "2024-01-02T03:04:05+00:00"),
            (
                "2024-01-02 03:04:05.12 +2",
                "2024-01-02T03:04:05.120000+02:00",
            ),
            (
                "2024-01-02 03:04:05.1234567-05:30",
                "2024-01-02T03:04:05.123456-05:30",
            ),
        ] {
            assert_eq!(plain(text), Value::from(iso), "{text}");
        }
        assert_eq!(resolve("2023-02-29"), Err("no such date"));
    }
}
