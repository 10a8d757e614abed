//! One call of a web service: HTTP/1.1, with TLS as the client of etcd has it. No redirect is followed, no cookie kept.
//!
//! Owns the connection, the limits and what an answer is. Must not know scripts: who calls says what is sent. Start reading
//! at [`call`].

use std::fmt::Write as _;
use std::time::Duration;

use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1::handshake;
use hyper::header::{ACCEPT, CONTENT_LENGTH, HOST, HeaderName, HeaderValue, USER_AGENT};
use hyper::{Method, Request, Uri};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::error::{Error, Kind, Result};
use crate::etcd;
use crate::runtime::{block_on, until_questions_end};
use crate::secret::Secret;
use crate::tls;

/// The most that an answer may be.
const LARGEST: usize = 64 << 20;

/// What is sent, and to whom.
pub(crate) struct Call {
    pub(crate) body: Vec<u8>,
    pub(crate) headers: Vec<(String, Secret)>,
    pub(crate) method: String,
    pub(crate) timeout: Duration,
    /// Certificates, and who is trusted; its endpoints mean nothing here.
    pub(crate) tls: etcd::Config,
    pub(crate) url: String,
}

/// What came back.
pub(crate) struct Answer {
    pub(crate) body: Vec<u8>,
    /// Names in small letters.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) status: u16,
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Why a call failed: the chain of errors below, or a word of ours.
type Failed = Box<dyn std::error::Error + Send + Sync>;

impl Call {
    /// The address without what may be secret in it.
    pub(crate) fn shown(&self) -> String {
        let end = self.url.find(['?', '#']);
        let bare = end.map_or(self.url.as_str(), |end| &self.url[..end]);
        format!("{} {bare}", self.method)
    }
}

/// Send it and wait for the whole answer, or until Ctrl-C ends all questions.
pub(crate) fn call(call: &Call) -> Result<Answer> {
    let (uri, request) = request(call)?;
    let failed =
        |why: String| Error::new(Kind::Remote, format!("`{}` failed", call.shown())).because(why);
    block_on(async {
        tokio::select! {
            answer = exchange(call, &uri, request) => answer.map_err(|error| failed(why(error.as_ref(), &call.tls))),
            () = tokio::time::sleep(call.timeout) => {
                Err(failed(format!("no answer within {} s", call.timeout.as_secs_f64())))
            }
            () = until_questions_end() => Err(Error::new(Kind::Interrupted, "interrupted")),
        }
    })
}

fn request(call: &Call) -> Result<(Uri, Request<Full<Bytes>>)> {
    let wrong = |why: &str| {
        Error::config(format!("`{}` is no address for `http`", call.shown())).because(why)
    };
    let uri: Uri = call
        .url
        .parse()
        .map_err(|error: hyper::http::uri::InvalidUri| wrong(&error.to_string()))?;
    if !matches!(uri.scheme_str(), Some("http" | "https")) {
        return Err(wrong("it begins with neither http:// nor https://"));
    }
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    if authority.contains('@') {
        return Err(Error::config("an address for `http` holds a login")
            .hint("#{ user: \"NAME\", password: secret(\"...\") }"));
    }
    let target = uri.path_and_query().map_or("/", |target| target.as_str());
    let method = Method::from_bytes(call.method.as_bytes())
        .map_err(|_| Error::config(format!("`{}` is no method of HTTP", call.method)))?;
    let mut request = Request::builder()
        .method(method)
        .uri(target)
        .header(HOST, authority)
        .header(ACCEPT, "*/*")
        .header(USER_AGENT, concat!("etcdsh/", env!("CARGO_PKG_VERSION")));
    for (name, value) in &call.headers {
        let known = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| Error::config(format!("`{name}` is no name of a header")))?;
        let mut value = HeaderValue::from_str(value.reveal()).map_err(|_| {
            Error::config(format!(
                "the value of the header `{name}` has letters that no header may have"
            ))
        })?;
        value.set_sensitive(true);
        if let Some(headers) = request.headers_mut() {
            headers.insert(known, value);
        }
    }
    if !call.body.is_empty() {
        request = request.header(CONTENT_LENGTH, call.body.len());
    }
    let request = request
        .body(Full::new(Bytes::from(call.body.clone())))
        .map_err(|error| wrong(&error.to_string()))?;
    Ok((uri, request))
}

async fn exchange(
    call: &Call,
    uri: &Uri,
    request: Request<Full<Bytes>>,
) -> std::result::Result<Answer, Failed> {
    let stream = connect(call, uri).await?;
    let (mut sender, connection) = handshake(TokioIo::new(stream)).await?;
    let link = tokio::spawn(connection);
    let sent = sender.send_request(request).await;
    let answer = match sent {
        Ok(answer) => answer,
        Err(error) => {
            // What went wrong below is the connection's to tell: an alert of TLS 1.3 comes after the handshake.
            drop(sender);
            return Err(match link.await {
                Ok(Err(cause)) => cause.into(),
                _ => error.into(),
            });
        }
    };
    let status = answer.status().as_u16();
    let headers = answer.headers().iter().map(|(name, value)| {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        (name.as_str().to_string(), value)
    });
    let headers = headers.collect();
    let body = Limited::new(answer.into_body(), LARGEST).collect().await?;
    Ok(Answer {
        body: body.to_bytes().to_vec(),
        headers,
        status,
    })
}

async fn connect(call: &Call, uri: &Uri) -> std::result::Result<Box<dyn Stream>, Failed> {
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    let tls = uri.scheme_str() == Some("https");
    let port = uri.port_u16().unwrap_or(if tls { 443 } else { 80 });
    let socket = TcpStream::connect((host, port)).await?;
    let _ = socket.set_nodelay(true);
    if !tls {
        return Ok(Box::new(socket));
    }
    let settings = tls::client(&call.tls.identity(), b"http/1.1")?;
    let name = ServerName::try_from(host.to_string())?;
    let stream = TlsConnector::from(settings).connect(name, socket).await?;
    Ok(Box::new(stream))
}

/// The innermost cause that means something to who called.
fn why(error: &(dyn std::error::Error + 'static), tls: &etcd::Config) -> String {
    let chain = || std::iter::successors(Some(error), |error| (*error).source());
    if let Some(text) = chain().find_map(|error| etcd::link_trouble(error, tls)) {
        return text;
    }
    if chain().any(<dyn std::error::Error>::is::<LengthLimitError>) {
        return format!("the answer is larger than {} MiB", LARGEST >> 20);
    }
    let mut text = String::new();
    for error in chain() {
        let more = error.to_string();
        if !text.contains(&more) {
            let _ = write!(text, "{}{more}", if text.is_empty() { "" } else { ": " });
        }
    }
    text
}
