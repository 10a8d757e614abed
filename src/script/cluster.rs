//! The clusters of an inventory, and how etcd is reached in one of them: for `e`, which must be quick and runs no script.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::reach::Login;
use super::{pki, reach};
use crate::error::{Error, Result, nearest};
use crate::etcd::Config;
use crate::inventory::Inventory;
use crate::secret::Secret;

/// A cluster: its name, its hosts and where clients reach them.
#[derive(Clone, Debug)]
pub struct Cluster {
    pub endpoints: Vec<String>,
    pub hosts: Vec<String>,
    /// `etcdsh_user` and `etcdsh_password`, else root with `etcd_root_password`.
    pub login: Option<(String, Secret)>,
    pub name: String,
    /// The host to go through, `etcdsh_via`.
    pub via: Option<String>,
}

const DEFAULT_NAME: &str = "etcd";
const DEFAULT_PORT: i64 = 2379;

/// The group `etcd` and every group whose own variables set `etcd_cluster`, as the flow sees them (`etcd::clusters`).
pub fn clusters(inventory: &Inventory) -> Result<Vec<Cluster>> {
    let mut found: Vec<Cluster> = Vec::new();
    let mut seen = Vec::new();
    for group in inventory.groups() {
        let marked = inventory.own_group_vars(group).contains_key("etcd_cluster")
            && group != "all"
            && group != "ungrouped";
        if group != "etcd" && !marked {
            continue;
        }
        for host in inventory.group_hosts(group) {
            if seen.contains(&host) {
                continue;
            }
            let text = |name: &str| {
                inventory
                    .var(&host, name)
                    .map(|value| value.map(|value| value.to_text()))
            };
            let name = text("etcd_cluster")?.unwrap_or_else(|| DEFAULT_NAME.into());
            let port = inventory
                .var(&host, "etcd_port")?
                .and_then(|port| port.as_int())
                .unwrap_or(DEFAULT_PORT);
            let address = reach::address(inventory, &host)?;
            let address = if address.contains(':') {
                format!("[{address}]")
            } else {
                address
            };
            let via = text("etcdsh_via")?;
            let login = text("etcdsh_user")?.zip(text("etcdsh_password")?);
            let login =
                login.or(text("etcd_root_password")?.map(|password| ("root".into(), password)));
            let login = login.map(|(user, password)| (user, Secret::new(password)));
            let place = found
                .iter()
                .position(|cluster| cluster.name == name)
                .unwrap_or_else(|| {
                    found.push(Cluster {
                        endpoints: Vec::new(),
                        hosts: Vec::new(),
                        login,
                        name,
                        via,
                    });
                    found.len() - 1
                });
            found[place]
                .endpoints
                .push(format!("https://{address}:{port}"));
            found[place].hosts.push(host.clone());
            seen.push(host);
        }
    }
    Ok(found)
}

/// The cluster of a name; without one the only cluster there is.
pub fn chosen(mut clusters: Vec<Cluster>, name: Option<&str>) -> Result<Cluster> {
    let names: Vec<String> = clusters
        .iter()
        .map(|cluster| cluster.name.clone())
        .collect();
    let place = match name {
        Some(name) => clusters
            .iter()
            .position(|cluster| cluster.name == name)
            .ok_or_else(|| {
                let error = Error::config(format!("there is no cluster `{name}` in the inventory"));
                match nearest(name, names.iter().map(String::as_str)) {
                    Some(near) => error.hint(format!("did you mean `{near}`?")),
                    None => error.hint(format!("there is {}", names.join(", "))),
                }
            })?,
        None if clusters.len() == 1 => 0,
        None if clusters.is_empty() => {
            return Err(Error::config("there is no etcd in the inventory")
                .because("no group is called `etcd` and none sets `etcd_cluster`")
                .hint("etcdsh inventory --graph"));
        }
        None => {
            return Err(Error::config(format!(
                "the inventory has {} clusters: {}",
                names.len(),
                names.join(", ")
            ))
            .hint(format!("--cluster-name={}", names[0])));
        }
    };
    Ok(clusters.swap_remove(place))
}

/// What a client needs for a cluster: its endpoints, and the certificates that lie beside the inventory.
pub fn config(cluster: &Cluster, beside: &Path) -> Result<Config> {
    let mut config = Config {
        endpoints: cluster.endpoints.clone(),
        ..Config::default()
    };
    if let Some((ca, cert, key)) = pki::client_pair(beside, "files/pki/ca", "admin")? {
        (config.ca_pem, config.cert_pem, config.key_pem) = (Some(ca), Some(cert), Some(key));
    }
    if let Some((user, password)) = &cluster.login {
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
    let Some(target) = reach::ssh_target(inventory, login, via)? else {
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

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: &str = "all: { children: {
        pay: { vars: { etcd_cluster: etcd-pay }, hosts: { 10.0.0.1: { etcd_seq: 1 }, 10.0.0.2: { etcd_seq: 2 } } },
        web: { vars: { etcd_cluster: etcd-web, etcd_port: 3379 }, hosts: { w1: { ansible_host: 10.0.0.3, etcd_seq: 1 } } } } }";

    #[test]
    fn clusters_are_found_as_the_flow_finds_them() {
        let all = clusters(&Inventory::parse("two.yml", TWO).unwrap()).unwrap();
        let seen: Vec<_> = all
            .iter()
            .map(|cluster| (cluster.name.as_str(), cluster.endpoints.join(" ")))
            .collect();
        assert_eq!(
            seen,
            [
                (
                    "etcd-pay",
                    "https://10.0.0.1:2379 https://10.0.0.2:2379".to_string()
                ),
                ("etcd-web", "https://10.0.0.3:3379".to_string())
            ]
        );
        assert_eq!(chosen(all.clone(), Some("etcd-web")).unwrap().hosts, ["w1"]);
        assert_eq!(
            chosen(all.clone(), None).unwrap_err().what,
            "the inventory has 2 clusters: etcd-pay, etcd-web"
        );
        assert_eq!(
            chosen(all, Some("etcd-wep")).unwrap_err().hints,
            ["did you mean `etcd-web`?"]
        );
    }
}
