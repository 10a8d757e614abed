//! The global flags and what they come to: which endpoints, which certificates, which user, which format.
//!
//! A flag comes before its `ETCDCTL_` variable; in native mode the inventory's cluster follows, then the default.

use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use crate::etcd::{Client, Config, Proxies};
use crate::etcdctl::call::Io;
use crate::etcdctl::failure::{ARGUMENTS, ERROR, FEATURE, Failure, Outcome};
use crate::etcdctl::form::go;
use crate::etcdctl::form::print::Format;
use crate::etcdctl::line::csv;
use crate::etcdctl::line::flag::{Flag, Kind, Values};
use crate::etcdctl::line::log;
use crate::etcdctl::verb::Since;
use crate::etcdctl::{Given, Style};
use crate::secret::Secret;

pub(crate) const DEFAULT_ENDPOINT: &str = "127.0.0.1:2379";

/// Flags of every command, by name.
pub(crate) static GLOBALS: &[Flag] = &[
    Flag::text(
        "cacert",
        "",
        "CA that signs the servers' certificates, a PEM file",
    ),
    Flag::text("cert", "", "client certificate, a PEM file"),
    Flag::new(
        "command-timeout",
        Kind::Duration,
        "5s",
        "how long one request may take",
    ),
    Flag::bool("debug", "say more about the connection on standard error"),
    Flag::new(
        "dial-timeout",
        Kind::Duration,
        "2s",
        "how long a connection may take to come about",
    ),
    Flag::text(
        "discovery-srv",
        "",
        "domain whose SRV records name the endpoints",
    )
    .short('d'),
    Flag::text(
        "discovery-srv-name",
        "",
        "suffix of the service's name in the SRV records",
    ),
    Flag::new(
        "endpoints",
        Kind::List,
        "[127.0.0.1:2379]",
        "where etcd listens, separated by commas",
    ),
    Flag::bool("hex", "print keys and values as hex escapes"),
    Flag::new(
        "insecure-discovery",
        Kind::Bool,
        "true",
        "take SRV records of servers without TLS",
    ),
    Flag::bool(
        "insecure-skip-tls-verify",
        "take any server certificate (for tests only)",
    ),
    Flag::new(
        "insecure-transport",
        Kind::Bool,
        "true",
        "connect without TLS when nothing asks for it",
    ),
    Flag::new(
        "keepalive-time",
        Kind::Duration,
        "2s",
        "time between two pings of an idle stream, at least 10s",
    ),
    Flag::new(
        "keepalive-timeout",
        Kind::Duration,
        "6s",
        "how long an answer to a ping may take",
    ),
    Flag::text("key", "", "key of the client certificate, a PEM file"),
    Flag::int("max-recv-bytes", "0", "largest answer in bytes; 0 is 2 GiB"),
    Flag::int(
        "max-request-bytes",
        "0",
        "largest request in bytes; 0 is 2 MiB",
    ),
    Flag::text(
        "password",
        "",
        "the user's password; --user is then the name alone",
    ),
    Flag::text(
        "user",
        "",
        "user or user:password; the password is asked for when it is missing",
    ),
    Flag::text(
        "write-out",
        "simple",
        "output format: fields, json, protobuf, simple or table",
    )
    .short('w'),
];

/// Flags that etcdctl does not have.
pub(crate) static NATIVE: &[Flag] = &[
    Flag::text(
        "cluster-name",
        "",
        "which cluster of the inventory, when it has several",
    ),
    Flag::text(
        "inventory",
        "",
        "the inventory that names the cluster; else as for a script",
    )
    .short('i'),
    Flag::text(
        "output",
        "human",
        "human is what --write-out says; json decodes keys and values into text",
    )
    .short('o'),
    Flag::text("via", "", "reach the endpoints through ssh on this host"),
];

/// Flags that ask for a connection of one's own.
const CONNECTION: [&str; 10] = [
    "cacert",
    "cert",
    "debug",
    "dial-timeout",
    "insecure-skip-tls-verify",
    "insecure-transport",
    "key",
    "keepalive-time",
    "keepalive-timeout",
    "user",
];

/// Not known before 3.6.
const SINCE_36: [&str; 2] = ["max-recv-bytes", "max-request-bytes"];

