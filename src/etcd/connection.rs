//! One connection to one endpoint: made when first used, cached by the client, with the user's token on every call.

use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};
use std::task::{Context, Poll};

use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tonic::body::Body;
use tonic::codegen::http::{HeaderValue, Request, Response, Uri};
use tonic::codegen::{Service, StdError};
use tonic::transport::Endpoint;
use tower::util::BoxCloneSyncService;

use super::client::Config;
use super::dial::{H2, Line, Place, Pulse, Way};
use super::keeper::Keeper;
use super::teller::Teller;
use super::trouble::{Failure, NO_USER};
use crate::error::{Error, Result};
use crate::locked::locked;
use crate::secret::Secret;
use crate::tls;

/// etcd answers a range in one message, however large; tonic's own limit is 4 MiB.
pub(super) const LARGEST_MESSAGE: usize = i32::MAX as usize;

/// Larger windows than HTTP/2's 64 KiB, so that a snapshot or a large range does not wait for each round trip. What is not read yet
/// takes memory: near by a small one is enough. gRPC's grow up to the large one.
const NEAR_WINDOW: u32 = 4 << 20;
const FAR_WINDOW: u32 = 16 << 20;

const AUTH_IS_OFF: &str = "etcdserver: authentication is not enabled";
/// A learner cannot log anybody in.
const IS_LEARNER: &str = "etcdserver: rpc not supported for learner";
/// The last one when authentication was off at the first call and has been switched on since.
pub(super) const STALE_LOGIN: [&str; 3] = [
    "etcdserver: invalid auth token",
    "etcdserver: revision of auth store is old",
    NO_USER,
];

pub(crate) type Answer<T> = std::result::Result<T, etcd_client::Error>;
type Outcome<T> = std::result::Result<T, Failure>;

/// A tonic channel that adds the token of the logged-in user.
#[derive(Clone)]
pub(crate) struct Channel {
    inner: tonic::transport::Channel,
    /// The method of the last request, where somebody wants to know it.
    method: Option<Arc<Mutex<Option<String>>>>,
    teller: Option<Teller>,
    token: Arc<RwLock<Option<HeaderValue>>>,
}

impl Channel {
    fn token(&self) -> Option<HeaderValue> {
        self.token
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn set_token(&self, token: Option<HeaderValue>) {
        *self.token.write().unwrap_or_else(PoisonError::into_inner) = token;
    }
}

impl Service<Request<Body>> for Channel {
    type Error = StdError;
    type Future =
        Pin<Box<dyn Future<Output = std::result::Result<Response<Body>, StdError>> + Send>>;
    type Response = Response<Body>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<std::result::Result<(), StdError>> {
        self.inner.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        if let Some(token) = self.token() {
            request.headers_mut().insert("token", token);
        }
        let method = || request.uri().path().to_string();
        if let Some(last) = &self.method {
            *locked(last) = Some(method());
        }
        let told = self.teller.clone().map(|teller| (teller, method()));
        let answer = self.inner.call(request);
        Box::pin(async move {
            let answer = answer.await?;
            if let Some((teller, method)) = told {
                teller.hear(&method, answer.headers());
            }
            Ok(answer)
        })
    }
}

pub(crate) struct Connection {
    pub(crate) channel: Channel,
    client: etcd_client::Client,
    keeper: Option<Keeper>,
    /// Who logs in: as the client was told, or as the keeper found.
    login: OnceLock<(String, Secret)>,
    /// Held while logging in, so that threads that find no token log in once.
    logged_in: tokio::sync::Mutex<bool>,
    pub(super) pulse: Arc<Pulse>,
}

impl Connection {
    /// Connect. A connection that breaks stays broken: who made it makes another.
    pub(super) async fn open(target: &Target, config: &Config) -> Outcome<Connection> {
        let line = target.way.line().await?;
        let pulse = Arc::clone(&line.pulse);
        let channel = Channel {
            inner: target.over(line).await?,
            method: None,
            teller: config.teller.clone(),
            token: Arc::default(),
        };
        let login = config
            .user
            .as_ref()
            .zip(config.password.as_ref())
            .map(|(user, password)| (user.clone(), password.clone()));
        let connection = Connection::of(channel, pulse).await;
        Ok(Connection {
            keeper: config.keeper.clone(),
            login: login.map(OnceLock::from).unwrap_or_default(),
            ..connection.map_err(|error| Failure::from(&error))?
        })
    }

