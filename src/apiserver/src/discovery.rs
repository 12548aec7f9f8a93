//! Discovery: which groups, versions and kinds there are.

mod aggregated;
mod plain;

use crate::accept::{self, Accepted, Offer, Shape};
use crate::respond;
use crate::route::Place;
use crate::shared::Shared;
use axum::body::Body;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderValue, IF_NONE_MATCH, VARY};
use http::{HeaderMap, Response, StatusCode};
use rdd_machinery::Failure;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// `/api`.
pub(crate) fn core(shared: &Shared, headers: &HeaderMap) -> Result<Response<Body>, Failure> {
    let accepted = accept::negotiate(headers, Offer::Discovery)?;
    match accepted.shape {
        Shape::Discovery(version) => {
            let document = aggregated::core(&shared.registry.current(), &shared.connections, version);
            Ok(tagged(version, &document, headers))
        }
        _ => Ok(document(&plain::versions(), accepted)),
    }
}

/// `/apis`.
pub(crate) fn groups(shared: &Shared, headers: &HeaderMap) -> Result<Response<Body>, Failure> {
    let accepted = accept::negotiate(headers, Offer::Discovery)?;
    let registry = shared.registry.current();
    match accepted.shape {
        Shape::Discovery(version) => {
            Ok(tagged(version, &aggregated::groups(&registry, &shared.connections, version), headers))
        }
        _ => Ok(document(&plain::groups(&registry), accepted)),
    }
}

/// `/apis/{group}`; `None`: there is no such group.
pub(crate) fn group(
    shared: &Shared,
    group: &str,
    headers: &HeaderMap,
) -> Result<Option<Response<Body>>, Failure> {
    let accepted = accept::negotiate(headers, Offer::Plain)?;
    let registry = shared.registry.current();
    let found = registry.versions(group).filter(|_| !group.is_empty());
    Ok(found.map(|versions| document(&plain::group(group, versions, true), accepted)))
}

/// `/api/v1` and `/apis/{group}/{version}`; `None`: there is no such version.
pub(crate) fn kinds(
    shared: &Shared,
    place: &Place,
    headers: &HeaderMap,
) -> Result<Option<Response<Body>>, Failure> {
    let accepted = accept::negotiate(headers, Offer::Plain)?;
    let registry = shared.registry.current();
    let found = registry.version(&place.group, &place.version);
    Ok(found.map(|version| document(&plain::kinds(place, version, &shared.connections), accepted)))
}

/// `/version`.
pub(crate) fn version(headers: &HeaderMap) -> Result<Response<Body>, Failure> {
    let accepted = accept::negotiate(headers, Offer::Plain)?;
    let platform = format!("{}/{}", go_os(), go_architecture());
    let version = json!({
        "major": "1",
        "minor": "35",
        "emulationMajor": "1",
        "emulationMinor": "35",
        "minCompatibilityMajor": "1",
        "minCompatibilityMinor": "34",
        "gitVersion": "v1.35.0+rdd",
        "gitCommit": "",
        "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": "",
        "compiler": "rustc",
        "platform": platform,
    });
    Ok(document(&version, accepted))
}

/// `/`: the paths there are.
pub(crate) fn root(shared: &Shared) -> Value {
    let registry = shared.registry.current();
    let mut paths: Vec<String> = ["/api", "/api/v1", "/apis", "/version"].map(str::to_owned).to_vec();
    for (group, versions) in registry.groups() {
        paths.push(format!("/apis/{group}"));
        paths.extend(versions.iter().map(|version| format!("/apis/{group}/{}", version.name)));
    }
    paths.extend(shared.mounts.paths());
    paths.sort();
    json!({ "paths": paths })
}

fn document(value: &Value, accepted: Accepted) -> Response<Body> {
    respond::value(StatusCode::OK, value, accepted.encoding)
}

/// An aggregated document with its tag; 304 when the client has it.
fn tagged(version: &str, document: &Value, headers: &HeaderMap) -> Response<Body> {
    let text = document.to_string();
    let digest = Sha256::digest(text.as_bytes());
    let tag: String = digest.iter().map(|byte| format!("{byte:02X}")).collect();
    let tag = format!("\"{tag}\"");
    let known = headers.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    let known = known.flat_map(|text| text.split(',')).any(|word| word.trim() == tag);
    let mut response = if known { Response::new(Body::empty()) } else { Response::new(Body::from(text)) };
    let fields = response.headers_mut();
    if !known {
        let media = format!("application/json;g=apidiscovery.k8s.io;v={version};as=APIGroupDiscoveryList");
        fields.extend(HeaderValue::try_from(media).map(|media| (CONTENT_TYPE, media)));
    }
    fields.insert(CACHE_CONTROL, HeaderValue::from_static("public"));
    fields.insert(VARY, HeaderValue::from_static("Accept"));
    fields.extend(HeaderValue::try_from(tag).map(|tag| (ETAG, tag)));
    if known {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    }
    response
}

fn go_os() -> &'static str {
    match std::env::consts::OS {
        "macos" => "darwin",
        other => other,
    }
}

fn go_architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}
