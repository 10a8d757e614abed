//! A member's `/metrics`, over a connection that is kept: compressed, with the certificate that the member showed.
//!
//! etcd serves it as HTTP/1.1 beside gRPC, on the same port and with the same TLS.

use std::fmt;
use std::io::Read;
use std::sync::Arc;
use std::time::{Duration, Instant};

use flate2::read::GzDecoder;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{ACCEPT_ENCODING, CONTENT_ENCODING, HOST};
use hyper::{Request, Uri};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::net::UnixStream;
use tokio_rustls::TlsConnector;

use super::client::Config;
use super::connection::url;
use super::dial::{Stream, socket};
use crate::runtime::block_on_for;
use crate::tls;

/// The whole answer, before and after it is unpacked; etcd's is a hundredth of that.
const LARGEST: usize = 16 << 20;

/// A new handshake shows a certificate that was renewed meanwhile.
const KEPT: Duration = Duration::from_mins(1);

/// What a member answered.
pub struct Scrape {
    /// Bytes that came over the network for it, without headers.
    pub bytes: usize,
    /// The member's certificate, DER; nothing without TLS.
    pub certificate: Option<Arc<Vec<u8>>>,
    pub text: String,
}

/// Asks one member for its metrics again and again.
pub struct Scraper {
    config: Config,
    endpoint: String,
    open: Option<Open>,
}

struct Open {
    certificate: Option<Arc<Vec<u8>>>,
    sender: SendRequest<Empty<Bytes>>,
    since: Instant,
}

/// Why there are none.
#[derive(Debug)]
pub struct NoMetrics(String);

impl fmt::Display for NoMetrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn no(error: impl fmt::Display) -> NoMetrics {
    NoMetrics(error.to_string())
}

impl Scraper {
    /// Nothing is sent yet.
    #[must_use]
    pub fn new(endpoint: &str, config: &Config) -> Scraper {
        Scraper {
            config: config.clone(),
            endpoint: endpoint.to_string(),
            open: None,
        }
    }

    /// Ask once, within `limit`, over the connection there is or a new one.
    pub fn fetch(&mut self, limit: Duration) -> Result<Scrape, NoMetrics> {
        let kept = self
            .open
            .take()
            .filter(|open| open.since.elapsed() < KEPT && !open.sender.is_closed());
        let answer = block_on_for(limit, self.ask(kept)).ok_or_else(|| no("no answer in time"))?;
        let (open, scrape) = answer?;
        self.open = Some(open);
        Ok(scrape)
    }

    async fn ask(&self, kept: Option<Open>) -> Result<(Open, Scrape), NoMetrics> {
        let uri: Uri = url(&self.endpoint, &self.config).parse().map_err(no)?;
        let mut open = match kept {
            Some(open) => open,
            None => self.connect(&uri).await?,
        };
        let host = uri.authority().map_or("", |authority| authority.as_str());
        let request = Request::get("/metrics")
            .header(HOST, host)
            .header(ACCEPT_ENCODING, "gzip")
            .body(Empty::new())
            .map_err(no)?;
        open.sender.ready().await.map_err(no)?;
        let answer = open.sender.send_request(request).await.map_err(no)?;
        if !answer.status().is_success() {
            return Err(no(format!(
                "the member answers {} for /metrics",
                answer.status()
            )));
        }
        let packed = answer
            .headers()
            .get(CONTENT_ENCODING)
            .is_some_and(|encoding| encoding == "gzip");
        let body = Limited::new(answer.into_body(), LARGEST)
            .collect()
            .await
            .map_err(no)?
            .to_bytes();
        let text = if packed {
            unpacked(&body)?
        } else {
            String::from_utf8_lossy(&body).into_owned()
        };
        let scrape = Scrape {
            bytes: body.len(),
            certificate: open.certificate.clone(),
            text,
        };
        Ok((open, scrape))
    }

    async fn connect(&self, uri: &Uri) -> Result<Open, NoMetrics> {
        let host = uri
            .host()
            .unwrap_or_default()
            .trim_matches(['[', ']'])
            .to_string();
        // An endpoint that cannot be reached directly has a socket file that leads there.
        let (stream, certificate) = match self.config.forwards.get(&self.endpoint) {
            Some(door) => {
                self.dressed(UnixStream::connect(door).await.map_err(no)?, uri, &host)
                    .await?
            }
            None => {
                let socket = socket(&host, uri.port_u16().unwrap_or(2379))
                    .await
                    .map_err(no)?;
                self.dressed(socket, uri, &host).await?
            }
        };
        let (sender, connection) = handshake(TokioIo::new(stream)).await.map_err(no)?;
        tokio::spawn(connection);
        Ok(Open {
            certificate,
            sender,
            since: Instant::now(),
        })
    }

    /// With TLS around it when the endpoint has it.
    async fn dressed<S: Stream + 'static>(
        &self,
        socket: S,
        uri: &Uri,
        host: &str,
    ) -> Result<(Box<dyn Stream>, Option<Arc<Vec<u8>>>), NoMetrics> {
        if uri.scheme_str() != Some("https") {
            return Ok((Box::new(socket), None));
        }
        let settings = tls::client(&self.config.identity(), b"http/1.1").map_err(no)?;
        let name = self
            .config
            .server_name
            .clone()
            .unwrap_or_else(|| host.to_string());
        let name = ServerName::try_from(name).map_err(no)?;
        let stream = TlsConnector::from(settings)
            .connect(name, socket)
            .await
            .map_err(no)?;
        let certificate = stream
            .get_ref()
            .1
            .peer_certificates()
            .and_then(<[_]>::first)
            .map(|certificate| Arc::new(certificate.to_vec()));
        Ok((Box::new(stream), certificate))
    }
}

fn unpacked(body: &[u8]) -> Result<String, NoMetrics> {
    let mut text = String::with_capacity(body.len() * 16);
    GzDecoder::new(body)
        .take(LARGEST as u64)
        .read_to_string(&mut text)
        .map_err(no)?;
    Ok(text)
}
