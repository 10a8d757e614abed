//! One number of a member's `/metrics`.

use std::time::Duration;

use crate::etcd::{Config, Scraper};

const KEY: &str = "process_resident_memory_bytes";
const PATIENCE: Duration = Duration::from_secs(10);

/// The memory of the first endpoint's member in bytes, or the line that says why not.
pub(super) fn resident_memory(config: &Config) -> Result<f64, String> {
    let endpoint = config.endpoints.first().map_or("", String::as_str);
    let answer = Scraper::new(endpoint, config)
        .fetch(PATIENCE)
        .map_err(|why| format!("fetch error: {why}"))?;
    let line = answer
        .text
        .lines()
        .find_map(|line| line.strip_prefix(KEY))
        .map(str::trim)
        .ok_or_else(|| format!("could not find: {KEY}"))?;
    line.parse()
        .map_err(|error| format!("parse error: {error}"))
}
