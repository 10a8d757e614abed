//! `package`: packages are installed, absent, or held, by the host's own package manager.

use std::collections::HashMap;

use super::{Change, Plan, Primitive, Seen, Spec, could_not_tell, texts};
use crate::command::{line, quote};
use crate::error::{Error, Hint, Kind, Result};
use crate::host::{Facts, PackageTool, Pretended};
use crate::transport::Output;
use crate::value::Map;
use crate::word::{Arg, Args, Of, Section, Type, Word};

pub(super) const SPEC: Spec = Spec {
    build: |args| Ok(Box::new(Package::new(args))),
    word: Word::method(
        Section::Primitive,
        Of::Host,
        "package",
        "Keep packages installed, absent or held.\n\nUses apt or dnf, whichever the host has; any other tool is an error that names it. Package lists are refreshed\nonce when a candidate is missing, a busy lock is waited for, and an interrupted dpkg is repaired first.\nReturns `changed`, `what` and `packages`.",
    )
    .takes(&[Arg::new("names", Type::Texts, "packages, as the host's package tool calls them; `NAME=VERSION` for one of a version of its own")])
    .with(&[
        Arg::new("state", Type::OneOf(&["present", "absent", "held"]), "`present` by default; `held` is present and kept from upgrades"),
        Arg::new("version", Type::Text, "the exact version; any by default"),
        Arg::new("file", Type::Path, "a package file on the host to install from"),
        Arg::new("brings", Type::Texts, "directories that the packages are known to make, for a dry run: \"/var/lib/etcd etcd:etcd 0700\""),
        Arg::new("masked", Type::Texts, "units that the installation must neither start nor restart"),
        Arg::new("timeout", Type::Duration, "give up after this long; \"10m\" by default"),
    ])
    .gives(Type::Map)
    .example(r#"h.package(["etcd-server", "etcd-client"], #{ masked: "etcd" })"#),
};

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Absent,
    Held,
    Present,
}

struct Package {
    brings: Vec<String>,
    file: Option<String>,
    masked: Vec<String>,
    names: Vec<String>,
    /// Versions of single packages, `NAME=VERSION`.
    pinned: HashMap<String, String>,
    state: State,
    timeout: std::time::Duration,
    version: Option<String>,
}

/// One line of the host's answer.
struct Installed<'a> {
    held: bool,
    name: &'a str,
    whole: bool,
    version: &'a str,
}

impl Package {
    fn new(args: &Args) -> Package {
        let mut pinned = HashMap::new();
        let mut names = args.things();
        for name in &mut names {
            if let Some((bare, version)) = name.split_once('=') {
                let bare = bare.to_string();
                pinned.insert(bare.clone(), version.to_string());
                *name = bare;
            }
        }
        Package {
            brings: args.texts("brings"),
            file: args.text("file"),
            masked: args.texts("masked"),
            names,
            pinned,
            state: match args.text("state").as_deref() {
                Some("absent") => State::Absent,
                Some("held") => State::Held,
                _ => State::Present,
            },
            timeout: args
                .duration("timeout")
                .unwrap_or(std::time::Duration::from_mins(10)),
            version: args.text("version"),
        }
    }

    fn words(&self) -> String {
        line(self.names.iter().map(String::as_str))
    }

    /// The version that a package shall have, when one is asked for.
    fn wanted(&self, name: &str) -> Option<&str> {
        self.pinned
            .get(name)
            .or(self.version.as_ref())
            .map(String::as_str)
    }

    /// Names as the tool takes them, with the version when one is asked for.
    fn targets(&self, missing: &[&str], between: &str) -> String {
        if let Some(file) = &self.file {
            return quote(file);
        }
        let target = |name: &&str| match self.wanted(name) {
            Some(version) if self.state != State::Absent => {
                quote(&format!("{name}{between}{version}"))
            }
            _ => quote(name),
        };
        missing.iter().map(target).collect::<Vec<_>>().join(" ")
    }

