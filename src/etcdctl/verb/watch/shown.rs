//! Watches that go on: what comes of each is printed in order, and waits while its command runs.
//!
//! Start reading at `heed`.

use std::collections::{HashMap, VecDeque};
use std::sync::mpsc::SyncSender;

use super::Happening;
use super::printed::{Printed, kind};
use crate::etcd::raw::PbWatchResponse;
use crate::etcd::{Fault, Told, Watched, Watches};
use crate::etcdctl::Style;
use crate::etcdctl::call::Call;
use crate::etcdctl::failure::{ERROR, Failure, INTERRUPTED, Outcome, strict_text};
use crate::etcdctl::form::go;
use crate::etcdctl::form::print::Format;
use crate::etcdctl::wait::child::{self, Ended};

/// What comes of a watch.
enum News {
    Ended(String),
    Response(PbWatchResponse),
}

/// A watch that is printed.
struct One {
    command: Vec<Vec<u8>>,
    /// Its command runs, and what came since has to wait.
    running: bool,
    waiting: VecDeque<News>,
}

pub(super) struct Shown {
    interactive: bool,
    sender: SyncSender<Happening>,
    watches: HashMap<usize, One>,
    /// Made when it is first needed.
    pub(super) source: Option<Watches>,
}

impl Shown {
    pub(super) fn new(sender: SyncSender<Happening>, interactive: bool) -> Shown {
        Shown {
            interactive,
            sender,
            source: None,
            watches: HashMap::new(),
        }
    }

    pub(super) fn add(
        &mut self,
        call: &mut Call<'_>,
        watched: Watched,
        command: Vec<Vec<u8>>,
    ) -> Outcome {
        if self.source.is_none() {
            let patience = call.patience()?;
            self.source = Some(Watches::open(call.client()?, patience, self.sender.clone()));
        }
        if let Some(source) = &mut self.source {
            self.watches.insert(
                source.add(watched),
                One {
                    command,
                    running: false,
                    waiting: VecDeque::new(),
                },
            );
        }
        Ok(())
    }

    pub(super) fn heed(&mut self, call: &mut Call<'_>, happening: Happening) -> Outcome {
        match happening {
            Happening::Ran(_, Err((command, ended))) => {
                let words: Vec<String> = command.iter().map(|word| go::quote(word)).collect();
                call.complain(format_args!(
                    "command [{}] error ({})",
                    words.join(" "),
                    ended.text
                ))?;
                Err(Failure::silent(ERROR))
            }
            Happening::Ran(number, Ok(())) => {
                let Some(one) = self.watches.get_mut(&number) else {
                    return Ok(());
                };
                one.running = false;
                self.catch_up(call, number)
            }
            Happening::Read(_) => Ok(()),
            Happening::Told(Told::Ended(number, reason)) => {
                let reason = if call.style.strict {
                    reason.raw()
                } else {
                    reason.text()
                };
                self.news(call, number, News::Ended(reason.to_string()))
            }
            Happening::Told(Told::Response(number, response)) => {
                self.news(call, number, News::Response(response))
            }
            Happening::Told(Told::Failed(fault)) => self.failed(call, &fault),
            Happening::Told(Told::Lost(why)) => notice(call, &format!("connection lost: {why}")),
            Happening::Told(Told::Back(endpoint)) => {
                notice(call, &format!("connected again, to {endpoint}"))
            }
        }
    }

    fn news(&mut self, call: &mut Call<'_>, number: usize, news: News) -> Outcome {
        let Some(one) = self.watches.get_mut(&number) else {
            return Ok(());
        };
        one.waiting.push_back(news);
        self.catch_up(call, number)
    }

    /// Print what waits, up to the next command that runs.
    fn catch_up(&mut self, call: &mut Call<'_>, number: usize) -> Outcome {
        while let Some(one) = self.watches.get_mut(&number).filter(|one| !one.running) {
            let Some(news) = one.waiting.pop_front() else {
                break;
            };
            let response = match news {
                News::Ended(reason) => {
                    self.watches.remove(&number);
                    self.cancelled(call, &reason, None)?;
                    continue;
                }
                News::Response(response) => response,
            };
            if response.canceled {
                self.watches.remove(&number);
                self.cancelled(
                    call,
                    "etcdserver: mvcc: required revision has been compacted",
                    Some(&response),
                )?;
                continue;
            }
            if !one.command.is_empty() && !response.events.is_empty() {
                one.running = true;
            }
            let command = one.running.then(|| one.command.clone());
            show(call, &response)?;
            if let Some(command) = command {
                let (sender, style) = (self.sender.clone(), call.style.clone());
                std::thread::spawn(move || {
                    let ran =
                        run_for(&command, &response, &style).map_err(|ended| (command, ended));
                    let _ = sender.send(Happening::Ran(number, ran));
                });
            }
        }
        Ok(())
    }

    /// etcd ended the watch. That is the end of the command, too, unless there are others.
    fn cancelled(
        &self,
        call: &mut Call<'_>,
        reason: &str,
        response: Option<&PbWatchResponse>,
    ) -> Outcome {
        call.complain(format_args!("watch was canceled ({reason})"))?;
        let cancelled = PbWatchResponse {
            canceled: true,
            ..Default::default()
        };
        reply(
            call,
            &Printed {
                response: response.unwrap_or(&cancelled),
                from_etcd: response.is_some(),
            },
        )?;
        if self.interactive {
            return Ok(());
        }
        let failure = Failure::new(INTERRUPTED, "watch is canceled by the server");
        Err(match response {
            Some(response) if !call.style.strict => failure.with_hint(format!(
                "the history begins at revision {}: --rev={0}",
                response.compact_revision
            )),
            _ => failure,
        })
    }

    /// No watch goes on.
    fn failed(&mut self, call: &mut Call<'_>, fault: &Fault) -> Outcome {
        self.source = None;
        if !call.style.strict {
            return Err(call.failed(fault));
        }
        let count = std::mem::take(&mut self.watches).len();
        (0..count).try_for_each(|_| self.cancelled(call, &strict_text(fault), None))
    }
}

fn notice(call: &mut Call<'_>, text: &str) -> Outcome {
    if call.style.strict {
        Ok(())
    } else {
        call.complain(text)
    }
}

fn show(call: &mut Call<'_>, response: &PbWatchResponse) -> Outcome {
    let revision = response.header.as_ref().map_or(0, |header| header.revision);
    if response.events.is_empty() && revision != 0 {
        call.say(format_args!("progress notify: {revision}"))?;
    }
    reply(
        call,
        &Printed {
            response,
            from_etcd: true,
        },
    )
}

fn reply(call: &mut Call<'_>, told: &Printed<'_>) -> Outcome {
    // A table of native mode has only rows for events.
    if call.style.strict || !told.response.events.is_empty() || call.format()? != Format::Table {
        call.reply(told)?;
    }
    Ok(call.io.out.flush()?)
}

/// Run the command for each event.
fn run_for(command: &[Vec<u8>], response: &PbWatchResponse, style: &Style) -> Result<(), Ended> {
    let revision = response.header.as_ref().map_or(0, |header| header.revision);
    response.events.iter().try_for_each(|event| {
        let mut child = child::command(command, style);
        let kv = event.kv.clone().unwrap_or_default();
        child.env("ETCD_WATCH_REVISION", revision.to_string());
        child.env("ETCD_WATCH_EVENT_TYPE", go::quote(kind(event).as_bytes()));
        child.env("ETCD_WATCH_KEY", go::quote(&kv.key));
        child.env("ETCD_WATCH_VALUE", go::quote(&kv.value));
        child::run(child)
    })
}
