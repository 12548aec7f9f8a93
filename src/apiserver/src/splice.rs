//! Sending stored bytes without parsing them.
//!
//! A value in the store is canonical JSON (sorted keys, no white space) without `metadata.resourceVersion`. What is sent needs it, and
//! perhaps another `apiVersion` (a kind served in several versions), or `metadata` alone. A scan over the top-level members finds the places;
//! it stops at the end of `metadata`, which custom resources have in front, so that the bulk of an object is only copied.

use rdd_store::Revision;
use std::ops::Range;

/// The places in a value that matter.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Layout {
    /// The value of `apiVersion`, with its quotes.
    api_version: Option<Range<usize>>,
    /// The value of `metadata`, with its braces.
    metadata: Range<usize>,
    /// Where the resource version goes, and how.
    insert: Insert,
}

/// Where a member goes into an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Insert {
    /// In front of a member that begins here.
    Before(usize),
    /// Behind the last member.
    After(usize),
    /// Into an empty object.
    Only(usize),
}

/// Writes a stored object with its resource version, in the API version asked for.
pub(crate) fn object(out: &mut Vec<u8>, value: &[u8], revision: Revision, api_version: &str) {
    let Some(layout) = layout(value) else {
        out.extend_from_slice(value);
        return;
    };
    let mut from = 0;
    if let Some(range) = &layout.api_version
        && value[range.start + 1..range.end - 1] != *api_version.as_bytes()
    {
        out.extend_from_slice(&value[..range.start + 1]);
        out.extend_from_slice(api_version.as_bytes());
        from = range.end - 1;
    }
    splice(out, value, from..value.len(), layout.insert, revision);
}

/// Writes a stored object as `PartialObjectMetadata`.
pub(crate) fn partial(out: &mut Vec<u8>, value: &[u8], revision: Revision, api_version: &str) {
    out.extend_from_slice(b"{\"apiVersion\":\"meta.k8s.io/");
    out.extend_from_slice(api_version.as_bytes());
    out.extend_from_slice(b"\",\"kind\":\"PartialObjectMetadata\",\"metadata\":");
    match layout(value) {
        Some(layout) => splice(out, value, layout.metadata.clone(), layout.insert, revision),
        None => out.extend_from_slice(b"{}"),
    }
    out.push(b'}');
}

/// The text of an object's `metadata`; empty when there is none.
pub(crate) fn metadata(value: &[u8]) -> &[u8] {
    layout(value).map_or(&[], |layout| &value[layout.metadata])
}

fn splice(out: &mut Vec<u8>, value: &[u8], range: Range<usize>, insert: Insert, revision: Revision) {
    let (at, before, after) = match insert {
        Insert::Before(at) => (at, "", ","),
        Insert::After(at) => (at, ",", ""),
        Insert::Only(at) => (at, "", ""),
    };
    out.extend_from_slice(&value[range.start..at]);
    out.extend_from_slice(format!("{before}\"resourceVersion\":\"{revision}\"{after}").as_bytes());
    out.extend_from_slice(&value[at..range.end]);
}

/// Finds the places; `None`: this is no object of ours.
fn layout(value: &[u8]) -> Option<Layout> {
    let mut api_version = None;
    let mut members = Members::new(value, 0)?;
    while let Some((name, range)) = members.next() {
        match name {
            b"apiVersion" => api_version = Some(range),
            b"metadata" => {
                let insert = place(value, &range)?;
                return Some(Layout { api_version, metadata: range, insert });
            }
            _ => {}
        }
    }
    None
}

fn place(value: &[u8], metadata: &Range<usize>) -> Option<Insert> {
    let mut members = Members::new(value, metadata.start)?;
    let mut empty = true;
    loop {
        let start = members.at;
        match members.next() {
            Some((name, _)) if name > b"resourceVersion".as_slice() => return Some(Insert::Before(start)),
            Some(_) => empty = false,
            None if empty => return Some(Insert::Only(metadata.end - 1)),
            None => return Some(Insert::After(metadata.end - 1)),
        }
    }
}