    fn apt(&self, missing: &[&str]) -> String {
        let names = self.targets(missing, "=");
        let verb = match self.state {
            State::Absent => format!("remove --allow-change-held-packages {names}"),
            _ => format!("install --no-install-recommends --allow-downgrades {names}"),
        };
        format!("{APT}\napt_do {verb}")
    }

    fn dnf(&self, missing: &[&str]) -> String {
        let names = self.targets(missing, "-");
        let verb = if self.state == State::Absent {
            "remove"
        } else {
            "install"
        };
        format!(
            "tool=$(command -v dnf || command -v yum)\n\
             \"$tool\" -y {verb} {names} || {{ status=$?\n\
             [ {verb} = install ] || exit $status\n\
             # The lists may be older than the repository.\n\
             \"$tool\" -q makecache >/dev/null 2>&1; \"$tool\" -y {verb} {names}; }}"
        )
    }

    fn hold(&self, tool: &PackageTool) -> String {
        match tool {
            PackageTool::Apt => format!("apt-mark hold {} >/dev/null", self.words()),
            PackageTool::Sandbox => format!("etcdsh-package hold {}", self.words()),
            _ => format!("dnf -y versionlock add {} >/dev/null", self.words()),
        }
    }

    /// Keep the units from starting while `script` runs, however it ends.
    fn masking(&self, script: String, tool: &PackageTool) -> String {
        if self.masked.is_empty() || *tool == PackageTool::Sandbox {
            return script;
        }
        let units = line(self.masked.iter().map(String::as_str));
        let policy = if *tool == PackageTool::Apt {
            let names: Vec<String> = self
                .masked
                .iter()
                .map(|unit| unit.trim_end_matches(".service"))
                .flat_map(|unit| [quote(unit), quote(&format!("{unit}.service"))])
                .collect();
            POLICY.replace("UNITS", &names.join("|"))
        } else {
            "unpolicy() { :; }".into()
        };
        format!(
            "{policy}\n\
             systemctl mask --runtime --quiet {units} 2>/dev/null\n\
             trap 'unpolicy; systemctl unmask --runtime --quiet {units} 2>/dev/null' EXIT\n\
             trap 'exit 143' HUP INT TERM\n{script}"
        )
    }
}

/// A mask does not keep a unit of /etc from being restarted by a package's own scripts; this does, which they all ask first.
/// It speaks for these units only and for as long as this shell lives, and what an administrator has put there comes back.
const POLICY: &str = r#"policy=/usr/sbin/policy-rc.d
unpolicy() {
  if [ -e "$policy.before-etcdsh" ]; then mv -f "$policy.before-etcdsh" "$policy"
  elif grep -qs '^# etcdsh$' "$policy"; then rm -f "$policy"; fi
}
[ ! -e "$policy" ] || grep -qs '^# etcdsh$' "$policy" || mv -f "$policy" "$policy.before-etcdsh"
cat >"$policy" <<END
#!/bin/sh
# etcdsh
if [ -d /proc/$$ ]; then
  for word; do case \$word in UNITS) exit 101 ;; esac; done
fi
[ ! -x $policy.before-etcdsh ] || exec $policy.before-etcdsh "\$@"
END
chmod 755 "$policy""#;