    async fn of(channel: Channel, pulse: Arc<Pulse>) -> Answer<Connection> {
        let service = etcd_client::Channel::Custom(BoxCloneSyncService::new(channel.clone()));
        Ok(Connection {
            client: etcd_client::Client::from_channel(service, None).await?,
            channel,
            keeper: None,
            login: OnceLock::default(),
            logged_in: tokio::sync::Mutex::new(false),
            pulse,
        })
    }

    /// Wait until the server has said anything.
    pub(super) async fn lives(&self) -> Answer<()> {
        self.pulse.beat().await;
        if self.pulse.is_gone() {
            return Err(std::io::Error::other("connection closed by the server").into());
        }
        Ok(())
    }

    /// Make a call, logged in; once more after a new login when etcd does not take the token any longer.
    pub(super) async fn call<T>(
        &self,
        call: &impl AsyncFn(&Connection) -> Answer<T>,
    ) -> Outcome<T> {
        self.log_in().await?;
        let token = self.channel.token();
        // Boxed, so that the code of the call is there once and not twice.
        let call = || -> Pin<Box<dyn Future<Output = Answer<T>> + '_>> { Box::pin(call(self)) };
        let mut answer = call().await;
        if let Err(etcd_client::Error::GRpcStatus(status)) = &answer
            && STALE_LOGIN.contains(&status.message())
            && self.may_log_in(status.message()).await
        {
            self.log_in_again(token.as_ref()).await?;
            answer = call().await;
        }
        answer.map_err(|error| Failure::from(&error))
    }

    /// Is there somebody to log in, or is one found?
    async fn may_log_in(&self, refusal: &str) -> bool {
        if self.login.get().is_none()
            && refusal == NO_USER
            && let Some(keeper) = &self.keeper
            && let Some(login) = keeper.login().await
        {
            // Another thread may have been faster, with the same login.
            let _ = self.login.set(login);
        }
        self.login.get().is_some()
    }

    async fn log_in(&self) -> Outcome<()> {
        let Some((user, password)) = self.login.get() else {
            return Ok(());
        };
        let mut logged_in = self.logged_in.lock().await;
        if *logged_in {
            return Ok(());
        }
        self.channel.set_token(None);
        match self
            .client
            .auth_client()
            .authenticate(user.clone(), password.reveal().to_string())
            .await
        {
            Ok(answer) => self
                .channel
                .set_token(HeaderValue::from_str(answer.token()).ok()),
            Err(etcd_client::Error::GRpcStatus(status)) if status.message() == AUTH_IS_OFF => {}
            // It tells its status to anybody, and nothing else; once it is a voter the login is tried again.
            Err(etcd_client::Error::GRpcStatus(status)) if status.message() == IS_LEARNER => {
                return Ok(());
            }
            Err(error) => return Err(Failure::from(&error)),
        }
        *logged_in = true;
        Ok(())
    }

    /// Does nothing when another thread has brought a new token meanwhile.
    async fn log_in_again(&self, refused: Option<&HeaderValue>) -> Outcome<()> {
        {
            let mut logged_in = self.logged_in.lock().await;
            *logged_in &= self.channel.token().as_ref() != refused;
        }
        self.log_in().await
    }

    pub(crate) fn auth(&self) -> etcd_client::AuthClient {
        self.client.auth_client()
    }

    pub(crate) fn cluster(&self) -> etcd_client::ClusterClient {
        self.client.cluster_client()
    }

    pub(crate) fn kv(&self) -> etcd_client::KvClient {
        self.client
            .kv_client()
            .max_decoding_message_size(LARGEST_MESSAGE)
    }

    pub(crate) fn lease(&self) -> etcd_client::LeaseClient {
        self.client.lease_client()
    }

