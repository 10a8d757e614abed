//! Renewals of the locks that a run holds: proof that its control side lives.
//!
//! They come from here and not from the host, where a shell outlives a control machine that lost its power for hours.
//! A run of a few seconds needs none; then each host is asked through a second shell, since its first one may be busy.

use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use super::script;
use crate::host::Link;
use crate::locked::locked;
use crate::transport::Connection;

/// Before the first renewal: most runs are over by then.
const REST: Duration = Duration::from_secs(8);
/// Between renewals.
const BEAT: Duration = Duration::from_secs(5);
/// A host that does not answer by then is tried again at the next one.
const PATIENCE: Duration = Duration::from_secs(4);

/// A lock that is kept alive.
struct Kept {
    link: Arc<Link>,
    second: Mutex<Option<Connection>>,
}

/// The locks to renew; the thread ends when they are dropped.
#[derive(Default)]
pub(super) struct Pulse(Option<Arc<Mutex<Vec<Arc<Kept>>>>>);

impl Pulse {
    /// Renew this one, too, from now on.
    pub(super) fn keep(&mut self, link: &Arc<Link>) {
        let begun = self.0.is_some();
        let kept = self.0.get_or_insert_with(Arc::default);
        locked(kept).push(Arc::new(Kept {
            link: Arc::clone(link),
            second: Mutex::default(),
        }));
        if !begun {
            let kept = Arc::downgrade(kept);
            std::thread::spawn(move || beat(&kept));
        }
    }

    pub(super) fn stop(&mut self) {
        self.0 = None;
    }
}

fn beat(kept: &Weak<Mutex<Vec<Arc<Kept>>>>) {
    let mut pause = REST;
    loop {
        std::thread::sleep(pause);
        pause = BEAT;
        let Some(kept) = kept.upgrade() else { return };
        // A copy: a host that does not answer must not keep the run from taking another lock.
        let all = locked(&kept).clone();
        drop(kept);
        crate::run::parallel(&all, all.len(), |one| one.renew());
    }
}

impl Kept {
    fn renew(&self) {
        let script = script(&self.link, "renew", &[]);
        let mut second = locked(&self.second);
        if second.is_none() {
            *second = self.link.beside().ok();
        }
        let Some(shell) = second.as_mut() else {
            // A host that allows one session only is asked through it, when it is idle.
            let _ = self.link.exec_if_idle(&script, PATIENCE);
            return;
        };
        if shell.exec(&script, Some(PATIENCE)).is_err() {
            *second = None;
        }
    }
}
