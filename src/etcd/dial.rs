//! The way to an endpoint, up to where HTTP/2 begins: name, address, socket, TLS. And what is known of a connection from below.

use std::io;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures_util::stream::{FuturesUnordered, StreamExt};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::Notify;
use tokio_rustls::TlsConnector;

use super::proxy::Proxies;
use super::trouble::{Failure, Trouble, of_link};
use crate::locked::locked;

/// Where there is another way, one that does not come about is not waited for alone any longer.
const HEDGE: Duration = Duration::from_millis(30);

/// A round trip in one network takes less.
const NEAR: Duration = Duration::from_millis(3);

/// One round trip, and what both sides reckon.
const NEAR_HANDSHAKE: Duration = Duration::from_millis(10);

const CLOSED: &str =
    "the server closes the connection during the TLS handshake: it may not speak TLS";
const NO_HTTP2: &str = "the server speaks TLS, but no HTTP/2: it is no etcd";

/// What the other side says of HTTP/2 in the handshake.
pub(super) const H2: &[u8] = b"h2";

pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Where an endpoint is.
#[derive(Clone, Debug)]
pub(super) enum Place {
    Network { host: String, port: u16 },
    Socket(PathBuf),
}

/// Where, and whether TLS is spoken there.
#[derive(Clone)]
pub(super) struct Way {
    pub(super) place: Place,
    /// Asked to lead there, where there is one.
    pub(super) proxy: Option<Proxies>,
    pub(super) tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
}

impl Way {
    async fn network(&self, host: &str, port: u16) -> io::Result<TcpStream> {
        let Some(proxy) = &self.proxy else {
            return socket(host, port).await;
        };
        let (through, door) = proxy.place();
        proxy.lead(socket(through, door).await?, host, port).await
    }

    pub(super) async fn line(&self) -> Result<Line, Failure> {
        let failed = |error: io::Error| Failure {
            sent: false,
            trouble: of_link(&error).unwrap_or_else(|| Trouble::Other(error.to_string())),
        };
        let mut far = false;
        let stream: Box<dyn Stream> = match &self.place {
            Place::Network { host, port } => {
                let (socket, took) = timed(self.network(host, *port)).await;
                far = took > NEAR;
                Box::new(socket.map_err(failed)?)
            }
            Place::Socket(path) => Box::new(UnixStream::connect(path).await.map_err(failed)?),
        };
        let Some((settings, name)) = &self.tls else {
            return Ok(Line::new(stream, far));
        };
        let shaking = TlsConnector::from(Arc::clone(settings)).connect(name.clone(), stream);
        let (shaken, took) = timed(shaking).await;
        // What is in between may connect at once: a proxy, ssh.
        far |= took > NEAR_HANDSHAKE;
        let stream = shaken.map_err(|error| {
            let mut failure = failed(error);
            if matches!(&failure.trouble, Trouble::Other(_)) {
                failure.trouble = Trouble::Tls(CLOSED.into());
            }
            failure
        })?;
        if stream.get_ref().1.alpn_protocol() != Some(H2) {
            return Err(Failure {
                sent: false,
                trouble: Trouble::Tls(NO_HTTP2.into()),
            });
        }
        Ok(Line::new(Box::new(stream), far))
    }
}

async fn timed<T>(future: impl Future<Output = T>) -> (T, Duration) {
    let start = Instant::now();
    (future.await, start.elapsed())
}

/// A socket to the first address of this name that answers.
pub(super) async fn socket(host: &str, port: u16) -> io::Result<TcpStream> {
    let addresses = tokio::net::lookup_host((host, port)).await?;
    let socket = first(addresses, TcpStream::connect)
        .await
        .map_err(|mut failed| {
            failed
                .pop()
                .unwrap_or_else(|| io::Error::other(format!("`{host}` has no address")))
        })?;
    // A request waits for no other.
    let _ = socket.set_nodelay(true);
    Ok(socket)
}

