//! One member's condition and upkeep: status, health, alarms, leader, defragmentation, hash.

use std::time::{Duration, Instant};

use etcd_client::{AlarmAction, AlarmOptions, AlarmType};
use tonic::Code;

use super::client::{Client, LONG, PAUSE};
use super::trouble::NO_USER;
use super::{Header, Result};

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    pub cluster_id: u64,
    /// Bytes of the database's file.
    pub db_size: i64,
    /// The quota; 0 from servers before 3.6, which do not say.
    pub db_size_quota: i64,
    pub db_size_in_use: i64,
    pub errors: Vec<String>,
    pub header: Header,
    pub is_learner: bool,
    /// 0 when the member knows no leader.
    pub leader: u64,
    pub member_id: u64,
    pub raft_applied_index: u64,
    pub raft_index: u64,
    pub raft_term: u64,
    /// Empty from servers before 3.6.
    pub storage_version: String,
    pub version: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AlarmKind {
    Corrupt,
    NoSpace,
    None,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Alarm {
    pub kind: AlarmKind,
    pub member_id: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HashKv {
    pub compact_revision: i64,
    pub hash: u32,
    /// 0 from servers before 3.6.
    pub hash_revision: i64,
    pub header: Header,
}

impl Client {
    /// What the member at an endpoint says about itself.
    pub fn status(&self, endpoint: &str) -> Result<Status> {
        let answer = self.on(endpoint, self.limit(), async |etcd| {
            etcd.maintenance().status().await
        })?;
        let header = Header::of(answer.header());
        Ok(Status {
            cluster_id: header.cluster_id,
            db_size: answer.db_size(),
            db_size_in_use: answer.raft_used_db_size(),
            db_size_quota: answer.db_size_quota(),
            errors: answer.errors().to_vec(),
            is_learner: answer.is_learner(),
            leader: answer.leader(),
            member_id: header.member_id,
            raft_applied_index: answer.raft_applied_index(),
            raft_index: answer.raft_index(),
            raft_term: answer.raft_term(),
            storage_version: answer.storage_version().to_string(),
            version: answer.version().to_string(),
            header,
        })
    }

    /// How long the member at an endpoint takes to read a key through the quorum.
    ///
    /// A user without the permission to read it has been answered by the quorum, too, and so has one who has not logged in:
    /// etcd looks at that afterwards. Source: `Range` in etcd's server/etcdserver/v3_server.go.
    pub fn health(&self, endpoint: &str) -> Result<Duration> {
        let start = Instant::now();
        self.on(endpoint, self.limit(), async |etcd| {
            match etcd.kv().get("health", None).await {
                Err(etcd_client::Error::GRpcStatus(status))
                    if status.code() == Code::PermissionDenied || status.message() == NO_USER =>
                {
                    Ok(())
                }
                answer => answer.map(|_| ()),
            }
        })?;
        Ok(start.elapsed())
    }

    /// The alarms of all members.
    pub fn alarm_list(&self) -> Result<Vec<Alarm>> {
        let call = async |etcd: &super::connection::Connection| {
            etcd.maintenance()
                .alarm(AlarmAction::Get, AlarmType::None, None)
                .await
        };
        Ok(alarms(&self.read(call)?))
    }

    /// Take back the alarms that are on, and give those that were taken back.
    pub fn alarm_disarm(&self) -> Result<Vec<Alarm>> {
        let mut done = Vec::new();
        for alarm in self.alarm_list()? {
            let mut options = AlarmOptions::new();
            options.with_member(alarm.member_id);
            let kind = alarm.kind.into();
            let answer = self.write(async |etcd| {
                etcd.maintenance()
                    .alarm(AlarmAction::Deactivate, kind, Some(options.clone()))
                    .await
            })?;
            done.extend(alarms(&answer));
        }
        Ok(done)
    }

    /// Hand the leadership over to a member. The request goes to the leader, wherever it is, and follows it.
    pub fn move_leader(&self, id: u64) -> Result<Header> {
        let end = Instant::now() + self.limit();
        loop {
            let endpoint = self.leader_endpoint()?;
            let answer = self.on(&endpoint, self.limit(), async |etcd| {
                etcd.maintenance().move_leader(id).await
            });
            match answer {
                Err(fault) if fault.trouble().is_not_leader() && Instant::now() < end => {
                    std::thread::sleep(PAUSE);
                }
                answer => return Ok(Header::of(answer?.header())),
            }
        }
    }

    /// Give the free space of the member's database back to its disk. The member answers nobody meanwhile.
    pub fn defragment(&self, endpoint: &str) -> Result<Header> {
        let answer = self.on(endpoint, LONG, async |etcd| {
            etcd.maintenance().defragment().await
        })?;
        Ok(Header::of(answer.header()))
    }

    /// The hash of a member's keys up to a revision; 0 is the newest.
    pub fn hash_kv(&self, endpoint: &str, rev: i64) -> Result<HashKv> {
        let answer = self.on(endpoint, self.limit(), async |etcd| {
            etcd.maintenance().hash_kv(rev).await
        })?;
        Ok(HashKv {
            compact_revision: answer.compact_version(),
            hash: answer.hash(),
            hash_revision: answer.hash_revision(),
            header: Header::of(answer.header()),
        })
    }

    /// The first endpoint of the settings whose member leads; the first one that answers when none of them does.
    pub(super) fn leader_endpoint(&self) -> Result<String> {
        let mut answering = None;
        let mut fault = None;
        for endpoint in self.endpoints() {
            match self.status(endpoint) {
                Ok(status) if status.leader == status.member_id => return Ok(endpoint.clone()),
                Ok(_) => answering = answering.or(Some(endpoint)),
                Err(error) => fault = Some(error),
            }
        }
        match (answering, fault) {
            (Some(endpoint), _) => Ok(endpoint.clone()),
            (None, Some(fault)) => Err(fault),
            (None, None) => Ok(self.endpoints()[0].clone()),
        }
    }
}

fn alarms(answer: &etcd_client::AlarmResponse) -> Vec<Alarm> {
    let alarms = answer.alarms().iter();
    alarms
        .map(|alarm| Alarm {
            kind: alarm.alarm().into(),
            member_id: alarm.member_id(),
        })
        .collect()
}

impl From<AlarmType> for AlarmKind {
    fn from(raw: AlarmType) -> AlarmKind {
        match raw {
            AlarmType::Corrupt => AlarmKind::Corrupt,
            AlarmType::None => AlarmKind::None,
            AlarmType::Nospace => AlarmKind::NoSpace,
        }
    }
}

impl From<AlarmKind> for AlarmType {
    fn from(kind: AlarmKind) -> AlarmType {
        match kind {
            AlarmKind::Corrupt => AlarmType::Corrupt,
            AlarmKind::NoSpace => AlarmType::Nospace,
            AlarmKind::None => AlarmType::None,
        }
    }
}
