//! Watches that go on for ever: all of them on one stream, which is made anew over all endpoints when it breaks, and goes
//! on with the revision after the last one that was seen.

use std::collections::{HashMap, VecDeque};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use etcd_client::proto::PbWatchResponse;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tonic::{Code, Status};

use super::connection::STALE_LOGIN;
use super::rpc::{WatchCancel, WatchCreate, WatchProgress, WatchStream, WatchWish};
use super::trouble::{Failure, Fault};
use super::{Client, Effect, Patience};
use crate::runtime::block_on;

/// Replies that may wait to be read; then the stream waits.
const WAITING: usize = 16;

/// One try to reach any endpoint, before it is looked whether anybody still listens.
const ROUND: Duration = Duration::from_secs(5);

/// Before a broken stream is made anew.
const PAUSE: Duration = Duration::from_millis(50);

const NO_LEADER: &str = "etcdserver: no leader";

/// What is watched.
#[derive(Clone, Debug, Default)]
pub(crate) struct Watched {
    /// Empty: the key alone; `\0`: all keys from there on.
    pub(crate) end: Vec<u8>,
    pub(crate) key: Vec<u8>,
    pub(crate) prev_kv: bool,
    pub(crate) progress_notify: bool,
    /// The first revision of interest; 0 is the next one.
    pub(crate) revision: i64,
}

/// What is told about the watches, each known by the number `add` gave it.
#[derive(Debug)]
pub(crate) enum Told {
    /// The connection is there again, to this endpoint.
    Back(String),
    /// The watch could not be made, or ended, for etcd's reason.
    Ended(usize, Reason),
    /// No watch goes on: nobody could be reached in time, or nobody wants to answer.
    Failed(Box<Fault>),
    /// The connection has gone, for this reason.
    Lost(String),
    /// Events, or how far the watch has come. One that is cancelled, because its revision has been compacted, has ended.
    Response(usize, PbWatchResponse),
}

/// etcd's reason for ending a watch.
#[derive(Debug)]
pub(crate) struct Reason(String);

impl Reason {
    fn of(response: &PbWatchResponse) -> Reason {
        Reason(response.cancel_reason.clone())
    }

    /// As etcd sent it: `rpc error: code = ... desc = ...`.
    pub(crate) fn raw(&self) -> &str {
        &self.0
    }

    /// Without gRPC's words around it.
    pub(crate) fn text(&self) -> &str {
        self.0
            .split_once(" desc = ")
            .map_or(&self.0, |(_, text)| text)
    }
}

enum Command {
    Add(usize, Watched),
    Progress,
}

/// The watches of somebody; they end when this is dropped.
pub(crate) struct Watches {
    commands: UnboundedSender<Command>,
    count: usize,
}

impl Watches {
    /// The first connection must come about within the patience; later ones are waited for without end, except that a
    /// stubborn one gives up when no member knows a leader, as etcd's own client does.
    pub(crate) fn open<T: From<Told> + Send + 'static>(
        client: &Client,
        patience: Patience,
        told: SyncSender<T>,
    ) -> Watches {
        let (commands, queue) = unbounded_channel();
        let hub = Hub {
            client: client.clone(),
            commands: queue,
            fragments: HashMap::new(),
            made: HashMap::new(),
            pending: VecDeque::new(),
            told,
            watches: HashMap::new(),
        };
        std::thread::spawn(move || hub.run(patience));
        Watches { commands, count: 0 }
    }

    /// One watch alone.
    pub(crate) fn one(
        client: &Client,
        patience: Patience,
        watched: Watched,
    ) -> (Watches, Receiver<Told>) {
        let (sender, receiver) = sync_channel(WAITING);
        let mut watches = Watches::open(client, patience, sender);
        watches.add(watched);
        (watches, receiver)
    }

    pub(crate) fn add(&mut self, watched: Watched) -> usize {
        let number = self.count;
        self.count += 1;
        let _ = self.commands.send(Command::Add(number, watched));
        number
    }

    /// Ask how far all watches have come.
    pub(crate) fn progress(&self) {
        let _ = self.commands.send(Command::Progress);
    }
}

struct Watch {
    /// A new login was tried for it.
    renewed: bool,
    wanted: Watched,
}

/// Lives on a thread of its own.
struct Hub<T> {
    client: Client,
    commands: UnboundedReceiver<Command>,
    /// The events so far of replies that come in parts, by etcd's id.
    fragments: HashMap<i64, PbWatchResponse>,
    /// The numbers of the watches that etcd has made, by its ids.
    made: HashMap<i64, usize>,
    /// Those it was asked for, in their order.
    pending: VecDeque<usize>,
    told: SyncSender<T>,
    watches: HashMap<usize, Watch>,
}

/// Why a stream is not used any longer.
enum End {
    Broken(Status),
    /// Nobody listens any longer.
    Closed,
    /// etcd does not take the token any longer.
    Login,
}

type Going = std::result::Result<(), End>;

