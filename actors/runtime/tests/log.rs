//! What the log says of a crash. Alone in its program: what is logged can be heard reliably only by the one
//! subscriber of a process.

mod kit;

use std::{fmt::Write as _, sync::Arc};

use kit::{Plan, Stage, paused};
use parking_lot::Mutex;
use tracing::{Event, Level, Metadata, Subscriber, field::Visit, span};

/// Keeps what is logged at error.
#[derive(Clone, Default)]
struct Errors(Arc<Mutex<Vec<String>>>);

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn std::fmt::Debug) {
        write!(self.0, "{field}={value:?} ").unwrap();
    }
}

impl Subscriber for Errors {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() == Level::ERROR
    }
    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }
    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn event(&self, event: &Event<'_>) {
        let mut line = Line(String::new());
        event.record(&mut line);
        self.0.lock().push(line.0);
    }
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

#[test]
fn r46_a_caught_panic_is_logged_at_error_with_actor_kind_key_text_and_backtrace() {
    let errors = Errors::default();
    tracing::subscriber::set_global_default(errors.clone()).unwrap();
    paused(|| async {
        let stage = Stage::local();
        stage.log.plan("web", [Plan::HandlerPanics, Plan::Panic, Plan::Done]);
        stage.note("web");
        stage.log.until("end web", 1).await;
        stage.end().await;
    });
    let lines = errors.0.lock().clone();
    for (message, text) in [("actor crashed", "web kills"), ("job panicked", "job of web panics")] {
        let found = lines
            .iter()
            .find(|line| line.contains(message))
            .unwrap_or_else(|| panic!("{message}: {lines:?}"));
        for part in
            ["actor=worker", "message.kind=\"Changed\"", "message.key=\"\\\"web\\\"\"", text, "backtrace="]
        {
            assert!(found.contains(part), "{part} is missing in {found}");
        }
        assert!(found.contains("tests/kit/mod.rs"), "where it happened: {found}");
    }
}
