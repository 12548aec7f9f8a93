//! Removing many objects.

use super::{Cx, Part, Subject, delete};
use crate::keys;
use crate::listing;
use crate::render;
use axum::body::Body;
use futures::TryStreamExt;
use http::Response;
use rdd_machinery::Failure;

/// How many objects are deleted at once: enough to share a commit.
pub(crate) const PARALLEL: usize = 32;

/// Deletes what is selected, and answers it as it was.
pub(crate) async fn run(cx: &Cx<'_>, subject: &Subject, body: Body) -> Result<Response<Body>, Failure> {
    let resource = &subject.kind.resource;
    let selection = cx.query.selection(resource, false)?;
    let options = delete::read(cx, body).await?;
    let listed = listing::read(&cx.shared.store, resource, subject.scope(), &selection).await?;
    let subjects: Vec<Subject> = listed
        .entries
        .iter()
        .filter_map(|entry| keys::parts(&entry.key))
        .map(|parts| of(subject, parts.namespace, parts.name))
        .collect();
    futures::stream::iter(subjects.iter().map(Ok))
        .try_for_each_concurrent(PARALLEL, |subject| {
            let options = &options;
            async move {
                match delete::remove(cx.shared, subject, options).await {
                    // Somebody else was faster: it is gone.
                    Err(Failure::NotFound { .. }) => Ok(()),
                    other => other.map(drop),
                }
            }
        })
        .await?;
    render::list(&cx.style, &subject.kind, listed)
}

fn of(subject: &Subject, namespace: &str, name: &str) -> Subject {
    Subject { kind: subject.kind.clone(), namespace: namespace.into(), name: name.into(), part: Part::Main }
}
