//! From a host's variables and the user's options to the way to reach it.

use std::path::PathBuf;
use std::time::Duration;

use crate::command;
use crate::error::{Error, Result};
use crate::host::Link;
use crate::inventory::{AnsibleConfig, Inventory, LOCALHOST, Value};
use crate::secret::Secret;
use crate::transport::{Become, HostKeys, Method, Target, Way};

/// What the command line and `ansible.cfg` say about logging in; variables of a host win over it.
#[derive(Clone, Debug, Default)]
pub struct Login {
    /// `--become-method`, or that of `ansible.cfg`.
    pub become_method: Option<String>,
    /// `-b`.
    pub become_root: bool,
    pub become_password: Option<Secret>,
    /// `--become-user`.
    pub become_user: Option<String>,
    /// `-c`.
    pub connection: Option<String>,
    /// `--ssh-common-args`.
    pub common_args: Option<String>,
    pub config: AnsibleConfig,
    pub password: Option<Secret>,
    pub private_key: Option<String>,
    pub timeout: Option<u64>,
    pub user: Option<String>,
}

/// The variables of one host that say how it is reached.
pub(super) struct Vars<'a> {
    pub(super) host: &'a str,
    pub(super) inventory: &'a Inventory,
}

impl Vars<'_> {
    /// The first of these variables that is set.
    fn value(&self, names: &[&str]) -> Result<Option<Value>> {
        for name in names {
            if let Some(value) = self.inventory.var(self.host, name)?
                && value != Value::Null
            {
                return Ok(Some(value));
            }
        }
        Ok(None)
    }

    pub(super) fn text(&self, names: &[&str]) -> Result<Option<String>> {
        Ok(self.value(names)?.map(|value| value.to_text()))
    }

    fn bool(&self, names: &[&str]) -> Result<Option<bool>> {
        let Some(value) = self.value(names)? else {
            return Ok(None);
        };
        value.as_bool().map(Some).ok_or_else(|| {
            Error::config(format!(
                "`{}` takes true or false, not `{}`",
                names[0],
                value.shown()
            ))
            .on(self.host)
        })
    }

    /// Which of these variables is set, and where: for an error about its value.
    fn place(&self, names: &[&str]) -> Option<String> {
        let is_set = |name: &&&str| {
            self.inventory
                .var(self.host, name)
                .is_ok_and(|value| value.is_some())
        };
        let name = names.iter().find(is_set)?;
        Some(format!(
            "`{name}`{}",
            super::member::written(self.inventory, self.host, name)
        ))
    }

    fn words(&self, names: &[&str]) -> Result<Vec<String>> {
        let Some(text) = self.text(names)? else {
            return Ok(Vec::new());
        };
        command::split(&text).ok_or_else(|| {
            Error::config(format!("a quote stays open in `{}`", names[0])).on(self.host)
        })
    }
}

/// The way to `host`. Nothing is opened yet. On a `visit` nothing will be changed.
pub fn link(
    inventory: &Inventory,
    login: &Login,
    host: &str,
    become_root: bool,
    visit: bool,
) -> Result<Link> {
    let vars = Vars { host, inventory };
    let named = inventory.has_host(host);
    if !named && !LOCALHOST.contains(&host) {
        return Err(Error::config(format!(
            "there is no host `{host}` in the inventory"
        )));
    }
    let connection = vars
        .text(&["ansible_connection"])?
        .or_else(|| login.connection.clone())
        .unwrap_or_else(|| "ssh".into());
    // This machine, when no inventory lists it, is never a sandbox host.
    let connection = if !named && connection == "sandbox" {
        "local".into()
    } else {
        connection
    };
    let escalate = escalation(&vars, login, become_root)?;
    match connection.as_str() {
        "ssh" | "smart" | "openssh" | "ansible.builtin.ssh" => Ok(Link::new(
            host,
            Way::Ssh(Box::new(target(&vars, login)?)),
            escalate,
            None,
        )),
        "local" | "ansible.builtin.local" => Ok(Link::new(host, Way::Local, escalate, None)),
        "sandbox" => {
            let root = vars.text(&["sandbox_root"])?.map_or_else(
                || crate::sandbox::folder().map(|folder| folder.join(host)),
                |root| Ok(PathBuf::from(root)),
            )?;
            crate::sandbox::prepare(&root, visit)?;
            Ok(Link::new(
                host,
                Way::Local,
                None,
                Some(root.display().to_string()),
            ))
        }
        other => Err(
            Error::config(format!("connection `{other}` is not supported"))
                .because("there are ssh, local and sandbox")
                .on(host),
        ),
    }
}

/// How ssh reaches a host; `None` when it is this machine.
pub(super) fn ssh_target(
    inventory: &Inventory,
    login: &Login,
    host: &str,
) -> Result<Option<Target>> {
    let vars = Vars { host, inventory };
    match vars.text(&["ansible_connection"])?.as_deref() {
        Some("local" | "ansible.builtin.local" | "sandbox") => Ok(None),
        _ => target(&vars, login).map(Some),
    }
}

