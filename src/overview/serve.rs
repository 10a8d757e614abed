//! The page over HTTP, for a browser on this machine: read-only, on a loopback address and for loopback names only.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, X_CONTENT_TYPE_OPTIONS,
};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinHandle};

use super::Watch;
use super::page::{LIVE, main_part, page};
use crate::error::{Error, Result};
use crate::runtime::{block_on, runtime};

/// A browser takes six connections. When one more comes, the oldest one makes room.
const PLACES: usize = 64;
/// Of those that are open, this many are closed when there is no descriptor for another one.
const ROOM: usize = 8;
/// How long a connection may take for a request, or be idle.
const PATIENCE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(200);

/// A page that is being served; dropping it ends that.
pub struct Listener {
    pub address: SocketAddr,
    task: JoinHandle<()>,
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Serve the page of a cluster that is being watched.
///
/// `address` is `127.0.0.1:PORT`, `[::1]:PORT` or `PORT`; port 0 takes a free one. Any address but a loopback one is refused:
/// the page asks nobody who he is.
pub fn listen(watch: &Arc<Watch>, address: &str) -> Result<Listener> {
    let address = loopback(address)?;
    let bound = block_on(TcpListener::bind(address));
    let socket = bound.map_err(|error| {
        Error::config(format!("the page cannot be served at {address}"))
            .because(error.to_string())
            .hint("--listen 0   # takes a free port")
    })?;
    let address = socket.local_addr().unwrap_or(address);
    let watch = Arc::clone(watch);
    let task = runtime().spawn(async move {
        let mut open = Open::default();
        loop {
            let Ok((stream, _)) = socket.accept().await else {
                // Out of descriptors, as a rule: that passes, and not faster by asking.
                open.make_room(open.0.len().saturating_sub(ROOM));
                tokio::time::sleep(PAUSE).await;
                continue;
            };
            open.make_room(PLACES - 1);
            let task = tokio::spawn(serve(stream, Arc::clone(&watch)));
            open.0.push_back(task.abort_handle());
        }
    });
    Ok(Listener { address, task })
}

/// The connections, the oldest first.
#[derive(Default)]
struct Open(VecDeque<AbortHandle>);

impl Open {
    /// Keep this many, the youngest ones. An answer takes no time, so those that are old wait for something.
    fn make_room(&mut self, kept: usize) {
        self.0.retain(|connection| !connection.is_finished());
        let most = self.0.len().saturating_sub(kept);
        self.0.drain(..most).for_each(|oldest| oldest.abort());
    }
}

async fn serve(stream: TcpStream, watch: Arc<Watch>) {
    let answer = service_fn(move |request| {
        let watch = Arc::clone(&watch);
        async move { Ok::<_, Infallible>(answer(&watch, &request)) }
    });
    let _ = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .serve_connection(TokioIo::new(stream), answer)
        .await;
}

fn loopback(text: &str) -> Result<SocketAddr> {
    let wrong = |why: &str| {
        Error::usage(format!("the page cannot be served at `{text}`"))
            .because(why)
            .hint("--listen 127.0.0.1:8079")
    };
    let full = if text.bytes().all(|byte| byte.is_ascii_digit()) {
        format!("127.0.0.1:{text}")
    } else {
        text.replacen("localhost:", "127.0.0.1:", 1)
    };
    let address: SocketAddr = full
        .parse()
        .map_err(|_| wrong("an address and a port are wanted"))?;
    if address.ip().is_loopback() {
        Ok(address)
    } else {
        Err(wrong(
            "only a loopback address: the page asks nobody who he is",
        ))
    }
}

/// A page of another site that has its name point to 127.0.0.1 shall not read this one.
fn is_local(request: &Request<Incoming>) -> bool {
    let Some(host) = request
        .headers()
        .get(HOST)
        .and_then(|host| host.to_str().ok())
    else {
        return false;
    };
    names_loopback(host)
}

/// `NAME`, `NAME:PORT`, `[ADDRESS]` or `[ADDRESS]:PORT`, and nothing more.
fn names_loopback(host: &str) -> bool {
    let (name, rest) = match host.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some(parts) => parts,
            None => return false,
        },
        None => host.split_at(host.find(':').unwrap_or(host.len())),
    };
    let port = rest.is_empty()
        || rest
            .strip_prefix(':')
            .is_some_and(|port| port.parse::<u16>().is_ok());
    if !port {
        return false;
    }
    name == "localhost"
        || name
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

fn answer(watch: &Watch, request: &Request<Incoming>) -> Response<Full<Bytes>> {
    if !is_local(request) {
        return reply(
            StatusCode::FORBIDDEN,
            "text/plain",
            "this page is for loopback names only\n".into(),
        );
    }
    if request.method() != Method::GET && request.method() != Method::HEAD {
        return reply(
            StatusCode::METHOD_NOT_ALLOWED,
            "text/plain",
            "this page can only be read\n".into(),
        );
    }
    let seconds = watch.seconds_between_points();
    match request.uri().path() {
        "/" => reply(
            StatusCode::OK,
            "text/html; charset=utf-8",
            page(&watch.view(), seconds, true),
        ),
        "/main" => reply(
            StatusCode::OK,
            "text/html; charset=utf-8",
            main_part(&watch.view(), seconds),
        ),
        "/live.js" => reply(StatusCode::OK, "text/javascript", LIVE.into()),
        "/overview.json" => reply(
            StatusCode::OK,
            "application/json",
            watch.view().to_json(true).to_string(),
        ),
        _ => reply(
            StatusCode::NOT_FOUND,
            "text/plain",
            "there are /, and /overview.json\n".into(),
        ),
    }
}

fn reply(status: StatusCode, kind: &'static str, body: String) -> Response<Full<Bytes>> {
    Response::builder()
        .status(status)
        .header(CONTENT_TYPE, kind)
        .header(CACHE_CONTROL, "no-store")
        .header(CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'unsafe-inline'; script-src 'self'; connect-src 'self'; img-src data:")
        .header(X_CONTENT_TYPE_OPTIONS, "nosniff")
        .body(Full::new(Bytes::from(body)))
        .expect("the headers are constants")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_loopback_one_as_a_whole() {
        for host in [
            "localhost",
            "localhost:80",
            "127.0.0.1:80",
            "[::1]",
            "[::1]:80",
        ] {
            assert!(names_loopback(host), "{host}");
        }
        for host in [
            "[::1]evil",
            "[::1].evil:80",
            "[::1",
            "evil",
            "localhost:x",
            "127.0.0.1.evil:80",
            "localhost:80:80",
        ] {
            assert!(!names_loopback(host), "{host}");
        }
    }

    #[test]
    fn only_loopback_addresses_are_taken() {
        for (text, wanted) in [
            ("8079", "127.0.0.1:8079"),
            ("127.0.0.5:1", "127.0.0.5:1"),
            ("[::1]:80", "[::1]:80"),
            ("localhost:9", "127.0.0.1:9"),
        ] {
            assert_eq!(loopback(text).unwrap().to_string(), wanted);
        }
        for text in [
            "0.0.0.0:80",
            "10.1.2.3:80",
            "example:80",
            "127.0.0.1",
            "[::]:80",
            "70000",
        ] {
            assert!(loopback(text).is_err(), "{text}");
        }
    }
}
