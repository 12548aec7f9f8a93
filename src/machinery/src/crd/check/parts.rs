//! Names, sub-resources, columns, selectable fields.

use super::places;
use crate::path::Path;
use crate::schema::Structural;
use crate::{Cause, Object, names};
use serde_json::Value;

pub(super) fn names(new: &Object, causes: &mut Vec<Cause>) {
    let text = |name: &str| new.text(&["spec", "names", name]).unwrap_or_default();
    let mut label = |field: String, value: &str, mixed: bool| {
        let lower = value.to_lowercase();
        let faults = names::dns_1035_label(if mixed { &lower } else { value });
        for why in faults {
            let why =
                if mixed { format!("may have mixed case, but should otherwise match: {why}") } else { why };
            causes.push(Cause::invalid(&field, &value.into(), &why));
        }
    };
    for (name, mixed) in [("plural", false), ("singular", false), ("kind", true), ("listKind", true)] {
        if !text(name).is_empty() {
            label(format!("spec.names.{name}"), text(name), mixed);
        }
    }
    for name in ["shortNames", "categories"] {
        for (index, word) in new.texts(&["spec", "names", name]).into_iter().enumerate() {
            label(format!("spec.names.{name}[{index}]"), word, false);
        }
    }
    for name in ["plural", "singular", "kind", "listKind"] {
        // The singular of a kind without a name is not asked for: it follows from it.
        if text(name).is_empty() && name != "singular" {
            causes.push(Cause::required(format!("spec.names.{name}"), ""));
        }
    }
    if !text("kind").is_empty() && text("kind") == text("listKind") {
        let why = "kind and listKind may not be the same";
        causes.push(Cause::invalid("spec.names.listKind", &text("listKind").into(), why));
    }
}

pub(super) fn subresources(versions: &[Value], causes: &mut Vec<Cause>) {
    for (index, path) in places(versions, "subresources", "subresources", "subresources") {
        let Some(scale) = versions[index].pointer("/subresources/scale").filter(|scale| !scale.is_null())
        else {
            continue;
        };
        let rules: [(&str, bool, &[&str], &str); 3] = [
            ("specReplicasPath", true, &[".spec."], "should be a json path under .spec"),
            ("statusReplicasPath", true, &[".status."], "should be a json path under .status"),
            (
                "labelSelectorPath",
                false,
                &[".spec.", ".status."],
                "should be a json path under either .spec or .status",
            ),
        ];
        for (name, required, roots, why) in rules {
            let field = format!("{path}.scale.{name}");
            match scale.get(name).and_then(Value::as_str).unwrap_or_default() {
                "" if required => causes.push(Cause::required(field, "")),
                "" => {}
                text if !text.starts_with('.') => {
                    causes.push(Cause::invalid(
                        field,
                        &text.into(),
                        "must be a simple json path starting with .",
                    ));
                }
                text if !roots.iter().any(|root| text.starts_with(root)) => {
                    causes.push(Cause::invalid(field, &text.into(), why));
                }
                _ => {}
            }
        }
    }
}

pub(super) fn columns(versions: &[Value], causes: &mut Vec<Cause>) {
    let (member, formats) = (
        "additionalPrinterColumns",
        ["int32", "int64", "float", "double", "byte", "date", "date-time", "password"],
    );
    for (index, path) in places(versions, member, member, member) {
        let columns = versions[index].get(member).and_then(Value::as_array);
        for (place, column) in columns.into_iter().flatten().enumerate() {
            let text = |name: &str| column.get(name).and_then(Value::as_str).unwrap_or_default();
            let field = |name: &str| format!("{path}[{place}].{name}");
            if text("name").is_empty() {
                causes.push(Cause::required(field("name"), ""));
            }
            match text("type") {
                "boolean" | "date" | "integer" | "number" | "string" => {}
                "" => causes.push(Cause::required(
                    field("type"),
                    "must be one of boolean,date,integer,number,string",
                )),
                other => {
                    let why = "must be one of boolean,date,integer,number,string";
                    causes.push(Cause::invalid(field("type"), &other.into(), why));
                }
            }
            match text("format") {
                "" => {}
                word if formats.contains(&word) => {}
                other => {
                    let why = "must be one of byte,date,date-time,double,float,int32,int64,password";
                    causes.push(Cause::invalid(field("format"), &other.into(), why));
                }
            }
            match text("jsonPath") {
                "" => causes.push(Cause::required(field("JSONPath"), "")),
                text if !text.starts_with('.') => {
                    let why = "must be a simple json path starting with .";
                    causes.push(Cause::invalid(field("JSONPath"), &text.into(), why));
                }
                _ => {}
            }
        }
    }
}

/// How many fields may be selectable.
const MOST_SELECTABLE: usize = 8;

pub(super) fn selectable(versions: &[Value], causes: &mut Vec<Cause>) {
    let member = "selectableFields";
    for (index, path) in places(versions, member, member, member) {
        let version = &versions[index];
        let fields = version.get(member).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        if fields.is_empty() {
            continue;
        }
        if fields.len() > MOST_SELECTABLE {
            causes.push(Cause::too_many(&path, fields.len(), MOST_SELECTABLE as u64));
        }
        let schema = version.pointer("/schema/openAPIV3Schema").map(Structural::trust);
        let mut seen = Vec::new();
        for (place, field) in fields.iter().enumerate() {
            let text = field.get("jsonPath").and_then(Value::as_str).unwrap_or_default();
            let field = format!("{path}[{place}].jsonPath");
            if text.is_empty() {
                causes.push(Cause::required(field, ""));
                continue;
            }
            if seen.contains(&text) {
                causes.push(Cause::duplicate(field, &text.into()));
                continue;
            }
            seen.push(text);
            let parsed = Path::parse(text);
            let members = parsed.as_ref().and_then(Path::members);
            let kind = match (&schema, members) {
                (Some(schema), Some(members)) => schema.type_at(&members),
                _ => None,
            };
            match kind {
                Some("string" | "boolean" | "integer") => {}
                Some(_) => {
                    let why = "must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed.";
                    causes.push(Cause::invalid(field, &text.into(), why));
                }
                None => {
                    let why = "is an invalid path: does not refer to a valid field";
                    causes.push(Cause::invalid(field, &text.into(), why));
                }
            }
        }
    }
}
