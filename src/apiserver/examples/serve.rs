//! Serves an API on a directory: `cargo run -p rdd-apiserver --example serve -- <dir> [port]`, and writes `<dir>/kubeconfig`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rdd_apiserver::listener::{Config, Listener};
use rdd_apiserver::{Access, Api, tls::Certificates};
use std::error::Error;
use std::net::SocketAddr;
use std::path::PathBuf;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut words = std::env::args().skip(1);
    let dir = PathBuf::from(words.next().ok_or("a directory is missing")?);
    let port: u16 = words.next().map(|word| word.parse()).transpose()?.unwrap_or(0);
    std::fs::create_dir_all(&dir)?;
    let location = rdd_store::Location::File(dir.join("api.sqlite3"));
    let (store, _) = rdd_store::Store::open(rdd_store::Config::new(location))?;
    let api = Api::open(store.clone(), rdd_apiserver::Config::default()).await?;
    for path in ["/healthz", "/livez", "/readyz"] {
        let ok = || async {
            ([("cache-control", "no-cache, private"), ("x-content-type-options", "nosniff")], "ok")
        };
        api.mount(path, Access::Public, axum::Router::new().fallback(ok));
    }
    let certificates = Certificates::ensure(&dir.join("tls"))?;
    let token = uuid::Uuid::new_v4().simple().to_string();
    let authority = STANDARD.encode(&certificates.ca_pem);
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let listener =
        Listener::bind(api.clone(), Config { address, certificates, token: token.clone() }).await?;
    let server = format!("https://{}", listener.address());
    let kubeconfig = serde_json::json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "rdd",
        "clusters": [{"name": "rdd", "cluster": {"server": server, "certificate-authority-data": authority}}],
        "users": [{"name": "root", "user": {"token": token}}],
        "contexts": [{"name": "rdd", "context": {"cluster": "rdd", "user": "root"}}],
    });
    std::fs::write(dir.join("kubeconfig"), kubeconfig.to_string())?;
    println!("{server}");
    listener
        .run(async {
            let _ = tokio::signal::ctrl_c().await;
        })
        .await;
    api.drain().await;
    store.close().await;
    Ok(())
}
