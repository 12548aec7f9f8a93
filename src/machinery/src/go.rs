//! How Go prints: the words of Kubernetes' messages are made by `%q`, `%v` and `encoding/json`.

use serde_json::Value;
use std::fmt::Write;

/// A text as `strconv.Quote` prints it.
pub fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\u{b}' => out.push_str("\\v"),
            '\u{c}' => out.push_str("\\f"),
            c if (c as u32) < 0x20 || c == '\u{7f}' => drop(write!(out, "\\x{:02x}", c as u32)),
            c if c.is_control() => drop(write!(out, "\\u{:04x}", c as u32)),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// A rejected value as `field.Error` prints it: texts quoted, numbers and booleans bare, everything else as JSON.
pub fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => quote(text),
        Value::Number(number) => self::number(number),
        other => other.to_string(),
    }
}

/// A number as `%v` of an int64 or a float64 prints it.
pub fn number(number: &serde_json::Number) -> String {
    if number.is_i64() || number.is_u64() {
        return number.to_string();
    }
    let value = number.as_f64().unwrap_or_default();
    let exponent = if value == 0.0 { 0 } else { value.abs().log10().floor() as i32 };
    if (-5..21).contains(&exponent) {
        return format!("{value}");
    }
    // Go writes at least two digits of the exponent, and always its sign.
    let text = format!("{value:e}");
    let (mantissa, power) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, digits) = power.strip_prefix('-').map_or(('+', power), |digits| ('-', digits));
    format!("{mantissa}e{sign}{digits:0>2}")
}

/// The name of a JSON value's type in `encoding/json`'s errors.
pub fn json_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_are_printed_as_go_prints_them() {
        assert_eq!(shown(&json!("a \"b\"\n\u{1}")), "\"a \\\"b\\\"\\n\\x01\"");
        assert_eq!(shown(&json!(1.5)), "1.5");
        assert_eq!(shown(&json!(1e21)), "1e+21");
        assert_eq!(shown(&json!(1e-7)), "1e-07");
        assert_eq!(shown(&json!(3.0)), "3");
        assert_eq!(shown(&json!(null)), "null");
        assert_eq!(shown(&json!({"b": 1, "a": [true]})), "{\"a\":[true],\"b\":1}");
    }
}
