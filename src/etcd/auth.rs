//! Users and roles, as lists.

use super::{Client, Header, Result, rpc};

/// Names of users or of roles.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    pub header: Header,
    pub names: Vec<String>,
}

impl Client {
    pub fn user_list(&self) -> Result<Names> {
        let answer = self.read(async |etcd| Ok(rpc::user_list(&etcd.channel).await?))?;
        Ok(Names {
            header: answer.header.unwrap_or_default().into(),
            names: answer.users,
        })
    }

    pub fn role_list(&self) -> Result<Names> {
        let answer = self.read(async |etcd| Ok(rpc::role_list(&etcd.channel).await?))?;
        Ok(Names {
            header: answer.header.unwrap_or_default().into(),
            names: answer.roles,
        })
    }
}
