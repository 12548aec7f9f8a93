//! JSON paths, as far as columns and selectable fields use them: `.a.b`, `['a.b']`, `[0]`, `[-1]`, `[*]`, `[?(@.type=="Ready")].status`.

use crate::Object;
use serde_json::Value;

/// A parsed path.
#[derive(Clone, Debug, PartialEq)]
pub struct Path(Vec<Step>);

#[derive(Clone, Debug, PartialEq)]
enum Step {
    Member(String),
    Index(i64),
    /// From, to (not included); both may count from the end.
    Slice(Option<i64>, Option<i64>),
    All,
    /// Entries for which `path op value` holds; no operator: entries that have the path.
    Filter(Path, Option<(Operator, Value)>),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Operator {
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Path {
    /// Parses a path, with or without its first dot, `$` or braces; `None`: it is none that this subset knows.
    pub fn parse(text: &str) -> Option<Path> {
        let text = text.trim();
        let text = text.strip_prefix('{').and_then(|t| t.strip_suffix('}')).unwrap_or(text);
        let text = text.strip_prefix('$').or_else(|| text.strip_prefix('@')).unwrap_or(text);
        let mut steps = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let (step, tail) = match rest.strip_prefix('[') {
                Some(inner) => {
                    let end = bracket_end(inner)?;
                    (Some(bracket(&inner[..end])?), &inner[end + 1..])
                }
                None => member(rest.strip_prefix('.').unwrap_or(rest))?,
            };
            steps.extend(step);
            rest = tail;
        }
        Some(Path(steps))
    }

    /// Every value the path leads to, in order.
    pub fn find<'a>(&self, root: &'a Value) -> Vec<&'a Value> {
        let mut found = vec![root];
        for step in &self.0 {
            found = found.into_iter().flat_map(|value| step.apply(value)).collect();
        }
        found
    }
    /// The first value the path leads to.
    pub fn first<'a>(&self, root: &'a Value) -> Option<&'a Value> {
        first_of(&self.0, root)
    }
    /// The first value the path leads to in an object; the path must start with a member.
    pub fn first_in<'a>(&self, object: &'a Object) -> Option<&'a Value> {
        match self.0.split_first()? {
            (Step::Member(name), rest) => first_of(rest, object.0.get(name)?),
            _ => None,
        }
    }
    /// The member names, when the path has nothing else.
    pub fn members<'a>(&'a self) -> Option<Vec<&'a str>> {
        let name = |step: &'a Step| if let Step::Member(name) = step { Some(name.as_str()) } else { None };
        self.0.iter().map(name).collect()
    }
}

fn first_of<'a>(steps: &[Step], root: &'a Value) -> Option<&'a Value> {
    match steps {
        [] => Some(root),
        // Plain members are nearly all there is: no list is needed for them.
        [Step::Member(name), rest @ ..] => first_of(rest, root.get(name)?),
        [step, rest @ ..] => step.apply(root).into_iter().find_map(|value| first_of(rest, value)),
    }
}

/// The step up to the next dot or bracket; a backslash keeps a dot. A lone dot (the root) is no step.
fn member(text: &str) -> Option<(Option<Step>, &str)> {
    let (mut name, mut kept) = (String::new(), false);
    let mut end = text.len();
    for (at, c) in text.char_indices() {
        match c {
            _ if kept => kept = false,
            '\\' => {
                kept = true;
                continue;
            }
            '.' | '[' => {
                end = at;
                break;
            }
            _ => {}
        }
        name.push(c);
    }
    let step = match name.as_str() {
        "" if text.is_empty() => None,
        "" => return text.starts_with('[').then_some((None, text)),
        "*" => Some(Step::All),
        _ => Some(Step::Member(name)),
    };
    Some((step, &text[end..]))
}

/// Where the bracket that was opened closes; quotes and inner brackets do not count.
fn bracket_end(text: &str) -> Option<usize> {
    let (mut depth, mut quote) = (0, None);
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(c),
            (None, '[') => depth += 1,
            (None, ']') if depth == 0 => return Some(at),
            (None, ']') => depth -= 1,
            _ => {}
        }
    }
    None
}

fn bracket(text: &str) -> Option<Step> {
    let text = text.trim();
    if text == "*" {
        return Some(Step::All);
    }
    if let Some(condition) = text.strip_prefix("?(").and_then(|t| t.strip_suffix(')')) {
        return filter(condition);
    }
    if let Some(name) = quoted(text) {
        return Some(Step::Member(name.to_owned()));
    }
    if let Some((from, to)) = text.split_once(':') {
        let bound = |t: &str| if t.is_empty() { Some(None) } else { t.parse().ok().map(Some) };
        return Some(Step::Slice(bound(from)?, bound(to)?));
    }
    text.parse().ok().map(Step::Index)
}

