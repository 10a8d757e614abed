//! The cluster that is copied to: how it is reached, and what is written there.

use std::time::Instant;

use super::{DELETE, Mirror, PUT, ROUND, TOO_LARGE, TOO_MANY, TXN_BYTES, notice};
use crate::etcd::raw::{PbEvent, PbKeyValue, Txn, TxnOp};
use crate::etcd::{Client, Config, Effect, Fault, Patience, Trouble};
use crate::etcdctl::call::Call;
use crate::etcdctl::failure::{ARGUMENTS, CONNECTION, ERROR, Failure, Outcome};
use crate::etcdctl::line::ask;
use crate::etcdctl::line::settings::io_text;
use crate::secret::Secret;

pub(super) fn destination(call: &mut Call<'_>) -> Outcome<Client> {
    let read = |name: &str| -> Outcome<Option<String>> {
        match call.text(name) {
            path if path.is_empty() => Ok(None),
            path => std::fs::read_to_string(&path).map(Some).map_err(|error| {
                Failure::new(ARGUMENTS, format!("open {path}: {}", io_text(&error)))
            }),
        }
    };
    let (cert, key, ca) = (
        call.text("dest-cert"),
        call.text("dest-key"),
        read("dest-cacert")?,
    );
    if cert.is_empty() != key.is_empty() {
        return Err(Failure::arguments(format!(
            "KeyFile and CertFile must both be present[key: {key}, cert: {cert}]"
        )));
    }
    let endpoint = call.word(0).trim().to_string();
    let tls = endpoint.starts_with("https://")
        || !cert.is_empty()
        || !call.flag("dest-insecure-transport");
    let mut config = Config {
        cert_pem: read("dest-cert")?,
        key_pem: read("dest-key")?.map(Secret::new),
        system_roots: ca.is_none() && tls,
        ca_pem: ca,
        ..Config::default()
    };
    (config.user, config.password) = login(call)?;
    config.endpoints = vec![endpoint];
    let settings = call.settings()?;
    (config.connect_timeout, config.request_timeout) =
        (settings.config.connect_timeout, settings.command_timeout);
    let (dial, login) = (config.connect_timeout, config.user.is_some());
    let client = Client::new(config).map_err(|error| Failure {
        code: ARGUMENTS,
        ..*Failure::of_error(&error)
    })?;
    if login {
        let patience = Patience {
            deadline: Some(Instant::now() + dial),
            stubborn: call.style.strict,
        };
        client
            .connected(patience)
            .map_err(|fault| call.failed(&fault).with_code(CONNECTION))?;
    }
    Ok(client)
}

fn login(call: &mut Call<'_>) -> Outcome<(Option<String>, Option<Secret>)> {
    let (user, password) = (call.text("dest-user"), call.text("dest-password"));
    let (user, password) = match user.split_once(':') {
        _ if user.is_empty() => return Ok((None, None)),
        _ if !password.is_empty() => (user, password),
        Some((user, password)) => (user.to_string(), password.to_string()),
        None => (user, ask::secret(call.io, "Destination Password: ")?),
    };
    Ok((Some(user), Some(Secret::new(password))))
}

/// A write of the mirror, and about how many bytes it takes.
#[derive(Clone)]
pub(super) struct Write {
    bytes: usize,
    op: TxnOp,
}

impl Mirror {
    pub(super) fn change(&self, event: &PbEvent) -> Outcome<Write> {
        let kv = event.kv.clone().unwrap_or_default();
        match event.r#type {
            PUT => Ok(self.put(&kv)),
            DELETE => Ok(Write {
                bytes: kv.key.len() + self.dest_prefix.len(),
                op: TxnOp::delete(self.key(&kv), None),
            }),
            other => Err(Failure::new(
                ERROR,
                format!("unexpected event type {other}"),
            )),
        }
    }

    fn key(&self, kv: &PbKeyValue) -> Vec<u8> {
        let rest = kv
            .key
            .strip_prefix(self.prefix.as_slice())
            .unwrap_or(&kv.key);
        [&self.dest_prefix, rest].concat()
    }

    pub(super) fn put(&self, kv: &PbKeyValue) -> Write {
        let key = self.key(kv);
        Write {
            bytes: key.len() + kv.value.len() + 32,
            op: TxnOp::put(key, kv.value.clone(), None),
        }
    }

    pub(super) fn write_all(&mut self, call: &mut Call<'_>, mut rest: &[Write]) -> Outcome {
        while !rest.is_empty() && !call.style.stop.asked() {
            let mut bytes = 0;
            let fits = |write: &&Write| {
                bytes += write.bytes;
                bytes <= TXN_BYTES
            };
            let count = rest
                .iter()
                .take(self.max_ops)
                .take_while(fits)
                .count()
                .max(1);
            self.write(call, &rest[..count])?;
            rest = &rest[count..];
            self.report(call)?;
        }
        Ok(())
    }

    /// One transaction; in halves when the destination takes only smaller ones.
    fn write(&mut self, call: &mut Call<'_>, writes: &[Write]) -> Outcome {
        let txn = Txn::new().and_then(
            writes
                .iter()
                .map(|write| write.op.clone())
                .collect::<Vec<_>>(),
        );
        while !call.style.stop.asked() {
            let patience = Patience {
                deadline: Some(Instant::now() + ROUND),
                stubborn: call.style.strict,
            };
            let done = self.destination.ask(Effect::Read, patience, async |etcd| {
                etcd.kv().txn(txn.clone()).await
            });
            let Err(fault) = done else {
                if std::mem::take(&mut self.away) {
                    notice(call, "the destination answers again")?;
                }
                self.reached = true;
                self.total += writes.len() as u64;
                return Ok(());
            };
            let text = fault.trouble().to_string();
            if (text == TOO_MANY || text == TOO_LARGE) && writes.len() > 1 {
                let half = writes.len() / 2;
                if text == TOO_MANY {
                    self.max_ops = self.max_ops.min(half).max(1);
                }
                self.write(call, &writes[..half])?;
                return self.write(call, &writes[half..]);
            }
            if fault.trouble().is_answer() || !self.reached && !call.style.strict {
                return Err(at_destination(call, &fault));
            }
            if !std::mem::replace(&mut self.away, true) {
                notice(
                    call,
                    &format!(
                        "the destination does not answer, waiting for it: {}",
                        fault.trouble()
                    ),
                )?;
            }
        }
        Ok(())
    }
}

/// What the destination said; in native mode it is named.
fn at_destination(call: &Call<'_>, fault: &Fault) -> Box<Failure> {
    let failure = call.failed(fault);
    if call.style.strict || !matches!(fault.trouble(), Trouble::Auth(_) | Trouble::Server(..)) {
        failure
    } else {
        failure.within(|text| format!("destination: {text}"))
    }
}
