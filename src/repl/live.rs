//! What etcd holds, for completion: asked for in the background, shown from a snapshot, silent when etcd is away.

use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use super::etcd::Here;
use super::state::locked;
use crate::etcd::{Client, GetOptions, hex, prefix_end};

/// How long a key may wait for an answer.
const PATIENCE: Duration = Duration::from_millis(150);
/// How old a snapshot may be before it is asked for again.
const FRESH: Duration = Duration::from_secs(3);
/// Names of one level that are worth showing.
const MOST: usize = 200;

/// What can be completed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Topic {
    /// The keys below a prefix, up to the next `/`.
    Keys(String),
    Leases,
    Members,
    Roles,
    Users,
}

impl Topic {
    /// The keys that may stand where `word` has begun.
    pub(super) fn keys(word: &str) -> Topic {
        Topic::Keys(word.rfind('/').map_or("", |at| &word[..=at]).to_string())
    }
}

/// What a cluster answers within a time; nothing when it is away.
pub(super) fn once(client: Client, topic: &Topic, patience: Duration) -> Vec<Offer> {
    let (told, answers) = std::sync::mpsc::channel();
    let topic = topic.clone();
    std::thread::spawn(move || drop(told.send(answer(&client, &topic))));
    answers
        .recv_timeout(patience)
        .ok()
        .flatten()
        .unwrap_or_default()
}

/// A word, and what it is.
pub(super) type Offer = (String, String);

#[derive(Default)]
pub(super) struct Live {
    place: Mutex<Option<Arc<Here>>>,
    state: Arc<(Mutex<State>, Condvar)>,
}

#[derive(Default)]
struct State {
    asked: HashMap<Topic, u64>,
    /// Counts the clusters; an answer of an old one is thrown away.
    era: u64,
    known: HashMap<Topic, (Instant, Vec<Offer>)>,
}

impl Live {
    /// From now on it is this cluster.
    pub(super) fn watch(&self, place: &Arc<Here>) {
        *locked(&self.place) = Some(Arc::clone(place));
        self.forget();
    }

    /// Something was changed: what is known is old.
    pub(super) fn forget(&self) {
        let mut state = locked(&self.state.0);
        state.era += 1;
        state.asked.clear();
        state.known.clear();
    }

    /// What is known within the time that a key may take.
    pub(super) fn offers(&self, topic: &Topic) -> Vec<Offer> {
        let end = Instant::now() + PATIENCE;
        let (lock, told) = &*self.state;
        let mut state = locked(lock);
        let fresh = |state: &State| {
            state
                .known
                .get(topic)
                .is_some_and(|(at, _)| at.elapsed() < FRESH)
        };
        if !fresh(&state) {
            let era = state.era;
            if state.asked.insert(topic.clone(), era) != Some(era) {
                self.ask(topic.clone(), era);
            }
        }
        while !fresh(&state) && state.asked.contains_key(topic) {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            state = told
                .wait_timeout(state, left)
                .unwrap_or_else(std::sync::PoisonError::into_inner)
                .0;
        }
        state
            .known
            .get(topic)
            .map_or_else(Vec::new, |(_, offers)| offers.clone())
    }

    fn ask(&self, topic: Topic, era: u64) {
        let (place, state) = (locked(&self.place).clone(), Arc::clone(&self.state));
        std::thread::spawn(move || {
            let offers = place
                .and_then(|place| place.client())
                .and_then(|client| answer(&client, &topic));
            let (lock, told) = &*state;
            let mut state = locked(lock);
            if state.era == era {
                state.asked.remove(&topic);
                if let Some(offers) = offers {
                    state.known.insert(topic, (Instant::now(), offers));
                }
            }
            told.notify_all();
        });
    }
}

fn answer(client: &Client, topic: &Topic) -> Option<Vec<Offer>> {
    let plain = |names: Vec<String>| {
        names
            .into_iter()
            .map(|name| (name, String::new()))
            .collect()
    };
    Some(match topic {
        Topic::Keys(prefix) => level(client, prefix)?,
        // With all its digits, as etcdctl prints it.
        Topic::Leases => client
            .lease_list()
            .ok()?
            .ids
            .into_iter()
            .map(|id| (format!("{id:016x}"), String::new()))
            .collect(),
        Topic::Members => client
            .member_list(false)
            .ok()?
            .members
            .into_iter()
            .map(|member| (hex(member.id), member.name))
            .collect(),
        Topic::Roles => plain(client.role_list().ok()?.names),
        Topic::Users => plain(client.user_list().ok()?.names),
    })
}

/// The names of one level, skipping what lies below each of them.
fn level(client: &Client, prefix: &str) -> Option<Vec<Offer>> {
    let mut names: Vec<Offer> = Vec::new();
    let end = if prefix.is_empty() {
        vec![0]
    } else {
        prefix_end(prefix.as_bytes())
    };
    let mut from = if prefix.is_empty() {
        vec![0]
    } else {
        prefix.as_bytes().to_vec()
    };
    let stop = Instant::now() + Duration::from_secs(2);
    while names.len() < MOST && Instant::now() < stop {
        let options = GetOptions {
            keys_only: true,
            limit: 50,
            range_end: Some(end.clone()),
            serializable: true,
            ..GetOptions::default()
        };
        let page = client.get(&from, &options).ok()?;
        for pair in &page.kvs {
            // What is no text cannot be typed.
            let Ok(key) = String::from_utf8(pair.key.clone()) else {
                continue;
            };
            let rest = key.get(prefix.len()..).unwrap_or_default();
            // A slash at the very front belongs to the first name.
            let lead = rest.len() - rest.trim_start_matches('/').len();
            let name = match rest[lead..].find('/') {
                Some(at) => format!("{prefix}{}", &rest[..=lead + at]),
                None => key.clone(),
            };
            if names.last().is_none_or(|(last, _)| *last != name) {
                names.push((name, String::new()));
            }
        }
        let Some(last) = page.kvs.last().filter(|_| page.more) else {
            break;
        };
        from = match names.last() {
            Some((name, _)) if name.ends_with('/') => prefix_end(name.as_bytes()),
            _ => [last.key.clone(), vec![0]].concat(),
        };
    }
    Some(names)
}