/// The members of an object: name and the place of the value.
struct Members<'a> {
    text: &'a [u8],
    /// Where the next member begins.
    at: usize,
}

impl<'a> Members<'a> {
    fn new(text: &'a [u8], at: usize) -> Option<Members<'a>> {
        (text.get(at) == Some(&b'{')).then_some(Members { text, at: at + 1 })
    }

    fn next(&mut self) -> Option<(&'a [u8], Range<usize>)> {
        if self.text.get(self.at) != Some(&b'"') {
            return None;
        }
        let name = self.at + 1..string_end(self.text, self.at)? - 1;
        let start = name.end + 2;
        let end = value_end(self.text, start)?;
        // Behind a value stands a comma, and then the next member, or the closing brace.
        self.at = if self.text.get(end) == Some(&b',') { end + 1 } else { end };
        Some((&self.text[name], start..end))
    }
}

/// The end of a string that begins here.
fn string_end(text: &[u8], start: usize) -> Option<usize> {
    let mut at = start + 1;
    loop {
        at += text.get(at..)?.iter().position(|byte| matches!(byte, b'"' | b'\\'))?;
        if text[at] == b'"' {
            return Some(at + 1);
        }
        at += 2;
    }
}

/// The end of a value that begins here.
fn value_end(text: &[u8], start: usize) -> Option<usize> {
    let (mut at, mut depth) = (start, 0_usize);
    loop {
        match *text.get(at)? {
            b'"' => at = string_end(text, at)?,
            b'{' | b'[' => {
                depth += 1;
                at += 1;
            }
            b'}' | b']' if depth > 0 => {
                depth -= 1;
                at += 1;
            }
            b'}' | b']' | b',' if depth == 0 => return Some(at),
            _ => at += 1,
        }
        if depth == 0 && matches!(text.get(at), None | Some(b',' | b'}' | b']')) {
            return Some(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn spliced(value: &Value, version: &str) -> String {
        let mut out = Vec::new();
        object(&mut out, value.to_string().as_bytes(), Revision(7), version);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_resource_version_lands_where_sorting_puts_it() {
        for mut value in [
            json!({"apiVersion": "v1", "data": {"a": "\"}{\\", "b": "metadata"}, "kind": "C", "metadata": {"name": "x", "uid": "u"}}),
            json!({"apiVersion": "v1", "kind": "C", "metadata": {"name": "x"}, "spec": {"l": [1, [2, {"a": null}], true]}}),
            json!({"apiVersion": "v1", "metadata": {}}),
            json!({"apiVersion": "v1", "metadata": {"annotations": {"uid": "}\\\""}, "uid": "u"}, "z": 1.5}),
        ] {
            let sent = spliced(&value, "v1");
            value["metadata"]["resourceVersion"] = json!("7");
            assert_eq!(sent, value.to_string());
        }
    }

    #[test]
    fn the_api_version_is_the_one_asked_for() {
        let value = json!({"apiVersion": "x.test/v1", "kind": "C", "metadata": {"uid": "u"}});
        assert_eq!(
            spliced(&value, "x.test/v2beta1"),
            json!({"apiVersion": "x.test/v2beta1", "kind": "C", "metadata": {"resourceVersion": "7", "uid": "u"}})
                .to_string()
        );
    }

    #[test]
    fn metadata_goes_alone() {
        let value =
            json!({"apiVersion": "v1", "data": {"a": "b"}, "metadata": {"name": "x", "uid": "u"}, "z": 1});
        let mut out = Vec::new();
        partial(&mut out, value.to_string().as_bytes(), Revision(7), "v1");
        let expected = json!({"apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata",
            "metadata": {"name": "x", "resourceVersion": "7", "uid": "u"}});
        assert_eq!(String::from_utf8(out).unwrap(), expected.to_string());
    }
}
