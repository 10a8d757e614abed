//! Becoming another user on a host: the command that starts the shell, when its question has come, and what a refusal means.

use super::Become;
use super::frame::find;
use crate::command::quote;
use crate::error::{Error, Kind};

/// The program that makes one another user.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Method {
    Doas,
    Su,
    #[default]
    Sudo,
}

/// What the host says that has no program to make a terminal.
const NO_TERMINAL: &str = "etcdsh: no `script` here";

impl Method {
    pub const ALL: [Method; 3] = [Method::Sudo, Method::Su, Method::Doas];

    /// `sudo`, `su` or `doas`, also with the collection before it.
    #[must_use]
    pub fn named(text: &str) -> Option<Method> {
        let bare = text.rsplit('.').next().unwrap_or(text);
        Method::ALL.into_iter().find(|method| method.name() == bare)
    }

    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Method::Doas => "doas",
            Method::Su => "su",
            Method::Sudo => "sudo",
        }
    }
}

/// The command that starts a shell which says `ready` first, as another user when asked.
/// The prompt of sudo is a mark of its own: the password goes nowhere else. On a `terminal` that the host makes for it the
/// program finds one to ask on, and the pipes are ours as before.
pub(super) fn greeting(
    escalate: Option<&Become>,
    ready: &str,
    prompt: &str,
    terminal: bool,
) -> String {
    let start = format!(
        "LC_ALL=C; PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin; export LC_ALL PATH; echo {ready} $$; exec /bin/sh"
    );
    let plain = format!("exec /bin/sh -c {}", quote(&start));
    let script = match escalate {
        None => plain,
        Some(escalate) => format!(
            "if [ \"$(id -un)\" = {user} ]; then {plain}; fi; LC_ALL=C; export LC_ALL; {become_user}",
            user = quote(&escalate.user),
            become_user = command(escalate, &quote(&start), prompt, terminal),
        ),
    };
    format!("/bin/sh -c {}", quote(&script))
}

fn command(escalate: &Become, start: &str, prompt: &str, terminal: bool) -> String {
    let user = quote(&escalate.user);
    let command = match escalate.method {
        // Without a terminal doas can ask nobody, and it would wait for one.
        Method::Doas if terminal => format!("doas -u {user} /bin/sh -c {start}"),
        Method::Doas => format!("doas -n -u {user} /bin/sh -c {start}"),
        Method::Su => format!("su -s /bin/sh {user} -c {start}"),
        Method::Sudo => format!("sudo -S -p {prompt} -H -u {user} -- /bin/sh -c {start}"),
    };
    if !terminal {
        return format!("exec {command}");
    }
    let inside = quote(&format!("exec {command} <&3 >&4 2>&5 3<&- 4>&- 5>&-"));
    // doas reads the password from its terminal: it gets the first line that we send. sudo reads it from us.
    let (typed, shown) = match escalate.method {
        Method::Doas => (
            "{ IFS= read -r line <&3 && printf '%s\\n' \"$line\"; } |",
            ">&5",
        ),
        _ => ("</dev/null", ">/dev/null"),
    };
    format!(
        "command -v script >/dev/null || {{ echo '{NO_TERMINAL}' >&2; exit 1; }}; exec 3<&0 4>&1 5>&2; SHELL=/bin/sh; export SHELL; {typed} script -qec {inside} /dev/null {shown} 2>&1"
    )
}

/// Where the question for the password ends in what was said to standard error so far.
pub(super) fn asked(escalate: Option<&Become>, said: &[u8], prompt: &str) -> Option<usize> {
    match escalate?.method {
        Method::Sudo => find(said, prompt.as_bytes()).map(|at| at + prompt.len()),
        Method::Doas | Method::Su => {
            let text = String::from_utf8_lossy(said).to_lowercase();
            text.trim_end_matches([' ', '\r'])
                .ends_with("assword:")
                .then_some(said.len())
        }
    }
}

