//! One level of a compiled schema.

use super::format::Format;
use regex::Regex;
use serde_json::Value;
use std::collections::BTreeMap;

/// One level of a schema. Inside of `allOf`, `anyOf`, `oneOf` and `not` only the rules count.
#[derive(Debug, Default)]
pub(super) struct Node {
    pub(super) kind: Option<Type>,
    pub(super) nullable: bool,
    /// `x-kubernetes-preserve-unknown-fields`.
    pub(super) preserve: bool,
    /// `x-kubernetes-embedded-resource`.
    pub(super) embedded: bool,
    /// `x-kubernetes-int-or-string`.
    pub(super) int_or_string: bool,
    pub(super) properties: BTreeMap<String, Node>,
    pub(super) additional: Additional,
    pub(super) items: Option<Box<Node>>,
    pub(super) default: Option<Value>,
    pub(super) list: List,
    pub(super) rules: Rules,
    /// Whether this level or one below has defaults, or drops nulls: all but schemas without any property do.
    pub(super) has: Has,
}

/// What occurs at a level or below, so that passes can skip the rest.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Has {
    pub(super) embedded: bool,
    /// Sets or maps.
    pub(super) lists: bool,
}

#[derive(Debug, Default)]
pub(super) enum Additional {
    #[default]
    None,
    /// `additionalProperties: true`.
    Any,
    Schema(Box<Node>),
}

#[derive(Debug, Default)]
pub(super) enum List {
    #[default]
    Atomic,
    Set,
    Map(Vec<String>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    Array,
    Boolean,
    Integer,
    Number,
    Object,
    String,
}

/// What a value must keep to.
#[derive(Debug, Default)]
pub(super) struct Rules {
    pub(super) values: Vec<Value>,
    pub(super) format: Option<Format>,
    pub(super) pattern: Option<Regex>,
    /// The pattern as it was written.
    pub(super) pattern_text: String,
    /// And whether the bound itself is out.
    pub(super) minimum: Option<(f64, bool)>,
    pub(super) maximum: Option<(f64, bool)>,
    pub(super) multiple_of: Option<f64>,
    pub(super) length: Bounds,
    pub(super) items: Bounds,
    pub(super) properties: Bounds,
    pub(super) required: Vec<String>,
    pub(super) all_of: Vec<Node>,
    pub(super) any_of: Vec<Node>,
    pub(super) one_of: Vec<Node>,
    pub(super) not: Option<Box<Node>>,
}

/// How many there may be.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Bounds {
    pub(super) least: Option<u64>,
    pub(super) most: Option<u64>,
}

impl Type {
    pub(super) fn parse(word: &str) -> Option<Type> {
        Some(match word {
            "array" => Type::Array,
            "boolean" => Type::Boolean,
            "integer" => Type::Integer,
            "number" => Type::Number,
            "object" => Type::Object,
            "string" => Type::String,
            _ => return None,
        })
    }
    pub(super) fn word(self) -> &'static str {
        match self {
            Type::Array => "array",
            Type::Boolean => "boolean",
            Type::Integer => "integer",
            Type::Number => "number",
            Type::Object => "object",
            Type::String => "string",
        }
    }
    /// The type of a value; `None`: null.
    pub(super) fn of(value: &Value) -> Option<Type> {
        Some(match value {
            Value::Null => return None,
            Value::Bool(_) => Type::Boolean,
            // A float is an integer as long as it can hold every one of its size.
            Value::Number(n) if n.is_f64() => match n.as_f64() {
                Some(f) if f.fract() == 0.0 && f.abs() < 9_007_199_254_740_992.0 => Type::Integer,
                _ => Type::Number,
            },
            Value::Number(_) => Type::Integer,
            Value::String(_) => Type::String,
            Value::Array(_) => Type::Array,
            Value::Object(_) => Type::Object,
        })
    }
}

impl Node {
    /// The schema of a member: of its own, or of all others.
    pub(super) fn member(&self, name: &str) -> Option<&Node> {
        self.properties.get(name).or(match &self.additional {
            Additional::Schema(node) => Some(node),
            _ => None,
        })
    }
    /// Whether a null at this place is no value at all.
    pub(super) fn refuses_null(&self) -> bool {
        !self.nullable && (self.kind.is_some() || self.int_or_string)
    }
}
