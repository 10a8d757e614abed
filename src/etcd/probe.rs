//! Asks a server by a bare TLS handshake why it closes connections.
//!
//! In TLS 1.3 a server refuses a client certificate after the handshake, as far as the client can see, and closes.
//! HTTP/2 is writing by then and reports a broken pipe; the alert that says why is lost.

use std::io::{self, Read};
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use tonic::codegen::http::Uri;

use super::client::Config;
use super::connection::Anyone;
use super::trouble::{Trouble, of_link};

/// An alert follows the handshake at once.
const PATIENCE: Duration = Duration::from_millis(500);

/// How a connection ends that the other side closes.
const CLOSINGS: [io::ErrorKind; 3] = [
    io::ErrorKind::BrokenPipe,
    io::ErrorKind::ConnectionReset,
    io::ErrorKind::UnexpectedEof,
];

const CLOSED: &str =
    "the server closes the connection during the TLS handshake: it may not speak TLS";
const WANTS_HTTPS: &str = "the server speaks TLS: its endpoint begins with https://";

/// The TLS trouble with an endpoint, if it has one.
pub(super) fn tls_trouble(url: &str, config: &Config) -> Option<Trouble> {
    let uri: Uri = url.parse().ok()?;
    // What lies behind a socket file or an ssh connection is not asked twice.
    if !config.forwards.is_empty() {
        return None;
    }
    let outcome = handshake(&uri, config);
    match (uri.scheme_str()?, outcome) {
        ("http", outcome) => speaks_tls(&outcome).then(|| Trouble::Tls(WANTS_HTTPS.into())),
        ("https", Err(Failed::Closed)) => Some(Trouble::Tls(CLOSED.into())),
        ("https", Err(Failed::Other(error))) => {
            of_link(error.as_ref()).filter(|trouble| matches!(trouble, Trouble::Tls(_)))
        }
        _ => None,
    }
}

/// A server that speaks TLS gets as far as to show its certificate or to complain of ours.
fn speaks_tls(outcome: &Result<(), Failed>) -> bool {
    let Err(Failed::Other(error)) = outcome else {
        return outcome.is_ok();
    };
    let wrapped = error
        .downcast_ref::<io::Error>()
        .and_then(io::Error::get_ref);
    let tls = wrapped.and_then(|inner| inner.downcast_ref::<rustls::Error>());
    matches!(
        tls,
        Some(rustls::Error::InvalidCertificate(_) | rustls::Error::AlertReceived(_))
    )
}

pub(super) enum Failed {
    /// In the middle of the handshake, without a word.
    Closed,
    Other(Box<dyn std::error::Error + Send + Sync>),
}

impl<E: Into<Box<dyn std::error::Error + Send + Sync>>> From<E> for Failed {
    fn from(error: E) -> Failed {
        Failed::Other(error.into())
    }
}

fn handshake(uri: &Uri, config: &Config) -> Result<(), Failed> {
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    let address = (host, uri.port_u16().unwrap_or(443))
        .to_socket_addrs()?
        .next()
        .ok_or("no address")?;
    let socket = TcpStream::connect_timeout(&address, config.connect_timeout)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.set_write_timeout(Some(PATIENCE))?;
    let name = ServerName::try_from(host.to_string())?;
    let session = ClientConnection::new(Arc::new(settings(config, b"h2")?), name)?;
    let mut stream = StreamOwned::new(session, socket);
    match stream.read(&mut [0; 1]) {
        Err(error) if CLOSINGS.contains(&error.kind()) && stream.conn.is_handshaking() => {
            Err(Failed::Closed)
        }
        Err(error) if error.kind() != io::ErrorKind::WouldBlock => Err(error.into()),
        _ => Ok(()),
    }
}

/// TLS for a client of another service, with the certificates and the trust that a client of etcd would have.
pub(crate) fn client_tls(
    config: &Config,
    protocol: &[u8],
) -> Result<ClientConfig, Box<dyn std::error::Error + Send + Sync>> {
    let mut settings = settings(config, protocol).map_err(|failed| match failed {
        Failed::Closed => CLOSED.into(),
        Failed::Other(error) => error,
    })?;
    if config.skip_verify {
        settings
            .dangerous()
            .set_certificate_verifier(Arc::new(Anyone::new()));
    }
    Ok(settings)
}

pub(super) fn settings(config: &Config, protocol: &[u8]) -> Result<ClientConfig, Failed> {
    let mut roots = RootCertStore::empty();
    for ca in
        CertificateDer::pem_slice_iter(config.ca_pem.as_deref().unwrap_or_default().as_bytes())
    {
        roots.add(ca?)?;
    }
    if config.ca_pem.is_none() && config.system_roots {
        // One that cannot be read is none of ours to complain of.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    }
    let builder =
        ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots);
    let mut settings = match (&config.cert_pem, &config.key_pem) {
        (Some(cert), Some(key)) => {
            let chain =
                CertificateDer::pem_slice_iter(cert.as_bytes()).collect::<Result<_, _>>()?;
            builder.with_client_auth_cert(
                chain,
                PrivateKeyDer::from_pem_slice(key.reveal().as_bytes())?,
            )?
        }
        _ => builder.with_no_client_auth(),
    };
    settings.alpn_protocols.push(protocol.to_vec());
    Ok(settings)
}
