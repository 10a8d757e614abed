//! What a run is going to do with the members of a cluster, step by step: kept in a file, and compared with one that was kept.
//!
//! Owns: the file of `--plan`. Must not know what a step does, or how it is carried out: the script does.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use crate::error::{Error, Kind, Result};
use crate::report::Step;

/// A kept plan: what was typed, and what it was going to do with each cluster.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
pub struct Kept {
    pub script: String,
    #[serde(default)]
    pub args: Vec<String>,
    #[serde(default)]
    pub inventory: Vec<String>,
    #[serde(default)]
    pub limit: Vec<String>,
    /// Always there: without it a task that was left out would be done, a purge among them.
    pub skip_tags: Vec<String>,
    #[serde(default)]
    pub start_at_task: Option<String>,
    #[serde(default)]
    pub tags: Vec<String>,
    /// What `-e` set, by name: the value of a parameter of etcd that is no secret, else `None`.
    #[serde(default)]
    pub variables: BTreeMap<String, Option<String>>,
    pub plans: BTreeMap<String, Vec<Step>>,
}

/// The plans of a run, by cluster, and those that it is held to.
#[derive(Default)]
pub struct Plans {
    expected: Option<Kept>,
    made: Mutex<BTreeMap<String, Vec<Step>>>,
}

impl Plans {
    #[must_use]
    pub fn held_to(expected: Option<Kept>) -> Plans {
        Plans {
            expected,
            made: Mutex::default(),
        }
    }

    /// Is the run held to a plan that was kept?
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.expected.is_some()
    }

    /// What was planned until now.
    #[must_use]
    pub fn made(&self) -> BTreeMap<String, Vec<Step>> {
        self.made
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Take down the plan of a cluster; an error when the run is held to another one. A step may plan something itself: that is
    /// part of the first one.
    pub fn add(&self, cluster: &str, steps: &[Step]) -> Result<()> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if made.contains_key(cluster) {
            return Ok(());
        }
        made.insert(cluster.to_string(), steps.to_vec());
        drop(made);
        let Some(kept) = &self.expected else {
            return Ok(());
        };
        let before = kept.plans.get(cluster).map_or(&[][..], Vec::as_slice);
        let Some(why) = difference(before, steps) else {
            return Ok(());
        };
        Err(Error::new(
            Kind::Refused,
            format!("cluster `{cluster}` is not as it was when this was planned"),
        )
        .because(why)
        .hint(format!(
            "etcdsh {} --plan FILE   # plans it anew",
            crate::command::line(
                std::iter::once(kept.script.as_str()).chain(kept.args.iter().map(String::as_str))
            )
        )))
    }
}

fn id(member: &str) -> &str {
    if member.is_empty() { "none" } else { member }
}

/// The first thing that differs, in words.
fn difference(before: &[Step], now: &[Step]) -> Option<String> {
    for (place, (old, new)) in before.iter().zip(now).enumerate() {
        let nth = place + 1;
        if (&old.host, &old.what) != (&new.host, &new.what) {
            return Some(format!(
                "step {nth} was `{}` on {}, and is `{}` on {}",
                old.what, old.host, new.what, new.host
            ));
        }
        if old.member != new.member {
            return Some(format!(
                "step {nth} was about member {}, and is about {}",
                id(&old.member),
                id(&new.member)
            ));
        }
        if old.before != new.before {
            return Some(format!(
                "before step {nth} there were {}, and there are {}",
                old.before, new.before
            ));
        }
    }
    (before.len() != now.len()).then(|| {
        let s = |count: usize| if count == 1 { "" } else { "s" };
        format!(
            "it had {} step{}, and has {}",
            before.len(),
            s(before.len()),
            now.len()
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Effect, Standing};

    fn step(host: &str, healthy: usize) -> Step {
        let standing = Standing { healthy, voters: 3 };
        Step {
            after: standing,
            before: standing,
            during: Standing {
                healthy: healthy - 1,
                ..standing
            },
            effect: Effect::Stops,
            host: host.into(),
            member: String::new(),
            what: format!("restart {host}"),
            why: "asked for".into(),
        }
    }

    #[test]
    fn a_run_is_held_to_the_plan_that_was_kept() {
        let kept = Kept {
            plans: BTreeMap::from([("etcd".into(), vec![step("a", 3), step("b", 3)])]),
            script: "etcd-restart".into(),
            ..Kept::default()
        };
        let text = serde_json::to_string(&kept).unwrap();
        let plans = || Plans::held_to(Some(serde_json::from_str(&text).unwrap()));
        let one = plans();
        one.add("etcd", &[step("a", 3), step("b", 3)]).unwrap();
        // What a step of it plans.
        one.add("etcd", &[step("c", 3)]).unwrap();
        assert_eq!(one.made()["etcd"].len(), 2);
        let told = |steps: &[Step]| plans().add("etcd", steps).unwrap_err().causes[0].clone();
        assert!(told(&[step("b", 3), step("a", 3)]).starts_with("step 1 was `restart a` on a"));
        assert_eq!(
            told(&[step("a", 2), step("b", 3)]),
            "before step 1 there were 3 healthy of 3 voters, and there are 2 healthy of 3 voters"
        );
        assert_eq!(told(&[step("a", 3)]), "it had 2 steps, and has 1");
        assert!(plans().add("other", &[step("a", 3)]).is_err());
    }
}
