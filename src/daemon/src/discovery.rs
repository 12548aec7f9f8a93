//! What `rdd-system/rdd-controller-manager` says of a daemon.

use crate::Controllers;
use jiff::Timestamp;
use serde_json::{Value, json};
use std::net::SocketAddr;

/// The JSON of `data.embedded`. Lists are sorted; no controllers are `null`.
pub(crate) fn embedded(address: SocketAddr, controllers: &Controllers, started: Timestamp) -> Value {
    let url = |path: &str| format!("https://{address}/{path}");
    let enabled = if controllers.is_empty() { Value::Null } else { json!(controllers.names()) };
    json!({
        "enabledControllers": enabled,
        // Endpoints below /passthrough by controller; only what is served is named.
        "enabledPassthroughs": {},
        "startTime": started.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        "healthEndpoint": url("healthz"),
        "metricsEndpoint": url("metrics"),
        "passthroughEndpoint": url("passthrough"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn controllers_are_sorted_and_none_is_null() {
        let of = |controllers: &Controllers| {
            embedded("127.0.0.1:6445".parse().unwrap(), controllers, Timestamp::UNIX_EPOCH)
        };
        let all = of(&Controllers::all());
        assert_eq!(all["enabledControllers"], json!(["app", "engine"]));
        assert_eq!(all["startTime"], "1970-01-01T00:00:00Z");
        assert_eq!(all["healthEndpoint"], "https://127.0.0.1:6445/healthz");
        assert_eq!(of(&Controllers::none())["enabledControllers"], Value::Null);
    }
}