/// The first way that comes about. The next is begun when one has failed, or when one takes long; else how each of them failed.
pub(super) async fn first<W, T, E, F: Future<Output = Result<T, E>>>(
    ways: impl IntoIterator<Item = W>,
    begin: impl Fn(W) -> F,
) -> Result<T, Vec<E>> {
    let mut ways = ways.into_iter().peekable();
    let mut begun = FuturesUnordered::new();
    let mut failed = Vec::new();
    loop {
        begun.extend(ways.next().map(&begin));
        let next = begun.next();
        let ended = if ways.peek().is_some() {
            match tokio::time::timeout(HEDGE, next).await {
                Ok(ended) => ended,
                Err(_) => continue,
            }
        } else {
            next.await
        };
        match ended {
            Some(Ok(good)) => return Ok(good),
            Some(Err(error)) => failed.push(error),
            None => return Err(failed),
        }
    }
}

/// What is known of a connection from below, where HTTP/2 does not tell.
#[derive(Default)]
pub(super) struct Pulse {
    alert: std::sync::Mutex<Option<Trouble>>,
    gone: AtomicBool,
    heard: AtomicBool,
    news: Notify,
}

impl Pulse {
    /// It is closed, or broken.
    pub(super) fn is_gone(&self) -> bool {
        self.gone.load(Ordering::Acquire)
    }

    /// What the other side said of TLS instead of anything else: so it has carried out nothing.
    pub(super) fn alert(&self) -> Option<Trouble> {
        let heard = self.heard.load(Ordering::Acquire);
        locked(&self.alert).clone().filter(|_| !heard)
    }

    /// Until the other side has said anything, or is gone: a process that stands still accepts connections, too.
    pub(super) async fn beat(&self) {
        loop {
            let news = self.news.notified();
            if self.heard.load(Ordering::Acquire) || self.is_gone() {
                return;
            }
            news.await;
        }
    }

    fn hear(&self) {
        if !self.heard.swap(true, Ordering::AcqRel) {
            self.news.notify_waiters();
        }
    }

    /// Nothing comes over it any longer.
    pub(super) fn end(&self) {
        self.gone.store(true, Ordering::Release);
        self.news.notify_waiters();
    }

    fn note(&self, error: &io::Error) {
        if let Some(trouble @ Trouble::Tls(_)) = of_link(error) {
            locked(&self.alert).get_or_insert(trouble);
        }
    }
}

/// A stream whose pulse can be felt.
pub(super) struct Line {
    /// A round trip takes its time.
    pub(super) far: bool,
    pub(super) pulse: Arc<Pulse>,
    stream: Box<dyn Stream>,
}

impl Line {
    fn new(stream: Box<dyn Stream>, far: bool) -> Line {
        Line {
            far,
            pulse: Arc::default(),
            stream,
        }
    }

    /// Who cannot write any longer hears first why: in TLS 1.3 a server refuses a client's certificate after the handshake, and closes.
    fn wrote<T>(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        let Poll::Ready(Err(error)) = &written else {
            return written;
        };
        self.pulse.note(error);
        let mut room = [0; 512];
        loop {
            let mut buffer = ReadBuf::new(&mut room);
            match Pin::new(&mut self.stream).poll_read(context, &mut buffer) {
                // It comes at once: the other side has closed.
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() => {}
                Poll::Ready(Ok(())) => return written,
                Poll::Ready(Err(error)) => {
                    self.pulse.note(&error);
                    return written;
                }
            }
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.pulse.end();
    }
}

impl AsyncRead for Line {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        match &read {
            Poll::Ready(Ok(())) if buffer.filled().len() > before => self.pulse.hear(),
            Poll::Ready(Err(error)) => self.pulse.note(error),
            _ => {}
        }
        read
    }
}

impl AsyncWrite for Line {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.wrote(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.wrote(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        self.wrote(context, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
