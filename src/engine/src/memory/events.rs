//! The event stream.

use super::{Memory, Seen};
use crate::memory::Call;
use crate::{Error, Hint};
use futures::StreamExt;
use futures::channel::mpsc::{self, UnboundedReceiver};
use futures::stream::{self, BoxStream};
use jiff::Timestamp;
use std::collections::VecDeque;

enum Reading<'a> {
    Closed(&'a Memory, Timestamp),
    Open(&'a Memory, VecDeque<Hint>, UnboundedReceiver<Hint>),
    Over,
}

/// Opens when first polled. What was replayed comes first; it breaks with an error when the engine goes away.
pub(super) fn stream(engine: &Memory, since: Timestamp) -> BoxStream<'_, Result<Hint, Error>> {
    stream::unfold(Reading::Closed(engine, since), |mut reading| async move {
        loop {
            match reading {
                Reading::Closed(engine, since) => {
                    let (to, from) = mpsc::unbounded();
                    let open = async { Ok(engine.shared.world.lock().listen(since, to)) };
                    match engine.call(Seen::of(Call::Events), open).await {
                        Ok(replayed) => reading = Reading::Open(engine, replayed.into(), from),
                        Err(error) => return Some((Err(error), Reading::Over)),
                    }
                }
                Reading::Open(engine, mut replayed, mut from) => {
                    let next = match replayed.pop_front() {
                        Some(hint) => Some(hint),
                        None => from.next().await,
                    };
                    engine.thawed().await;
                    return Some(match next {
                        Some(hint) => (Ok(hint), Reading::Open(engine, replayed, from)),
                        None => (Err(engine.away()), Reading::Over),
                    });
                }
                Reading::Over => return None,
            }
        }
    })
    .boxed()
}
