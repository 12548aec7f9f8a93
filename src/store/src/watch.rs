//! Watching a prefix.

use crate::hub::Inbox;
use crate::pool::Reach;
use crate::query::{self, Chunk};
use crate::shared::Shared;
use crate::{Change, Prefix, ReadError, Revision};
use std::sync::Arc;
use tokio::task::JoinHandle;

/// Changes returned by one [`Watch::next`] at most.
const MOST: usize = 1024;

/// Why a watch ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The reader was too slow. It may watch again from [`Watch::seen`], while history reaches back to it.
    Lagged,
    /// The store was closed.
    Closed,
}

/// Changes of a prefix, in order: first those in history, then live ones.
///
/// ## History => (History | Joining)
/// Chunks are read from the database until the present is near. Nothing is buffered: a long history can not make it lag.
/// ## Joining => (Joining | Live)
/// Registered for what comes; the last chunks up to the revision of the registration are read from the database.
/// ## Live
/// Changes come from the writer.
pub struct Watch {
    shared: Arc<Shared>,
    prefix: Prefix,
    /// Everything up to here was returned.
    returned: Revision,
    /// Registered since a revision: up to it history, after it the inbox.
    live: Option<(Arc<Inbox>, Revision)>,
    /// A chunk being read; kept here so that a dropped `next` loses nothing.
    reading: Option<JoinHandle<Result<Chunk, ReadError>>>,
}

impl Watch {
    pub(crate) fn new(shared: Arc<Shared>, prefix: Prefix, after: Revision) -> Result<Watch, ReadError> {
        shared.hub.check(after)?;
        let mut watch = Watch { shared, prefix, returned: after, live: None, reading: None };
        watch.join();
        Ok(watch)
    }

    /// The next changes, at least one. Cancel safe: a dropped call loses nothing.
    ///
    /// # Errors
    /// [`Ended`]; every later call says the same.
    pub async fn next(&mut self) -> Result<Vec<Arc<Change>>, Ended> {
        loop {
            self.join();
            let changes = match &self.live {
                Some((inbox, since)) if *since <= self.returned => {
                    let changes = inbox.take(MOST)?;
                    if changes.is_empty() {
                        inbox.filled.notified().await;
                        continue;
                    }
                    if let Some(last) = changes.last() {
                        self.returned = last.revision;
                    }
                    changes
                }
                _ => self.history().await?,
            };
            if !changes.is_empty() {
                return Ok(changes);
            }
        }
    }

    /// Every change of the prefix up to this revision has been returned. It grows also while only other prefixes change
    /// (bookmarks stand on this).
    pub fn seen(&self) -> Revision {
        match &self.live {
            Some((inbox, since)) if *since <= self.returned => {
                let published = self.shared.hub.published();
                inbox.seen(self.returned, published)
            }
            _ => self.returned,
        }
    }

    /// Registers once the present is near enough for the buffer to hold what comes while the rest of history is read.
    fn join(&mut self) {
        if self.live.is_none() {
            let limit = self.shared.watch_buffer;
            self.live = self.shared.hub.register(&self.prefix, self.returned, limit as u64 / 2, limit);
        }
    }

    async fn history(&mut self) -> Result<Vec<Arc<Change>>, Ended> {
        let until = self.live.as_ref().map_or(self.shared.hub.published(), |(_, since)| *since);
        if self.shared.hub.is_closed() {
            return Err(Ended::Closed);
        }
        let (shared, prefix, after) = (self.shared.clone(), self.prefix.clone(), self.returned);
        let reading = self.reading.get_or_insert_with(|| {
            tokio::spawn(async move {
                let replay = move |conn: &_| query::replay(conn, &prefix, after, until);
                shared.read(Reach::Range, replay, |chunk| chunk.upto).await
            })
        });
        let result = reading.await;
        self.reading = None;
        match result {
            Ok(Ok(chunk)) => {
                self.returned = chunk.upto;
                Ok(chunk.changes)
            }
            Ok(Err(ReadError::Compacted { .. })) => Err(Ended::Lagged),
            Ok(Err(error)) => Err(self.failed(&error.to_string())),
            Err(error) => Err(self.failed(&error.to_string())),
        }
    }

    /// The reader may try again from what it has; the store says by itself when it is damaged.
    fn failed(&self, why: &str) -> Ended {
        if self.shared.hub.is_closed() {
            return Ended::Closed;
        }
        tracing::warn!(watch.prefix = self.prefix.as_str(), error = why, "history could not be read");
        Ended::Lagged
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if let Some((inbox, _)) = &self.live {
            self.shared.hub.remove(&self.prefix, inbox);
        }
    }
}
