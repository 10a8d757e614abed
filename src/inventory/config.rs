//! The few settings of `ansible.cfg` that concern hosts and logins, with their environment variables.

use std::collections::HashMap;
use std::env;
use std::path::{Path, PathBuf};

use super::load;
use super::node::Source;
use super::scalar;
use super::trust::distrusted;
use super::value::Value;
use crate::error::{Error, Result};

/// Section, setting and environment variable of what is read besides the settings of `[defaults]`.
const HEARD: [(&str, &str, &str); 8] = [
    ("defaults", "remote_port", "ANSIBLE_REMOTE_PORT"),
    ("privilege_escalation", "become", "ANSIBLE_BECOME"),
    (
        "privilege_escalation",
        "become_ask_pass",
        "ANSIBLE_BECOME_ASK_PASS",
    ),
    (
        "privilege_escalation",
        "become_method",
        "ANSIBLE_BECOME_METHOD",
    ),
    ("privilege_escalation", "become_user", "ANSIBLE_BECOME_USER"),
    ("ssh_connection", "ssh_args", "ANSIBLE_SSH_ARGS"),
    (
        "ssh_connection",
        "ssh_common_args",
        "ANSIBLE_SSH_COMMON_ARGS",
    ),
    ("ssh_connection", "ssh_extra_args", "ANSIBLE_SSH_EXTRA_ARGS"),
];

/// What is not read and would change which hosts are reached, how, or with which values: section, setting, the value
/// that changes nothing, and what happens instead.
const UNHEARD: [(&str, &str, &str, &str); 12] = [
    (
        "defaults",
        "become_password_file",
        "",
        "`-K` asks for the password",
    ),
    (
        "defaults",
        "connection_password_file",
        "",
        "`-k` asks for the password",
    ),
    (
        "defaults",
        "hash_behaviour",
        "replace",
        "a mapping replaces one of the same name",
    ),
    (
        "defaults",
        "inventory_ignore_extensions",
        "",
        "the usual endings are ignored in a folder",
    ),
    (
        "defaults",
        "jinja2_extensions",
        "",
        "templates have the usual words",
    ),
    (
        "defaults",
        "transport",
        "smart",
        "hosts are reached by ssh, or by `ansible_connection`",
    ),
    (
        "inventory",
        "ignore_extensions",
        "",
        "the usual endings are ignored in a folder",
    ),
    (
        "inventory",
        "ignore_patterns",
        "",
        "only the usual endings are ignored in a folder",
    ),
    (
        "privilege_escalation",
        "become_exe",
        "sudo",
        "`sudo` is run",
    ),
    (
        "privilege_escalation",
        "become_flags",
        "",
        "`sudo` is run with flags of ours",
    ),
    ("ssh_connection", "ssh_executable", "ssh", "`ssh` is run"),
    (
        "sudo_become_plugin",
        "flags",
        "",
        "`sudo` is run with flags of ours",
    ),
];

fn variable(section: &str, name: &str) -> Option<&'static str> {
    let found = HEARD
        .iter()
        .find(|(place, setting, _)| *place == section && *setting == name);
    found.map(|(.., variable)| *variable)
}

/// What `ansible.cfg` and `ANSIBLE_*` say; `None` where they say nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AnsibleConfig {
    pub r#become: Option<bool>,
    pub become_ask_pass: bool,
    pub become_method: Option<String>,
    pub become_user: Option<String>,
    /// The file that was read.
    /// Ask for the password of ansible-vault.
    pub ask_vault_pass: bool,
    pub file: Option<String>,
    pub forks: Option<u32>,
    pub host_key_checking: Option<bool>,
    pub inventory: Option<Vec<String>>,
    pub private_key_file: Option<String>,
    pub remote_user: Option<String>,
    pub remote_port: Option<u16>,
    /// Options of ssh, as ssh takes them: in the place of its default ones, with them, and after them.
    pub ssh_args: Option<String>,
    pub ssh_common_args: Option<String>,
    pub ssh_extra_args: Option<String>,
    /// Seconds.
    pub timeout: Option<u32>,
    /// `LABEL@FILE`, as `--vault-id` takes them.
    pub vault_identity_list: Vec<String>,
    pub vault_password_file: Option<String>,
    pub warnings: Vec<String>,
}

