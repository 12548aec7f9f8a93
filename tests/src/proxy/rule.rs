//! Which requests suffer, and what.

use super::Lines;
use http::Method;
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// A request as the proxy sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Request {
    pub method: Method,
    /// Without the query.
    pub path: String,
    pub query: String,
}

/// What happens to a request.
#[derive(Clone, Debug)]
pub enum Effect {
    /// It waits before it is forwarded, until the rule is released.
    Hold,
    /// It is forwarded; its answer waits until the rule is released.
    HoldAnswer,
    /// It is forwarded that much later.
    Delay(Duration),
    /// It is not forwarded; this status and Docker's JSON with this message answer it.
    Answer(u16, &'static str),
    /// It is forwarded, and what was answered is replaced by this status and message.
    AnswerAfter(u16, &'static str),
    /// It is not forwarded, and the connection breaks.
    Reset,
    /// It is forwarded, and the connection breaks instead of an answer.
    ResetAfter,
    /// Only so many bytes of the body come, then the connection breaks.
    Truncate(usize),
    /// Only so many bytes of the body come, then it ends as if that were all.
    End(usize),
    /// The lines of an event stream suffer.
    Lines(Lines),
}

/// The requests that an effect fits. What is not said fits all.
pub struct Rule {
    method: Option<Method>,
    fits: Box<dyn Fn(&Request) -> bool + Send + Sync>,
    skip: usize,
    times: Option<usize>,
    pub(super) effect: Effect,
}

/// A rule in force.
#[derive(Clone)]
pub struct RuleHandle(Arc<Active>);

pub(super) struct Active {
    pub(super) rule: Rule,
    fitted: Mutex<usize>,
    hits: watch::Sender<usize>,
    released: watch::Sender<bool>,
}

impl Rule {
    /// For every request.
    pub fn new(effect: Effect) -> Rule {
        Rule { method: None, fits: Box::new(|_| true), skip: 0, times: None, effect }
    }
    /// Only this method and path. A `*` stands for one path segment.
    pub fn on(mut self, method: Method, pattern: &str) -> Rule {
        let pattern = pattern.to_owned();
        self.method = Some(method);
        self.and(move |request| matches(&pattern, &request.path))
    }
    /// Only requests whose path or query names this object.
    pub fn of(self, id: &str) -> Rule {
        let id = id.to_owned();
        self.and(move |request| request.path.contains(&id) || request.query.contains(&id))
    }
    /// Only requests for which this holds as well.
    pub fn and(mut self, fits: impl Fn(&Request) -> bool + Send + Sync + 'static) -> Rule {
        let before = std::mem::replace(&mut self.fits, Box::new(|_| true));
        self.fits = Box::new(move |request| before(request) && fits(request));
        self
    }
    /// Lets so many fitting requests pass first.
    pub fn skip(self, skip: usize) -> Rule {
        Rule { skip, ..self }
    }
    /// Hits so many requests, then no more.
    pub fn times(self, times: usize) -> Rule {
        Rule { times: Some(times), ..self }
    }
}

impl RuleHandle {
    pub(super) fn new(active: Arc<Active>) -> RuleHandle {
        RuleHandle(active)
    }
    /// How many requests it has hit.
    pub fn hits(&self) -> usize {
        *self.0.hits.borrow()
    }
    /// Waits until it has hit so many requests.
    pub async fn hit(&self, times: usize) {
        // An error means that the sender is gone; it lives in `self`.
        let _ = self.0.hits.subscribe().wait_for(|hits| *hits >= times).await;
    }
    /// Ends the rule; requests, answers and lines that it holds go on.
    pub fn release(&self) {
        self.0.released.send_replace(true);
    }
}

impl Active {
    pub(super) fn new(rule: Rule) -> Arc<Active> {
        let (fitted, hits, released) = (Mutex::new(0), watch::Sender::new(0), watch::Sender::new(false));
        Arc::new(Active { rule, fitted, hits, released })
    }
    pub(super) fn is_released(&self) -> bool {
        *self.released.borrow()
    }
    pub(super) async fn released(&self) {
        let _ = self.released.subscribe().wait_for(|released| *released).await;
    }
    pub(super) fn takes(&self, request: &Request) -> bool {
        let rule = &self.rule;
        if rule.method.as_ref().is_some_and(|method| *method != request.method) || !(rule.fits)(request) {
            return false;
        }
        let mut fitted = self.fitted.lock();
        *fitted += 1;
        let nth = fitted.saturating_sub(rule.skip);
        let hit = nth > 0 && rule.times.is_none_or(|times| nth <= times);
        if hit {
            self.hits.send_modify(|hits| *hits += 1);
        }
        hit
    }
}

fn matches(pattern: &str, path: &str) -> bool {
    let mut segments = path.split('/');
    pattern.split('/').all(|want| segments.next().is_some_and(|is| want == "*" || want == is))
        && segments.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_is_one_segment() {
        assert!(matches("/containers/*/json", "/containers/ab/json"));
        assert!(!matches("/containers/*/json", "/containers/json"));
        assert!(!matches("/containers/*", "/containers/a/b"));
        assert!(matches("/events", "/events"));
    }

    #[test]
    fn skip_and_times_pick_the_nth_request() {
        let active = Active::new(Rule::new(Effect::Reset).on(Method::GET, "/x").skip(1).times(2));
        let request =
            |path: &str| Request { method: Method::GET, path: path.to_owned(), query: String::new() };
        let taken = ["/x", "/y", "/x", "/x", "/x"].map(|path| active.takes(&request(path)));
        assert_eq!(taken, [false, false, true, true, false]);
    }
}
