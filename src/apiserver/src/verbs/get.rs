//! Reading one object.

use super::{Cx, Subject};
use crate::keys;
use crate::listing;
use crate::render::{self, Stored};
use axum::body::Body;
use http::{Response, StatusCode};
use rdd_machinery::{Failure, options};

/// Answers the object as it is now. A `resourceVersion` is a promise that the answer is not older.
pub(crate) async fn run(cx: &Cx<'_>, subject: &Subject) -> Result<Response<Body>, Failure> {
    let resource = &subject.kind.resource;
    let store = &cx.shared.store;
    if let Some(asked) = options::revision(cx.query.get("resourceVersion"), false)? {
        let current = store.revision().0;
        if asked > current {
            return Err(Failure::TooLargeResourceVersion { asked, current });
        }
    }
    let key = keys::object(resource, &subject.namespace, &subject.name);
    let entry = store.get(&key).await.map_err(listing::failed)?;
    let entry = entry.ok_or_else(|| Failure::not_found(resource, &subject.name))?;
    let stored = Stored { value: entry.value, revision: Some(entry.modified) };
    render::one(&cx.style, &subject.kind, &stored, StatusCode::OK)
}
