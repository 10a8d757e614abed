//! The lines of a unit's journal that say why it ended, of all that it said. Pure.
//!
//! etcd says a hundred lines when it starts and thirty of a stack when it panics; what decides is said once, in between.

use serde_json::Value;

/// At most this many lines are quoted.
const QUOTED: usize = 8;

/// Levels of a line of etcd's that are said once, before it ends.
const GRAVE: [&str; 4] = ["dpanic", "error", "fatal", "panic"];

/// What else decides, whatever the level of the line is.
const DECISIVE: [&str; 17] = [
    "already bootstrapped",
    "cannot unmarshal",
    "cannot access data directory",
    "corrupt",
    "cluster id mismatch",
    "id mismatch",
    "checksum mismatch",
    "crc mismatch",
    "couldn't find local name",
    "in use",
    "must be removed",
    "no space left",
    "panic:",
    "permanently removed",
    "permission denied",
    "read-only file system",
    "unsupported",
];

/// The decisive lines, the oldest first, each said once; the last lines where none decides.
pub(crate) fn decisive(text: &str) -> String {
    let said: Vec<&str> = text
        .lines()
        .map(str::trim_end)
        .filter(|line| !line.is_empty() && !is_stack(line))
        .collect();
    let mut grave: Vec<String> = Vec::new();
    for line in &said {
        let Some(line) = grave_line(line) else {
            continue;
        };
        grave.retain(|other| *other != line);
        grave.push(line);
    }
    if grave.is_empty() {
        grave = said.iter().map(|line| readable(line)).collect();
        grave.dedup();
    }
    grave
        .split_off(grave.len().saturating_sub(QUOTED))
        .join("\n")
}

/// A line of a Go stack, or of what the kernel's signal left of it.
fn is_stack(line: &str) -> bool {
    let call = line.ends_with(')') && !line.contains(' ') && line.contains('.');
    line.starts_with('\t')
        || line.starts_with("goroutine ")
        || line.starts_with("created by ")
        || line.starts_with("main.")
        || line.starts_with("runtime.")
        || call
        || ["r8 ", "rip", "rsp", "rax"]
            .iter()
            .any(|name| line.starts_with(name))
}

fn grave_line(line: &str) -> Option<String> {
    let parsed: Option<Value> = serde_json::from_str(line).ok();
    let level = parsed.as_ref().and_then(|line| line["level"].as_str());
    let small = line.to_lowercase();
    let decides = DECISIVE.iter().any(|word| small.contains(word));
    let grave = level.is_some_and(|level| GRAVE.contains(&level))
        // 3.4 may write `2026-01-01 00:00:00.000000 C | etcdmain: ...`.
        || line.contains(" C | ")
        || line.contains(" E | ");
    // At the level `info` etcd repeats its settings, all words among them.
    (grave || decides && level != Some("info")).then(|| readable(line))
}

/// A line of etcd's log without what only machines read.
fn readable(line: &str) -> String {
    let Ok(Value::Object(map)) = serde_json::from_str(line) else {
        return line.to_string();
    };
    let Some(message) = map.get("msg").and_then(Value::as_str) else {
        return line.to_string();
    };
    let more: Vec<String> = map
        .iter()
        .filter(|(key, _)| !["level", "ts", "caller", "msg", "stacktrace"].contains(&key.as_str()))
        .map(|(key, value)| match value {
            Value::String(text) => format!("{key}: {text}"),
            other => format!("{key}: {other}"),
        })
        .collect();
    if more.is_empty() {
        return message.to_string();
    }
    format!("{message} ({})", more.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_decides_is_quoted_and_not_what_comes_last() {
        let log = "{\"level\":\"info\",\"ts\":\"x\",\"msg\":\"starting\",\"in use\":1}\n\
                   {\"level\":\"warn\",\"ts\":\"1\",\"caller\":\"a.go:1\",\"msg\":\"server error\",\"error\":\"the member has been permanently removed from the cluster\"}\n\
                   {\"level\":\"warn\",\"ts\":\"2\",\"caller\":\"a.go:1\",\"msg\":\"server error\",\"error\":\"the member has been permanently removed from the cluster\"}\n\
                   {\"level\":\"warn\",\"ts\":\"3\",\"msg\":\"prober detected unhealthy status\"}\n\
                   etcd.service: Deactivated successfully.\n";
        assert_eq!(
            decisive(log),
            "server error (error: the member has been permanently removed from the cluster)"
        );
    }

    #[test]
    fn the_words_of_a_panic_are_quoted_and_its_stack_is_not() {
        let log = "{\"level\":\"panic\",\"msg\":\"failed to update\",\"error\":\"write /data/etcd: no space left on device\"}\n\
                   panic: failed to update\n\n\
                   goroutine 166 [running]:\n\
                   go.uber.org/zap/zapcore.(*CheckedEntry).Write(0xc0001, {0x0})\n\
                   \t/build/zapcore/entry.go:232 +0x44c\n\
                   created by go.etcd.io/etcd/server/v3/etcdserver.(*EtcdServer).start\n\
                   etcd.service: Main process exited, code=exited, status=2/INVALIDARGUMENT\n";
        assert_eq!(
            decisive(log),
            "failed to update (error: write /data/etcd: no space left on device)\npanic: failed to update"
        );
    }

    #[test]
    fn where_no_line_decides_the_last_ones_are_quoted() {
        let many: Vec<String> = (1..=20).map(|number| format!("line {number}")).collect();
        assert_eq!(decisive(&many.join("\n")).lines().next(), Some("line 13"));
        assert_eq!(decisive("the disk has melted\n"), "the disk has melted");
        assert_eq!(decisive(""), "");
    }
}
