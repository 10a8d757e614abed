//! Leases: granted, kept alive, revoked, listed.

use super::{Client, Header, Result, rpc};

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lease {
    pub header: Header,
    pub id: u64,
    /// Seconds; 0 when there is no such lease.
    pub ttl: i64,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeaseList {
    pub header: Header,
    pub ids: Vec<u64>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeaseTtl {
    pub granted_ttl: i64,
    pub header: Header,
    pub id: u64,
    pub keys: Vec<Vec<u8>>,
    /// Seconds left; -1 when there is no such lease.
    pub ttl: i64,
}

impl Client {
    /// Make a lease; etcd chooses the id when it is 0.
    pub fn lease_grant(&self, ttl: i64, id: u64) -> Result<Lease> {
        let options = etcd_client::LeaseGrantOptions::new().with_id(id.cast_signed());
        let answer =
            self.write(async |etcd| etcd.lease().grant(ttl, Some(options.clone())).await)?;
        Ok(Lease {
            header: Header::of(answer.header()),
            id: answer.id().cast_unsigned(),
            ttl: answer.ttl(),
        })
    }

    /// End a lease; its keys go with it.
    pub fn lease_revoke(&self, id: u64) -> Result<Header> {
        let answer = self.write(async |etcd| etcd.lease().revoke(id.cast_signed()).await)?;
        Ok(Header::of(answer.header()))
    }

    /// Let a lease begin anew. Its `ttl` is 0 when there is no such lease.
    pub fn lease_keep_alive_once(&self, id: u64) -> Result<Lease> {
        let answer =
            self.read(async |etcd| Ok(rpc::keep_alive(&etcd.channel, id.cast_signed()).await?))?;
        Ok(Lease {
            header: Header::of_raw(answer.header),
            id: answer.id.cast_unsigned(),
            ttl: answer.ttl,
        })
    }

    /// The ids of all leases.
    pub fn lease_list(&self) -> Result<LeaseList> {
        let answer = self.read(async |etcd| Ok(rpc::lease_list(&etcd.channel).await?))?;
        let ids = answer
            .leases
            .iter()
            .map(|lease| lease.id.cast_unsigned())
            .collect();
        Ok(LeaseList {
            header: Header::of_raw(answer.header),
            ids,
        })
    }

    /// How long a lease has left, with its keys if wanted.
    pub fn lease_ttl(&self, id: u64, keys: bool) -> Result<LeaseTtl> {
        let answer = self
            .read(async |etcd| Ok(rpc::lease_ttl(&etcd.channel, id.cast_signed(), keys).await?))?;
        Ok(LeaseTtl {
            granted_ttl: answer.granted_ttl,
            header: Header::of_raw(answer.header),
            id: answer.id.cast_unsigned(),
            keys: answer.keys,
            ttl: answer.ttl,
        })
    }
}