impl AnsibleConfig {
    /// Read what applies in this folder: `$ANSIBLE_CONFIG`, `./ansible.cfg` or `~/.ansible.cfg`, then the environment.
    pub fn load() -> Result<AnsibleConfig> {
        let env: HashMap<String, String> = env::vars()
            .filter(|(name, _)| name.starts_with("ANSIBLE_") || name == "HOME")
            .collect();
        AnsibleConfig::load_from(Path::new("."), &env)
    }

    pub(super) fn load_from(dir: &Path, env: &HashMap<String, String>) -> Result<AnsibleConfig> {
        let mut config = AnsibleConfig::default();
        if let Some(path) = config.find(dir, env) {
            let source = Source::new(path.display().to_string(), load::read_text(&path)?);
            config.file = Some(source.name().to_string());
            config.read_file(&source, path.parent().unwrap_or(Path::new("")))?;
        }
        config.read_env(dir, env)?;
        Ok(config)
    }

    fn find(&mut self, dir: &Path, env: &HashMap<String, String>) -> Option<PathBuf> {
        let named = env
            .get("ANSIBLE_CONFIG")
            .filter(|path| !path.is_empty())
            .map(|path| load::expand_home(path));
        // A folder named there stands for the file in it.
        let named = named.map(|path| {
            if path.is_dir() {
                path.join("ansible.cfg")
            } else {
                path
            }
        });
        if let Some(path) = named.filter(|path| path.exists()) {
            return Some(path);
        }
        let here = load::join(dir, "ansible.cfg");
        if here.exists() {
            let Some(why) = distrusted(&here) else {
                return Some(here);
            };
            self.warnings.push(format!(
                "{} is ignored because {why}; name it with ANSIBLE_CONFIG to use it",
                here.display()
            ));
        }
        let home = Path::new(env.get("HOME")?).join(".ansible.cfg");
        [home, PathBuf::from("/etc/ansible/ansible.cfg")]
            .into_iter()
            .find(|path| path.exists())
    }

    fn read_file(&mut self, source: &Source, dir: &Path) -> Result<()> {
        let mut section = String::new();
        for (index, line) in source.text().lines().enumerate() {
            let text = line.trim();
            if text.is_empty() || text.starts_with(['#', ';']) {
                continue;
            }
            if let Some(name) = text
                .strip_prefix('[')
                .and_then(|text| text.split(']').next())
            {
                section = name.trim().to_string();
                continue;
            }
            // A line that goes on from the one before; no setting that is read here has one.
            if line.starts_with([' ', '\t']) {
                continue;
            }
            let Some((name, value)) = text.split_once(['=', ':']) else {
                return Err(Error::config("a line of `ansible.cfg` without `=`")
                    .at(source.spot(index + 1, 1).place()));
            };
            let value = without_comment(value.trim());
            let bad = |error: Box<Error>| error.at(source.spot(index + 1, 1).place());
            let name = name.trim().to_lowercase();
            if let Some((.., what)) = UNHEARD.iter().find(|(place, setting, plain, _)| {
                *place == section && *setting == name && *plain != value.to_lowercase()
            }) {
                let file = source.name();
                self.warnings.push(format!(
                    "{file}:{}: `{name}` is left out: {what}",
                    index + 1
                ));
            }
            if let Some(name) = variable(&section, &name) {
                self.set(name, value).map_err(bad)?;
            }
            if section != "defaults" {
                continue;
            }
            match name.as_str() {
                "ask_vault_pass" => {
                    self.ask_vault_pass = flag("ask_vault_pass", value).map_err(bad)?;
                }
                "forks" => self.forks = Some(number("forks", value).map_err(bad)?),
                "host_key_checking" => {
                    self.host_key_checking = Some(flag("host_key_checking", value).map_err(bad)?);
                }
                "inventory" => self.inventory = Some(paths(value, dir)),
                "private_key_file" => self.private_key_file = Some(path_from(value, dir)),
                "remote_user" => self.remote_user = Some(value.to_string()),
                "timeout" => self.timeout = Some(number("timeout", value).map_err(bad)?),
                "vault_identity_list" => self.vault_identity_list = vault_ids(value, dir),
                "vault_password_file" => self.vault_password_file = Some(path_from(value, dir)),
                _ => {}
            }
        }
        Ok(())
    }

