//! One primitive on one host: ask, plan, then show it or do it. Everything that changes a host passes here.

use std::sync::Arc;
use std::time::Duration;

use super::Session;
use crate::error::{Error, Result};
use crate::host::{Link, Pretended};
use crate::output_file::OutputFile;
use crate::primitive::{Diff, Plan, Primitive, Seen, reach};
use crate::report::{Change, Event};
use crate::transport::Output;
use crate::value::{Map, Value};

/// What a call came to.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    pub changed: bool,
    /// What else the primitive tells.
    pub result: Map,
    pub what: Vec<String>,
}

impl Outcome {
    /// As a script sees it.
    #[must_use]
    pub fn into_value(self) -> Map {
        let mut map = self.result;
        map.insert("changed".into(), Value::Bool(self.changed));
        map.insert(
            "what".into(),
            Value::List(self.what.into_iter().map(Value::from).collect()),
        );
        map
    }
}

/// How a change is told.
struct Told<'a> {
    diff: Option<&'a Diff>,
    names_thing: bool,
    subject: &'a str,
    what: &'a [String],
}

fn told<'a>(
    primitive: &dyn Primitive,
    subject: &'a str,
    change: &'a crate::primitive::Change,
) -> Told<'a> {
    Told {
        diff: change.diff.as_ref(),
        names_thing: primitive.names_thing(),
        subject,
        what: &change.what,
    }
}

impl Session {
    /// Make true what `primitive` states: one round trip when it is true already, two when not.
    pub fn apply(&self, link: &Arc<Link>, primitive: &dyn Primitive) -> Result<Outcome> {
        self.apply_on(link, primitive)
            .map_err(|error| error.on(link.name()))
    }

    fn apply_on(&self, link: &Arc<Link>, primitive: &dyn Primitive) -> Result<Outcome> {
        self.cancel.check()?;
        let _turn = link.turn();
        let facts = link.facts()?;
        let question = primitive.ask(facts)?;
        // A sandbox host's paths are shown as the script means them.
        let subject = link.root().map_or_else(
            || primitive.subject(),
            |root| primitive.subject().replace(root, ""),
        );
        self.report.event(&Event::Command {
            command: &format!("look at {subject}"),
            host: link.name(),
        });
        if self.options.check && primitive.waits() && link.pretended().anything() {
            self.unknown(
                link.name(),
                &subject,
                "what is waited for would be changed before",
            );
            return Ok(Outcome::default());
        }
        let answer = if question.is_empty() {
            Output::default()
        } else {
            let doing = format!("look at {subject}");
            let doing = (!primitive.waits()).then_some(doing.as_str());
            link.doing(doing, || link.ask(&question, None))?
        };
        let plan = {
            let pretended = link.pretended();
            let none = Pretended::default();
            let pretended = if self.options.check {
                &*pretended
            } else {
                &none
            };
            primitive.plan(&Seen {
                answer: &answer,
                facts,
                pretended,
            })?
        };
        let none = Pretended::default();
        let seen = Seen {
            answer: &answer,
            facts,
            pretended: &none,
        };
        match plan {
            Plan::Unchanged => Ok(Outcome {
                changed: false,
                result: primitive.result(&seen, None),
                what: Vec::new(),
            }),
            Plan::Change(change) if self.options.check => {
                primitive.pretend(&mut link.pretended(), &change);
                self.note_change(link.name(), &told(primitive, &subject, &change));
                Ok(Outcome {
                    changed: true,
                    result: primitive.result(&seen, None),
                    what: change.what,
                })
            }
            Plan::Change(change) => {
                self.locks.hold(Some(link), &self.cancel)?;
                self.report.event(&Event::Command {
                    command: &change.shown,
                    host: link.name(),
                });
                let output =
                    self.around(link.name(), &told(primitive, &subject, &change), || {
                        let script = self.locks.guarded(link, &change.script);
                        let output =
                            link.doing(Some(&subject), || link.exec(&script, change.timeout))?;
                        self.report.event(&Event::Answer {
                            host: link.name(),
                            output: &output,
                        });
                        self.locks.is_lost(link, &output)?;
                        primitive.judge(&change, &output)?;
                        Ok(output)
                    })?;
                Ok(Outcome {
                    changed: true,
                    result: primitive.result(&seen, Some(&output)),
                    what: change.what,
                })
            }
        }
    }

