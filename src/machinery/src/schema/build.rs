//! JSON → [`Node`].

use super::format::Format;
use super::node::{Additional, Bounds, Has, List, Node, Rules, Type};
use super::regexp;
use serde_json::Value;

pub(super) fn node(schema: &Value) -> Node {
    let flag = |name: &str| schema.get(name).and_then(Value::as_bool).unwrap_or_default();
    let properties = schema.get("properties").and_then(Value::as_object);
    let mut node = Node {
        kind: schema.get("type").and_then(Value::as_str).and_then(Type::parse),
        nullable: flag("nullable"),
        preserve: flag("x-kubernetes-preserve-unknown-fields"),
        embedded: flag("x-kubernetes-embedded-resource"),
        int_or_string: flag("x-kubernetes-int-or-string"),
        properties: properties
            .into_iter()
            .flatten()
            .map(|(name, inner)| (name.clone(), self::node(inner)))
            .collect(),
        additional: match schema.get("additionalProperties") {
            Some(Value::Bool(true)) => Additional::Any,
            Some(inner @ Value::Object(_)) => Additional::Schema(Box::new(self::node(inner))),
            _ => Additional::None,
        },
        items: schema.get("items").filter(|items| items.is_object()).map(|items| Box::new(self::node(items))),
        default: schema.get("default").filter(|default| !default.is_null()).cloned(),
        list: list(schema),
        rules: rules(schema),
        has: Has::default(),
    };
    let below = Has { embedded: node.embedded, lists: !matches!(node.list, List::Atomic) };
    node.has = children(&node).fold(below, |has, child| Has {
        embedded: has.embedded || child.has.embedded,
        lists: has.lists || child.has.lists,
    });
    node
}

fn children(node: &Node) -> impl Iterator<Item = &Node> {
    let additional = match &node.additional {
        Additional::Schema(inner) => Some(&**inner),
        _ => None,
    };
    node.properties.values().chain(additional).chain(node.items.as_deref())
}

fn list(schema: &Value) -> List {
    match schema.get("x-kubernetes-list-type").and_then(Value::as_str) {
        Some("set") => List::Set,
        Some("map") => List::Map(texts(schema.get("x-kubernetes-list-map-keys"))),
        _ => List::Atomic,
    }
}

fn rules(schema: &Value) -> Rules {
    let number = |name: &str| schema.get(name).and_then(Value::as_f64);
    let flag = |name: &str| schema.get(name).and_then(Value::as_bool).unwrap_or_default();
    let count = |name: &str| schema.get(name).and_then(Value::as_u64);
    let bounds = |least, most| Bounds { least: count(least), most: count(most) };
    let text = |name: &str| schema.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let all = |name: &str| {
        let list = schema.get(name).and_then(Value::as_array);
        list.into_iter().flatten().map(node).collect::<Vec<_>>()
    };
    Rules {
        values: schema.get("enum").and_then(Value::as_array).cloned().unwrap_or_default(),
        format: text("format").and_then(Format::parse),
        // A pattern that this engine does not know was refused when the CRD was written.
        pattern: text("pattern").and_then(|pattern| regexp::compile(pattern).ok()),
        pattern_text: text("pattern").unwrap_or_default().to_owned(),
        minimum: number("minimum").map(|bound| (bound, flag("exclusiveMinimum"))),
        maximum: number("maximum").map(|bound| (bound, flag("exclusiveMaximum"))),
        multiple_of: number("multipleOf"),
        length: bounds("minLength", "maxLength"),
        items: bounds("minItems", "maxItems"),
        properties: bounds("minProperties", "maxProperties"),
        required: texts(schema.get("required")),
        all_of: all("allOf"),
        any_of: all("anyOf"),
        one_of: all("oneOf"),
        not: schema.get("not").filter(|not| not.is_object()).map(|not| Box::new(node(not))),
    }
}

fn texts(value: Option<&Value>) -> Vec<String> {
    let list = value.and_then(Value::as_array);
    list.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}
