//! From a request to its answer.

use crate::accept::{self, Accepted, Encoding, Offer};
use crate::connect::{self, Connect};
use crate::discovery;
use crate::identity::Identity;
use crate::listener::Ending;
use crate::mounts::Mount;
use crate::query::Query;
use crate::registry::Kind;
use crate::render::Style;
use crate::respond;
use crate::route::{self, Place, Route};
use crate::shared::Shared;
use crate::verbs::{self, Cx, Part, Subject};
use axum::body::Body;
use http::request::Parts;
use http::{Method, Request, Response, StatusCode};
use rdd_machinery::Failure;
use rdd_machinery::table::Include;
use std::sync::Arc;
use std::time::Duration;
use tracing::Instrument;

/// Words of a collection or an object as they stand in the path.
struct Path {
    place: Place,
    plural: String,
    namespace: Option<String>,
    name: Option<String>,
    sub: Option<String>,
    watch: bool,
}

/// What a request asks for, of a kind that is known.
enum Asked {
    Get,
    List,
    Watch,
    Create,
    Update,
    Patch,
    Delete,
    DeleteCollection,
}

/// A request that is understood, but not begun.
pub(crate) enum Plan {
    /// It goes to a mount.
    Mounted(Mount, Request<Body>),
    /// It goes to a connecting sub-resource.
    Connected(Arc<dyn Connect>, connect::Target, Request<Body>),
    /// It is answered without objects.
    Document(Route, Parts),
    /// It is about objects.
    Objects(Box<Objects>),
    /// It is refused.
    Refused(Failure),
}

/// A request about objects.
pub(crate) struct Objects {
    parts: Parts,
    body: Body,
    user: Identity,
    path: Path,
}

impl Plan {
    /// Understands a request.
    pub(crate) fn of(shared: &Shared, request: Request<Body>) -> Plan {
        if let Some(mount) = shared.mounts.find(request.uri().path()) {
            return Plan::Mounted(mount, request);
        }
        if shared.draining.is_cancelled() {
            return Plan::Refused(Failure::Unavailable("the server is shutting down".into()));
        }
        let (parts, body) = request.into_parts();
        let Some(user) = parts.extensions.get::<Identity>().cloned() else {
            return Plan::Refused(Failure::Unauthorized);
        };
        let path = match route::parse(parts.uri.path()) {
            Route::Collection { place, plural, namespace, watch } => {
                Path { place, plural, namespace, name: None, sub: None, watch }
            }
            Route::Object { place, plural, namespace, name, sub } => {
                Path { place, plural, namespace, name: Some(name), sub, watch: false }
            }
            other => return Plan::Document(other, parts),
        };
        if let (Some(name), Some(sub)) = (&path.name, &path.sub)
            && let Some(handler) = shared.connections.get(&path.place.group, &path.plural, sub)
        {
            let target =
                connect::Target { namespace: path.namespace.unwrap_or_default(), name: name.clone() };
            return Plan::Connected(handler, target, Request::from_parts(parts, body));
        }
        Plan::Objects(Box::new(Objects { parts, body, user, path }))
    }

    /// How long the answer may take to begin; `None`: as long as it likes.
    pub(crate) fn limit(&self, shared: &Shared) -> Option<Duration> {
        match self {
            Plan::Mounted(..) | Plan::Connected(..) => None,
            Plan::Document(..) | Plan::Objects(_) | Plan::Refused(_) => Some(shared.limits.request),
        }
    }

    /// Answers the request.
    pub(crate) async fn run(self, shared: &Arc<Shared>) -> Response<Body> {
        match self {
            Plan::Mounted(mount, request) => mount.serve(request).await,
            Plan::Connected(handler, target, request) => handler.connect(target, request).await,
            Plan::Document(route, parts) => document(shared, &parts, &route),
            Plan::Refused(failure) => respond::failure(&failure, Encoding::Json),
            Plan::Objects(request) => {
                let headers = &request.parts.headers;
                let encoding = accept::negotiate(headers, Offer::Objects).unwrap_or_default().encoding;
                let span = tracing::debug_span!(
                    "request",
                    request.user = &*request.user.user,
                    request.method = request.parts.method.as_str(),
                    request.path = request.parts.uri.path()
                );
                match objects(shared, *request).instrument(span).await {
                    Ok(response) => response,
                    Err(failure) => respond::failure(&failure, encoding),
                }
            }
        }
    }
}

/// What is no object: discovery, and paths that lead nowhere.
fn document(shared: &Shared, parts: &Parts, route: &Route) -> Response<Body> {
    let headers = &parts.headers;
    let answer = match route {
        Route::Nowhere => Ok(Some(lost(shared))),
        Route::NoSuchKind => Err(Failure::NoSuchPath),
        Route::NoSuchPage => Ok(None),
        _ if parts.method != Method::GET && parts.method != Method::HEAD => Err(Failure::MethodNotAllowed),
        Route::Root => Ok(Some(respond::value(StatusCode::OK, &discovery::root(shared), Encoding::Json))),
        Route::Version => discovery::version(headers).map(Some),
        Route::Core => discovery::core(shared, headers).map(Some),
        Route::Groups => discovery::groups(shared, headers).map(Some),
        Route::Group(group) => discovery::group(shared, group, headers),
        Route::Kinds(place) => match discovery::kinds(shared, place, headers) {
            Ok(None) if place.group.is_empty() => Err(Failure::NoSuchPath),
            found => found,
        },
        Route::Collection { .. } | Route::Object { .. } => Ok(None),
    };
    match answer {
        Ok(Some(response)) => response,
        Ok(None) => respond::page_not_found(),
        Err(failure) => respond::failure(&failure, Encoding::Json),
    }
}

