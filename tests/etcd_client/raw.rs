//! What etcdsh's own client has no words for: a command of `e` over its connections, or a request of etcd-client.

use std::sync::Arc;

use etcd_client::{ConnectOptions, Error, LeaseGrantOptions};
use etcdsh::error;
use etcdsh::etcd::Client;
use etcdsh::etcdctl::{Known, Layout, Placed, Stop, Style, evaluate};

/// What the command prints.
pub(crate) fn e(client: &Client, words: &[&str]) -> error::Result<String> {
    let placed = Placed {
        client: Some(client.clone()),
        config: client.config().clone(),
        via: None,
    };
    let style = Style {
        layout: Layout::V36,
        place: Some(Arc::new(Known(placed))),
        program: "e".into(),
        records: false,
        stop: Stop::default(),
        strict: false,
        variables: Vec::new(),
    };
    let words: Vec<Vec<u8>> = words.iter().map(|word| word.as_bytes().into()).collect();
    evaluate(&words, &style)
}

/// The id of a new lease.
pub(crate) fn lease(client: &Client, ttl: i64) -> u64 {
    let said = e(client, &["lease", "grant", &ttl.to_string()]).unwrap();
    let id = said.split(' ').nth(1).unwrap();
    u64::from_str_radix(id, 16).unwrap()
}

/// A lease with an id of one's own, which no command gives.
pub(crate) fn grant(endpoint: &str, user: Option<(&str, &str)>, id: u64, ttl: i64) {
    let options = LeaseGrantOptions::new().with_id(id.cast_signed());
    ask(endpoint, user, async |client| {
        client.lease_grant(ttl, Some(options)).await
    });
}

pub(crate) fn ask<T>(
    endpoint: &str,
    user: Option<(&str, &str)>,
    call: impl AsyncFnOnce(&mut etcd_client::Client) -> Result<T, Error>,
) -> T {
    let options = user.map(|(name, password)| ConnectOptions::new().with_user(name, password));
    let asked = async {
        let mut client = etcd_client::Client::connect([endpoint], options).await?;
        call(&mut client).await
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(asked).unwrap()
}
