//! Numbers and texts in a form such as `%-10s %5.1f`, as the shell's and Python's `%` write them. A leaf.

use std::fmt::Write as _;

/// One value of a form.
#[derive(Clone, Debug)]
pub(crate) enum Piece {
    Float(f64),
    Int(i64),
    Text(String),
}

/// What stands between `%` and the letter.
#[derive(Clone, Copy, Debug, Default)]
struct Spec {
    alternate: bool,
    left: bool,
    plus: bool,
    precision: Option<usize>,
    space: bool,
    width: usize,
    zero: bool,
}

/// The most that a form may ask for.
const WIDEST: usize = 10_000;

/// Write `pieces` into `form`; the error says what does not fit.
pub(crate) fn printf(form: &str, pieces: &[Piece]) -> Result<String, String> {
    let (mut out, mut rest, mut pieces) = (String::new(), form, pieces.iter());
    let total = pieces.len();
    while let Some(at) = rest.find('%') {
        out.push_str(&rest[..at]);
        let (spec, letter, after) = spec(&rest[at + 1..])?;
        rest = after;
        if letter == '%' {
            out.push('%');
            continue;
        }
        let piece = pieces
            .next()
            .ok_or_else(|| format!("`{form}` wants more than {total} value(s)"))?;
        out.push_str(&spec.written(letter, piece)?);
    }
    out.push_str(rest);
    match pieces.len() {
        0 => Ok(out),
        left => Err(format!("`{form}` leaves {left} of {total} value(s) unused")),
    }
}

fn spec(text: &str) -> Result<(Spec, char, &str), String> {
    let mut spec = Spec::default();
    let mut rest = text;
    while let Some(flag) = rest.chars().next().filter(|flag| "-+ 0#".contains(*flag)) {
        match flag {
            '-' => spec.left = true,
            '+' => spec.plus = true,
            ' ' => spec.space = true,
            '0' => spec.zero = true,
            _ => spec.alternate = true,
        }
        rest = &rest[1..];
    }
    (spec.width, rest) = number(rest)?;
    if let Some(after) = rest.strip_prefix('.') {
        let (digits, after) = number(after)?;
        (spec.precision, rest) = (Some(digits), after);
    }
    let letter = rest.chars().next().ok_or("a form ends after its `%`")?;
    Ok((spec, letter, &rest[letter.len_utf8()..]))
}

fn number(text: &str) -> Result<(usize, &str), String> {
    let end = text
        .find(|letter: char| !letter.is_ascii_digit())
        .unwrap_or(text.len());
    let digits = &text[..end];
    let number = if digits.is_empty() {
        Ok(0)
    } else {
        digits.parse()
    };
    match number {
        Ok(number) if number <= WIDEST => Ok((number, &text[end..])),
        _ => Err(format!("`{digits}` is wider than {WIDEST}")),
    }
}

impl Spec {
    fn written(self, letter: char, piece: &Piece) -> Result<String, String> {
        let wrong = || format!("`%{letter}` takes a number, not `{}`", piece.text());
        let digits = match letter {
            's' => return Ok(self.padded(&self.cut(piece.text()), false)),
            'd' | 'i' | 'u' => format!(
                "{:0least$}",
                piece.int().ok_or_else(wrong)?.unsigned_abs(),
                least = self.precision.unwrap_or(1)
            ),
            'x' | 'X' | 'o' | 'b' => {
                self.based(letter, piece.int().ok_or_else(wrong)?.unsigned_abs())
            }
            'f' | 'F' => format!(
                "{:.*}",
                self.precision.unwrap_or(6),
                piece.float().ok_or_else(wrong)?.abs()
            ),
            'e' | 'E' => exponent(
                piece.float().ok_or_else(wrong)?.abs(),
                self.precision.unwrap_or(6),
                letter,
            ),
            other => {
                return Err(format!(
                    "`%{other}` is no form: there are %s %d %x %X %o %b %f %e and %%"
                ));
            }
        };
        let negative = piece.float().is_some_and(|number| number < 0.0);
        let sign = match () {
            () if negative => "-",
            () if self.plus => "+",
            () if self.space => " ",
            () => "",
        };
        Ok(self.padded(&format!("{sign}{digits}"), true))
    }

