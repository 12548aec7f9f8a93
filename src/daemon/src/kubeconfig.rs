//! `config.yaml`: the kubeconfig of a running daemon. Cluster, context and user are all called `root`.

use base64::Engine as _;
use std::net::SocketAddr;

/// The name of cluster, context and user.
pub const NAME: &str = "root";

/// Where kubectl looks when no namespace is given: the mirrors' default one, so that `rdd ctl get containers` shows them.
pub const NAMESPACE: &str = rdd_resources::names::DEFAULT_NAMESPACE;

/// The file's text.
pub fn render(address: SocketAddr, ca_pem: &str, token: &str) -> String {
    let ca = base64::engine::general_purpose::STANDARD.encode(ca_pem);
    // Every value is quoted or of a safe alphabet (base64, host:port), so no YAML library is needed to write it.
    format!(
        r#"apiVersion: v1
kind: Config
clusters:
- name: {NAME}
  cluster:
    server: "https://{address}"
    certificate-authority-data: "{ca}"
users:
- name: {NAME}
  user:
    token: "{token}"
contexts:
- name: {NAME}
  context:
    cluster: {NAME}
    user: {NAME}
    namespace: {NAMESPACE}
current-context: {NAME}
preferences: {{}}
"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use kube::config::Kubeconfig;

    #[test]
    fn clients_read_it() {
        let text = render("127.0.0.1:6445".parse().unwrap(), "-----BEGIN CERTIFICATE-----\n", "t0k_-n");
        let read = Kubeconfig::from_yaml(&text).unwrap();
        assert_eq!(read.current_context.as_deref(), Some("root"));
        let cluster = read.clusters[0].cluster.as_ref().unwrap();
        assert_eq!(cluster.server.as_deref(), Some("https://127.0.0.1:6445"));
        assert_eq!(
            cluster.certificate_authority_data.as_deref(),
            Some("LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCg==")
        );
        assert!(read.auth_infos[0].auth_info.as_ref().unwrap().token.is_some());
        assert!(
            [&read.clusters[0].name, &read.auth_infos[0].name, &read.contexts[0].name]
                .iter()
                .all(|n| *n == NAME)
        );
    }
}
