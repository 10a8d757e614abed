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

/// What `ansible.cfg` and `ANSIBLE_*` say; `None` where they say nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AnsibleConfig {
    /// The file that was read.
    pub file: Option<String>,
    pub forks: Option<u32>,
    pub host_key_checking: Option<bool>,
    pub inventory: Option<Vec<String>>,
    pub private_key_file: Option<String>,
    pub remote_user: Option<String>,
    /// Seconds.
    pub timeout: Option<u32>,
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
            if section != "defaults" {
                continue;
            }
            let value = without_comment(value.trim());
            let bad = |error: Box<Error>| error.at(source.spot(index + 1, 1).place());
            match name.trim().to_lowercase().as_str() {
                "forks" => self.forks = Some(number("forks", value).map_err(bad)?),
                "host_key_checking" => {
                    self.host_key_checking = Some(flag("host_key_checking", value).map_err(bad)?);
                }
                "inventory" => self.inventory = Some(paths(value, dir)),
                "private_key_file" => self.private_key_file = Some(path_from(value, dir)),
                "remote_user" => self.remote_user = Some(value.to_string()),
                "timeout" => self.timeout = Some(number("timeout", value).map_err(bad)?),
                _ => {}
            }
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
