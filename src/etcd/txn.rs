//! Transactions: compare, then do one list of operations or the other.

use etcd_client::{TxnOp, TxnOpResponse};

use super::kv::{
    Delete, DeleteOptions, Get, GetOptions, Put, PutOptions, raw_delete, raw_get, raw_put,
};
use super::{Client, Header, Result};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CompareOp {
    Equal,
    Greater,
    Less,
    NotEqual,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CompareTarget {
    CreateRevision(i64),
    Lease(u64),
    ModRevision(i64),
    Value(Vec<u8>),
    /// 0 is a key that does not exist.
    Version(i64),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compare {
    pub key: Vec<u8>,
    pub op: CompareOp,
    pub target: CompareTarget,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Op {
    Delete {
        key: Vec<u8>,
        options: DeleteOptions,
    },
    Get {
        key: Vec<u8>,
        options: GetOptions,
    },
    Put {
        key: Vec<u8>,
        options: PutOptions,
        value: Vec<u8>,
    },
}

/// `then` is done when all of `when` hold, else `otherwise`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Txn {
    pub otherwise: Vec<Op>,
    pub then: Vec<Op>,
    pub when: Vec<Compare>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OpResult {
    Delete(Delete),
    Get(Get),
    Put(Put),
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TxnResult {
    pub header: Header,
    pub results: Vec<OpResult>,
    pub succeeded: bool,
}

impl Client {
    /// Do a transaction.
    pub fn txn(&self, txn: &Txn) -> Result<TxnResult> {
        let raw = etcd_client::Txn::new()
            .when(txn.when.iter().map(raw_compare).collect::<Vec<_>>())
            .and_then(txn.then.iter().map(raw_op).collect::<Vec<_>>())
            .or_else(txn.otherwise.iter().map(raw_op).collect::<Vec<_>>());
        let answer = self.write(async |etcd| etcd.kv().txn(raw.clone()).await)?;
        Ok(TxnResult {
            header: Header::of(answer.header()),
            results: answer
                .op_responses()
                .into_iter()
                .filter_map(result)
                .collect(),
            succeeded: answer.succeeded(),
        })
    }
}

fn raw_compare(compare: &Compare) -> etcd_client::Compare {
    let op = match compare.op {
        CompareOp::Equal => etcd_client::CompareOp::Equal,
        CompareOp::Greater => etcd_client::CompareOp::Greater,
        CompareOp::Less => etcd_client::CompareOp::Less,
        CompareOp::NotEqual => etcd_client::CompareOp::NotEqual,
    };
    let key = compare.key.clone();
    match &compare.target {
        CompareTarget::CreateRevision(revision) => {
            etcd_client::Compare::create_revision(key, op, *revision)
        }
        CompareTarget::Lease(lease) => etcd_client::Compare::lease(key, op, lease.cast_signed()),
        CompareTarget::ModRevision(revision) => {
            etcd_client::Compare::mod_revision(key, op, *revision)
        }
        CompareTarget::Value(value) => etcd_client::Compare::value(key, op, value.clone()),
        CompareTarget::Version(version) => etcd_client::Compare::version(key, op, *version),
    }
}

fn raw_op(op: &Op) -> TxnOp {
    match op {
        Op::Delete { key, options } => TxnOp::delete(key.clone(), Some(raw_delete(options))),
        Op::Get { key, options } => TxnOp::get(key.clone(), Some(raw_get(options))),
        Op::Put {
            key,
            options,
            value,
        } => TxnOp::put(key.clone(), value.clone(), Some(raw_put(*options))),
    }
}

fn result(raw: TxnOpResponse) -> Option<OpResult> {
    match raw {
        TxnOpResponse::Delete(raw) => Some(OpResult::Delete(raw.into())),
        TxnOpResponse::Get(raw) => Some(OpResult::Get(raw.into())),
        TxnOpResponse::Put(raw) => Some(OpResult::Put(raw.into())),
        TxnOpResponse::Txn(_) => None,
    }
}
