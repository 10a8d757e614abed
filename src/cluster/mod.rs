//! What a cluster is: which hosts of an inventory are in it, what its members are called and where they are reached,
//! who logs in, and how ssh gets to a host.
//!
//! The command line, the console, the overview and the flow all ask here, so that they have one answer or one error.
//! Must not know: scripts (`e` starts none). Nothing is sent, written or printed here. Start reading at [`clusters`].

mod address;
mod client;
mod layout;
mod member;
pub mod parameter;
pub mod pki;
mod reach;

pub use address::{address, canonical_url};
pub use client::{config, keeper, tunnel};
pub use layout::{hosts, is_any, mistakes};
pub use member::Member;
pub use reach::{Login, link};

use crate::error::{Error, Hint, Result, nearest};
use crate::inventory::Inventory;
use crate::secret::Secret;

/// A cluster of the inventory.
#[derive(Clone, Debug)]
pub struct Cluster {
    access: Result<Access>,
    pub hosts: Vec<String>,
    pub name: String,
}

/// How clients get to a cluster.
#[derive(Clone, Debug)]
pub struct Access {
    pub login: Option<(String, Secret)>,
    pub members: Vec<Member>,
    /// The host to go through, `etcdsh_via`.
    pub via: Option<String>,
}

impl Cluster {
    /// How it is reached, or all that is wrong with its identity.
    pub fn access(&self) -> Result<&Access> {
        self.access.as_ref().map_err(Clone::clone)
    }

    pub fn endpoints(&self) -> Result<Vec<String>> {
        Ok(self
            .access()?
            .members
            .iter()
            .map(Member::client_url)
            .collect())
    }
}

/// All clusters. What is wrong inside of one is said when that one is reached.
pub fn clusters(inventory: &Inventory) -> Result<Vec<Cluster>> {
    let found = hosts(inventory)?.into_iter();
    Ok(found
        .map(|(name, hosts)| Cluster {
            access: access(inventory, &hosts),
            hosts,
            name,
        })
        .collect())
}

/// The error of a pattern, which names hosts: one that is the name of a member gets the host that it is on.
#[must_use]
pub fn explained(inventory: &Inventory, error: Box<Error>, pattern: &str) -> Box<Error> {
    let Ok(clusters) = clusters(inventory) else {
        return error;
    };
    let members = clusters.iter().filter_map(|cluster| cluster.access().ok());
    let member = members
        .flat_map(|access| &access.members)
        .find(|member| pattern.split([',', ':']).any(|name| name == member.name()));
    match member {
        Some(member) => error.hint(Hint::All(vec![
            Hint::Limit(member.host.clone()),
            Hint::Note(format!("is the host of member {}", member.name())),
        ])),
        None => error,
    }
}

fn access(inventory: &Inventory, hosts: &[String]) -> Result<Access> {
    let wrong = mistakes(inventory, hosts);
    if !wrong.is_empty() {
        let lines = wrong.iter();
        return Err(layout::wrong(
            lines.map(|(host, line)| format!("{host}: {line}")),
        ));
    }
    let members: Result<Vec<Member>> = hosts
        .iter()
        .map(|host| Member::of(inventory, host))
        .collect();
    let first = hosts.first().map_or("", String::as_str);
    Ok(Access {
        login: login(inventory, first)?,
        members: members?,
        via: parameter::text(inventory, first, "etcdsh_via")?,
    })
}

pub use parameter::color;

/// Who logs in to etcd: `etcdsh_user` with `etcdsh_password`, else root with `etcd_root_password`.
pub fn login(inventory: &Inventory, host: &str) -> Result<Option<(String, Secret)>> {
    let text = |name| parameter::text(inventory, host, name);
    let own = text("etcdsh_user")?.zip(text("etcdsh_password")?);
    let root = text("etcd_root_password")?.map(|password| ("root".to_string(), password));
    Ok(own
        .or(root)
        .map(|(user, password)| (user, Secret::new(password))))
}

/// The cluster of a name; without one the only cluster there is.
pub fn chosen(mut clusters: Vec<Cluster>, name: Option<&str>) -> Result<Cluster> {
    let names: Vec<String> = clusters
        .iter()
        .map(|cluster| cluster.name.clone())
        .collect();
    let place = match name {
        Some(name) => names
            .iter()
            .position(|known| known == name)
            .ok_or_else(|| unknown(name, &names))?,
        None if clusters.len() == 1 => 0,
        None => {
            return Err(Error::config(format!(
                "the inventory has {} clusters: {}",
                names.len(),
                names.join(", ")
            ))
            .hint(match names.first() {
                Some(name) => Hint::Cluster(name.clone()),
                None => Hint::Limit("all".into()),
            }));
        }
    };
    Ok(clusters.swap_remove(place))
}

fn unknown(name: &str, names: &[String]) -> Box<Error> {
    let error = Error::config(format!("there is no cluster `{name}` in the inventory"));
    match nearest(name, names.iter().map(String::as_str)) {
        Some(near) => error.hint(format!("did you mean `{near}`?")),
        None => error.hint(format!("there is {}", names.join(", "))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: &str = "all: { children: {
        pay: { vars: { etcd_cluster: etcd-pay }, hosts: { 10.0.0.1: { etcd_seq: 1 }, 10.0.0.2: { etcd_seq: 2 } } },
        web: { vars: { etcd_cluster: etcd-web, etcd_port: 3379 }, hosts: { w1: { ansible_host: 10.0.0.3, etcd_seq: 1 } } } } }";

    fn of(text: &str) -> Result<Vec<Cluster>> {
        clusters(&Inventory::parse("two.yml", text).unwrap())
    }

    #[test]
    fn clusters_have_names_hosts_and_endpoints() {
        let all = of(TWO).unwrap();
        let seen: Vec<_> = all
            .iter()
            .map(|cluster| {
                let endpoints = cluster.endpoints().unwrap().join(" ");
                (cluster.name.as_str(), endpoints)
            })
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

    #[test]
    fn a_mistake_in_one_cluster_leaves_the_others_reachable() {
        let wrong = TWO.replace("etcd_port: 3379", "etcd_port: 0");
        let all = of(&wrong).unwrap();
        assert!(all[0].endpoints().is_ok());
        let error = all[1].endpoints().unwrap_err();
        assert_eq!(error.what, "1 mistake in the inventory");
        assert_eq!(
            error.causes,
            ["w1: `etcd_port` takes a port, 1 to 65535, not `0` (two.yml:3:48)"]
        );
    }

    #[test]
    fn a_password_of_the_wrong_type_is_not_repeated() {
        let text = "etcd: { hosts: { 10.0.0.1: { etcd_seq: 1, etcd_root_password: [hush] } } }";
        let error = of(text).unwrap()[0].endpoints().unwrap_err();
        assert_eq!(
            error.causes,
            ["10.0.0.1: `etcd_root_password` takes a text, not a list (two.yml:1:43)"]
        );
    }

    #[test]
    fn a_variable_that_is_null_is_not_set() {
        let text = "etcd: { hosts: { 10.0.0.1: { etcd_seq: 1, etcdsh_via: , etcd_root_password: ~, etcd_cluster: null } } }";
        let all = of(text).unwrap();
        let access = all[0].access().unwrap();
        assert_eq!(all[0].name, "etcd");
        assert!(access.via.is_none() && access.login.is_none());
    }
}
