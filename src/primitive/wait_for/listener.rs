//! A listener on a port of the host: `2379`, `10.10.10.10:2379`, `[::1]:2379`.

use std::net::IpAddr;

use crate::error::{Error, Result};
use crate::hex;

/// Where something shall listen; without an address on any of the host's.
pub(super) struct Listener {
    address: Option<IpAddr>,
    port: u16,
}

impl Listener {
    pub(super) fn parse(text: &str) -> Result<Listener> {
        let text = text.trim();
        let (address, port) = match text.rsplit_once(':') {
            None => (None, text),
            Some((address, port)) => (Some(parse_address(address)?), port),
        };
        match port.parse() {
            Ok(port) if port > 0 => Ok(Listener { address, port }),
            _ => Err(Error::config(format!("`{port}` is no port"))),
        }
    }

    /// A command that succeeds when something listens there, and ends with 2 when the kernel does not say.
    pub(super) fn test(&self) -> String {
        // Both tables have the address, a port and the state `0A` of a listener in the same columns.
        format!(
            "[ -r /proc/net/tcp ] || exit 2; cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | grep -Eq ': ({}):{:04X} [0-9A-F:]+ 0A '",
            self.addresses().join("|"),
            self.port
        )
    }

    /// The addresses, as the kernel writes them, on which a listener takes what is sent to ours.
    fn addresses(&self) -> Vec<String> {
        let any_v4 = [0; 4];
        let any_v6 = hex::kernel(&[0; 16]);
        match self.address {
            None => vec!["[0-9A-F]+".into()],
            Some(IpAddr::V4(own)) => vec![
                hex::kernel(&own.octets()),
                hex::kernel(&own.to_ipv6_mapped().octets()),
                hex::kernel(&any_v4),
                any_v6,
            ],
            Some(IpAddr::V6(own)) => vec![hex::kernel(&own.octets()), any_v6],
        }
    }
}

fn parse_address(text: &str) -> Result<IpAddr> {
    let inside = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'));
    let found = match inside {
        Some(inside) => inside
            .parse()
            .map(|v6: std::net::Ipv6Addr| v6.to_canonical())
            .ok(),
        None => text.parse().map(IpAddr::V4).ok(),
    };
    found.ok_or_else(|| {
        Error::config(format!("`{text}` is no IP address"))
            .hint("port 2379, port 10.10.10.10:2379 or port [fd00::1]:2379")
    })
}
