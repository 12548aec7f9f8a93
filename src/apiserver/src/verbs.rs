//! What can be done with objects: one file per verb, each with one function `run`.

pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod delete_collection;
pub(crate) mod get;
pub(crate) mod list;
pub(crate) mod patch;
pub(crate) mod update;
pub(crate) mod watch;

use crate::query::Query;
use crate::registry::Kind;
use crate::render::Style;
use crate::shared::Shared;
use axum::body::Body;
use http::HeaderMap;
use rdd_machinery::Failure;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// What a verb needs to know of its request.
pub(crate) struct Cx<'a> {
    pub(crate) shared: &'a Arc<Shared>,
    pub(crate) query: Query,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) style: Style,
    /// Cancelled when the listener ends that the request came through.
    pub(crate) ending: Option<CancellationToken>,
}

/// What a verb is done to.
#[derive(Clone, Debug)]
pub(crate) struct Subject {
    pub(crate) kind: Arc<Kind>,
    /// Empty: of a cluster-scoped kind, or in all namespaces.
    pub(crate) namespace: String,
    /// Empty: the collection.
    pub(crate) name: String,
    pub(crate) part: Part,
}

/// A part of an object that is written on its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// Everything but status, where status is a part.
    Main,
    /// `status`.
    Status,
    /// The finalizers in a namespace's spec.
    Finalize,
}

impl Subject {
    /// The namespace to list; `None`: all.
    pub(crate) fn scope(&self) -> Option<&str> {
        (!self.namespace.is_empty()).then_some(self.namespace.as_str())
    }
}

impl Cx<'_> {
    /// The bytes of a body, within the limit.
    pub(crate) async fn body(&self, body: Body) -> Result<bytes::Bytes, Failure> {
        crate::content::read(self.headers, body, self.shared.limits.body).await
    }
}
