//! The members of a cluster.

use etcd_client::proto::PbMember;

use super::{Client, Header, Result, rpc};

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Member {
    pub client_urls: Vec<String>,
    pub id: u64,
    pub is_learner: bool,
    /// Empty until the member has started.
    pub name: String,
    pub peer_urls: Vec<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Members {
    /// The member that was added; `None` for the other calls.
    pub added: Option<Member>,
    pub header: Header,
    pub members: Vec<Member>,
}

impl Client {
    /// The members; `linearizable` asks the quorum, otherwise the endpoint says what it knows.
    pub fn member_list(&self, linearizable: bool) -> Result<Members> {
        let answer =
            self.read(async |etcd| Ok(rpc::member_list(&etcd.channel, linearizable).await?))?;
        let members = answer.members.into_iter().map(Member::from).collect();
        Ok(Members {
            added: None,
            header: answer.header.map(Header::from).unwrap_or_default(),
            members,
        })
    }

    /// Add a member, as a learner if wanted.
    pub fn member_add(&self, peer_urls: &[String], learner: bool) -> Result<Members> {
        let options = etcd_client::MemberAddOptions::new();
        let options = if learner {
            options.with_is_learner()
        } else {
            options
        };
        let answer = self.write(async |etcd| {
            etcd.cluster()
                .member_add(peer_urls, Some(options.clone()))
                .await
        })?;
        let added = answer.member().map(Member::from);
        Ok(Members {
            added,
            header: Header::of(answer.header()),
            members: all(answer.member_list()),
        })
    }

    /// Remove a member; the members that are left.
    pub fn member_remove(&self, id: u64) -> Result<Members> {
        let answer = self.write(async |etcd| etcd.cluster().member_remove(id).await)?;
        Ok(Members {
            added: None,
            header: Header::of(answer.header()),
            members: all(answer.members()),
        })
    }

    /// Make a learner that has caught up a voting member.
    ///
    /// The request goes to the leader: a follower passes it on without the login, so that with authentication on it is
    /// never answered. Source: seen with etcd 3.4 and 3.5; `promoteMember` in etcd's server/etcdserver/server.go.
    pub fn member_promote(&self, id: u64) -> Result<Members> {
        let endpoint = self.leader_endpoint()?;
        let answer = self.on(&endpoint, self.limit(), async |etcd| {
            etcd.cluster().member_promote(id).await
        })?;
        Ok(Members {
            added: None,
            header: Header::of(answer.header()),
            members: all(answer.members()),
        })
    }
}

fn all(members: &[etcd_client::Member]) -> Vec<Member> {
    members.iter().map(Member::from).collect()
}

impl From<&etcd_client::Member> for Member {
    fn from(raw: &etcd_client::Member) -> Member {
        Member {
            client_urls: raw.client_urls().to_vec(),
            id: raw.id(),
            is_learner: raw.is_learner(),
            name: raw.name().to_string(),
            peer_urls: raw.peer_urls().to_vec(),
        }
    }
}

impl From<PbMember> for Member {
    fn from(raw: PbMember) -> Member {
        let PbMember {
            id,
            name,
            peer_ur_ls,
            client_ur_ls,
            is_learner,
        } = raw;
        Member {
            client_urls: client_ur_ls,
            id,
            is_learner,
            name,
            peer_urls: peer_ur_ls,
        }
    }
}
