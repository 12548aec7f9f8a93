//! A CRD against its rules.
//!
//! Kubernetes checks an internal form, in which what is equal in all versions stands once, above them; the field paths of its causes
//! follow that form, not what the user wrote (`spec.validation`, `spec.subresources`, `spec.version`).

mod parts;

use super::is_true;
use crate::{Cause, Object, names, schema};
use serde_json::{Value, json};

/// What is wrong with a CRD (on update: also against the stored one).
pub fn validate(old: Option<&Object>, new: &Object) -> Vec<Cause> {
    let mut causes = Vec::new();
    if let Some(old) = old {
        immutable(old, new, &mut causes);
    }
    if old.is_none() {
        name(new, &mut causes);
    }
    group(new, &mut causes);
    scope(new, &mut causes);
    parts::names(new, &mut causes);
    conversion(new, &mut causes);
    if new.at(&["spec", "preserveUnknownFields"]) == Some(&Value::Bool(true)) {
        let why = "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead";
        causes.push(Cause::invalid("spec.preserveUnknownFields", &true.into(), why));
    }
    versions(new, &mut causes);
    stored_versions(new, &mut causes);
    causes
}

fn text<'a>(object: &'a Object, path: &[&str]) -> &'a str {
    object.text(path).unwrap_or_default()
}

