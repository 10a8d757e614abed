//! A certificate taken apart as far as its key, its dates and what limits it, without a parser of all that may be in one: this is on the
//! way of every connection. Where something unusual stands, it says so, and a parser has the word.

/// The first bytes of values.
const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;
const EXTENSIONS: u8 = 0xa3;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// Object identifiers: RFC 5280, 4.2.1.
const BASIC_CONSTRAINTS: [u8; 3] = [0x55, 0x1d, 19];
const KEY_USAGE: [u8; 3] = [0x55, 0x1d, 15];
/// Of the key itself, and of the one that signed: they limit nothing.
const KEY_IDENTIFIERS: [[u8; 3]; 2] = [[0x55, 0x1d, 14], [0x55, 0x1d, 35]];

/// `cA` is true, and no length is set.
const ANY_CA: [u8; 5] = [0x30, 3, 1, 1, 0xff];
/// The bit `keyCertSign` in the first byte of a usage.
const MAY_SIGN: u8 = 0x04;

/// A value: its first byte, what it holds, and what it is with these.
struct Value<'a> {
    holds: &'a [u8],
    tag: u8,
    whole: &'a [u8],
}

/// What a value of DER holds, and what follows it.
pub(super) fn contents(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&first, rest) = der.get(1..)?.split_first()?;
    let (length, rest) = if first < 0x80 {
        (usize::from(first), rest)
    } else {
        let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
        let known = (1..=4).contains(&bytes.len());
        let length = bytes
            .iter()
            .fold(0, |length, &byte| length << 8 | usize::from(byte));
        (known.then_some(length)?, rest)
    };
    rest.split_at_checked(length)
}

fn next<'a>(rest: &mut &'a [u8]) -> Option<Value<'a>> {
    let (holds, behind) = contents(rest)?;
    let (whole, tag) = (&rest[..rest.len() - behind.len()], rest[0]);
    *rest = behind;
    Some(Value { holds, tag, whole })
}

fn sequence<'a>(rest: &mut &'a [u8]) -> Option<Value<'a>> {
    next(rest).filter(|value| value.tag == SEQUENCE)
}

/// What is of use of a certificate.
pub(super) struct Parts<'a> {
    /// What stands in the place of extensions.
    extensions: Option<&'a [u8]>,
    pub(super) key: &'a [u8],
    validity: &'a [u8],
}

/// `None` where it is not in the form of a certificate.
pub(super) fn parts(mut der: &[u8]) -> Option<Parts<'_>> {
    let mut whole = sequence(&mut der)?.holds;
    let mut signed = sequence(&mut whole)?.holds;
    let (_algorithm, _signature) = (sequence(&mut whole)?, next(&mut whole)?);
    if !der.is_empty() || !whole.is_empty() {
        return None;
    }
    if signed.first() == Some(&VERSION) {
        next(&mut signed)?;
    }
    let (_serial, _algorithm, _issuer) = (
        next(&mut signed)?,
        sequence(&mut signed)?,
        sequence(&mut signed)?,
    );
    let (validity, _subject, key) = (
        sequence(&mut signed)?,
        sequence(&mut signed)?,
        sequence(&mut signed)?,
    );
    let mut extensions = None;
    while let Some(value) = next(&mut signed) {
        if value.tag == EXTENSIONS {
            extensions = Some(value.holds);
        }
    }
    signed.is_empty().then_some(Parts {
        extensions,
        key: key.whole,
        validity: validity.holds,
    })
}

impl Parts<'_> {
    /// A CA as most are: it says that it is one, may sign, and nothing limits it. Not so where it says anything else.
    pub(super) fn is_usual_ca(&self) -> bool {
        self.constrained_as_usual().unwrap_or(false)
    }

    fn constrained_as_usual(&self) -> Option<bool> {
        let mut list = sequence(&mut self.extensions?)?.holds;
        let mut is_ca = false;
        while !list.is_empty() {
            let mut extension = sequence(&mut list)?.holds;
            let name = next(&mut extension)?.holds;
            let mut value = next(&mut extension)?;
            // `critical` may stand before it.
            if value.tag == 1 {
                value = next(&mut extension)?;
            }
            let usual = if name == BASIC_CONSTRAINTS {
                is_ca = value.holds == ANY_CA;
                is_ca
            } else if name == KEY_USAGE {
                let mut bits = value.holds;
                next(&mut bits)?.holds.get(1)? & MAY_SIGN != 0
            } else {
                KEY_IDENTIFIERS.iter().any(|known| name == known)
            };
            if !usual {
                return Some(false);
            }
        }
        Some(is_ca)
    }

    /// Is this second of 1970 within its dates?
    pub(super) fn is_valid_at(&self, second: i64) -> Option<bool> {
        let now = jiff::Timestamp::from_second(second).ok()?;
        let now = now.strftime("%Y%m%d%H%M%SZ").to_string();
        let mut dates = self.validity;
        let (begin, end) = (date(&mut dates)?, date(&mut dates)?);
        Some(begin <= now && now <= end)
    }
}

/// With all four digits of the year: RFC 5280, 4.1.2.5.
fn date(dates: &mut &[u8]) -> Option<String> {
    let value = next(dates)?;
    let text = std::str::from_utf8(value.holds).ok()?;
    let text = match value.tag {
        GENERALIZED_TIME => text.to_string(),
        UTC_TIME if text.get(..2)? < "50" => format!("20{text}"),
        UTC_TIME => format!("19{text}"),
        _ => return None,
    };
    let digits = text.strip_suffix('Z')?;
    (digits.len() == 14 && digits.bytes().all(|byte| byte.is_ascii_digit())).then_some(text)
}

#[cfg(test)]
mod tests {
    use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair, KeyUsagePurpose};

    use super::*;

    fn certificate(change: impl FnOnce(&mut CertificateParams)) -> Vec<u8> {
        let mut params = CertificateParams::new(vec!["a.test".to_string()]).unwrap();
        params.subject_alt_names.clear();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(2060, 1, 1);
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        params.self_signed(&key).unwrap().der().to_vec()
    }

    #[test]
    fn a_certificate_comes_apart() {
        let der = certificate(|params| params.key_usages = vec![KeyUsagePurpose::KeyCertSign]);
        let parts = parts(&der).unwrap();
        assert!(parts.is_usual_ca());
        let (_, parsed) = x509_parser::parse_x509_certificate(&der).unwrap();
        assert_eq!(parts.key, parsed.tbs_certificate.subject_pki.raw);
        let at = |second| parts.is_valid_at(second);
        assert_eq!(at(1_577_836_800), Some(true));
        assert_eq!(at(1_577_836_799), Some(false));
        assert_eq!(at(2_840_140_801), Some(false));
        assert!(super::parts(&der[..der.len() - 1]).is_none());
        assert!(super::parts(&[der.as_slice(), b"x"].concat()).is_none());
    }

    #[test]
    fn who_is_limited_is_not_usual() {
        let limits: [fn(&mut CertificateParams); 4] = [
            |params| params.is_ca = IsCa::NoCa,
            |params| params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0)),
            |params| params.key_usages = vec![KeyUsagePurpose::DigitalSignature],
            |params| params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ClientAuth],
        ];
        for limit in limits {
            assert!(!parts(&certificate(limit)).unwrap().is_usual_ca());
        }
    }
}
