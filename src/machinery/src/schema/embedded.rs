//! Whole objects inside of objects (`x-kubernetes-embedded-resource`): their metadata is held to the rules of all metadata.

use super::node::Node;
use super::place::Place;
use crate::{Cause, meta, names};
use serde_json::{Map, Value};

pub(super) fn object(root: &Node, object: &Map<String, Value>, causes: &mut Vec<Cause>) {
    if root.has.embedded {
        members(root, object, &Place::Root, causes);
    }
}

fn members(node: &Node, object: &Map<String, Value>, place: &Place<'_>, causes: &mut Vec<Cause>) {
    for (name, inner) in object {
        if let Some(node) = node.member(name).filter(|node| node.has.embedded) {
            value(node, inner, &place.member(name), causes);
        }
    }
}

fn value(node: &Node, value: &Value, place: &Place<'_>, causes: &mut Vec<Cause>) {
    match value {
        Value::Object(object) => {
            if node.embedded {
                check(object, place, causes);
            }
            members(node, object, place, causes);
        }
        Value::Array(list) => {
            let Some(items) = &node.items else { return };
            for (index, entry) in list.iter().enumerate() {
                self::value(items, entry, &place.entry(index), causes);
            }
        }
        _ => {}
    }
}

fn check(object: &Map<String, Value>, place: &Place<'_>, causes: &mut Vec<Cause>) {
    for name in ["apiVersion", "kind"] {
        let field = place.member(name).to_string();
        match object.get(name) {
            None | Some(Value::Null) => causes.push(Cause::required(field, "")),
            Some(Value::String(text)) if text.is_empty() => {
                causes.push(Cause::invalid(field, &text.as_str().into(), "must not be empty"));
            }
            Some(Value::String(text)) if name == "kind" => {
                let faults = names::dns_1035_label(&text.to_lowercase());
                if !faults.is_empty() {
                    let why =
                        format!("may have mixed case, but should otherwise match: {}", faults.join(","));
                    causes.push(Cause::invalid(field, &text.as_str().into(), &why));
                }
            }
            Some(Value::String(text)) => {
                if text.matches('/').count() > 1 {
                    let why = format!("unexpected GroupVersion string: {text}");
                    causes.push(Cause::invalid(field, &text.as_str().into(), &why));
                }
            }
            Some(other) => causes.push(Cause::invalid(field, other, "must be a string")),
        }
    }
    if let Some(Value::Object(metadata)) = object.get("metadata") {
        meta::validate_embedded(metadata, &place.member("metadata").to_string(), causes);
    }
}
