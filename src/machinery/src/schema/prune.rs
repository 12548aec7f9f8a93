//! Pruning: fields that the schema does not know are removed.

use super::node::{Additional, Node};
use super::place::Place;
use crate::{Object, meta};
use serde_json::{Map, Value};

pub(super) fn object(root: &Node, object: &mut Object) -> Vec<String> {
    let mut pruning = Pruning { dropped: Vec::new() };
    pruning.members(root, &mut object.0, &Place::Root, true);
    pruning.dropped.sort();
    pruning.dropped
}

struct Pruning {
    dropped: Vec<String>,
}

fn is_implied(name: &str) -> bool {
    matches!(name, "apiVersion" | "kind" | "metadata")
}

impl Pruning {
    fn members(&mut self, node: &Node, members: &mut Map<String, Value>, place: &Place<'_>, root: bool) {
        let mut unknown: Vec<String> = Vec::new();
        for (name, value) in members.iter_mut() {
            let place = place.member(name);
            if (root || node.embedded) && is_implied(name) {
                if name == "metadata" && !root {
                    self.metadata(value, &place);
                }
                continue;
            }
            match (node.properties.get(name), &node.additional) {
                (Some(inner), _) => self.value(inner, value, &place),
                (None, Additional::Schema(inner)) => self.value(inner, value, &place),
                // `additionalProperties: true` lets any value in, but says nothing of members inside of it.
                (None, Additional::Any) => self.value(&Node::default(), value, &place),
                (None, Additional::None) if node.preserve => {}
                (None, Additional::None) => unknown.push(name.clone()),
            }
        }
        for name in unknown {
            self.dropped.push(place.member(&name).to_string());
            members.remove(&name);
        }
    }

    fn value(&mut self, node: &Node, value: &mut Value, place: &Place<'_>) {
        match value {
            Value::Object(members) => self.members(node, members, place, false),
            Value::Array(list) => match &node.items {
                Some(items) => {
                    for (index, entry) in list.iter_mut().enumerate() {
                        self.value(items, entry, &place.entry(index));
                    }
                }
                None if node.preserve => {}
                None => {
                    let nothing = Node::default();
                    for (index, entry) in list.iter_mut().enumerate() {
                        self.value(&nothing, entry, &place.entry(index));
                    }
                }
            },
            _ => {}
        }
    }

    /// The metadata of an embedded object: what is no field of it goes.
    fn metadata(&mut self, value: &mut Value, place: &Place<'_>) {
        if let Value::Object(members) = value {
            let unknown = meta::unknown(members);
            self.dropped.extend(unknown.iter().map(|name| place.member(name).to_string()));
            members.retain(|name, _| !unknown.contains(name));
        }
    }
}
