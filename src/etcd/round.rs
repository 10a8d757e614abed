//! How a question goes round the endpoints: over a connection that stands, else over the first that comes about; and when it goes
//! round again.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::client::{Client, Effect, Patience};
use super::connection::{Connection, target};
use super::dial;
use super::trouble::{Attempt, Failure, Fault, Result, Trouble};
use crate::locked::locked;
use crate::runtime::{block_on, questions_have_ended, runtime, until_questions_end, wait};

/// After so many requests of one client they are spread over all endpoints: most programs make fewer, and connect once.
const FEW: usize = 8;

/// How long answers are waited for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Time {
    /// That of each endpoint so long.
    Each(Duration),
    /// All of them until then; without it for ever.
    Until(Option<Instant>),
}

impl Time {
    /// What an endpoint that is asked now has.
    fn left(self) -> Option<Duration> {
        match self {
            Time::Each(limit) => Some(limit),
            Time::Until(end) => end.map(|end| end.saturating_duration_since(Instant::now())),
        }
    }
}

/// A question put over a connection. It keeps its answer itself: what goes round the endpoints is there once, not once for each
/// kind of answer.
pub(super) type Asking<'a> =
    &'a mut dyn FnMut(&str, &Connection, Option<Duration>) -> std::result::Result<(), Failure>;

