//! Endpoints behind a proxy of HTTP, as Go's programs take them from `HTTPS_PROXY` and `NO_PROXY`: which go through it, and how it is asked.
//!
//! Source: golang.org/x/net/http/httpproxy.

use std::fmt;
use std::io;
use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::secret::Secret;

/// More than this no proxy says before the connection stands.
const LONGEST_ANSWER: usize = 16 << 10;

/// What the two variables say.
#[derive(Clone)]
pub struct Proxies {
    host: String,
    login: Option<Secret>,
    none: Vec<String>,
    port: u16,
}

/// The login is nobody's to see.
impl fmt::Debug for Proxies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proxies({}:{})", self.host, self.port)
    }
}

impl Proxies {
    /// Of the values of `HTTPS_PROXY` and `NO_PROXY`; `None` where the first names no place.
    pub(crate) fn new(https: &str, none: &str) -> Option<Proxies> {
        let (_, rest) = https.split_once("://").unwrap_or(("http", https));
        let place = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let (login, place) = match place.rsplit_once('@') {
            Some((login, place)) => (Some(Secret::new(login)), place),
            None => (None, place),
        };
        let (host, port) = split(place);
        if host.is_empty() {
            return None;
        }
        let none = none.split(',').map(|name| name.trim().to_lowercase());
        Some(Proxies {
            host: host.into(),
            login,
            none: none.filter(|name| !name.is_empty()).collect(),
            port: port.and_then(|port| port.parse().ok()).unwrap_or(443),
        })
    }

    /// Does the way to this host go through the proxy? To this machine none does.
    pub(super) fn serve(&self, host: &str, port: u16) -> bool {
        let host = host.trim_end_matches('.').to_lowercase();
        let address: Option<IpAddr> = host.parse().ok();
        if host == "localhost" || address.is_some_and(|address| address.is_loopback()) {
            return false;
        }
        !self
            .none
            .iter()
            .any(|name| is_exempt(name, &host, address, port))
    }

    pub(super) fn place(&self) -> (&str, u16) {
        (&self.host, self.port)
    }

    /// Let the proxy lead on to this host.
    pub(super) async fn lead(
        &self,
        mut socket: TcpStream,
        host: &str,
        port: u16,
    ) -> io::Result<TcpStream> {
        let host = if host.contains(':') {
            format!("[{host}]:{port}")
        } else {
            format!("{host}:{port}")
        };
        let login = self.login.as_ref().map_or_else(String::new, |login| {
            let login = STANDARD.encode(login.reveal());
            format!("Proxy-Authorization: Basic {login}\r\n")
        });
        let request = format!("CONNECT {host} HTTP/1.1\r\nHost: {host}\r\n{login}\r\n");
        socket.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        // Byte by byte: what follows is the server's.
        while !answer.ends_with(b"\r\n\r\n") {
            if answer.len() > LONGEST_ANSWER {
                return Err(io::Error::other("the proxy does not speak HTTP"));
            }
            answer.push(socket.read_u8().await?);
        }
        let text = String::from_utf8_lossy(&answer);
        let first = text.lines().next().unwrap_or_default();
        if first.split(' ').nth(1) == Some("200") {
            Ok(socket)
        } else {
            Err(io::Error::other(format!("the proxy refuses: {first}")))
        }
    }
}

/// Host and port, brackets apart.
fn split(place: &str) -> (&str, Option<&str>) {
    match place.rsplit_once(':') {
        Some((host, port))
            if !port.contains(']') && (!host.contains(':') || host.ends_with(']')) =>
        {
            (host.trim_matches(['[', ']']), Some(port))
        }
        _ => (place.trim_matches(['[', ']']), None),
    }
}

/// A name stands for itself and what is below it; with a dot in front only for what is below.
fn is_exempt(name: &str, host: &str, address: Option<IpAddr>, port: u16) -> bool {
    if name == "*" {
        return true;
    }
    if let Some((network, bits)) = name.split_once('/') {
        let network: Option<IpAddr> = network.parse().ok();
        let bits: Option<u32> = bits.parse().ok();
        return match (network, bits, address) {
            (Some(network), Some(bits), Some(address)) => is_within(network, bits, address),
            _ => false,
        };
    }
    let (name, wanted) = split(name);
    if wanted.is_some_and(|wanted| wanted.parse() != Ok(port)) {
        return false;
    }
    if let Ok(ip) = name.parse::<IpAddr>() {
        return address == Some(ip);
    }
    let name = name.strip_prefix('*').unwrap_or(name);
    let below = name.strip_prefix('.');
    let behind = host.strip_suffix(below.unwrap_or(name));
    below.is_none() && host == name || behind.is_some_and(|front| front.ends_with('.'))
}

fn is_within(network: IpAddr, bits: u32, address: IpAddr) -> bool {
    match (network, address) {
        (IpAddr::V4(network), IpAddr::V4(address)) if bits <= 32 => {
            let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
            network.to_bits() & mask == address.to_bits() & mask
        }
        (IpAddr::V6(network), IpAddr::V6(address)) if bits <= 128 => {
            let mask = u128::MAX.checked_shl(128 - bits).unwrap_or(0);
            network.to_bits() & mask == address.to_bits() & mask
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_has_a_place_and_a_login() {
        for (text, wanted) in [
            ("http://p:3128", Some(("p", 3128, ""))),
            ("p:3128", Some(("p", 3128, ""))),
            ("http://a:b@[fd00::1]:80/x", Some(("fd00::1", 80, "a:b"))),
            ("http://p", Some(("p", 443, ""))),
            ("", None),
        ] {
            let proxies = Proxies::new(text, "");
            let seen = proxies.as_ref().map(|proxies| {
                let login = proxies.login.as_ref().map_or("", |login| login.reveal());
                (proxies.host.as_str(), proxies.port, login)
            });
            assert_eq!(seen, wanted, "{text}");
            assert!(!format!("{proxies:?}").contains("a:b"));
        }
    }

    #[test]
    fn some_hosts_are_reached_without() {
        for (none, host, port, through) in [
            ("", "10.0.0.1", 2379, true),
            ("", "127.9.9.9", 2379, false),
            ("", "::1", 2379, false),
            ("", "localhost", 2379, false),
            ("*", "a.test", 2379, false),
            ("test", "a.test", 2379, false),
            ("test", "test", 2379, false),
            ("test", "atest", 2379, true),
            (".test", "test", 2379, true),
            (".test", "a.test", 2379, false),
            ("*.test", "a.test.", 2379, false),
            ("A.Test:2379", "a.test", 2379, false),
            ("a.test:80", "a.test", 2379, true),
            ("b, 10.0.0.0/8", "10.1.2.3", 2379, false),
            ("10.0.0.0/8", "11.1.2.3", 2379, true),
            ("fd00::/8", "fd00::7", 2379, false),
            ("10.1.2.3", "10.1.2.3", 2379, false),
        ] {
            let proxies = Proxies::new("p:1", none).unwrap();
            assert_eq!(proxies.serve(host, port), through, "{none} {host}");
        }
    }
}
