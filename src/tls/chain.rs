//! Does a way lead from a server's certificate to a trusted one? As Go looks for it: see `verify.rs` for what it takes more than webpki.

use std::cell::Cell;

use rustls::pki_types::{
    CertificateDer, SignatureVerificationAlgorithm, SubjectPublicKeyInfoDer, UnixTime,
};
use webpki::RawPublicKeyEntity;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::ParsedExtension;
use x509_parser::prelude::FromDer;
use x509_parser::x509::X509Version;

use super::der::{Parts, contents, parts};

/// More CAs than these do not lie between a server and one that is trusted.
const LONGEST: usize = 8;

/// Signatures that are looked at for one server: a chain can be made that has endless ways through it.
const MOST_SIGNATURES: usize = 100;

/// A certificate, and nothing behind it.
pub(super) fn parsed(der: &[u8]) -> Option<X509Certificate<'_>> {
    let (rest, certificate) = X509Certificate::from_der(der).ok()?;
    rest.is_empty().then_some(certificate)
}

/// What is wrong with bytes that are no certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    /// They are not even one value.
    Form,
    /// What should be signed is none.
    Inside,
    /// Something follows.
    More,
}

pub(super) fn flaw(der: &[u8]) -> Option<Flaw> {
    /// The first byte of a sequence.
    const SEQUENCE: u8 = 0x30;
    let usual = parts(der).is_some_and(|parts| parts.is_usual_ca());
    if usual || parsed(der).is_some() {
        return None;
    }
    let whole = contents(der).filter(|_| der[0] == SEQUENCE);
    Some(match whole {
        None => Flaw::Form,
        Some((_, rest)) if !rest.is_empty() => Flaw::More,
        Some(_) => Flaw::Inside,
    })
}

/// May webpki take this trusted certificate for a CA? It does not look at what limits one that is trusted; Go does.
pub(super) fn is_plain_ca(der: &[u8], now: UnixTime) -> bool {
    let second = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    let usual = parts(der).filter(Parts::is_usual_ca);
    if let Some(valid) = usual.and_then(|parts| parts.is_valid_at(second)) {
        return valid;
    }
    parsed(der).is_some_and(|certificate| is_unlimited_ca(&certificate, now))
}

fn is_unlimited_ca(certificate: &X509Certificate<'_>, now: UnixTime) -> bool {
    let limited = |extension: &ParsedExtension<'_>| match extension {
        ParsedExtension::BasicConstraints(constraints) => constraints.path_len_constraint.is_some(),
        _ => false,
    };
    let mut extensions = certificate.extensions().iter();
    is_alive(certificate, now)
        && may_sign(certificate, true, 0)
        && is_for_servers(certificate)
        && !extensions.any(|extension| limited(extension.parsed_extension()))
}

/// The key of a certificate, in the form of X.509.
pub(super) fn public_key(der: &[u8]) -> Option<&[u8]> {
    Some(parts(der)?.key)
}

pub(super) fn is_alive(certificate: &X509Certificate<'_>, now: UnixTime) -> bool {
    let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    let validity = certificate.validity();
    (validity.not_before.timestamp()..=validity.not_after.timestamp()).contains(&now)
}

/// Is this the signature of the owner of the key?
pub(super) fn is_valid(
    key: &[u8],
    algorithm: &dyn SignatureVerificationAlgorithm,
    message: &[u8],
    signature: &[u8],
) -> bool {
    let key = SubjectPublicKeyInfoDer::from(key);
    RawPublicKeyEntity::try_from(&key)
        .is_ok_and(|key| key.verify_signature(algorithm, message, signature).is_ok())
}

/// Why no way leads there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoWay {
    /// A CA on the way is not valid now.
    Ended,
    Unknown,
}

/// The certificates that a way may go over.
pub(super) struct Chain<'a> {
    algorithms: &'static [&'static dyn SignatureVerificationAlgorithm],
    ended: Cell<bool>,
    now: UnixTime,
    others: Vec<X509Certificate<'a>>,
    roots: Vec<X509Certificate<'a>>,
    signatures: Cell<usize>,
}

