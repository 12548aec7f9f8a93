//! The pid file: who runs, and that only one does.
//!
//! The file holds the decimal pid; the daemon holds a lock on it for as long as it lives. The lock is what counts: the kernel drops it
//! when the process ends however it ends, so that a pid left over by a crash, a zombie, or a pid that now belongs to another process
//! never counts as running.

use crate::files;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use tokio::time::{Duration, Instant};

/// How long a claim waits for a process that is on its way out (killed, and not yet gone).
const DYING: Duration = Duration::from_secs(5);

/// Looks in a row, 2 ms apart, at which only a daemon still holds the lock.
const READERS: u32 = 4;

/// The right to be the daemon of an instance. Dropping it removes the file and gives the lock up.
#[derive(Debug)]
pub struct Claim {
    path: PathBuf,
    /// Holds the lock.
    _file: File,
}

/// Why the file was not claimed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another process has it.
    #[error("a daemon of this instance runs already (pid {0})")]
    Running(u32),
    /// The file can not be used.
    #[error(transparent)]
    File(#[from] files::Error),
}

/// The pid of the process that holds the claim; `None`: nobody does.
pub fn running(path: &Path) -> Option<u32> {
    let file = File::open(path).ok()?;
    match file.try_lock_shared() {
        Err(TryLockError::WouldBlock) => read(&file).ok(),
        _ => None,
    }
}

/// Blocks until nobody holds the claim.
pub fn wait_until_gone(path: &Path) {
    while running(path).is_some() {
        // The lock ends with the process; then the file is looked at again: another may have claimed it meanwhile.
        if let Ok(file) = File::open(path) {
            let _ = file.lock_shared();
        }
    }
}

impl Claim {
    /// Takes the file, or says who has it.
    ///
    /// # Errors
    /// Another process has it, or it can not be written.
    pub async fn take(path: &Path) -> Result<Claim, Error> {
        let failed = |source| files::Error { path: path.to_owned(), what: "written", source };
        let until = Instant::now() + DYING;
        let mut looks = 0;
        loop {
            let file = open(path).map_err(failed)?;
            match file.try_lock() {
                // Its last holder may have removed it between our open and our lock.
                Ok(()) if same(&file, path) => {
                    write(&file).map_err(failed)?;
                    return Ok(Claim { path: path.to_owned(), _file: file });
                }
                Ok(()) => continue,
                Err(TryLockError::WouldBlock) => {
                    // Held by a daemon; or for microseconds by a reader (so one look is not enough); or by a process being killed.
                    looks += 1;
                    let holder = read(&file).ok();
                    if let Some(pid) = holder.filter(|pid| looks > READERS && alive(*pid)) {
                        return Err(Error::Running(pid));
                    }
                    if Instant::now() > until {
                        return Err(Error::Running(holder.unwrap_or(0)));
                    }
                    tokio::time::sleep(Duration::from_millis(2)).await;
                }
                Err(TryLockError::Error(source)) => return Err(failed(source).into()),
            }
        }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        // Removed before the lock goes: whoever waits for the lock finds another file and looks again.
        let _ = std::fs::remove_file(&self.path);
    }
}

fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options.open(path)
}

fn write(mut file: &File) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", std::process::id())
}

fn read(mut file: &File) -> io::Result<u32> {
    let mut text = String::new();
    file.rewind()?;
    file.take(32).read_to_string(&mut text)?;
    text.trim().parse().map_err(io::Error::other)
}

#[cfg(unix)]
fn same(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    match (file.metadata(), std::fs::metadata(path)) {
        (Ok(ours), Ok(there)) => (ours.dev(), ours.ino()) == (there.dev(), there.ino()),
        _ => false,
    }
}

#[cfg(not(unix))]
fn same(_file: &File, path: &Path) -> bool {
    path.exists()
}

/// Whether a process lives; a zombie does not, though it may hold its locks for a moment more. Where there is no `/proc` the lock alone
/// decides.
fn alive(pid: u32) -> bool {
    if !Path::new("/proc/self/stat").exists() {
        return true;
    }
    // `pid (name) state …`; the name may hold anything, so the last parenthesis counts.
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit(')').next().and_then(|rest| rest.trim_start().chars().next());
    !matches!(state, None | Some('Z' | 'X'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_claim_shows_its_pid_and_refuses_a_second_one() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("rdd.pid");
        assert_eq!(running(&path), None);
        let claim = Claim::take(&path).await.unwrap();
        assert_eq!(running(&path), Some(std::process::id()));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), format!("{}\n", std::process::id()));
        assert!(matches!(Claim::take(&path).await, Err(Error::Running(pid)) if pid == std::process::id()));
        drop(claim);
        assert_eq!(running(&path), None);
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn the_pid_of_another_process_counts_as_absent() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("rdd.pid");
        // Pid 1 lives, but never claimed this file: a pid that was used again.
        std::fs::write(&path, "1\n").unwrap();
        assert_eq!(running(&path), None);
        let claim = Claim::take(&path).await.unwrap();
        assert_eq!(running(&path), Some(std::process::id()));
        drop(claim);
    }

    #[tokio::test]
    async fn garbage_in_the_file_counts_as_absent() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("rdd.pid");
        std::fs::write(&path, "not a pid, but a longer text than any pid would be").unwrap();
        assert_eq!(running(&path), None);
        drop(Claim::take(&path).await.unwrap());
    }

    #[tokio::test]
    async fn waiting_ends_when_the_claim_does() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("rdd.pid");
        let claim = Claim::take(&path).await.unwrap();
        let waiting = tokio::task::spawn_blocking({
            let path = path.clone();
            move || wait_until_gone(&path)
        });
        drop(claim);
        waiting.await.unwrap();
        assert_eq!(running(&path), None);
    }

    #[tokio::test]
    async fn readers_never_make_a_claim_fail() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("rdd.pid");
        std::fs::write(&path, "999999999\n").unwrap();
        let reading = tokio::task::spawn_blocking({
            let path = path.clone();
            move || (0..2_000).filter(|_| running(&path).is_some()).count()
        });
        for _ in 0..50 {
            drop(Claim::take(&path).await.unwrap());
        }
        reading.await.unwrap();
    }

    #[test]
    fn a_zombie_is_not_alive() {
        assert!(alive(std::process::id()));
        assert!(!alive(u32::MAX));
    }
}
