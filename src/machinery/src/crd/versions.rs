//! The kinds that a CRD defines: one per version.

use super::is_true;
use crate::path::Path;
use crate::resource::VERBS;
use crate::schema::Structural;
use crate::table::{Column, Source};
use crate::{Object, Resource, Scope};
use serde_json::Value;
use std::sync::Arc;

/// The served versions of an accepted CRD, in its order. One that is not established gives none.
pub fn resources(crd: &Object) -> Vec<Resource> {
    if !is_true(crd, "Established") {
        return Vec::new();
    }
    let versions = crd.at(&["spec", "versions"]).and_then(Value::as_array);
    let served = |version: &&Value| version.get("served") == Some(&Value::Bool(true));
    versions.into_iter().flatten().filter(served).map(|version| resource(crd, version)).collect()
}

fn resource(crd: &Object, version: &Value) -> Resource {
    let spec = |name: &str| crd.text(&["spec", name]).unwrap_or_default().to_owned();
    let name = |name: &str| crd.text(&["status", "acceptedNames", name]).unwrap_or_default().to_owned();
    let names = |name: &str| -> Vec<String> {
        crd.texts(&["status", "acceptedNames", name]).into_iter().map(str::to_owned).collect()
    };
    let selectable = version.get("selectableFields").and_then(Value::as_array);
    let paths = selectable.into_iter().flatten().filter_map(|field| field.get("jsonPath")?.as_str());
    let scope = if spec("scope") == "Cluster" { Scope::Cluster } else { Scope::Namespaced };
    Resource {
        group: spec("group"),
        version: version.get("name").and_then(Value::as_str).unwrap_or_default().to_owned(),
        kind: name("kind"),
        list_kind: name("listKind"),
        plural: name("plural"),
        singular: name("singular"),
        short_names: names("shortNames"),
        categories: names("categories"),
        scope,
        status: version.pointer("/subresources/status").is_some_and(|status| !status.is_null()),
        storage: version.get("storage") == Some(&Value::Bool(true)),
        deprecation: deprecation(crd, version),
        terminating: crd.is_terminating(),
        schema: version.pointer("/schema/openAPIV3Schema").map(|schema| Arc::new(Structural::trust(schema))),
        selectable: paths.map(str::to_owned).collect(),
        columns: columns(version),
        builtin: false,
        verbs: VERBS,
    }
}

fn deprecation(crd: &Object, version: &Value) -> Option<String> {
    if version.get("deprecated") != Some(&Value::Bool(true)) {
        return None;
    }
    let text = version.get("deprecationWarning").and_then(Value::as_str);
    let (group, kind) = (crd.text(&["spec", "group"])?, crd.text(&["spec", "names", "kind"])?);
    let name = version.get("name")?.as_str()?;
    Some(text.map_or_else(|| format!("{group}/{name} {kind} is deprecated"), str::to_owned))
}

fn columns(version: &Value) -> Vec<Column> {
    let listed =
        version.get("additionalPrinterColumns").and_then(Value::as_array).filter(|list| !list.is_empty());
    let Some(listed) = listed else { return vec![Column::name(), Column::age("date")] };
    std::iter::once(Column::name()).chain(listed.iter().map(column)).collect()
}

fn column(column: &Value) -> Column {
    let text = |name: &str| column.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let path = text("jsonPath");
    let description = match text("description") {
        none if none.is_empty() => format!("Custom resource definition column (in JSONPath format): {path}"),
        given => given,
    };
    let priority = column.get("priority").and_then(Value::as_i64).unwrap_or_default();
    Column {
        name: text("name"),
        kind: text("type"),
        format: text("format"),
        description,
        priority: i32::try_from(priority).unwrap_or(i32::MAX),
        source: Source::Path(Path::parse(&path)),
    }
}
