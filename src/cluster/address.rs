//! The IP address that a member has on the network of its cluster.

use std::net::{IpAddr, ToSocketAddrs};

use super::reach::Vars;
use crate::error::{Error, Result};
use crate::inventory::Inventory;

/// A member's address: its inventory name when that is an IP, else `ansible_host` when that is one, else the one
/// IP that the name resolves to.
pub fn address(inventory: &Inventory, host: &str) -> Result<String> {
    if host.parse::<IpAddr>().is_ok() {
        return Ok(host.to_string());
    }
    let vars = Vars { host, inventory };
    if let Some(named) = vars.text(&["ansible_host", "ansible_ssh_host"])?
        && named.parse::<IpAddr>().is_ok()
    {
        return Ok(named);
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
