//! Docker, over its HTTP API.
//!
//! Commands (start, stop, remove, …) go through bollard. What is read (lists, inspects, events) is decoded here: bollard's enums are
//! closed, so that one container in a state it does not know would make a whole list unreadable, and it builds a hundred fields
//! where a dozen are needed. Both use one wire, which makes a connection per request.
//!
//! # Guarantees
//! * Paths carry no API version: the engine uses its own, so neither an old nor a new one refuses us.
//! * A call that finds the engine gone, or another process behind the socket, makes the identity doubtful. It is asked anew by the
//!   next ping, and before anything is changed or said to be gone: a command can not reach, and a 404 can not come from, another engine
//!   that took over the socket (one round trip remains).

mod container;
mod event;
mod image;
mod remove;
mod tls;
mod volume;
mod wire;

#[cfg(test)]
mod tests;

use crate::{
    Action, ContainerId, Endpoint, Engine, Error, Facts, Fingerprint, Hint, Identity, Key, Kind, Listed,
    Removed, Summary,
};
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use jiff::Timestamp;
use serde::Deserialize;
use std::sync::Arc;
use wire::Wire;

/// The oldest API that is served: the first in which a container has a stop timeout of its own (Docker 1.13, 2017).
const OLDEST_API: (u32, u32) = (1, 25);

/// Bollard wants a limit in seconds; deadlines are set by the caller, and a stop may rightly take an hour. Ten years.
const NO_LIMIT: u64 = 10 * 365 * 24 * 3600;

/// One Docker engine.
pub struct Docker {
    wire: Arc<Wire>,
    commands: bollard::Docker,
    identity: Identity,
}

/// What `/info` says that matters here.
#[derive(Deserialize)]
struct Info {
    #[serde(rename = "ID")]
    id: Option<String>,
    #[serde(rename = "DockerRootDir")]
    data_root: Option<String>,
    #[serde(rename = "SystemTime")]
    time: Option<Timestamp>,
}

/// What `/version` says that matters here.
#[derive(Deserialize)]
struct Version {
    #[serde(rename = "Version")]
    version: Option<String>,
    #[serde(rename = "ApiVersion")]
    api: Option<String>,
}

impl Docker {
    /// Asks the engine at an endpoint who it is.
    ///
    /// # Errors
    /// [`Error::Unreachable`]; `permanent` when the socket is forbidden, when what answers does not speak the Docker API, or an API
    /// before 1.25. [`Error::Refused`] when the engine itself has a failure (5xx).
    pub async fn connect(endpoint: &Endpoint) -> Result<Docker, Error> {
        let wire = Arc::new(Wire::new(endpoint)?);
        let before = wire.breaks();
        let asked = futures::try_join!(wire.json::<Version>("/version"), wire.json::<Info>("/info"));
        let (version, info) = asked.map_err(|e| not_docker(&wire, e))?;
        let stranger = |why: &str| wire.never(why.to_owned());
        let api = version.api.ok_or_else(|| stranger("it does not speak the Docker API"))?;
        if parse_api(&api).is_none_or(|api| api < OLDEST_API) {
            let (major, minor) = OLDEST_API;
            return Err(wire.never(format!(
                "its API version is {api}, the oldest supported one is {major}.{minor} (Docker 1.13)"
            )));
        }
        let data_root = info.data_root.ok_or_else(|| stranger("it does not speak the Docker API"))?;
        wire.verified(before);
        let identity = Identity {
            endpoint: endpoint.to_string(),
            id: info.id.unwrap_or_default(),
            data_root,
            version: version.version.unwrap_or_default(),
        };
        let commands = wire::bollard(&wire, NO_LIMIT)?;
        tracing::debug!(engine.endpoint = %endpoint, engine.version = %identity.version, "engine connected");
        Ok(Docker { wire, commands, identity })
    }

    /// Asks for the identity; the engine's clock comes with it.
    async fn identify(&self) -> Result<Option<Timestamp>, Error> {
        let before = self.wire.breaks();
        let info = self.wire.json::<Info>("/info").await?;
        let known = &self.identity;
        if info.id.as_deref().unwrap_or_default() != known.id
            || info.data_root.as_ref() != Some(&known.data_root)
        {
            return Err(Error::Replaced);
        }
        self.wire.verified(before);
        Ok(info.time)
    }

    /// Free while the engine has answered from one process ever since its identity was asked.
    async fn still_the_same(&self) -> Result<(), Error> {
        if self.wire.doubtful() {
            self.identify().await?;
        }
        Ok(())
    }

