//! Reading many objects.

use super::{Cx, Subject};
use crate::listing;
use crate::render;
use axum::body::Body;
use http::Response;
use rdd_machinery::Failure;

/// Answers a page of what is selected.
pub(crate) async fn run(cx: &Cx<'_>, subject: &Subject) -> Result<Response<Body>, Failure> {
    let resource = &subject.kind.resource;
    let selection = cx.query.selection(resource, false)?;
    let listed = listing::read(&cx.shared.store, resource, subject.scope(), &selection).await?;
    render::list(&cx.style, &subject.kind, listed)
}
