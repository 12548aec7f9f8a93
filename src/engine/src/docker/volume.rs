//! Volumes as Docker writes them.

use super::{date, wire};
use crate::{Error, Key, Listed, Summary, VolumeFacts};
use serde::Deserialize;
use std::collections::BTreeMap;

/// `/volumes`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct List {
    volumes: Option<Vec<Volume>>,
}

/// `/volumes/{name}`, and an entry of the list.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Volume {
    name: String,
    driver: Option<String>,
    mountpoint: Option<String>,
    scope: Option<String>,
    labels: Option<BTreeMap<String, String>>,
    options: Option<BTreeMap<String, String>>,
    created_at: Option<String>,
}

/// `/volumes`.
pub(super) fn list(body: &[u8]) -> Result<Vec<Listed>, Error> {
    let list: List = wire::decode(body)?;
    let listed = |volume: Volume| Listed {
        summary: Summary::Volume { created_at: date(volume.created_at.as_deref()) },
        key: Key::Volume(volume.name),
    };
    Ok(list.volumes.unwrap_or_default().into_iter().map(listed).collect())
}

/// `/volumes/{name}`.
pub(super) fn facts(body: &[u8]) -> Result<VolumeFacts, Error> {
    let seen: Volume = wire::decode(body)?;
    Ok(VolumeFacts {
        name: seen.name,
        driver: seen.driver.unwrap_or_default(),
        mountpoint: seen.mountpoint.unwrap_or_default(),
        scope: seen.scope.unwrap_or_default(),
        labels: seen.labels.unwrap_or_default(),
        options: seen.options.unwrap_or_default(),
        created_at: date(seen.created_at.as_deref()),
    })
}
