//! The overview of a cluster: its members looked at once a second, what that means, and the forms it is shown in.
//!
//! Owns the looking ([`Watch`]), the judgement (`finding.rs`) and the forms: a screen, text, JSON, a page. Needs no
//! Prometheus: it asks the members themselves. Must not know inventories, ssh or scripts: who calls says where the members
//! are ([`Plan`]) and how their hosts are asked ([`Hosts`]). Start reading at `watch.rs`, then `view.rs`.

mod chart;
mod details;
mod finding;
mod metrics;
mod page;
mod screen;
mod serve;
mod text;
mod unit;
mod view;
mod watch;

use std::sync::Arc;
use std::time::Duration;

pub use finding::{Finding, Grade};
pub use page::page;
pub use screen::show;
pub use serve::{Listener, listen};
pub use text::text;
pub use view::{MemberView, Role, Verdict, View};
pub use watch::Watch;

use crate::error::Result;
use crate::etcd::Client;

/// A member that the inventory says there is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    pub endpoint: String,
    /// Its name in the inventory.
    pub host: String,
    /// Its name in the cluster.
    pub member: String,
}

/// What is watched, and how.
#[derive(Clone)]
pub struct Plan {
    /// Its endpoints are where the looking begins; members that are found elsewhere are looked at, too.
    pub client: Client,
    pub cluster: String,
    /// How the program is called for this cluster, for lines to type: `etcdsh -i three.yml`.
    pub command: String,
    /// Empty when there is no inventory.
    pub expected: Vec<Expected>,
    pub hosts: Option<Arc<dyn Hosts>>,
    /// Between two looks at a member.
    pub interval: Duration,
    /// Nobody said which cluster: no inventory, no sandbox, no endpoints.
    pub nowhere: bool,
}

/// What is asked of the members' hosts, where they can be reached. May take seconds; never asked from the screen's thread.
pub trait Hosts: Send + Sync {
    /// What the flow would change about config, unit and certificates: host, and a line for each.
    fn drift(&self) -> Result<Vec<(String, String)>>;

    /// When the member on this host became the leader of this term, in seconds since 1970, as its log says.
    fn leader_since(&self, host: &str, term: u64) -> Result<Option<i64>>;

    /// The last lines of the member's log.
    fn log(&self, host: &str, lines: usize) -> Result<Vec<String>>;
}