    /// Set what an environment variable of [`HEARD`] is for.
    fn set(&mut self, name: &'static str, value: &str) -> Result<()> {
        let text = || Some(value.to_string());
        match name {
            "ANSIBLE_BECOME" => self.r#become = Some(flag(name, value)?),
            "ANSIBLE_BECOME_ASK_PASS" => self.become_ask_pass = flag(name, value)?,
            "ANSIBLE_BECOME_METHOD" => self.become_method = text(),
            "ANSIBLE_BECOME_USER" => self.become_user = text(),
            "ANSIBLE_REMOTE_PORT" => {
                self.remote_port = Some(value.trim().parse().map_err(|_| {
                    Error::config(format!("`remote_port` needs a port, not `{value}`"))
                })?);
            }
            "ANSIBLE_SSH_ARGS" => self.ssh_args = text(),
            "ANSIBLE_SSH_COMMON_ARGS" => self.ssh_common_args = text(),
            "ANSIBLE_SSH_EXTRA_ARGS" => self.ssh_extra_args = text(),
            _ => {}
        }
        Ok(())
    }

    fn read_env(&mut self, dir: &Path, env: &HashMap<String, String>) -> Result<()> {
        let dir = if dir == Path::new(".") {
            Path::new("")
        } else {
            dir
        };
        let get = |name: &str| env.get(name).map(String::as_str);
        for (.., name) in HEARD {
            if let Some(value) = get(name) {
                self.set(name, value)?;
            }
        }
        if let Some(value) = get("ANSIBLE_ASK_VAULT_PASS") {
            self.ask_vault_pass = flag("ANSIBLE_ASK_VAULT_PASS", value)?;
        }
        if let Some(value) = get("ANSIBLE_FORKS") {
            self.forks = Some(number("ANSIBLE_FORKS", value)?);
        }
        if let Some(value) = get("ANSIBLE_HOST_KEY_CHECKING") {
            self.host_key_checking = Some(flag("ANSIBLE_HOST_KEY_CHECKING", value)?);
        }
        if let Some(value) = get("ANSIBLE_INVENTORY") {
            self.inventory = Some(paths(value, dir));
        }
        if let Some(value) = get("ANSIBLE_PRIVATE_KEY_FILE") {
            self.private_key_file = Some(path_from(value, dir));
        }
        if let Some(value) = get("ANSIBLE_REMOTE_USER") {
            self.remote_user = Some(value.to_string());
        }
        if let Some(value) = get("ANSIBLE_TIMEOUT") {
            self.timeout = Some(number("ANSIBLE_TIMEOUT", value)?);
        }
        if let Some(value) = get("ANSIBLE_VAULT_IDENTITY_LIST") {
            self.vault_identity_list = vault_ids(value, dir);
        }
        if let Some(value) = get("ANSIBLE_VAULT_PASSWORD_FILE").filter(|path| !path.is_empty()) {
            self.vault_password_file = Some(path_from(value, dir));
        }
        Ok(())
    }
}

/// A setting without its comment and quotes. Only ` ;` begins a comment inside a line; `#` is a letter there,
/// as for Python's configparser set up by Ansible.
fn without_comment(value: &str) -> &str {
    let value = value
        .find(" ;")
        .map_or(value, |byte| value[..byte].trim_end());
    let quote = value
        .chars()
        .next()
        .filter(|letter| "'\"".contains(*letter));
    quote
        .and_then(|quote| value[1..].strip_suffix(quote))
        .unwrap_or(value)
}

fn number(name: &str, value: &str) -> Result<u32> {
    value
        .trim()
        .parse()
        .map_err(|_| Error::config(format!("`{name}` needs a number, not `{value}`")))
}

fn flag(name: &str, value: &str) -> Result<bool> {
    let word = value.trim().to_lowercase();
    scalar::boolean(&word)
        .or_else(|| Value::from(word.as_str()).as_bool())
        .ok_or_else(|| Error::config(format!("`{name}` needs true or false, not `{value}`")))
}

/// A list of sources at commas; a list of hosts keeps its commas.
fn paths(value: &str, dir: &Path) -> Vec<String> {
    value
        .split(',')
        .map(str::trim)
        .filter(|path| !path.is_empty())
        .map(|path| path_from(path, dir))
        .collect()
}

/// `LABEL@FILE` at commas, a file beside `ansible.cfg` by its path.
fn vault_ids(value: &str, dir: &Path) -> Vec<String> {
    let ids = value.split(',').map(str::trim).filter(|id| !id.is_empty());
    ids.map(|id| match id.split_once('@') {
        Some((_, "prompt" | "prompt_ask_vault_pass")) => id.to_string(),
        Some((label, file)) => format!("{label}@{}", path_from(file, dir)),
        None if id == "prompt" => id.to_string(),
        None => path_from(id, dir),
    })
    .collect()
}