/// Only a busy list is waited for by ourselves: apt waits for dpkg's lock when told to.
const APT: &str = r#"export DEBIAN_FRONTEND=noninteractive
apt_try() { apt-get -y -q -o DPkg::Lock::Timeout=300 -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold "$@"; }
apt_update() {
  tries=0
  until said=$(apt-get -q update 2>&1); do
    case $said in *"Could not get lock"*|*"Unable to lock"*) ;; *) printf '%s\n' "$said" >&2; return 1 ;; esac
    tries=$((tries + 1)); [ $tries -lt 60 ] || { printf '%s\n' "$said" >&2; return 1; }
    sleep 5
  done
}
apt_do() {
  if [ -n "$(ls /var/lib/dpkg/updates 2>/dev/null)" ] || dpkg-query -W -f '${db:Status-Abbrev}\n' | grep -q '^.[HUFWt]'; then
    tries=0
    until said=$(dpkg --configure -a 2>&1); do
      case $said in *lock*) ;; *) printf '%s\n' "$said" >&2; break ;; esac
      tries=$((tries + 1)); [ $tries -lt 60 ] || break
      sleep 5
    done
  fi
  said=$(apt_try "$@" 2>&1) && return 0
  case $said in
    *"Unable to locate"*|*"no installation candidate"*|*"was not found"*|*"Unable to fetch"*|*"Failed to fetch"*|*"not installable"*)
      apt_update && said=$(apt_try "$@" 2>&1) && return 0 ;;
  esac
  printf '%s\n' "$said" | grep -E '^(E|W|N|dpkg|debconf):|error|No space' | tail -n 8 >&2
  return 100
}"#;

/// `/var/lib/etcd etcd:etcd 0700`
fn brought(line: &str) -> Option<(String, (u32, String, String))> {
    let mut words = line.split_whitespace();
    let (path, (owner, group), mode) =
        (words.next()?, words.next()?.split_once(':')?, words.next()?);
    Some((
        path.into(),
        (
            u32::from_str_radix(mode, 8).ok()?,
            owner.into(),
            group.into(),
        ),
    ))
}

fn parse(text: &str) -> Vec<Installed<'_>> {
    text.lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            let (name, version, status) = (words.next()?, words.next()?, words.next()?);
            Some(Installed {
                held: words.next() == Some("hold"),
                name,
                version,
                whole: status == "installed",
            })
        })
        .collect()
}

impl Primitive for Package {
    fn subject(&self) -> String {
        format!("package {}", self.names.join(", "))
    }

    fn names_thing(&self) -> bool {
        true
    }

    fn ask(&self, facts: &Facts) -> Result<String> {
        let names = self.words();
        Ok(match &facts.package_tool {
            PackageTool::Apt => {
                format!(
                    "dpkg-query -W -f '${{Package}} ${{Version}} ${{db:Status-Status}} ${{db:Status-Want}}\\n' {names}; [ $? -le 1 ]"
                )
            }
            PackageTool::Dnf => format!(
                // Its status is the number of packages that are not installed, a broken database counted in.
                "said=$(rpm -q --qf '%{{NAME}} %{{VERSION}} installed -\\n' {names} 2>&1); status=$?\n\
                 case \"$status $said\" in 127\\ *|*'error: '*) printf '%s\\n' \"$said\" >&2; exit 2 ;; esac\n\
                 printf '%s\\n' \"$said\" | grep ' installed '; :"
            ),
            PackageTool::Sandbox => format!("etcdsh-package query {names}"),
            PackageTool::Other(tool) => {
                let what = if tool.is_empty() {
                    "there is neither apt nor dnf on the host".into()
                } else {
                    format!("packages by `{tool}` are not supported: apt and dnf are")
                };
                return Err(Error::new(Kind::Remote, what).hint(format!(
                    "install {} by hand and skip the task with --skip-tags",
                    self.names.join(", ")
                )));
            }
        })
    }

