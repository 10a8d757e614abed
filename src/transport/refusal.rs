//! What ssh said when it did not get to a host, as an error with the line to type next.

use super::Target;
use crate::command::quote;
use crate::error::{Error, Kind};

pub(super) fn unreachable(target: &Target, said: &str) -> Box<Error> {
    let login = match target.port {
        Some(port) if port != 22 => format!("-p {port} {}", target.login()),
        _ => target.login(),
    };
    let lines: Vec<&str> = said
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.contains("@@@@"))
        .filter(|line| !line.starts_with("Warning: Permanently added"))
        .collect();
    let error = |what: String| {
        lines
            .iter()
            .rev()
            .take(3)
            .rev()
            .fold(Error::new(Kind::Connect, what), |error, line| {
                error.because(*line)
            })
    };
    let has = |text: &str| said.contains(text);
    if has("HOST IDENTIFICATION HAS CHANGED") {
        let name = match target.port {
            Some(port) if port != 22 => format!("'[{}]:{port}'", target.destination),
            _ => target.destination.clone(),
        };
        return Error::new(
            Kind::Connect,
            format!("the host key of `{}` has changed", target.destination),
        )
        .because("somebody may be listening in, or the host was installed anew")
        .hint(format!(
            "if you know that it was installed anew: ssh-keygen -R {name}"
        ));
    }
    if has("Host key verification failed") || has("No ED25519 host key is known") {
        return error(format!(
            "the host key of `{}` is not known",
            target.destination
        ))
        .hint(format!("ssh {login}"));
    }
    if let Some((key, mode)) = too_open(said) {
        return Error::new(Kind::Connect, format!("ssh does not use the key `{key}`"))
            .because(format!("others may read it: its mode is {mode}"))
            .hint(format!("chmod 600 {}", quote(key)));
    }
    if let Some(key) = missing_key(said) {
        return error(format!("there is no key `{key}` to log in with"))
            .hint("ls ~/.ssh   # which keys there are; --private-key FILE names one");
    }
    if has("Permission denied") || has("Too many authentication failures") {
        return login_refused(target, said, error);
    }
    if has("Could not resolve") {
        return error(format!(
            "the name `{}` does not resolve",
            target.destination
        ))
        .hint("set `ansible_host` to an address or an alias of ~/.ssh/config");
    }
    let error = error(format!(
        "`{}` cannot be reached over ssh",
        target.destination
    ))
    .hint(format!("ssh {login} true"));
    if has("Connection refused") {
        error.hint("set `ansible_port` where sshd listens on another port")
    } else {
        error
    }
}

/// The host takes neither key nor password of this user.
fn login_refused(target: &Target, said: &str, error: impl Fn(String) -> Box<Error>) -> Box<Error> {
    let user = target.user.as_deref().or_else(|| user_in(said));
    let who = match user {
        Some(user) => format!("{user}@{}", target.destination),
        None => target.destination.clone(),
    };
    let port = match target.port {
        Some(port) if port != 22 => format!("-p {port} "),
        _ => String::new(),
    };
    let key = target
        .key
        .as_ref()
        .map_or_else(String::new, |key| format!("-i {} ", quote(key)));
    let error = match &target.key {
        Some(key) => error(format!("login as `{who}` with the key `{key}` refused")),
        None => error(format!("login as `{who}` refused")),
    };
    if let Some(variable) = &target.set_by {
        return error.hint(format!("correct {variable}: it wins over -k"));
    }
    if target.password.is_some() {
        return error
            .because("the password is not that of this account, or it may not log in with one")
            .hint("-k   # asks for the password; `ansible_password` in the inventory sets it");
    }
    let error = error.hint(format!("ssh-copy-id {key}{port}{who}"));
    if target.user.is_some() {
        error.hint("-u USER   # where another one may log in")
    } else {
        error
    }
}

/// Whom ssh logged in as, as its refusal says: `root@10.0.0.1: Permission denied (publickey).`
fn user_in(said: &str) -> Option<&str> {
    said.lines().find_map(|line| {
        let (who, _) = line.trim().split_once(": Permission denied")?;
        let (user, _) = who.split_once('@')?;
        Some(user).filter(|user| !user.contains(' '))
    })
}

/// The key that ssh leaves alone because others may read it, and its mode.
fn too_open(said: &str) -> Option<(&str, &str)> {
    said.lines().find_map(|line| {
        let rest = line.trim().strip_prefix("Permissions ")?;
        let (mode, rest) = rest.split_once(" for '")?;
        let (key, _) = rest.split_once("' are too open")?;
        Some((key, mode))
    })
}

/// A key that was named and is not there, where ssh says so beside the refusal.
fn missing_key(said: &str) -> Option<&str> {
    if !said.contains("Permission denied") {
        return None;
    }
    said.lines().find_map(|line| {
        let rest = line.trim().strip_prefix("no such identity: ")?;
        rest.split_once(": No such file").map(|(key, _)| key)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_ssh_complains_of_are_named() {
        let said = "Permissions 0644 for '/root/my key' are too open.\r\nroot@h: Permission denied (publickey).\n";
        assert_eq!(too_open(said), Some(("/root/my key", "0644")));
        let said = "no such identity: /nowhere: No such file or directory\nroot@h: Permission denied (publickey).\n";
        assert_eq!(missing_key(said), Some("/nowhere"));
        assert_eq!(
            missing_key("no such identity: /a: No such file or directory\nConnection refused"),
            None
        );
    }

    #[test]
    fn a_refused_login_names_who_it_was_and_with_what() {
        let said = "Warning: something\r\nroot@10.0.0.1: Permission denied (publickey,password).\n";
        assert_eq!(user_in(said), Some("root"));
        assert_eq!(user_in("Too many authentication failures"), None);
        let mut target = Target {
            destination: "10.0.0.1".into(),
            host_keys: super::super::HostKeys::AcceptNew,
            key: None,
            options: Vec::new(),
            password: None,
            set_by: None,
            port: Some(2222),
            timeout: std::time::Duration::from_secs(1),
            user: None,
        };
        let error = unreachable(&target, said);
        assert_eq!(error.headline(), "login as `root@10.0.0.1` refused");
        assert_eq!(error.hints, ["ssh-copy-id -p 2222 root@10.0.0.1"]);
        target.key = Some("my key".into());
        target.user = Some("ops".into());
        let error = unreachable(&target, said);
        assert_eq!(
            error.headline(),
            "login as `ops@10.0.0.1` with the key `my key` refused"
        );
        assert_eq!(
            error.hints,
            [
                "ssh-copy-id -i 'my key' -p 2222 ops@10.0.0.1",
                "-u USER   # where another one may log in"
            ]
        );
    }
}
