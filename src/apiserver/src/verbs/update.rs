//! Replacing an object.

use super::{Cx, Part, Subject, create};
use crate::render;
use crate::respond;
use crate::write::{self, Draft, Proposal};
use axum::body::Body;
use http::{Response, StatusCode};
use rdd_machinery::{Failure, Object, Resource, body, meta};

/// Stores the object of the body in place of what is there, and answers it.
pub(crate) async fn run(cx: &Cx<'_>, subject: &Subject, body: Body) -> Result<Response<Body>, Failure> {
    let resource = &subject.kind.resource;
    let options = cx.query.write("UpdateOptions")?;
    let draft = create::read(cx, resource, body).await?;
    body::check_name(&draft.object, &subject.name)?;
    let written = write::write(cx.shared, subject, &options, |old| change(subject, &draft, old)).await?;
    let mut response = render::one(&cx.style, &subject.kind, &written.stored, StatusCode::OK)?;
    respond::warn(&mut response, written.warnings.iter().map(String::as_str));
    Ok(response)
}

fn change(subject: &Subject, draft: &Draft, old: Option<&Object>) -> Result<Proposal, Failure> {
    let resource = &subject.kind.resource;
    let Some(old) = old else { return Err(Failure::not_found(resource, &subject.name)) };
    let asked = draft.object.resource_version();
    let blind = asked.is_empty() || asked == "0";
    if blind && subject.part != Part::Finalize && !meta::allows_unconditional_update(resource) {
        return Err(meta::resource_version_required(resource, &subject.name));
    }
    same_uid(resource, &draft.object, old)?;
    Ok(Proposal::Update(draft.clone()))
}

/// A uid in a body says which object was meant.
fn same_uid(resource: &Resource, new: &Object, old: &Object) -> Result<(), Failure> {
    let (asked, found) = (new.uid(), old.uid());
    if asked.is_empty() || asked == found {
        return Ok(());
    }
    let path = [&resource.group, &resource.plural, old.namespace(), old.name()].map(str::to_owned);
    let path: Vec<String> = path.into_iter().filter(|word| !word.is_empty()).collect();
    let why = format!(
        "StorageError: invalid object, Code: 4, Key: /registry/{}, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition: {asked}, UID in object meta: {found}",
        path.join("/")
    );
    Err(Failure::Conflict { resource: resource.qualified(), name: old.name().to_owned(), why })
}
