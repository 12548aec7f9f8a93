//! Faults: which call goes wrong, and how.

use crate::{Action, Error, Key, Kind};
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// A method of [`crate::Engine`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Call {
    Ping,
    Clock,
    List,
    Peek,
    Inspect,
    Remove,
    Act,
    Events,
}

/// One call that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// What was called.
    pub call: Call,
    /// On which object.
    pub key: Option<Key>,
    /// The kind of a list.
    pub kind: Option<Kind>,
    /// What was done.
    pub action: Option<Action>,
}

/// On which side of the call's effect a fault lies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum When {
    /// The engine never gets it (default).
    #[default]
    Before,
    /// The engine has done it; the answer suffers.
    After,
}

/// What goes wrong.
#[derive(Clone, Debug)]
pub enum Effect {
    /// No answer until the rule is released.
    Hang,
    /// It takes that long.
    Delay(Duration),
    /// This error instead of an answer.
    Fail(Error),
}

/// A fault: the calls it fits, and what happens to them. What is `None` fits all.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Only this method.
    pub call: Option<Call>,
    /// Only this object.
    pub key: Option<Key>,
    /// Only this action.
    pub action: Option<Action>,
    /// So many fitting calls pass first.
    pub skip: usize,
    /// Then so many are hit; `None`: all.
    pub times: Option<usize>,
    /// Before or after the effect.
    pub when: When,
    /// What happens.
    pub effect: Effect,
}

/// A rule in force.
#[derive(Clone)]
pub struct RuleHandle(Arc<Active>);

struct Active {
    rule: Rule,
    fitted: Mutex<usize>,
    hits: watch::Sender<usize>,
    released: watch::Sender<bool>,
}

#[derive(Default)]
pub(super) struct Rules {
    active: Mutex<Vec<Arc<Active>>>,
    seen: Mutex<Vec<Seen>>,
}

impl Rule {
    /// Every call.
    pub fn new(effect: Effect) -> Rule {
        Rule { call: None, key: None, action: None, skip: 0, times: None, when: When::Before, effect }
    }
    /// Only this method.
    pub fn on(self, call: Call) -> Rule {
        Rule { call: Some(call), ..self }
    }
    /// Only this object.
    pub fn of(self, key: impl Into<Key>) -> Rule {
        Rule { key: Some(key.into()), ..self }
    }
    /// Only this action.
    pub fn action(self, action: Action) -> Rule {
        Rule { action: Some(action), ..self }
    }
    /// Lets so many fitting calls pass first.
    pub fn skip(self, skip: usize) -> Rule {
        Rule { skip, ..self }
    }
    /// Hits so many calls, then no more.
    pub fn times(self, times: usize) -> Rule {
        Rule { times: Some(times), ..self }
    }
    /// The engine does it, the answer suffers.
    pub fn after(self) -> Rule {
        Rule { when: When::After, ..self }
    }

    fn fits(&self, seen: &Seen) -> bool {
        self.call.is_none_or(|c| c == seen.call)
            && self.key.as_ref().is_none_or(|k| Some(k) == seen.key.as_ref())
            && self.action.is_none_or(|a| Some(a) == seen.action)
    }
}

impl RuleHandle {
    /// How many calls it has hit.
    pub fn hits(&self) -> usize {
        *self.0.hits.borrow()
    }
    /// Waits until it has hit so many calls.
    pub async fn hit(&self, times: usize) {
        let mut hits = self.0.hits.subscribe();
        // An error means that the sender is gone; it lives in `self`.
        let _ = hits.wait_for(|hits| *hits >= times).await;
    }
    /// Ends the rule; calls that hang go on.
    pub fn release(&self) {
        self.0.released.send_replace(true);
    }
}

impl Seen {
    pub(super) fn of(call: Call) -> Seen {
        Seen { call, key: None, kind: None, action: None }
    }
    pub(super) fn at(call: Call, key: &Key) -> Seen {
        Seen { key: Some(key.clone()), ..Seen::of(call) }
    }
}

impl Rules {
    pub(super) fn add(&self, rule: Rule) -> RuleHandle {
        let (fitted, hits, released) = (Mutex::new(0), watch::Sender::new(0), watch::Sender::new(false));
        let active = Arc::new(Active { rule, fitted, hits, released });
        self.active.lock().push(Arc::clone(&active));
        RuleHandle(active)
    }
    pub(super) fn note(&self, seen: &Seen) {
        self.seen.lock().push(seen.clone());
    }
    pub(super) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().clone()
    }

    pub(super) async fn apply(&self, seen: &Seen, when: When) -> Result<(), Error> {
        let Some(active) = self.first(seen, when) else { return Ok(()) };
        match &active.rule.effect {
            Effect::Hang => {
                let mut released = active.released.subscribe();
                let _ = released.wait_for(|released| *released).await;
                Ok(())
            }
            Effect::Delay(time) => {
                tokio::time::sleep(*time).await;
                Ok(())
            }
            Effect::Fail(error) => Err(error.clone()),
        }
    }

    fn first(&self, seen: &Seen, when: When) -> Option<Arc<Active>> {
        let mut active = self.active.lock();
        active.retain(|a| !*a.released.borrow());
        let hit = active.iter().find(|a| a.rule.when == when && a.rule.fits(seen) && a.takes())?;
        Some(Arc::clone(hit))
    }
}

impl Active {
    fn takes(&self) -> bool {
        let mut fitted = self.fitted.lock();
        *fitted += 1;
        let nth = *fitted - self.rule.skip.min(*fitted);
        let hit = nth > 0 && self.rule.times.is_none_or(|times| nth <= times);
        if hit {
            self.hits.send_modify(|hits| *hits += 1);
        }
        hit
    }
}
