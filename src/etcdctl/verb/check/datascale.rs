//! `check datascale`: how much memory a member takes for many keys.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::bar::{Bar, STEP};
use super::{
    AUTO_COMPACT, AUTO_DEFRAG, LOAD, Load, Pace, compact, connections, defragment, delete, metrics,
    refuse_keys, size, write,
};
use crate::etcdctl::call::Call;
use crate::etcdctl::failure::{ERROR, Failure, Outcome};
use crate::etcdctl::line::flag::Flag;
use crate::etcdctl::verb::{Deadline, Endless, Since, Verb};

pub(in crate::etcdctl::verb) const VERB: Verb = Verb {
    name: "check datascale",
    arguments: "",
    about: "write many keys and see how much memory the first endpoint's member takes for them",
    example: "check datascale --load=m --auto-compact --auto-defrag",
    flags: &[
        AUTO_COMPACT,
        AUTO_DEFRAG,
        LOAD,
        Flag::text(
            "prefix",
            "/etcdctl-check-datascale/",
            "where the keys are written; nothing may be there",
        ),
    ],
    changes: true,
    deadline: Deadline::Never,
    endless: Endless::Never,
    since: Since::Always,
    run,
};

/// Keys and clients of each size.
const SIZES: [(u64, usize); 4] = [
    (10_000, 50),
    (100_000, 200),
    (1_000_000, 500),
    (3_000_000, 1000),
];
/// Bytes of a key after the prefix, and of a value.
const HALF: usize = 512;

fn run(call: &mut Call<'_>) -> Outcome {
    let (keys, clients) = SIZES[size(call)?];
    let prefix = call.text("prefix");
    refuse_keys(
        call,
        &prefix,
        None,
        &format!("etcdctl del --prefix {prefix}"),
    )?;
    let before = memory(call, "before")?;
    call.say(format_args!("Start data scale check for work load [{keys} key-value pairs, {} bytes per key-value, {clients} concurrent clients].", 2 * HALF))?;
    let connections = connections(call, clients)?;
    let done = Arc::new(AtomicU64::new(0));
    let load = Load {
        clients,
        key: HALF,
        prefix: prefix.clone(),
        value: HALF,
    };
    let pace = Pace {
        left: Some(keys),
        next: Instant::now(),
        period: Duration::ZERO,
        stop: Arc::default(),
        until: None,
    };
    let mut bar = Bar::new(call, keys);
    let running = crate::runtime::runtime().spawn(write(load, pace, connections, done.clone()));
    while !running.is_finished() {
        bar.draw(call, done.load(Ordering::Relaxed));
        std::thread::sleep(STEP);
    }
    bar.finish(call);
    let report = crate::runtime::block_on(running)
        .map_err(|error| Failure::new(ERROR, error.to_string()))?;
    let after = memory(call, "after")?;
    let revision = delete(call.client()?, &prefix, None).map_err(|fault| call.failed(&fault))?;
    if call.flag("auto-compact") {
        compact(call, revision)?;
    }
    if call.flag("auto-defrag") {
        defragment(call)?;
    }
    if !report.errors.is_empty() {
        report.print_errors(call)?;
        return Err(Failure::silent(ERROR));
    }
    call.say(format_args!(
        "PASS: Approximate system memory used : {:.2} MB.",
        (after - before) / f64::from(1 << 20)
    ))
}

/// What the first endpoint's member has in memory.
fn memory(call: &mut Call<'_>, when: &str) -> Outcome<f64> {
    let config = call.settings()?.config.clone();
    match metrics::resident_memory(&config) {
        Ok(bytes) if bytes != 0.0 => return Ok(bytes),
        Ok(_) => {}
        Err(why) => call.say(why)?,
    }
    call.say(format_args!(
        "FAIL: Could not read process_resident_memory_bytes {when} the put operations."
    ))?;
    Err(Failure::silent(ERROR))
}