/// Behind those of etcdctl: of etcdutl, which has that and the format.
static TIMEOUT: Flag = Flag::new(
    "timeout",
    Kind::Duration,
    "10s",
    "accepted; a file that an etcd has open is not waited for",
)
.since(Since::V36);

pub(crate) fn globals(style: &Style) -> Vec<&'static Flag> {
    if style.is_etcdutl() {
        let format = GLOBALS.iter().find(|flag| flag.name == "write-out");
        let timeout = Some(&TIMEOUT).filter(|flag| flag.since.is_there(style));
        return format.into_iter().chain(timeout).collect();
    }
    let native = if style.strict { &[] } else { NATIVE };
    let known = |flag: &&Flag| {
        !style.strict
            || style.layout > crate::etcdctl::Layout::V35
            || !SINCE_36.contains(&flag.name)
    };
    GLOBALS.iter().filter(known).chain(native).collect()
}

/// What is given by a caller of ours, not by words.
pub(crate) fn values(given: &Given, flags: &[&'static Flag]) -> Values {
    let Given {
        cacert,
        cert,
        cluster_name,
        endpoints,
        insecure_skip_tls_verify,
        inventory,
        key,
        via,
    } = given;
    let texts = [
        ("cacert", cacert),
        ("cert", cert),
        ("cluster-name", cluster_name),
        ("inventory", inventory),
        ("key", key),
        ("via", via),
    ];
    let texts = (texts.into_iter()).filter_map(|(name, text)| Some((name, text.as_deref()?)));
    let endpoints = endpoints.iter().map(|endpoint| ("endpoints", &**endpoint));
    let skip = insecure_skip_tls_verify.then_some(("insecure-skip-tls-verify", "true"));
    let mut values = Values::default();
    for (name, value) in texts.chain(endpoints).chain(skip) {
        let flag = flags.iter().find(|flag| flag.name == name);
        let set = flag.map(|flag| values.set(flag, value));
        set.expect("the flags of a connection are there")
            .expect("any text is taken by such a flag");
    }
    values
}

#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) command_timeout: Duration,
    /// The timeout was set by hand.
    pub(crate) command_timeout_given: bool,
    pub(crate) config: Config,
    /// Connected already, and as these settings want it.
    pub(crate) client: Option<Client>,
    /// `-o json`: JSON with keys and values as text, ids in hex.
    pub(crate) decoded: bool,
    pub(crate) format: Format,
    pub(crate) hex: bool,
}

/// A flag's value or its variable's.
pub(crate) struct Source<'a> {
    pub(crate) style: &'a Style,
    /// Flags that the command inherits, which have variables.
    pub(crate) inherited: &'a [&'static Flag],
    pub(crate) values: &'a Values,
}

