//! TLS as a client speaks it: whom it trusts, and what it shows of itself. Certificates are judged as Go's programs judge them, because
//! what etcdctl and etcd itself accept is what is out there.
//!
//! Owns the provider, the settings of rustls and the judgement of certificates. Pure: texts in, settings out; it must not know etcd,
//! hosts or sockets. Start reading at [`client`].

mod chain;
mod der;
mod pem;
mod rsa;
mod verify;

use std::fmt;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::client::ResolvesClientCert;
use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs::kx_group;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use rustls::sign::{CertifiedKey, SingleCertAndKey};

use crate::secret::Secret;
pub(crate) use chain::Flaw;
use pem::Block;
pub(crate) use verify::Reason;

/// Whom to trust, and who we are.
pub(crate) struct Identity<'a> {
    /// PEM; without it, and without the system's roots, nobody is trusted.
    pub(crate) ca: Option<&'a str>,
    pub(crate) cert: Option<&'a str>,
    pub(crate) key: Option<&'a Secret>,
    /// Take any certificate for the server's.
    pub(crate) skip_verify: bool,
    /// Trust the system's authorities when no CA is given.
    pub(crate) system_roots: bool,
}

/// Why no settings can be made of what was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unusable {
    /// A block in the CA's file is no certificate.
    Ca(Flaw),
    /// A block of the client's certificate is none.
    Certificate(Flaw),
    /// There is a key, and no certificate.
    CertificateMissing,
    /// The client's key cannot be read, or is of a kind that nobody uses.
    Key,
    /// There is a certificate, and no key.
    KeyMissing,
    /// The two do not belong together; the key is of the other's kind, or is not.
    Mismatch { kind: bool },
    /// There is no certificate in the CA's file.
    NoCa,
    /// There is none in the client's file, but these blocks.
    NoCertificate(Vec<String>),
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Unusable::Ca(_) => "the CA for etcd holds a block that is no certificate",
            Unusable::Certificate(_) | Unusable::NoCertificate(_) => {
                "the client certificate for etcd cannot be read"
            }
            Unusable::CertificateMissing => "the client key for etcd has no certificate",
            Unusable::Key => "the client key for etcd cannot be read",
            Unusable::KeyMissing => "the client certificate for etcd has no key",
            Unusable::Mismatch { .. } => {
                "the client key for etcd does not belong to its certificate"
            }
            Unusable::NoCa => "the CA for etcd holds no certificate",
        })
    }
}

impl Unusable {
    /// As Go's TLS says it; nothing where Go goes on.
    pub(crate) fn in_go(&self) -> Option<String> {
        let text = match self {
            Unusable::Ca(flaw) | Unusable::Certificate(flaw) => match flaw {
                Flaw::Form => "x509: malformed certificate",
                Flaw::Inside => "x509: malformed tbs certificate",
                Flaw::More => "x509: trailing data",
            },
            Unusable::Key => "tls: failed to parse private key",
            Unusable::Mismatch { kind: true } => "tls: private key does not match public key",
            Unusable::Mismatch { kind: false } => {
                "tls: private key type does not match public key type"
            }
            Unusable::NoCertificate(labels) => {
                return Some(format!(
                    "tls: failed to find \"CERTIFICATE\" PEM block in certificate input after skipping PEM blocks of the following types: [{}]",
                    labels.join(" ")
                ));
            }
            Unusable::CertificateMissing | Unusable::KeyMissing | Unusable::NoCa => return None,
        };
        Some(text.into())
    }
}

impl std::error::Error for Unusable {}

/// The settings of a connection that speaks `protocol`.
pub(crate) fn client(
    identity: &Identity<'_>,
    protocol: &[u8],
) -> Result<Arc<ClientConfig>, Unusable> {
    let provider = Arc::new(provider());
    let verifier = if identity.skip_verify {
        verify::Verifier::anybody()
    } else {
        verify::Verifier::new(roots(identity)?, &provider)
    };
    let own = own(identity, &provider)?;
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider has the suites of TLS 1.2 and 1.3")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier));
    let mut settings = match own {
        Some(own) => builder.with_client_cert_resolver(own),
        None => builder.with_no_client_auth(),
    };
    settings.alpn_protocols.push(protocol.to_vec());
    Ok(Arc::new(settings))
}

/// AWS-LC, which has P-521, with RSA from 1024 bits on, as Go's TLS has them.
///
/// Keys are agreed on by elliptic curves alone: a server that prefers ML-KEM asks for a second hello, which is one more round trip,
/// and its code takes a MiB of memory.
fn provider() -> CryptoProvider {
    CryptoProvider {
        kx_groups: vec![kx_group::X25519, kx_group::SECP256R1, kx_group::SECP384R1],
        signature_verification_algorithms: rsa::ALGORITHMS,
        ..rustls::crypto::aws_lc_rs::default_provider()
    }
}

fn roots(identity: &Identity<'_>) -> Result<verify::Roots, Unusable> {
    let Some(ca) = identity.ca else {
        let certificates = if identity.system_roots {
            rustls_native_certs::load_native_certs().certs
        } else {
            Vec::new()
        };
        return Ok(verify::Roots::of_system(certificates));
    };
    let blocks = pem::blocks(ca);
    if blocks.is_empty() {
        return Err(Unusable::NoCa);
    }
    // Go reads every block of the file, whatever is written on it.
    let certificates = blocks.into_iter().map(|block| block.der.into()).collect();
    verify::Roots::of_file(certificates).map_err(Unusable::Ca)
}

/// What the client shows of itself. Only that key and certificate belong together is looked at here: the rest is the server's to judge.
fn own(
    identity: &Identity<'_>,
    provider: &CryptoProvider,
) -> Result<Option<Arc<dyn ResolvesClientCert>>, Unusable> {
    let (cert, key) = match (identity.cert, identity.key) {
        (Some(cert), Some(key)) => (cert, key),
        (None, None) => return Ok(None),
        (Some(_), None) => return Err(Unusable::KeyMissing),
        (None, Some(_)) => return Err(Unusable::CertificateMissing),
    };
    let (chain, others): (Vec<Block>, Vec<Block>) = pem::blocks(cert)
        .into_iter()
        .partition(|block| block.label == "CERTIFICATE");
    let labels = others.into_iter().map(|block| block.label);
    let first = chain
        .first()
        .ok_or_else(|| Unusable::NoCertificate(labels.collect()))?;
    let Some(public) = chain::public_key(&first.der) else {
        let flaw = chain::flaw(&first.der).unwrap_or(Flaw::Inside);
        return Err(Unusable::Certificate(flaw));
    };
    let key = PrivateKeyDer::from_pem_slice(key.reveal().as_bytes()).map_err(|_| Unusable::Key)?;
    let key = provider
        .key_provider
        .load_private_key(key)
        .map_err(|_| Unusable::Key)?;
    if key.public_key().is_none_or(|key| key.as_ref() != public) {
        let kind = key
            .public_key()
            .is_some_and(|key| chain::algorithm(&key) == chain::algorithm(public));
        return Err(Unusable::Mismatch { kind });
    }
    let chain = chain.into_iter().map(|block| block.der.into()).collect();
    let own = SingleCertAndKey::from(CertifiedKey::new(chain, key));
    Ok(Some(Arc::new(own)))
}
