//! Whether a certificate must be issued again, and why.

use std::net::IpAddr;

use x509_parser::certificate::X509Certificate;

use super::ca::Leaf;
use super::inspect::{belongs_to, is_signed_by, parse, sans, validity};
use super::{date, key, pem};
use crate::error::Result;
use crate::secret::Secret;

const DAY: i64 = 86_400;

/// Why the certificate must be issued again, or `None` when it may stay. Additional SANs may stay.
///
/// A certificate or key that cannot be read is a reason; a CA that cannot be read is an error.
pub fn reason_to_renew(
    cert_pem: &str,
    key_pem: &Secret,
    ca_pem: &str,
    wanted: &Leaf,
    now: i64,
) -> Result<Option<String>> {
    let ca_blocks = pem::certificates(ca_pem, "CA certificate")?;
    let ca = parse(&ca_blocks[0].der, "CA certificate")?;
    let blocks = match pem::certificates(cert_pem, "certificate") {
        Ok(blocks) => blocks,
        Err(error) => return Ok(Some(error.what)),
    };
    let certificate = match parse(&blocks[0].der, "certificate") {
        Ok(certificate) => certificate,
        Err(error) => return Ok(Some(error.what)),
    };
    let key = match key::load(key_pem) {
        Ok(key) => key,
        Err(error) => return Ok(Some(error.what)),
    };
    if !belongs_to(&certificate, &key) {
        return Ok(Some("key does not match".into()));
    }
    if !is_signed_by(&certificate, &ca)? {
        return Ok(Some("issued by another CA".into()));
    }
    Ok(missing_san(&certificate, wanted)
        .or_else(|| other_name(&certificate, wanted))
        .or_else(|| too_narrow(&certificate, wanted))
        .or_else(|| end(validity(&certificate), validity(&ca).1, wanted, now)))
}

fn missing_san(certificate: &X509Certificate<'_>, wanted: &Leaf) -> Option<String> {
    let present = sans(certificate);
    let missing: Vec<&str> = wanted
        .sans
        .iter()
        .filter(|san| !present.iter().any(|have| same_san(have, san)))
        .map(String::as_str)
        .collect();
    match missing.as_slice() {
        [] => None,
        [one] => Some(format!("SAN {one} is missing")),
        many => Some(format!("SANs {} are missing", many.join(", "))),
    }
}

fn same_san(a: &str, b: &str) -> bool {
    match (a.parse::<IpAddr>(), b.parse::<IpAddr>()) {
        (Ok(a), Ok(b)) => a == b,
        _ => a.eq_ignore_ascii_case(b),
    }
}

/// etcd takes the common name of a client certificate as the user's name.
fn other_name(certificate: &X509Certificate<'_>, wanted: &Leaf) -> Option<String> {
    let name = certificate
        .subject()
        .iter_common_name()
        .next()
        .and_then(|name| name.as_str().ok())
        .unwrap_or_default();
    (name != wanted.common_name)
        .then(|| format!("common name is `{name}`, not `{}`", wanted.common_name))
}

/// etcd shows the same certificate as server, peer and client, so one for a server alone breaks the others.
fn too_narrow(certificate: &X509Certificate<'_>, wanted: &Leaf) -> Option<String> {
    let usage = certificate.extended_key_usage().ok()??.value;
    let serves = usage.server_auth || wanted.sans.is_empty();
    let enough = usage.any || serves && usage.client_auth;
    let wants = if wanted.sans.is_empty() {
        "for a client"
    } else {
        "for server and client"
    };
    (!enough).then(|| format!("extended key usage is not {wants}"))
}

