//! What can go wrong with etcd, found by walking an error down to the one of the socket or of TLS.

use std::error::Error as StdError;
use std::fmt;
use std::io;

use rustls::pki_types::UnixTime;
use rustls::{AlertDescription, CertificateError};
use tonic::{Code, Status};

use super::client::Config;
use crate::error::{Error, Kind};
use crate::tls;

const NEEDS_CERTIFICATE: &str = "the server wants a client certificate";
const NOT_LEADER: &str = "etcdserver: not leader";
const NOT_OURS: &str = "the server's certificate is not signed by the given CA";
const NOT_TRUSTED: &str = "the server's certificate is not signed by an authority that this system trusts, and no CA is given";
const NOTHING_IN_COMMON: &str =
    "the server and this program have no version or cipher of TLS in common";
const REFUSES_CERTIFICATE: &str = "the server refuses the client certificate";

/// Why an endpoint gave no answer that counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The user, the password or a permission; the text is etcd's.
    Auth(String),
    /// A file here cannot be written: it is no fault of etcd's.
    File(String),
    /// Nothing of the rest; the text is the innermost cause.
    Other(String),
    /// Nobody listens there.
    Refused,
    /// etcd answered with an error: gRPC code and etcd's text.
    Server(i32, String),
    /// No connection or no answer in time: it could not be told.
    Timeout,
    /// TLS failed; the text says whose certificate is at fault and why.
    Tls(String),
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Trouble::Auth(text)
            | Trouble::File(text)
            | Trouble::Other(text)
            | Trouble::Server(_, text)
            | Trouble::Tls(text) => f.write_str(text),
            Trouble::Refused => f.write_str("connection refused"),
            Trouble::Timeout => f.write_str("no answer in time"),
        }
    }
}

impl Trouble {
    /// The same when the client shows no certificate: Go before 1.21 complains of a bad one.
    pub(super) fn without_certificate(self) -> Trouble {
        match self {
            Trouble::Tls(text) if text.starts_with(REFUSES_CERTIFICATE) => {
                Trouble::Tls(NEEDS_CERTIFICATE.into())
            }
            other => other,
        }
    }

    /// The same when no CA is given.
    pub(super) fn without_ca(self) -> Trouble {
        match self {
            Trouble::Tls(text) if text == NOT_OURS => Trouble::Tls(NOT_TRUSTED.into()),
            other => other,
        }
    }

    /// It will be the same at the next try.
    pub(super) fn is_lasting(&self) -> bool {
        match self {
            Trouble::File(_) | Trouble::Tls(_) => true,
            Trouble::Other(text) => text.contains("failed to lookup address"),
            other => other.is_answer(),
        }
    }

    /// The member was asked for what only the leader does. It did nothing.
    pub(crate) fn is_not_leader(&self) -> bool {
        matches!(self, Trouble::Server(_, text) if text == NOT_LEADER)
    }

    /// Authentication is on, and the caller has not logged in.
    pub(crate) fn wants_login(&self) -> bool {
        matches!(self, Trouble::Auth(text) if text == NO_USER)
    }

    /// What to say of that: why, and where the login goes.
    pub(crate) fn missing_login(&self) -> Option<(&'static str, &'static str)> {
        let said = (
            "authentication is on, and nobody is logged in",
            "set etcdsh_user and etcdsh_password in the inventory, or ETCDCTL_USER for `e`",
        );
        self.wants_login().then_some(said)
    }

    /// The login that was tried is none that etcd knows.
    pub(crate) fn refuses_login(&self) -> bool {
        matches!(self, Trouble::Auth(text) if text != NO_USER)
    }

    /// The server said so itself: the connection to it is good.
    pub(super) fn is_of_server(&self) -> bool {
        matches!(self, Trouble::Auth(_) | Trouble::Server(..))
    }

    /// etcd itself answered, so another endpoint would say the same.
    pub(crate) fn is_answer(&self) -> bool {
        match self {
            Trouble::Auth(_) => true,
            Trouble::Server(code, _) => *code != Code::Unavailable as i32,
            _ => false,
        }
    }
}

