//! What hangs below the API: `/healthz`, `/debug`, `/passthrough`.

use crate::identity::Identity;
use crate::respond;
use axum::Router;
use axum::body::Body;
use http::uri::PathAndQuery;
use http::{Request, Response, Uri};
use parking_lot::RwLock;
use rdd_machinery::Failure;
use tower::ServiceExt;

/// Who may come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Everybody, without a token.
    Public,
    /// Who shows the token.
    Token,
}

/// The mounts, longest path first.
#[derive(Default)]
pub(crate) struct Mounts {
    entries: RwLock<Vec<Mount>>,
}

/// A service under a path.
#[derive(Clone)]
pub(crate) struct Mount {
    path: String,
    access: Access,
    service: Router,
}

impl Mounts {
    /// Adds a mount, or replaces the one of the same path.
    pub(crate) fn add(&self, path: &str, access: Access, service: Router) {
        let path = format!("/{}", path.trim_matches('/'));
        let mut entries = self.entries.write();
        entries.retain(|mount| mount.path != path);
        entries.push(Mount { path, access, service });
        entries.sort_by(|a, b| b.path.len().cmp(&a.path.len()).then_with(|| a.path.cmp(&b.path)));
    }

    /// The paths, sorted.
    pub(crate) fn paths(&self) -> Vec<String> {
        let mut paths: Vec<String> = self.entries.read().iter().map(|mount| mount.path.clone()).collect();
        paths.sort();
        paths
    }

    /// The mount that covers a path.
    pub(crate) fn find(&self, path: &str) -> Option<Mount> {
        self.entries.read().iter().find(|mount| mount.covers(path)).cloned()
    }
}

impl Mount {
    fn covers(&self, path: &str) -> bool {
        path.strip_prefix(&self.path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// Answers a request, if it may come in.
    pub(crate) async fn serve(self, mut request: Request<Body>) -> Response<Body> {
        if self.access == Access::Token && request.extensions().get::<Identity>().is_none() {
            return respond::failure(&Failure::Unauthorized, Default::default());
        }
        *request.uri_mut() = behind(request.uri(), &self.path);
        // A router never fails: its error is the empty type.
        self.service.oneshot(request).await.unwrap_or_else(|never| match never {})
    }
}

/// The address as the mounted service sees it: without the path of the mount.
fn behind(uri: &Uri, mount: &str) -> Uri {
    let rest = uri.path().strip_prefix(mount).filter(|rest| !rest.is_empty()).unwrap_or("/");
    let text = match uri.query() {
        Some(query) => format!("{rest}?{query}"),
        None => rest.to_owned(),
    };
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = PathAndQuery::try_from(text).ok();
    Uri::from_parts(parts).unwrap_or_else(|_| Uri::from_static("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mounted_service_sees_the_path_behind_its_mount() {
        let seen = |uri: &str| behind(&uri.parse().unwrap(), "/debug").to_string();
        assert_eq!(seen("/debug"), "/");
        assert_eq!(seen("/debug/messages?last=3"), "/messages?last=3");
        assert_eq!(seen("https://localhost:1/debug?x"), "https://localhost:1/?x");
    }

    #[test]
    fn a_mount_covers_whole_words_only() {
        let mount = Mount { path: "/debug".into(), access: Access::Token, service: Router::new() };
        assert!(mount.covers("/debug") && mount.covers("/debug/x"));
        assert!(!mount.covers("/debugger"));
    }
}
