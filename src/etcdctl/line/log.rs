//! The lines that etcdctl's client logs on standard error: people and tests read there why a request failed.

use serde_json::json;

use crate::etcd::{Attempt, Failed, Teller, Trouble, Why};
use crate::etcdctl::failure::code_name;
use crate::etcdctl::{Layout, Style, verb_version};

/// Who writes such lines, for a client whose first endpoint this is.
pub(super) fn teller(style: &Style, first: &str, write: fn(&str)) -> Teller {
    let (first, version, old) = (
        first.to_string(),
        verb_version(style),
        style.layout == Layout::V35,
    );
    Teller::new(move |failed| write(&line(failed, &first, &version, old)))
}

/// The line for a request that failed. Up to 3.5 the method is not in it.
fn line(failed: &Failed<'_>, first: &str, version: &str, old: bool) -> String {
    let time = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S%.6fZ");
    let place = first.split_once("://").map_or(first, |(_, place)| place);
    let (error, answered) = match &failed.why {
        Why::Answer(code, text) => (rpc_error(&code_name(*code), text), true),
        Why::NoAnswer(attempt) => (rpc_error("DeadlineExceeded", &reason(attempt)), false),
    };
    // Whom it went to is not known here as exactly as by etcdctl.
    let address = if answered {
        format!("'{place}'")
    } else {
        "<nil>".into()
    };
    let mut line = json!({
        "level": "warn",
        "ts": time.to_string(),
        "logger": "etcd-client",
        "caller": format!("v3@v{version}/retry_interceptor.go"),
        "msg": "retrying of unary invoker failed",
        "target": format!("etcd-endpoints://0x0/{place}"),
        "peer": format!("Peer{{Addr: {address}, LocalAddr: <nil>, AuthInfo: <nil>}}"),
        "method": failed.method,
        "attempt": failed.attempt,
        "error": error,
    });
    if old && let Some(fields) = line.as_object_mut() {
        fields.shift_remove("method");
    }
    line.to_string()
}

fn rpc_error(code: &str, text: &str) -> String {
    format!("rpc error: code = {code} desc = {text}")
}

fn reason(attempt: &Attempt) -> String {
    let place = (attempt.endpoint.split_once("://")).map_or(&*attempt.endpoint, |(_, place)| place);
    let cause = match &attempt.trouble {
        Trouble::Refused => {
            format!("transport: Error while dialing: dial tcp {place}: connect: connection refused")
        }
        Trouble::Tls(text) => format!("transport: authentication handshake failed: {text}"),
        Trouble::Timeout => return "context deadline exceeded".into(),
        other => format!("transport: Error while dialing: dial tcp: {other}"),
    };
    format!("latest balancer error: connection error: desc = {cause:?}")
}
