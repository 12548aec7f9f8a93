//! Catching panics with what one needs to find their cause: text, place and backtrace.

use std::{
    any::Any,
    backtrace::Backtrace,
    cell::{Cell, RefCell},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Once,
};

/// A panic that was caught.
#[derive(Debug)]
pub(crate) struct Caught {
    pub(crate) text: String,
    pub(crate) backtrace: Option<Backtrace>,
}

thread_local! {
    static SUPERVISED: Cell<u32> = const { Cell::new(0) };
    static LAST: RefCell<Option<Caught>> = const { RefCell::new(None) };
}

static HOOK: Once = Once::new();

/// Puts our hook before whatever hook the process has; later calls do nothing.
pub(crate) fn install() {
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let supervised = SUPERVISED.try_with(|depth| depth.get() > 0).unwrap_or(false);
            if supervised {
                let text = payload_text(info.payload());
                let text = match info.location() {
                    Some(place) => format!("{text} (at {place})"),
                    None => text,
                };
                let caught = Caught { text, backtrace: Some(Backtrace::force_capture()) };
                let _ = LAST.try_with(|last| last.replace(Some(caught)));
            }
            // Who catches it logs it; without a log, the process' own hook is the only one who would tell.
            if !supervised || !tracing::enabled!(tracing::Level::ERROR) {
                before(info);
            }
        }));
    });
}

/// Runs `work`; a panic in it comes back as a value.
pub(crate) fn catch<T>(work: impl FnOnce() -> T) -> Result<T, Caught> {
    struct Depth;
    impl Drop for Depth {
        fn drop(&mut self) {
            SUPERVISED.with(|depth| depth.set(depth.get() - 1));
        }
    }
    SUPERVISED.with(|depth| depth.set(depth.get() + 1));
    let _depth = Depth;
    // What the closure touched is dropped or replaced after a panic, never used again.
    catch_unwind(AssertUnwindSafe(work)).map_err(|payload| {
        let noted = LAST.with(|last| last.borrow_mut().take());
        // A payload's own Drop may panic; it is small, so leaking it is the cheaper evil.
        let caught = noted.unwrap_or_else(|| Caught { text: payload_text(&*payload), backtrace: None });
        std::mem::forget(payload);
        caught
    })
}

fn payload_text(payload: &(dyn Any + Send)) -> String {
    payload
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without a text".to_owned())
}