    pub(crate) fn maintenance(&self) -> etcd_client::MaintenanceClient {
        self.client.maintenance_client()
    }

    pub(crate) fn watch(&self) -> etcd_client::WatchClient {
        self.client
            .watch_client()
            .max_decoding_message_size(LARGEST_MESSAGE)
    }
}

/// The method that this calls first, as gRPC names it: found by a connection that leads nowhere.
pub(super) async fn method_of<T>(call: &impl AsyncFn(&Connection) -> Answer<T>) -> Option<String> {
    let method = Arc::default();
    let nowhere = tower::service_fn(|_: Uri| {
        let nobody: std::io::Result<TokioIo<tokio::net::TcpStream>> =
            Err(std::io::ErrorKind::NotConnected.into());
        std::future::ready(nobody)
    });
    let channel = Channel {
        inner: Endpoint::from_static("http://nowhere").connect_with_connector_lazy(nowhere),
        method: Some(Arc::clone(&method)),
        teller: None,
        token: Arc::default(),
    };
    let gone = Arc::<Pulse>::default();
    gone.end();
    let connection = Connection::of(channel, gone).await.ok()?;
    // It fails, of course.
    let _ = call(&connection).await;
    locked(&method).take()
}

/// Where and how to connect.
pub(super) struct Target {
    endpoint: Endpoint,
    way: Way,
}

impl Target {
    /// HTTP/2 over this line, and no other.
    async fn over(&self, line: Line) -> Outcome<tonic::transport::Channel> {
        let window = if line.far { FAR_WINDOW } else { NEAR_WINDOW };
        let endpoint = self.endpoint.clone();
        let endpoint = endpoint
            .initial_connection_window_size(2 * window)
            .initial_stream_window_size(window);
        let mut line = Some(line);
        let connector = tower::service_fn(move |_: Uri| {
            let line = line.take().ok_or(std::io::ErrorKind::NotConnected);
            std::future::ready(line.map(TokioIo::new).map_err(std::io::Error::from))
        });
        let opened = endpoint.connect_with_connector(connector).await;
        opened.map_err(|error| Failure {
            sent: false,
            ..Failure::from(&etcd_client::Error::TransportError(error))
        })
    }

