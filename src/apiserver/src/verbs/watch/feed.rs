//! The life of a watch.

use super::event;
use crate::query::Selection;
use crate::registry::Kind;
use crate::render::Style;
use crate::shared::Shared;
use bytes::Bytes;
use futures::FutureExt;
use rdd_store::{Change, Ended, Entry, Key, Revision, Watch};
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch::Receiver;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// How long before its end a watch with `timeoutSeconds` gets a last bookmark.
pub(super) const BEFORE_END: Duration = Duration::from_secs(2);
/// How long to wait for the last changes of a kind that is gone.
const LAST: Duration = Duration::from_millis(250);
/// Initial events are sent in pieces of about this size.
const PIECE: usize = 128 * 1024;
/// Room for what an event adds to a stored object.
const AROUND: usize = 128;

/// One watch. It does nothing unless somebody reads it.
///
/// ## Initial => Live
/// What is there is sent, then perhaps the bookmark that says so.
/// ## Live => ended
/// Changes and bookmarks are sent as they come. It ends, without an error, when its time is over, the API is drained, the kind is gone or the
/// reader was too slow for the store's buffer; the client goes on from the last version that it saw.
pub(super) struct Feed {
    pub(super) shared: Arc<Shared>,
    pub(super) registry: Receiver<u64>,
    pub(super) kind: Arc<Kind>,
    pub(super) selection: Selection,
    /// The only key that counts.
    pub(super) only: Option<Key>,
    pub(super) watch: Watch,
    /// Changes up to here are left out: the client asked for what comes later.
    pub(super) skip: Revision,
    pub(super) style: Style,
    /// Whether the next table has to say its columns.
    pub(super) columns: bool,
    pub(super) initial: std::vec::IntoIter<Entry>,
    /// Whether the initial events are still to be closed by a bookmark.
    pub(super) closing: bool,
    /// The state of the initial events.
    pub(super) listed: Revision,
    pub(super) bookmarks: bool,
    pub(super) next_bookmark: Instant,
    pub(super) last_bookmark: Option<Instant>,
    pub(super) deadline: Instant,
    pub(super) ending: Option<CancellationToken>,
}

/// What can happen to a watch.
enum Happened {
    Changes(Result<Vec<Arc<Change>>, Ended>),
    Bookmark,
    Registry,
    Over,
}

impl Feed {
    /// The next lines; `None`: the end.
    pub(super) async fn next(&mut self) -> Option<Bytes> {
        if let Some(lines) = self.initial() {
            return Some(lines);
        }
        loop {
            let lines = match self.happening().await {
                Happened::Changes(Ok(changes)) => self.lines(&changes),
                Happened::Changes(Err(ended)) => {
                    tracing::debug!(watch.kind = self.kind.resource.plural, watch.ended = ?ended, "a watch ends");
                    return None;
                }
                Happened::Bookmark => self.bookmark(),
                Happened::Registry if self.is_gone() => return self.last().await,
                Happened::Registry => continue,
                Happened::Over => return None,
            };
            if !lines.is_empty() {
                return Some(lines.into());
            }
        }
    }

    fn initial(&mut self) -> Option<Bytes> {
        let mut out = Vec::new();
        while out.len() < PIECE {
            let Some(entry) = self.initial.next() else { break };
            self.line(&mut out, "ADDED", &entry.value, entry.modified);
        }
        if self.initial.len() == 0 && std::mem::take(&mut self.closing) && self.bookmarks {
            self.mark(&mut out, self.listed, true);
        }
        (!out.is_empty()).then(|| out.into())
    }

    async fn happening(&mut self) -> Happened {
        let ending = self.ending.clone();
        let ended = async {
            match ending {
                Some(token) => token.cancelled().await,
                None => pending().await,
            }
        };
        let bookmark = self.last_bookmark.map_or(self.next_bookmark, |last| last.min(self.next_bookmark));
        tokio::select! {
            biased;
            () = self.shared.draining.cancelled() => Happened::Over,
            () = ended => Happened::Over,
            () = tokio::time::sleep_until(self.deadline) => Happened::Over,
            Ok(()) = self.registry.changed() => Happened::Registry,
            () = tokio::time::sleep_until(bookmark), if self.bookmarks => Happened::Bookmark,
            changes = self.watch.next() => Happened::Changes(changes),
        }
    }

    fn lines(&mut self, changes: &[Arc<Change>]) -> Vec<u8> {
        let mut out = Vec::new();
        for change in changes {
            if change.revision <= self.skip || self.only.as_ref().is_some_and(|only| *only != change.key) {
                continue;
            }
            let before = change.previous.as_ref().filter(|value| self.selection.selects(value));
            let after = change.next.as_ref().filter(|value| self.selection.selects(value));
            match (before, after) {
                (None, Some(value)) => self.line(&mut out, "ADDED", value, change.revision),
                (Some(_), Some(value)) => self.line(&mut out, "MODIFIED", value, change.revision),
                // What leaves a selector is shown as it was, at the version at which it left.
                (Some(value), None) => self.line(&mut out, "DELETED", value, change.revision),
                (None, None) => {}
            }
        }
        out
    }

    fn line(&mut self, out: &mut Vec<u8>, kind: &str, value: &Bytes, revision: Revision) {
        out.reserve(value.len() + AROUND);
        let (style, of, columns) = (&self.style, &self.kind, &mut self.columns);
        event::line(out, kind, |out| event::object(out, style, of, (value, revision), columns));
    }

    fn mark(&mut self, out: &mut Vec<u8>, revision: Revision, end: bool) {
        let (style, of, columns) = (&self.style, &self.kind, &mut self.columns);
        event::line(out, "BOOKMARK", |out| event::bookmark(out, style, of, revision, end, columns));
    }

    fn bookmark(&mut self) -> Vec<u8> {
        let now = Instant::now();
        self.next_bookmark = now + self.shared.limits.bookmarks;
        self.last_bookmark = self.last_bookmark.filter(|last| *last > now);
        let mut out = Vec::new();
        let revision = self.watch.seen().max(self.skip).max(self.listed);
        self.mark(&mut out, revision, false);
        out
    }

    /// Whether the kind is no longer served, or is another one of the same name.
    fn is_gone(&self) -> bool {
        let resource = &self.kind.resource;
        let uid = |kind: &Kind| kind.definition.as_ref().map(|definition| definition.uid.clone());
        let registry = self.shared.registry.current();
        let found = registry.find(&resource.group, &resource.version, &resource.plural);
        found.is_none_or(|found| uid(found) != uid(&self.kind))
    }

    /// The changes that were made before the kind was gone. What ends here ends for good: there is nothing to be read any more.
    async fn last(&mut self) -> Option<Bytes> {
        let target = self.shared.store.revision();
        let mut out = Vec::new();
        loop {
            let changes = match self.watch.next().now_or_never() {
                Some(changes) => changes,
                None if self.watch.seen() >= target => break,
                None => match tokio::time::timeout(LAST, self.watch.next()).await {
                    Ok(changes) => changes,
                    Err(_) => break,
                },
            };
            match changes {
                Ok(changes) => out.extend(self.lines(&changes)),
                Err(_) => break,
            }
        }
        self.deadline = Instant::now();
        (!out.is_empty()).then(|| out.into())
    }
}
