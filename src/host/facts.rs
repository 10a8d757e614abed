//! The facts of a host: one script, one answer, plain parsing.

use indexmap::IndexMap;

use crate::error::{Error, Kind, Result};
use crate::value::{Map, Value};

/// One line `key=value` per fact. POSIX tools only, and few of them: each costs a fork on the host. What a host
/// lacks is left empty.
pub(super) const QUESTION: &str = r#"
if [ -n "$SANDBOX" ] || [ -d /run/systemd/system ]; then echo init=systemd; else printf 'init=%s\n' "$(ps -o comm= -p 1 2>/dev/null)"; fi
( . /etc/os-release 2>/dev/null; printf 'os_id=%s\nos_like=%s\nos_version=%s\nos_codename=%s\nos_name=%s\n' "$ID" "$ID_LIKE" "$VERSION_ID" "$VERSION_CODENAME" "$PRETTY_NAME" )
printf 'id=%s\nuname=%s\n' "$(id)" "$(uname -nrm)"
printf 'cpus=%s\n' "$(getconf _NPROCESSORS_ONLN 2>/dev/null)"
while read -r key value unit; do if [ "$key" = MemTotal: ]; then printf 'memory_kib=%s\n' "$value"; break; fi; done </proc/meminfo
for tool in apt-get dnf yum zypper apk pacman; do command -v $tool >/dev/null 2>&1 && printf 'package_tool=%s\n' $tool && break; done
[ -n "$SANDBOX" ] && printf 'package_tool=sandbox\n'
ip -o addr show scope global 2>/dev/null | while read -r _ _ _ address _; do printf 'address=%s\n' "${address%/*}"; done
[ -r /etc/machine-id ] && read -r id </etc/machine-id && printf 'machine_id=%s\n' "$id"
:
"#;

/// What starts services there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Init {
    Other(String),
    Systemd,
}

/// What installs packages there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PackageTool {
    Apt,
    Dnf,
    Other(String),
    Sandbox,
}

/// What a host is.
#[derive(Clone, Debug)]
pub struct Facts {
    pub addresses: Vec<String>,
    pub init: Init,
    pub package_tool: PackageTool,
    /// The folder that paths lie below: empty but in a sandbox.
    pub root: String,
    pub uid: u32,
    pub user: String,
    words: IndexMap<String, String>,
}

/// `uid=0(root) ...` and `node-1 6.1.0 x86_64` in their parts.
fn split_words(words: &mut IndexMap<String, String>) {
    let id = words.get("id").cloned().unwrap_or_default();
    if let Some((uid, user)) = id
        .strip_prefix("uid=")
        .and_then(|rest| rest.split(' ').next())
        // An account without a name is called by its number.
        .map(|uid| {
            uid.trim_end_matches(')')
                .split_once('(')
                .unwrap_or((uid, uid))
        })
    {
        words.insert("uid".into(), uid.into());
        words.insert("user".into(), user.into());
    }
    let uname = words.get("uname").cloned().unwrap_or_default();
    for (key, word) in ["hostname", "kernel", "arch"]
        .into_iter()
        .zip(uname.split(' '))
    {
        words.insert(key.into(), word.into());
    }
}

/// How a fact is told.
type Told = fn(&Facts) -> Value;

/// What a script finds in `h.facts`.
const FACTS: &[(&str, Told)] = &[
    ("addresses", |facts| {
        let addresses = facts.addresses.iter();
        Value::List(
            addresses
                .map(|address| Value::from(address.as_str()))
                .collect(),
        )
    }),
    ("arch", |facts| Value::from(facts.word("arch"))),
    ("cpus", |facts| {
        facts.number("cpus").map_or(Value::Null, Value::Int)
    }),
    ("hostname", |facts| Value::from(facts.word("hostname"))),
    ("init", |facts| Value::from(facts.word("init"))),
    ("kernel", |facts| Value::from(facts.word("kernel"))),
    ("machine_id", |facts| Value::from(facts.word("machine_id"))),
    ("memory_mib", |facts| {
        let kib = facts.number("memory_kib");
        kib.map_or(Value::Null, |kib| Value::Int(kib / 1024))
    }),
    ("os", |facts| Value::Map(facts.told(OS))),
    ("package_tool", |facts| {
        Value::from(facts.word("package_tool"))
    }),
    ("user", |facts| Value::from(facts.user.as_str())),
];

