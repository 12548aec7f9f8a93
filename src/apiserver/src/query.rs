//! Query parameters.

use crate::registry;
use crate::splice;
use axum::extract::Query as Pairs;
use http::Uri;
use rdd_machinery::options::{self, Match, Version};
use rdd_machinery::selector::{Fields, Labels};
use rdd_machinery::{Cause, Failure, Object, Resource};
use serde_json::{Map, Value};
use std::time::Duration;

/// Seconds of the longest time that is taken as asked for: beyond lies what no clock can add up.
const YEAR: u64 = 365 * 24 * 60 * 60;

/// The parameters of a request, in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Query {
    pairs: Vec<(String, String)>,
}

/// The parameters of a list, a watch or a deletecollection.
#[derive(Clone, Debug, Default)]
pub(crate) struct Selection {
    pub(crate) labels: Labels,
    pub(crate) fields: Fields,
    /// How many objects at most; `None`: all.
    pub(crate) limit: Option<usize>,
    /// `continue`; empty: from the start.
    pub(crate) token: String,
    /// `resourceVersion`.
    pub(crate) version: Option<u64>,
    pub(crate) matching: Option<Match>,
}

impl Query {
    /// The parameters of an address; what can not be decoded counts as none.
    pub(crate) fn of(uri: &Uri) -> Query {
        let pairs = Pairs::<Vec<(String, String)>>::try_from_uri(uri).map(|Pairs(pairs)| pairs);
        Query { pairs: pairs.unwrap_or_default() }
    }

    /// The first value of a parameter; empty: there is none.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.pairs.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    /// All values of a parameter.
    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        self.pairs.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_str()).collect()
    }

    /// A switch: everything but `false` and `0` turns it on; `None`: it is not there.
    pub(crate) fn flag(&self, name: &str) -> Option<bool> {
        let (_, value) = self.pairs.iter().find(|(known, _)| known == name)?;
        Some(value != "0" && !value.eq_ignore_ascii_case("false"))
    }

    /// Whether a list is to be a watch.
    pub(crate) fn watch(&self) -> bool {
        self.flag("watch").unwrap_or(false)
    }

    /// `sendInitialEvents`.
    pub(crate) fn initial(&self) -> Option<bool> {
        self.flag("sendInitialEvents")
    }

    /// `timeoutSeconds`, at most a year; `None`: none, or none that makes sense.
    pub(crate) fn timeout(&self) -> Result<Option<Duration>, Failure> {
        let seconds = options::integer(self.get("timeoutSeconds"))?;
        Ok(seconds
            .and_then(|seconds| u64::try_from(seconds).ok())
            .filter(|s| *s > 0)
            .map(|seconds| Duration::from_secs(seconds.min(YEAR))))
    }

    /// What a list or watch selects.
    pub(crate) fn selection(&self, resource: &Resource, watch: bool) -> Result<Selection, Failure> {
        let limit = options::integer(self.get("limit"))?;
        self.timeout()?;
        let labels = Labels::parse(self.get("labelSelector"))?;
        let fields = Fields::parse(self.get("fieldSelector"), resource)?;
        let (version, token) = (self.get("resourceVersion"), self.get("continue"));
        let asked = Version {
            version,
            matching: self.get("resourceVersionMatch"),
            token,
            watch,
            initial: self.initial(),
        };
        let matching = asked.check()?;
        if watch && !token.is_empty() {
            let cause = Cause::forbidden("continue", "continue is forbidden for watch");
            return Err(Failure::invalid_options("ListOptions", vec![cause]));
        }
        let version = options::revision(version, watch)?;
        let limit = limit.and_then(|limit| usize::try_from(limit).ok()).filter(|limit| *limit > 0);
        Ok(Selection { labels, fields, limit, token: token.to_owned(), version, matching })
    }

    /// The options of a write; `kind` names them in failures.
    pub(crate) fn write(&self, kind: &str) -> Result<options::Write, Failure> {
        options::Write::read(kind, &self.all("dryRun"), self.get("fieldManager"), self.get("fieldValidation"))
    }
}

impl Selection {
    /// Whether everything is selected.
    pub(crate) fn is_all(&self) -> bool {
        self.labels.is_empty() && self.fields.is_empty()
    }

    /// Whether a stored object is selected. For labels alone only its metadata is read, which is the small part of it.
    pub(crate) fn selects(&self, value: &[u8]) -> bool {
        if self.is_all() {
            return true;
        }
        let object = match self.fields.is_empty() {
            true => metadata_alone(value),
            false => registry::object(value),
        };
        object.is_some_and(|object| self.labels.matches(&object) && self.fields.matches(&object))
    }
}

fn metadata_alone(value: &[u8]) -> Option<Object> {
    let metadata: Value = serde_json::from_slice(splice::metadata(value)).ok()?;
    Some(Object(Map::from_iter([("metadata".to_owned(), metadata)])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_select_by_metadata_alone() {
        let selection = Selection { labels: Labels::parse("a=b").unwrap(), ..Selection::default() };
        let value = |labels: Value, data: &str| {
            let text = serde_json::json!({"apiVersion": "v1", "data": {"x": data}, "metadata": {"labels": labels, "name": "n"}});
            text.to_string().into_bytes()
        };
        assert!(selection.selects(&value(serde_json::json!({"a": "b", "c": "d"}), "}\"")));
        assert!(!selection.selects(&value(serde_json::json!({"a": "c"}), "")));
        assert!(!selection.selects(&value(Value::Null, "")));
        // What is behind it is not even looked at.
        assert!(selection.selects(br#"{"metadata":{"labels":{"a":"b"}},"spec":{"#));
        assert!(Selection::default().selects(b""));
    }

    #[test]
    fn switches_are_on_unless_they_say_no() {
        let query = Query::of(&"/x?a=true&b=false&c=0&d=&e=perhaps&f=False".parse().unwrap());
        let flags: Vec<Option<bool>> =
            ["a", "b", "c", "d", "e", "f", "g"].map(|name| query.flag(name)).to_vec();
        assert_eq!(flags, [Some(true), Some(false), Some(false), Some(true), Some(true), Some(false), None]);
    }

    #[test]
    fn parameters_are_decoded() {
        let query = Query::of(&"/x?labelSelector=a%20in%20(b)&dryRun=All&dryRun=None&p=x+y".parse().unwrap());
        assert_eq!(query.get("labelSelector"), "a in (b)");
        assert_eq!(query.all("dryRun"), ["All", "None"]);
        assert_eq!(query.get("p"), "x y");
        assert_eq!(query.get("none"), "");
    }
}
