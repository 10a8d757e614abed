//! Is this the certificate of the server that was meant? First as webpki judges; where that refuses, as Go does, which takes more: a
//! server's certificate that is a CA's, one that is itself among the trusted, and CAs in the form before extensions (X.509 v1).
//!
//! What Go's judgement would have to weigh and this one does not (constraints of names, unknown critical extensions), it does not
//! accept: there webpki's word stands.

use std::fmt;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, DigitallySignedStruct, Error, OtherError, PeerMisbehaved, RootCertStore,
    SignatureScheme,
};

use super::chain::{Chain, Flaw, NoWay, flaw, is_plain_ca, is_valid, public_key};

/// Who is trusted.
#[derive(Debug)]
pub(super) struct Roots {
    anchors: Arc<RootCertStore>,
    certificates: Vec<CertificateDer<'static>>,
}

impl Roots {
    /// All of them must be certificates.
    pub(super) fn of_file(certificates: Vec<CertificateDer<'static>>) -> Result<Roots, Flaw> {
        if let Some(flaw) = certificates.iter().find_map(|der| flaw(der)) {
            return Err(flaw);
        }
        let now = UnixTime::now();
        let plain = certificates.iter().filter(|der| is_plain_ca(der, now));
        let mut anchors = RootCertStore::empty();
        anchors.add_parsable_certificates(plain.cloned());
        Ok(Roots {
            anchors: Arc::new(anchors),
            certificates,
        })
    }

    /// Those of the system: what cannot be read of them is left out.
    pub(super) fn of_system(certificates: Vec<CertificateDer<'static>>) -> Roots {
        let mut anchors = RootCertStore::empty();
        anchors.add_parsable_certificates(certificates.iter().cloned());
        Roots {
            anchors: Arc::new(anchors),
            certificates,
        }
    }
}

#[derive(Debug)]
pub(super) struct Verifier {
    algorithms: WebPkiSupportedAlgorithms,
    /// Without them anybody is taken.
    roots: Option<Roots>,
}

impl Verifier {
    pub(super) fn new(roots: Roots, provider: &CryptoProvider) -> Verifier {
        Verifier {
            algorithms: provider.signature_verification_algorithms,
            roots: Some(roots),
        }
    }

    /// Takes any certificate: the user asked for it.
    pub(super) fn anybody() -> Verifier {
        Verifier {
            algorithms: super::rsa::ALGORITHMS,
            roots: None,
        }
    }

    /// The handshake was signed with the key of this certificate.
    fn signed(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
        curve_counts: bool,
    ) -> Result<HandshakeSignatureValid, Error> {
        let row = self
            .algorithms
            .mapping
            .iter()
            .find(|(scheme, _)| *scheme == signed.scheme);
        let (_, known) = row.ok_or(PeerMisbehaved::SignedHandshakeWithUnadvertisedSigScheme)?;
        let usable = if curve_counts { &known[..1] } else { known };
        let key = public_key(certificate).ok_or(CertificateError::BadEncoding)?;
        if usable
            .iter()
            .any(|algorithm| is_valid(key, *algorithm, message, signed.signature()))
        {
            Ok(HandshakeSignatureValid::assertion())
        } else {
            Err(CertificateError::BadSignature.into())
        }
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        _: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Some(roots) = &self.roots else {
            return Ok(ServerCertVerified::assertion());
        };
        let certificate = ParsedCertificate::try_from(leaf).map_err(in_words)?;
        let algorithms = self.algorithms.all;
        let judged = verify_server_cert_signed_by_trust_anchor(
            &certificate,
            &roots.anchors,
            others,
            now,
            algorithms,
        );
        if let Err(refused) = judged {
            Chain::new(&roots.certificates, others, now, algorithms)
                .leads_from(leaf)
                .map_err(|why| match why {
                    NoWay::Ended => reason(Reason::CaEnded),
                    NoWay::Unknown => in_words(refused),
                })?;
        }
        verify_server_name(&certificate, name)?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.signed(message, certificate, signed, false)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        // PKCS#1 is for certificates alone there.
        let old = matches!(
            signed.scheme,
            SignatureScheme::RSA_PKCS1_SHA256
                | SignatureScheme::RSA_PKCS1_SHA384
                | SignatureScheme::RSA_PKCS1_SHA512
        );
        if old {
            return Err(PeerMisbehaved::SignedHandshakeWithUnadvertisedSigScheme.into());
        }
        self.signed(message, certificate, signed, true)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// What rustls has no word for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// It is signed by a CA that is not valid any longer, or not yet.
    CaEnded,
    /// A CA on the way may not sign for this name, or with so many in between, or is none at all.
    Issuer,
    /// The signature is of a kind that is not taken.
    Signature,
    /// It is in the form before extensions, which has no names of servers.
    Version,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Reason::CaEnded => "the CA that signed the server's certificate is not valid now",
            Reason::Issuer => "the server's certificate is signed by one that may not sign it",
            Reason::Signature => {
                "the server's certificate is signed in a way that is not safe any longer"
            }
            Reason::Version => {
                "the server's certificate is X.509 version 1, which has no names of servers"
            }
        })
    }
}

impl std::error::Error for Reason {}

fn reason(reason: Reason) -> Error {
    CertificateError::Other(OtherError(Arc::new(reason))).into()
}

/// The same error, with words where rustls has only the names of its own states.
fn in_words(error: Error) -> Error {
    let Error::InvalidCertificate(why) = &error else {
        return error;
    };
    match why {
        CertificateError::UnsupportedSignatureAlgorithmContext { .. }
        | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
            reason(Reason::Signature)
        }
        CertificateError::Other(OtherError(inner)) => {
            match inner.downcast_ref::<webpki::Error>() {
                // Where it could not be trusted as one of those that are given.
                Some(webpki::Error::CaUsedAsEndEntity) => CertificateError::UnknownIssuer.into(),
                Some(
                    webpki::Error::EndEntityUsedAsCa
                    | webpki::Error::NameConstraintViolation
                    | webpki::Error::PathLenConstraintViolated,
                ) => reason(Reason::Issuer),
                Some(webpki::Error::UnsupportedCertVersion) => reason(Reason::Version),
                _ => error,
            }
        }
        _ => error,
    }
}
