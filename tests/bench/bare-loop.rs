//! What a loop of puts and gets takes on etcd-client alone: `bare-loop ENDPOINT CA COUNT`. The floor of `tests/bench/etcdctl`.

use std::sync::Arc;

use etcd_client::{Channel, Client};
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tonic::codegen::StdError;
use tonic::codegen::http::Uri;
use tonic::transport::Endpoint;
use tower::ServiceExt as _;
use tower::util::BoxCloneSyncService;

fn main() -> Result<(), StdError> {
    let args: Vec<String> = std::env::args().collect();
    let [_, endpoint, ca, count] = args.as_slice() else {
        return Err("bare-loop ENDPOINT CA COUNT".into());
    };
    let count: u32 = count.parse()?;
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(ca)?)?;
    let mut settings = ClientConfig::builder()
        .with_root_certificates(roots)
        .with_no_client_auth();
    settings.alpn_protocols.push(b"h2".to_vec());
    let tls = TlsConnector::from(Arc::new(settings));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let connector = tower::service_fn(move |uri: Uri| {
            let tls = tls.clone();
            async move {
                let host = uri.host().unwrap_or_default().to_string();
                let port = uri.port_u16().unwrap_or(2379);
                let socket = TcpStream::connect((host.as_str(), port)).await?;
                socket.set_nodelay(true)?;
                let stream = tls.connect(ServerName::try_from(host)?, socket).await?;
                Ok::<_, StdError>(TokioIo::new(stream))
            }
        });
        let channel = Endpoint::from_shared(endpoint.clone())?
            .connect_with_connector(connector)
            .await?;
        let channel = BoxCloneSyncService::new(channel.map_err(StdError::from));
        let client = Client::from_channel(Channel::Custom(channel), None).await?;
        let mut kv = client.kv_client();
        for _ in 0..count {
            kv.put("loop/key", "value", None).await?;
        }
        for _ in 0..count {
            kv.get("loop/key", None).await?;
        }
        Ok(())
    })
}
