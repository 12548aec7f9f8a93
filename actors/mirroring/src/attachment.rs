//! One engine identity, for life: what everything in an attachment is born with.

use crate::ledger::Ledger;
use crate::rounds::{Over, Rounds};
use jiff::Timestamp;
use parking_lot::Mutex;
use rdd_engine::{Endpoint, Engine, Kind};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// The kinds that are mirrored.
pub(crate) const KINDS: [Kind; 1] = [Kind::Container];

/// One engine identity, for life. Another identity is another attachment.
pub(crate) struct Attachment {
    pub(crate) engine: Arc<dyn Engine>,
    /// The mark on its mirrors.
    pub(crate) mark: String,
    pub(crate) endpoint: Endpoint,
    /// The machine's incarnation it was made for.
    pub(crate) incarnation: i64,
    /// API namespace of its mirrors.
    pub(crate) namespace: String,
    pub(crate) ledger: Ledger,
    pub(crate) rounds: Rounds,
    link: Mutex<Link>,
}

/// How it stands with the engine.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Link {
    pub(crate) phase: Phase,
    /// Grows with every connection: what belongs to an earlier one says nothing of this one.
    pub(crate) epoch: u64,
    /// When the phase began.
    pub(crate) since: Timestamp,
    /// The last full sync that was completed.
    pub(crate) synced: Option<Synced>,
}

/// What the connection does.
///
/// `Connecting => (Syncing | Unreachable)`, `Syncing => (Connected | Unreachable)`, `Connected => Unreachable`,
/// `Unreachable => Syncing`; `Replaced` is the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// The first connection is being made.
    Connecting,
    /// Events flow; a full sync has not been completed since.
    Syncing,
    /// All is mirrored.
    Connected,
    /// The engine does not answer.
    Unreachable(String),
    /// Another engine answers at the endpoint.
    Replaced,
}

/// A full sync that was completed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Synced {
    pub(crate) at: Timestamp,
    pub(crate) took: Duration,
    pub(crate) objects: usize,
}

impl Attachment {
    pub(crate) fn new(
        engine: Arc<dyn Engine>,
        endpoint: Endpoint,
        incarnation: i64,
        namespace: String,
        now: Timestamp,
    ) -> Attachment {
        let mark = engine.identity().mark();
        let link = Link { phase: Phase::Connecting, epoch: 0, since: now, synced: None };
        Attachment {
            engine,
            mark,
            endpoint,
            incarnation,
            namespace,
            ledger: Ledger::default(),
            rounds: Rounds::default(),
            link: Mutex::new(link),
        }
    }

    /// How it stands with the engine.
    pub(crate) fn link(&self) -> Link {
        self.link.lock().clone()
    }

    /// Events flow: a new epoch, to be completed by a full sync.
    pub(crate) fn syncing(&self, now: Timestamp) {
        let mut link = self.link.lock();
        if link.phase != Phase::Replaced {
            link.phase = Phase::Syncing;
            link.epoch += 1;
            link.since = now;
        }
    }

    /// The engine does not answer. Since when stays what it was at the first time.
    pub(crate) fn lost(&self, now: Timestamp, error: &rdd_engine::Error) {
        let mut link = self.link.lock();
        link.epoch += 1;
        match (&link.phase, error) {
            (Phase::Replaced, _) => {}
            (_, rdd_engine::Error::Replaced) => link.phase = Phase::Replaced,
            (before, _) => {
                if !matches!(before, Phase::Unreachable(_)) {
                    link.since = now;
                }
                link.phase = Phase::Unreachable(error.to_string());
            }
        }
    }

    /// A full sync is over. Whether that made it connected.
    pub(crate) fn synced(&self, over: Over, now: Timestamp) -> bool {
        let mut link = self.link.lock();
        let took = Instant::now().saturating_duration_since(over.began);
        link.synced = Some(Synced { at: now, took, objects: over.objects });
        let first = link.phase == Phase::Syncing && link.epoch == over.epoch;
        if first {
            link.phase = Phase::Connected;
            link.since = now;
        }
        first
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::future::BoxFuture;
    use futures::stream::BoxStream;
    use rdd_engine::{
        Action, ContainerId, Error, Facts, Fingerprint, Hint, Identity, Key, Listed, Removed, Summary,
    };

    /// An engine that is only looked at.
    struct Still(Identity);

    #[rustfmt::skip]
    impl Engine for Still {
        fn identity(&self) -> &Identity { &self.0 }
        fn ping(&self) -> BoxFuture<'_, Result<(), Error>> { unreachable!() }
        fn clock(&self) -> BoxFuture<'_, Result<Timestamp, Error>> { unreachable!() }
        fn list(&self, _: Kind) -> BoxFuture<'_, Result<Vec<Listed>, Error>> { unreachable!() }
        fn peek<'a>(&'a self, _: &'a Key) -> BoxFuture<'a, Result<Option<Summary>, Error>> { unreachable!() }
        fn inspect<'a>(&'a self, _: &'a Key) -> BoxFuture<'a, Result<Option<Facts>, Error>> { unreachable!() }
        fn remove<'a>(&'a self, _: &'a Key, _: &'a Fingerprint) -> BoxFuture<'a, Result<Removed, Error>> { unreachable!() }
        fn act<'a>(&'a self, _: &'a ContainerId, _: Action) -> BoxFuture<'a, Result<(), Error>> { unreachable!() }
        fn events(&self, _: Timestamp) -> BoxStream<'_, Result<Hint, Error>> { unreachable!() }
    }

    fn attachment() -> Attachment {
        let text = || String::from("x");
        let identity = Identity { endpoint: text(), id: text(), data_root: text(), version: text() };
        let endpoint = Endpoint::Unix("/x".into());
        Attachment::new(Arc::new(Still(identity)), endpoint, 1, text(), Timestamp::UNIX_EPOCH)
    }

    #[tokio::test]
    async fn a_sync_of_an_earlier_connection_does_not_make_it_connected() {
        let (it, t) = (attachment(), Timestamp::UNIX_EPOCH);
        it.syncing(t);
        let over = Over { epoch: it.link().epoch, objects: 1, began: Instant::now() };
        it.lost(t, &Error::Timeout(Duration::from_secs(5)));
        assert!(!it.synced(over, t));
        it.syncing(t);
        assert!(!it.synced(over, t));
        let over = Over { epoch: it.link().epoch, ..over };
        assert!(it.synced(over, t));
        assert_eq!(it.link().phase, Phase::Connected);
    }

    #[test]
    fn since_when_it_is_unreachable_stays_what_it_was_at_first() {
        let it = attachment();
        let at = |s| Timestamp::from_second(s).unwrap();
        it.lost(at(1), &Error::Timeout(Duration::from_secs(5)));
        it.lost(at(9), &Error::Timeout(Duration::from_secs(5)));
        assert_eq!(it.link().since, at(1));
        it.lost(at(10), &Error::Replaced);
        it.syncing(at(11));
        assert_eq!(it.link().phase, Phase::Replaced);
    }
}
