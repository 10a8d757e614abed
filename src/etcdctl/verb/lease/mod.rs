//! Leases: granted, kept alive, revoked, looked at.

pub(super) mod grant;
pub(super) mod keep_alive;
pub(super) mod list;
pub(super) mod revoke;
pub(super) mod timetolive;

use prost::Message;

use crate::etcd::raw::{PbLeaseTimeToLiveResponse, PbResponseHeader};
use crate::etcdctl::call::Call;
use crate::etcdctl::failure::{Failure, Outcome};
use crate::etcdctl::form::go;
use crate::etcdctl::form::json::Object;
use crate::etcdctl::form::print::{Page, json_header};
use crate::etcdctl::form::table::Table;

/// The keys of a lease that a table shows; of the others it tells the number.
const SHOWN: usize = 3;

/// The word that is a lease's id, in hex; native mode takes `0x` in front, too.
fn id(call: &Call<'_>) -> Outcome<i64> {
    let word = call.word(0);
    let digits = if call.style.strict {
        &word
    } else {
        word.strip_prefix("0x").unwrap_or(&word)
    };
    go::parse_int(digits, 16)
        .map_err(|why| Failure::arguments(format!("bad lease ID arg ({why}), expecting ID in Hex")))
}

/// In JSON the fields of a lease's header stand among the others.
fn json_flat(object: &mut Object<'_>, header: Option<&PbResponseHeader>) -> std::io::Result<()> {
    header.map_or(Ok(()), |header| json_header(object, header))
}

/// Of a lease's reply etcdctl prints the header alone: its printer meets the message that is embedded first.
fn header_bytes(header: Option<&PbResponseHeader>) -> Vec<u8> {
    header.map_or_else(Vec::new, Message::encode_to_vec)
}

fn table(page: &Page<'_>, leases: &[PbLeaseTimeToLiveResponse]) -> Table {
    let mut table = Table::left(&["id", "ttl", "remaining", "keys"]);
    // One that has ended since the list was made is not there any longer.
    for lease in leases.iter().filter(|lease| lease.ttl >= 0) {
        table.rows.push(vec![
            go::hex16(lease.id),
            format!("{}s", lease.granted_ttl),
            format!("{}s", lease.ttl),
            keys(page, &lease.keys),
        ]);
    }
    table
}

/// etcd gives the keys in no order.
fn keys(page: &Page<'_>, keys: &[Vec<u8>]) -> String {
    let mut keys: Vec<&Vec<u8>> = keys.iter().collect();
    keys.sort_unstable();
    let mut shown: Vec<String> = keys.iter().take(SHOWN).map(|key| page.cell(key)).collect();
    if keys.len() > SHOWN {
        shown.push(format!("and {} more", keys.len() - SHOWN));
    }
    shown.join(", ")
}
