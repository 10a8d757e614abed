//! `endpoint health`: does each member answer through the quorum, and has it no alarm?

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::status::empty;
use super::{ask_each, targets};
use crate::etcd::raw::{AlarmAction, AlarmType};
use crate::etcd::{Client, Patience, Trouble};
use crate::etcdctl::call::Call;
use crate::etcdctl::failure::{ERROR, Failure, Outcome};
use crate::etcdctl::form::go;
use crate::etcdctl::form::json::{Object, array};
use crate::etcdctl::form::print::{Format, Page, Reply};
use crate::etcdctl::form::table::Table;
use crate::etcdctl::verb::alarm;
use crate::etcdctl::verb::{Deadline, Endless, Since, Verb};

pub(in crate::etcdctl::verb) const VERB: Verb = Verb {
    name: "endpoint health",
    arguments: "",
    about: "check that the members behind the endpoints answer and have no alarm",
    example: "endpoint health\nendpoint health --cluster -w table",
    flags: &[],
    changes: false,
    deadline: Deadline::Command,
    endless: Endless::Never,
    since: Since::Always,
    run,
};

fn run(call: &mut Call<'_>) -> Outcome {
    let cluster = call.inherited_flag("cluster");
    let dial = call.settings()?.config.connect_timeout;
    let login = call.settings()?.config.user.is_some();
    let targets = targets(call, cluster)?;
    let order: Vec<String> = targets
        .iter()
        .map(|target| target.endpoint.clone())
        .collect();
    let asked = ask_each(call, targets, |client, patience| {
        Ok(examine(client, patience, login.then_some(dial)))
    })?;
    let mut rows = Vec::new();
    for asked in asked {
        let endpoint = asked.target.endpoint;
        rows.push(match asked.answer {
            Ok(Examined {
                took,
                trouble: None,
                ..
            }) => Health {
                endpoint,
                error: String::new(),
                took: Some(took),
            },
            Ok(Examined {
                logged_in,
                took,
                trouble: Some(trouble),
            }) => {
                let error = match trouble {
                    Found::Alarms(text) => text,
                    Found::Fault(fault) => call.cause(&fault),
                };
                Health {
                    endpoint,
                    error,
                    took: logged_in.then_some(took),
                }
            }
            Err(error) => Health {
                endpoint,
                error,
                took: None,
            },
        });
    }
    // etcdctl prints them as they come.
    if !call.style.strict {
        rows.sort_by_key(|row| order.iter().position(|endpoint| *endpoint == row.endpoint));
    }
    let failed = rows.iter().any(|row| !row.error.is_empty());
    if call.format()? == Format::Simple && !call.decoded()? {
        lines(call, &rows)?;
    } else {
        call.reply(&Healths(rows))?;
    }
    if failed {
        Err(Failure::new(ERROR, "unhealthy cluster"))
    } else {
        Ok(())
    }
}

/// What is good on standard output, what is not on standard error.
fn lines(call: &mut Call<'_>, rows: &[Health]) -> Outcome {
    for row in rows {
        if row.error.is_empty() {
            call.say(format_args!(
                "{} is healthy: successfully committed proposal: took = {}",
                row.endpoint,
                row.took()
            ))?;
        } else {
            call.complain(format_args!(
                "{} is unhealthy: failed to commit proposal: {}",
                row.endpoint, row.error
            ))?;
        }
    }
    Ok(())
}

struct Examined {
    logged_in: bool,
    took: Duration,
    trouble: Option<Found>,
}

enum Found {
    Alarms(String),
    Fault(Box<crate::etcd::Fault>),
}

/// Read a key through the quorum, then the alarms. `dial` is the time for a login, when there is a user.
fn examine(client: &Client, patience: Patience, dial: Option<Duration>) -> Examined {
    if let Some(dial) = dial {
        let patience = Patience {
            deadline: Some(Instant::now() + dial),
            ..patience
        };
        if let Err(fault) = client.connected(patience) {
            return Examined {
                logged_in: false,
                took: Duration::ZERO,
                trouble: Some(Found::Fault(fault)),
            };
        }
    }
    let start = Instant::now();
    let read = client.look(patience, async |etcd| etcd.kv().get("health", None).await);
    let took = start.elapsed();
    let denied = |fault: &crate::etcd::Fault| matches!(fault.trouble(), Trouble::Auth(text) if text == "etcdserver: permission denied");
    let trouble = match read {
        Err(fault) if !denied(&fault) => Some(Found::Fault(fault)),
        _ => alarms(client, patience).map(Found::Alarms),
    };
    Examined {
        logged_in: true,
        took,
        trouble,
    }
}

fn alarms(client: &Client, patience: Patience) -> Option<String> {
    let Ok(answer) = client.look(patience, async |etcd| {
        etcd.maintenance()
            .alarm(AlarmAction::Get, AlarmType::None, None)
            .await
    }) else {
        return Some("Unable to fetch the alarm list".into());
    };
    if answer.0.alarms.is_empty() {
        return None;
    }
    let names = answer.0.alarms.iter().map(|alarm| match alarm.alarm {
        1 | 2 => format!("{} ", alarm::kind(alarm)),
        _ => "UNKNOWN ".into(),
    });
    Some(format!("Active Alarm(s): {}", names.collect::<String>()))
}

struct Health {
    endpoint: String,
    /// Empty when all is well.
    error: String,
    /// Nothing when not even a login was possible.
    took: Option<Duration>,
}

impl Health {
    fn took(&self) -> String {
        self.took.map_or_else(String::new, go::duration)
    }
}

struct Healths(Vec<Health>);

impl Reply for Healths {
    fn simple(&self, _: &mut Page<'_>) -> Outcome {
        Ok(())
    }

    fn json(&self, page: &mut Page<'_>) -> Outcome {
        if self.0.is_empty() {
            return Ok(page.out.write_all(empty(page.layout))?);
        }
        Ok(array(page.out, &self.0, |page, health| {
            Object::write(page, |object| {
                object.string("endpoint", &health.endpoint)?;
                object.raw("health", health.error.is_empty())?;
                object.string("took", &health.took())?;
                object.some_string("error", &health.error)
            })
        })?)
    }

    fn decoded(&self) -> Option<Value> {
        let object = |health: &Health| json!({ "endpoint": health.endpoint, "healthy": health.error.is_empty(), "took": health.took(), "error": health.error });
        Some(self.0.iter().map(object).collect())
    }

    fn fields(&self, page: &mut Page<'_>) -> Outcome {
        for health in &self.0 {
            page.quoted("Endpoint", health.endpoint.as_bytes())?;
            page.field("Health", health.error.is_empty())?;
            page.field("Took", health.took())?;
            page.field("Error", &health.error)?;
            page.line("")?;
        }
        Ok(())
    }

    fn table(&self, _: &Page<'_>) -> Outcome<Table> {
        let mut table = Table::new(&["endpoint", "health", "took", "error"]);
        table.rows = self
            .0
            .iter()
            .map(|health| {
                vec![
                    health.endpoint.clone(),
                    health.error.is_empty().to_string(),
                    health.took(),
                    health.error.clone(),
                ]
            })
            .collect();
        Ok(table)
    }
}
