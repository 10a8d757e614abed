//! The CA: loaded and checked, or made new; it issues leaf certificates.

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, SanType, SerialNumber,
};
use x509_parser::certificate::X509Certificate;
use x509_parser::time::ASN1Time;

use super::inspect::{self, parse};
use super::pem::{self, Block};
use super::{date, key, now};
use crate::error::{Error, Kind, Result};
use crate::secret::Secret;

const DAY: i64 = 86_400;

/// The clock of a host may be this many seconds behind ours and still accept a new certificate.
const CLOCK_SKEW: i64 = 600;

/// What a leaf certificate shall say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Leaf {
    pub common_name: String,
    pub days: u32,
    pub organization: Option<String>,
    /// Addresses and DNS names.
    pub sans: Vec<String>,
    pub unit: Option<String>,
}

/// A new certificate and its key, a PKCS#8 PEM.
#[derive(Clone, Debug)]
pub struct Issued {
    pub cert_pem: String,
    pub key_pem: Secret,
}

/// A certificate authority that can sign.
pub struct Ca {
    cert_pem: String,
    issuer: Issuer<'static, KeyPair>,
    key_pem: Secret,
    not_after: i64,
    not_before: i64,
}

impl Ca {
    /// Take a CA from the texts of its certificate and key, and check that the two can sign.
    ///
    /// Of several certificates the first one that belongs to the key is taken.
    pub fn load(cert_pem: &str, key_pem: &Secret) -> Result<Ca> {
        Ca::load_at(cert_pem, key_pem, now())
    }

    fn load_at(cert_pem: &str, key_pem: &Secret, now: i64) -> Result<Ca> {
        let key = key::load(key_pem)?;
        let block = certificate_of(&key, cert_pem)?;
        let certificate = parse(&block.der, "CA certificate")?;
        check_authority(&certificate)?;
        check_subject(&certificate)?;
        inspect::check_dates(&certificate, "CA", now)?;
        let (not_before, not_after) = inspect::validity(&certificate);
        let issuer = Issuer::from_ca_cert_der(&block.der.as_slice().into(), key)
            .map_err(|error| odd_subject(&certificate).because(error.to_string()))?;
        Ok(Ca {
            cert_pem: block.text.clone(),
            issuer,
            key_pem: key_pem.clone(),
            not_after,
            not_before,
        })
    }

    /// Make a new CA with a P-256 key.
    pub fn create(common_name: &str, days: u32) -> Result<Ca> {
        let now = now();
        let key = new_key()?;
        let mut params = params(now - CLOCK_SKEW, now + i64::from(days) * DAY)?;
        params
            .distinguished_name
            .push(DnType::CommonName, common_name);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let certificate = params
            .self_signed(&key)
            .map_err(|error| cannot_make("CA certificate", &error))?;
        Ca::load_at(&certificate.pem(), &Secret::new(key.serialize_pem()), now)
    }

    /// The certificate alone, also when it was loaded from a file with several.
    #[must_use]
    pub fn cert_pem(&self) -> &str {
        &self.cert_pem
    }

    /// The key as it was loaded, or PKCS#8 when the CA is new.
    #[must_use]
    pub fn key_pem(&self) -> &Secret {
        &self.key_pem
    }

    /// Issue a certificate with a new P-256 key. It ends with the CA if that ends sooner.
    ///
    /// One with names is for a server, and for a client too: a member is a client of the others. One without is for a client alone.
    pub fn issue(&self, leaf: &Leaf) -> Result<Issued> {
        let now = now();
        let key = new_key()?;
        let mut params = params(
            (now - CLOCK_SKEW).max(self.not_before),
            (now + i64::from(leaf.days) * DAY).min(self.not_after),
        )?;
        params.distinguished_name = subject(leaf);
        params.subject_alt_names = leaf
            .sans
            .iter()
            .map(|san| alt_name(san))
            .collect::<Result<_>>()?;
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = if leaf.sans.is_empty() {
            vec![ExtendedKeyUsagePurpose::ClientAuth]
        } else {
            vec![
                ExtendedKeyUsagePurpose::ServerAuth,
                ExtendedKeyUsagePurpose::ClientAuth,
            ]
        };
        params.use_authority_key_identifier_extension = true;
        let certificate = params
            .signed_by(&key, &self.issuer)
            .map_err(|error| cannot_make("certificate", &error))?;
        self.check_issued(certificate.der())?;
        Ok(Issued {
            cert_pem: certificate.pem(),
            key_pem: Secret::new(key.serialize_pem()),
        })
    }

    /// rcgen writes the issuer's name anew; a name that comes out otherwise would make a certificate nobody accepts.
    fn check_issued(&self, der: &[u8]) -> Result<()> {
        let blocks = pem::certificates(&self.cert_pem, "CA certificate")?;
        let ca = parse(&blocks[0].der, "CA certificate")?;
        let leaf = parse(der, "new certificate")?;
        if leaf.issuer().as_raw() != ca.subject().as_raw() {
            return Err(odd_subject(&ca).because("it is in a form that cannot be written again"));
        }
        if !inspect::is_signed_by(&leaf, &ca)? {
            return Err(Error::internal(
                "the new certificate does not verify against its CA",
            ));
        }
        Ok(())
    }
}

fn certificate_of(key: &KeyPair, cert_pem: &str) -> Result<Block> {
    let blocks = pem::certificates(cert_pem, "CA certificate")?;
    let mut subjects = Vec::new();
    for block in blocks {
        let certificate = parse(&block.der, "CA certificate")?;
        if inspect::belongs_to(&certificate, key) {
            return Ok(block);
        }
        subjects.push(format!("`{}`", certificate.subject()));
    }
    Err(Error::config(format!(
        "private key does not belong to the CA certificate {}",
        subjects.join(" or ")
    )))
}

