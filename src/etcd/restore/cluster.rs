//! The cluster that is founded on a snapshot: its members, their peer URLs, and the ids that etcd makes of them.
//!
//! Reads `--initial-cluster` and `--initial-advertise-peer-urls` as etcd reads them, and refuses in etcd's words what etcd
//! refuses.

use std::collections::BTreeMap;
use std::net::{SocketAddr, ToSocketAddrs};

use crate::error::{Error, Result};
use crate::etcd::wal;

/// A member of the new cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Founder {
    pub id: u64,
    pub name: String,
    /// Sorted.
    pub peer_urls: Vec<String>,
}

/// The members by their ids, which is their order in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Founding {
    pub id: u64,
    pub members: Vec<Founder>,
}

impl Founding {
    /// What `--initial-cluster` says, `name=url,name=url`, and the ids that come of it with the token.
    pub fn read(initial_cluster: &str, token: &str) -> Result<Founding> {
        let mut members = Vec::new();
        for (name, urls) in named(initial_cluster) {
            let peer_urls = peer_urls(&urls)?;
            let mut sorted: Vec<&str> = peer_urls.iter().map(String::as_str).collect();
            members.push(Founder {
                id: wal::member_id(&mut sorted, token),
                name: name.to_string(),
                peer_urls,
            });
        }
        members.sort_by_key(|member| member.id);
        let ids = members.iter().map(|member| member.id).collect();
        Ok(Founding {
            id: wal::cluster_id(ids),
            members,
        })
    }

    /// The member of this name, whose peer URLs are those that it advertises.
    pub fn member(&self, name: &str, advertised: &[&str]) -> Result<&Founder> {
        let advertised = peer_urls(advertised)?;
        let found = self.members.iter().find(|member| member.name == name);
        let member = found.ok_or_else(|| {
            Error::config(format!(
                "couldn't find local name {name:?} in the initial cluster configuration"
            ))
        })?;
        agree(member, &advertised)?;
        let mut all: Vec<&String> = self.members.iter().flat_map(|m| &m.peer_urls).collect();
        all.sort_unstable();
        if all.windows(2).any(|pair| pair[0] == pair[1]) {
            let text = self.text();
            return Err(Error::config(format!(
                "initial cluster {text} has duplicate url"
            )));
        }
        Ok(member)
    }

    /// As etcd prints it: `name=url` of each, sorted.
    fn text(&self) -> String {
        let pairs = self.members.iter().flat_map(|member| {
            let urls = member.peer_urls.iter();
            urls.map(|url| format!("{}={url}", member.name))
        });
        let mut pairs: Vec<String> = pairs.collect();
        pairs.sort_unstable();
        pairs.join(",")
    }
}

/// Names with all of their URLs; a name may come again.
fn named(text: &str) -> BTreeMap<&str, Vec<&str>> {
    let mut all: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for pair in text.split(',').filter(|pair| !pair.is_empty()) {
        let (name, url) = pair.split_once('=').unwrap_or((pair, ""));
        all.entry(name).or_default().push(url);
    }
    all
}

/// URLs of peers, sorted, or why one is none.
fn peer_urls(urls: &[&str]) -> Result<Vec<String>> {
    let mut all = Vec::new();
    for url in urls {
        let url = url.trim();
        let wrong = |what: &str| Err(Error::config(format!("{what}: {url}")));
        let (scheme, place) = url.split_once("://").unwrap_or((url, ""));
        match scheme {
            "http" | "https" => {
                let (host, path) = place.split_at(place.find('/').unwrap_or(place.len()));
                if !has_port(host) {
                    return wrong("URL address does not have the form \"host:port\"");
                }
                if !path.is_empty() {
                    return wrong("URL must not contain a path");
                }
            }
            "unix" | "unixs" => {}
            _ => return wrong("URL scheme must be http, https, unix, or unixs"),
        }
        all.push(url.to_string());
    }
    all.sort_unstable();
    Ok(all)
}

fn has_port(host: &str) -> bool {
    match host.strip_prefix('[') {
        Some(rest) => rest.split_once("]:").is_some_and(|(ip, _)| !ip.is_empty()),
        None => host.split(':').count() == 2,
    }
}

/// The peer URLs in both options must be the same, by name or by address.
fn agree(member: &Founder, advertised: &[String]) -> Result<()> {
    let Some(why) = unlike(advertised, &member.peer_urls) else {
        return Ok(());
    };
    let name = &member.name;
    let lacking = |urls: &[String], others: &[String], lead: &str| {
        let lacking = urls.iter().filter(|url| !others.contains(url));
        let lacking: Vec<String> = lacking.map(|url| format!("{lead}{url}")).collect();
        lacking.join(",")
    };
    let led = format!("{name}=");
    let missing = lacking(&member.peer_urls, advertised, &led);
    if !missing.is_empty() {
        return Err(Error::config(format!(
            "--initial-cluster has {missing} but missing from --initial-advertise-peer-urls={} ({why})",
            advertised.join(",")
        )));
    }
    let missing = lacking(advertised, &member.peer_urls, "");
    let all = lacking(advertised, &[], &led);
    Err(Error::config(format!(
        "--initial-advertise-peer-urls has {missing} but missing from --initial-cluster={all}"
    )))
}