fn escalation(vars: &Vars<'_>, login: &Login, become_root: bool) -> Result<Option<Become>> {
    if !vars.bool(&["ansible_become"])?.unwrap_or(become_root) {
        return Ok(None);
    }
    let method = match vars.text(&["ansible_become_method"])? {
        Some(method) => Some(method),
        None => login.become_method.clone(),
    };
    let method = match method {
        None => Method::default(),
        Some(name) => Method::named(&name).ok_or_else(|| {
            Error::config(format!("`ansible_become_method: {name}` is not supported"))
                .because("there are sudo, su and doas")
                .on(vars.host)
        })?,
    };
    let names = [
        "ansible_become_password",
        "ansible_become_pass",
        match method {
            Method::Doas => "ansible_doas_pass",
            Method::Su => "ansible_su_pass",
            Method::Sudo => "ansible_sudo_pass",
        },
    ];
    let password = vars
        .text(&names)?
        .map(Secret::new)
        .or_else(|| login.become_password.clone());
    let user = vars
        .text(&["ansible_become_user"])?
        .or_else(|| login.become_user.clone())
        .unwrap_or_else(|| "root".into());
    Ok(Some(Become {
        method,
        password,
        set_by: vars.place(&names),
        user,
    }))
}

fn target(vars: &Vars<'_>, login: &Login) -> Result<Target> {
    let destination = vars
        .text(&["ansible_host", "ansible_ssh_host"])?
        .unwrap_or_else(|| vars.host.to_string());
    if destination.starts_with('-') {
        return Err(
            Error::config(format!("`ansible_host` cannot be `{destination}`")).on(vars.host),
        );
    }
    let port = match vars.value(&["ansible_port", "ansible_ssh_port"])? {
        None => login.config.remote_port,
        Some(value) => Some(
            value
                .as_int()
                .and_then(|port| u16::try_from(port).ok())
                .filter(|port| *port > 0)
                .ok_or_else(|| {
                    Error::config(format!(
                        "`ansible_port` takes a port, not `{}`",
                        value.shown()
                    ))
                    .on(vars.host)
                })?,
        ),
    };
    let mut options = match &login.config.ssh_args {
        Some(text) if vars.value(&["ansible_ssh_args"])?.is_none() => {
            let words = command::split(text).ok_or_else(|| {
                Error::config("a quote stays open in `ssh_args` of `ansible.cfg`")
            })?;
            without_control(words)
        }
        _ => vars.words(&["ansible_ssh_args"])?,
    };
    match &login.common_args {
        Some(text) if vars.value(&["ansible_ssh_common_args"])?.is_none() => {
            options.extend(
                command::split(text)
                    .ok_or_else(|| Error::usage("a quote stays open in --ssh-common-args"))?,
            );
        }
        _ => options.extend(vars.words(&["ansible_ssh_common_args"])?),
    }
    options.extend(vars.words(&["ansible_ssh_extra_args"])?);
    let checking = vars
        .bool(&["ansible_host_key_checking", "ansible_ssh_host_key_checking"])?
        .or(login.config.host_key_checking);
    let host_keys = match checking {
        None => HostKeys::AcceptNew,
        Some(true) => HostKeys::Strict,
        Some(false) => HostKeys::Ignore,
    };
    let key = vars.text(&["ansible_ssh_private_key_file", "ansible_private_key_file"])?;
    let key = key
        .or_else(|| login.private_key.clone())
        .or_else(|| login.config.private_key_file.clone());
    let timeout = match vars
        .value(&["ansible_timeout", "ansible_ssh_timeout"])?
        .and_then(|value| value.as_int())
    {
        Some(seconds) => u64::try_from(seconds).unwrap_or(10),
        None => login
            .timeout
            .or(login.config.timeout.map(u64::from))
            .unwrap_or(10),
    };
    let passwords = [
        "ansible_password",
        "ansible_ssh_pass",
        "ansible_ssh_password",
    ];
    Ok(Target {
        destination,
        host_keys,
        key: key.map(|path| expand_home(&path)),
        options,
        password: vars
            .text(&passwords)?
            .map(Secret::new)
            .or_else(|| login.password.clone()),
        port,
        set_by: vars.place(&passwords),
        timeout: Duration::from_secs(timeout.max(1)),
        user: vars
            .text(&["ansible_user", "ansible_ssh_user"])?
            .or_else(|| login.user.clone())
            .or_else(|| login.config.remote_user.clone()),
    })
}

/// Options without those of shared connections, which are ours to make. Most `ssh_args` are nothing else.
fn without_control(words: Vec<String>) -> Vec<String> {
    let is_control = |option: &str| {
        let option = option.trim_start_matches("-o").trim_start().to_lowercase();
        ["controlmaster", "controlpath", "controlpersist"]
            .iter()
            .any(|name| option.starts_with(name))
    };
    let mut kept: Vec<String> = Vec::new();
    for word in words {
        if !is_control(&word) {
            kept.push(word);
        } else if kept.last().is_some_and(|last| last == "-o") {
            kept.pop();
        }
    }
    kept
}

fn expand_home(path: &str) -> String {
    match (path.strip_prefix("~/"), std::env::var("HOME")) {
        (Some(rest), Ok(home)) => format!("{home}/{rest}"),
        _ => path.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ssh_args_of_ansible_cfg_are_used_unless_the_host_has_its_own() {
        let yaml = "all: { hosts: { a: , b: { ansible_ssh_args: -4, ansible_port: 22 } } }";
        let inventory = Inventory::parse("t.yml", yaml).expect("it is an inventory");
        let mut login = Login::default();
        login.config.ssh_args =
            Some("-C -o ControlMaster=auto -oControlPersist=60s -F 'my cfg'".to_string());
        login.config.remote_port = Some(2222);
        let target = |host| {
            let target = ssh_target(&inventory, &login, host).expect("it is a target");
            target.expect("it is reached by ssh")
        };
        assert_eq!(
            (target("a").options, target("a").port),
            (vec!["-C".into(), "-F".into(), "my cfg".into()], Some(2222))
        );
        assert_eq!(
            (target("b").options, target("b").port),
            (vec!["-4".to_string()], Some(22))
        );
    }
}
