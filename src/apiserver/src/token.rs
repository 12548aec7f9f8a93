//! Bearer tokens: in the `Authorization` header, or as a WebSocket sub-protocol, as browsers need it.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::HeaderMap;
use http::header::{AUTHORIZATION, HeaderValue, SEC_WEBSOCKET_PROTOCOL};
use subtle::ConstantTimeEq;

/// How Kubernetes names the sub-protocol that carries a token; the token follows in unpadded URL-safe base64.
const PROTOCOL: &str = "base64url.bearer.authorization.k8s.io.";

/// Whether a request shows this token. Comparing takes the same time wherever they differ.
pub(crate) fn shown(headers: &HeaderMap, token: &str) -> bool {
    let bearer = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(bearer);
    let found = bearer.map(|text| text.as_bytes().to_vec()).or_else(|| protocol(headers));
    found.is_some_and(|found| found.ct_eq(token.as_bytes()).into())
}

/// Removes the sub-protocol that carries the token: it must not be chosen, nor travel on.
pub(crate) fn hide(headers: &mut HeaderMap) {
    let Some(text) = headers.get(SEC_WEBSOCKET_PROTOCOL).and_then(|value| value.to_str().ok()) else {
        return;
    };
    if !text.contains(PROTOCOL) {
        return;
    }
    let rest: Vec<&str> = text.split(',').map(str::trim).filter(|word| !word.starts_with(PROTOCOL)).collect();
    match HeaderValue::from_str(&rest.join(", ")) {
        Ok(value) if !rest.is_empty() => headers.insert(SEC_WEBSOCKET_PROTOCOL, value),
        _ => headers.remove(SEC_WEBSOCKET_PROTOCOL),
    };
}

fn bearer(text: &str) -> Option<&str> {
    let (scheme, token) = text.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn protocol(headers: &HeaderMap) -> Option<Vec<u8>> {
    let words = headers.get_all(SEC_WEBSOCKET_PROTOCOL).iter().filter_map(|value| value.to_str().ok());
    let encoded =
        words.flat_map(|text| text.split(',')).find_map(|word| word.trim().strip_prefix(PROTOCOL))?;
    URL_SAFE_NO_PAD.decode(encoded).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: http::HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, value.parse().unwrap())])
    }

    #[test]
    fn a_token_is_taken_from_the_header() {
        assert!(shown(&with(AUTHORIZATION, "Bearer secret"), "secret"));
        assert!(shown(&with(AUTHORIZATION, "bearer secret"), "secret"));
        for wrong in ["Bearer secre", "Bearer secret2", "Basic secret", "secret", "Bearer"] {
            assert!(!shown(&with(AUTHORIZATION, wrong), "secret"), "{wrong}");
        }
        assert!(!shown(&HeaderMap::new(), "secret"));
    }

    #[test]
    fn a_token_is_taken_from_the_websocket_protocol_and_hidden() {
        let text = format!("v5.channel.k8s.io, {PROTOCOL}{}", URL_SAFE_NO_PAD.encode("secret"));
        let mut headers = with(SEC_WEBSOCKET_PROTOCOL, &text);
        assert!(shown(&headers, "secret"));
        assert!(!shown(&headers, "other"));
        hide(&mut headers);
        assert_eq!(headers[SEC_WEBSOCKET_PROTOCOL], "v5.channel.k8s.io");
    }
}