    /// A process that stands still accepts a connection all the same, unless TLS is spoken.
    pub(super) fn may_stand_still(&self) -> bool {
        self.way.tls.is_none()
    }
}

/// TLS as the settings want it; made when it is first needed, since reading keys takes time.
#[derive(Default)]
pub(super) struct Tls(OnceLock<std::result::Result<Arc<ClientConfig>, tls::Unusable>>);

impl Tls {
    fn settings(&self, config: &Config) -> Result<Arc<ClientConfig>> {
        let made = self.0.get_or_init(|| tls::client(&config.identity(), H2));
        let unusable = |error: tls::Unusable| Error::config(error.to_string());
        made.clone().map_err(unusable)
    }
}

/// Checks the endpoint, the certificates and the key without connecting.
pub(super) fn target(endpoint: &str, config: &Config, tls: &Tls) -> Result<Target> {
    let no_endpoint =
        |why: String| Error::config(format!("`{endpoint}` is not an etcd endpoint")).because(why);
    let url = url(endpoint, config);
    let (url, socket) = match socket_file(&url) {
        Some((with_tls, path)) => {
            let with_tls = with_tls || config.wants_tls();
            let scheme = if with_tls { "https" } else { "http" };
            (format!("{scheme}://{}", socket_name(&path)), Some(path))
        }
        None => (url, None),
    };
    if !url.starts_with("https://") && !url.starts_with("http://") {
        return Err(no_endpoint(
            "it begins with neither http:// nor https:// nor unix:".into(),
        ));
    }
    let wrong = |error: tonic::transport::Error| no_endpoint(innermost(&error));
    let target = Endpoint::from_shared(url).map_err(wrong)?;
    let uri = target.uri();
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    let with_tls = uri.scheme_str() == Some("https");
    let tls = if with_tls {
        let name = config.server_name.as_deref().unwrap_or(host);
        let name = ServerName::try_from(name.to_string())
            .map_err(|_| no_endpoint(format!("`{name}` cannot be the name of a server")))?;
        Some((tls.settings(config)?, name))
    } else {
        None
    };
    let place = match socket.or_else(|| config.forwards.get(endpoint).cloned()) {
        Some(path) => Place::Socket(path),
        None => Place::Network {
            host: host.to_string(),
            port: uri.port_u16().unwrap_or(if with_tls { 443 } else { 80 }),
        },
    };
    let endpoint = target
        .http2_keep_alive_interval(config.ping_interval)
        .keep_alive_timeout(config.ping_timeout)
        .keep_alive_while_idle(false);
    let proxy = match &place {
        Place::Network { host, port } => config
            .proxies
            .clone()
            .filter(|proxies| proxies.serve(host, *port)),
        Place::Socket(_) => None,
    };
    let way = Way { place, proxy, tls };
    Ok(Target { endpoint, way })
}

/// What a socket is called where a server's name is wanted: as its file, for etcdctl, which may end in a port.
fn socket_name(path: &std::path::Path) -> String {
    let file = path.file_name().unwrap_or_default().to_string_lossy();
    let usable = |name: &str| name.parse::<tonic::codegen::http::uri::Authority>().is_ok();
    if usable(&file) {
        file.into_owned()
    } else {
        "localhost".into()
    }
}

/// `unix:path`, `unix://path`, and with TLS `unixs`: whether it is TLS, and the file.
fn socket_file(url: &str) -> Option<(bool, PathBuf)> {
    let (tls, rest) = match url.strip_prefix("unixs:") {
        Some(rest) => (true, rest),
        None => (false, url.strip_prefix("unix:")?),
    };
    Some((tls, PathBuf::from(rest.strip_prefix("//").unwrap_or(rest))))
}

/// A bare `host:port` means TLS when certificates are given, as for etcdctl. Without a host it is this machine.
pub(crate) fn url(endpoint: &str, config: &Config) -> String {
    let endpoint = endpoint.trim().trim_end_matches('/');
    let (scheme, place) = match endpoint.split_once("://") {
        Some((scheme, place)) => (scheme.to_ascii_lowercase(), place),
        None if endpoint.starts_with("unix") => return endpoint.to_string(),
        None if config.wants_tls() => ("https".into(), endpoint),
        None => ("http".into(), endpoint),
    };
    let host = if place.starts_with(':') {
        "localhost"
    } else {
        ""
    };
    format!("{scheme}://{host}{place}")
}

/// Is TLS spoken to this endpoint? A server's socket that says nothing of it is as an address without a scheme.
fn speaks_tls(endpoint: &str, config: &Config) -> bool {
    let url = url(endpoint, config);
    url.starts_with("https:")
        || url.starts_with("unixs:")
        || url.starts_with("unix:") && config.wants_tls()
}

/// The endpoints as one client of etcdctl's speaks to them: with TLS to all or to none, as the first one says.
pub(crate) fn alike(endpoints: &[String], config: &Config) -> Vec<String> {
    let Some(first) = endpoints.first() else {
        return Vec::new();
    };
    let tls = speaks_tls(first, config);
    let same = |endpoint: &String| {
        if speaks_tls(endpoint, config) == tls {
            return endpoint.clone();
        }
        let url = url(endpoint, config);
        let place = url
            .split_once("://")
            .map_or(url.as_str(), |(_, place)| place);
        match (url.split(':').next(), tls) {
            (Some("https"), false) => format!("http://{place}"),
            (Some("http"), true) => format!("https://{place}"),
            (Some("unix"), true) => format!("unixs:{}", &url["unix:".len()..]),
            (Some("unixs"), false) => format!("unix:{}", &url["unixs:".len()..]),
            _ => url,
        }
    };
    endpoints.iter().map(same).collect()
}

fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    std::iter::successors(Some(error), |error| (*error).source())
        .last()
        .map_or_else(String::new, ToString::to_string)
}
