//! Failures on purpose: rules that name an actor, a point, a message kind and what shall happen there.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use parking_lot::Mutex;
use rand::{Rng, SeedableRng, rngs::SmallRng};
use serde::{Deserialize, Serialize};

use crate::backoff::seed_for;

/// Whether rules are accepted at all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Every rule is refused: what users run.
    #[default]
    Off,
    /// Rules are accepted: tests and developer mode.
    On,
}

/// Where a rule strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Point {
    /// Before a handler sees a message.
    Handler,
    /// At the beginning of a job; for a task, at each time it is polled.
    Job,
    /// At the beginning of an incarnation.
    Start,
}

/// What happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Fault {
    /// A panic.
    Panic,
    /// A future that never ends.
    Hang,
    /// The thread is blocked for this long (on `Place::Local`, where nothing may block, a delay).
    Block(Duration),
    /// A wait of this long, then all is as usual.
    Delay(Duration),
    /// The message is lost; a key comes back as if its handler had not answered.
    Drop,
    /// A failure: a key is tried again, an ask is answered with `Injected`, a start or a job fails.
    Error,
}

/// Which of the messages that fit are struck. Counted for each actor alone.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum When {
    /// Each.
    Always,
    /// The n-th only; the first is 1.
    Nth(u64),
    /// Each with this probability, drawn from the supervisor's seed.
    Probability(f64),
}

/// One rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Rule {
    /// Path or last name of the actor; `*` stands for any text.
    pub actor: String,
    /// Where it strikes.
    pub point: Point,
    /// Short type name of the message; absent: any.
    #[serde(default)]
    pub kind: Option<String>,
    /// Which messages.
    pub when: When,
    /// What happens.
    pub fault: Fault,
    /// How often for each actor; absent: without end.
    #[serde(default)]
    pub times: Option<u32>,
}

/// Names a rule that was accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RuleId(usize);

/// Failures are injected in tests and in developer mode only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("chaos is switched off: it needs developer mode")]
pub struct Off;

/// The rules in force. Cheap to clone.
#[derive(Clone)]
pub struct Chaos {
    inner: Arc<Inner>,
}

struct Inner {
    mode: Mode,
    /// On `Place::Local` nothing may block: what would is delayed.
    local: bool,
    seed: u64,
    /// Number of rules in force: nothing is locked while there is none.
    active: AtomicUsize,
    rules: Mutex<Vec<Option<Armed>>>,
}

struct Armed {
    rule: Rule,
    actors: HashMap<Arc<str>, Tally>,
}

struct Tally {
    seen: u64,
    struck: u32,
    dice: SmallRng,
}

impl Chaos {
    pub(crate) fn new(mode: Mode, seed: u64, local: bool) -> Chaos {
        let inner = Inner { mode, local, seed, active: AtomicUsize::new(0), rules: Mutex::new(Vec::new()) };
        Chaos { inner: Arc::new(inner) }
    }

    /// Puts a rule in force. The first rule that strikes a message decides; all that fit count it.
    pub fn inject(&self, rule: Rule) -> Result<RuleId, Off> {
        if self.inner.mode == Mode::Off {
            return Err(Off);
        }
        tracing::warn!(chaos.rule = ?rule, "injecting failures");
        let mut rules = self.inner.rules.lock();
        rules.push(Some(Armed { rule, actors: HashMap::new() }));
        self.inner.active.fetch_add(1, Ordering::Relaxed);
        Ok(RuleId(rules.len() - 1))
    }

    /// Takes a rule out of force; how often it struck.
    pub fn withdraw(&self, id: RuleId) -> u32 {
        let gone = self.inner.rules.lock().get_mut(id.0).and_then(Option::take);
        if gone.is_some() {
            self.inner.active.fetch_sub(1, Ordering::Relaxed);
        }
        gone.map_or(0, |armed| armed.struck())
    }

    /// How often a rule in force has struck so far.
    pub fn struck(&self, id: RuleId) -> u32 {
        self.inner.rules.lock().get(id.0).and_then(Option::as_ref).map_or(0, Armed::struck)
    }

    /// Takes all rules out of force.
    pub fn clear(&self) {
        let mut rules = self.inner.rules.lock();
        rules.iter_mut().for_each(|rule| *rule = None);
        self.inner.active.store(0, Ordering::Relaxed);
    }

    /// The rules in force.
    pub fn rules(&self) -> Vec<(RuleId, Rule)> {
        let rules = self.inner.rules.lock();
        let live =
            rules.iter().enumerate().filter_map(|(at, rule)| Some((RuleId(at), rule.as_ref()?.rule.clone())));
        live.collect()
    }

