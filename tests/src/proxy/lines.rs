//! An event stream, line by line.

use super::pass::Data;
use super::rule::Active;
use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use futures::stream;
use std::collections::VecDeque;
use std::sync::Arc;

/// What happens to the lines of a stream. A line is fit by a text it contains; the empty text fits all.
#[derive(Clone, Debug)]
pub enum Lines {
    /// Lines with this text never come.
    Drop(&'static str),
    /// Every line comes so many times.
    Repeat(usize),
    /// So many lines are gathered, then come in reverse order.
    Reverse(usize),
    /// Nothing comes until the rule is released; then all of it does.
    Hold,
    /// So many lines come, then the stream ends in good order.
    End(usize),
    /// So many lines come, then the connection breaks.
    Break(usize),
}

struct Reading {
    active: Arc<Active>,
    fault: Lines,
    data: Data,
    buffer: BytesMut,
    ready: VecDeque<Bytes>,
    gathered: Vec<Bytes>,
    sent: usize,
}

pub(super) fn spoil(active: Arc<Active>, fault: Lines, data: Data) -> Data {
    let (buffer, ready, gathered, sent) = Default::default();
    let reading = Reading { active, fault, data, buffer, ready, gathered, sent };
    stream::unfold(reading, |mut reading| async move { Some((reading.next().await?, reading)) }).boxed()
}

impl Reading {
    async fn next(&mut self) -> Option<std::io::Result<Bytes>> {
        loop {
            match self.fault {
                Lines::End(most) if self.sent >= most => return None,
                Lines::Break(most) if self.sent >= most => {
                    // What was said before is sent first.
                    tokio::task::yield_now().await;
                    return Some(Err(std::io::ErrorKind::ConnectionReset.into()));
                }
                Lines::Hold => self.active.released().await,
                _ => {}
            }
            if let Some(line) = self.ready.pop_front() {
                self.sent += 1;
                return Some(Ok(line));
            }
            match self.line() {
                Some(line) => self.spoil(line),
                None => match self.data.next().await? {
                    Ok(data) => self.buffer.extend_from_slice(&data),
                    Err(error) => return Some(Err(error)),
                },
            }
        }
    }

    fn line(&mut self) -> Option<Bytes> {
        let end = self.buffer.iter().position(|b| *b == b'\n')?;
        Some(self.buffer.split_to(end + 1).freeze())
    }

    fn spoil(&mut self, line: Bytes) {
        match self.fault {
            Lines::Drop(text) if contains(&line, text) => {}
            Lines::Repeat(times) => self.ready.extend(std::iter::repeat_n(line, times)),
            // A released rule holds nothing back any more.
            Lines::Reverse(count) if !self.active.is_released() => {
                self.gathered.push(line);
                if self.gathered.len() >= count {
                    self.ready.extend(self.gathered.drain(..).rev());
                }
            }
            _ => {
                self.ready.extend(self.gathered.drain(..).rev());
                self.ready.push_back(line);
            }
        }
    }
}

fn contains(line: &[u8], text: &str) -> bool {
    text.is_empty() || line.windows(text.len()).any(|w| w == text.as_bytes())
}