    fn plan(&self, seen: &Seen<'_>) -> Result<Plan> {
        if seen.answer.status != 0 {
            return Err(could_not_tell(&self.subject(), seen.answer));
        }
        let text = seen.answer.text();
        let installed = parse(&text);
        let is_right = |name: &&str| {
            // Check mode has installed or removed it before: no version is known of that.
            if let Some(installed) = seen.pretended.packages.get(*name) {
                return *installed == (self.state != State::Absent);
            }
            let found = installed.iter().find(|package| package.name == *name);
            let whole = found.filter(|package| package.whole);
            match self.state {
                State::Absent => whole.is_none(),
                _ => whole.is_some_and(|package| {
                    let version = self.wanted(name);
                    version.is_none_or(|version| version == package.version)
                }),
            }
        };
        let missing: Vec<&str> = self
            .names
            .iter()
            .map(String::as_str)
            .filter(|name| !is_right(name))
            .collect();
        let tool = &seen.facts.package_tool;
        let hold = self.state == State::Held
            && self
                .names
                .iter()
                .any(|name| !installed.iter().any(|p| p.name == name && p.held));
        if missing.is_empty() && !hold {
            return Ok(Plan::Unchanged);
        }
        let mut what = Vec::new();
        let mut script = String::new();
        if !missing.is_empty() {
            let verb = if self.state == State::Absent {
                "remove"
            } else {
                "install"
            };
            let told = |name: &&str| match self.wanted(name) {
                Some(version) if self.state != State::Absent => format!("{name}={version}"),
                _ => (*name).to_string(),
            };
            let told: Vec<String> = missing.iter().map(told).collect();
            what.push(format!("{verb} {}", told.join(", ")));
            script = match tool {
                PackageTool::Apt => self.apt(&missing),
                PackageTool::Sandbox => {
                    format!("etcdsh-package {verb} {}", self.targets(&missing, "="))
                }
                _ => self.dnf(&missing),
            };
        }
        if hold {
            what.push("hold".into());
            script = if script.is_empty() {
                self.hold(tool)
            } else {
                format!("{{ {script}\n}} && {}", self.hold(tool))
            };
        }
        let shown = what.join(", ");
        Ok(Plan::Change(Change {
            script: self.masking(script, tool),
            shown,
            timeout: Some(self.timeout),
            what,
            ..Change::default()
        }))
    }

    fn result(&self, _: &Seen<'_>, _: Option<&Output>) -> Map {
        let names: Vec<&str> = self.names.iter().map(String::as_str).collect();
        [("packages".to_string(), texts(&names))].into()
    }

    fn pretend(&self, pretended: &mut Pretended, _: &Change) {
        let installed = self.state != State::Absent;
        let names = self.names.iter().cloned();
        pretended
            .packages
            .extend(names.map(|name| (name, installed)));
        if installed {
            let newer = self.names.iter().map(|name| format!("package:{name}"));
            pretended.newer.extend(newer);
            pretended
                .brought
                .extend(self.brings.iter().filter_map(|line| brought(line)));
        }
    }

    fn judge(&self, change: &Change, output: &Output) -> Result<()> {
        if output.status == 0 {
            return Ok(());
        }
        let missing = [
            "Unable to locate",
            "no installation candidate",
            "was not found",
            "No match for argument",
            "Unable to find a match",
        ];
        let absent = missing
            .iter()
            .any(|text| output.stderr.contains(text) || output.text().contains(text));
        let what = if absent {
            format!("package {} was not found", self.names.join(", "))
        } else {
            format!("{} failed", change.shown)
        };
        let mut error = Error::new(Kind::Remote, what);
        error.command = Some(format!("{} (exit {})", change.shown, output.status));
        error.stderr = decisive(if output.stderr.trim().is_empty() {
            output.text()
        } else {
            output.stderr.clone()
        });
        if absent {
            error = error.hint("add the repository that has it, or name the right packages: -e '{\"etcd_packages\": [...]}'");
        } else if output.stderr.contains("No space left") {
            error = error.hint(Hint::OnHost("df -h / /var".into()));
        } else if output.stderr.contains("Failed to fetch") {
            error = error.hint(Hint::OnHost("apt-get update".into()));
        }
        Err(error)
    }
}
/// The errors of apt where repositories do not answer: each address that it tried is of no use.
fn decisive(said: String) -> String {
    let errors: Vec<&str> = said
        .lines()
        .filter(|line| line.starts_with("E: "))
        .collect();
    if errors.is_empty() || !said.lines().any(|line| line.starts_with("Err:")) {
        said
    } else {
        errors.join("\n")
    }
}