/// The connection that came about first; else what became of each.
type Dialled<'e> = std::result::Result<(&'e str, Arc<Connection>), Vec<(&'e str, Failure)>>;

impl Client {
    /// Ask this endpoint and no other.
    pub(super) fn at(
        &self,
        endpoint: &str,
        time: Time,
        asking: Asking<'_>,
    ) -> std::result::Result<(), Failure> {
        if let Some(connection) = self.standing(endpoint) {
            let asked = asking(endpoint, &connection, time.left());
            let Err(failure) = asked.map_err(|failure| self.seen(endpoint, &connection, failure))
            else {
                return Ok(());
            };
            // It broke before anything was sent: that says nothing of the endpoint.
            if failure.sent || failure.trouble.is_of_server() {
                return Err(failure);
            }
        }
        let opened = self.dial(&[endpoint], time);
        let (_, connection) = opened.map_err(|mut failed| {
            let last = failed.pop().map(|(_, failure)| failure);
            last.unwrap_or_else(Failure::not_reached)
        })?;
        asking(endpoint, &connection, time.left())
            .map_err(|failure| self.seen(endpoint, &connection, failure))
    }

    pub(super) fn rounds(
        &self,
        effect: Effect,
        patience: Patience,
        asking: Asking<'_>,
    ) -> Result<()> {
        let time = Time::Until(patience.deadline);
        let mut last = None;
        // Who is asked by a person tries at once, whatever was before.
        let mut all = !patience.stubborn;
        if time.left().is_some_and(|left| left.is_zero()) {
            return Err(self.not_reached());
        }
        loop {
            let due = |endpoint: &str| all || locked(&self.shared.backoff).is_due(endpoint);
            match self.round(effect, time, &due, asking) {
                Ok(()) => return Ok(()),
                Err(fault) if fault.attempts.is_empty() => {}
                Err(fault) => {
                    let hopeless = !patience.stubborn
                        && fault
                            .attempts
                            .iter()
                            .all(|attempt| attempt.trouble.is_lasting());
                    if hopeless
                        || fault.trouble().is_answer()
                        || fault.sent && effect == Effect::Write
                    {
                        return Err(fault);
                    }
                    last = Some(fault);
                }
            }
            all = false;
            let next = locked(&self.shared.backoff).next(self.endpoints(), patience.deadline);
            match next.filter(|_| !questions_have_ended()) {
                Some(pause) => wait(pause),
                None => return Err(last.unwrap_or_else(|| self.not_reached())),
            }
        }
    }

    fn not_reached(&self) -> Box<Fault> {
        Fault::one(&self.endpoints()[0], Failure::not_reached())
    }

    /// Ask each endpoint that is due once: over a connection that stands, else over the first that comes about.
    pub(super) fn round(
        &self,
        effect: Effect,
        time: Time,
        due: &dyn Fn(&str) -> bool,
        asking: Asking<'_>,
    ) -> Result<()> {
        let mut fault = Fault::default();
        let mut left = self.in_turn();
        while !left.is_empty() {
            let standing = left
                .iter()
                .find_map(|endpoint| Some((*endpoint, self.standing(endpoint)?)));
            let (endpoint, connection, fresh) = match standing {
                Some((endpoint, connection)) => (endpoint, connection, false),
                None => {
                    left.retain(|endpoint| due(endpoint));
                    match self.dial(&left, time) {
                        Ok((endpoint, connection)) => (endpoint, connection, true),
                        Err(failed) => {
                            fault
                                .attempts
                                .extend(failed.into_iter().map(|(endpoint, failure)| Attempt {
                                    endpoint: endpoint.into(),
                                    trouble: failure.trouble,
                                }));
                            break;
                        }
                    }
                }
            };
            let asked = asking(endpoint, &connection, time.left());
            let Err(failure) = asked.map_err(|failure| self.seen(endpoint, &connection, failure))
            else {
                locked(&self.shared.backoff).answered(endpoint);
                self.prefer(endpoint);
                return Ok(());
            };
            let answer = failure.trouble.is_answer();
            // A connection that broke before anything was sent says nothing of its endpoint.
            if !fresh && !failure.sent && !failure.trouble.is_of_server() {
                continue;
            }
            if fresh && !failure.trouble.is_of_server() {
                locked(&self.shared.backoff).failed(endpoint);
            }
            left.retain(|other| *other != endpoint);
            fault.sent |= failure.sent;
            fault.attempts.push(Attempt {
                endpoint: endpoint.into(),
                trouble: failure.trouble,
            });
            if answer || effect == Effect::Write && failure.sent {
                break;
            }
        }
        Err(Box::new(fault))
    }

    /// The endpoints, the one that answered last first; or each first in turn, once there have been many requests.
    fn in_turn(&self) -> Vec<&str> {
        let endpoints = self.endpoints();
        let mut first = self.shared.favourite.load(Ordering::Relaxed);
        if self.config().spreads && endpoints.len() > 1 {
            let count = self.shared.turn.fetch_add(1, Ordering::Relaxed);
            match count.cmp(&FEW) {
                std::cmp::Ordering::Less => {}
                std::cmp::Ordering::Equal => self.reach_all(),
                std::cmp::Ordering::Greater => first = count % endpoints.len(),
            }
        }
        let (before, after) = endpoints.split_at(first);
        after.iter().chain(before).map(String::as_str).collect()
    }

    /// Connect to the endpoints that there is no connection to, while requests go on over what there is.
    fn reach_all(&self) {
        for endpoint in self.endpoints() {
            if self.standing(endpoint).is_some() {
                continue;
            }
            let (client, endpoint) = (self.clone(), endpoint.clone());
            runtime().spawn(async move {
                let limit = client.config().connect_timeout;
                if let Ok(connection) = client.open(&endpoint, true, limit).await {
                    client.keep(&endpoint, Arc::new(connection));
                }
            });
        }
    }

    fn keep(&self, endpoint: &str, connection: Arc<Connection>) {
        let endpoint = endpoint.to_string();
        self.connections().insert(endpoint, connection);
    }

    fn prefer(&self, endpoint: &str) {
        if let Some(index) = self.endpoints().iter().position(|known| known == endpoint) {
            self.shared.favourite.store(index, Ordering::Relaxed);
        }
    }

    /// A connection to the first of these endpoints with which one stands; else what became of each.
    fn dial<'e>(&self, endpoints: &[&'e str], time: Time) -> Dialled<'e> {
        let connect = self.shared.config.connect_timeout;
        let limit = time.left().map_or(connect, |left| left.min(connect));
        let several = endpoints.len() > 1;
        let begin = |endpoint: &'e str| async move {
            let start = Instant::now();
            let opened = self.open(endpoint, several, limit).await;
            self.trace(endpoint, start, opened.as_ref().err(), "connected");
            match opened {
                Ok(connection) => Ok((endpoint, connection)),
                Err(failure) => Err((endpoint, failure)),
            }
        };
        let opened = block_on(dial::first(endpoints.iter().copied(), begin));
        let (endpoint, connection) = opened.map_err(|failed| {
            let explained = failed.into_iter().map(|(endpoint, failure)| {
                locked(&self.shared.backoff).failed(endpoint);
                (endpoint, self.explain(endpoint, failure))
            });
            explained.collect::<Vec<_>>()
        })?;
        let connection = Arc::new(connection);
        self.keep(endpoint, Arc::clone(&connection));
        Ok((endpoint, connection))
    }

    async fn open(
        &self,
        endpoint: &str,
        several: bool,
        limit: Duration,
    ) -> std::result::Result<Connection, Failure> {
        let config = &self.shared.config;
        let target = target(endpoint, config, &self.shared.tls).map_err(|error| Failure {
            sent: false,
            trouble: Trouble::Other(error.to_string()),
        })?;
        let opening = async {
            let connection = Connection::open(&target, config).await?;
            // Where another could be asked, this one must show that it lives.
            if several && target.may_stand_still() {
                connection.pulse.beat().await;
            }
            Ok(connection)
        };
        tokio::select! {
            opened = tokio::time::timeout(limit, opening) => {
                opened.unwrap_or_else(|_| Err(Failure::not_reached()))
            }
            () = until_questions_end() => Err(Failure::not_reached()),
        }
    }
}
