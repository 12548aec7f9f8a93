//! Embeds the daemon in a program: an engine's container appears as a Kubernetes resource, and goes when the resource is deleted.

use kube::Api;
use rdd_engine::memory::Memory;
use rdd_resources::Container;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let engine = Memory::new("example");
    let daemon = rdd_examples::daemon(&engine).await?;
    println!("the API listens on https://{}", daemon.address());

    let id = engine.run("web");
    let mirror = rdd_examples::mirrored(daemon.client(), &id, |mirror| mirror.status.is_some()).await?;
    println!("the container is a resource, and is {}", rdd_examples::state(&mirror));

    let api = Api::<Container>::namespaced(daemon.client(), "rancher-desktop");
    api.delete(id.as_str(), &Default::default()).await?;
    kube::runtime::wait::await_condition(
        api,
        id.as_str(),
        kube::runtime::conditions::is_deleted(&mirror.metadata.uid.unwrap_or_default()),
    )
    .await?;
    println!("the resource is deleted, and the engine has {} containers", engine.containers().len());

    daemon.run(async {}).await;
    Ok(())
}
