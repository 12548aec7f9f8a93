//! Reading lists: selectors, pages, versions.

use crate::keys;
use crate::query::Selection;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rdd_machinery::object::parse;
use rdd_machinery::options::Match;
use rdd_machinery::{Failure, Resource, go};
use rdd_store::{At, Entry, Key, Page, Prefix, ReadError, Revision, Store};
use serde_json::{Value, json};

/// A page of a list.
#[derive(Clone, Debug)]
pub(crate) struct Listed {
    /// The state that was read.
    pub(crate) revision: Revision,
    pub(crate) entries: Vec<Entry>,
    /// Where the next page begins; `None`: this was the last one.
    pub(crate) token: Option<String>,
    /// How many objects follow, where that is known.
    pub(crate) remaining: Option<u64>,
}

/// Where a page begins.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Token {
    /// The state to read; `None`: the newest.
    revision: Option<u64>,
    /// The last key of the page before, without its prefix.
    after: String,
}

/// How many objects are read at once where a selector leaves most of them out.
const BATCH: usize = 500;

const EXPIRED: &str = "The resourceVersion for the provided list is too old.";
const EXPIRED_TOKEN: &str = "The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.";

/// Reads what is selected of a kind, in one namespace or in all.
pub(crate) async fn read(
    store: &Store,
    resource: &Resource,
    namespace: Option<&str>,
    selection: &Selection,
) -> Result<Listed, Failure> {
    let prefix = keys::prefix(&resource.group, &resource.plural, namespace);
    let token = (!selection.token.is_empty()).then(|| Token::decode(&selection.token)).transpose()?;
    let at = at(selection, token.as_ref())?;
    // A list at "any version" is answered whole, as Kubernetes does from its cache.
    let limit = selection.limit.filter(|_| selection.version != Some(0) || token.is_some());
    let after = token.as_ref().map(|token| Key::new(format!("{}{}", prefix.as_str(), token.after)));
    let read = match point(resource, namespace, selection) {
        Some(key) if after.is_none() => point_read(store, key, at).await,
        _ => pages(store, &prefix, at, after, limit, selection).await,
    };
    read.map_err(|error| refused(error, selection, token.as_ref()))
}

/// The one object that a field selector leaves.
fn point(resource: &Resource, namespace: Option<&str>, selection: &Selection) -> Option<(Key, Selection)> {
    let name = selection.fields.name()?;
    let namespace = match namespace {
        Some(namespace) => namespace,
        None if resource.is_namespaced() => return None,
        None => "",
    };
    Some((keys::object(resource, namespace, name), selection.clone()))
}

async fn point_read(store: &Store, (key, selection): (Key, Selection), at: At) -> Result<Listed, ReadError> {
    // Of all keys that begin with this one it is the first, and a list tells the revision that it was read at.
    let page = Page { after: None, limit: Some(1) };
    let mut listing = store.list(&Prefix::new(key.as_str()), at, page).await?;
    listing.entries.retain(|entry| entry.key == key && selection.selects(&entry.value));
    Ok(Listed { revision: listing.revision, entries: listing.entries, token: None, remaining: None })
}

async fn pages(
    store: &Store,
    prefix: &Prefix,
    mut at: At,
    mut after: Option<Key>,
    limit: Option<usize>,
    selection: &Selection,
) -> Result<Listed, ReadError> {
    let mut entries: Vec<Entry> = Vec::new();
    loop {
        let batch = match limit {
            Some(limit) if selection.is_all() => Some(limit),
            Some(limit) => Some(limit.max(BATCH)),
            None => None,
        };
        let listing = store.list(prefix, at, Page { after: after.clone(), limit: batch }).await?;
        at = At::Exact(listing.revision);
        let (read, mut taken) = (listing.entries.len(), 0);
        for entry in listing.entries {
            after = Some(entry.key.clone());
            taken += 1;
            if selection.selects(&entry.value) {
                entries.push(entry);
            }
            if limit == Some(entries.len()) {
                break;
            }
        }
        let left = (read - taken) as u64 + listing.remaining;
        let full = limit.is_some_and(|limit| entries.len() >= limit);
        if left == 0 || (!full && read == 0) {
            return Ok(Listed { revision: listing.revision, entries, token: None, remaining: None });
        }
        if full {
            let after =
                after.as_ref().and_then(|key| key.as_str().strip_prefix(prefix.as_str())).unwrap_or_default();
            let token = Token { revision: Some(listing.revision.0), after: after.to_owned() };
            let remaining = selection.is_all().then_some(left);
            return Ok(Listed {
                revision: listing.revision,
                entries,
                token: Some(token.encode()),
                remaining,
            });
        }
    }
}

