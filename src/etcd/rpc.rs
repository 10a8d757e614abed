//! The calls that etcd-client 0.21 does not offer: a linearizable member list, the status of authentication, the first
//! reply of a lease's keep-alive, which it drops, watches with events of any kind, and lists that may be larger than 4 MiB.
//! Field numbers are those of etcd's `rpc.proto`.

use std::sync::Arc;

use etcd_client::proto::{
    PbAuthRoleGetResponse, PbAuthRoleListResponse, PbAuthUserGetResponse, PbAuthUserListResponse,
    PbLeaseKeepAliveResponse, PbLeaseLeasesResponse, PbLeaseTimeToLiveResponse,
    PbMemberListResponse, PbResponseHeader, PbWatchResponse,
};
use tokio::sync::{Semaphore, mpsc};
use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::codegen::tokio_stream::wrappers::{ReceiverStream, UnboundedReceiverStream};
use tonic::metadata::MetadataValue;
use tonic::{GrpcMethod, Request, Status, Streaming};
use tonic_prost::ProstCodec;

use super::Header;
use super::connection::{Channel, LARGEST_MESSAGE};

/// Calls that are made at the same time over one connection.
const AT_A_TIME: usize = 64;

impl From<PbResponseHeader> for Header {
    fn from(header: PbResponseHeader) -> Header {
        let PbResponseHeader {
            cluster_id,
            member_id,
            revision,
            raft_term,
        } = header;
        Header {
            cluster_id,
            member_id,
            raft_term,
            revision,
        }
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
    pub(crate) header: Option<PbResponseHeader>,
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

/// A call whose request has no fields.
#[derive(Clone, PartialEq, prost::Message)]
struct Everything {}

/// A call about a user or a role.
#[derive(Clone, PartialEq, prost::Message)]
struct Named {
    #[prost(string, tag = "1")]
    name: String,
}

#[derive(Clone, PartialEq, prost::Message)]
struct TimeToLiveRequest {
    #[prost(int64, tag = "1")]
    id: i64,
    #[prost(bool, tag = "2")]
    keys: bool,
}

type Answer<T> = std::result::Result<T, Status>;

pub(crate) async fn member_list(
    channel: &Channel,
    linearizable: bool,
) -> Answer<PbMemberListResponse> {
    unary(
        channel,
        "etcdserverpb.Cluster",
        "MemberList",
        MemberListRequest { linearizable },
    )
    .await
}

pub(crate) async fn auth_status(channel: &Channel) -> Answer<AuthStatusResponse> {
    unary(
        channel,
        "etcdserverpb.Auth",
        "AuthStatus",
        AuthStatusRequest {},
    )
    .await
}

pub(crate) async fn role_get(channel: &Channel, name: &str) -> Answer<PbAuthRoleGetResponse> {
    unary(
        channel,
        "etcdserverpb.Auth",
        "RoleGet",
        Named { name: name.into() },
    )
    .await
}

pub(crate) async fn role_list(channel: &Channel) -> Answer<PbAuthRoleListResponse> {
    unary(channel, "etcdserverpb.Auth", "RoleList", Everything {}).await
}

pub(crate) async fn user_get(channel: &Channel, name: &str) -> Answer<PbAuthUserGetResponse> {
    unary(
        channel,
        "etcdserverpb.Auth",
        "UserGet",
        Named { name: name.into() },
    )
    .await
}

pub(crate) async fn user_list(channel: &Channel) -> Answer<PbAuthUserListResponse> {
    unary(channel, "etcdserverpb.Auth", "UserList", Everything {}).await
}

pub(crate) async fn lease_list(channel: &Channel) -> Answer<PbLeaseLeasesResponse> {
    unary(channel, "etcdserverpb.Lease", "LeaseLeases", Everything {}).await
}

pub(crate) async fn lease_ttl(
    channel: &Channel,
    id: i64,
    keys: bool,
) -> Answer<PbLeaseTimeToLiveResponse> {
    unary(
        channel,
        "etcdserverpb.Lease",
        "LeaseTimeToLive",
        TimeToLiveRequest { id, keys },
    )
    .await
}

/// Keep a lease alive once and give the reply; a time to live of 0 means that there is no such lease.
pub(crate) async fn keep_alive(channel: &Channel, id: i64) -> Answer<PbLeaseKeepAliveResponse> {
    Ok(KeepAlive::begin(channel, id).await?.1)
}

/// A stream on which a lease is kept alive.
pub(crate) struct KeepAlive {
    id: i64,
    replies: Streaming<PbLeaseKeepAliveResponse>,
    requests: mpsc::Sender<KeepAliveRequest>,
}

impl KeepAlive {
    /// Open a stream, and let the lease begin anew for the first time.
    pub(crate) async fn begin(
        channel: &Channel,
        id: i64,
    ) -> Answer<(KeepAlive, PbLeaseKeepAliveResponse)> {
        let mut grpc = ready(channel).await?;
        let (requests, queue) = mpsc::channel(1);
        requests
            .send(KeepAliveRequest { id })
            .await
            .map_err(|error| Status::internal(error.to_string()))?;
        let path = PathAndQuery::from_static("/etcdserverpb.Lease/LeaseKeepAlive");
        let codec = ProstCodec::<KeepAliveRequest, PbLeaseKeepAliveResponse>::default();
        let replies = grpc
            .streaming(Request::new(ReceiverStream::new(queue)), path, codec)
            .await?
            .into_inner();
        let mut stream = KeepAlive {
            id,
            replies,
            requests,
        };
        let reply = stream.reply().await?;
        Ok((stream, reply))
    }

    /// Let the lease begin anew once more.
    pub(crate) async fn renew(&mut self) -> Answer<PbLeaseKeepAliveResponse> {
        let id = self.id;
        self.requests
            .send(KeepAliveRequest { id })
            .await
            .map_err(|_| closed())?;
        self.reply().await
    }

    async fn reply(&mut self) -> Answer<PbLeaseKeepAliveResponse> {
        self.replies.message().await?.ok_or_else(closed)
    }
}

fn closed() -> Status {
    Status::unavailable("etcd closed the keep-alive")
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct WatchRequest {
    #[prost(oneof = "WatchWish", tags = "1, 2, 3")]
    pub(crate) wish: Option<WatchWish>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
pub(crate) enum WatchWish {
    #[prost(message, tag = "1")]
    Create(WatchCreate),
    #[prost(message, tag = "2")]
    Cancel(WatchCancel),
    #[prost(message, tag = "3")]
    Progress(WatchProgress),
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct WatchCreate {
    #[prost(bytes = "vec", tag = "1")]
    pub(crate) key: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    pub(crate) range_end: Vec<u8>,
    #[prost(int64, tag = "3")]
    pub(crate) start_revision: i64,
    #[prost(bool, tag = "4")]
    pub(crate) progress_notify: bool,
    #[prost(bool, tag = "6")]
    pub(crate) prev_kv: bool,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct WatchCancel {
    #[prost(int64, tag = "1")]
    pub(crate) watch_id: i64,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct WatchProgress {}

/// Watches on one stream.
pub(crate) struct WatchStream {
    replies: Streaming<PbWatchResponse>,
    requests: mpsc::UnboundedSender<WatchRequest>,
}

impl WatchStream {
    /// Open a stream with its first wishes: etcd says nothing before there is one. A member that knows no leader refuses.
    pub(crate) async fn open(channel: &Channel, wishes: Vec<WatchWish>) -> Answer<WatchStream> {
        let mut grpc = ready(channel).await?;
        let (requests, queue) = mpsc::unbounded_channel();
        let mut request = Request::new(UnboundedReceiverStream::new(queue));
        request
            .metadata_mut()
            .insert("hasleader", MetadataValue::from_static("true"));
        for wish in wishes {
            let _ = requests.send(WatchRequest { wish: Some(wish) });
        }
        let path = PathAndQuery::from_static("/etcdserverpb.Watch/Watch");
        let replies = grpc
            .streaming(request, path, ProstCodec::default())
            .await?
            .into_inner();
        Ok(WatchStream { replies, requests })
    }

    /// Whether it arrived is seen at the replies.
    pub(crate) fn send(&self, wish: WatchWish) {
        let _ = self.requests.send(WatchRequest { wish: Some(wish) });
    }

    /// The next reply; `None` when the server has closed the stream. May be dropped while it waits.
    pub(crate) async fn reply(&mut self) -> Answer<Option<PbWatchResponse>> {
        self.replies.message().await
    }
}

/// Ask for many things, some at a time; the answers come in the order of the things.
pub(crate) async fn many<I, T, F>(things: Vec<I>, ask: impl Fn(I) -> F) -> Answer<Vec<T>>
where
    F: Future<Output = Answer<T>> + Send + 'static,
    T: Send + 'static,
{
    let gate = Arc::new(Semaphore::new(AT_A_TIME));
    let mut asked = Vec::with_capacity(things.len());
    for thing in things {
        let (answer, gate) = (ask(thing), gate.clone());
        asked.push(tokio::spawn(async move {
            let _turn = gate.acquire_owned().await;
            answer.await
        }));
    }
    let mut answers = Vec::with_capacity(asked.len());
    for answer in asked {
        answers.push(
            answer
                .await
                .map_err(|error| Status::internal(error.to_string()))??,
        );
    }
    Ok(answers)
}

async fn unary<Q, A>(
    channel: &Channel,
    service: &'static str,
    method: &'static str,
    message: Q,
) -> Answer<A>
where
    Q: prost::Message + Send + Sync + 'static,
    A: prost::Message + Default + Send + Sync + 'static,
{
    let mut grpc = ready(channel).await?;
    let mut request = Request::new(message);
    request
        .extensions_mut()
        .insert(GrpcMethod::new(service, method));
    let path = PathAndQuery::try_from(format!("/{service}/{method}"))
        .map_err(|error| Status::internal(error.to_string()))?;
    Ok(grpc
        .unary(request, path, ProstCodec::default())
        .await?
        .into_inner())
}

async fn ready(channel: &Channel) -> Answer<Grpc<Channel>> {
    let mut grpc = Grpc::new(channel.clone()).max_decoding_message_size(LARGEST_MESSAGE);
    grpc.ready().await.map_err(Status::from_error)?;
    Ok(grpc)
}
