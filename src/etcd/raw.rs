//! The raw door: what of etcd-client the commands of `e` are made of, and nothing more of it.
//!
//! They have every option of every request and print every field of every answer, so typed calls would say the same
//! once more. All else asks by the methods of `Client`. Calls that etcd-client lacks are in `rpc.rs`.

pub(crate) use etcd_client::proto::{
    PbAlarmMember, PbAlarmResponse, PbAuthRoleGetResponse, PbAuthRoleListResponse,
    PbAuthUserGetResponse, PbAuthUserListResponse, PbDeleteResponse, PbDowngradeResponse, PbEvent,
    PbHashKvResponse, PbKeyValue, PbLeaseGrantResponse, PbLeaseKeepAliveResponse,
    PbLeaseLeasesResponse, PbLeaseRevokeResponse, PbLeaseTimeToLiveResponse, PbMember,
    PbMemberAddResponse, PbMemberListResponse, PbMemberPromoteResponse, PbMemberRemoveResponse,
    PbMemberUpdateResponse, PbMoveLeaderResponse, PbPutResponse, PbRangeResponse, PbResponseHeader,
    PbResponseOp, PbStatusResponse, PbTxnOpResponse, PbTxnResponse, PbWatchResponse,
};
pub(crate) use etcd_client::{
    AlarmAction, AlarmOptions, AlarmType, CompactionOptions, Compare, CompareOp, DeleteOptions,
    DowngradeOptions, Error, GetOptions, MemberAddOptions, Permission, PermissionType, PutOptions,
    ResponseHeader, RoleRevokePermissionOptions, SortOrder, SortTarget, Txn, TxnOp, UserAddOptions,
    WatchOptions, WatchStream,
};
