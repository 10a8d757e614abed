//! One command on its way: its flags and words, its streams, and the client that is made when it is first needed.

use std::io::{BufRead, Write};
use std::sync::Arc;
use std::time::Instant;

use super::Style;
use super::failure::{ARGUMENTS, CONNECTION, ERROR, Failure, Outcome, strict_text};
use super::form::go;
use super::form::print::{self, Format, Page, Reply};
use super::line::flag::{Flag, Values};
use super::line::settings::{DEFAULT_ENDPOINT, Settings, Source, bare};
use super::verb::{Deadline, Verb};
use crate::error::{Error, Hint};
use crate::etcd::{self, Answer, Client, Config, Connection, Effect, Fault, Patience, Trouble};
use crate::terminal;
use crate::tls::{self, Unusable};

/// The streams of a command.
pub struct Io<'a> {
    pub err: &'a mut (dyn Write + Send),
    pub input: &'a mut (dyn BufRead + Send),
    pub out: &'a mut (dyn Write + Send),
    /// What is written to `out` stands on a terminal.
    pub screen: bool,
    /// The input is standard input itself, which can be waited for.
    pub stdin: bool,
    /// Somebody sits at a terminal and can be asked.
    pub terminal: bool,
}

impl Io<'_> {
    /// The same streams for a while.
    pub(super) fn lend(&mut self) -> Io<'_> {
        Io {
            err: &mut *self.err,
            input: &mut *self.input,
            out: &mut *self.out,
            screen: self.screen,
            stdin: self.stdin,
            terminal: self.terminal,
        }
    }
}

pub(super) struct Call<'a> {
    client: Option<Client>,
    pub(super) inherited: Vec<&'static Flag>,
    pub(super) io: &'a mut Io<'a>,
    settings: Option<Settings>,
    pub(super) style: &'a Style,
    pub(super) values: Values,
    pub(super) verb: &'static Verb,
    pub(super) words: Vec<Vec<u8>>,
}

