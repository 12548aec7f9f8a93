//! Full syncs: which objects one has still to look at for the first time.

use parking_lot::Mutex;
use rdd_engine::Key;
use std::collections::HashSet;
use std::time::Duration;
use tokio::time::Instant;

/// The full sync under way, if any. It is over when every object of it has been tried once: an object that fails goes on by itself
/// and never holds a sync up (R05).
#[derive(Debug, Default)]
pub(crate) struct Rounds {
    now: Mutex<Option<Round>>,
}

#[derive(Debug)]
struct Round {
    /// Which connection it belongs to.
    epoch: u64,
    open: HashSet<Key>,
    objects: usize,
    began: Instant,
    /// When an object of it was tried last.
    moved: Instant,
}

/// A full sync that is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Over {
    pub(crate) epoch: u64,
    pub(crate) objects: usize,
    pub(crate) began: Instant,
}

impl Rounds {
    /// Begins a round; one under way is replaced by it. Without objects it is over at once.
    pub(crate) fn open(
        &self,
        epoch: u64,
        began: Instant,
        keys: impl IntoIterator<Item = Key>,
    ) -> Option<Over> {
        let open: HashSet<Key> = keys.into_iter().collect();
        let objects = open.len();
        let mut now = self.now.lock();
        if objects == 0 {
            *now = None;
            return Some(Over { epoch, objects, began });
        }
        *now = Some(Round { epoch, open, objects, began, moved: Instant::now() });
        None
    }

    /// An object has been tried.
    pub(crate) fn tried(&self, key: &Key) -> Option<Over> {
        let mut now = self.now.lock();
        let round = now.as_mut()?;
        if !round.open.remove(key) {
            return None;
        }
        round.moved = Instant::now();
        if !round.open.is_empty() {
            return None;
        }
        now.take().map(Round::over)
    }

    /// Ends a round of which no object was tried for so long: what is left can not be tried, because it blocks its thread or was set
    /// aside, and must not hold the others up.
    pub(crate) fn overdue(&self, limit: Duration) -> Option<Over> {
        let mut now = self.now.lock();
        now.take_if(|round| round.moved.elapsed() > limit).map(Round::over)
    }
}

impl Round {
    fn over(self) -> Over {
        Over { epoch: self.epoch, objects: self.objects, began: self.began }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(n: u8) -> Key {
        Key::Volume(n.to_string())
    }

    #[tokio::test]
    async fn a_round_is_over_when_every_object_was_tried_once() {
        let rounds = Rounds::default();
        let began = Instant::now();
        assert_eq!(rounds.open(1, began, [key(1), key(2)]), None);
        assert_eq!(rounds.tried(&key(1)), None);
        assert_eq!(rounds.tried(&key(1)), None);
        assert_eq!(rounds.tried(&key(9)), None);
        assert_eq!(rounds.tried(&key(2)), Some(Over { epoch: 1, objects: 2, began }));
        assert_eq!(rounds.tried(&key(2)), None);
    }

    #[tokio::test(start_paused = true)]
    async fn r05_an_object_that_can_not_be_tried_does_not_hold_a_round_up() {
        let rounds = Rounds::default();
        let (began, limit) = (Instant::now(), Duration::from_secs(60));
        rounds.open(1, began, [key(1), key(2), key(3)]);
        tokio::time::advance(limit).await;
        rounds.tried(&key(1));
        tokio::time::advance(limit).await;
        assert_eq!(rounds.overdue(limit), None, "it moved within the limit");
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(rounds.overdue(limit), Some(Over { epoch: 1, objects: 3, began }));
        assert_eq!(rounds.tried(&key(2)), None);
    }

    #[tokio::test]
    async fn a_newer_round_replaces_one_under_way() {
        let rounds = Rounds::default();
        let began = Instant::now();
        rounds.open(1, began, [key(1)]);
        rounds.open(2, began, [key(2)]);
        assert_eq!(rounds.tried(&key(1)), None);
        assert_eq!(rounds.tried(&key(2)).map(|o| o.epoch), Some(2));
        assert_eq!(rounds.open(3, began, []).map(|o| o.objects), Some(0));
    }
}
