//! Comparing with placeholders.

use serde_json::Value;
use std::collections::BTreeMap;

/// The values of placeholders.
#[derive(Clone, Debug, Default)]
pub(super) struct Bindings {
    values: BTreeMap<String, String>,
}

/// A piece of a recorded text.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece<'a> {
    Text(&'a str),
    /// A placeholder without its number, and with it.
    Hole(&'a str, &'a str),
}

/// Placeholders that keep their value, and those that do not.
const BOUND: [&str; 6] = ["$uid", "$rv", "$lrv", "$continue", "$name", "$etag"];
const FREE: [&str; 5] = ["$time", "$microtime", "$hash", "$number", "$any"];

impl Bindings {
    /// Gives a placeholder its value.
    pub(super) fn capture(&mut self, placeholder: &str, value: &str) -> Result<(), String> {
        let name =
            BOUND.iter().find(|name| placeholder.trim_end_matches(|c: char| c.is_ascii_digit()) == **name);
        self.bind(name.copied().unwrap_or_default(), placeholder, value)
    }

    /// A text with all placeholders replaced.
    pub(super) fn fill(&self, text: &str) -> Result<String, String> {
        let mut out = String::new();
        for piece in pieces(text) {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Hole(_, name) => match self.values.get(name) {
                    Some(value) => out.push_str(value),
                    None => return Err(format!("{name} was never seen")),
                },
            }
        }
        Ok(out)
    }

    /// A value with all placeholders replaced.
    pub(super) fn filled(&self, value: &Value) -> Result<Value, String> {
        Ok(match value {
            Value::String(text) => Value::String(self.fill(text)?),
            Value::Array(list) => {
                Value::Array(list.iter().map(|v| self.filled(v)).collect::<Result<_, _>>()?)
            }
            Value::Object(map) => Value::Object(
                map.iter().map(|(k, v)| Ok((k.clone(), self.filled(v)?))).collect::<Result<_, String>>()?,
            ),
            other => other.clone(),
        })
    }

    fn bind(&mut self, kind: &str, name: &str, value: &str) -> Result<(), String> {
        if let Some(known) = self.values.get(name) {
            return if known == value { Ok(()) } else { Err(format!("{name} is {known}, not {value}")) };
        }
        if kind == "$rv" {
            self.check_order(name, value)?;
        }
        self.values.insert(name.to_owned(), value.to_owned());
        Ok(())
    }

    /// Revisions grow with the numbers of their placeholders.
    fn check_order(&self, name: &str, value: &str) -> Result<(), String> {
        let number = |name: &str| name.trim_start_matches("$rv").parse::<u64>().unwrap_or_default();
        let revision = value.parse::<u64>().map_err(|_| format!("{name} is no number: {value}"))?;
        for (other, known) in self.values.iter().filter(|(other, _)| other.starts_with("$rv")) {
            let known = known.parse::<u64>().unwrap_or_default();
            if number(other).cmp(&number(name)) != known.cmp(&revision) {
                return Err(format!("{other} = {known} and {name} = {value} are in the wrong order"));
            }
        }
        Ok(())
    }
}

/// Whether a value is as recorded; new placeholders get their values.
pub(super) fn equal(recorded: &Value, seen: &Value, bindings: &mut Bindings) -> Result<(), String> {
    let (recorded, seen) = (sorted(recorded.clone()), sorted(seen.clone()));
    walk(&recorded, &seen, bindings, "")
        .map_err(|how| format!("{how}\n    recorded: {recorded}\n    seen:     {seen}"))
}

fn walk(recorded: &Value, seen: &Value, bindings: &mut Bindings, path: &str) -> Result<(), String> {
    match (recorded, seen) {
        (Value::Object(a), Value::Object(b)) => {
            if let Some(name) = a.keys().find(|name| !b.contains_key(*name)) {
                return Err(format!("{path}/{name} is missing"));
            }
            if let Some(name) = b.keys().find(|name| !a.contains_key(*name)) {
                return Err(format!("{path}/{name} is too many"));
            }
            a.iter().try_for_each(|(name, value)| walk(value, &b[name], bindings, &format!("{path}/{name}")))
        }
        (Value::Array(a), Value::Array(b)) => {
            if a.len() != b.len() {
                return Err(format!("{path} has {} entries, recorded {}", b.len(), a.len()));
            }
            let pairs = a.iter().zip(b).enumerate();
            pairs.into_iter().try_for_each(|(i, (a, b))| walk(a, b, bindings, &format!("{path}/{i}")))
        }
        (Value::String(pattern), Value::String(text)) => {
            let mut tried = bindings.clone();
            if !fits(&pieces(pattern), text, &mut tried) {
                return Err(format!("{path} is {text:?}, recorded {pattern:?}"));
            }
            *bindings = tried;
            Ok(())
        }
        (Value::Number(a), Value::Number(b)) if a.as_f64() == b.as_f64() => Ok(()),
        (a, b) if a == b => Ok(()),
        (a, b) => Err(format!("{path} is {b}, recorded {a}")),
    }
}