impl Source<'_> {
    fn variable(&self, name: &str) -> Option<String> {
        self.style.variable(&format!(
            "ETCDCTL_{}",
            name.to_uppercase().replace('-', "_")
        ))
    }

    /// In strict mode a flag may not be given beside its variable.
    pub(crate) fn check(&self) -> Outcome {
        for flag in self.inherited.iter().filter(|_| self.style.strict) {
            if self.values.given(flag.name).is_some() && self.variable(flag.name).is_some() {
                let name = format!("ETCDCTL_{}", flag.name.to_uppercase().replace('-', "_"));
                return Err(Failure::new(
                    ERROR,
                    format!(
                        "conflicting environment variable {name:?} is shadowed by corresponding command-line flag (either unset environment variable or disable flag)"
                    ),
                ));
            }
        }
        Ok(())
    }

    /// What was given by hand: a flag, or a variable that can be read.
    pub(crate) fn given(&self, name: &str) -> Option<String> {
        if let Some(value) = self.values.given(name) {
            return Some(value.to_string());
        }
        let flag = self.inherited.iter().find(|flag| flag.name == name)?;
        let value = self.variable(name)?;
        Values::default().set(flag, &value).ok()?;
        Some(value)
    }

    pub(crate) fn text(&self, name: &str) -> String {
        self.given(name)
            .or_else(|| {
                self.inherited
                    .iter()
                    .find(|flag| flag.name == name)
                    .map(|flag| flag.default.to_string())
            })
            .unwrap_or_default()
    }

    pub(crate) fn flag(&self, name: &str) -> bool {
        go::parse_bool(&self.text(name)).unwrap_or(false)
    }

    fn duration(&self, name: &str) -> Duration {
        go::parse_duration(&self.text(name)).unwrap_or_default()
    }

    pub(crate) fn endpoints(&self) -> Option<Vec<String>> {
        if self.values.given("endpoints").is_some() {
            return Some(self.values.list("endpoints"));
        }
        // One that cannot be read is as none for etcdctl.
        csv::record(&self.variable("endpoints")?).ok()
    }

    /// What the flags, the variables and the inventory come to. Nothing is sent yet.
    pub(crate) fn settings(&self, io: &mut Io<'_>) -> Outcome<Settings> {
        self.check()?;
        let format = self.format()?;
        let decoded = self.decoded()?;
        let given = self
            .discovered(&mut |text| drop(writeln!(io.err, "{text}")))?
            .or_else(|| self.endpoints());
        let placed = self.placed(given.as_deref())?;
        let place = self
            .style
            .place
            .as_ref()
            .filter(|_| !self.style.strict && given.is_none());
        if let Some(notice) = place.and_then(|place| place.notice()) {
            writeln!(io.err, "{notice}")?;
        }
        let untouched = given.is_none() && CONNECTION.iter().all(|name| self.given(name).is_none());
        let client = placed
            .as_ref()
            .and_then(|placed| placed.client.clone())
            .filter(|_| untouched);
        let unplaced = placed.is_none();
        let mut wanted = self.wanted();
        wanted.via = wanted
            .via
            .or_else(|| placed.as_ref().and_then(|placed| placed.via.clone()))
            .filter(|_| client.is_none());
        let mut config = placed.map_or_else(Config::default, |placed| placed.config);
        if let Some(endpoints) = given {
            config.endpoints = endpoints
                .iter()
                .map(|endpoint| endpoint.trim().to_string())
                .filter(|endpoint| !endpoint.is_empty())
                .collect();
            if config.endpoints.is_empty() && endpoints.len() > 1 {
                config.endpoints = vec![String::new()];
            }
        } else if unplaced {
            config.endpoints = vec![DEFAULT_ENDPOINT.into()];
        }
        // It would be shown with every answer and every error, and etcd does not read it there.
        if !self.style.strict
            && config
                .endpoints
                .iter()
                .any(|endpoint| endpoint.contains('@'))
        {
            return Err(Failure::arguments(
                "an endpoint has no login in it: give the name with --user, and the password is asked for",
            ));
        }
        if let Some(place) = self
            .style
            .place
            .as_ref()
            .filter(|_| !self.style.strict && wanted.via.is_some())
        {
            config.forwards = place
                .tunnel(&wanted, &config.endpoints)
                .map_err(|error| Failure::of_error(&error))?;
        }
        // In strict mode nobody is told why.
        config.asks_why = !self.style.strict;
        config.spreads = self.style.strict;
        if self.style.strict {
            let first = config.endpoints.first().map_or("", String::as_str);
            config.proxies = proxies();
            config.teller = Some(log::teller(self.style, first, complain));
        }
        config.connect_timeout = self.duration("dial-timeout");
        let command_timeout = self.duration("command-timeout");
        config.request_timeout = command_timeout;
        // As grpc-go, whatever is wanted: etcd drops a client that pings more often than every 5 s.
        config.ping_interval = self.duration("keepalive-time").max(Duration::from_secs(10));
        config.ping_timeout = Some(self.duration("keepalive-timeout"))
            .filter(|time| !time.is_zero())
            .unwrap_or(config.ping_timeout);
        self.tls(&mut config)?;
        self.login(&mut config, io)?;
        if self.flag("debug") {
            self.debug(&mut config, io)?;
        }
        Ok(Settings {
            command_timeout,
            command_timeout_given: self.given("command-timeout").is_some(),
            client,
            config,
            decoded,
            format,
            hex: self.flag("hex"),
        })
    }

    /// What each flag comes to, as etcdctl shows it, passwords apart; then each connection and answer.
    fn debug(&self, config: &mut Config, io: &mut Io<'_>) -> Outcome {
        for flag in GLOBALS {
            let value = match flag.name {
                "password" if !self.text("password").is_empty() => "********".to_string(),
                "user" => match self.text("user").split_once(':') {
                    Some((user, _)) => format!("{user}:********"),
                    None => self.text("user"),
                },
                "endpoints" => format!("[{}]", config.endpoints.join(",")),
                name if flag.kind == Kind::Bool => self.flag(name).to_string(),
                name => self.text(name),
            };
            writeln!(
                io.err,
                "ETCDCTL_{}={value}",
                flag.name.to_uppercase().replace('-', "_")
            )?;
        }
        config.trace = Some(trace);
        Ok(())
    }

    fn wanted(&self) -> crate::etcdctl::Wanted {
        crate::etcdctl::Wanted {
            cluster: self.given("cluster-name"),
            inventory: self.given("inventory"),
            via: self.given("via"),
        }
    }

    fn format(&self) -> Outcome<Format> {
        let name = self.text("write-out");
        if let Some(format) = Format::named(&name) {
            return Ok(format);
        }
        let failure = Failure::new(FEATURE, "unsupported output format");
        if self.style.strict {
            return Err(failure);
        }
        let known = Format::ALL.map(Format::name);
        let near = crate::error::nearest(&name, known).unwrap_or(Format::Json.name());
        let mut failure = failure.within(|text| format!("{text} `{name}`"));
        failure.causes = vec![format!("there are {}", known.join(", "))];
        Err(failure.with_hint(format!("-w {near}")))
    }

    fn decoded(&self) -> Outcome<bool> {
        match self.text("output").as_str() {
            "json" => Ok(true),
            "" | "human" => Ok(false),
            other => Err(Failure::new(
                FEATURE,
                format!("unknown output `{other}`, there are human and json"),
            )),
        }
    }

    /// The inventory's cluster, when nothing else says where etcd is or when a given endpoint is one of its members.
    fn placed(&self, given: Option<&[String]>) -> Outcome<Option<crate::etcdctl::Placed>> {
        let Some(place) = self.style.place.as_ref().filter(|_| !self.style.strict) else {
            return Ok(None);
        };
        let wanted = self.wanted();
        let asked = wanted.cluster.is_some() || wanted.inventory.is_some() || wanted.via.is_some();
        let placed = match place.cluster(&wanted) {
            Ok(placed) => placed,
            Err(_) if given.is_some() && !asked => None,
            Err(error) => return Err(Failure::of_error(&error)),
        };
        let Some(given) = given else {
            return Ok(placed);
        };
        let known = |placed: &crate::etcdctl::Placed| {
            given.iter().all(|endpoint| {
                placed
                    .config
                    .endpoints
                    .iter()
                    .any(|known| bare(known) == bare(endpoint))
            })
        };
        Ok(placed.filter(|placed| asked || known(placed)))
    }

    fn discovered(&self, complain: &mut dyn FnMut(&str)) -> Outcome<Option<Vec<String>>> {
        let domain = self.text("discovery-srv");
        if domain.is_empty() {
            return Ok(None);
        }
        let found = crate::etcdctl::line::discovery::endpoints(
            &domain,
            &self.text("discovery-srv-name"),
            self.flag("insecure-discovery"),
        )?;
        for endpoint in &found.ignored {
            complain(&format!(
                "ignoring discovered insecure endpoint {}",
                go::quote(endpoint.as_bytes())
            ));
        }
        Ok(Some(found.endpoints).filter(|endpoints| !endpoints.is_empty()))
    }

    fn tls(&self, config: &mut Config) -> Outcome {
        for name in ["cert", "key", "cacert"] {
            if self.given(name).is_some_and(|path| path.is_empty()) {
                return Err(Failure::arguments(format!(
                    "empty string is passed to --{name} option"
                )));
            }
        }
        let (cert, key) = (self.text("cert"), self.text("key"));
        if cert.is_empty() != key.is_empty() {
            return Err(Failure::arguments(format!(
                "KeyFile and CertFile must both be present[key: {key}, cert: {cert}]"
            )));
        }
        let file = |name: &str| self.given(name).map(|path| read(&path)).transpose();
        let (cert, key, ca) = (file("cert")?, file("key")?, file("cacert")?);
        if let Some(wrong) = cert
            .as_ref()
            .zip(key.as_ref())
            .and_then(|(cert, key)| wrong_pem(cert, key))
        {
            return Err(Failure::arguments(wrong));
        }
        if cert.is_some() || key.is_some() {
            (config.cert_pem, config.key_pem) = (cert, key.map(Secret::new));
        }
        if ca.is_some() {
            config.ca_pem = ca;
        }
        // etcdctl up to 3.5 does not take this flag for a wish to have TLS.
        let wants_tls = config.ca_pem.is_some()
            || config.cert_pem.is_some()
            || !self.flag("insecure-transport");
        config.skip_verify = self.flag("insecure-skip-tls-verify")
            && (wants_tls || self.style.layout > crate::etcdctl::Layout::V35 || !self.style.strict);
        let domain = self.text("discovery-srv");
        if !domain.is_empty() && !self.flag("insecure-discovery") {
            config.server_name = Some(domain);
        }
        let https = config
            .endpoints
            .iter()
            .any(|endpoint| endpoint.trim().starts_with("https://"));
        // Without any certificate of one's own the system's authorities count.
        let wants_tls = config.cert_pem.is_some()
            || config.server_name.is_some()
            || !self.flag("insecure-transport");
        config.system_roots = config.ca_pem.is_none() && (https || wants_tls);
        Ok(())
    }

    fn login(&self, config: &mut Config, io: &mut Io<'_>) -> Outcome {
        let (user, password) = (self.text("user"), self.given("password"));
        if user.is_empty() {
            return Ok(());
        }
        let (name, password) = match (password, user.split_once(':')) {
            (Some(password), _) if !password.is_empty() => (user, password),
            (_, Some((name, password))) => (name.to_string(), password.to_string()),
            (_, None) => {
                let password = crate::etcdctl::line::ask::secret(io, "Password: ")?;
                (user, password)
            }
        };
        // Without one of the two nobody is logged in, as with etcdctl.
        if !name.is_empty() && !password.is_empty() {
            (config.user, config.password) = (Some(name), Some(Secret::new(password)));
        }
        Ok(())
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "`--debug` speaks while an answer is waited for, beside what is printed"
)]
fn trace(text: &str) {
    drop(writeln!(std::io::stderr(), "debug: {text}"));
}

