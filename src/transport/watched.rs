//! What takes long on a host: it is said once, and the first Ctrl-C ends what only asks, or what hangs.
//!
//! A change that is under way is finished, as long as the host's shell is alive: that is looked at through a second one.

use std::time::Duration;

use tokio::time::{Instant, sleep_until, timeout};

use super::{Become, Output, Way, open};
use crate::error::{Error, Kind, Result};
use crate::runtime::until_questions_end;

/// A host that says nothing for this long is named.
const SLOW: Duration = Duration::from_secs(10);

/// How long a second shell may take to say whether the first one is alive.
const LOOK: Duration = Duration::from_secs(5);

/// How a script is waited for.
pub struct Watched<'a> {
    pub escalate: Option<&'a Become>,
    /// It changes nothing, so that there is nothing to finish.
    pub question: bool,
    /// Called once, when it takes long.
    pub slow: &'a (dyn Fn() + Sync),
    pub way: &'a Way,
}

impl Watched<'_> {
    /// The answer; `shell` is the process that works on it.
    pub(super) async fn until(
        &self,
        work: impl Future<Output = Result<Output>>,
        shell: Option<u32>,
    ) -> Result<Output> {
        let late = Instant::now() + SLOW;
        let (mut told, mut asked, mut looked) = (false, false, false);
        tokio::pin!(work);
        loop {
            tokio::select! {
                biased;
                answer = &mut work => return answer,
                () = until_questions_end(), if !asked => {
                    asked = true;
                    if self.question {
                        return Err(interrupted());
                    }
                }
                () = sleep_until(late), if !told || asked && !looked => {
                    if !std::mem::replace(&mut told, true) {
                        (self.slow)();
                    }
                    if asked && !std::mem::replace(&mut looked, true) && self.hangs(shell).await {
                        return Err(interrupted().because("its shell hangs"));
                    }
                }
            }
        }
    }

    /// Is the shell stopped, or is there no way to it any more?
    async fn hangs(&self, shell: Option<u32>) -> bool {
        let Some(shell) = shell else { return false };
        let script = format!("cat /proc/{shell}/stat");
        let look = async {
            let mut connection = open(self.way, self.escalate).await?;
            connection.shell.exec(&script, None).await
        };
        let Ok(Ok(answer)) = timeout(LOOK, look).await else {
            return true;
        };
        let text = answer.text();
        let state = text
            .rsplit_once(") ")
            .and_then(|(_, rest)| rest.chars().next());
        matches!(state, None | Some('T' | 't' | 'Z' | 'X'))
    }
}

fn interrupted() -> Box<Error> {
    Error::new(Kind::Interrupted, "interrupted")
}