    /// An object by its path. A 404 counts only if this engine said it.
    async fn get(&self, path: &str) -> Result<Option<bytes::Bytes>, Error> {
        match self.wire.get(path).await {
            Ok(body) => Ok(Some(body)),
            Err(Error::Refused { code: 404, .. }) => {
                self.still_the_same().await?;
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    async fn do_list(&self, kind: Kind) -> Result<Vec<Listed>, Error> {
        let path = match kind {
            Kind::Container => "/containers/json?all=1",
            Kind::Image => "/images/json",
            Kind::Volume => "/volumes",
        };
        let body = self.wire.get(path).await?;
        match kind {
            Kind::Container => container::list(&body),
            Kind::Image => image::list(&body),
            Kind::Volume => volume::list(&body),
        }
    }

    async fn do_peek(&self, key: &Key) -> Result<Option<Summary>, Error> {
        match key {
            Key::Container(id) => {
                let body = self.wire.get(&container::peek_path(id)).await?;
                Ok(container::list(&body)?.into_iter().find(|l| l.key == *key).map(|l| l.summary))
            }
            // Images and volumes have no lock that an inspect could wait for.
            Key::Image(_) | Key::Volume(_) => Ok(match self.do_inspect(key).await? {
                Some(Facts::Image(facts)) => Some(Summary::Image { tags: facts.tags }),
                Some(Facts::Volume(facts)) => Some(Summary::Volume { created_at: facts.created_at }),
                Some(Facts::Container(_)) | None => None,
            }),
        }
    }

    async fn do_inspect(&self, key: &Key) -> Result<Option<Facts>, Error> {
        let path = match key {
            Key::Container(id) => format!("/containers/{id}/json"),
            Key::Image(id) => format!("/images/{}/json", wire::segment(&id.0)),
            Key::Volume(name) => format!("/volumes/{}", wire::segment(name)),
        };
        let Some(body) = self.get(&path).await? else { return Ok(None) };
        Ok(Some(match key {
            Key::Container(_) => Facts::Container(Box::new(container::facts(&body)?)),
            Key::Image(_) => Facts::Image(Box::new(image::facts(&body)?)),
            Key::Volume(_) => Facts::Volume(Box::new(volume::facts(&body)?)),
        }))
    }

    async fn do_act(&self, id: &ContainerId, action: Action) -> Result<(), Error> {
        self.still_the_same().await?;
        let id = id.as_str();
        // No options: without a `t` the engine uses the container's own stop timeout. A 304 (there already) is a success.
        let done = match action {
            Action::Start => self.commands.start_container(id, None).await,
            Action::Stop => self.commands.stop_container(id, None).await,
            Action::Pause => self.commands.pause_container(id).await,
            Action::Unpause => self.commands.unpause_container(id).await,
            Action::Restart => self.commands.restart_container(id, None).await,
        };
        done.map_err(|e| self.wire.command_failed(e))
    }
}

impl Engine for Docker {
    fn identity(&self) -> &Identity {
        &self.identity
    }
    fn ping(&self) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async {
            self.wire.get("/_ping").await?;
            self.still_the_same().await
        })
    }
    fn clock(&self) -> BoxFuture<'_, Result<Timestamp, Error>> {
        Box::pin(async {
            let time = self.identify().await?;
            time.ok_or_else(|| Error::Protocol("/info has no SystemTime".to_owned()))
        })
    }
    fn list(&self, kind: Kind) -> BoxFuture<'_, Result<Vec<Listed>, Error>> {
        Box::pin(self.do_list(kind))
    }
    fn peek<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<Summary>, Error>> {
        Box::pin(self.do_peek(key))
    }
    fn inspect<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<Facts>, Error>> {
        Box::pin(self.do_inspect(key))
    }
    fn remove<'a>(&'a self, key: &'a Key, only: &'a Fingerprint) -> BoxFuture<'a, Result<Removed, Error>> {
        Box::pin(async move {
            self.still_the_same().await?;
            remove::remove(self, key, only).await
        })
    }
    fn act<'a>(&'a self, id: &'a ContainerId, action: Action) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(self.do_act(id, action))
    }
    fn events(&self, since: Timestamp) -> BoxStream<'_, Result<Hint, Error>> {
        event::stream(&self.wire, since)
    }
}

/// What an answer to the first questions proves: a client error or an unreadable answer comes from something that is no engine.
fn not_docker(wire: &Wire, error: Error) -> Error {
    match error {
        Error::Protocol(why) => wire.never(format!("it does not speak the Docker API: {why}")),
        Error::Refused { code: code @ 400..=499, text } => {
            wire.never(format!("it does not speak the Docker API: HTTP {code} {text}").trim_end().to_owned())
        }
        other => other,
    }
}

fn parse_api(text: &str) -> Option<(u32, u32)> {
    let (major, minor) = text.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// A date as Docker writes it; its zero time (year 1) and what can not be read are none.
fn date(text: Option<&str>) -> Option<Timestamp> {
    const YEAR_2: i64 = -62_104_060_800;
    text?.parse::<Timestamp>().ok().filter(|t| t.as_second() >= YEAR_2)
}
