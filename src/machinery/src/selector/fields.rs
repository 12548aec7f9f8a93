//! Field selectors: `metadata.name=x,status.status!=y`.

use crate::path::Path;
use crate::{Failure, Object, Resource, go};
use serde_json::Value;

/// A parsed field selector; the default selects everything.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fields {
    terms: Vec<Term>,
}

#[derive(Clone, Debug, PartialEq)]
struct Term {
    field: String,
    path: Path,
    equal: bool,
    value: String,
}

impl Fields {
    /// Parses `metadata.name=x,status.status!=y`; only fields that the kind offers.
    ///
    /// # Errors
    /// [`Failure::BadRequest`], in Kubernetes' words.
    pub fn parse(text: &str, resource: &Resource) -> Result<Fields, Failure> {
        let mut terms = Vec::new();
        for term in split(text).into_iter().filter(|term| !term.is_empty()) {
            let refusal =
                || Failure::BadRequest(format!("invalid selector: '{text}'; can't understand '{term}'"));
            let (field, equal, value) = operator(term).ok_or_else(refusal)?;
            let value = unescape(value).ok_or_else(refusal)?;
            if !offered(resource, field) {
                return Err(Failure::BadRequest(not_offered(resource, field)));
            }
            // Kubernetes' old name of the field, which namespaces still know.
            let field = if field == "name" { "metadata.name" } else { field };
            let path = Path::parse(&format!(".{field}")).ok_or_else(refusal)?;
            terms.push(Term { field: field.to_owned(), path, equal, value });
        }
        Ok(Fields { terms })
    }
    /// Whether an object has these fields; a missing one equals the empty text.
    pub fn matches(&self, object: &Object) -> bool {
        self.terms.iter().all(|term| {
            let found = match term.field.split_once('.') {
                Some(("metadata", member)) => object.text(&["metadata", member]).unwrap_or_default().into(),
                _ => term.text(object),
            };
            (found == term.value) == term.equal
        })
    }
    /// Whether it selects everything.
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }
    /// The name that it demands by `metadata.name=`, which makes a list a point read.
    pub fn name(&self) -> Option<&str> {
        self.demanded("metadata.name")
    }
    /// The namespace that it demands by `metadata.namespace=`.
    pub fn namespace(&self) -> Option<&str> {
        self.demanded("metadata.namespace")
    }
    fn demanded(&self, field: &str) -> Option<&str> {
        self.terms.iter().find(|term| term.equal && term.field == field).map(|term| term.value.as_str())
    }
}

impl Term {
    fn text<'a>(&self, object: &'a Object) -> std::borrow::Cow<'a, str> {
        let mut steps = self.path.members().unwrap_or_default().into_iter();
        let first = steps.next().and_then(|name| object.0.get(name));
        match steps.try_fold(first, |value, name| value.map(|v| v.get(name))).flatten() {
            Some(Value::String(text)) => text.as_str().into(),
            Some(Value::Number(number)) => go::number(number).into(),
            Some(Value::Bool(flag)) => flag.to_string().into(),
            _ => "".into(),
        }
    }
}

fn offered(resource: &Resource, field: &str) -> bool {
    let common = matches!(field, "metadata.name" | "metadata.namespace");
    let cluster_core = resource.is("", "namespaces");
    (common && !(cluster_core && field == "metadata.namespace"))
        || (cluster_core && field == "name")
        || resource.selectable.iter().any(|path| path.trim_start_matches('.') == field)
}

fn not_offered(resource: &Resource, field: &str) -> String {
    // Kinds with a conversion of their own word it shortly; the rest speaks through the common conversion.
    if resource.builtin && resource.selectable.is_empty() {
        let only = r#"only "metadata.name", "metadata.namespace""#;
        return format!("{} is not a known field selector: {only}", go::quote(field));
    }
    format!("field label not supported: {field}")
}

/// The terms between commas; `\,` is no comma.
fn split(text: &str) -> Vec<&str> {
    let (mut terms, mut start, mut kept) = (Vec::new(), 0, false);
    for (at, c) in text.char_indices() {
        match c {
            _ if kept => kept = false,
            '\\' => kept = true,
            ',' => {
                terms.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    terms.push(&text[start..]);
    terms
}

/// Field, whether equal is asked for, value: at the first operator.
fn operator(term: &str) -> Option<(&str, bool, &str)> {
    let at = term.find(['=', '!'])?;
    let (field, rest) = term.split_at(at);
    let found = [("!=", false), ("==", true), ("=", true)];
    found.iter().find_map(|(word, equal)| rest.strip_prefix(word).map(|value| (field, *equal, value)))
}

fn unescape(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => out.push(chars.next().filter(|c| matches!(c, '\\' | ',' | '='))?),
            // Must be escaped inside of a value.
            '=' => return None,
            c => out.push(c),
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builtin;
    use serde_json::json;

    #[test]
    fn values_may_be_escaped() {
        let configmaps = builtin::resources().into_iter().find(|r| r.plural == "configmaps").expect("there");
        let fields = Fields::parse(r"metadata.name=a\,b\=c\\", &configmaps).expect("parses");
        let object = Object::from_value(json!({"metadata": {"name": "a,b=c\\"}})).expect("an object");
        assert!(fields.matches(&object));
        assert_eq!(fields.name(), Some("a,b=c\\"));
        assert!(Fields::parse(r"metadata.name=a=b", &configmaps).is_err());
        assert!(Fields::parse(r"metadata.name=a\x", &configmaps).is_err());
    }
}