fn end(
    (not_before, not_after): (i64, i64),
    ca_end: i64,
    wanted: &Leaf,
    now: i64,
) -> Option<String> {
    if now > not_after {
        return Some("expired".into());
    }
    if now < not_before {
        return Some(format!("not valid before {}", date(not_before)));
    }
    let left = not_after - now;
    // A new certificate would end no later when the CA itself ends soon; then renewing is for nothing, every time.
    let gains = (now + i64::from(wanted.days) * DAY).min(ca_end) > not_after;
    if !gains || left * 3 >= not_after - not_before {
        return None;
    }
    let when = match left / DAY {
        0 => "less than a day".to_string(),
        1 => "1 day".to_string(),
        days => format!("{days} days"),
    };
    Some(format!(
        "expires in {when} (less than a third of its validity)"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cert::{Ca, inspect, now};

    fn wanted() -> Leaf {
        Leaf {
            common_name: "etcd-1".into(),
            days: 36,
            organization: Some("pigsty".into()),
            sans: vec!["10.10.10.10".into(), "etcd-1".into()],
            unit: Some("etcd".into()),
        }
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "a table")]
    fn every_reason_has_its_sentence() {
        let (ca, other) = (
            Ca::create("ca", 3650).unwrap(),
            Ca::create("ca", 3650).unwrap(),
        );
        let (mine, next) = (ca.issue(&wanted()).unwrap(), ca.issue(&wanted()).unwrap());
        let end = inspect(&mine.cert_pem).unwrap().not_after;
        let more = |sans: &[&str]| Leaf {
            sans: sans.iter().map(|san| (*san).to_string()).collect(),
            ..wanted()
        };
        let broken = "-----BEGIN CERTIFICATE-----\naGk=\n-----END CERTIFICATE-----\n".to_string();
        let rows = [
            (&mine.cert_pem, &mine.key_pem, &ca, wanted(), now(), None),
            (
                &mine.cert_pem,
                &mine.key_pem,
                &ca,
                more(&["ETCD-1"]),
                now(),
                None,
            ),
            (
                &mine.cert_pem,
                &mine.key_pem,
                &ca,
                more(&["10.10.10.12"]),
                now(),
                Some("SAN 10.10.10.12 is missing"),
            ),
            (
                &mine.cert_pem,
                &mine.key_pem,
                &ca,
                more(&["a", "etcd-1", "b"]),
                now(),
                Some("SANs a, b are missing"),
            ),
            (
                &mine.cert_pem,
                &mine.key_pem,
                &other,
                wanted(),
                now(),
                Some("issued by another CA"),
            ),
            (
                &mine.cert_pem,
                &next.key_pem,
                &ca,
                wanted(),
                now(),
                Some("key does not match"),
            ),
            (
                &mine.cert_pem,
                &Secret::new(""),
                &ca,
                wanted(),
                now(),
                Some("no private key found"),
            ),
            (
                &String::new(),
                &mine.key_pem,
                &ca,
                wanted(),
                now(),
                Some("certificate: no certificate found"),
            ),
            (
                &broken,
                &mine.key_pem,
                &ca,
                wanted(),
                now(),
                Some("certificate is damaged"),
            ),
            (
                &mine.cert_pem,
                &mine.key_pem,
                &ca,
                wanted(),
                end - 13 * DAY,
                None,
            ),
            (
                &mine.cert_pem,
                &mine.key_pem,
                &ca,
                wanted(),
                end - 12 * DAY,
                Some("expires in 12 days (less than a third of its validity)"),
            ),
            (
                &mine.cert_pem,
                &mine.key_pem,
                &ca,
                wanted(),
                end - 60,
                Some("expires in less than a day (less than a third of its validity)"),
            ),
            (
                &mine.cert_pem,
                &mine.key_pem,
                &ca,
                wanted(),
                end + 1,
                Some("expired"),
            ),
            (
                &mine.cert_pem,
                &mine.key_pem,
                &ca,
                Leaf {
                    common_name: "root".into(),
                    ..wanted()
                },
                now(),
                Some("common name is `etcd-1`, not `root`"),
            ),
        ];
        for (cert, key, ca, wanted, at, reason) in rows {
            let seen = reason_to_renew(cert, key, ca.cert_pem(), &wanted, at).unwrap();
            assert_eq!(seen.as_deref(), reason);
        }
    }

    #[test]
    fn a_leaf_that_ends_with_its_ca_is_not_renewed_again_and_again() {
        let ca = Ca::create("ca", 10).unwrap();
        let leaf = ca.issue(&wanted()).unwrap();
        let end = inspect(&leaf.cert_pem).unwrap().not_after;
        let seen = reason_to_renew(
            &leaf.cert_pem,
            &leaf.key_pem,
            ca.cert_pem(),
            &wanted(),
            end - DAY,
        )
        .unwrap();
        assert_eq!(seen, None);
    }
}