impl<'a> Call<'a> {
    pub(super) fn new(
        verb: &'static Verb,
        style: &'a Style,
        io: &'a mut Io<'a>,
        inherited: Vec<&'static Flag>,
        values: Values,
        words: Vec<Vec<u8>>,
    ) -> Call<'a> {
        Call {
            client: None,
            inherited,
            io,
            settings: None,
            style,
            values,
            verb,
            words,
        }
    }

    /// A word as text; bytes that are no UTF-8 are replaced.
    pub(super) fn word(&self, place: usize) -> String {
        self.words.get(place).map_or_else(String::new, |word| {
            String::from_utf8_lossy(word).into_owned()
        })
    }

    /// A flag of the command itself.
    pub(super) fn flag(&self, name: &str) -> bool {
        self.values
            .given(name)
            .and_then(go::parse_bool)
            .unwrap_or_else(|| self.own(name).is_some_and(|flag| flag.default == "true"))
    }

    pub(super) fn text(&self, name: &str) -> String {
        self.values.given(name).map_or_else(
            || {
                self.own(name)
                    .map_or_else(String::new, |flag| flag.default.to_string())
            },
            str::to_string,
        )
    }

    pub(super) fn number(&self, name: &str) -> i64 {
        go::parse_int(&self.text(name), 0).unwrap_or(0)
    }

    pub(super) fn given(&self, name: &str) -> bool {
        self.values.given(name).is_some()
    }

    fn own(&self, name: &str) -> Option<&'static Flag> {
        self.verb.flags.iter().find(|flag| flag.name == name)
    }

    /// An inherited flag of a group, which has a variable, too: `--cluster`.
    pub(super) fn inherited_flag(&self, name: &str) -> bool {
        self.source().flag(name)
    }

    fn source(&self) -> Source<'_> {
        Source {
            style: self.style,
            inherited: &self.inherited,
            values: &self.values,
        }
    }

    /// A client for the settings. A user is logged in here: that failing ends with 2.
    pub(super) fn client(&mut self) -> Outcome<&Client> {
        if self.client.is_none() {
            let settings = self.settings()?.clone();
            if settings.config.endpoints.is_empty() {
                return Err(Failure::new(
                    CONNECTION,
                    "etcdclient: no available endpoints",
                ));
            }
            self.client = Some(match &settings.client {
                Some(client) => client.clone(),
                None => self.client_for(&settings, None)?,
            });
        }
        Ok(self.client.as_ref().expect("the client was made"))
    }

    /// What flags and variables come to. Nothing is sent.
    pub(super) fn settings(&mut self) -> Outcome<&Settings> {
        if self.settings.is_none() {
            let nowhere = (self.verb.deadline == Deadline::Local).then(|| Style {
                place: None,
                ..self.style.clone()
            });
            let source = Source {
                style: nowhere.as_ref().unwrap_or(self.style),
                inherited: &self.inherited,
                values: &self.values,
            };
            self.settings = Some(source.settings(self.io)?);
        }
        Ok(self.settings.as_ref().expect("the settings were made"))
    }

    /// The endpoints of the flag or the variable, as they were typed: so etcdctl's `endpoint` and `defrag` take them.
    pub(super) fn typed_endpoints(&self) -> Vec<String> {
        let typed = self
            .source()
            .endpoints()
            .unwrap_or_else(|| vec![DEFAULT_ENDPOINT.into()]);
        if typed == [""] { Vec::new() } else { typed }
    }

    /// A client of its own for one endpoint, as `endpoint` and `defrag` use it. It logs in when it is first used.
    pub(super) fn client_at(&mut self, endpoint: &str) -> Outcome<Client> {
        let settings = self.settings()?.clone();
        self.client_for(&settings, Some(endpoint))
    }

    fn client_for(&self, settings: &Settings, endpoint: Option<&str>) -> Outcome<Client> {
        let mut config = settings.config.clone();
        match endpoint {
            Some(endpoint) => config.endpoints = vec![endpoint.to_string()],
            None => self.see_that_alike(&mut config)?,
        }
        let login = config.user.is_some();
        let dial = config.connect_timeout;
        let client = Client::new(config.clone()).map_err(|error| self.unusable(&error, &config))?;
        if login && endpoint.is_none() {
            let patience = Patience {
                deadline: Some(Instant::now() + dial),
                stubborn: self.style.strict,
            };
            client
                .connected(patience)
                .map_err(|fault| self.failed(&fault).with_code(CONNECTION))?;
        }
        Ok(client)
    }

    /// One client speaks TLS to all endpoints or to none: what is meant to be secret never goes to one without TLS instead.
    fn see_that_alike(&self, config: &mut Config) -> Outcome {
        let alike = etcd::alike(&config.endpoints, config);
        if alike == config.endpoints {
            return Ok(());
        }
        if !self.style.strict {
            let mut failure = Failure::arguments("some endpoints are with TLS, some without");
            failure.causes = vec!["what goes to one may go to any of them".into()];
            return Err(failure.with_hint(format!("--endpoints={}", alike.join(","))));
        }
        config.endpoints = alike;
        Ok(())
    }

    /// Settings that no client can be made of. Of some of them etcdctl finds out by waiting.
    fn unusable(&self, error: &Error, config: &Config) -> Box<Failure> {
        let waits = || Failure::new(ERROR, "context deadline exceeded");
        if !self.style.strict {
            return Failure::of_error(error).with_code(ARGUMENTS);
        }
        if error.what.ends_with("is not an etcd endpoint") {
            return waits();
        }
        match tls::client(&config.identity(), &[]) {
            Err(Unusable::NoCa) => waits(),
            Err(unusable) => Failure::arguments(unusable.in_go().unwrap_or(error.headline())),
            Ok(_) => Failure::of_error(error).with_code(ARGUMENTS),
        }
    }

    /// How long the verb may go on asking.
    pub(super) fn patience(&mut self) -> Outcome<Patience> {
        let stubborn = self.style.strict;
        let deadline = self.verb.deadline;
        let settings = self.settings()?;
        let limited = match deadline {
            Deadline::Command => true,
            Deadline::Given => settings.command_timeout_given,
            // Waiting for ever helps nobody who is not a script.
            Deadline::Local | Deadline::Never => !stubborn,
        };
        Ok(Patience {
            deadline: limited.then(|| Instant::now() + settings.command_timeout),
            stubborn,
        })
    }

    pub(super) fn read<T>(&mut self, call: impl AsyncFn(&Connection) -> Answer<T>) -> Outcome<T> {
        self.ask(Effect::Read, call)
    }

    pub(super) fn write<T>(&mut self, call: impl AsyncFn(&Connection) -> Answer<T>) -> Outcome<T> {
        self.ask(Effect::Write, call)
    }

    pub(super) fn ask<T>(
        &mut self,
        effect: Effect,
        call: impl AsyncFn(&Connection) -> Answer<T>,
    ) -> Outcome<T> {
        let patience = self.patience()?;
        let answer = self.client()?.ask(effect, patience, call);
        answer.map_err(|fault| self.failed(&fault))
    }

    /// A connection for a stream, and its endpoint.
    pub(super) fn connected(&mut self, patience: Patience) -> Outcome<(String, Arc<Connection>)> {
        let connected = self.client()?.connected(patience);
        connected.map_err(|fault| self.failed(&fault))
    }

    /// What went wrong at an endpoint, for a line that names the endpoint itself.
    pub(super) fn cause(&self, fault: &Fault) -> String {
        if self.style.strict {
            strict_text(fault)
        } else {
            fault.trouble().to_string()
        }
    }

    /// What a failed request ends the command with: etcdctl's words, in native mode with the cause at each endpoint.
    pub(super) fn failed(&self, fault: &Fault) -> Box<Failure> {
        let text = strict_text(fault);
        let mut failure = Failure::new(ERROR, text);
        let missing = fault.trouble().missing_login();
        if let Some((because, hint)) = missing.filter(|_| !self.style.strict) {
            failure.causes.push(because.into());
            return failure.with_hint(hint);
        }
        if self.style.strict {
            return failure;
        }
        let place = self.style.place.as_ref();
        let of_inventory = self.source().endpoints().is_none()
            && place.is_some_and(|place| place.notice().is_none());
        failure.hint = fault
            .hint()
            .map(Into::into)
            .or_else(|| (of_inventory && !fault.trouble().is_answer()).then_some(Hint::Overview));
        if matches!(fault.trouble(), Trouble::Auth(_) | Trouble::Server(..)) {
            return failure;
        }
        failure.text = Some(fault.to_string());
        if let Some(endpoints) = with_ports(fault) {
            failure.hint = Some(format!("--endpoints={endpoints}   # with the port").into());
        }
        if fault.attempts.len() == 1 && fault.sent && *fault.trouble() == Trouble::Timeout {
            failure
                .causes
                .push("the request was sent: whether it was carried out is not known".into());
        }
        if fault.attempts.len() > 1 {
            failure.causes = fault
                .attempts
                .iter()
                .map(|attempt| format!("{}: {}", attempt.endpoint, attempt.trouble))
                .collect();
        }
        failure
    }

    pub(super) fn format(&mut self) -> Outcome<Format> {
        Ok(self.settings()?.format)
    }

    /// What changes the cluster is not begun in native mode when its reply could not be written: these formats it lacks.
    /// etcdctl finds out afterwards.
    pub(super) fn lacks(&mut self, formats: &[Format]) -> Outcome {
        let format = self.format()?;
        if self.style.strict || !formats.contains(&format) {
            Ok(())
        } else {
            Err(print::unsupported(format))
        }
    }

    /// Is decoded JSON wanted?
    pub(super) fn decoded(&mut self) -> Outcome<bool> {
        Ok(self.settings()?.decoded)
    }

    /// Write the reply in the format that is wanted.
    pub(super) fn reply(&mut self, reply: &dyn Reply) -> Outcome {
        if self.decoded()? {
            let value = super::form::decoded::reply(reply, &mut self.page()?)?;
            return self.json_line(&value);
        }
        let format = self.format()?;
        let strict = self.style.strict;
        print::reply(reply, format, strict, &mut self.page()?)
    }

    pub(super) fn page(&mut self) -> Outcome<Page<'_>> {
        let hex = self.settings()?.hex;
        let (visible, width) = (self.visible(), terminal::width());
        Ok(Page {
            hex,
            layout: self.style.layout,
            out: &mut *self.io.out,
            records: self.style.records,
            visible,
            width: width.filter(|_| self.io.screen),
        })
    }

    /// Whether what would steer the terminal is written in letters.
    fn visible(&self) -> bool {
        self.io.screen && !self.style.strict
    }

    /// A line on standard output, whatever the format.
    pub(super) fn say(&mut self, text: impl std::fmt::Display) -> Outcome {
        let visible = self.visible();
        print::line(self.io.out, text, visible)
    }

    /// A line of JSON on standard output.
    pub(super) fn json_line(&mut self, value: &serde_json::Value) -> Outcome {
        let visible = self.visible();
        print::json_line(self.io.out, value, visible)
    }

    /// A line on standard error, after what has been printed.
    pub(super) fn complain(&mut self, text: impl std::fmt::Display) -> Outcome {
        self.io.out.flush()?;
        let text = text.to_string();
        if self.style.strict {
            return Ok(writeln!(self.io.err, "{text}")?);
        }
        let text = terminal::visible(text.as_bytes(), true);
        Ok(writeln!(self.io.err, "{text}")?)
    }
}

