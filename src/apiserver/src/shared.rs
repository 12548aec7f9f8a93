//! What all requests share.

use crate::config::{Clock, Config, Limits};
use crate::connect::Connections;
use crate::mounts::Mounts;
use crate::registry::Keeper;
use parking_lot::Mutex;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use rdd_machinery::meta::Stamp;
use rdd_store::Store;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The inside of an API.
pub(crate) struct Shared {
    pub(crate) store: Store,
    pub(crate) limits: Limits,
    pub(crate) registry: Keeper,
    pub(crate) mounts: Mounts,
    pub(crate) connections: Connections,
    /// Cancelled when new work is refused and watches end.
    pub(crate) draining: CancellationToken,
    /// Requests that are being answered.
    pub(crate) requests: TaskTracker,
    clock: Arc<dyn Clock>,
    random: Mutex<StdRng>,
}

/// The letters of generated names: no vowels, so that no words come out, and none that look alike.
const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";

impl Shared {
    pub(crate) fn new(store: Store, config: Config) -> Shared {
        let random = config.seed.map_or_else(StdRng::from_os_rng, StdRng::seed_from_u64);
        Shared {
            store,
            limits: config.limits,
            registry: Keeper::default(),
            mounts: Mounts::default(),
            connections: Connections::default(),
            draining: CancellationToken::new(),
            requests: TaskTracker::new(),
            clock: config.clock,
            random: Mutex::new(random),
        }
    }

    /// The time, RFC 3339 in seconds.
    pub(crate) fn now(&self) -> String {
        self.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
    }

    /// What goes into a new object.
    pub(crate) fn stamp(&self) -> Stamp {
        let mut random = self.random.lock();
        let uid = uuid::Builder::from_random_bytes(random.random()).into_uuid().to_string();
        let suffix = (0..5).map(|_| char::from(LETTERS[random.random_range(0..LETTERS.len())])).collect();
        drop(random);
        Stamp { now: self.now(), uid, suffix }
    }

    /// How long a watch lasts that did not say: spread, so that many do not end together.
    pub(crate) fn watch_length(&self) -> Duration {
        self.limits.watch.mul_f64(1.0 + self.random.lock().random::<f64>())
    }
}