/// A path that is nobody's is answered by the paths there are.
fn lost(shared: &Shared) -> Response<Body> {
    respond::plain(StatusCode::NOT_FOUND, discovery::root(shared).to_string())
}

async fn objects(shared: &Arc<Shared>, request: Objects) -> Result<Response<Body>, Failure> {
    let Objects { parts, body, path, .. } = request;
    let registry = shared.registry.current();
    let place = &path.place;
    let Some(kind) = registry.find(&place.group, &place.version, &path.plural).cloned() else {
        return if place.group.is_empty() { Err(Failure::NoSuchPath) } else { Ok(respond::page_not_found()) };
    };
    let query = Query::of(&parts.uri);
    let (subject, asked) = match understand(&kind, &parts.method, &path, &query) {
        Ok(understood) => understood,
        Err(Some(failure)) => return Err(failure),
        Err(None) => return Ok(respond::page_not_found()),
    };
    let accepted = accept::negotiate(&parts.headers, Offer::Objects)?;
    let include = match accepted.shape {
        accept::Shape::Table(_) => Include::parse(query.get("includeObject"))?,
        _ => Include::None,
    };
    let cx = Cx {
        shared,
        style: style(shared, accepted, include),
        query,
        headers: &parts.headers,
        ending: parts.extensions.get::<Ending>().map(|ending| ending.0.clone()),
    };
    let mut response = match asked {
        Asked::Get => verbs::get::run(&cx, &subject).await,
        Asked::List => verbs::list::run(&cx, &subject).await,
        Asked::Watch => verbs::watch::run(&cx, &subject).await,
        Asked::Create => verbs::create::run(&cx, &subject, body).await,
        Asked::Update => verbs::update::run(&cx, &subject, body).await,
        Asked::Patch => verbs::patch::run(&cx, &subject, body).await,
        Asked::Delete => verbs::delete::run(&cx, &subject, body).await,
        Asked::DeleteCollection => verbs::delete_collection::run(&cx, &subject, body).await,
    }?;
    respond::warn(&mut response, kind.resource.deprecation.as_deref());
    Ok(response)
}

fn style(shared: &Shared, accepted: Accepted, include: Include) -> Style {
    Style { accepted, include, now: shared.now() }
}

/// What a method means on a path of a kind. `Err(None)`: there is no such page.
fn understand(
    kind: &Arc<Kind>,
    method: &Method,
    path: &Path,
    query: &Query,
) -> Result<(Subject, Asked), Option<Failure>> {
    let resource = &kind.resource;
    // The server's own kinds know their paths; those of CRDs are all behind one.
    let nowhere = || resource.builtin.then_some(Failure::NoSuchPath);
    if path.namespace.is_some() && !resource.is_namespaced() {
        return Err(nowhere());
    }
    let subject = |part| Subject {
        kind: kind.clone(),
        namespace: path.namespace.clone().unwrap_or_default(),
        name: path.name.clone().unwrap_or_default(),
        part,
    };
    let whole = path.namespace.is_none() && resource.is_namespaced();
    let Some(name) = &path.name else {
        let asked = collection(kind, method, whole, path.watch || query.watch())?;
        return Ok((subject(Part::Main), asked));
    };
    if whole {
        return Err(nowhere());
    }
    let asked = match (path.sub.as_deref(), method.as_str()) {
        (None, "GET") => Asked::Get,
        (None, "PUT") => Asked::Update,
        (None, "PATCH") => Asked::Patch,
        (None, "DELETE") => Asked::Delete,
        // So does Kubernetes, for custom resources.
        (None, "POST") if !resource.builtin => Asked::Create,
        (None, _) => return Err(Some(Failure::MethodNotAllowed)),
        (Some("status"), method) if resource.status => {
            return Ok((subject(Part::Status), part(kind, method)?));
        }
        (Some("finalize"), method) if resource.is("", "namespaces") => {
            let put = method == "PUT";
            return put
                .then(|| (subject(Part::Finalize), Asked::Update))
                .ok_or(Some(Failure::MethodNotAllowed));
        }
        (Some(_), _) if resource.builtin => return Err(Some(Failure::NoSuchPath)),
        (Some(_), _) => return Err(Some(Failure::not_found(resource, name))),
    };
    Ok((subject(Part::Main), asked))
}

fn collection(kind: &Kind, method: &Method, whole: bool, watch: bool) -> Result<Asked, Option<Failure>> {
    let resource = &kind.resource;
    let unnamed = || Failure::BadRequest("name must be provided".into());
    let (asked, verb) = match method.as_str() {
        "GET" if watch => return Ok(Asked::Watch),
        "GET" => return Ok(Asked::List),
        "POST" => (Asked::Create, "create"),
        "DELETE" => (Asked::DeleteCollection, "deletecollection"),
        "PUT" | "PATCH" if !resource.builtin && !whole => return Err(Some(unnamed())),
        _ => return Err(Some(Failure::MethodNotAllowed)),
    };
    match (resource.builtin, whole) {
        (true, true) => Err(Some(Failure::MethodNotAllowed)),
        (false, true) => Err(None),
        _ if !resource.verbs.contains(&verb) => Err(Some(Failure::MethodNotAllowed)),
        _ => Ok(asked),
    }
}

fn part(kind: &Kind, method: &str) -> Result<Asked, Option<Failure>> {
    let resource = &kind.resource;
    let verb = match method {
        "GET" => return Ok(Asked::Get),
        "PUT" => return Ok(Asked::Update),
        "PATCH" => return Ok(Asked::Patch),
        "POST" if !resource.builtin => "create",
        "DELETE" if !resource.builtin => "delete",
        _ => return Err(Some(Failure::MethodNotAllowed)),
    };
    Err(Some(Failure::NotSupported { verb, resource: resource.qualified() }))
}
