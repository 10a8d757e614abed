//! What a client of etcd needs to reach a cluster: endpoints, certificates, a login, and tunnels through a host.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::reach::{Login, link, ssh_target};
use super::{Cluster, pki};
use crate::error::{Error, Result};
use crate::etcd::{Config, Keeper};
use crate::inventory::Inventory;
use crate::secret::Secret;

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

/// Where Pigsty keeps root's password of etcd, on each member.
const PASSWORD_FILE: &str = "/etc/etcd/etcd.pass";

/// The login that lies on the hosts of a cluster: root with the first line of `/etc/etcd/etcd.pass`. How ssh logs in is found
/// out when it comes to that: it may have to be asked for.
pub fn keeper(
    inventory: Arc<Inventory>,
    login: impl Fn() -> Result<Login> + Send + Sync + 'static,
    hosts: Vec<String>,
) -> Keeper {
    Keeper::new(move || {
        let login = login().ok()?;
        let password = |host: &String| password(&inventory, &login, host);
        let password = hosts.iter().find_map(password)?;
        Some(("root".to_string(), password))
    })
}

/// What cannot be read from here is no login: etcd's own refusal is the answer then.
fn password(inventory: &Inventory, login: &Login, host: &str) -> Option<Secret> {
    let link = link(inventory, login, host, true, true).ok()?;
    let file = crate::command::quote(&link.path(PASSWORD_FILE));
    let output = link
        .ask(&format!("head -n 1 {file}"), Some(Duration::from_secs(10)))
        .ok()?;
    let text = output.text();
    let line = text.trim_end_matches(['\n', '\r']);
    (output.status == 0 && !line.is_empty()).then(|| Secret::new(line))
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
