//! Checkpoints, away from the writer: copying the write-ahead log into the database is what makes the tail of a commit long.

use crate::fault::{Damage, Fault};
use crate::schema;
use crate::thread::Job;
use rusqlite::wal::CheckpointMode;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::mpsc::WeakSender;

/// A checkpoint is made for so many new pages of log (4 MiB).
const PAGES: i32 = 1024;
/// A log that grew to this (32 MiB) because readers or writers never paused is restarted by the writer.
const TOO_LONG: i32 = 8 * 1024;
/// How often history is looked at when nothing is written.
const IDLE: Duration = Duration::from_secs(60);

/// The thread `store-keeper`.
pub(crate) struct Keeper {
    pages: Sender<i32>,
    thread: JoinHandle<()>,
}

/// The writer's eye on the length of the log.
pub(crate) struct Gauge {
    pages: Sender<i32>,
    last: i32,
    next: i32,
}

impl Keeper {
    pub(crate) fn start(path: &Path, writer: WeakSender<Job>, damage: Arc<Damage>) -> Result<Keeper, String> {
        let conn = schema::keeper(path).map_err(|e| e.to_string())?;
        let (pages, lengths) = channel();
        let run = move || keep(&conn, &lengths, &writer, &damage);
        let thread =
            std::thread::Builder::new().name("store-keeper".into()).spawn(run).map_err(|e| e.to_string())?;
        Ok(Keeper { pages, thread })
    }

    pub(crate) fn gauge(&self) -> Gauge {
        Gauge { pages: self.pages.clone(), last: 0, next: PAGES }
    }

    /// Waits for its end. All gauges must be gone.
    pub(crate) fn stop(self) {
        drop(self.pages);
        if self.thread.join().is_err() {
            tracing::error!("the store's keeper had panicked");
        }
    }
}

impl Gauge {
    /// Told by each commit how many pages the log has.
    pub(crate) fn look(&mut self, pages: i32) {
        if pages < self.last {
            self.next = PAGES;
        }
        self.last = pages;
        if pages >= self.next {
            self.next = pages + PAGES;
            // A keeper that has gone is reported where it is joined.
            let _ = self.pages.send(pages);
        }
    }
}

fn keep(conn: &rusqlite::Connection, lengths: &Receiver<i32>, writer: &WeakSender<Job>, damage: &Damage) {
    let ask = |job| {
        // A full queue means that there are writes, which do the same work by the way.
        let _ = writer.upgrade().map(|sender| sender.try_send(job));
    };
    loop {
        match lengths.recv_timeout(IDLE) {
            Err(RecvTimeoutError::Disconnected) => return,
            Err(RecvTimeoutError::Timeout) => ask(Job::Tidy),
            Ok(_) => match conn.wal_checkpoint_v2(None::<&str>, CheckpointMode::PASSIVE) {
                Ok((pages, _)) if pages >= TOO_LONG => ask(Job::Restart),
                Ok(_) => {}
                Err(e) => {
                    tracing::warn!(error = %e, "a checkpoint failed");
                    damage.look_at(&Fault::Sql(e));
                }
            },
        }
        // Checkpoints asked for meanwhile are done.
        while lengths.try_recv().is_ok() {}
    }
}
