//! Reads a private key as OpenSSL or Ansible wrote it, and says which kind it is when it cannot be used.

use pkcs8::der::{Decode, Encode, ErrorKind, Tag, asn1::AnyRef};
use pkcs8::{AlgorithmIdentifierRef, ObjectIdentifier, PrivateKeyInfo};
use rcgen::KeyPair;

use super::pem::{self, Block};
use crate::error::{Error, Result};
use crate::secret::Secret;

const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");

const SUPPORTED: &str = "RSA of 2048 to 4096 bits, P-256, P-384 and Ed25519 are supported";
const WHAT: &str = "private key";

/// Names for the kinds of key that people have and this program cannot use.
const NAMES: [(&str, &str); 9] = [
    ("1.2.840.113549.1.1.10", "RSA-PSS"),
    ("1.2.840.10040.4.1", "DSA"),
    ("1.3.101.110", "X25519"),
    ("1.3.101.113", "Ed448"),
    ("1.3.132.0.10", "secp256k1"),
    ("1.3.132.0.33", "P-224"),
    ("1.3.132.0.35", "P-521"),
    ("1.3.36.3.3.2.8.1.1.7", "brainpoolP256r1"),
    ("1.3.36.3.3.2.8.1.1.11", "brainpoolP384r1"),
];

/// The key in `text`: RSA as PKCS#1 or PKCS#8, EC as SEC1 or PKCS#8, Ed25519.
pub(super) fn load(text: &Secret) -> Result<KeyPair> {
    let der = pkcs8(text)?;
    let info =
        PrivateKeyInfo::from_der(&der).map_err(|error| pem::damaged(WHAT, error.to_string()))?;
    check_kind(&info)?;
    KeyPair::try_from(der.as_slice())
        .map_err(|error| Error::config("private key cannot be used").because(error.to_string()))
}

fn pkcs8(text: &Secret) -> Result<Vec<u8>> {
    let blocks = pem::blocks(text.reveal(), WHAT)?;
    let block = blocks
        .iter()
        .find(|block| block.label.ends_with("PRIVATE KEY"))
        .ok_or_else(|| Error::config(format!("no private key found{}", pem::labels(&blocks))))?;
    if block.encrypted || block.label == "ENCRYPTED PRIVATE KEY" {
        return Err(Error::config("private key is encrypted with a passphrase")
            .hint("openssl pkey -in KEY -out PLAIN"));
    }
    match block.label.as_str() {
        "PRIVATE KEY" => Ok(block.der.clone()),
        "RSA PRIVATE KEY" => wrap(
            AlgorithmIdentifierRef {
                oid: RSA,
                parameters: Some(AnyRef::NULL),
            },
            &block.der,
        ),
        "EC PRIVATE KEY" => wrap_sec1(block),
        other => Err(Error::config(format!(
            "private key is in the form `{other}`"
        ))),
    }
}

/// ring reads PKCS#8 only; PKCS#1 and SEC1 are what is inside of it.
fn wrap(algorithm: AlgorithmIdentifierRef<'_>, key: &[u8]) -> Result<Vec<u8>> {
    PrivateKeyInfo::new(algorithm, key)
        .to_der()
        .map_err(|error| pem::damaged(WHAT, error.to_string()))
}

fn wrap_sec1(block: &Block) -> Result<Vec<u8>> {
    let curve = ec_key(&block.der)?
        .parameters
        .and_then(sec1::EcParameters::named_curve)
        .ok_or_else(|| {
            Error::config("private key does not name its curve")
                .hint("openssl ec -in KEY -param_enc named_curve -out NAMED")
        })?;
    wrap(
        AlgorithmIdentifierRef {
            oid: EC,
            parameters: Some(AnyRef::from(&curve)),
        },
        &block.der,
    )
}

fn check_kind(info: &PrivateKeyInfo<'_>) -> Result<()> {
    match info.algorithm.oid {
        EC => check_curve(info),
        ED25519 => Ok(()),
        RSA => check_rsa(info.private_key),
        other => Err(unsupported(&format!("of kind {}", name(other)))),
    }
}

fn check_rsa(der: &[u8]) -> Result<()> {
    let key = pkcs1::RsaPrivateKey::from_der(der)
        .map_err(|error| pem::damaged(WHAT, error.to_string()))?;
    let modulus = key.modulus.as_bytes();
    let unused = modulus
        .first()
        .map_or(0, |byte| byte.leading_zeros() as usize);
    match modulus.len() * 8 - unused {
        2048..=4096 => Ok(()),
        bits => Err(unsupported(&format!("RSA of {bits} bits"))),
    }
}

fn check_curve(info: &PrivateKeyInfo<'_>) -> Result<()> {
    let curve = info
        .algorithm
        .parameters_oid()
        .map_err(|_| written_out_curve())?;
    if curve != P256 && curve != P384 {
        return Err(unsupported(&format!("on curve {}", name(curve))));
    }
    match ec_key(info.private_key)?.public_key {
        Some(_) => Ok(()),
        None => Err(Error::config("private key has no public part")
            .hint("openssl ec -in KEY -out WITH_PUBLIC_PART")),
    }
}

fn ec_key(der: &[u8]) -> Result<sec1::EcPrivateKey<'_>> {
    sec1::EcPrivateKey::from_der(der).map_err(|error| match error.kind() {
        ErrorKind::TagUnexpected {
            expected: Some(Tag::ObjectIdentifier),
            ..
        } => written_out_curve(),
        _ => pem::damaged(WHAT, error.to_string()),
    })
}

fn written_out_curve() -> Box<Error> {
    unsupported("on a curve that is written out instead of named")
}

fn unsupported(kind: &str) -> Box<Error> {
    Error::config(format!("private key is {kind}")).because(SUPPORTED)
}

fn name(oid: ObjectIdentifier) -> String {
    let dotted = oid.to_string();
    match NAMES.iter().find(|(known, _)| *known == dotted) {
        Some((_, name)) => format!("`{name}`"),
        None => format!("`{dotted}`"),
    }
}
