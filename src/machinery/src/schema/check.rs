//! Values against rules, in the words of Kubernetes' OpenAPI validation.

use super::node::{Bounds, List, Node, Rules, Type};
use super::place::Place;
use super::{lists, node};
use crate::{Cause, go};
use serde_json::{Map, Value, json};

/// Collects what is wrong.
pub(super) struct Checker<'a> {
    /// Stands before every field, but not in the texts: `status` when only that is checked.
    pub(super) prefix: &'a str,
    pub(super) causes: &'a mut Vec<Cause>,
}

impl Checker<'_> {
    /// A whole object; `old` is its version before.
    pub(super) fn members(
        &mut self,
        node: &Node,
        members: &Map<String, Value>,
        old: Option<&Map<String, Value>>,
        place: &Place<'_>,
    ) {
        self.rules_of_members(&node.rules, members, place);
        for (name, value) in members {
            if let Some(inner) = node.member(name) {
                self.value(inner, value, old.and_then(|old| old.get(name)), &place.member(name));
            }
        }
        self.combined_members(&node.rules, members, place);
    }

    /// One value; nothing is said when it is what it was before.
    pub(super) fn value(&mut self, node: &Node, value: &Value, old: Option<&Value>, place: &Place<'_>) {
        if old.is_some_and(|old| old == value) {
            return;
        }
        if !self.fits_type(node, value, place) && value.is_null() {
            self.listed(&node.rules, value, place);
            return;
        }
        self.combined(&node.rules, value, place);
        self.listed(&node.rules, value, place);
        match value {
            Value::String(text) => self.text(&node.rules, text, place),
            Value::Number(_) => self.number(&node.rules, value, place),
            Value::Array(list) => self.list(node, list, old.and_then(Value::as_array), place),
            Value::Object(members) => {
                self.rules_of_members(&node.rules, members, place);
                let old = old.and_then(Value::as_object);
                for (name, value) in members {
                    let inner = node.member(name);
                    if let Some(inner) = inner {
                        self.value(inner, value, old.and_then(|old| old.get(name)), &place.member(name));
                    }
                }
            }
            _ => {}
        }
    }

    fn field(&self, place: &Place<'_>) -> String {
        match (self.prefix, place) {
            ("", place) => place.to_string(),
            (prefix, Place::Root) => prefix.to_owned(),
            (prefix, place) => format!("{prefix}.{place}"),
        }
    }
    fn wrong(&mut self, place: &Place<'_>, value: &Value, what: &str) {
        self.causes.push(Cause::invalid(self.field(place), value, &format!("{place} in body {what}")));
    }

    fn fits_type(&mut self, node: &Node, value: &Value, place: &Place<'_>) -> bool {
        let found = Type::of(value);
        let fits = match (node.kind, found) {
            (_, None) => node.nullable || !node.refuses_null(),
            (_, Some(found)) if node.int_or_string => matches!(found, Type::Integer | Type::String),
            (None, _) => true,
            (Some(Type::Number), Some(found)) => matches!(found, Type::Integer | Type::Number),
            (Some(wanted), Some(found)) => wanted == found,
        };
        if !fits {
            let wanted =
                if node.int_or_string { "integer,string" } else { node.kind.map_or("", node::Type::word) };
            let found = found.map_or("null", Type::word);
            let why = format!("{place} in body must be of type {wanted}: {}", go::quote(found));
            self.causes.push(Cause::type_invalid(self.field(place), &found.into(), &why));
        }
        fits
    }

    fn listed(&mut self, rules: &Rules, value: &Value, place: &Place<'_>) {
        if rules.values.is_empty() || rules.values.contains(value) {
            return;
        }
        let words: Vec<String> =
            rules.values.iter().map(|v| v.as_str().map_or_else(|| v.to_string(), str::to_owned)).collect();
        self.causes.push(Cause::not_supported(self.field(place), value, &words));
    }

    fn text(&mut self, rules: &Rules, text: &str, place: &Place<'_>) {
        let length = || text.chars().count() as u64;
        if let Some(most) = rules.length.most.filter(|most| length() > *most) {
            self.causes.push(Cause::too_long(self.field(place), most));
        }
        if let Some(least) = rules.length.least.filter(|least| length() < *least) {
            self.wrong(place, &text.into(), &format!("should be at least {least} chars long"));
        }
        if rules.pattern.as_ref().is_some_and(|pattern| !pattern.is_match(text)) {
            self.wrong(place, &text.into(), &format!("should match '{}'", rules.pattern_text));
        }
        if let Some(format) = rules.format.filter(|format| !format.fits(text)) {
            let why = format!("{place} in body must be of type {}: {}", format.word(), go::quote(text));
            self.causes.push(Cause::type_invalid(self.field(place), &text.into(), &why));
        }
    }

    fn number(&mut self, rules: &Rules, value: &Value, place: &Place<'_>) {
        let number = value.as_f64().unwrap_or_default();
        let shown =
            |bound: f64| serde_json::Number::from_f64(bound).map(|n| go::number(&n)).unwrap_or_default();
        if let Some(factor) = rules.multiple_of.filter(|factor| (number / factor).fract() != 0.0) {
            self.wrong(place, value, &format!("should be a multiple of {}", shown(factor)));
        }
        match rules.maximum {
            Some((bound, true)) if number >= bound => {
                self.wrong(place, value, &format!("should be less than {}", shown(bound)));
            }
            Some((bound, false)) if number > bound => {
                self.wrong(place, value, &format!("should be less than or equal to {}", shown(bound)));
            }
            _ => {}
        }
        match rules.minimum {
            Some((bound, true)) if number <= bound => {
                self.wrong(place, value, &format!("should be greater than {}", shown(bound)));
            }
            Some((bound, false)) if number < bound => {
                self.wrong(place, value, &format!("should be greater than or equal to {}", shown(bound)));
            }
            _ => {}
        }
    }

    fn list(&mut self, node: &Node, list: &[Value], old: Option<&Vec<Value>>, place: &Place<'_>) {
        if let Some(items) = &node.items {
            for (index, entry) in list.iter().enumerate() {
                let before = old.and_then(|old| counterpart(node, entry, old));
                self.value(items, entry, before, &place.entry(index));
            }
        }
        self.count(node.rules.items, list.len(), place, "items");
    }

    fn count(&mut self, bounds: Bounds, found: usize, place: &Place<'_>, what: &str) {
        if let Some(least) = bounds.least.filter(|least| (found as u64) < *least) {
            self.wrong(place, &json!(found), &format!("should have at least {least} {what}"));
        }
        if let Some(most) = bounds.most.filter(|most| (found as u64) > *most) {
            self.causes.push(Cause::too_many(self.field(place), found, most));
        }
    }

    fn rules_of_members(&mut self, rules: &Rules, members: &Map<String, Value>, place: &Place<'_>) {
        self.count(rules.properties, members.len(), place, "properties");
        for name in rules.required.iter().filter(|name| !members.contains_key(*name)) {
            self.causes.push(Cause::required(self.field(&place.member(name)), ""));
        }
    }

    fn combined_members(&mut self, rules: &Rules, members: &Map<String, Value>, place: &Place<'_>) {
        let nothing = rules.all_of.is_empty() && rules.any_of.is_empty() && rules.one_of.is_empty();
        // Only a root that is combined pays for a copy.
        if !nothing || rules.not.is_some() {
            self.combined(rules, &Value::Object(members.clone()), place);
        }
    }

    /// `anyOf`, `oneOf`, `allOf`, `not`. Their own faults belong to no field; those of the first alternative are told with them.
    fn combined(&mut self, rules: &Rules, value: &Value, place: &Place<'_>) {
        let try_one = |node: &Node| {
            let mut causes = Vec::new();
            Checker { prefix: self.prefix, causes: &mut causes }.value(node, value, None, place);
            causes
        };
        let mut told = Vec::new();
        if !rules.any_of.is_empty() {
            let failures: Vec<_> = rules.any_of.iter().map(try_one).collect();
            if failures.iter().all(|causes| !causes.is_empty()) {
                told.push(self.schemas(place, "must validate at least one schema (anyOf)"));
                told.extend(failures.into_iter().next().unwrap_or_default());
            }
        }
        if !rules.one_of.is_empty() {
            let failures: Vec<_> = rules.one_of.iter().map(try_one).collect();
            let what = "must validate one and only one schema (oneOf). Found";
            match failures.iter().filter(|causes| causes.is_empty()).count() {
                0 => {
                    told.push(self.schemas(place, &format!("{what} none valid")));
                    told.extend(failures.into_iter().next().unwrap_or_default());
                }
                1 => {}
                more => told.push(self.schemas(place, &format!("{what} {more} valid alternatives"))),
            }
        }
        if !rules.all_of.is_empty() {
            let failures: Vec<_> =
                rules.all_of.iter().map(try_one).filter(|causes| !causes.is_empty()).collect();
            let none = if failures.len() == rules.all_of.len() { ". None validated" } else { "" };
            if !failures.is_empty() {
                told.push(self.schemas(place, &format!("must validate all the schemas (allOf){none}")));
            }
            told.extend(failures.into_iter().flatten());
        }
        if rules.not.as_ref().is_some_and(|not| try_one(not).is_empty()) {
            told.push(self.schemas(place, "must not validate the schema (not)"));
        }
        self.causes.extend(told);
    }

    fn schemas(&self, place: &Place<'_>, what: &str) -> Cause {
        let field = if self.prefix.is_empty() { "<nil>" } else { self.prefix };
        Cause::invalid(field, &"".into(), &format!("{} {what}", go::quote(&place.to_string())))
    }
}

/// The entry of the old list that an entry of the new one was: only maps can tell.
fn counterpart<'a>(node: &Node, entry: &Value, old: &'a [Value]) -> Option<&'a Value> {
    let List::Map(keys) = &node.list else { return None };
    let items = node.items.as_deref();
    let wanted = lists::key(entry, keys, items)?;
    old.iter().find(|before| lists::key(before, keys, items).as_ref() == Some(&wanted))
}
