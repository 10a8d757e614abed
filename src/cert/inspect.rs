//! What a certificate says, and whether a CA signed it.

use rcgen::KeyPair;
use sha2::{Digest, Sha256};
use std::net::IpAddr;
use x509_parser::certificate::X509Certificate;
use x509_parser::error::X509Error;
use x509_parser::extensions::GeneralName;

use super::{date, now, pem};
use crate::error::{Error, Kind, Result};
use crate::hex;

/// A certificate in plain values. Times are seconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// Whole days until it ends; negative when it has ended.
    pub days_left: i64,
    /// SHA-256 of the certificate, lower-case hex.
    pub fingerprint: String,
    pub is_ca: bool,
    pub issuer: String,
    pub not_after: i64,
    pub not_before: i64,
    /// SHA-256 of the public key's SPKI, lower-case hex.
    pub public_key_fingerprint: String,
    /// Addresses and DNS names; other kinds with their name in front.
    pub sans: Vec<String>,
    /// Lower-case hex.
    pub serial: String,
    pub subject: String,
}

/// Read the first certificate of a PEM text.
pub fn inspect(text: &str) -> Result<Certificate> {
    inspect_at(text, now())
}

/// Read the first certificate of a PEM text; `days_left` counts from `now`.
fn inspect_at(text: &str, now: i64) -> Result<Certificate> {
    let blocks = pem::certificates(text, "certificate")?;
    let certificate = parse(&blocks[0].der, "certificate")?;
    let (not_before, not_after) = validity(&certificate);
    Ok(Certificate {
        days_left: (not_after - now).div_euclid(86_400),
        fingerprint: sha256(&blocks[0].der),
        is_ca: certificate.is_ca(),
        issuer: certificate.issuer().to_string(),
        not_after,
        not_before,
        public_key_fingerprint: sha256(certificate.public_key().raw),
        sans: sans(&certificate),
        serial: hex::text(certificate.raw_serial()),
        subject: certificate.subject().to_string(),
    })
}

/// From when and until when a certificate in DER is valid, in seconds since 1970; `None` when it cannot be read.
#[must_use]
pub fn life(der: &[u8]) -> Option<(i64, i64)> {
    parse(der, "certificate")
        .ok()
        .map(|certificate| validity(&certificate))
}

/// Whether two texts hold the same CA: the same certificate, or another one of the same name and key.
///
/// A text without a readable certificate is the same as none.
#[must_use]
pub fn same_ca(a: &str, b: &str) -> bool {
    let (Some(a), Some(b)) = (first(a), first(b)) else {
        return false;
    };
    if a == b {
        return true;
    }
    let (Ok(a), Ok(b)) = (parse(&a, "CA certificate"), parse(&b, "CA certificate")) else {
        return false;
    };
    a.subject().as_raw() == b.subject().as_raw() && a.public_key().raw == b.public_key().raw
}

/// Check that one of the CAs signed the first certificate of `leaf`, and that both are valid at `now`.
pub fn verify(leaf: &str, ca: &str, now: i64) -> Result<()> {
    let leaf_blocks = pem::certificates(leaf, "certificate")?;
    let leaf = parse(&leaf_blocks[0].der, "certificate")?;
    let mut subjects = Vec::new();
    for block in &pem::certificates(ca, "CA certificate")? {
        let ca = parse(&block.der, "CA certificate")?;
        if is_signed_by(&leaf, &ca)? {
            check_dates(&ca, "CA", now)?;
            return check_dates(&leaf, "certificate", now);
        }
        subjects.push(format!("`{}`", ca.subject()));
    }
    Err(Error::config(format!(
        "certificate `{}` is not signed by CA {}",
        leaf.subject(),
        subjects.join(" or ")
    )))
}

pub(super) fn parse<'a>(der: &'a [u8], what: &str) -> Result<X509Certificate<'a>> {
    match x509_parser::parse_x509_certificate(der) {
        Ok((_, certificate)) => Ok(certificate),
        Err(error) => Err(pem::damaged(what, error.to_string())),
    }
}

pub(super) fn validity(certificate: &X509Certificate<'_>) -> (i64, i64) {
    let validity = certificate.validity();
    (
        validity.not_before.timestamp(),
        validity.not_after.timestamp(),
    )
}

pub(super) fn check_dates(certificate: &X509Certificate<'_>, what: &str, now: i64) -> Result<()> {
    let (not_before, not_after) = validity(certificate);
    let subject = certificate.subject();
    if now > not_after {
        return Err(Error::config(format!(
            "{what} `{subject}` expired on {}",
            date(not_after)
        )));
    }
    if now < not_before {
        return Err(Error::config(format!(
            "{what} `{subject}` is not valid before {}",
            date(not_before)
        )));
    }
    Ok(())
}

pub(super) fn belongs_to(certificate: &X509Certificate<'_>, key: &KeyPair) -> bool {
    certificate.public_key().subject_public_key.data.as_ref() == key.public_key_raw()
}

