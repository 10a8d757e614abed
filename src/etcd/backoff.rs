//! When an endpoint that could not be reached is tried again: after 1 s, 1.6 s and so on, at most 120 s, each a fifth more or less, as
//! gRPC does it. Many clients that wait for one server do not come at once, nor without end. Pure but for the clock and chance.

use std::collections::HashMap;
use std::time::{Duration, Instant};

const FIRST: Duration = Duration::from_secs(1);
const FACTOR: f64 = 1.6;
const LONGEST: Duration = Duration::from_mins(2);
const JITTER: f64 = 0.2;

/// Where a deadline comes before the next try, the last try is made so long before it, if the one before is `FIRST` ago.
const LAST_CHANCE: Duration = Duration::from_millis(300);

/// Before the next round where a server is there and cannot answer yet.
const SHORTEST: Duration = Duration::from_millis(50);

struct Tries {
    last: Instant,
    next: Instant,
    pause: Duration,
}

#[derive(Default)]
pub(super) struct Backoff(HashMap<String, Tries>);

impl Backoff {
    pub(super) fn failed(&mut self, endpoint: &str) {
        self.failed_at(endpoint, Instant::now(), chance());
    }

    fn failed_at(&mut self, endpoint: &str, now: Instant, chance: f64) {
        let pause = self
            .0
            .get(endpoint)
            .map_or(FIRST, |tries| tries.pause.mul_f64(FACTOR).min(LONGEST));
        let next = now + pause.mul_f64(1.0 - JITTER + 2.0 * JITTER * chance);
        let tries = Tries {
            last: now,
            next,
            pause,
        };
        self.0.insert(endpoint.into(), tries);
    }

    /// It has answered.
    pub(super) fn answered(&mut self, endpoint: &str) {
        self.0.remove(endpoint);
    }

    pub(super) fn is_due(&self, endpoint: &str) -> bool {
        let now = Instant::now();
        self.0.get(endpoint).is_none_or(|tries| tries.next <= now)
    }

    /// How long to wait until one of these endpoints is due; nothing where that is not before the deadline.
    pub(super) fn next(&mut self, endpoints: &[String], end: Option<Instant>) -> Option<Duration> {
        self.next_at(endpoints, end, Instant::now())
    }

    fn next_at(
        &mut self,
        endpoints: &[String],
        end: Option<Instant>,
        now: Instant,
    ) -> Option<Duration> {
        let tries = |endpoint: &String| self.0.get(endpoint);
        let next = endpoints
            .iter()
            .map(|endpoint| tries(endpoint).map_or(now, |tries| tries.next));
        let due = next.min()?.max(now + SHORTEST);
        let Some(end) = end.filter(|end| due >= *end) else {
            return Some(due - now);
        };
        let last = endpoints
            .iter()
            .map(|endpoint| tries(endpoint).map_or(now, |tries| tries.last));
        let chance = end.checked_sub(LAST_CHANCE)?;
        if chance < last.max()? + FIRST || chance < now + SHORTEST {
            return None;
        }
        for endpoint in endpoints {
            if let Some(tries) = self.0.get_mut(endpoint) {
                tries.next = chance;
            }
        }
        Some(chance - now)
    }
}

/// From 0 to 1.
fn chance() -> f64 {
    let bits = getrandom::u32().unwrap_or(u32::MAX / 2);
    f64::from(bits) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The seconds at which a server that refuses is tried within so many, with this much luck.
    fn tries(within: u64, chance: f64) -> Vec<f64> {
        let (mut backoff, start) = (Backoff::default(), Instant::now());
        let endpoints = ["a".to_string()];
        let end = Some(start + Duration::from_secs(within));
        let (mut now, mut seen) = (start, Vec::new());
        loop {
            seen.push(((now - start).as_secs_f64() * 100.0).round() / 100.0);
            backoff.failed_at("a", now, chance);
            match backoff.next_at(&endpoints, end, now) {
                Some(pause) => now += pause,
                None => return seen,
            }
        }
    }

    #[test]
    fn who_refuses_is_tried_less_and_less_often() {
        assert_eq!(tries(5, 0.5), [0.0, 1.0, 2.6, 4.7]);
        assert_eq!(tries(5, 0.0), [0.0, 0.8, 2.08, 4.13]);
        assert_eq!(tries(5, 1.0), [0.0, 1.2, 3.12, 4.7]);
        let long = tries(1000, 0.5);
        let pauses: Vec<f64> = long.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert!((pauses[11] - 120.0).abs() < 0.1, "{pauses:?}");
        assert!(long.len() < 20, "{long:?}");
    }

    #[test]
    fn who_has_answered_is_due_at_once() {
        let mut backoff = Backoff::default();
        backoff.failed("a");
        assert!(!backoff.is_due("a") && backoff.is_due("b"));
        let both = ["a".to_string(), "b".to_string()];
        assert_eq!(backoff.next(&both, None), Some(SHORTEST));
        backoff.answered("a");
        assert!(backoff.is_due("a"));
    }
}
