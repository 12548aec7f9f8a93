//! Defaulting, and the nulls that it needs gone.

use super::node::Node;
use crate::Object;
use serde_json::{Map, Value};

pub(super) fn object(root: &Node, object: &mut Object) {
    members(root, &mut object.0);
}

/// Used for defaults themselves, which may have defaults inside.
pub(super) fn value(node: &Node, value: &mut Value) {
    match value {
        Value::Object(map) => members(node, map),
        Value::Array(list) => {
            let Some(items) = &node.items else { return };
            for entry in list {
                fill_null(items, entry);
                self::value(items, entry);
            }
        }
        _ => {}
    }
}

fn members(node: &Node, members: &mut Map<String, Value>) {
    // Nulls that are no value are as good as absent.
    members.retain(|name, value| {
        let inner = if value.is_null() { node.member(name) } else { None };
        !inner.is_some_and(|inner| inner.refuses_null() && inner.default.is_none())
    });
    for (name, inner) in &node.properties {
        let Some(default) = &inner.default else { continue };
        if !members.contains_key(name) {
            members.insert(name.clone(), default.clone());
        }
    }
    for (name, value) in members.iter_mut() {
        if let Some(inner) = node.member(name) {
            fill_null(inner, value);
            self::value(inner, value);
        }
    }
}

fn fill_null(node: &Node, value: &mut Value) {
    if let (true, true, Some(default)) = (value.is_null(), node.refuses_null(), &node.default) {
        *value = default.clone();
    }
}
