//! Sets and maps written as lists: no entry may be there twice.

use super::node::{List, Node};
use super::place::Place;
use crate::Cause;
use serde_json::{Map, Value};
use std::collections::HashSet;

pub(super) fn object(root: &Node, object: &Map<String, Value>, causes: &mut Vec<Cause>) {
    if root.has.lists {
        members(root, object, &Place::Root, causes);
    }
}

fn members(node: &Node, object: &Map<String, Value>, place: &Place<'_>, causes: &mut Vec<Cause>) {
    for (name, inner) in object {
        if let Some(node) = node.member(name).filter(|node| node.has.lists) {
            value(node, inner, &place.member(name), causes);
        }
    }
}

fn value(node: &Node, value: &Value, place: &Place<'_>, causes: &mut Vec<Cause>) {
    match value {
        Value::Object(object) => members(node, object, place, causes),
        Value::Array(list) => {
            doubles(node, list, place, causes);
            let Some(items) = node.items.as_deref().filter(|items| items.has.lists) else { return };
            for (index, entry) in list.iter().enumerate() {
                self::value(items, entry, &place.entry(index), causes);
            }
        }
        _ => {}
    }
}

/// The same for a default: below a field that is a text already.
pub(super) fn once_in(node: &Node, list: &[Value], field: &str, causes: &mut Vec<Cause>) {
    doubles(node, list, &Place::Root.member(field), causes);
}

fn doubles(node: &Node, list: &[Value], place: &Place<'_>, causes: &mut Vec<Cause>) {
    match &node.list {
        List::Atomic => {}
        List::Set => once(list, place, causes, |entry| Some(entry.clone())),
        List::Map(keys) => once(list, place, causes, |entry| key(entry, keys, node.items.as_deref())),
    }
}

/// The members of an entry that tell it from others, defaults filled in.
pub(super) fn key(entry: &Value, keys: &[String], items: Option<&Node>) -> Option<Value> {
    let members = entry.as_object()?;
    let mut key = Map::new();
    for name in keys {
        let default =
            || items.and_then(|items| items.properties.get(name)).and_then(|node| node.default.as_ref());
        if let Some(value) = members.get(name).or_else(default) {
            key.insert(name.clone(), value.clone());
        }
    }
    Some(Value::Object(key))
}

fn once(list: &[Value], place: &Place<'_>, causes: &mut Vec<Cause>, key: impl Fn(&Value) -> Option<Value>) {
    let mut seen = HashSet::with_capacity(list.len());
    for (index, entry) in list.iter().enumerate() {
        if let Some(key) = key(entry)
            && !seen.insert(key.to_string())
        {
            causes.push(Cause::duplicate(place.entry(index).to_string(), &key));
        }
    }
}
