//! What the store and its watches have in common.

use crate::fault::{Damage, Fault};
use crate::hub::Hub;
use crate::pool::{Pool, Reach, snapshot};
use crate::recent::Recent;
use crate::writer::Writer;
use crate::{ReadError, Revision};
use parking_lot::Mutex;
use rusqlite::Connection;
use std::sync::Arc;

/// The reading side, and the hub of the watchers.
pub(crate) struct Shared {
    pub(crate) hub: Arc<Hub>,
    pub(crate) damage: Arc<Damage>,
    pub(crate) recent: Arc<Recent>,
    pub(crate) source: Source,
    pub(crate) watch_buffer: usize,
}

/// Where reads go.
pub(crate) enum Source {
    File(Arc<Pool>),
    /// The one connection, which writes as well; `None` when closed.
    Inline(Mutex<Option<Writer>>),
}

impl Shared {
    /// Runs a read in one snapshot. `seen` tells the newest revision in what was read: it is published before we return,
    /// so that a watch from there is never "in the future".
    pub(crate) async fn read<T, F>(
        self: &Arc<Self>,
        reach: Reach,
        read: F,
        seen: fn(&T) -> Revision,
    ) -> Result<T, ReadError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, Fault> + Send + 'static,
    {
        let result = match &self.source {
            Source::Inline(writer) => match &*writer.lock() {
                Some(writer) => snapshot(&writer.conn, read),
                None => Err(ReadError::Io("the store is closed".into()).into()),
            },
            Source::File(pool) => {
                let hub = self.hub.clone();
                let read = move |conn: &Connection| {
                    let result = read(conn)?;
                    hub.wait_for(seen(&result));
                    Ok(result)
                };
                pool.read(reach, read).await
            }
        };
        result.map_err(|fault| {
            self.damage.look_at(&fault);
            fault.into_read()
        })
    }
}
