//! A login that is looked for only when etcd wants one and none was given.

use std::fmt;
use std::sync::{Arc, OnceLock};

use crate::secret::Secret;

type Login = (String, Secret);

/// Knows where a login lies. It is looked for once, at the first call that etcd refuses because nobody is logged in.
#[derive(Clone)]
pub struct Keeper {
    find: Arc<dyn Fn() -> Option<Login> + Send + Sync>,
    found: Arc<OnceLock<Option<Login>>>,
}

impl Keeper {
    /// `find` may take its time, and is called once at most for this keeper and its clones.
    pub fn new(find: impl Fn() -> Option<Login> + Send + Sync + 'static) -> Keeper {
        Keeper {
            find: Arc::new(find),
            found: Arc::default(),
        }
    }

    /// User and password, on a thread of its own meanwhile.
    pub(super) async fn login(&self) -> Option<Login> {
        let keeper = self.clone();
        let asked = tokio::task::spawn_blocking(move || {
            keeper.found.get_or_init(|| (keeper.find)()).clone()
        });
        asked.await.ok().flatten()
    }
}

impl fmt::Debug for Keeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keeper")
    }
}