/// What it finds in `h.facts.os`.
const OS: &[(&str, Told)] = &[
    ("codename", |facts| Value::from(facts.word("os_codename"))),
    ("family", |facts| Value::from(facts.family())),
    ("id", |facts| Value::from(facts.word("os_id"))),
    ("name", |facts| Value::from(facts.word("os_name"))),
    ("version", |facts| Value::from(facts.word("os_version"))),
];

impl Facts {
    /// From what a host said to the question. `root` is the folder that its paths lie below.
    pub fn parse(text: &str, root: &str) -> Result<Facts> {
        let mut words = IndexMap::new();
        let mut addresses = Vec::new();
        for line in text.lines() {
            let Some((key, value)) = line.split_once('=') else {
                continue;
            };
            match key {
                "address" => addresses.push(value.to_string()),
                _ => {
                    words.insert(key.to_string(), value.to_string());
                }
            }
        }
        split_words(&mut words);
        let word = |key: &str| words.get(key).cloned().unwrap_or_default();
        let uid = word("uid").parse().map_err(|_| {
            Error::new(Kind::Unknown, "the host did not say what it is")
                .because(text.lines().take(3).collect::<Vec<_>>().join("; "))
        })?;
        Ok(Facts {
            addresses,
            init: match word("init").as_str() {
                "systemd" => Init::Systemd,
                other => Init::Other(other.to_string()),
            },
            package_tool: match word("package_tool").as_str() {
                "apt-get" => PackageTool::Apt,
                "dnf" | "yum" => PackageTool::Dnf,
                "sandbox" => PackageTool::Sandbox,
                other => PackageTool::Other(other.to_string()),
            },
            root: root.to_string(),
            uid,
            user: word("user"),
            words,
        })
    }

    #[must_use]
    pub fn is_root(&self) -> bool {
        self.uid == 0
    }

    fn word(&self, key: &str) -> &str {
        self.words.get(key).map_or("", String::as_str)
    }

    /// `debian` or `redhat`, else the distribution's own id.
    #[must_use]
    pub fn family(&self) -> &str {
        let ids = format!("{} {}", self.word("os_id"), self.word("os_like"));
        let has = |names: &[&str]| ids.split_whitespace().any(|id| names.contains(&id));
        if has(&["debian", "ubuntu"]) {
            "debian"
        } else if has(&["rhel", "fedora", "centos", "rocky", "almalinux", "ol"]) {
            "redhat"
        } else {
            self.word("os_id")
        }
    }

    /// As a script sees them: `h.facts.os.family`.
    #[must_use]
    pub fn to_value(&self) -> Map {
        self.told(FACTS)
    }

    fn told(&self, table: &[(&str, Told)]) -> Map {
        table
            .iter()
            .map(|(key, told)| ((*key).to_string(), told(self)))
            .collect()
    }

    fn number(&self, key: &str) -> Option<i64> {
        self.word(key).parse().ok()
    }

    /// The names of all facts.
    pub fn names() -> impl Iterator<Item = &'static str> {
        FACTS.iter().map(|(name, _)| *name)
    }

    /// The names of what is in `os`.
    pub fn names_of_os() -> impl Iterator<Item = &'static str> {
        OS.iter().map(|(name, _)| *name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_debian_host_is_understood() {
        let facts = Facts::parse("os_id=debian\nos_like=\ninit=systemd\nid=uid=0(root) gid=0(root) groups=0(root)\nuname=node-1 6.1.0 x86_64\npackage_tool=apt-get\naddress=10.10.10.10\n", "")
            .expect("parses");
        assert_eq!((facts.family(), facts.is_root()), ("debian", true));
        assert_eq!(
            (&facts.package_tool, &facts.init),
            (&PackageTool::Apt, &Init::Systemd)
        );
    }

    #[test]
    fn a_rocky_host_is_of_the_redhat_family() {
        let facts = Facts::parse("os_id=rocky\nos_like=rhel centos fedora\nid=uid=0(root) gid=0(root)\npackage_tool=dnf\n", "").expect("parses");
        assert_eq!(
            (facts.family(), &facts.package_tool),
            ("redhat", &PackageTool::Dnf)
        );
    }

    #[test]
    fn an_answer_without_facts_is_an_error() {
        assert!(Facts::parse("sh: id: not found\n", "").is_err());
    }
}
