//! The options of requests: what their words may be.

use crate::{Cause, Failure, go};
use serde_json::{Value, json};

/// What becomes of fields that a kind does not know, and of duplicates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FieldValidation {
    /// They are dropped.
    Ignore,
    /// They are dropped, and the answer names them in `Warning` headers.
    #[default]
    Warn,
    /// The request is refused.
    Strict,
}

/// The options of a create, update or patch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Write {
    /// `dryRun=All`: everything is done but storing.
    pub dry_run: bool,
    /// `fieldManager`; empty: none was given.
    pub manager: String,
    /// `fieldValidation`.
    pub validation: FieldValidation,
}

impl Write {
    /// Reads the options of a write; `kind` is `CreateOptions`, `UpdateOptions` or `PatchOptions`. Absent ones are empty.
    ///
    /// # Errors
    /// [`Failure::Invalid`] of that kind.
    pub fn read(kind: &str, dry_run: &[&str], manager: &str, validation: &str) -> Result<Write, Failure> {
        let mut causes: Vec<Cause> = self::dry_run(dry_run).into_iter().collect();
        if manager.len() > 128 {
            causes.push(Cause::too_long("fieldManager", 128));
        } else if let Some(c) = manager.chars().find(|c| c.is_control()) {
            let why =
                format!("invalid character {} in fieldManager: must be printable", go::quote(&c.to_string()));
            causes.push(Cause::invalid("fieldManager", &manager.into(), &why));
        }
        let word = match validation {
            "" | "Warn" => FieldValidation::Warn,
            "Ignore" => FieldValidation::Ignore,
            "Strict" => FieldValidation::Strict,
            other => {
                let offered = ["", "Ignore", "Strict", "Warn"];
                causes.push(Cause::not_supported("fieldValidation", &other.into(), &offered));
                FieldValidation::Warn
            }
        };
        match causes.is_empty() {
            true => Ok(Write { dry_run: !dry_run.is_empty(), manager: manager.to_owned(), validation: word }),
            false => Err(Failure::invalid_options(kind, causes)),
        }
    }
}

/// What is wrong with `dryRun`.
pub fn dry_run(words: &[&str]) -> Option<Cause> {
    let bad = words.iter().any(|word| *word != "All");
    bad.then(|| {
        let value: Value = words.iter().copied().collect();
        Cause::not_supported("dryRun", &value, &["All"])
    })
}

/// `resourceVersionMatch`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Match {
    /// At this version and no other.
    Exact,
    /// At this version or a later one.
    NotOlderThan,
}

/// How a list or watch asks for a version.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Version<'a> {
    /// `resourceVersion`, as sent; empty: none.
    pub version: &'a str,
    /// `resourceVersionMatch`, as sent; empty: none.
    pub matching: &'a str,
    /// `continue`; empty: none.
    pub token: &'a str,
    /// Whether it is a watch.
    pub watch: bool,
    /// `sendInitialEvents`.
    pub initial: Option<bool>,
}

impl Version<'_> {
    /// Which version may be served.
    ///
    /// # Errors
    /// [`Failure::Invalid`] of `ListOptions`, or [`Failure::BadRequest`].
    pub fn check(&self) -> Result<Option<Match>, Failure> {
        let field = "resourceVersionMatch";
        let mut causes = Vec::new();
        let forbid = |why: &str| Cause::forbidden(field, why);
        if self.watch {
            match (self.initial, self.matching) {
                (None, "") | (Some(_), "NotOlderThan") => {}
                (None, _) => {
                    causes.push(forbid(
                        "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided",
                    ));
                }
                (Some(_), word) => {
                    causes.push(forbid(
                        "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan",
                    ));
                    if !word.is_empty() {
                        causes.push(Cause::not_supported(field, &word.into(), &["NotOlderThan"]));
                    }
                }
            }
        } else {
            self.check_list(&mut causes);
        }
        if !causes.is_empty() {
            return Err(Failure::invalid_options("ListOptions", causes));
        }
        Ok(match self.matching {
            "Exact" => Some(Match::Exact),
            "NotOlderThan" => Some(Match::NotOlderThan),
            _ => None,
        })
    }

    fn check_list(&self, causes: &mut Vec<Cause>) {
        let field = "resourceVersionMatch";
        if !self.matching.is_empty() {
            if self.version.is_empty() {
                causes.push(Cause::forbidden(
                    field,
                    "resourceVersionMatch is forbidden unless resourceVersion is provided",
                ));
            }
            if !self.token.is_empty() {
                causes.push(Cause::forbidden(
                    field,
                    "resourceVersionMatch is forbidden when continue is provided",
                ));
            }
            if !matches!(self.matching, "Exact" | "NotOlderThan") {
                let offered = ["Exact", "NotOlderThan", ""];
                causes.push(Cause::not_supported(field, &self.matching.into(), &offered));
            }
            if self.matching == "Exact" && self.version == "0" {
                let why = r#"resourceVersionMatch "exact" is forbidden for resourceVersion "0""#;
                causes.push(Cause::forbidden(field, why));
            }
        }
        if self.initial.is_some() {
            causes.push(Cause::forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list"));
        }
    }
}