impl<T: From<Told> + Send + 'static> Hub<T> {
    fn run(mut self, mut patience: Patience) {
        let mut lost = false;
        loop {
            while self.watches.is_empty() {
                match self.commands.blocking_recv() {
                    Some(command) => self.heed(command, None),
                    None => return,
                }
            }
            let (endpoint, mut stream, first) = match self.connect(patience) {
                Ok(Some(connected)) => connected,
                Ok(None) => return,
                Err(fault) => {
                    let _ = self.tell(Told::Failed(fault));
                    return;
                }
            };
            patience = Patience {
                deadline: None,
                ..patience
            };
            if std::mem::take(&mut lost) && self.tell(Told::Back(endpoint)).is_err() {
                return;
            }
            let status = match self.converse(&mut stream, first) {
                End::Broken(status) => status,
                End::Closed => return,
                End::Login => continue,
            };
            let failure = Failure::from(&etcd_client::Error::GRpcStatus(status.clone()));
            if is_lasting(&status) {
                let _ = self.tell(Told::Failed(Fault::one(self.client.favourite(), failure)));
                return;
            }
            lost = true;
            if self.tell(Told::Lost(failure.trouble.to_string())).is_err() {
                return;
            }
            std::thread::sleep(PAUSE);
        }
    }

    fn tell(&self, told: Told) -> Going {
        self.told.send(T::from(told)).map_err(|_| End::Closed)
    }

    /// A stream with all watches asked for, and its first reply; `None` when nobody listens any longer.
    fn connect(
        &mut self,
        patience: Patience,
    ) -> super::Result<Option<(String, WatchStream, Option<PbWatchResponse>)>> {
        self.made.clear();
        self.fragments.clear();
        let mut numbers: Vec<usize> = self.watches.keys().copied().collect();
        numbers.sort_unstable();
        let wishes: Vec<WatchWish> = numbers
            .iter()
            .map(|number| WatchWish::Create(create(&self.watches[number].wanted)))
            .collect();
        self.pending = numbers.into();
        let config = self.client.config();
        let logs_in = config.user.is_some() || config.keeper.is_some();
        let renewed = std::cell::Cell::new(false);
        loop {
            if self.commands.is_closed() {
                return Ok(None);
            }
            let round = Instant::now() + ROUND;
            let over = patience.deadline.is_some_and(|deadline| deadline <= round);
            let deadline = patience
                .deadline
                .map_or(round, |deadline| deadline.min(round));
            let opened = self.client.ask(
                Effect::Read,
                Patience {
                    deadline: Some(deadline),
                    ..patience
                },
                async |etcd| {
                    let mut stream = WatchStream::open(&etcd.channel, wishes.clone()).await?;
                    let first = stream.reply().await?;
                    // A token that is not taken any longer is told as a reason, not as an error: an error makes a new login.
                    let stale = first
                        .as_ref()
                        .and_then(stale_login)
                        .filter(|_| logs_in && !renewed.replace(true));
                    match stale {
                        Some(reason) => Err(Status::unauthenticated(reason).into()),
                        None => Ok((stream, first)),
                    }
                },
            );
            match opened {
                Ok((stream, first)) => {
                    return Ok(Some((self.client.favourite().to_string(), stream, first)));
                }
                Err(fault) => {
                    let trouble = fault.trouble();
                    let no_leader = patience.stubborn
                        && fault
                            .attempts
                            .iter()
                            .any(|attempt| attempt.trouble.to_string() == NO_LEADER);
                    let hopeless = patience.deadline.is_some()
                        && !patience.stubborn
                        && fault
                            .attempts
                            .iter()
                            .all(|attempt| attempt.trouble.is_lasting());
                    if over || no_leader || hopeless || trouble.is_answer() {
                        return Err(fault);
                    }
                    std::thread::sleep(PAUSE);
                }
            }
        }
    }

    fn converse(&mut self, stream: &mut WatchStream, first: Option<PbWatchResponse>) -> End {
        let mut reply = Ok(first);
        loop {
            let going = match reply {
                Ok(Some(response)) => self.receive(response, stream),
                Ok(None) => Err(End::Broken(Status::unavailable("etcd closed the watch"))),
                Err(status) => Err(End::Broken(status)),
            };
            if let Err(end) = going {
                return end;
            }
            reply = loop {
                let commands = &mut self.commands;
                let next = block_on(async {
                    tokio::select! {
                        command = commands.recv() => Err(command),
                        reply = stream.reply() => Ok(reply),
                    }
                });
                match next {
                    Ok(reply) => break reply,
                    Err(Some(command)) => self.heed(command, Some(stream)),
                    Err(None) => return End::Closed,
                }
            };
        }
    }

    fn heed(&mut self, command: Command, stream: Option<&WatchStream>) {
        match command {
            Command::Add(number, wanted) => {
                if let Some(stream) = stream {
                    stream.send(WatchWish::Create(create(&wanted)));
                    self.pending.push_back(number);
                }
                self.watches.insert(
                    number,
                    Watch {
                        renewed: false,
                        wanted,
                    },
                );
            }
            Command::Progress => {
                if let Some(stream) = stream {
                    stream.send(WatchWish::Progress(WatchProgress {}));
                }
            }
        }
    }

    fn receive(&mut self, response: PbWatchResponse, stream: &WatchStream) -> Going {
        if response.created {
            return self.created(&response);
        }
        let id = response.watch_id;
        let Some(response) = self.whole(response) else {
            return Ok(());
        };
        if id == -1 {
            // Progress of the whole stream.
            let mut numbers: Vec<usize> = self.made.values().copied().collect();
            numbers.sort_unstable();
            return numbers
                .into_iter()
                .try_for_each(|number| self.respond(number, response.clone()));
        }
        let Some(number) = self.made.get(&id).copied() else {
            stream.send(WatchWish::Cancel(WatchCancel { watch_id: id }));
            return Ok(());
        };
        if !response.canceled {
            return self.respond(number, response);
        }
        self.made.remove(&id);
        self.watches.remove(&number);
        if response.compact_revision == 0 {
            self.tell(Told::Ended(number, Reason::of(&response)))
        } else {
            self.tell(Told::Response(number, response))
        }
    }

    fn created(&mut self, response: &PbWatchResponse) -> Going {
        let Some(number) = self.pending.pop_front() else {
            return Ok(());
        };
        let Some(watch) = self.watches.get_mut(&number) else {
            return Ok(());
        };
        if response.canceled || response.watch_id == -1 {
            let logs_in = self.client.config().user.is_some();
            if logs_in
                && stale_login(response).is_some()
                && !std::mem::replace(&mut watch.renewed, true)
            {
                return Err(End::Login);
            }
            self.watches.remove(&number);
            return self.tell(Told::Ended(number, Reason::of(response)));
        }
        watch.renewed = false;
        if watch.wanted.revision == 0 {
            watch.wanted.revision = revision(response) + 1;
        }
        self.made.insert(response.watch_id, number);
        Ok(())
    }

    /// The reply with the events of those before it, when it was the last part.
    fn whole(&mut self, mut response: PbWatchResponse) -> Option<PbWatchResponse> {
        let id = response.watch_id;
        if let Some(mut before) = self.fragments.remove(&id) {
            before.events.append(&mut response.events);
            response.events = before.events;
        }
        if !response.fragment {
            return Some(response);
        }
        self.fragments.insert(id, response);
        None
    }

    fn respond(&mut self, number: usize, response: PbWatchResponse) -> Going {
        if let Some(watch) = self.watches.get_mut(&number) {
            let seen = response
                .events
                .last()
                .and_then(|event| event.kv.as_ref())
                .map_or_else(|| revision(&response), |kv| kv.mod_revision);
            watch.wanted.revision = watch.wanted.revision.max(seen + 1);
        }
        self.tell(Told::Response(number, response))
    }
}

