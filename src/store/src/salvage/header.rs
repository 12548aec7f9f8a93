//! A new first page for a database that lost it.
//!
//! The first page holds only the header and the schema, and both are ours: the tables of every database are made in the same order and stay at the same
//! roots. With the first page of a new database in front, the rest can be read.

use super::Kept;
use crate::mark::beside;
use crate::schema;
use rusqlite::Connection;
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

const PAGE: usize = 4096;

/// Reads from a mended copy, which is removed afterwards.
pub(super) fn rebuilt(path: &Path, read: impl FnOnce(&Path) -> Option<Kept>) -> Option<Kept> {
    let (copy, template) = (beside(path, ".mended"), beside(path, ".template"));
    let kept = mend(path, &copy, &template)
        .inspect_err(|e| tracing::warn!(error = %e, "the damaged database could not be mended"))
        .ok()
        .and_then(|()| read(&copy));
    for file in [&copy, &template] {
        for suffix in ["", "-wal", "-shm", "-journal"] {
            let _ = fs::remove_file(beside(file, suffix));
        }
    }
    kept
}

fn mend(path: &Path, copy: &Path, template: &Path) -> std::io::Result<()> {
    let size = fs::copy(path, copy)?;
    let page = first_page(template).map_err(std::io::Error::other)??;
    let mut page = page;
    let pages = u32::try_from(size / PAGE as u64).unwrap_or(u32::MAX).max(1);
    // Size in pages; no free pages; nothing else differs.
    page[28..32].copy_from_slice(&pages.to_be_bytes());
    page[32..40].fill(0);
    let mut file = File::options().write(true).open(copy)?;
    file.seek(SeekFrom::Start(0))?;
    file.write_all(&page)?;
    // The log, if there is one, may hold a newer first page and others.
    match fs::copy(beside(path, "-wal"), beside(copy, "-wal")) {
        Ok(_) => Ok(()),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(e) => Err(e),
    }
}

fn first_page(template: &Path) -> rusqlite::Result<std::io::Result<[u8; PAGE]>> {
    let conn: Connection = schema::writer(template)?;
    schema::create(&conn, 0)?;
    conn.wal_checkpoint_v2(None::<&str>, rusqlite::wal::CheckpointMode::TRUNCATE)?;
    let _ = conn.close();
    Ok(File::open(template).and_then(|mut file| {
        let mut page = [0; PAGE];
        file.read_exact(&mut page)?;
        Ok(page)
    }))
}