/// Which state to read.
fn at(selection: &Selection, token: Option<&Token>) -> Result<At, Failure> {
    if let Some(token) = token {
        if selection.version.is_some_and(|version| version != 0) {
            let words = "specifying resource version is not allowed when using continue";
            return Err(Failure::BadRequest(words.into()));
        }
        return Ok(token.revision.map_or(At::Latest, |revision| At::Exact(Revision(revision))));
    }
    Ok(match (selection.version, selection.matching) {
        (None | Some(0), _) => At::Latest,
        (Some(version), Some(Match::Exact)) => At::Exact(Revision(version)),
        (Some(version), Some(Match::NotOlderThan)) => At::NotOlderThan(Revision(version)),
        // As it was before there was a match to choose: a page is that of the version.
        (Some(version), None) if selection.limit.is_some() => At::Exact(Revision(version)),
        (Some(version), None) => At::NotOlderThan(Revision(version)),
    })
}

fn refused(error: ReadError, selection: &Selection, token: Option<&Token>) -> Failure {
    match (error, token) {
        (ReadError::Compacted { .. }, Some(token)) => {
            let fresh = Token { revision: None, after: token.after.clone() }.encode();
            Failure::Expired { message: EXPIRED_TOKEN.into(), fresh: Some(fresh) }
        }
        (ReadError::Compacted { .. }, None) => Failure::Expired { message: EXPIRED.into(), fresh: None },
        (ReadError::Future { current }, token) => {
            let asked = token.and_then(|token| token.revision).or(selection.version).unwrap_or_default();
            Failure::TooLargeResourceVersion { asked, current: current.0 }
        }
        (error @ ReadError::Io(_), _) => failed(error),
    }
}

/// A read that failed for no fault of the client.
pub(crate) fn failed(error: ReadError) -> Failure {
    tracing::error!(error = %error, "the store can not be read");
    Failure::Internal(error.to_string())
}

impl Token {
    fn encode(&self) -> String {
        let revision = self.revision.map_or(json!(-1), |revision| json!(revision));
        let token = json!({"v": "meta.k8s.io/v1", "rv": revision, "start": format!("{}\0", self.after)});
        URL_SAFE_NO_PAD.encode(token.to_string())
    }

    fn decode(text: &str) -> Result<Token, Failure> {
        let refuse = |why: &str| Failure::BadRequest(format!("invalid continue token: {why}"));
        let bytes = URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).map_err(|error| {
            let at = match error {
                base64::DecodeError::InvalidByte(at, _) | base64::DecodeError::InvalidLastSymbol(at, _) => at,
                _ => text.len(),
            };
            refuse(&format!("continue key is not valid: illegal base64 data at input byte {at}"))
        })?;
        let value = parse(&bytes)
            .map_err(|_| refuse(&format!("continue key is not valid: {}", unreadable(&bytes))))?;
        let value = value.value;
        if value.get("v") != Some(&Value::from("meta.k8s.io/v1")) {
            let version = value.get("v").and_then(Value::as_str).unwrap_or_default();
            return Err(refuse(&format!(
                "continue key is not valid: server does not recognize this encoded version {}",
                go::quote(version)
            )));
        }
        let after = value.get("start").and_then(Value::as_str).and_then(|start| start.strip_suffix('\0'));
        let after = after.filter(|start| !start.split('/').any(|word| word == "..")).ok_or_else(|| {
            refuse("continue key is not valid: encoded start key empty (version meta.k8s.io/v1)")
        })?;
        let revision = match value.get("rv").and_then(Value::as_i64) {
            Some(-1) => None,
            Some(revision) if revision > 0 => Some(revision.unsigned_abs()),
            _ => {
                let why = "continue key is not valid: incorrect encoded start resourceVersion (version meta.k8s.io/v1)";
                return Err(refuse(why));
            }
        };
        Ok(Token { revision, after: after.to_owned() })
    }
}

/// Why bytes are no JSON, in `encoding/json`'s words, which takes bytes for characters.
fn unreadable(bytes: &[u8]) -> String {
    match bytes.first() {
        None => "unexpected end of JSON input".into(),
        Some(first) => {
            let shown = match char::from(*first) {
                c if c.is_control() => format!("\\u{:04x}", u32::from(*first)),
                c => c.to_string(),
            };
            format!("invalid character '{shown}' looking for beginning of value")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_comes_back_as_it_was() {
        for revision in [Some(7), None] {
            let token = Token { revision, after: "default/a".into() };
            assert_eq!(Token::decode(&token.encode()).unwrap(), token);
        }
    }

    #[test]
    fn a_token_of_nobody_is_refused_in_the_words_of_kubernetes() {
        let words = "invalid continue token: continue key is not valid: invalid character '\\u009e' looking for beginning of value";
        assert_eq!(Token::decode("nonsense"), Err(Failure::BadRequest(words.into())));
    }
}
