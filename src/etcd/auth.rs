//! Users, roles and whether authentication is on.

use etcd_client::PermissionType;

use super::{Client, Header, Result, rpc};
use crate::secret::Secret;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuthStatus {
    pub auth_revision: u64,
    pub enabled: bool,
    pub header: Header,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct User {
    pub header: Header,
    pub roles: Vec<String>,
}

/// Names of users or of roles.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    pub header: Header,
    pub names: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PermissionKind {
    Read,
    ReadWrite,
    Write,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permission {
    pub key: Vec<u8>,
    pub kind: PermissionKind,
    /// Empty for one key, `\0` for all from the key on.
    pub range_end: Vec<u8>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Role {
    pub header: Header,
    pub permissions: Vec<Permission>,
}

impl Client {
    /// Whether authentication is on. Servers before 3.5 do not know this call.
    pub fn auth_status(&self) -> Result<AuthStatus> {
        let answer = self.read(async |etcd| Ok(rpc::auth_status(&etcd.channel).await?))?;
        Ok(AuthStatus {
            auth_revision: answer.auth_revision,
            enabled: answer.enabled,
            header: Header::of_raw(answer.header),
        })
    }

    /// Switch authentication on; a user `root` with the role `root` must be there.
    pub fn auth_enable(&self) -> Result<Header> {
        let answer = self.write(async |etcd| etcd.auth().auth_enable().await)?;
        Ok(Header::of(answer.header()))
    }

    /// Switch authentication off.
    pub fn auth_disable(&self) -> Result<Header> {
        let answer = self.write(async |etcd| etcd.auth().auth_disable().await)?;
        Ok(Header::of(answer.header()))
    }

    /// Add a user; without a password it can only log in by a client certificate.
    pub fn user_add(&self, name: &str, password: Option<&Secret>) -> Result<Header> {
        let text = password.map(Secret::reveal).unwrap_or_default();
        let options = password
            .is_none()
            .then(|| etcd_client::UserAddOptions::new().with_no_pwd());
        let answer =
            self.write(async |etcd| etcd.auth().user_add(name, text, options.clone()).await)?;
        Ok(Header::of(answer.header()))
    }

    pub fn user_change_password(&self, name: &str, password: &Secret) -> Result<Header> {
        let answer = self.write(async |etcd| {
            etcd.auth()
                .user_change_password(name, password.reveal())
                .await
        })?;
        Ok(Header::of(answer.header()))
    }

    pub fn user_delete(&self, name: &str) -> Result<Header> {
        let answer = self.write(async |etcd| etcd.auth().user_delete(name).await)?;
        Ok(Header::of(answer.header()))
    }

    pub fn user_get(&self, name: &str) -> Result<User> {
        let answer = self.read(async |etcd| Ok(rpc::user_get(&etcd.channel, name).await?))?;
        Ok(User {
            header: Header::of_raw(answer.header),
            roles: answer.roles,
        })
    }

    pub fn user_grant_role(&self, name: &str, role: &str) -> Result<Header> {
        let answer = self.write(async |etcd| etcd.auth().user_grant_role(name, role).await)?;
        Ok(Header::of(answer.header()))
    }

    pub fn user_list(&self) -> Result<Names> {
        let answer = self.read(async |etcd| Ok(rpc::user_list(&etcd.channel).await?))?;
        Ok(Names {
            header: Header::of_raw(answer.header),
            names: answer.users,
        })
    }

    pub fn user_revoke_role(&self, name: &str, role: &str) -> Result<Header> {
        let answer = self.write(async |etcd| etcd.auth().user_revoke_role(name, role).await)?;
        Ok(Header::of(answer.header()))
    }

    pub fn role_add(&self, name: &str) -> Result<Header> {
        let answer = self.write(async |etcd| etcd.auth().role_add(name).await)?;
        Ok(Header::of(answer.header()))
    }

    pub fn role_delete(&self, name: &str) -> Result<Header> {
        let answer = self.write(async |etcd| etcd.auth().role_delete(name).await)?;
        Ok(Header::of(answer.header()))
    }

    pub fn role_get(&self, name: &str) -> Result<Role> {
        let answer = self.read(async |etcd| Ok(rpc::role_get(&etcd.channel, name).await?))?;
        let permissions = answer.perm.into_iter().map(|raw| Permission {
            key: raw.key,
            kind: PermissionKind::of(raw.perm_type),
            range_end: raw.range_end,
        });
        Ok(Role {
            header: Header::of_raw(answer.header),
            permissions: permissions.collect(),
        })
    }

    pub fn role_list(&self) -> Result<Names> {
        let answer = self.read(async |etcd| Ok(rpc::role_list(&etcd.channel).await?))?;
        Ok(Names {
            header: Header::of_raw(answer.header),
            names: answer.roles,
        })
    }

    pub fn role_grant_permission(&self, name: &str, permission: &Permission) -> Result<Header> {
        let raw = etcd_client::Permission::new(permission.kind.into(), permission.key.clone())
            .with_range_end(permission.range_end.clone());
        let answer =
            self.write(async |etcd| etcd.auth().role_grant_permission(name, raw.clone()).await)?;
        Ok(Header::of(answer.header()))
    }

    pub fn role_revoke_permission(
        &self,
        name: &str,
        key: &[u8],
        range_end: &[u8],
    ) -> Result<Header> {
        let options = etcd_client::RoleRevokePermissionOptions::new().with_range_end(range_end);
        let call = async |etcd: &super::connection::Connection| {
            etcd.auth()
                .role_revoke_permission(name, key, Some(options.clone()))
                .await
        };
        Ok(Header::of(self.write(call)?.header()))
    }
}

impl From<PermissionKind> for PermissionType {
    fn from(kind: PermissionKind) -> PermissionType {
        match kind {
            PermissionKind::Read => PermissionType::Read,
            PermissionKind::ReadWrite => PermissionType::Readwrite,
            PermissionKind::Write => PermissionType::Write,
        }
    }
}

impl PermissionKind {
    fn of(raw: i32) -> PermissionKind {
        match raw {
            0 => PermissionKind::Read,
            1 => PermissionKind::Write,
            _ => PermissionKind::ReadWrite,
        }
    }
}
