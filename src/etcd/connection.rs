//! One connection to one endpoint: made when first used, cached by the client, with the user's token on every call.

use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::task::{Context, Poll};

use etcd_client::{Certificate, Identity, TlsOptions};
use hyper_util::rt::TokioIo;
use rustls::DigitallySignedStruct;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tonic::body::Body;
use tonic::codegen::http::{HeaderValue, Request, Response};
use tonic::codegen::{Service, StdError};
use tonic::transport::Endpoint;
use tower::util::BoxCloneSyncService;

use super::client::Config;
use super::keeper::Keeper;
use super::trouble::{Failure, NO_USER};
use crate::error::{Error, Result};
use crate::secret::Secret;

/// etcd answers a range in one message, however large; tonic's own limit is 4 MiB.
pub(super) const LARGEST_MESSAGE: usize = i32::MAX as usize;

/// Larger windows than HTTP/2's 64 KiB, so that a snapshot or a large range does not wait for each round trip.
const STREAM_WINDOW: u32 = 4 << 20;
const CONNECTION_WINDOW: u32 = 8 << 20;

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
        let answer = self.inner.call(request);
        Box::pin(async move { answer.await.map_err(Into::into) })
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
}

impl Connection {
    /// Connect. The connection is made again by itself when it breaks.
    pub(super) async fn open(target: Target, config: &Config) -> Outcome<Connection> {
        let channel = Channel {
            inner: target.connect().await?,
            token: Arc::default(),
        };
        let service = etcd_client::Channel::Custom(BoxCloneSyncService::new(channel.clone()));
        let client = etcd_client::Client::from_channel(service, None)
            .await
            .map_err(|error| Failure::from(&error))?;
        let login = config
            .user
            .as_ref()
            .zip(config.password.as_ref())
            .map(|(user, password)| (user.clone(), password.clone()));
        Ok(Connection {
            channel,
            client,
            keeper: config.keeper.clone(),
            login: login.map(OnceLock::from).unwrap_or_default(),
            logged_in: tokio::sync::Mutex::new(false),
        })
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

/// Where and how to connect.
pub(super) struct Target {
    endpoint: Endpoint,
    /// A socket file that leads there.
    door: Option<PathBuf>,
}

impl Target {
    async fn connect(&self) -> Outcome<tonic::transport::Channel> {
        let opened = match self.door.clone() {
            None => self.endpoint.connect().await,
            Some(door) => {
                let connector = tower::service_fn(move |_| {
                    let door = door.clone();
                    async move {
                        tokio::net::UnixStream::connect(door)
                            .await
                            .map(TokioIo::new)
                    }
                });
                self.endpoint.connect_with_connector(connector).await
            }
        };
        opened.map_err(|error| Failure {
            sent: false,
            ..Failure::from(&etcd_client::Error::TransportError(error))
        })
    }
}

/// Checks the endpoint, the certificates and the key without connecting.
pub(super) fn target(endpoint: &str, config: &Config) -> Result<Target> {
    let wrong = |error: tonic::transport::Error| {
        Error::config(format!("`{endpoint}` is not an etcd endpoint")).because(innermost(&error))
    };
    let url = url(endpoint, config);
    let (url, socket) = match socket_file(&url) {
        // The name of a socket is no host's: certificates are checked for localhost.
        Some((tls, path)) => (
            if tls {
                "https://localhost"
            } else {
                "http://localhost"
            }
            .to_string(),
            Some(path),
        ),
        None => (url, None),
    };
    if !url.starts_with("https://") && !url.starts_with("http://") {
        return Err(
            Error::config(format!("`{endpoint}` is not an etcd endpoint"))
                .because("it begins with neither http:// nor https:// nor unix:"),
        );
    }
    let mut target = Endpoint::from_shared(url.clone()).map_err(wrong)?;
    if url.starts_with("https://") {
        let unusable = |error: tonic::transport::Error| {
            Error::config("the certificates for etcd cannot be used").because(innermost(&error))
        };
        let tls = tls(config)?;
        target = if config.skip_verify {
            target.tls_config_with_verifier(tls, Arc::new(Anyone::new()))
        } else {
            target.tls_config(tls)
        }
        .map_err(unusable)?;
    }
    let door = socket.or_else(|| config.forwards.get(endpoint).cloned());
    let endpoint = target
        .connect_timeout(config.connect_timeout)
        .http2_keep_alive_interval(config.ping_interval)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .initial_stream_window_size(STREAM_WINDOW)
        .keep_alive_timeout(config.ping_timeout)
        .keep_alive_while_idle(false);
    Ok(Target { endpoint, door })
}

/// Takes any certificate: the user asked for it.
#[derive(Debug)]
pub(super) struct Anyone(rustls::crypto::WebPkiSupportedAlgorithms);

impl Anyone {
    pub(super) fn new() -> Anyone {
        Anyone(rustls::crypto::ring::default_provider().signature_verification_algorithms)
    }
}

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> std::result::Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(message, cert, signed, &self.0)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(message, cert, signed, &self.0)
    }

    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        self.0.supported_schemes()
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

/// A bare `host:port` means TLS when certificates are given, as for etcdctl.
pub(crate) fn url(endpoint: &str, config: &Config) -> String {
    let endpoint = endpoint.trim().trim_end_matches('/');
    if endpoint.contains("://") || endpoint.starts_with("unix") {
        return endpoint.to_string();
    }
    let tls = config.ca_pem.is_some()
        || config.cert_pem.is_some()
        || config.skip_verify
        || config.system_roots;
    format!("{}://{endpoint}", if tls { "https" } else { "http" })
}

/// Without a CA no server is trusted, except when the roots of the system are asked for.
fn tls(config: &Config) -> Result<TlsOptions> {
    let mut tls = TlsOptions::new().timeout(config.connect_timeout);
    if let Some(ca) = config.ca_pem.as_ref().filter(|_| !config.skip_verify) {
        if !ca.contains("-----BEGIN CERTIFICATE-----") {
            return Err(Error::config("the CA for etcd holds no certificate"));
        }
        tls = tls.ca_certificate(Certificate::from_pem(ca));
    } else if config.system_roots && !config.skip_verify {
        tls = tls.with_native_roots();
    }
    if let Some(name) = &config.server_name {
        tls = tls.domain_name(name);
    }
    match (&config.cert_pem, &config.key_pem) {
        (Some(cert), Some(key)) => Ok(tls.identity(Identity::from_pem(cert, key.reveal()))),
        (None, None) => Ok(tls),
        (Some(_), None) => Err(Error::config("the client certificate for etcd has no key")),
        (None, Some(_)) => Err(Error::config("the client key for etcd has no certificate")),
    }
}

fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    std::iter::successors(Some(error), |error| (*error).source())
        .last()
        .map_or_else(String::new, ToString::to_string)
}
