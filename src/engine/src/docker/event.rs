//! The event stream: lines of JSON, each a hint where to look.

use super::wire::{Flow, Wire, decode};
use crate::{ContainerId, Error, Hint, ImageId, Key, Kind};
use bytes::BytesMut;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use jiff::Timestamp;
use serde::Deserialize;
use std::borrow::Cow;

/// The longest line: an event carries all labels of its object. A longer one is no event.
const LONGEST_LINE: usize = 16 * 1024 * 1024;

/// One line, borrowed from it: an event that says nothing to us costs no allocation.
#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow, rename = "Type")]
    kind: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "Action")]
    action: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "Actor")]
    actor: Option<Actor<'a>>,
    #[serde(rename = "timeNano", default)]
    time_nano: i64,
}

#[derive(Deserialize)]
struct Actor<'a> {
    #[serde(borrow, rename = "ID")]
    id: Option<Cow<'a, str>>,
}

enum Reading<'a> {
    Closed(&'a Wire, Timestamp),
    Open(&'a Wire, Flow, BytesMut),
    Over,
}

/// Opens when first polled; ends at the first error.
pub(super) fn stream(wire: &Wire, since: Timestamp) -> BoxStream<'_, Result<Hint, Error>> {
    stream::unfold(Reading::Closed(wire, since), |mut reading| async move {
        loop {
            match reading {
                Reading::Closed(wire, since) => match wire.flow(&path(since)).await {
                    Ok(flow) => reading = Reading::Open(wire, flow, BytesMut::new()),
                    Err(error) => return Some((Err(error), Reading::Over)),
                },
                Reading::Open(wire, mut flow, mut buffer) => match next(wire, &mut flow, &mut buffer).await {
                    Some(Ok(hint)) => return Some((Ok(hint), Reading::Open(wire, flow, buffer))),
                    Some(Err(error)) => return Some((Err(error), Reading::Over)),
                    None => {
                        wire.ended();
                        return None;
                    }
                },
                Reading::Over => return None,
            }
        }
    })
    .boxed()
}

async fn next(wire: &Wire, flow: &mut Flow, buffer: &mut BytesMut) -> Option<Result<Hint, Error>> {
    let mut searched = 0;
    loop {
        while let Some(end) = buffer[searched..].iter().position(|b| *b == b'\n').map(|at| searched + at) {
            let line = buffer.split_to(end + 1);
            searched = 0;
            if line.trim_ascii().is_empty() {
                continue;
            }
            match decode::<Line<'_>>(&line) {
                Ok(line) => {
                    if let Some(hint) = line.hint() {
                        return Some(Ok(hint));
                    }
                }
                Err(error) => return Some(Err(error)),
            }
        }
        searched = buffer.len();
        if searched > LONGEST_LINE {
            return Some(Err(Error::Protocol("an event is longer than 16 MiB".to_owned())));
        }
        match flow.next(wire).await {
            Some(Ok(data)) => buffer.extend_from_slice(&data),
            Some(Err(error)) => return Some(Err(error)),
            // The rest of a line that will never be whole is not an event.
            None => return None,
        }
    }
}

/// `since` in seconds and nanoseconds; the filter keeps networks, plugins and the daemon itself out.
fn path(since: Timestamp) -> String {
    let (seconds, nanos) = (since.as_second().max(0), since.subsec_nanosecond().max(0));
    format!(
        "/events?since={seconds}.{nanos:09}&filters=%7B%22type%22%3A%5B%22container%22%2C%22image%22%2C%22volume%22%5D%7D"
    )
}

impl Line<'_> {
    fn hint(&self) -> Option<Hint> {
        let action = self.action.as_deref().unwrap_or_default();
        let id = self.actor.as_ref().and_then(|a| a.id.as_deref()).unwrap_or_default();
        hint(self.kind.as_deref().unwrap_or_default(), action, id, self.time_nano)
    }
}

