//! One number of a member's `/metrics`, which etcd serves as plain HTTP beside gRPC.

use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use crate::etcd::Config;
use crate::etcdctl::settings::io_text;

const KEY: &str = "process_resident_memory_bytes";
/// The whole answer: etcd's is a tenth of that.
const LARGEST: u64 = 16 << 20;
const PATIENCE: Duration = Duration::from_secs(10);

/// The memory of the first endpoint's member in bytes, or the line that says why not.
pub(super) fn resident_memory(config: &Config) -> Result<f64, String> {
    let url = crate::etcd::url(config.endpoints.first().map_or("", String::as_str), config);
    let (scheme, host) = url.split_once("://").unwrap_or(("", &url));
    let https = scheme == "https";
    let answer = fetch(host, https, config).map_err(|why| format!("fetch error: {why}"))?;
    let line = answer.lines().find_map(|line| line.strip_prefix(KEY)).map(str::trim).ok_or_else(|| format!("could not find: {KEY}"))?;
    line.parse().map_err(|error| format!("parse error: {error}"))
}

fn fetch(host: &str, https: bool, config: &Config) -> Result<String, String> {
    let text = |error: std::io::Error| io_text(&error);
    let address = host.to_socket_addrs().map_err(text)?.next().ok_or_else(|| format!("no address for {host}"))?;
    let socket = TcpStream::connect_timeout(&address, config.connect_timeout).map_err(text)?;
    socket.set_read_timeout(Some(PATIENCE)).map_err(text)?;
    socket.set_write_timeout(Some(PATIENCE)).map_err(text)?;
    if https {
        let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
        let stream = crate::etcd::tls_stream(socket, name, config)?;
        return ask(stream, host).map_err(text);
    }
    ask(socket, host).map_err(text)
}

fn ask(mut stream: impl Read + Write, host: &str) -> std::io::Result<String> {
    write!(stream, "GET /metrics HTTP/1.0\r\nHost: {host}\r\nConnection: close\r\n\r\n")?;
    let mut answer = Vec::new();
    match stream.take(LARGEST).read_to_end(&mut answer) {
        // A server that closes without a word at the end of TLS has said all.
        Err(error) if error.kind() != std::io::ErrorKind::UnexpectedEof || answer.is_empty() => return Err(error),
        _ => {}
    }
    Ok(String::from_utf8_lossy(&answer).into_owned())
}
