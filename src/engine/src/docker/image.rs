//! Images as Docker writes them.

use super::{date, wire};
use crate::{Error, ImageFacts, ImageId, Key, Listed, Summary};
use serde::Deserialize;
use std::collections::BTreeMap;

/// An entry of `/images/json`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    id: String,
    repo_tags: Option<Vec<String>>,
}

/// `/images/{name}/json`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Inspected {
    id: String,
    repo_tags: Option<Vec<String>>,
    repo_digests: Option<Vec<String>>,
    created: Option<String>,
    architecture: Option<String>,
    os: Option<String>,
    size: Option<i64>,
    config: Option<Config>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Config {
    labels: Option<BTreeMap<String, String>>,
}

/// `/images/json`: final layers only, dangling ones included.
pub(super) fn list(body: &[u8]) -> Result<Vec<Listed>, Error> {
    let entries: Option<Vec<Entry>> = wire::decode(body)?;
    let listed = |entry: Entry| Listed {
        key: Key::Image(ImageId(entry.id)),
        summary: Summary::Image { tags: named(entry.repo_tags) },
    };
    Ok(entries.unwrap_or_default().into_iter().map(listed).collect())
}

/// `/images/{name}/json`.
pub(super) fn facts(body: &[u8]) -> Result<ImageFacts, Error> {
    let seen: Inspected = wire::decode(body)?;
    Ok(ImageFacts {
        id: seen.id,
        tags: named(seen.repo_tags),
        digests: named(seen.repo_digests),
        created_at: date(seen.created.as_deref()),
        architecture: seen.architecture.unwrap_or_default(),
        os: seen.os.unwrap_or_default(),
        size: seen.size.unwrap_or_default(),
        labels: seen.config.and_then(|c| c.labels).unwrap_or_default(),
    })
}

/// Sorted, without the `<none>:<none>` and `<none>@<none>` of dangling images.
fn named(names: Option<Vec<String>>) -> Vec<String> {
    let mut names = names.unwrap_or_default();
    names.retain(|n| !n.starts_with("<none>"));
    names.sort();
    names.dedup();
    names
}