/// Tries to lay the pieces over a text; what a hole took is bound.
fn fits(pieces: &[Piece<'_>], text: &str, bindings: &mut Bindings) -> bool {
    let Some((first, rest)) = pieces.split_first() else { return text.is_empty() };
    match first {
        Piece::Text(own) => text.strip_prefix(own).is_some_and(|left| fits(rest, left, bindings)),
        Piece::Hole(kind, name) => {
            if let Some(known) = bindings.values.get(*name).cloned() {
                return text.strip_prefix(known.as_str()).is_some_and(|left| fits(rest, left, bindings));
            }
            // The longest first: a hole at the end takes everything.
            let ends = (0..=text.len()).rev().filter(|end| text.is_char_boundary(*end));
            for end in ends {
                let (value, left) = text.split_at(end);
                let mut tried = bindings.clone();
                let bound = !FREE.contains(kind);
                if allowed(kind, value)
                    && (!bound || tried.bind(kind, name, value).is_ok())
                    && fits(rest, left, &mut tried)
                {
                    *bindings = tried;
                    return true;
                }
            }
            false
        }
    }
}

fn allowed(kind: &str, value: &str) -> bool {
    let digits = || !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
    match kind {
        "$rv" | "$lrv" | "$number" => digits(),
        "$uid" => value.len() == 36 && value.split('-').map(str::len).eq([8, 4, 4, 4, 12]),
        "$hash" => !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_hexdigit()),
        "$time" => value.len() == 20 && value.parse::<jiff::Timestamp>().is_ok(),
        "$microtime" => value.len() == 27 && value.parse::<jiff::Timestamp>().is_ok(),
        "$any" => true,
        _ => !value.is_empty(),
    }
}

fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        let (before, from) = rest.split_at(at);
        let found = hole(from);
        let (take, piece) = match found {
            Some((kind, name)) => (name.len(), Piece::Hole(kind, name)),
            None => (1, Piece::Text(&from[..1])),
        };
        if !before.is_empty() {
            pieces.push(Piece::Text(before));
        }
        pieces.push(piece);
        rest = &from[take..];
    }
    if !rest.is_empty() {
        pieces.push(Piece::Text(rest));
    }
    pieces
}

/// The placeholder that a text begins with.
fn hole(text: &str) -> Option<(&'static str, &str)> {
    let kind = FREE.iter().find(|kind| text.starts_with(**kind));
    if let Some(kind) = kind {
        return Some((kind, &text[..kind.len()]));
    }
    let kind = BOUND.iter().find(|kind| {
        text.strip_prefix(**kind).is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    })?;
    let digits = text[kind.len()..].bytes().take_while(u8::is_ascii_digit).count();
    Some((kind, &text[..kind.len() + digits]))
}

/// Brings what has no fixed order into one: the faults of a Status, in its causes and in its message.
fn sorted(mut value: Value) -> Value {
    if value["kind"] == "Status" || value.get("details").is_some() {
        if let Some(Value::Array(causes)) = value.pointer_mut("/details/causes") {
            causes.sort_by_key(|cause| (cause["field"].to_string(), cause["message"].to_string()));
        }
        if let Some(Value::String(message)) = value.get_mut("message")
            && let Some((head, list)) = message.clone().split_once(" is invalid: [")
            && let Some((list, tail)) = list.rsplit_once(']')
        {
            let mut parts: Vec<&str> = list.split(", ").collect();
            parts.sort_unstable();
            *message = format!("{head} is invalid: [{}]{tail}", parts.join(", "));
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_placeholder_keeps_its_value() {
        let mut bindings = Bindings::default();
        equal(&json!({"a": "x $rv1 y", "b": "$any"}), &json!({"a": "x 12 y", "b": "?"}), &mut bindings)
            .unwrap();
        assert_eq!(bindings.fill("/$rv1").unwrap(), "/12");
        assert!(equal(&json!("$rv1"), &json!("13"), &mut bindings).is_err());
        assert!(equal(&json!("$rv2"), &json!("11"), &mut bindings).is_err(), "revisions grow");
        equal(&json!("$rv2"), &json!("13"), &mut bindings).unwrap();
    }

    #[test]
    fn members_too_many_and_too_few_are_differences() {
        let mut bindings = Bindings::default();
        assert!(equal(&json!({"a": 1}), &json!({"a": 1, "b": 2}), &mut bindings).is_err());
        assert!(equal(&json!({"a": 1, "b": 2}), &json!({"a": 1}), &mut bindings).is_err());
        assert!(equal(&json!([1]), &json!([1, 2]), &mut bindings).is_err());
        assert!(equal(&json!(1), &json!(1.0), &mut bindings).is_ok());
    }
}