/// One endpoint that was asked in vain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    pub endpoint: String,
    pub trouble: Trouble,
}

/// A call that failed: the endpoints in the order they were asked, at least one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fault {
    pub attempts: Vec<Attempt>,
    /// The request may have reached etcd.
    pub sent: bool,
}

pub type Result<T> = std::result::Result<T, Box<Fault>>;

impl Fault {
    pub(super) fn one(endpoint: &str, failure: Failure) -> Box<Fault> {
        Box::new(Fault {
            attempts: vec![Attempt {
                endpoint: endpoint.to_string(),
                trouble: failure.trouble,
            }],
            sent: failure.sent,
        })
    }

    /// The trouble that ended the call: that of the last endpoint.
    #[must_use]
    pub fn trouble(&self) -> &Trouble {
        &self.last().trouble
    }

    /// What to type next, where that is known.
    pub(crate) fn hint(&self) -> Option<&'static str> {
        match self.trouble() {
            Trouble::Tls(_) if self.last().endpoint.ends_with(":2380") => {
                Some("2380 is the port that members talk to each other on: clients use 2379")
            }
            Trouble::Tls(text) if text == NOT_TRUSTED => Some(
                "bring the folder files/pki (CA and certificates) from beside the inventory that the cluster was made with; or --cacert FILE --cert FILE --key FILE",
            ),
            Trouble::Auth(text) if text.contains("invalid user ID or password") => Some(
                "--user NAME:PASSWORD   # or etcdsh_user and etcdsh_password, etcd_root_password, in the inventory",
            ),
            trouble if trouble.to_string().contains("member not found") => {
                Some("etcdsh em list   # shows the members and their ids")
            }
            _ => None,
        }
    }

    pub(super) fn last(&self) -> &Attempt {
        self.attempts
            .last()
            .expect("a fault is made of at least one attempt")
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let last = self.last();
        if self.attempts.len() > 1 && !last.trouble.is_answer() {
            return f.write_str("no etcd endpoint answered");
        }
        write!(f, "etcd at {}: {}", last.endpoint, last.trouble)
    }
}

impl StdError for Fault {}

impl From<Box<Fault>> for Box<Error> {
    fn from(fault: Box<Fault>) -> Box<Error> {
        let kind = match fault.trouble() {
            Trouble::File(_) => Kind::Config,
            _ => Kind::Etcd,
        };
        let mut error = Error::new(kind, fault.to_string());
        if fault.attempts.len() > 1 {
            let lines = fault
                .attempts
                .iter()
                .map(|attempt| format!("{}: {}", attempt.endpoint, attempt.trouble));
            error.causes.extend(lines);
        }
        match (fault.trouble().missing_login(), fault.hint()) {
            (Some((because, hint)), _) => error.because(because).hint(hint),
            (None, Some(hint)) => error.hint(hint),
            (None, None) => error,
        }
    }
}

/// What one call came to, and whether the request may have reached etcd.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) sent: bool,
    pub(super) trouble: Trouble,
}

impl Failure {
    /// No connection came about in time.
    pub(super) fn not_reached() -> Failure {
        Failure {
            sent: false,
            trouble: Trouble::Timeout,
        }
    }

    pub(super) fn timeout() -> Failure {
        Failure {
            sent: true,
            trouble: Trouble::Timeout,
        }
    }
}

impl From<&etcd_client::Error> for Failure {
    fn from(error: &etcd_client::Error) -> Failure {
        match error {
            etcd_client::Error::GRpcStatus(status) => of_status(status),
            etcd_client::Error::TransportError(error) => of_chain(error),
            other => Failure {
                sent: true,
                trouble: Trouble::Other(other.to_string()),
            },
        }
    }
}

/// What etcd says to somebody who has not logged in, once authentication is on.
pub(super) const NO_USER: &str = "etcdserver: user name is empty";

const AUTH_TEXTS: [&str; 3] = [
    "etcdserver: authentication failed, invalid user ID or password",
    NO_USER,
    "etcdserver: invalid auth management",
];

