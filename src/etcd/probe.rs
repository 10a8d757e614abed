//! Asks a server that was taken for one without TLS whether it speaks it: then it closes connections without a word.

use std::io;
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use rustls::ClientConnection;
use rustls::pki_types::ServerName;
use tonic::codegen::http::Uri;

use super::dial::H2;
use crate::tls::{self, Identity};

/// A server answers the first message of a handshake at once.
const PATIENCE: Duration = Duration::from_millis(500);

/// Does it answer a TLS handshake, be it with a refusal?
pub(super) fn speaks_tls(uri: &Uri, connect_timeout: Duration) -> bool {
    let Some((mut session, mut socket)) = begin(uri, connect_timeout) else {
        return false;
    };
    match session.complete_io(&mut socket) {
        Ok(_) => true,
        Err(error) => error
            .get_ref()
            .and_then(|inner| inner.downcast_ref())
            .is_some_and(|error| matches!(error, rustls::Error::AlertReceived(_))),
    }
}

fn begin(uri: &Uri, connect_timeout: Duration) -> Option<(ClientConnection, TcpStream)> {
    let host = uri.host()?.trim_matches(['[', ']']);
    let address = (host, uri.port_u16().unwrap_or(80))
        .to_socket_addrs()
        .ok()?
        .next()?;
    let open = || -> io::Result<TcpStream> {
        let socket = TcpStream::connect_timeout(&address, connect_timeout)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        socket.set_write_timeout(Some(PATIENCE))?;
        Ok(socket)
    };
    let anybody = Identity {
        ca: None,
        cert: None,
        key: None,
        skip_verify: true,
        system_roots: false,
    };
    let settings = tls::client(&anybody, H2).ok()?;
    let name = ServerName::try_from(host.to_string()).ok()?;
    Some((ClientConnection::new(settings, name).ok()?, open().ok()?))
}
