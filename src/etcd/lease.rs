//! Leases, as a list.

use super::{Client, Header, Result, rpc};

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeaseList {
    pub header: Header,
    pub ids: Vec<u64>,
}

impl Client {
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
