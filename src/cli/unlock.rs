//! `etcdsh unlock`: see who holds the lock of hosts, and break it.

use clap::Args;

use super::options::{Options, Reach};
use super::setup::Setup;
use crate::error::Result;
use crate::run::{Holder, lock_of, parallel, unlock as break_lock};

/// Break the lock that a run has left on hosts, or that a run still holds.
///
/// A run locks the hosts it changes, and renews its locks while it lives; one that is not renewed for 30 s is taken over
/// by the next run without being asked. Break one only when you know that its run does nothing any more: the run it
/// belongs to stops at its next change.
#[derive(Args)]
#[command(after_help = "Example: etcdsh unlock 10.10.10.10")]
pub(super) struct UnlockArgs {
    /// Hosts, as -l takes them
    #[arg(default_value = "all")]
    pattern: String,
    #[command(flatten)]
    pub(super) reach: Reach,
    /// Do not ask
    #[arg(short = 'y', long)]
    yes: bool,
}

pub(super) fn unlock(args: &UnlockArgs, options: &Options) -> Result<i32> {
    let mut options = options.clone();
    options.play.yes |= args.yes;
    let setup = Setup::new(&options, None)?;
    let world = setup.world(false);
    let hosts = world.select(&args.pattern)?;
    let seen = parallel(&hosts, options.reach.forks.unwrap_or(10), |host| {
        let link = world.link(host)?;
        Result::Ok((lock_of(&link)?, link))
    });
    let (mut held, mut failure) = (Vec::new(), None);
    for (host, answer) in hosts.iter().zip(seen) {
        match answer {
            Ok((Some(holder), link)) => {
                say!("{host}  {}", told(&holder));
                held.push((holder, link));
            }
            Ok((None, _)) => say!("{host}  not locked"),
            Err(error) => {
                let error = error.on(host);
                complain!("error: {error}");
                failure = failure.or(Some(error.kind.exit_code()));
            }
        }
    }
    if !held.is_empty() {
        let question = format!(
            "Break {} lock(s) whose run may still be changing hosts",
            held.len()
        );
        world.session.ask_to_type(&question, "unlock")?;
    }
    for (holder, link) in &held {
        break_lock(link, holder)?;
        say!("{}  unlocked", link.name());
    }
    Ok(failure.unwrap_or(0))
}

fn told(holder: &Holder) -> String {
    let state = if holder.is_dead() {
        ", and is dead"
    } else {
        ""
    };
    let told = format!(
        "locked by {} since {}; it runs {}, renewed {} s ago{state}",
        holder.owner, holder.since, holder.what, holder.age
    );
    crate::terminal::visible(told.as_bytes(), false)
}