fn list(object: &Object) -> &[Value] {
    object.at(&["spec", "versions"]).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn immutable(old: &Object, new: &Object, causes: &mut Vec<Cause>) {
    let established = is_true(old, "Established");
    let always: [&[&str]; 2] = [&["spec", "group"], &["spec", "names", "plural"]];
    let once: [&[&str]; 2] = [&["spec", "scope"], &["spec", "names", "kind"]];
    let once = once.iter().filter(|_| established);
    for path in always.iter().chain(once).filter(|path| old.at(path) != new.at(path)) {
        causes.push(Cause::immutable(path.join("."), &text(new, path).into()));
    }
}

fn name(new: &Object, causes: &mut Vec<Cause>) {
    let wanted = format!("{}.{}", text(new, &["spec", "names", "plural"]), text(new, &["spec", "group"]));
    if new.name() != wanted && !new.name().is_empty() {
        let why = r#"must be spec.names.plural+"."+spec.group"#;
        causes.push(Cause::invalid("metadata.name", &new.name().into(), why));
    }
}

fn group(new: &Object, causes: &mut Vec<Cause>) {
    let group = text(new, &["spec", "group"]);
    if group.is_empty() {
        causes.push(Cause::required("spec.group", ""));
        return;
    }
    causes.extend(
        names::dns_subdomain(group).iter().map(|why| Cause::invalid("spec.group", &group.into(), why)),
    );
    if !group.contains('.') {
        causes.push(Cause::invalid("spec.group", &group.into(), "should be a domain with at least one dot"));
    }
    let protected = |domain: &str| group == domain || group.ends_with(&format!(".{domain}"));
    if !protected("k8s.io") && !protected("kubernetes.io") {
        return;
    }
    const APPROVED: &str = "api-approved.kubernetes.io";
    let field = format!("metadata.annotations[{APPROVED}]");
    let see = "see https://github.com/kubernetes/enhancements/pull/1111";
    match new.text(&["metadata", "annotations", APPROVED]) {
        None | Some("") => {
            let why = format!("protected groups must have approval annotation \"{APPROVED}\", {see}");
            causes.push(Cause::required(field, &why));
        }
        Some(word)
            if word.starts_with("unapproved")
                || word.starts_with("https://")
                || word.starts_with("http://") => {}
        Some(other) => {
            let why = format!(
                "protected groups must have approval annotation \"{APPROVED}\" with either a URL or a reason starting with \"unapproved\", {see}"
            );
            causes.push(Cause::invalid(field, &other.into(), &why));
        }
    }
}

fn scope(new: &Object, causes: &mut Vec<Cause>) {
    match text(new, &["spec", "scope"]) {
        "Cluster" | "Namespaced" => {}
        "" => causes.push(Cause::required("spec.scope", "")),
        other => causes.push(Cause::not_supported("spec.scope", &other.into(), &["Cluster", "Namespaced"])),
    }
}

fn conversion(new: &Object, causes: &mut Vec<Cause>) {
    let webhook = new.at(&["spec", "conversion", "webhook"]);
    let client = webhook.and_then(|webhook| webhook.get("clientConfig"));
    let reviews =
        webhook.and_then(|webhook| webhook.get("conversionReviewVersions")).and_then(Value::as_array);
    match text(new, &["spec", "conversion", "strategy"]) {
        "Webhook" => {
            if client.is_none() {
                let why = "required when strategy is set to Webhook";
                causes.push(Cause::required("spec.conversion.webhookClientConfig", why));
            }
            if reviews.is_none_or(Vec::is_empty) {
                causes.push(Cause::required("spec.conversion.conversionReviewVersions", ""));
            }
        }
        "None" => {
            let why = "should not be set when strategy is not set to Webhook";
            if client.is_some() {
                causes.push(Cause::forbidden("spec.conversion.webhookClientConfig", why));
            }
            if reviews.is_some_and(|reviews| !reviews.is_empty()) {
                causes.push(Cause::forbidden("spec.conversion.conversionReviewVersions", why));
            }
        }
        other => {
            let offered = ["None", "Webhook"];
            causes.push(Cause::not_supported("spec.conversion.strategy", &other.into(), &offered));
        }
    }
}

fn versions(new: &Object, causes: &mut Vec<Cause>) {
    let versions = list(new);
    let name = |version: &Value| version.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
    let storages =
        versions.iter().filter(|version| version.get("storage") == Some(&Value::Bool(true))).count();
    let all = |why: &str| {
        Cause::new("FieldValueInvalid", "spec.versions", format!("Invalid value: {}: {why}", shown(versions)))
    };
    let known: std::collections::HashSet<String> = versions.iter().map(name).collect();
    if known.len() != versions.len() {
        causes.push(all("must contain unique version names"));
    }
    if storages != 1 {
        causes.push(all("must have exactly one version marked as storage version"));
    }
    for (index, version) in versions.iter().enumerate() {
        let name = name(version);
        for why in names::dns_1035_label(&name) {
            // The first one also stands above the list in the internal form.
            let fields = [format!("spec.versions[{index}].name"), "spec.version".to_owned()];
            let count = if index == 0 { 2 } else { 1 };
            causes.extend(
                fields
                    .into_iter()
                    .take(count)
                    .map(|field| Cause::invalid(field, &name.as_str().into(), &why)),
            );
        }
    }
    schemas(versions, causes);
    parts::subresources(versions, causes);
    parts::columns(versions, causes);
    parts::selectable(versions, causes);
}

/// The list as it is shown in messages: the internal form, in which what all versions share is gone from each.
fn shown(versions: &[Value]) -> String {
    let member = |version: &Value, name: &str| version.get(name).cloned().unwrap_or_default();
    let one = |version: &Value| {
        let name = member(version, "name");
        let flag = |name: &str| version.get(name) == Some(&Value::Bool(true));
        format!(
            "{{\"Name\":{name},\"Served\":{},\"Storage\":{},\"Deprecated\":{},\"DeprecationWarning\":{},\"Schema\":null,\
             \"Subresources\":null,\"AdditionalPrinterColumns\":null,\"SelectableFields\":null}}",
            flag("served"),
            flag("storage"),
            flag("deprecated"),
            member(version, "deprecationWarning"),
        )
    };
    format!("[{}]", versions.iter().map(one).collect::<Vec<_>>().join(","))
}

/// Whether all versions have the same of it, and the field path of one of them.
fn places(versions: &[Value], member: &str, shared: &str, own: &str) -> Vec<(usize, String)> {
    let first = versions.first().and_then(|version| version.get(member));
    match versions.iter().all(|version| version.get(member) == first) {
        true if versions.is_empty() => Vec::new(),
        true => vec![(0, format!("spec.{shared}"))],
        false => (0..versions.len()).map(|index| (index, format!("spec.versions[{index}].{own}"))).collect(),
    }
}

fn schemas(versions: &[Value], causes: &mut Vec<Cause>) {
    for (index, version) in versions.iter().enumerate() {
        if version.pointer("/schema/openAPIV3Schema").is_none() {
            causes.push(Cause::required(format!("spec.versions[{index}].schema.openAPIV3Schema"), ""));
        }
    }
    for (index, path) in places(versions, "schema", "validation.openAPIV3Schema", "schema.openAPIV3Schema") {
        let version = &versions[index];
        let Some(openapi) = version.pointer("/schema/openAPIV3Schema") else { continue };
        let kind = openapi.get("type").and_then(Value::as_str).unwrap_or_default();
        if version.pointer("/subresources/status").is_some() && !matches!(kind, "" | "object") {
            let why = r#"only "object" is allowed as the type at the root of the schema if the status subresource is enabled"#;
            causes.push(Cause::invalid(format!("{path}.type"), &kind.into(), why));
        }
        causes.extend(schema::faults(openapi, &path));
    }
}

fn stored_versions(new: &Object, causes: &mut Vec<Cause>) {
    let field = "status.storedVersions";
    let stored = new.texts(&["status", "storedVersions"]);
    if stored.is_empty() {
        causes.push(Cause::invalid(field, &Value::Null, "must have at least one stored version"));
        return;
    }
    let versions = list(new);
    let name = |version: &Value| version.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
    for (index, old) in stored.iter().enumerate() {
        if !versions.iter().any(|version| name(version) == *old) {
            let why = format!(
                "missing from spec.versions; {old} was previously a storage version, and must remain in spec.versions until a storage \
                 migration ensures no data remains persisted in {old} and removes {old} from status.storedVersions"
            );
            causes.push(Cause::invalid(format!("{field}[{index}]"), &(*old).into(), &why));
        }
    }
    let storage = versions.iter().rfind(|version| version.get("storage") == Some(&Value::Bool(true)));
    if let Some(storage) = storage.map(name).filter(|name| !stored.contains(&name.as_str())) {
        causes.push(Cause::invalid(
            field,
            &json!(stored),
            &format!("must have the storage version {storage}"),
        ));
    }
}