    fn based(self, letter: char, number: u64) -> String {
        let (prefix, digits) = match letter {
            'x' => ("0x", format!("{number:x}")),
            'X' => ("0X", format!("{number:X}")),
            'b' => ("0b", format!("{number:b}")),
            _ => ("0o", format!("{number:o}")),
        };
        let least = self.precision.unwrap_or(1);
        let prefix = if self.alternate { prefix } else { "" };
        format!("{prefix}{digits:0>least$}")
    }

    fn cut(self, text: String) -> String {
        match self.precision {
            Some(most) => text.chars().take(most).collect(),
            None => text,
        }
    }

    fn padded(self, text: &str, number: bool) -> String {
        let lacks = self.width.saturating_sub(text.chars().count());
        if self.left {
            return format!("{text}{}", " ".repeat(lacks));
        }
        if !(self.zero && number) {
            return format!("{}{text}", " ".repeat(lacks));
        }
        let digits = text.trim_start_matches(['-', '+', ' ']);
        let sign = &text[..text.len() - digits.len()];
        format!("{sign}{}{digits}", "0".repeat(lacks))
    }
}

/// As C writes it: at least two digits, always a sign.
fn exponent(number: f64, precision: usize, letter: char) -> String {
    let text = format!("{number:.precision$e}");
    let (digits, power) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, power) = power
        .strip_prefix('-')
        .map_or(('+', power), |power| ('-', power));
    let mut out = digits.to_string();
    let _ = write!(out, "{letter}{sign}{power:0>2}");
    out
}

impl Piece {
    fn text(&self) -> String {
        match self {
            Piece::Float(number) => number.to_string(),
            Piece::Int(number) => number.to_string(),
            Piece::Text(text) => text.clone(),
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "a form shows a few digits")]
    fn float(&self) -> Option<f64> {
        match self {
            Piece::Float(number) => Some(*number),
            Piece::Int(number) => Some(*number as f64),
            Piece::Text(_) => None,
        }
    }

    #[expect(clippy::cast_possible_truncation, reason = "as C and Python cut it")]
    fn int(&self) -> Option<i64> {
        match self {
            Piece::Float(number) => Some(*number as i64),
            Piece::Int(number) => Some(*number),
            Piece::Text(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_those_of_c() {
        let (float, int) = (Piece::Float, Piece::Int);
        let text = |text: &str| Piece::Text(text.into());
        for (form, piece, expected) in [
            ("%05.1f", float(3.06), "003.1"),
            ("%f", float(-2.5), "-2.500000"),
            ("%.0f%%", float(41.6), "42%"),
            ("%6.2e|", float(12345.678), "1.23e+04|"),
            ("%+d", int(7), "+7"),
            ("% d", int(7), " 7"),
            ("%04d", int(-7), "-007"),
            ("%.3d", int(7), "007"),
            ("%d", float(7.9), "7"),
            ("%-5d|", int(7), "7    |"),
            ("%x", int(255), "ff"),
            ("%#X", int(255), "0XFF"),
            ("%o", int(8), "10"),
            ("%5s|", text("ab"), "   ab|"),
            ("%-5s|", text("ab"), "ab   |"),
            ("%.1s", text("äb"), "ä"),
            ("%s", int(3), "3"),
            ("%d", int(i64::MIN), "-9223372036854775808"),
        ] {
            assert_eq!(printf(form, &[piece]).as_deref(), Ok(expected), "{form}");
        }
        assert_eq!(printf("100%%", &[]).as_deref(), Ok("100%"));
    }

    #[test]
    fn what_does_not_fit_is_said() {
        for (form, pieces, expected) in [
            (
                "%d %d",
                vec![Piece::Int(1)],
                "`%d %d` wants more than 1 value(s)",
            ),
            (
                "%d",
                vec![Piece::Int(1), Piece::Int(2)],
                "`%d` leaves 1 of 2 value(s) unused",
            ),
            (
                "%d",
                vec![Piece::Text("x".into())],
                "`%d` takes a number, not `x`",
            ),
            (
                "%y",
                vec![Piece::Int(1)],
                "`%y` is no form: there are %s %d %x %X %o %b %f %e and %%",
            ),
            ("%", vec![], "a form ends after its `%`"),
            (
                "%99999d",
                vec![Piece::Int(1)],
                "`99999` is wider than 10000",
            ),
        ] {
            assert_eq!(printf(form, &pieces).unwrap_err(), expected);
        }
    }
}
