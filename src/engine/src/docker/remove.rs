//! Removing, after one more look at what would be removed.

use super::{Docker, image, volume, wire};
use crate::{Error, Fingerprint, ImageId, Key, Removed};
use bollard::query_parameters::{RemoveContainerOptions, RemoveImageOptions, RemoveVolumeOptions};
use jiff::Timestamp;

pub(super) async fn remove(docker: &Docker, key: &Key, only: &Fingerprint) -> Result<Removed, Error> {
    match (key, only) {
        (Key::Container(id), Fingerprint::Container) => container(docker, id.as_str()).await,
        (Key::Image(_), Fingerprint::Image { tag: Some(tag), id }) => tagged(docker, tag, id).await,
        (Key::Image(_), Fingerprint::Image { tag: None, id }) => dangling(docker, id).await,
        (Key::Volume(name), Fingerprint::Volume { created_at }) => of_volume(docker, name, *created_at).await,
        _ => Err(Error::Protocol(format!("{key} can not be removed by the fingerprint of another kind"))),
    }
}

/// By force: a running container is stopped. Its anonymous volumes stay.
async fn container(docker: &Docker, id: &str) -> Result<Removed, Error> {
    let options = RemoveContainerOptions { force: true, v: false, link: false };
    match docker.commands.remove_container(id, Some(options)).await {
        Ok(()) => Ok(Removed::Done),
        Err(error) => match docker.wire.command_failed(error) {
            Error::Refused { code: 409, text } if text.contains("already in progress") => {
                being_removed(docker, id, text).await
            }
            error => refused(docker, error).await,
        },
    }
}

/// Somebody else removes it: its end is awaited, and counts.
async fn being_removed(docker: &Docker, id: &str, text: String) -> Result<Removed, Error> {
    let path = format!("/containers/{id}/wait?condition=removed");
    match docker.wire.call(http::Method::POST, &path).await {
        Ok(_) | Err(Error::Refused { code: 404, .. }) => {}
        Err(error) => return Err(error),
    }
    match docker.get(&format!("/containers/{id}/json")).await? {
        None => Ok(Removed::Gone),
        // The other removal failed; the next attempt is our own.
        Some(_) => Err(Error::Refused { code: 409, text }),
    }
}

/// A tag, while it means that image.
async fn tagged(docker: &Docker, tag: &str, id: &ImageId) -> Result<Removed, Error> {
    match docker.get(&format!("/images/{}/json", reference(tag))).await? {
        None => Ok(Removed::Gone),
        Some(body) if image::facts(&body)?.id != id.0 => Ok(Removed::Replaced),
        Some(_) => of_image(docker, &reference(tag)).await,
    }
}

/// An image, while it has no tag: removing by id one that has a tag by now would take the tag with it.
async fn dangling(docker: &Docker, id: &ImageId) -> Result<Removed, Error> {
    match docker.get(&format!("/images/{}/json", wire::segment(&id.0))).await? {
        None => Ok(Removed::Gone),
        Some(body) if !image::facts(&body)?.tags.is_empty() => Ok(Removed::Replaced),
        Some(_) => of_image(docker, &wire::segment(&id.0)).await,
    }
}

async fn of_image(docker: &Docker, name: &str) -> Result<Removed, Error> {
    let options = RemoveImageOptions { force: false, noprune: true, platforms: None };
    match docker.commands.remove_image(name, Some(options), None).await {
        Ok(_) => Ok(Removed::Done),
        Err(error) => refused(docker, docker.wire.command_failed(error)).await,
    }
}

/// A volume, if it was created then (as far as that is known).
async fn of_volume(docker: &Docker, name: &str, created_at: Option<Timestamp>) -> Result<Removed, Error> {
    let name = wire::segment(name);
    if let Some(created_at) = created_at {
        match docker.get(&format!("/volumes/{name}")).await? {
            None => return Ok(Removed::Gone),
            Some(body) if volume::facts(&body)?.created_at != Some(created_at) => {
                return Ok(Removed::Replaced);
            }
            Some(_) => {}
        }
    }
    match docker.commands.remove_volume(&name, Some(RemoveVolumeOptions { force: true })).await {
        Ok(()) => Ok(Removed::Done),
        Err(error) => refused(docker, docker.wire.command_failed(error)).await,
    }
}

/// A 404 means gone (if this engine said it), a 409 that somebody uses it.
async fn refused(docker: &Docker, error: Error) -> Result<Removed, Error> {
    match error {
        Error::Refused { code: 404, .. } => {
            docker.still_the_same().await?;
            Ok(Removed::Gone)
        }
        Error::Refused { code: 409, text } => Ok(Removed::InUse(text)),
        error => Err(error),
    }
}

/// An image reference as a path: its slashes stay.
fn reference(tag: &str) -> String {
    tag.split('/').map(wire::segment).collect::<Vec<_>>().join("/")
}
