//! A sample of the crash sweep; the script `sweep` beside this file is the sweep, `make torture` runs it in full.
//!
//! `ETCDSH_SEED` draws other cases.

use std::path::Path;
use std::process::Command;

use super::lab::{Place, can_boot};

const CASES: &str = "12";

#[test]
fn a_run_killed_at_any_change_is_finished_by_the_next() {
    if !can_boot() {
        return;
    }
    let _place = Place::take();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let seed = std::env::var("ETCDSH_SEED").unwrap_or_else(|_| "1".into());
    let mut sweep = Command::new(root.join("tests/real/sweep"));
    sweep.args([
        "--labs",
        "1",
        "--binary",
        env!("CARGO_BIN_EXE_etcdsh"),
        "sample",
        &seed,
        CASES,
    ]);
    let output = sweep.output().expect("the script runs");
    let (stdout, stderr) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "seed {seed}\n{stdout}{stderr}");
    assert!(
        stdout.contains(&format!("crash sweep: {CASES} cases passed")),
        "seed {seed}\n{stdout}{stderr}"
    );
}