fn create(wanted: &Watched) -> WatchCreate {
    WatchCreate {
        key: wanted.key.clone(),
        prev_kv: wanted.prev_kv,
        progress_notify: wanted.progress_notify,
        range_end: wanted.end.clone(),
        start_revision: wanted.revision,
    }
}

fn revision(response: &PbWatchResponse) -> i64 {
    response.header.as_ref().map_or(0, |header| header.revision)
}

/// The reason of a refusal that a new login may cure.
fn stale_login(response: &PbWatchResponse) -> Option<String> {
    Some(Reason::of(response).text().to_string())
        .filter(|text| response.canceled && STALE_LOGIN.contains(&text.as_str()))
}

/// Would another connection be answered in the same way? A broken one has a source, or one of these codes.
fn is_lasting(status: &Status) -> bool {
    let broken = matches!(
        status.code(),
        Code::Unavailable
            | Code::Internal
            | Code::Unknown
            | Code::Cancelled
            | Code::Aborted
            | Code::ResourceExhausted
    );
    std::error::Error::source(status).is_none() && !broken
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(code: &str, text: &str) -> PbWatchResponse {
        PbWatchResponse {
            canceled: true,
            cancel_reason: format!("rpc error: code = {code} desc = {text}"),
            ..Default::default()
        }
    }

    #[test]
    fn a_refused_token_is_told_from_a_refused_user() {
        assert_eq!(
            stale_login(&said("Unauthenticated", "etcdserver: invalid auth token")).as_deref(),
            Some("etcdserver: invalid auth token")
        );
        assert_eq!(
            stale_login(&said("PermissionDenied", "etcdserver: permission denied")),
            None
        );
        assert_eq!(
            Reason::of(&said("PermissionDenied", "etcdserver: permission denied")).text(),
            "etcdserver: permission denied"
        );
        assert_eq!(
            Reason("mvcc: watcher range is empty".into()).text(),
            "mvcc: watcher range is empty"
        );
    }

    #[test]
    fn only_an_answer_ends_all_watches() {
        assert!(is_lasting(&Status::invalid_argument("etcdserver: wrong")));
        assert!(!is_lasting(&Status::unavailable(NO_LEADER)));
        assert!(!is_lasting(&Status::unknown("h2 protocol error")));
    }
}