/// Why two lists of URLs are not the same places, in etcd's words.
fn unlike(one: &[String], other: &[String]) -> Option<String> {
    if one == other {
        return None;
    }
    if one.len() != other.len() {
        let shown = |urls: &[String]| {
            let urls: Vec<String> = urls.iter().map(|url| format!("{url:?}")).collect();
            urls.join(" ")
        };
        let (one, other) = (shown(one), shown(other));
        return Some(format!("len([{one}]) != len([{other}])"));
    }
    for url in one.iter().chain(other) {
        if place(url).is_none() {
            return Some(format!("failed to resolve {url:?}"));
        }
    }
    let mut pairs = places(one).into_iter().zip(places(other));
    let ((_, one), (_, other)) = pairs.find(|(one, other)| one.0 != other.0)?;
    Some(format!("resolved urls: {one:?} != {other:?}"))
}

type Place<'u> = (&'u str, SocketAddr);

/// The URLs in the order of their places.
fn places(urls: &[String]) -> Vec<(Option<Place<'_>>, &str)> {
    let mut places: Vec<_> = urls.iter().map(|url| (place(url), url.as_str())).collect();
    places.sort_unstable();
    places
}

/// Scheme and address behind a URL.
fn place(url: &str) -> Option<Place<'_>> {
    let (scheme, host) = url.split_once("://")?;
    Some((scheme, host.to_socket_addrs().ok()?.next()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(cluster: &str, name: &str, advertised: &str) -> String {
        let advertised: Vec<&str> = advertised.split(',').collect();
        let found = Founding::read(cluster, "t");
        let refused = found.and_then(|founding| founding.member(name, &advertised).cloned());
        refused.expect_err("it is refused").what
    }

    /// As etcdutl 3.5.35, 3.6.16 and 3.7.3 say it.
    #[test]
    fn what_etcd_refuses_is_refused_in_its_words() {
        for (cluster, name, advertised, wanted) in [
            (
                "a=http://1:1",
                "b",
                "http://1:1",
                "couldn't find local name \"b\" in the initial cluster configuration",
            ),
            (
                "a=ftp://1:1",
                "a",
                "http://1:1",
                "URL scheme must be http, https, unix, or unixs: ftp://1:1",
            ),
            (
                "a=http://h",
                "a",
                "http://h",
                "URL address does not have the form \"host:port\": http://h",
            ),
            (
                "a=http://h:1/x",
                "a",
                "http://h:1",
                "URL must not contain a path: http://h:1/x",
            ),
            (
                "a=http://127.0.0.1:1",
                "a",
                "http://127.0.0.1:2",
                "--initial-cluster has a=http://127.0.0.1:1 but missing from --initial-advertise-peer-urls=http://127.0.0.1:2 (resolved urls: \"http://127.0.0.1:2\" != \"http://127.0.0.1:1\")",
            ),
            (
                "a=http://127.0.0.1:1",
                "a",
                "http://127.0.0.1:1,http://127.0.0.1:2",
                "--initial-advertise-peer-urls has http://127.0.0.1:2 but missing from --initial-cluster=a=http://127.0.0.1:1,a=http://127.0.0.1:2",
            ),
            (
                "a=http://1.1.1.1:1,b=http://1.1.1.1:1",
                "a",
                "http://1.1.1.1:1",
                "initial cluster a=http://1.1.1.1:1,b=http://1.1.1.1:1 has duplicate url",
            ),
        ] {
            assert_eq!(refusal(cluster, name, advertised), wanted, "{cluster}");
        }
    }

    #[test]
    fn a_name_and_its_address_are_the_same_peer() {
        let founding = Founding::read("a=http://localhost:1", "t").expect("it is read");
        assert!(founding.member("a", &["http://127.0.0.1:1"]).is_ok());
        assert!(founding.member("a", &["https://127.0.0.1:1"]).is_err());
        assert!(founding.member("a", &["http://127.0.0.1:2"]).is_err());
    }

    /// The ids of a cluster as etcd 3.5.16 says them in its own log.
    #[test]
    fn ids_come_of_urls_and_token_and_order_the_members() {
        let one = Founding::read("default=http://localhost:2380", "etcd-cluster").expect("read");
        assert_eq!(one.id, 0xcdf8_1819_4e3a_8c32);
        assert_eq!(one.members[0].id, 0x8e9e_05c5_2164_694d);
        let turned = "c=http://3:1,a=http://1:1,a=http://0:1,b=http://2:1";
        let three = Founding::read(turned, "t").expect("it is read");
        assert_eq!(three.id, wal::founded(turned, "t"));
        assert!(three.members.is_sorted_by_key(|member| member.id));
        let a = three.members.iter().find(|member| member.name == "a");
        assert_eq!(a.expect("a").peer_urls, ["http://0:1", "http://1:1"]);
    }
}
