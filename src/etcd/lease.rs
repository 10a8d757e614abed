//! Leases, as a list.

use super::{Client, Header, Result, rpc};

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeaseList {
    pub header: Header,
    pub ids: Vec<u64>,
}

/// How long a lease still lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeaseTtl {
    pub granted: i64,
    pub id: u64,
    /// Seconds; -1 when there is no such lease.
    pub left: i64,
}

impl Client {
    /// How long these leases still live, asked all at once.
    pub fn lease_ttl(&self, ids: &[u64]) -> Result<Vec<LeaseTtl>> {
        self.read(async |etcd| {
            let asked = ids.iter().map(async |id| {
                let answer = rpc::lease_ttl(&etcd.channel, id.cast_signed(), false).await?;
                Ok(LeaseTtl {
                    granted: answer.granted_ttl,
                    id: *id,
                    left: answer.ttl,
                })
            });
            futures_util::future::try_join_all(asked).await
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
            header: answer.header.unwrap_or_default().into(),
            ids,
        })
    }
}
