//! Which of what was asked and planned belongs to one member: the list of members, the inventory, an endpoint.
//!
//! Start reading at `rows`.

use crate::etcd::{Member, url};
use crate::overview::watch::{Seen, State};
use crate::overview::{Expected, Plan};

/// A row to be: what the list, the inventory and an endpoint say of the same member.
#[derive(Default)]
pub(super) struct Row<'a> {
    pub(super) endpoint: Option<&'a str>,
    pub(super) expected: Option<&'a Expected>,
    pub(super) listed: Option<&'a Member>,
    pub(super) seen: Option<&'a Seen>,
}

/// One row for each member: first those on the list, then hosts of the inventory and endpoints that belong to none of them.
pub(super) fn rows<'a>(plan: &'a Plan, state: &'a State) -> Vec<Row<'a>> {
    let config = plan.client.config();
    let mut rows: Vec<Row<'_>> = state
        .members
        .iter()
        .flatten()
        .map(|member| Row {
            listed: Some(member),
            ..Row::default()
        })
        .collect();
    for (endpoint, seen) in &state.seen {
        let address = url(endpoint, config);
        let id = seen.status.as_ref().map(|status| status.member_id);
        let mut found = rows.iter_mut().filter(|row| {
            row.listed.is_some_and(|member| {
                Some(member.id) == id
                    || id.is_none()
                        && member
                            .client_urls
                            .iter()
                            .any(|known| known.trim_end_matches('/') == address)
            })
        });
        match found.next() {
            Some(row) if row.seen.is_none() => {
                (row.endpoint, row.seen) = (Some(endpoint.as_str()), Some(seen));
            }
            // Another endpoint of a member that has its row.
            Some(_) => {}
            None => rows.push(Row {
                endpoint: Some(endpoint.as_str()),
                seen: Some(seen),
                ..Row::default()
            }),
        }
    }
    for expected in &plan.expected {
        let address = url(&expected.endpoint, config);
        let fits = |row: &&mut Row<'_>| {
            row.listed.is_some_and(|member| {
                member.name == expected.member
                    || member
                        .client_urls
                        .iter()
                        .any(|known| known.trim_end_matches('/') == address)
            }) || row.listed.is_some_and(|member| {
                member.name.is_empty()
                    && member
                        .peer_urls
                        .iter()
                        .any(|peer| host_part(peer) == host_part(&address))
            }) || row
                .endpoint
                .is_some_and(|endpoint| url(endpoint, config) == address)
        };
        match rows.iter_mut().find(fits) {
            Some(row) => row.expected = Some(expected),
            None => rows.push(Row {
                expected: Some(expected),
                ..Row::default()
            }),
        }
    }
    rows
}

fn host_part(url: &str) -> &str {
    let bare = url.split_once("://").map_or(url, |(_, rest)| rest);
    bare.rsplit_once(':').map_or(bare, |(host, _)| host)
}