/// Is a terminal all that was missing?
pub(super) fn wants_terminal(escalate: Option<&Become>, error: &Error) -> bool {
    let said = |words: &[&str]| {
        let cause = error.causes.join("; ").to_lowercase();
        words.iter().any(|word| cause.contains(word))
    };
    match escalate {
        Some(escalate) => match escalate.method {
            Method::Doas => {
                escalate.password.is_some()
                    && said(&[
                        "authentication required",
                        "authorization required",
                        "a tty is required",
                    ])
            }
            Method::Su => said(&["must be run from a terminal"]),
            Method::Sudo => said(&["must have a tty", "a terminal is required"]),
        },
        None => false,
    }
}

/// The program asks, and there is nothing to answer with.
pub(super) fn no_password(method: Method) -> Box<Error> {
    let name = method.name();
    Error::new(
        Kind::Connect,
        format!("{name} asks for a password and none was given"),
    )
    .hint("-K   # asks for it; `ansible_become_password` in the inventory sets it")
}

/// It asks again: the answer was wrong.
pub(super) fn wrong_password(escalate: Option<&Become>) -> Box<Error> {
    let method = escalate.map(|escalate| escalate.method).unwrap_or_default();
    let what = format!("{} refused the password", method.name());
    let whose = if method == Method::Su {
        ", which is that of the user to become"
    } else {
        ""
    };
    if let Some(variable) = escalate.and_then(|escalate| escalate.set_by.as_ref()) {
        return Error::new(Kind::Connect, what)
            .hint(format!("correct {variable}: it wins over -K{whose}"));
    }
    Error::new(Kind::Connect, what).hint(format!(
        "-K   # asks for it again; `ansible_become_password` in the inventory sets it{whose}"
    ))
}

/// The shell ended before it was ready, and said this.
pub(super) fn refused(said: &str, escalate: Option<&Become>) -> Box<Error> {
    let lines: Vec<&str> = said.lines().map(str::trim).collect();
    let cause = lines.iter().filter(|line| !line.is_empty());
    let cause = cause.copied().collect::<Vec<_>>().join("; ");
    let because = |error: Box<Error>| {
        error.because(if cause.is_empty() {
            "it gave no reason".to_string()
        } else {
            cause.clone()
        })
    };
    let small = said.to_lowercase();
    let by_method = |method: Method| match method {
        Method::Sudo => small.contains("sudo") || small.contains("sorry"),
        Method::Su => small.contains("su:") || small.contains("assword"),
        Method::Doas => small.contains("doas"),
    };
    let ended = || {
        because(Error::new(Kind::Connect, "the login shell ended at once"))
            .hint("-u USER   # who may log in there; or give this one a shell, as root on the host: usermod -s /bin/sh NAME")
    };
    let Some(method) = escalate.map(|escalate| escalate.method) else {
        return ended();
    };
    if said.contains(NO_TERMINAL) {
        let what = format!("{} wants a terminal", method.name());
        return Error::new(Kind::Connect, what)
            .because("`script` of util-linux, which makes one, is not on the host")
            .hint("Defaults !requiretty   # a line for /etc/sudoers of the host");
    }
    if !by_method(method) {
        return ended();
    }
    let wrong = [
        "authentication failure",
        "authentication failed",
        "incorrect password",
    ];
    let asked = escalate.is_some_and(|escalate| escalate.password.is_some());
    if method != Method::Sudo && asked && wrong.iter().any(|words| small.contains(words)) {
        return wrong_password(escalate);
    }
    let required = ["authentication required", "authorization required"];
    if method == Method::Doas && !asked && required.iter().any(|words| small.contains(words)) {
        return no_password(method);
    }
    let error = because(Error::new(
        Kind::Connect,
        format!("{} refused", method.name()),
    ));
    error.hint(match method {
        Method::Doas => "allow the login user in /etc/doas.conf, or log in as root with -u root",
        Method::Su => "allow the login user su, or log in as root with -u root",
        Method::Sudo => "allow the login user sudo, or log in as root with -u root",
    })
}
