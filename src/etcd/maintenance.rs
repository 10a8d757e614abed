//! One member's condition, and who leads.

use std::time::{Duration, Instant};

use tonic::Code;

use super::client::{Client, PAUSE};
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
    /// The release that a downgrade leads to which is enabled; empty where there is none, and from servers before 3.6.
    pub downgrade: String,
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
            downgrade: answer
                .downgrade_info()
                .filter(|info| info.enabled())
                .map(|info| info.target_version().to_string())
                .unwrap_or_default(),
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
    /// etcd looks at that afterwards. Source: `Range` in etcd's `server/etcdserver/v3_server.go`.
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

    /// Is authentication on, and nobody logged in here? Asked of any endpoint that answers.
    pub fn wants_login(&self) -> Result<bool> {
        let asked = self.read(async |etcd| match etcd.kv().get("health", None).await {
            Err(etcd_client::Error::GRpcStatus(status))
                if status.code() == Code::PermissionDenied =>
            {
                Ok(())
            }
            answer => answer.map(drop),
        });
        match asked {
            Err(fault) if fault.trouble().wants_login() => Ok(true),
            answer => answer.map(|()| false),
        }
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
