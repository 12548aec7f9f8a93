//! The bound on how much one actor works on at a time.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use super::Vitals;

/// Slots for young jobs, and the larger set that slow ones move to.
pub(crate) struct Slots {
    young: AtomicUsize,
    slow: AtomicUsize,
    limit: usize,
    slow_limit: usize,
}

/// One piece of keyed work; gives its slot back when it is dropped.
pub(crate) struct Slot {
    vitals: Arc<Vitals>,
    slow: AtomicBool,
}

impl Slots {
    pub(crate) fn new(limit: usize, slow_limit: usize) -> Slots {
        Slots { young: AtomicUsize::new(0), slow: AtomicUsize::new(0), limit, slow_limit }
    }

    pub(crate) fn free(&self) -> bool {
        self.young.load(Ordering::Acquire) < self.limit
    }

    pub(crate) fn slow(&self) -> usize {
        self.slow.load(Ordering::Acquire)
    }
}

impl Slot {
    pub(crate) fn take(vitals: &Arc<Vitals>) -> Arc<Slot> {
        vitals.slots.young.fetch_add(1, Ordering::AcqRel);
        Arc::new(Slot { vitals: vitals.clone(), slow: AtomicBool::new(false) })
    }

    /// Moves to the slow set, if there is room, so that another key can have the young slot.
    pub(crate) fn grow_old(&self) {
        let slots = &self.vitals.slots;
        if self.slow.load(Ordering::Acquire) {
            return;
        }
        let room = slots
            .slow
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |n| (n < slots.slow_limit).then_some(n + 1));
        if room.is_err() {
            return;
        }
        if self.slow.swap(true, Ordering::AcqRel) {
            slots.slow.fetch_sub(1, Ordering::AcqRel); // the job and the detector were at it at once
        } else {
            self.give_back(&slots.young);
        }
    }

    fn give_back(&self, from: &AtomicUsize) {
        from.fetch_sub(1, Ordering::AcqRel);
        self.vitals.progressed();
        self.vitals.wake();
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let slots = &self.vitals.slots;
        self.give_back(if self.slow.load(Ordering::Acquire) { &slots.slow } else { &slots.young });
    }
}