#[expect(
    clippy::disallowed_methods,
    reason = "a request that is made again is told of while its answer is waited for"
)]
fn complain(line: &str) {
    drop(writeln!(std::io::stderr(), "{line}"));
}

/// Of the environment, in capitals or small letters.
fn proxies() -> Option<Proxies> {
    let variable = |name: &str| {
        let names = [name.to_string(), name.to_lowercase()];
        let mut values = names.iter().filter_map(|name| std::env::var(name).ok());
        values.find(|value| !value.is_empty())
    };
    let none = variable("NO_PROXY").unwrap_or_default();
    Proxies::new(&variable("HTTPS_PROXY")?, &none)
}

/// An endpoint without its scheme.
pub(crate) fn bare(endpoint: &str) -> &str {
    let endpoint = endpoint.trim().trim_end_matches('/');
    endpoint
        .split_once("://")
        .map_or(endpoint, |(_, rest)| rest)
}

/// What is wrong with a pair of files at first sight, in the words of Go's TLS.
fn wrong_pem(cert: &str, key: &str) -> Option<&'static str> {
    let (block, secret, public) = (
        "-----BEGIN ",
        "PRIVATE KEY-----",
        "-----BEGIN CERTIFICATE-----",
    );
    if !cert.contains(block) {
        return Some("tls: failed to find any PEM data in certificate input");
    }
    if !cert.contains(public) && cert.contains(secret) {
        return Some(
            "tls: failed to find certificate PEM data in certificate input, but did find a private key; PEM inputs may have been switched",
        );
    }
    if !key.contains(block) {
        return Some("tls: failed to find any PEM data in key input");
    }
    (!key.contains(secret) && key.contains(public))
        .then_some("tls: found a certificate rather than a key in the PEM for the private key")
}

/// A file of PEM; what is no text in it is none of its blocks.
fn read(path: &str) -> Outcome<String> {
    let bytes = std::fs::read(Path::new(path)).map_err(|error| {
        // A folder can be opened.
        let folder = error.kind() == std::io::ErrorKind::IsADirectory;
        let what = if folder { "read" } else { "open" };
        Failure::new(ARGUMENTS, format!("{what} {path}: {}", io_text(&error)))
    })?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// An error of the system in Go's words.
pub(crate) fn io_text(error: &std::io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_lowercase().chain(letters).collect()
    })
}
