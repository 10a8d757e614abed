//! How a member's client port is reached from here: directly, or through an ssh connection that is open anyway.
//!
//! Found out once for each member of the inventory. `etcdsh_via` says it from the start. A port behind which no connection
//! is refused and none is made may be filtered: then the host itself is asked to connect, else another host of the run.
//! Must not know what is asked of etcd. Start reading at [`Roads::to`].

use std::collections::HashMap;
use std::io::{ErrorKind, Read};
use std::net::{TcpStream, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use super::World;
use crate::cluster;
use crate::error::Result;
use crate::etcd::Keeper;
use crate::locked::locked;
use crate::run::parallel;

/// As the client of etcd waits.
const DIAL: Duration = Duration::from_secs(1);

/// ssh accepts a connection before it knows whether the other end can be reached, and closes it when it cannot.
const CLOSES_WITHIN: Duration = Duration::from_millis(400);

/// A member's client port as the inventory has it.
#[derive(Clone)]
struct ClientPort {
    address: String,
    host: String,
    port: u16,
    via: Option<String>,
}

/// What is known of the way to one endpoint.
#[derive(Clone)]
enum Road {
    /// There is a door, and nothing answers behind it: no etcd yet, or ssh may not lead there.
    Closed(PathBuf),
    Direct,
    /// Nothing came back from there, and this many open connections did not lead there either.
    Silent(usize),
    Through(PathBuf),
}

#[derive(Default)]
pub(super) struct Roads {
    known: Mutex<HashMap<String, Road>>,
    ports: OnceLock<HashMap<String, ClientPort>>,
    /// Doors are made one at a time.
    turn: Mutex<()>,
}

/// The ways to some endpoints.
#[derive(Default)]
pub(super) struct Found {
    /// Socket files that lead to endpoints which cannot be reached directly.
    pub(super) forwards: HashMap<String, PathBuf>,
    /// Endpoints that cannot be reached at all.
    pub(super) silent: Vec<String>,
}

/// What came of an attempt to connect.
enum Dialled {
    Connected,
    Refused,
    Silent,
}

impl Roads {
    /// The ways to these endpoints; what is no member of the inventory is reached directly.
    pub(super) fn to(&self, world: &World, endpoints: &[String]) -> Result<Found> {
        let ports = self.ports(world)?;
        let mut found = Found::default();
        if world.listing {
            return Ok(found);
        }
        let asked: Vec<(&String, &ClientPort)> = endpoints
            .iter()
            .filter_map(|endpoint| Some((endpoint, ports.get(endpoint)?)))
            .collect();
        self.go_via(world, &asked)?;
        let open: Vec<&(&String, &ClientPort)> = asked
            .iter()
            .filter(|(endpoint, port)| port.via.is_none() && !self.is_settled(world, endpoint))
            .collect();
        let dialled = parallel(&open, open.len(), |(endpoint, port)| {
            // What was silent once is not waited for again.
            match locked(&self.known).get(*endpoint) {
                Some(Road::Closed(_)) => Dialled::Silent,
                _ => dial(port),
            }
        });
        for ((endpoint, port), dialled) in open.into_iter().zip(dialled) {
            let road = self.road(world, port, &dialled);
            let road = match (road, dialled) {
                (Some(road), _) => road,
                // It may come up at any time: asked again.
                (None, Dialled::Refused) => continue,
                (None, _) => Road::Silent(world.session.open_links().len()),
            };
            locked(&self.known).insert((*endpoint).clone(), road);
        }
        let known = locked(&self.known);
        for (endpoint, _) in &asked {
            match known.get(*endpoint) {
                Some(Road::Through(door)) => {
                    found.forwards.insert((*endpoint).clone(), door.clone());
                }
                Some(Road::Closed(door)) => {
                    found.forwards.insert((*endpoint).clone(), door.clone());
                    found.silent.push((*endpoint).clone());
                }
                Some(Road::Silent(_)) => found.silent.push((*endpoint).clone()),
                Some(Road::Direct) | None => {}
            }
        }
        Ok(found)
    }

    /// The client ports of all members, by their URLs. What is wrong with a cluster is said by who uses it.
    fn ports(&self, world: &World) -> Result<&HashMap<String, ClientPort>> {
        if let Some(ports) = self.ports.get() {
            return Ok(ports);
        }
        let mut ports = HashMap::new();
        if cluster::is_any(&world.inventory) {
            for cluster in cluster::clusters(&world.inventory)? {
                let Ok(access) = cluster.access() else {
                    continue;
                };
                ports.extend(access.members.iter().map(|member| {
                    let port = ClientPort {
                        address: member.address.clone(),
                        host: member.host.clone(),
                        port: member.port,
                        via: access.via.clone(),
                    };
                    (member.client_url(), port)
                }));
            }
        }
        Ok(self.ports.get_or_init(|| ports))
    }

    /// Where the login lies of the members that have these endpoints; `None` when they are nobody's.
    pub(super) fn keeper(&self, world: &World, endpoints: &[String]) -> Result<Option<Keeper>> {
        let ports = self.ports(world)?;
        let hosts = endpoints.iter().filter_map(|endpoint| ports.get(endpoint));
        let hosts: Vec<String> = hosts.map(|port| port.host.clone()).collect();
        if hosts.is_empty() || world.listing {
            return Ok(None);
        }
        let login = world.login.clone();
        Ok(Some(cluster::keeper(
            Arc::clone(&world.inventory),
            move || Ok(login.clone()),
            hosts,
        )))
    }

    fn is_settled(&self, world: &World, endpoint: &str) -> bool {
        match locked(&self.known).get(endpoint) {
            None | Some(Road::Closed(_)) => false,
            // Another connection may lead there.
            Some(Road::Silent(links)) => world.session.open_links().len() <= *links,
            Some(_) => true,
        }
    }

    /// Doors through the host that the inventory names.
    fn go_via(&self, world: &World, asked: &[(&String, &ClientPort)]) -> Result<()> {
        let _turn = locked(&self.turn);
        for (endpoint, port) in asked {
            let Some(via) = &port.via else { continue };
            let there = locked(&self.known).get(*endpoint).cloned();
            if let Some(Road::Through(_) | Road::Direct) = there {
                continue;
            }
            let endpoints = [(*endpoint).clone()];
            let doors = cluster::tunnel(&world.inventory, &world.login, via, &endpoints)?;
            let road = doors
                .get(*endpoint)
                .map_or(Road::Direct, |door| Road::Through(door.clone()));
            locked(&self.known).insert((*endpoint).clone(), road);
        }
        Ok(())
    }

    /// The way to a port that answered so when it was dialled from here; `None` when there is none now.
    fn road(&self, world: &World, port: &ClientPort, dialled: &Dialled) -> Option<Road> {
        if matches!(dialled, Dialled::Connected) {
            return Some(Road::Direct);
        }
        let _turn = locked(&self.turn);
        let mut links = world.session.open_links();
        links.sort_by_key(|link| link.name() != port.host);
        for link in links {
            let own = link.name() == port.host;
            // A port that refuses is refused to others as well, unless its host keeps it for itself.
            if !own && matches!(dialled, Dialled::Refused) {
                continue;
            }
            let Some(Ok(door)) = link.forward(&port.address, port.port) else {
                continue;
            };
            if leads_somewhere(&door) {
                return Some(Road::Through(door));
            }
            if own && matches!(dialled, Dialled::Silent) {
                return Some(Road::Closed(door));
            }
        }
        None
    }
}

fn dial(port: &ClientPort) -> Dialled {
    let resolved = (port.address.as_str(), port.port).to_socket_addrs();
    let Some(address) = resolved.ok().and_then(|mut all| all.next()) else {
        return Dialled::Silent;
    };
    match TcpStream::connect_timeout(&address, DIAL) {
        Ok(_) => Dialled::Connected,
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => Dialled::Refused,
        Err(_) => Dialled::Silent,
    }
}

/// Does a door stay open once somebody has come in? etcd says nothing before it is spoken to.
fn leads_somewhere(door: &Path) -> bool {
    let Ok(mut stream) = UnixStream::connect(door) else {
        return false;
    };
    let _ = stream.set_read_timeout(Some(CLOSES_WITHIN));
    match stream.read(&mut [0; 1]) {
        Ok(read) => read > 0,
        Err(error) => matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
    }
}
