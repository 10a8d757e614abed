//! The IP address that a member has on the network of its cluster.

use std::net::{IpAddr, ToSocketAddrs};

use super::reach::Vars;
use crate::error::{Error, Result};
use crate::inventory::Inventory;

/// A member's address: its inventory name when that is an IP, else `ansible_host` when that is one, else the one
/// IP that the name resolves to.
pub fn address(inventory: &Inventory, host: &str) -> Result<String> {
    if let Ok(ip) = host.parse::<IpAddr>() {
        return Ok(ip.to_string());
    }
    let vars = Vars { host, inventory };
    if let Some(named) = vars.text(&["ansible_host", "ansible_ssh_host"])?
        && let Ok(ip) = named.parse::<IpAddr>()
    {
        return Ok(ip.to_string());
    }
    let mut found: Vec<IpAddr> = (host, 0)
        .to_socket_addrs()
        .map(|all| all.map(|socket| socket.ip()).collect())
        .unwrap_or_default();
    found.sort_unstable();
    found.dedup();
    let v4: Vec<&IpAddr> = found.iter().filter(|ip| ip.is_ipv4()).collect();
    match (v4.as_slice(), found.as_slice()) {
        ([one], _) => Ok(one.to_string()),
        ([], [one]) => Ok(one.to_string()),
        ([], []) => Err(Error::config("the address of the member is not known")
            .on(host)
            .because("neither its name nor `ansible_host` is an IP address, and the name does not resolve")
            .hint(format!("name the host by its IP in the inventory: 10.10.10.10: {{ ansible_host: {host} }}"))),
        _ => Err(Error::config("the address of the member is not clear")
            .on(host)
            .because(format!("the name resolves to {}", found.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")))
            .hint("set `ansible_host` to the right one")),
    }
}

/// A URL, or several with commas, with each IPv6 address in its one short form: `fd00:0::A` is `fd00::a`.
#[must_use]
pub fn canonical_url(url: &str) -> String {
    let one = |url: &str| {
        let parts = url.split_once('[').zip(url.split_once(']'));
        let Some(((before, _), (inside, after))) = parts else {
            return url.to_string();
        };
        let address = inside
            .rsplit_once('[')
            .map_or(inside, |(_, address)| address);
        match address.parse::<IpAddr>() {
            Ok(ip) => format!("{before}[{ip}]{after}"),
            Err(_) => url.to_string(),
        }
    };
    url.split(',').map(one).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_one_spelling() {
        let rows = [
            (
                "https://[FD00:10:0:0::10]:2380",
                "https://[fd00:10::10]:2380",
            ),
            ("https://10.0.0.1:2380", "https://10.0.0.1:2380"),
            (
                "https://[::1]:1,https://[0:0::1]:2",
                "https://[::1]:1,https://[::1]:2",
            ),
            ("https://[fe80::1%eth0]:1", "https://[fe80::1%eth0]:1"),
            ("nothing", "nothing"),
        ];
        for (given, wanted) in rows {
            assert_eq!(canonical_url(given), wanted);
        }
        let inventory = Inventory::parse(
            "a.yml",
            "etcd: { hosts: { \"FD00:0:0::10\": { etcd_seq: 1 } } }",
        );
        let address = address(&inventory.expect("it parses"), "FD00:0:0::10");
        assert_eq!(address.expect("it is an address"), "fd00::10");
    }
}
