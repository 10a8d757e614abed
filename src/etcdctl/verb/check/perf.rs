//! `check perf`: a minute of writes. Are they as many, as fast and as even as they should be?

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use super::bar::{Bar, STEP};
use super::{
    AUTO_COMPACT, AUTO_DEFRAG, LOAD, Load, Pace, Report, TIDY, compact, connections, defragment,
    delete, refuse_keys, size, write,
};
use crate::etcdctl::call::Call;
use crate::etcdctl::failure::{ERROR, Failure, Outcome};
use crate::etcdctl::line::flag::Flag;
use crate::etcdctl::verb::{Deadline, Endless, Since, Verb};

pub(in crate::etcdctl::verb) const VERB: Verb = Verb {
    name: "check perf",
    arguments: "",
    about: "write for a minute and judge throughput and latency",
    example: "check perf\ncheck perf --load=m --auto-compact --auto-defrag",
    flags: &[
        AUTO_COMPACT,
        AUTO_DEFRAG,
        LOAD,
        Flag::text(
            "prefix",
            "/etcdctl-check-perf/",
            "where the keys are written; nothing may be there",
        ),
    ],
    changes: true,
    deadline: Deadline::Never,
    endless: Endless::Never,
    since: Since::Always,
    run,
};

/// Clients, and writes in a second, of each size.
const SIZES: [(usize, u32); 4] = [(50, 150), (200, 1000), (500, 8000), (1000, 15000)];
const SECONDS: u64 = 60;

fn run(call: &mut Call<'_>) -> Outcome {
    let (clients, limit) = SIZES[size(call)?];
    let prefix = call.text("prefix");
    let until = Instant::now() + Duration::from_secs(SECONDS);
    refuse_keys(
        call,
        &prefix,
        Some(until),
        &format!("'etcdctl del --prefix {prefix}'"),
    )?;
    let connections = connections(call, clients)?;
    let stop = Arc::new(AtomicBool::new(false));
    // An interrupt ends the load; what was written goes away all the same.
    let signal = signal_hook::flag::register(signal_hook::consts::SIGINT, stop.clone()).ok();
    let load = Load {
        clients,
        key: 256,
        prefix: prefix.clone(),
        value: 1024,
    };
    let period = Duration::from_secs(1) / limit;
    let pace = Pace {
        left: None,
        next: Instant::now(),
        period,
        stop,
        until: Some(until),
    };
    let mut bar = Bar::new(call, SECONDS);
    let start = Instant::now();
    let running = crate::runtime::runtime().spawn(write(load, pace, connections, Arc::default()));
    while !running.is_finished() {
        bar.draw(call, start.elapsed().as_secs().min(SECONDS));
        std::thread::sleep(STEP);
    }
    bar.finish(call);
    let report = crate::runtime::block_on(running)
        .map_err(|error| Failure::new(ERROR, error.to_string()))?;
    let tidied = tidy(call, &prefix);
    if let Some(signal) = signal {
        signal_hook::low_level::unregister(signal);
    }
    tidied?;
    if judge(call, &report, limit)? {
        call.say("PASS")
    } else {
        call.say("FAIL").and(Err(Failure::silent(ERROR)))
    }
}

fn tidy(call: &mut Call<'_>, prefix: &str) -> Outcome {
    match delete(call.client()?, prefix, Some(Instant::now() + TIDY)) {
        Ok(revision) if call.flag("auto-compact") => compact(call, revision)?,
        Ok(_) => {}
        Err(fault) => {
            let why = call.cause(&fault);
            call.say(format_args!(
                "FAIL: Cleanup failed during key deletion: ERROR({why})"
            ))?;
        }
    }
    if call.flag("auto-defrag") {
        defragment(call)
    } else {
        Ok(())
    }
}

fn judge(call: &mut Call<'_>, report: &Report, limit: u32) -> Outcome<bool> {
    report.print_errors(call)?;
    let mut passed = report.errors.is_empty();
    let rate = report.per_second();
    #[expect(
        clippy::cast_possible_truncation,
        reason = "rounded up as etcdctl does"
    )]
    let whole = rate as i64 + 1;
    if rate / f64::from(limit) <= 0.9 {
        call.say(format_args!("FAIL: Throughput too low: {whole} writes/s"))?;
        passed = false;
    } else {
        call.say(format_args!("PASS: Throughput is {whole} writes/s"))?;
    }
    let slowest = report.slowest();
    if slowest > 0.5 {
        call.say(format_args!("Slowest request took too long: {slowest:.6}s"))?;
        passed = false;
    } else {
        call.say(format_args!("PASS: Slowest request took {slowest:.6}s"))?;
    }
    let deviation = report.deviation();
    if deviation > 0.1 {
        call.say(format_args!("Stddev too high: {deviation:.6}s"))?;
        passed = false;
    } else {
        call.say(format_args!("PASS: Stddev is {deviation:.6}s"))?;
    }
    Ok(passed)
}