fn path_from(value: &str, dir: &Path) -> String {
    let path = load::expand_home(value.trim());
    if path.is_absolute() || dir.as_os_str().is_empty() {
        path.display().to_string()
    } else {
        dir.join(path).display().to_string()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn env(pairs: &[(&str, &str)]) -> HashMap<String, String> {
        pairs
            .iter()
            .map(|(name, value)| ((*name).to_string(), (*value).to_string()))
            .collect()
    }

    #[test]
    fn the_file_is_read_and_the_environment_wins() {
        let dir = tempfile::tempdir().unwrap();
        let text = "# x\n[defaults]\ninventory = pigsty.yml, extra/   ; comment\nforks=\"10\"\nhost_key_checking = False\ntimeout: 15\n[ssh_connection]\nforks = 99\n";
        fs::write(dir.path().join("ansible.cfg"), text).unwrap();
        let config = AnsibleConfig::load_from(
            dir.path(),
            &env(&[("ANSIBLE_FORKS", "3"), ("ANSIBLE_REMOTE_USER", "dba")]),
        )
        .unwrap();
        let inventory = config.inventory.unwrap();
        assert_eq!(
            inventory,
            [
                dir.path().join("pigsty.yml").display().to_string(),
                dir.path().join("extra/").display().to_string()
            ]
        );
        assert_eq!(
            (config.forks, config.host_key_checking, config.timeout),
            (Some(3), Some(false), Some(15))
        );
        assert_eq!(config.remote_user.as_deref(), Some("dba"));
    }

    #[test]
    fn ssh_and_become_are_read_and_what_matters_is_warned_of() {
        let dir = tempfile::tempdir().unwrap();
        let text = "[defaults]\nhash_behaviour = merge\ntransport = smart\nremote_port = 2222\n[ssh_connection]\nssh_args = -F bastion.cfg -o ControlMaster=auto\npipelining = True\n[privilege_escalation]\nbecome = yes\nbecome_user = dba\nbecome_flags = -H -S\n";
        fs::write(dir.path().join("ansible.cfg"), text).unwrap();
        let variables = env(&[
            ("ANSIBLE_BECOME_USER", "root"),
            ("ANSIBLE_SSH_EXTRA_ARGS", "-v"),
        ]);
        let config = AnsibleConfig::load_from(dir.path(), &variables).unwrap();
        assert_eq!(
            config.ssh_args.as_deref(),
            Some("-F bastion.cfg -o ControlMaster=auto")
        );
        assert_eq!(config.ssh_extra_args.as_deref(), Some("-v"));
        assert_eq!(
            (config.r#become, config.remote_port),
            (Some(true), Some(2222))
        );
        assert_eq!(config.become_user.as_deref(), Some("root"));
        let warned: Vec<&str> = config
            .warnings
            .iter()
            .map(|warning| warning.split(".cfg:").nth(1).unwrap())
            .collect();
        assert_eq!(
            warned,
            [
                "2: `hash_behaviour` is left out: a mapping replaces one of the same name",
                "11: `become_flags` is left out: `sudo` is run with flags of ours"
            ]
        );
    }

    #[test]
    fn a_folder_everyone_may_write_to_is_not_trusted() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("ansible.cfg"), "[defaults]\nforks = 7\n").unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o777)).unwrap();
        let config = AnsibleConfig::load_from(dir.path(), &env(&[])).unwrap();
        assert_eq!(config.forks, None);
        assert_eq!(config.warnings.len(), 1);
        let path = dir.path().join("ansible.cfg").display().to_string();
        let config =
            AnsibleConfig::load_from(dir.path(), &env(&[("ANSIBLE_CONFIG", &path)])).unwrap();
        assert_eq!(config.forks, Some(7));
    }

    #[test]
    fn a_bad_number_says_where() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("ansible.cfg"), "[defaults]\nforks = many\n").unwrap();
        let error = AnsibleConfig::load_from(dir.path(), &env(&[])).unwrap_err();
        assert_eq!(error.what, "`forks` needs a number, not `many`");
        assert_eq!(error.at.unwrap().line, 2);
    }
}
