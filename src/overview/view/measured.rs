//! What the answers of one member add up to: rates, waiting times and its lag.
//!
//! Start reading at `gathered`.

use std::time::Duration;

use indexmap::IndexMap;

use crate::overview::metrics::{Histogram, Metrics};
use crate::overview::unit::whole;
use crate::overview::watch::{Seen, WINDOW};

/// Rates that are shown as numbers are means over this much time.
pub(super) const RATES: Duration = Duration::from_secs(10);

/// How long fsyncs and commits take, in seconds: 1 of 100 takes longer; or half of them, when there were too few to say that.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(in crate::overview) struct Disk {
    pub(in crate::overview) commit: Option<Slowness>,
    pub(in crate::overview) fsync: Option<Slowness>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::overview) enum Slowness {
    Half(f64),
    OneOfHundred(f64),
}

/// Of fewer samples than this the slowest alone says little.
const ENOUGH: f64 = 20.0;

impl Seen {
    /// How many entries the leader has applied and this member has not. They are not asked at the same moment: what the
    /// leader has applied since then is no lag.
    pub(super) fn behind(&self, leader: &Seen) -> Option<u64> {
        let (own, leading) = (self.status.as_ref()?, leader.status.as_ref()?);
        let later = leader
            .status_at
            .zip(self.status_at)
            .map_or(0.0, |(leader, own)| {
                leader.saturating_duration_since(own).as_secs_f64()
            });
        let rate = leader
            .rate(RATES, |scraped| scraped.metrics.proposals_applied)
            .unwrap_or(0.0);
        let lag = leading
            .raft_applied_index
            .saturating_sub(own.raft_applied_index);
        Some(lag.saturating_sub(whole(rate * later).unsigned_abs()))
    }

    /// The last minute's; all of them when there is only one look, or none came since.
    fn gathered(&self, of: impl Fn(&Metrics) -> Histogram) -> Option<Histogram> {
        let all = of(&self.scrapes.back()?.metrics);
        let recent = self
            .between(WINDOW)
            .map(|(then, _)| all.since(&of(&then.metrics)));
        Some(recent.filter(|recent| recent.count() > 0.0).unwrap_or(all))
    }

    /// The time that this share of them stayed below.
    fn recent(&self, share: f64, of: impl Fn(&Metrics) -> Histogram) -> Option<f64> {
        self.gathered(of)?.quantile(share)
    }

    fn slowness(&self, of: impl Fn(&Metrics) -> Histogram) -> Option<Slowness> {
        let gathered = self.gathered(of)?;
        if gathered.count() < ENOUGH {
            gathered.quantile(0.5).map(Slowness::Half)
        } else {
            gathered.quantile(0.99).map(Slowness::OneOfHundred)
        }
    }

    pub(super) fn disk(&self) -> Disk {
        Disk {
            commit: self.slowness(|metrics| metrics.commit.clone()),
            fsync: self.slowness(|metrics| metrics.fsync.clone()),
        }
    }

    pub(in crate::overview) fn fsync(&self) -> Option<f64> {
        self.recent(0.99, |metrics| metrics.fsync.clone())
    }

    pub(in crate::overview) fn commit(&self) -> Option<f64> {
        self.recent(0.99, |metrics| metrics.commit.clone())
    }

    pub(in crate::overview) fn peer(&self) -> Option<f64> {
        self.recent(0.95, Metrics::all_peers)
    }
}

pub(super) fn peers(seen: &Seen, names: &[(String, String)]) -> IndexMap<String, Option<f64>> {
    let Some(newest) = seen.scrapes.back().filter(|_| seen.is_up()) else {
        return IndexMap::new();
    };
    let name = |id: &str| {
        names
            .iter()
            .find(|(known, _)| known == id)
            .map(|(_, name)| name.clone())
    };
    // A member that was removed keeps its series until the process ends.
    let known = newest
        .metrics
        .peers
        .keys()
        .filter_map(|id| Some((id, name(id)?)));
    known
        .map(|(id, name)| {
            (
                name,
                seen.recent(0.95, |metrics| {
                    metrics.peers.get(id).cloned().unwrap_or_default()
                }),
            )
        })
        .collect()
}
