//! Who holds a lock, as its file says, and the identity of this run.

/// A lock that is there: the lines of its file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Holder {
    /// Seconds since it was renewed, by the clock of the host.
    pub age: u64,
    /// Unique for a run: boot, process and its start.
    pub id: String,
    pub owner: String,
    pub since: String,
    /// The script that it runs.
    pub what: String,
}

impl Holder {
    /// What `lock.sh` has shown; `None` when it showed no lock.
    pub(super) fn read(text: &str) -> Option<Holder> {
        // A run that died before it wrote anything leaves an empty file.
        let mut lines = text.lines().filter(|line| !line.starts_with("age "));
        let mut next = || lines.next().unwrap_or_default().to_string();
        let (id, owner, since, what) = (next(), next(), next(), next());
        let age = text
            .lines()
            .rev()
            .find_map(|line| line.strip_prefix("age "));
        (!text.trim().is_empty()).then(|| Holder {
            age: age.and_then(|age| age.trim().parse().ok()).unwrap_or(0),
            id,
            owner,
            since,
            what,
        })
    }

    /// Does the run belong to this machine, and is its process gone?
    #[must_use]
    pub fn is_dead(&self) -> bool {
        let mut words = self.id.split('/');
        let (Some(boot), Some(pid), Some(start)) = (words.next(), words.next(), words.next())
        else {
            return false;
        };
        boot == machine()
            && pid
                .parse()
                .ok()
                .and_then(start_of)
                .is_none_or(|now| now != start)
    }
}

/// The id of this run: unique, and it tells whether its process still lives on this machine.
pub(super) fn id() -> &'static str {
    static ID: std::sync::OnceLock<String> = std::sync::OnceLock::new();
    ID.get_or_init(|| {
        let pid = std::process::id();
        format!("{}/{pid}/{}", machine(), start_of(pid).unwrap_or_default())
    })
}

fn machine() -> String {
    std::fs::read_to_string("/proc/sys/kernel/random/boot_id")
        .unwrap_or_default()
        .trim()
        .to_string()
}

/// When a process of this machine started, in ticks since boot.
fn start_of(pid: u32) -> Option<String> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_whitespace().nth(19).map(str::to_string)
}

/// What the lock of this run says.
pub(super) fn text(what: &str) -> String {
    let user = std::env::var("USER")
        .or_else(|_| std::env::var("LOGNAME"))
        .unwrap_or_else(|_| format!("uid {}", rustix::process::getuid().as_raw()));
    let machine = rustix::system::uname();
    format!(
        "{}\n{user}@{} pid {}\n{}\n{}",
        id(),
        machine.nodename().to_string_lossy(),
        std::process::id(),
        jiff::Zoned::now().strftime("%Y-%m-%d %H:%M:%S %Z"),
        what.replace('\n', " ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_read_as_it_was_written() {
        let shown = format!("{}\nshell 12\nage 7\n", text("etcd.rhai"));
        let holder = Holder::read(&shown).expect("a lock");
        assert_eq!(
            (holder.age, holder.what.as_str(), holder.id.as_str()),
            (7, "etcd.rhai", id())
        );
        assert!(holder.owner.contains(" pid "), "{holder:?}");
        assert!(!holder.is_dead(), "this run lives");
        assert_eq!(Holder::read(""), None);
    }

    #[test]
    fn only_a_run_of_this_machine_can_be_known_to_be_dead() {
        let with = |id: String| Holder {
            id,
            ..Holder::default()
        };
        assert!(with(format!("{}/1/0", machine())).is_dead());
        assert!(!with("another-boot/1/0".into()).is_dead());
        assert!(!with(String::new()).is_dead());
    }
}
