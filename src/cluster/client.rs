//! What a client of etcd needs to reach a cluster: endpoints, certificates, a login, and tunnels through a host.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::reach::{Login, ssh_target};
use super::{Cluster, pki};
use crate::error::{Error, Result};
use crate::etcd::Config;
use crate::inventory::Inventory;

/// Endpoints and login of a cluster, with the certificates that lie beside the inventory.
pub fn config(cluster: &Cluster, beside: &Path) -> Result<Config> {
    let mut config = Config {
        endpoints: cluster.endpoints()?,
        ..Config::default()
    };
    if let Some((ca, cert, key)) = pki::client_pair(beside, "files/pki/ca", "admin")? {
        (config.ca_pem, config.cert_pem, config.key_pem) = (Some(ca), Some(cert), Some(key));
    }
    if let Some((user, password)) = &cluster.access()?.login {
        (config.user, config.password) = (Some(user.clone()), Some(password.clone()));
    }
    Ok(config)
}

/// Socket files that lead to `endpoints` through ssh on `via`, a host of the inventory or one that ssh knows.
pub fn tunnel(
    inventory: &Inventory,
    login: &Login,
    via: &str,
    endpoints: &[String],
) -> Result<HashMap<String, PathBuf>> {
    let alone;
    let inventory = if inventory.has_host(via) {
        inventory
    } else {
        alone = Inventory::parse("--via", &format!("all: {{ hosts: {{ {via:?}: }} }}"))?;
        &alone
    };
    let Some(target) = ssh_target(inventory, login, via)? else {
        return Ok(HashMap::new());
    };
    let mut doors = HashMap::new();
    for endpoint in endpoints {
        let bare = endpoint
            .split_once("://")
            .map_or(endpoint.as_str(), |(_, rest)| rest)
            .trim_end_matches('/');
        let (host, port) = bare.rsplit_once(':').unwrap_or((bare, "2379"));
        let port = port
            .parse()
            .map_err(|_| Error::config(format!("`{endpoint}` is not an etcd endpoint")))?;
        doors.insert(
            endpoint.clone(),
            crate::transport::forward(&target, host.trim_matches(['[', ']']), port)
                .map_err(|error| error.on(via))?,
        );
    }
    Ok(doors)
}
