//! Endpoints from DNS: SRV records of `_etcd-client-ssl._tcp` and `_etcd-client._tcp`.
//!
//! The system's resolver answers addresses only, so the name servers of `/etc/resolv.conf` are asked here.

use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream, UdpSocket};
use std::time::Duration;

use simple_dns::rdata::RData;
use simple_dns::{CLASS, Name, Packet, PacketFlag, QCLASS, QTYPE, Question, RCODE, TYPE};

use crate::etcdctl::failure::{ERROR, Failure, Outcome};

const PATIENCE: Duration = Duration::from_secs(2);
const TRIES: usize = 2;
const LARGEST: usize = 64 << 10;

/// What a domain's records came to.
pub(crate) struct Discovered {
    pub(crate) endpoints: Vec<String>,
    /// Servers without TLS that are passed over.
    pub(crate) ignored: Vec<String>,
}

/// The endpoints that a domain's records name, those with TLS first; those without only when `insecure`.
pub(crate) fn endpoints(domain: &str, suffix: &str, insecure: bool) -> Outcome<Discovered> {
    let text = std::fs::read_to_string("/etc/resolv.conf").unwrap_or_default();
    from_servers(domain, suffix, insecure, &servers(&text))
}

fn from_servers(
    domain: &str,
    suffix: &str,
    insecure: bool,
    servers: &[SocketAddr],
) -> Outcome<Discovered> {
    let mut found = Discovered {
        endpoints: Vec::new(),
        ignored: Vec::new(),
    };
    let mut errors = Vec::new();
    for (service, scheme) in [("etcd-client-ssl", "https"), ("etcd-client", "http")] {
        let service = if suffix.is_empty() {
            service.to_string()
        } else {
            format!("{service}-{suffix}")
        };
        match lookup(&format!("_{service}._tcp.{domain}"), servers) {
            // etcdctl names them as DNS has them, with a dot behind the name.
            Ok(targets) if scheme == "http" && !insecure => {
                let dotted = |(host, port)| format!("{scheme}://{host}.:{port}");
                found.ignored.extend(targets.into_iter().map(dotted));
            }
            Ok(targets) => {
                let url = |(host, port)| format!("{scheme}://{host}:{port}");
                found.endpoints.extend(targets.into_iter().map(url));
            }
            Err(error) => errors.push(error.to_string()),
        }
    }
    match errors.as_slice() {
        [first, second] => Err(Failure::new(
            ERROR,
            format!("dns lookup errors: {first} and {second}"),
        )),
        _ => Ok(found),
    }
}

fn servers(resolv_conf: &str) -> Vec<SocketAddr> {
    let address = |line: &str| {
        line.strip_prefix("nameserver")?
            .trim()
            .parse::<IpAddr>()
            .ok()
    };
    let mut servers: Vec<SocketAddr> = resolv_conf
        .lines()
        .filter_map(address)
        .map(|ip| SocketAddr::new(ip, 53))
        .collect();
    if servers.is_empty() {
        servers.push(SocketAddr::from(([127, 0, 0, 1], 53)));
    }
    servers
}

/// Host and port of a record, without the dot behind the host's name.
type Target = (String, u16);

/// The records of a name, by priority and then by weight.
fn lookup(name: &str, servers: &[SocketAddr]) -> io::Result<Vec<Target>> {
    let mut trouble = io::Error::other("no name server is known");
    for _ in 0..TRIES {
        for server in servers {
            match ask(name, *server) {
                Ok(targets) => return Ok(targets),
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(error),
                Err(error) => {
                    trouble = io::Error::new(
                        error.kind(),
                        format!(
                            "lookup {name} on {server}: {}",
                            crate::etcdctl::line::settings::io_text(&error)
                        ),
                    );
                }
            }
        }
    }
    Err(trouble)
}

fn ask(name: &str, server: SocketAddr) -> io::Result<Vec<Target>> {
    let wrong = |error: simple_dns::SimpleDnsError| {
        io::Error::new(io::ErrorKind::InvalidData, error.to_string())
    };
    // Who guesses the number could answer in the server's stead.
    let id = getrandom::u32().map_err(io::Error::other)?.to_be_bytes();
    let mut query = Packet::new_query(u16::from_be_bytes([id[0], id[1]]));
    query.set_flags(PacketFlag::RECURSION_DESIRED);
    query.questions.push(Question::new(
        Name::new(name).map_err(wrong)?,
        QTYPE::TYPE(TYPE::SRV),
        QCLASS::CLASS(CLASS::IN),
        false,
    ));
    let sent = query.build_bytes_vec().map_err(wrong)?;
    let mut answer = by_udp(&sent, server)?;
    if Packet::parse(&answer)
        .map_err(wrong)?
        .has_flags(PacketFlag::TRUNCATION)
    {
        answer = by_tcp(&sent, server)?;
    }
    let packet = Packet::parse(&answer).map_err(wrong)?;
    let missing = || {
        io::Error::new(
            io::ErrorKind::NotFound,
            format!("lookup {name} on {server}: no such host"),
        )
    };
    match packet.rcode() {
        RCODE::NoError => {}
        RCODE::NameError => return Err(missing()),
        other => {
            return Err(io::Error::other(format!(
                "the name server answers {other:?}"
            )));
        }
    }
    let mut records: Vec<(u16, u16, Target)> = Vec::new();
    for record in &packet.answers {
        if let RData::SRV(srv) = &record.rdata {
            records.push((
                srv.priority,
                u16::MAX - srv.weight,
                (
                    srv.target.to_string().trim_end_matches('.').to_string(),
                    srv.port,
                ),
            ));
        }
    }
    if records.is_empty() {
        return Err(missing());
    }
    records.sort();
    Ok(records.into_iter().map(|(_, _, target)| target).collect())
}

