//! Certificates: load or make a CA, issue leaf certificates, read and compare what is there.
//!
//! Owns every use of rcgen; which server is trusted is for the room `tls` to say. Pure: texts in, texts out, so it must not know files,
//! hosts or etcd.
//! Start reading at `ca.rs`.

mod ca;
mod inspect;
mod key;
mod pem;
mod renew;

pub use ca::{Ca, Issued, Leaf};
pub use inspect::{Certificate, inspect, life, same_ca, verify};
pub use renew::reason_to_renew;

/// The present, in seconds since 1970.
#[must_use]
pub fn now() -> i64 {
    jiff::Timestamp::now().as_second()
}

fn date(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds).map_or_else(
        |_| format!("second {seconds}"),
        |time| time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string(),
    )
}