/// The endpoints that gave no answer, each with its port; `None` where each has one.
fn with_ports(fault: &Fault) -> Option<String> {
    let endpoints = fault.attempts.iter().map(|attempt| attempt.endpoint.trim());
    let mut endpoints: Vec<String> = endpoints.map(str::to_string).collect();
    let lacks = |endpoint: &&mut String| {
        let place = bare(endpoint);
        let behind = place.rsplit_once(']').map_or(place, |(_, behind)| behind);
        !behind.contains([':', '/'])
    };
    let lacking: Vec<&mut String> = endpoints.iter_mut().filter(lacks).collect();
    if lacking.is_empty() {
        return None;
    }
    for endpoint in lacking {
        *endpoint = format!("{}:2379", endpoint.trim_end_matches('/'));
    }
    Some(endpoints.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::etcd::Attempt;

    #[test]
    fn an_endpoint_without_a_port_gets_one() {
        for (endpoints, wanted) in [
            (&["10.0.0.1"][..], Some("10.0.0.1:2379")),
            (
                &["10.0.0.1:2379", "https://b/"],
                Some("10.0.0.1:2379,https://b:2379"),
            ),
            (&["[fd00::1]"], Some("[fd00::1]:2379")),
            (&["https://10.0.0.1:2379", "[fd00::1]:1"], None),
            (&["unix:/run/etcd"], None),
        ] {
            let attempts = endpoints.iter().map(|endpoint| Attempt {
                endpoint: (*endpoint).to_string(),
                trouble: Trouble::Refused,
            });
            let fault = Fault {
                attempts: attempts.collect(),
                sent: false,
            };
            assert_eq!(with_ports(&fault).as_deref(), wanted, "{endpoints:?}");
        }
    }
}