/// A `resourceVersion` as a number; `None`: none was given.
///
/// # Errors
/// For lists [`Failure::BadRequest`], for watches [`Failure::Escaped`]: so does Kubernetes.
pub fn revision(text: &str, watch: bool) -> Result<Option<u64>, Failure> {
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|_| {
        let cause = Cause::invalid("resourceVersion", &json!(text), &parse_uint(text));
        let words = format!("{}: {}", cause.field, cause.message);
        match watch {
            true => Failure::Escaped(words),
            false => Failure::BadRequest(format!("invalid resource version: {words}")),
        }
    })
}

/// Why a text is no unsigned number, as `strconv.ParseUint` says it.
pub fn parse_uint(text: &str) -> String {
    let range = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let why = if range { "value out of range" } else { "invalid syntax" };
    format!("strconv.ParseUint: parsing {}: {why}", go::quote(text))
}

/// A number of a query (`limit`, `timeoutSeconds`); empty: none.
///
/// # Errors
/// [`Failure::BadRequest`], in `strconv.ParseInt`'s words.
pub fn integer(text: &str) -> Result<Option<i64>, Failure> {
    if text.is_empty() {
        return Ok(None);
    }
    let fault =
        || Failure::BadRequest(format!("strconv.ParseInt: parsing {}: invalid syntax", go::quote(text)));
    text.parse().map(Some).map_err(|_| fault())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status;

    /// Every list and watch that a real server refused for its version is refused in the same words.
    #[test]
    fn versions_are_refused_as_recorded() {
        let mut checked = 0;
        for suite in ["list-resourceversion", "list-paging", "watch-initial-events", "watch-errors"] {
            let path = format!("{}/../../tests/conformance/cases/{suite}.json", env!("CARGO_MANIFEST_DIR"));
            let case: Value =
                serde_json::from_str(&std::fs::read_to_string(&path).expect("a recording")).expect("JSON");
            for step in case["steps"].as_array().expect("steps") {
                let recorded = &step["response"]["body"];
                let text = |name: &str| step["request"]["query"][name].as_str().unwrap_or_default();
                let about_versions = recorded["details"]["kind"] == "ListOptions"
                    || recorded["message"].as_str().is_some_and(|words| words.contains("strconv.ParseUint"));
                if recorded["kind"] != "Status" || !about_versions {
                    continue;
                }
                let watch = text("watch") == "true";
                let initial = text("sendInitialEvents").parse().ok();
                let (version, matching, token) =
                    (text("resourceVersion"), text("resourceVersionMatch"), text("continue"));
                let asked = Version { version, matching, token, watch, initial };
                let failure = asked.check().and_then(|_| revision(version, watch)).expect_err("refused");
                assert_eq!(Value::Object(status(&failure).0), *recorded, "{suite}: {}", step["name"]);
                checked += 1;
            }
        }
        assert!(checked >= 8, "only {checked} refusals were compared");
    }

    #[test]
    fn options_of_writes_are_refused_in_kubernetes_words() {
        let failure = Write::read("CreateOptions", &["yes"], "", "").expect_err("refused");
        let words = r#"CreateOptions.meta.k8s.io "" is invalid: dryRun: Unsupported value: ["yes"]: supported values: "All""#;
        assert_eq!(failure.to_string(), words);
        let strict = Write::read("CreateOptions", &["All"], "me", "Strict").expect("accepted");
        assert_eq!(
            strict,
            Write { dry_run: true, manager: "me".to_owned(), validation: FieldValidation::Strict }
        );
    }
}
