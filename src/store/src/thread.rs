//! The writer's thread: takes whatever is queued, commits it as one batch, answers.

use crate::hub::Hub;
use crate::keeper::Keeper;
use crate::mark::{Left, Look};
use crate::pool::Pool;
use crate::writer::Writer;
use crate::{CommitError, Revision, Txn};
use rusqlite::hooks::Wal;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// Jobs that may wait for the writer; who comes later waits for a place.
const QUEUE: usize = 1024;
/// Transactions in one batch.
const BATCH: usize = 256;

type Answer<T> = oneshot::Sender<T>;

/// What the writer is asked to do.
pub(crate) enum Job {
    Commit(Txn, Answer<Result<Revision, CommitError>>),
    Compact(Answer<Result<Revision, CommitError>>),
    /// Compact, and nobody waits for it.
    Tidy,
    /// Checkpoint what a passive one could not, so that the write-ahead log starts again.
    Restart,
    Close(Answer<()>),
    /// A look at the connection.
    #[cfg(test)]
    Hook(Box<dyn FnOnce(&mut Writer) + Send>),
}

struct Loop {
    writer: Writer,
    jobs: mpsc::Receiver<Job>,
    /// Who waits for compaction; `Some` while it goes on.
    compacting: Option<Vec<Answer<Result<Revision, CommitError>>>>,
    closing: Vec<Answer<()>>,
}

/// Ends all watches with the writer, also when it panics: they would wait for ever.
struct EndWatches(Arc<Hub>);

impl Drop for EndWatches {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// Starts the writer and its keeper.
pub(crate) fn start(
    mut writer: Writer,
    path: &Path,
    pool: Arc<Pool>,
) -> Result<(mpsc::Sender<Job>, JoinHandle<()>), String> {
    let (sender, jobs) = mpsc::channel(QUEUE);
    let keeper = Keeper::start(path, sender.downgrade(), writer.damage.clone())?;
    let mut gauge = keeper.gauge();
    writer
        .conn
        .wal_hook(Some(move |_: &mut Wal, pages| {
            gauge.look(pages);
            Ok(())
        }))
        .map_err(|e| e.to_string())?;
    let path = path.to_owned();
    let thread = std::thread::Builder::new().name("store-writer".into()).spawn(move || {
        let _watchers = EndWatches(writer.hub.clone());
        let mut work = Loop { writer, jobs, compacting: None, closing: Vec::new() };
        work.run();
        work.finish(&path, &pool, keeper);
    });
    Ok((sender, thread.map_err(|e| e.to_string())?))
}

impl Loop {
    fn run(&mut self) {
        let mut taken = Vec::with_capacity(BATCH);
        while self.take(&mut taken) {
            self.serve(taken.drain(..));
            if self.compacting.is_some() {
                self.compact_step();
            }
        }
    }

    /// Waits for jobs, but not while there is compaction to do. False: closed and empty.
    fn take(&mut self, into: &mut Vec<Job>) -> bool {
        if self.compacting.is_none() {
            return self.jobs.blocking_recv_many(into, BATCH) > 0;
        }
        while into.len() < BATCH {
            match self.jobs.try_recv() {
                Ok(job) => into.push(job),
                Err(_) => break,
            }
        }
        true
    }

    fn serve(&mut self, jobs: impl Iterator<Item = Job>) {
        let (mut txns, mut answers) = (Vec::new(), Vec::new());
        for job in jobs {
            match job {
                Job::Commit(txn, answer) if self.closing.is_empty() => {
                    txns.push(txn);
                    answers.push(answer);
                }
                Job::Commit(_, answer) => drop(answer.send(Err(CommitError::Closed))),
                Job::Compact(answer) => self.compacting.get_or_insert_default().push(answer),
                Job::Tidy => drop(self.compacting.get_or_insert_default()),
                Job::Restart => self.restart(),
                Job::Close(answer) => {
                    self.jobs.close();
                    self.closing.push(answer);
                }
                #[cfg(test)]
                Job::Hook(look) => look(&mut self.writer),
            }
        }
        if txns.is_empty() {
            return;
        }
        for (result, answer) in self.writer.commit(&txns).into_iter().zip(answers) {
            // Who asked may have gone; the write stands.
            let _ = answer.send(result);
        }
    }

    fn compact_step(&mut self) {
        let done = match self.writer.forget() {
            Ok(true) if self.closing.is_empty() => return,
            Ok(_) => Ok(self.writer.oldest()),
            Err(fault) => {
                self.writer.damage.look_at(&fault);
                Err(fault.into_commit(self.writer.file.as_ref().map(|(path, _)| path.as_path())))
            }
        };
        for answer in self.compacting.take().into_iter().flatten() {
            let _ = answer.send(done.clone());
        }
    }

    fn restart(&mut self) {
        // Readers hold a snapshot for milliseconds. When one does not, the next attempt is soon enough.
        let conn = &self.writer.conn;
        let _ = conn.busy_timeout(Duration::from_millis(20));
        if let Err(e) = conn.wal_checkpoint_v2(None::<&str>, rusqlite::wal::CheckpointMode::RESTART) {
            tracing::debug!(error = %e, "the write-ahead log could not be restarted yet");
        }
        let _ = conn.busy_timeout(Duration::from_secs(10));
    }

    /// The end: keeper, watchers, readers, then the file.
    fn finish(self, path: &Path, pool: &Pool, keeper: Keeper) {
        let Loop { mut writer, closing, .. } = self;
        writer.hub.close();
        let _ = writer.conn.wal_hook(None::<fn(&mut Wal, i32) -> rusqlite::Result<()>>);
        keeper.stop();
        pool.close();
        let checkpoint = writer.conn.wal_checkpoint_v2(None::<&str>, rusqlite::wal::CheckpointMode::TRUNCATE);
        let clean = checkpoint.is_ok() && writer.damage.get().is_none();
        let Writer { conn, file, damage, .. } = writer;
        let closed = conn.close();
        if let Some((_, mark)) = file {
            match std::fs::metadata(path) {
                Ok(data) if clean && closed.is_ok() => mark.leave(Left::Closed(Look::of(&data))),
                _ if damage.get().is_some() => mark.leave(Left::Damaged),
                _ => {}
            }
            mark.release();
        }
        for answer in closing {
            let _ = answer.send(());
        }
    }
}