fn check_authority(certificate: &X509Certificate<'_>) -> Result<()> {
    let subject = certificate.subject();
    if !certificate.is_ca() {
        return Err(Error::config(format!(
            "certificate `{subject}` is not a CA"
        )));
    }
    match certificate.key_usage() {
        Ok(Some(usage)) if !usage.value.key_cert_sign() => Err(Error::config(format!(
            "CA `{subject}` may not sign certificates"
        ))
        .because("its key usage lacks keyCertSign")),
        _ => Ok(()),
    }
}

/// rcgen 0.14 keeps one value of each attribute: of `DC=example, DC=com` one would be lost.
fn check_subject(certificate: &X509Certificate<'_>) -> Result<()> {
    let types: Vec<_> = certificate
        .subject()
        .iter_attributes()
        .map(x509_parser::x509::AttributeTypeAndValue::attr_type)
        .collect();
    if types
        .iter()
        .enumerate()
        .any(|(index, kind)| types[..index].contains(kind))
    {
        return Err(odd_subject(certificate).because("it has two values of one attribute"));
    }
    Ok(())
}

fn params(not_before: i64, not_after: i64) -> Result<CertificateParams> {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.not_before = time(not_before)?.to_datetime();
    params.not_after = time(not_after)?.to_datetime();
    params.serial_number = Some(serial()?);
    Ok(params)
}

fn time(seconds: i64) -> Result<ASN1Time> {
    ASN1Time::from_timestamp(seconds)
        .map_err(|_| Error::config(format!("{} is no date for a certificate", date(seconds))))
}

/// 20 random bytes; the first keeps its top bit clear (a positive number) and its next one set (always 20 bytes).
fn serial() -> Result<SerialNumber> {
    let mut bytes = [0; 20];
    getrandom::fill(&mut bytes)
        .map_err(|error| Error::internal("no random numbers").because(error.to_string()))?;
    bytes[0] = bytes[0] & 0x7f | 0x40;
    Ok(SerialNumber::from_slice(&bytes))
}

fn subject(leaf: &Leaf) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    if let Some(organization) = &leaf.organization {
        name.push(DnType::OrganizationName, organization.as_str());
    }
    if let Some(unit) = &leaf.unit {
        name.push(DnType::OrganizationalUnitName, unit.as_str());
    }
    name.push(DnType::CommonName, leaf.common_name.as_str());
    name
}

fn odd_subject(ca: &X509Certificate<'_>) -> Box<Error> {
    Error::config(format!(
        "the name of CA `{}` cannot be used as an issuer",
        ca.subject()
    ))
}

fn alt_name(san: &str) -> Result<SanType> {
    if let Ok(address) = san.parse() {
        return Ok(SanType::IpAddress(address));
    }
    let usable = !san.is_empty()
        && san
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-._*".contains(c));
    match san.try_into() {
        Ok(name) if usable => Ok(SanType::DnsName(name)),
        _ => Err(Error::config(format!(
            "`{san}` is neither an address nor a DNS name for a certificate"
        ))),
    }
}

fn new_key() -> Result<KeyPair> {
    KeyPair::generate().map_err(|error| cannot_make("private key", &error))
}

fn cannot_make(what: &str, error: &rcgen::Error) -> Box<Error> {
    Error::new(Kind::Internal, format!("cannot make the {what}")).because(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaf() -> Leaf {
        Leaf {
            common_name: "etcd-1".into(),
            days: 7300,
            sans: vec!["10.10.10.10".into()],
            ..Leaf::default()
        }
    }

    #[test]
    fn a_ca_can_be_shared_by_threads() {
        fn shared<T: Send + Sync>() {}
        shared::<Ca>();
    }

    #[test]
    fn a_leaf_ends_with_its_ca() {
        let ca = Ca::create("test-ca", 30).unwrap();
        let issued = ca.issue(&leaf()).unwrap();
        let seen = super::super::inspect(&issued.cert_pem).unwrap();
        assert_eq!(seen.not_after, ca.not_after);
    }

    #[test]
    fn serials_differ_and_are_positive() {
        let serials: Vec<Vec<u8>> = (0..50).map(|_| serial().unwrap().to_bytes()).collect();
        for (index, serial) in serials.iter().enumerate() {
            assert_eq!(serial.len(), 20);
            assert!((0x40..0x80).contains(&serial[0]));
            assert!(!serials[..index].contains(serial));
        }
    }

    #[test]
    fn a_ca_outside_its_dates_is_refused() {
        let ca = Ca::create("test-ca", 30).unwrap();
        let load = |now| {
            Ca::load_at(ca.cert_pem(), ca.key_pem(), now)
                .err()
                .unwrap()
                .to_string()
        };
        assert_eq!(
            load(ca.not_after + 1),
            format!("CA `CN=test-ca` expired on {}", date(ca.not_after))
        );
        assert_eq!(
            load(ca.not_before - 1),
            format!(
                "CA `CN=test-ca` is not valid before {}",
                date(ca.not_before)
            )
        );
    }

    #[test]
    fn a_san_that_is_no_name_is_refused() {
        let ca = Ca::create("test-ca", 30).unwrap();
        for san in ["", "etcd 1", "10.10.10.10:2379", "größe"] {
            let error = ca
                .issue(&Leaf {
                    sans: vec![san.into()],
                    ..leaf()
                })
                .err()
                .unwrap();
            assert_eq!(
                error.to_string(),
                format!("`{san}` is neither an address nor a DNS name for a certificate")
            );
        }
    }
}