impl<'a> Chain<'a> {
    pub(super) fn new(
        roots: &'a [CertificateDer<'static>],
        others: &'a [CertificateDer<'_>],
        now: UnixTime,
        algorithms: &'static [&'static dyn SignatureVerificationAlgorithm],
    ) -> Chain<'a> {
        Chain {
            algorithms,
            ended: Cell::new(false),
            now,
            others: others.iter().filter_map(|der| parsed(der)).collect(),
            roots: roots.iter().filter_map(|der| parsed(der)).collect(),
            signatures: Cell::new(0),
        }
    }

    /// From the certificate of a server, whose name is somebody else's to look at.
    pub(super) fn leads_from(&self, leaf: &[u8]) -> Result<(), NoWay> {
        let Some(leaf) = parsed(leaf) else {
            return Err(NoWay::Unknown);
        };
        if !is_alive(&leaf, self.now) || !is_understood(&leaf) || !is_for_servers(&leaf) {
            return Err(NoWay::Unknown);
        }
        let is_root = self.roots.iter().any(|root| root.as_raw() == leaf.as_raw());
        if is_root || self.climb(&mut vec![&leaf]) {
            return Ok(());
        }
        Err(if self.ended.get() {
            NoWay::Ended
        } else {
            NoWay::Unknown
        })
    }

    /// `path` begins with the server's certificate.
    fn climb<'p>(&'p self, path: &mut Vec<&'p X509Certificate<'a>>) -> bool {
        let last = path[path.len() - 1];
        if self
            .roots
            .iter()
            .any(|root| self.vouches(root, true, last, path.len() - 1))
        {
            return true;
        }
        if path.len() > LONGEST {
            return false;
        }
        for other in &self.others {
            let seen = path.iter().any(|on| on.as_raw() == other.as_raw());
            if !seen && self.vouches(other, false, last, path.len() - 1) {
                path.push(other);
                if self.climb(path) {
                    return true;
                }
                path.pop();
            }
        }
        false
    }

    /// Did this CA sign `signed`, and was it allowed to, with so many CAs in between?
    fn vouches(
        &self,
        ca: &X509Certificate<'_>,
        trusted: bool,
        signed: &X509Certificate<'_>,
        between: usize,
    ) -> bool {
        if ca.subject().as_raw() != signed.issuer().as_raw()
            || !may_sign(ca, trusted, between)
            || !is_understood(ca)
            || !is_for_servers(ca)
            || !self.has_signed(ca, signed)
        {
            return false;
        }
        let alive = is_alive(ca, self.now);
        self.ended.set(self.ended.get() || !alive);
        alive
    }

    fn has_signed(&self, ca: &X509Certificate<'_>, signed: &X509Certificate<'_>) -> bool {
        self.signatures.set(self.signatures.get() + 1);
        if self.signatures.get() > MOST_SIGNATURES {
            return false;
        }
        let message = signed.tbs_certificate.as_ref();
        let Some(name) = signature_algorithm(signed.as_raw(), message.len()) else {
            return false;
        };
        let key = ca.tbs_certificate.subject_pki.raw;
        self.algorithms
            .iter()
            .filter(|known| known.signature_alg_id().as_ref() == name)
            .any(|known| is_valid(key, *known, message, &signed.signature_value.data))
    }
}

/// A CA says so in its extensions; one in the form before these is taken only when it is trusted itself.
fn may_sign(ca: &X509Certificate<'_>, trusted: bool, between: usize) -> bool {
    if ca.version() != X509Version::V3 {
        return trusted;
    }
    let Ok(Some(constraints)) = ca.basic_constraints() else {
        return false;
    };
    let usage = match ca.key_usage() {
        Ok(usage) => usage.is_none_or(|usage| usage.value.key_cert_sign()),
        Err(_) => false,
    };
    let room = constraints
        .value
        .path_len_constraint
        .is_none_or(|most| between <= most as usize);
    constraints.value.ca && usage && room
}

/// Nothing in it would have to be weighed that is not weighed here.
fn is_understood(certificate: &X509Certificate<'_>) -> bool {
    certificate
        .extensions()
        .iter()
        .all(|extension| match extension.parsed_extension() {
            ParsedExtension::NameConstraints(_) | ParsedExtension::ParseError { .. } => false,
            ParsedExtension::BasicConstraints(_)
            | ParsedExtension::ExtendedKeyUsage(_)
            | ParsedExtension::KeyUsage(_)
            | ParsedExtension::SubjectAlternativeName(_) => true,
            _ => !extension.critical,
        })
}

fn is_for_servers(certificate: &X509Certificate<'_>) -> bool {
    match certificate.extended_key_usage() {
        Ok(usage) => usage.is_none_or(|usage| usage.value.any || usage.value.server_auth),
        Err(_) => false,
    }
}

/// The name of the algorithm that a certificate is signed with. It stands behind what is signed, which is so long.
fn signature_algorithm(der: &[u8], signed: usize) -> Option<&[u8]> {
    let (inside, _) = contents(der)?;
    Some(contents(inside.get(signed..)?)?.0)
}

/// Of which kind a public key is: the name of its algorithm, without the curve.
pub(super) fn algorithm(key: &[u8]) -> Option<&[u8]> {
    let (name, _) = contents(contents(key)?.0)?;
    Some(contents(name)?.0)
}