    /// What shall happen to this message.
    pub(crate) fn strike(&self, actor: &Arc<str>, point: Point, kind: &str) -> Option<Fault> {
        if self.inner.active.load(Ordering::Relaxed) == 0 {
            return None;
        }
        let mut rules = self.inner.rules.lock();
        let mut decided = None;
        for (at, armed) in rules.iter_mut().enumerate() {
            if let Some(armed) = armed.as_mut().filter(|armed| armed.rule.fits(actor, point, kind)) {
                let seed = self.inner.seed.wrapping_add(at as u64 + 1);
                let strikes = armed.count(actor, seed);
                decided = decided.or(strikes);
            }
        }
        match decided {
            Some(Fault::Block(time)) if self.inner.local => Some(Fault::Delay(time)),
            decided => decided,
        }
    }
}

impl Armed {
    fn count(&mut self, actor: &Arc<str>, seed: u64) -> Option<Fault> {
        let tally = self.actors.entry(actor.clone()).or_insert_with(|| Tally {
            seen: 0,
            struck: 0,
            dice: SmallRng::seed_from_u64(seed_for(seed, actor)),
        });
        tally.seen += 1;
        let chosen = match self.rule.when {
            When::Always => true,
            When::Nth(n) => tally.seen == n,
            When::Probability(p) => tally.dice.random_bool(p.clamp(0.0, 1.0)),
        };
        if !chosen || self.rule.times.is_some_and(|times| tally.struck >= times) {
            return None;
        }
        tally.struck += 1;
        Some(self.rule.fault)
    }

    fn struck(&self) -> u32 {
        self.actors.values().map(|tally| tally.struck).sum()
    }
}

impl Rule {
    /// A rule for every message at `point` of `actor`, until it is withdrawn.
    pub fn new(actor: impl Into<String>, point: Point, fault: Fault) -> Rule {
        Rule { actor: actor.into(), point, kind: None, when: When::Always, fault, times: None }
    }

    /// Only messages of this kind (short type name).
    pub fn kind(self, kind: impl Into<String>) -> Rule {
        Rule { kind: Some(kind.into()), ..self }
    }

    /// Only when `when` says so.
    pub fn when(self, when: When) -> Rule {
        Rule { when, ..self }
    }

    /// At most this often for each actor.
    pub fn times(self, times: u32) -> Rule {
        Rule { times: Some(times), ..self }
    }

    fn fits(&self, path: &str, point: Point, kind: &str) -> bool {
        let name = path.rsplit('/').next().unwrap_or(path);
        self.point == point
            && self.kind.as_deref().is_none_or(|wanted| wanted == kind)
            && (glob(&self.actor, path) || glob(&self.actor, name))
    }
}

fn glob(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((head, rest)) => text.strip_prefix(head).is_some_and(|tail| {
            rest.is_empty() || tail.char_indices().any(|(at, _)| glob(rest, &tail[at..])) || glob(rest, "")
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strikes(seed: u64, actor: &str) -> Vec<bool> {
        let chaos = Chaos::new(Mode::On, seed, true);
        chaos.inject(Rule::new("*", Point::Job, Fault::Panic).when(When::Probability(0.3))).unwrap();
        let actor = Arc::from(actor);
        (0..64).map(|_| chaos.strike(&actor, Point::Job, "Any").is_some()).collect()
    }

    #[test]
    fn r48_the_same_seed_strikes_the_same_messages_of_each_actor() {
        assert_eq!(strikes(5, "writer"), strikes(5, "writer"));
        assert_ne!(strikes(5, "writer"), strikes(6, "writer"));
        assert_ne!(strikes(5, "writer"), strikes(5, "watcher"));
    }

    #[test]
    fn r48_an_actor_is_named_by_path_by_last_name_or_by_pattern() {
        for pattern in ["a/writer", "writer", "wri*", "*/writer", "a/*", "*"] {
            assert!(
                Rule::new(pattern, Point::Start, Fault::Panic).fits("a/writer", Point::Start, "x"),
                "{pattern}"
            );
        }
        for pattern in ["a", "write", "*x*", "b/*"] {
            assert!(
                !Rule::new(pattern, Point::Start, Fault::Panic).fits("a/writer", Point::Start, "x"),
                "{pattern}"
            );
        }
    }

    #[test]
    fn r48_a_rule_strikes_the_nth_message_and_not_more_often_than_it_may() {
        let chaos = Chaos::new(Mode::On, 1, true);
        let third = chaos.inject(Rule::new("a", Point::Handler, Fault::Drop).when(When::Nth(3))).unwrap();
        let struck: Vec<bool> =
            (0..5).map(|_| chaos.strike(&Arc::from("a"), Point::Handler, "M").is_some()).collect();
        assert_eq!(struck, [false, false, true, false, false]);
        assert_eq!(chaos.withdraw(third), 1);
        chaos.inject(Rule::new("a", Point::Handler, Fault::Drop).times(2)).unwrap();
        let struck = (0..5).filter(|_| chaos.strike(&Arc::from("a"), Point::Handler, "M").is_some()).count();
        assert_eq!(struck, 2);
    }

    #[test]
    fn r48_outside_of_developer_mode_every_rule_is_refused() {
        assert_eq!(Chaos::new(Mode::Off, 1, true).inject(Rule::new("*", Point::Job, Fault::Hang)), Err(Off));
    }
}