/// What an event asks for. An action not known here is looked into (looking is always safe); what it is about being unreadable, all of
/// its kind is.
pub(super) fn hint(kind: &str, action: &str, id: &str, time_nano: i64) -> Option<Hint> {
    // `exec_create: sh -c …`, `health_status: healthy`
    let action = action.split_once(':').map_or(action, |(verb, _)| verb).trim_end();
    let changed = |key| Hint::Changed { key, action: action.to_owned(), time_nano };
    match (kind, action) {
        (
            "container",
            "exec_create" | "exec_start" | "exec_die" | "exec_detach" | "attach" | "detach" | "resize"
            | "top" | "copy" | "export" | "archive-path" | "extract-to-dir",
        )
        | ("image", "push" | "save")
        | ("volume", "mount" | "unmount") => None,
        ("container", "commit") => Some(Hint::Resync(Kind::Image)),
        ("container", _) => Some(
            ContainerId::parse(id).map_or(Hint::Resync(Kind::Container), |id| changed(Key::Container(id))),
        ),
        // A pull carries the reference, and the id it means is not known yet.
        ("image", _) if id.starts_with("sha256:") => Some(changed(Key::Image(ImageId(id.to_owned())))),
        ("image", _) => Some(Hint::Resync(Kind::Image)),
        ("volume", _) if id.is_empty() => Some(Hint::Resync(Kind::Volume)),
        ("volume", _) => Some(changed(Key::Volume(id.to_owned()))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
    const IMAGE: &str = "sha256:00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

    #[test]
    fn r08_every_event_of_the_table_asks_for_what_it_must() {
        let this = |kind: &str| match kind {
            "container" => Key::Container(ContainerId::parse(ID).unwrap()),
            "image" => Key::Image(ImageId(IMAGE.to_owned())),
            _ => Key::Volume("data".to_owned()),
        };
        let id = |kind: &str| match kind {
            "container" => ID,
            "image" => IMAGE,
            _ => "data",
        };
        let looked_at = [
            (
                "container",
                "create start stop die kill oom pause unpause restart rename update destroy unheard-of",
            ),
            ("image", "import load tag untag delete unheard-of"),
            ("volume", "create destroy unheard-of"),
        ];
        for (kind, actions) in looked_at {
            for action in actions.split(' ') {
                let want = Hint::Changed { key: this(kind), action: action.to_owned(), time_nano: 7 };
                assert_eq!(hint(kind, action, id(kind), 7), Some(want), "{kind} {action}");
            }
        }
        for said in ["health_status: healthy", "health_status: unhealthy", "health_status"] {
            let key = this("container");
            let want = Hint::Changed { key, action: "health_status".to_owned(), time_nano: 7 };
            assert_eq!(hint("container", said, ID, 7), Some(want));
        }
        let ignored = [
            ("container", "exec_create: sh -c true"),
            ("container", "exec_start: sh -c 'a: b'"),
            ("container", "exec_die"),
            ("container", "exec_detach"),
            ("container", "attach"),
            ("container", "detach"),
            ("container", "resize"),
            ("container", "top"),
            ("container", "copy"),
            ("container", "export"),
            ("volume", "mount"),
            ("volume", "unmount"),
            ("image", "push"),
            ("image", "save"),
            ("network", "connect"),
            ("daemon", "reload"),
        ];
        for (kind, action) in ignored {
            assert_eq!(hint(kind, action, id(kind), 7), None, "{kind} {action}");
        }
        let all_of_a_kind = [
            ("container", "prune", "", Kind::Container),
            ("image", "prune", "", Kind::Image),
            ("volume", "prune", "", Kind::Volume),
            ("container", "commit", ID, Kind::Image),
            ("image", "pull", "busybox:latest", Kind::Image),
            ("container", "die", "no-id", Kind::Container),
        ];
        for (kind, action, id, want) in all_of_a_kind {
            assert_eq!(hint(kind, action, id, 7), Some(Hint::Resync(want)), "{kind} {action}");
        }
    }

    #[test]
    fn since_is_seconds_and_nine_digits() {
        let since = Timestamp::new(1_700_000_000, 42).unwrap();
        assert!(path(since).starts_with("/events?since=1700000000.000000042&filters="));
    }
}