fn quoted(text: &str) -> Option<&str> {
    ['\'', '"'].iter().find_map(|q| text.strip_prefix(*q)?.strip_suffix(*q))
}

fn filter(text: &str) -> Option<Step> {
    const OPERATORS: [(&str, Operator); 6] = [
        ("==", Operator::Equal),
        ("!=", Operator::Unequal),
        ("<=", Operator::LessOrEqual),
        (">=", Operator::GreaterOrEqual),
        ("<", Operator::Less),
        (">", Operator::Greater),
    ];
    for (word, operator) in OPERATORS {
        if let Some((left, right)) = text.split_once(word) {
            let right = right.trim();
            let value = match quoted(right) {
                Some(text) => Value::from(text),
                None => serde_json::from_str(right).ok()?,
            };
            return Some(Step::Filter(Path::parse(left)?, Some((operator, value))));
        }
    }
    Some(Step::Filter(Path::parse(text)?, None))
}

impl Step {
    fn apply<'a>(&self, value: &'a Value) -> Vec<&'a Value> {
        match (self, value) {
            (Step::Member(name), _) => value.get(name).into_iter().collect(),
            (Step::All, Value::Array(list)) => list.iter().collect(),
            (Step::All, Value::Object(map)) => map.values().collect(),
            (Step::Index(index), Value::Array(list)) => {
                let at = if *index < 0 { index + list.len() as i64 } else { *index };
                usize::try_from(at).ok().and_then(|at| list.get(at)).into_iter().collect()
            }
            (Step::Slice(from, to), Value::Array(list)) => {
                let length = list.len() as i64;
                let place =
                    |bound: i64| (if bound < 0 { bound + length } else { bound }).clamp(0, length) as usize;
                let (from, to) = (place(from.unwrap_or(0)), place(to.unwrap_or(length)));
                list.get(from..to).unwrap_or_default().iter().collect()
            }
            (Step::Filter(path, condition), Value::Array(list)) => {
                list.iter().filter(|entry| holds(path, condition.as_ref(), entry)).collect()
            }
            _ => Vec::new(),
        }
    }
}

fn holds(path: &Path, condition: Option<&(Operator, Value)>, entry: &Value) -> bool {
    let Some(found) = path.first(entry) else { return false };
    let Some((operator, wanted)) = condition else { return true };
    let order = match (found, wanted) {
        (Value::String(a), Value::String(b)) => Some(a.cmp(b)),
        (Value::Number(a), Value::Number(b)) => a.as_f64().partial_cmp(&b.as_f64()),
        (a, b) if a == b => Some(std::cmp::Ordering::Equal),
        _ => None,
    };
    match operator {
        Operator::Equal => order.is_some_and(|o| o.is_eq()),
        Operator::Unequal => order.is_none_or(|o| o.is_ne()),
        Operator::Less => order.is_some_and(|o| o.is_lt()),
        Operator::LessOrEqual => order.is_some_and(|o| o.is_le()),
        Operator::Greater => order.is_some_and(|o| o.is_gt()),
        Operator::GreaterOrEqual => order.is_some_and(|o| o.is_ge()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn paths_find_what_they_name() {
        let root = json!({"a": {"b.c": 1, "d": [10, 20, 30]}, "conditions": [
            {"type": "Ready", "status": "True", "n": 1}, {"type": "Synced", "status": "False", "n": 2}]});
        for (path, found) in [
            (".a['b.c']", json!([1])),
            (".a.b\\.c", json!([1])),
            (".a.d[0]", json!([10])),
            (".a.d[-1]", json!([30])),
            (".a.d[1:]", json!([20, 30])),
            (".a.d[*]", json!([10, 20, 30])),
            (".a.d[7]", json!([])),
            (".conditions[?(@.type==\"Ready\")].status", json!(["True"])),
            (".conditions[?(@.type != 'Ready')].status", json!(["False"])),
            ("{.conditions[?(@.n>1)].type}", json!(["Synced"])),
            (".conditions[?(@.nothing)].type", json!([])),
            (".nothing.at.all", json!([])),
            ("a.d[0]", json!([10])),
        ] {
            let values: Vec<Value> =
                Path::parse(path).expect(path).find(&root).into_iter().cloned().collect();
            assert_eq!(Value::Array(values.clone()), found, "{path}");
            assert_eq!(Path::parse(path).expect(path).first(&root), values.first(), "{path}");
        }
        assert_eq!(Path::parse("."), Some(Path(Vec::new())));
        assert_eq!(Path::parse("x["), None);
        assert_eq!(Path::parse(".a..b"), None);
    }
}
