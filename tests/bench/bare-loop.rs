//! What a loop of puts and gets takes on etcd-client alone: `bare-loop ENDPOINT CA COUNT`. The floor of `tests/bench/etcdctl`.

use etcd_client::{Certificate, Client, ConnectOptions, TlsOptions};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().collect();
    let [_, endpoint, ca, count] = args.as_slice() else {
        return Err("bare-loop ENDPOINT CA COUNT".into());
    };
    let count: u32 = count.parse()?;
    let tls = TlsOptions::new().ca_certificate(Certificate::from_pem(std::fs::read(ca)?));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let client = Client::connect([endpoint], Some(ConnectOptions::new().with_tls(tls))).await?;
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