pub(super) fn is_signed_by(
    certificate: &X509Certificate<'_>,
    ca: &X509Certificate<'_>,
) -> Result<bool> {
    if certificate.issuer().as_raw() != ca.subject().as_raw() {
        return Ok(false);
    }
    match certificate.verify_signature(Some(ca.public_key())) {
        Ok(()) => Ok(true),
        Err(X509Error::SignatureVerificationError) => Ok(false),
        Err(error) => Err(Error::new(
            Kind::Unknown,
            format!(
                "cannot check the signature of certificate `{}`",
                certificate.subject()
            ),
        )
        .because(error.to_string())),
    }
}

pub(super) fn sans(certificate: &X509Certificate<'_>) -> Vec<String> {
    match certificate.subject_alternative_name() {
        Ok(Some(names)) => names.value.general_names.iter().map(san).collect(),
        _ => Vec::new(),
    }
}

fn san(name: &GeneralName<'_>) -> String {
    match name {
        GeneralName::DNSName(name) => (*name).to_string(),
        GeneralName::IPAddress(bytes) => {
            address(bytes).unwrap_or_else(|| format!("IP:{}", hex::text(bytes)))
        }
        GeneralName::RFC822Name(name) => format!("email:{name}"),
        GeneralName::URI(uri) => format!("URI:{uri}"),
        other => other.to_string(),
    }
}

fn address(bytes: &[u8]) -> Option<String> {
    if let Ok(four) = <[u8; 4]>::try_from(bytes) {
        return Some(IpAddr::from(four).to_string());
    }
    <[u8; 16]>::try_from(bytes)
        .ok()
        .map(|sixteen| IpAddr::from(sixteen).to_string())
}

fn first(text: &str) -> Option<Vec<u8>> {
    pem::certificates(text, "CA certificate")
        .ok()?
        .into_iter()
        .next()
        .map(|block| block.der)
}

fn sha256(bytes: &[u8]) -> String {
    hex::text(&Sha256::digest(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cert::{Ca, Leaf};

    #[test]
    fn inspect_reads_back_what_was_issued() {
        let ca = Ca::create("test-ca", 3650).unwrap();
        let sans = ["127.0.0.1", "localhost", "10.10.10.10", "fd00::1", "etcd-1"].map(String::from);
        let leaf = Leaf {
            common_name: "etcd-1".into(),
            days: 365,
            organization: Some("pigsty".into()),
            sans: sans.to_vec(),
            unit: Some("etcd".into()),
        };
        let issued = ca.issue(&leaf).unwrap().cert_pem;
        let seen = inspect(&issued).unwrap();
        assert_eq!(seen.subject, "O=pigsty, OU=etcd, CN=etcd-1");
        assert_eq!(seen.issuer, "CN=test-ca");
        assert_eq!(seen.sans, sans);
        for (after, days) in [(-5 * 86_400, 5), (-5 * 86_400 + 1, 4), (1, -1)] {
            assert_eq!(
                inspect_at(&issued, seen.not_after + after)
                    .unwrap()
                    .days_left,
                days
            );
        }
        assert_eq!(
            (
                seen.serial.len(),
                seen.fingerprint.len(),
                seen.public_key_fingerprint.len()
            ),
            (40, 64, 64)
        );
        assert!(!seen.is_ca);
        assert!(inspect(ca.cert_pem()).unwrap().is_ca);
    }

    #[test]
    fn verify_checks_signature_and_dates() {
        let (ca, other) = (
            Ca::create("test-ca", 10).unwrap(),
            Ca::create("test-ca", 10).unwrap(),
        );
        let leaf = Leaf {
            common_name: "a".into(),
            days: 2,
            ..Leaf::default()
        };
        let leaf = ca.issue(&leaf).unwrap().cert_pem;
        let seen = inspect(&leaf).unwrap();
        let bundle = format!("{}{}", other.cert_pem(), ca.cert_pem());
        assert!(verify(&leaf, &bundle, now()).is_ok());
        for (ca, now, wanted) in [
            (
                other.cert_pem(),
                now(),
                "certificate `CN=a` is not signed by CA `CN=test-ca`".to_string(),
            ),
            (
                ca.cert_pem(),
                seen.not_after + 1,
                format!("certificate `CN=a` expired on {}", date(seen.not_after)),
            ),
            (
                ca.cert_pem(),
                seen.not_before - 1,
                format!(
                    "CA `CN=test-ca` is not valid before {}",
                    date(seen.not_before)
                ),
            ),
        ] {
            assert_eq!(verify(&leaf, ca, now).unwrap_err().to_string(), wanted);
        }
    }

    #[test]
    fn same_ca_compares_name_and_key() {
        let (ca, other) = (
            Ca::create("test-ca", 10).unwrap(),
            Ca::create("test-ca", 10).unwrap(),
        );
        assert!(same_ca(ca.cert_pem(), ca.cert_pem()));
        assert!(!same_ca(ca.cert_pem(), other.cert_pem()));
        assert!(!same_ca("", ""));
    }
}