fn by_udp(query: &[u8], server: SocketAddr) -> io::Result<Vec<u8>> {
    let local = if server.is_ipv4() {
        "0.0.0.0:0"
    } else {
        "[::]:0"
    };
    let socket = UdpSocket::bind(local)?;
    socket.connect(server)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.send(query)?;
    let mut answer = vec![0; LARGEST];
    loop {
        let length = socket.recv(&mut answer)?;
        // The answer to another question: an older one's, or a stranger's.
        if length > 12 && answer[..2] == query[..2] {
            answer.truncate(length);
            return Ok(answer);
        }
    }
}

fn by_tcp(query: &[u8], server: SocketAddr) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect_timeout(&server, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let length = u16::try_from(query.len()).map_err(io::Error::other)?;
    stream.write_all(&[&length.to_be_bytes()[..], query].concat())?;
    let mut length = [0; 2];
    stream.read_exact(&mut length)?;
    let mut answer = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut answer)?;
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use simple_dns::ResourceRecord;
    use simple_dns::rdata::SRV;

    /// Answers questions on loopback until the test is over, also those that are asked again: TLS records are there, others are not.
    fn server() -> SocketAddr {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        std::thread::spawn(move || {
            loop {
                let mut bytes = [0; 512];
                let (length, from) = socket.recv_from(&mut bytes).unwrap();
                let query = Packet::parse(&bytes[..length]).unwrap();
                let name = query.questions[0].qname.to_string();
                let mut reply = Packet::new_reply(query.id());
                if name == "_etcd-client._tcp.plain" {
                    let target = Name::new_unchecked("a.test");
                    let srv = SRV {
                        priority: 0,
                        weight: 1,
                        port: 2379,
                        target,
                    };
                    let data = RData::SRV(srv);
                    let name = Name::new_unchecked(&name);
                    let record = ResourceRecord::new(name, CLASS::IN, 60, data);
                    reply.answers.push(record);
                } else if name == "_etcd-client-ssl._tcp.plain" {
                    *reply.rcode_mut() = RCODE::NameError;
                } else if name.starts_with("_etcd-client-ssl._tcp.") {
                    for (priority, weight, port, target) in [
                        (10, 1, 2379, "b.test"),
                        (0, 5, 2379, "a.test"),
                        (10, 9, 3379, "c.test"),
                    ] {
                        let srv = SRV {
                            priority,
                            weight,
                            port,
                            target: Name::new_unchecked(target),
                        };
                        reply.answers.push(ResourceRecord::new(
                            Name::new_unchecked(&name),
                            CLASS::IN,
                            60,
                            RData::SRV(srv),
                        ));
                    }
                } else {
                    *reply.rcode_mut() = RCODE::NameError;
                }
                socket
                    .send_to(&reply.build_bytes_vec().unwrap(), from)
                    .unwrap();
            }
        });
        address
    }

    #[test]
    fn records_become_endpoints_by_priority() {
        let found = from_servers("test", "", true, &[server()]).unwrap();
        assert_eq!(
            found.endpoints,
            [
                "https://a.test:2379",
                "https://c.test:3379",
                "https://b.test:2379"
            ]
        );
        assert!(found.ignored.is_empty());
        let found = from_servers("plain", "", false, &[server()]).unwrap();
        assert!(found.endpoints.is_empty());
        assert_eq!(found.ignored, ["http://a.test.:2379"]);
        let nothing = from_servers("test", "blue", true, &[server()])
            .err()
            .unwrap();
        assert!(
            nothing.text().contains("_etcd-client-ssl-blue._tcp.test"),
            "{}",
            nothing.text()
        );
    }

    #[test]
    fn name_servers_are_read() {
        let text = "# x\nnameserver 10.0.0.53\noptions edns0\nnameserver fd00::53\n";
        assert_eq!(
            servers(text),
            [
                "10.0.0.53:53".parse().unwrap(),
                "[fd00::53]:53".parse().unwrap()
            ]
        );
        assert_eq!(servers(""), ["127.0.0.1:53".parse().unwrap()]);
    }
}