    /// A change that is not a primitive's: on the cluster through its own interface, or in a file here.
    /// In check mode it is shown and not done, and `None` is returned.
    pub fn change<T>(
        &self,
        place: &str,
        subject: &str,
        what: &[String],
        diff: Option<&Diff>,
        act: impl FnOnce() -> Result<T>,
    ) -> Result<Option<T>> {
        self.cancel.check()?;
        let told = Told {
            diff,
            names_thing: false,
            subject,
            what,
        };
        if self.options.check {
            self.note_change(place, &told);
            return Ok(None);
        }
        if place != "localhost" {
            self.locks.hold(None, &self.cancel)?;
            self.locks.still_held()?;
        }
        self.around(place, &told, act).map(Some)
    }

    /// The fault points and the report around a change that is really made.
    fn around<T>(
        &self,
        place: &str,
        told: &Told<'_>,
        act: impl FnOnce() -> Result<T>,
    ) -> Result<T> {
        let nth = self.next_change(place);
        self.faults.before(place, nth);
        let done = act().inspect_err(|_| self.forget_change(place))?;
        self.faults.after(place, nth);
        self.tell_change(place, told, nth);
        Ok(done)
    }

    fn note_change(&self, place: &str, told: &Told<'_>) {
        let nth = self.next_change(place);
        self.tell_change(place, told, nth);
    }

    /// How many changes of a place this run has made.
    #[must_use]
    pub fn changes_on(&self, place: &str) -> usize {
        self.counts
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .get(place)
            .copied()
            .unwrap_or(0)
    }

    fn next_change(&self, place: &str) -> usize {
        let mut counts = self
            .counts
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let nth = counts.entry(place.to_string()).or_default();
        *nth += 1;
        *nth
    }

    /// A failed attempt is no change: its number goes to the next one, however often something is tried.
    fn forget_change(&self, place: &str) {
        let mut counts = self
            .counts
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(nth) = counts.get_mut(place) {
            *nth -= 1;
        }
    }

    fn tell_change(&self, place: &str, told: &Told<'_>, nth: usize) {
        self.with_tally(place, |tally| {
            tally.changes.push(Change {
                names_thing: told.names_thing,
                subject: told.subject.to_string(),
                what: told.what.join(", "),
            });
        });
        let diff = told.diff.filter(|_| self.options.diff);
        let task = self.task_name();
        self.report.event(&Event::Change {
            check: self.options.check,
            diff,
            host: place,
            nth,
            subject: told.subject,
            task: &task,
            what: told.what,
        });
    }

    /// Say that something cannot be known before the real run.
    pub fn unknown(&self, place: &str, subject: &str, why: &str) {
        let said = self.with_tally(place, |tally| {
            let said = tally.unknown.iter().any(|other| other == subject);
            tally.unknown.push(subject.to_string());
            said
        });
        if said {
            return;
        }
        let task = self.task_name();
        self.report.event(&Event::Unknown {
            host: place,
            subject,
            task: &task,
            why,
        });
    }

    /// Copy a file of the host to `target` here, in pieces, so that its size does not matter.
    pub fn fetch_to(&self, link: &Link, path: &str, target: &std::path::Path) -> Result<u64> {
        use std::io::Write;
        const PIECE: usize = 4 << 20;
        let broken = |error: std::io::Error| {
            Error::config(format!("`{}` cannot be written", target.display()))
                .because(error.to_string())
        };
        let mut file = OutputFile::create(target, 0o600).map_err(broken)?;
        let mut total = 0_u64;
        for piece in 0.. {
            self.cancel.check()?;
            let output = link.ask(
                &reach::piece(path, PIECE, piece),
                Some(Duration::from_mins(2)),
            )?;
            if output.status != 0 {
                let error = reach::refused(&format!("`{path}`"), &output).unwrap_or_else(|| {
                    let mut error = Error::new(
                        crate::error::Kind::Remote,
                        format!("`{path}` cannot be read"),
                    );
                    error.stderr.clone_from(&output.stderr);
                    error
                });
                return Err(error.on(link.name()));
            }
            file.write_all(&output.stdout).map_err(broken)?;
            total += output.stdout.len() as u64;
            if output.stdout.len() < PIECE {
                break;
            }
        }
        file.finish().map_err(broken)?;
        Ok(total)
    }
}
