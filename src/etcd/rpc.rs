//! The calls that etcd-client 0.21 does not offer: a linearizable member list, the status of authentication, and the
//! first reply of a lease's keep-alive, which it drops. Field numbers are those of etcd's `rpc.proto`.

use etcd_client::proto::{PbMemberListResponse, PbResponseHeader};
use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::codegen::tokio_stream;
use tonic::{GrpcMethod, Request, Status};
use tonic_prost::ProstCodec;

use super::Header;
use super::connection::Channel;

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct RawHeader {
    #[prost(uint64, tag = "1")]
    pub(crate) cluster_id: u64,
    #[prost(uint64, tag = "2")]
    pub(crate) member_id: u64,
    #[prost(int64, tag = "3")]
    pub(crate) revision: i64,
    #[prost(uint64, tag = "4")]
    pub(crate) raft_term: u64,
}

impl From<Option<RawHeader>> for Header {
    fn from(header: Option<RawHeader>) -> Header {
        let RawHeader { cluster_id, member_id, revision, raft_term } = header.unwrap_or_default();
        Header { cluster_id, member_id, raft_term, revision }
    }
}

impl From<PbResponseHeader> for Header {
    fn from(header: PbResponseHeader) -> Header {
        let PbResponseHeader { cluster_id, member_id, revision, raft_term } = header;
        Header { cluster_id, member_id, raft_term, revision }
    }
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct MemberListRequest {
    #[prost(bool, tag = "1")]
    pub(crate) linearizable: bool,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct AuthStatusRequest {}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct AuthStatusResponse {
    #[prost(message, optional, tag = "1")]
    pub(crate) header: Option<RawHeader>,
    #[prost(bool, tag = "2")]
    pub(crate) enabled: bool,
    #[prost(uint64, tag = "3")]
    pub(crate) auth_revision: u64,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct KeepAliveRequest {
    #[prost(int64, tag = "1")]
    pub(crate) id: i64,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct KeepAliveResponse {
    #[prost(message, optional, tag = "1")]
    pub(crate) header: Option<RawHeader>,
    #[prost(int64, tag = "2")]
    pub(crate) id: i64,
    #[prost(int64, tag = "3")]
    pub(crate) ttl: i64,
}

type Answer<T> = std::result::Result<T, Status>;

pub(crate) async fn member_list(channel: &Channel, linearizable: bool) -> Answer<PbMemberListResponse> {
    unary(channel, "etcdserverpb.Cluster", "MemberList", MemberListRequest { linearizable }).await
}

pub(crate) async fn auth_status(channel: &Channel) -> Answer<AuthStatusResponse> {
    unary(channel, "etcdserverpb.Auth", "AuthStatus", AuthStatusRequest {}).await
}

/// Keep a lease alive once and give the reply; a time to live of 0 means that there is no such lease.
pub(crate) async fn keep_alive(channel: &Channel, id: i64) -> Answer<KeepAliveResponse> {
    let mut grpc = ready(channel).await?;
    let request = Request::new(tokio_stream::once(KeepAliveRequest { id }));
    let path = PathAndQuery::from_static("/etcdserverpb.Lease/LeaseKeepAlive");
    let codec = ProstCodec::<KeepAliveRequest, KeepAliveResponse>::default();
    let mut replies = grpc.streaming(request, path, codec).await?.into_inner();
    replies.message().await?.ok_or_else(|| Status::unknown("etcd closed the keep-alive without an answer"))
}

async fn unary<Q, A>(channel: &Channel, service: &'static str, method: &'static str, message: Q) -> Answer<A>
where
    Q: prost::Message + Send + Sync + 'static,
    A: prost::Message + Default + Send + Sync + 'static,
{
    let mut grpc = ready(channel).await?;
    let mut request = Request::new(message);
    request.extensions_mut().insert(GrpcMethod::new(service, method));
    let path = PathAndQuery::try_from(format!("/{service}/{method}")).map_err(|error| Status::internal(error.to_string()))?;
    Ok(grpc.unary(request, path, ProstCodec::default()).await?.into_inner())
}

async fn ready(channel: &Channel) -> Answer<Grpc<Channel>> {
    let mut grpc = Grpc::new(channel.clone());
    grpc.ready().await.map_err(Status::from_error)?;
    Ok(grpc)
}