fn of_status(status: &Status) -> Failure {
    if let Some(source) = status.source() {
        return of_chain(source);
    }
    let text = status.message().to_string();
    let auth = matches!(
        status.code(),
        Code::PermissionDenied | Code::Unauthenticated
    ) || AUTH_TEXTS.contains(&status.message());
    let trouble = if auth {
        Trouble::Auth(text)
    } else {
        Trouble::Server(status.code() as i32, text)
    };
    Failure {
        sent: true,
        trouble,
    }
}

fn of_chain(error: &(dyn StdError + 'static)) -> Failure {
    let chain: Vec<_> = std::iter::successors(Some(error), |error| (*error).source()).collect();
    // tonic marks what failed before a connection stood: then nothing was sent.
    let sent = !chain.iter().any(|error| error.is::<tonic::ConnectError>());
    let innermost = chain.last().map_or_else(String::new, ToString::to_string);
    let known = chain.iter().rev().find_map(|error| of_link(*error));
    let trouble = match known {
        Some(trouble) => trouble,
        None => Trouble::Other(innermost),
    };
    Failure { sent, trouble }
}

pub(super) fn of_link(error: &(dyn StdError + 'static)) -> Option<Trouble> {
    if let Some(tls) = error.downcast_ref::<rustls::Error>() {
        return Some(Trouble::Tls(tls_text(tls)));
    }
    let io = error.downcast_ref::<io::Error>()?;
    // The source of an io error skips the error it wraps.
    if let Some(tls) = io
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<rustls::Error>())
    {
        return Some(Trouble::Tls(tls_text(tls)));
    }
    match io.kind() {
        io::ErrorKind::ConnectionRefused => Some(Trouble::Refused),
        io::ErrorKind::TimedOut => Some(Trouble::Timeout),
        io::ErrorKind::HostUnreachable => Some(Trouble::Other("host is unreachable".into())),
        io::ErrorKind::NetworkUnreachable => Some(Trouble::Other("network is unreachable".into())),
        io::ErrorKind::UnexpectedEof => {
            Some(Trouble::Other("connection closed by the server".into()))
        }
        _ => None,
    }
}

/// The same as a text, for a client of another service.
pub(crate) fn link_text(error: &(dyn StdError + 'static), config: &Config) -> Option<String> {
    let trouble = of_link(error)?;
    let trouble = match config.cert_pem {
        None => trouble.without_certificate(),
        Some(_) => trouble,
    };
    Some(match config.ca_pem {
        None => trouble.without_ca().to_string(),
        Some(_) => trouble.to_string(),
    })
}

fn tls_text(error: &rustls::Error) -> String {
    match error {
        rustls::Error::InvalidCertificate(reason) => certificate_text(reason),
        rustls::Error::AlertReceived(alert) => alert_text(*alert),
        rustls::Error::InvalidMessage(_) => "the server does not speak TLS there".into(),
        rustls::Error::PeerIncompatible(_) => NOTHING_IN_COMMON.into(),
        rustls::Error::General(text) => format!("TLS failed: {text}"),
        _ => "TLS failed: the server does not keep to the protocol".into(),
    }
}

/// What the server complains of. It says so in a number, and most are of the client's certificate.
fn alert_text(alert: AlertDescription) -> String {
    let why = match alert {
        AlertDescription::CertificateRequired => return NEEDS_CERTIFICATE.into(),
        AlertDescription::HandshakeFailure
        | AlertDescription::InsufficientSecurity
        | AlertDescription::NoApplicationProtocol
        | AlertDescription::ProtocolVersion => return NOTHING_IN_COMMON.into(),
        AlertDescription::AccessDenied => "it may not enter",
        AlertDescription::BadCertificate => "it is not as it should be",
        AlertDescription::CertificateExpired => "it has expired",
        AlertDescription::CertificateRevoked => "it has been revoked",
        AlertDescription::CertificateUnknown => "it is not accepted",
        AlertDescription::DecryptError => "its key does not fit",
        AlertDescription::UnknownCA => "it is not signed by a CA that the server trusts",
        AlertDescription::UnsupportedCertificate => "it is of a kind that the server does not know",
        _ => return "the server breaks off the TLS handshake".into(),
    };
    format!("{REFUSES_CERTIFICATE}: {why}")
}

fn certificate_text(reason: &CertificateError) -> String {
    match reason {
        CertificateError::UnknownIssuer | CertificateError::BadSignature => NOT_OURS.into(),
        CertificateError::Expired => "the server's certificate has expired".into(),
        CertificateError::ExpiredContext { not_after, .. } => {
            format!("the server's certificate expired on {}", date(*not_after))
        }
        CertificateError::NotValidYet => "the server's certificate is not valid yet".into(),
        CertificateError::NotValidYetContext { not_before, .. } => {
            format!(
                "the server's certificate is not valid before {}",
                date(*not_before)
            )
        }
        CertificateError::NotValidForName => "the server's certificate is for another name".into(),
        CertificateError::NotValidForNameContext {
            expected,
            presented,
        } => {
            let names: Vec<&str> = presented.iter().map(|name| bare(name)).collect();
            let expected = expected.to_str();
            if names.is_empty() {
                return format!(
                    "the server's certificate is not for {expected}: it has no subjectAltName"
                );
            }
            format!(
                "the server's certificate is not for {expected}, only for {}",
                names.join(", ")
            )
        }
        CertificateError::Other(other) => match other.0.downcast_ref::<tls::Reason>() {
            Some(reason) => reason.to_string(),
            None => "the server's certificate is not accepted".into(),
        },
        CertificateError::BadEncoding => "the server's certificate cannot be read".into(),
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "the server's certificate is not for servers: its extended key usage lacks serverAuth"
                .into()
        }
        CertificateError::UnhandledCriticalExtension => {
            "the server's certificate has a critical extension that nobody knows".into()
        }
        _ => "the server's certificate is not accepted".into(),
    }
}

/// rustls gives the names in the form `DnsName("a")` and `IpAddress(1.2.3.4)`.
fn bare(name: &str) -> &str {
    let inner = name
        .split_once('(')
        .map_or(name, |(_, inner)| inner.strip_suffix(')').unwrap_or(inner));
    inner.trim_matches('"')
}

fn date(time: UnixTime) -> String {
    let seconds = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    jiff::Timestamp::from_second(seconds).map_or_else(
        |_| seconds.to_string(),
        |time| time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(rows: &[(&str, Trouble)]) -> Box<Error> {
        let attempts = rows.iter().map(|(endpoint, trouble)| Attempt {
            endpoint: (*endpoint).into(),
            trouble: trouble.clone(),
        });
        Box::new(Fault {
            attempts: attempts.collect(),
            sent: false,
        })
        .into()
    }

    #[test]
    fn a_fault_names_every_endpoint_that_was_asked() {
        let (a, b) = ("http://a:2379", "http://b:2379");
        let denied = Trouble::Auth("etcdserver: permission denied".into());
        for (rows, wanted) in [
            (
                vec![(a, Trouble::Refused)],
                "etcd at http://a:2379: connection refused",
            ),
            (
                vec![(a, Trouble::Refused), (b, Trouble::Timeout)],
                "no etcd endpoint answered\n caused by: http://a:2379: connection refused\n caused by: http://b:2379: no answer in time",
            ),
            (
                vec![(a, Trouble::Refused), (b, denied)],
                "etcd at http://b:2379: etcdserver: permission denied\n caused by: http://a:2379: connection refused\n caused by: http://b:2379: etcdserver: permission denied",
            ),
        ] {
            let error = fault(&rows);
            assert_eq!(
                (error.kind, error.to_string().as_str()),
                (Kind::Etcd, wanted)
            );
        }
    }

    #[test]
    fn a_wrapped_tls_error_is_found() {
        let tls = rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer);
        let io = io::Error::new(io::ErrorKind::InvalidData, tls);
        let wanted = Trouble::Tls("the server's certificate is not signed by the given CA".into());
        assert_eq!(of_chain(&io).trouble, wanted);
    }
}
