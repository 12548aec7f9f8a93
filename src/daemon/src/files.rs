//! Private directories, and files that are there whole or not at all.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Why a file or directory of ours could not be made.
#[derive(Debug, thiserror::Error)]
#[error("{path} can not be {what}: {source}; make it writable for you, or set HOME to another directory", path = path.display())]
pub struct Error {
    /// Which.
    pub path: PathBuf,
    /// What was attempted: `created`, `written`, `removed`.
    pub what: &'static str,
    /// What the system said.
    pub source: io::Error,
}

/// Makes a directory that only its owner can enter (0700), and checks that files can be made in it. One that exists gets that mode.
///
/// # Errors
/// It can not be made, or not be written.
pub fn private_dir(path: &Path) -> Result<(), Error> {
    let failed = |what| move |source| Error { path: path.to_owned(), what, source };
    make(path).map_err(failed("created"))?;
    probe(path)
}

/// As [`private_dir`], but one that exists stays as it is: the user may have named one that others use as well, `/tmp` for example.
///
/// # Errors
/// It can not be made, or not be written.
pub fn shared_dir(path: &Path) -> Result<(), Error> {
    if path.is_dir() { probe(path) } else { private_dir(path) }
}

/// A mode says nothing of a read-only file system, and root may write where the mode forbids it.
fn probe(path: &Path) -> Result<(), Error> {
    let failed = |source| Error { path: path.to_owned(), what: "written", source };
    tempfile::NamedTempFile::new_in(path).map(drop).map_err(failed)
}

#[cfg(unix)]
fn make(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    let mode = std::fs::metadata(path)?.permissions().mode();
    if mode & 0o077 != 0 {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700))?;
    }
    Ok(())
}

#[cfg(not(unix))]
fn make(path: &Path) -> io::Result<()> {
    std::fs::create_dir_all(path)
}

/// Replaces a file by one with this content and mode 0600. A reader, or a crash, sees the old one or the new one.
///
/// # Errors
/// Its directory can not be written.
pub fn replace(path: &Path, content: &[u8]) -> Result<(), Error> {
    let failed = |source| Error { path: path.to_owned(), what: "written", source };
    let dir = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(dir).map_err(failed)?;
    file.write_all(content).and_then(|()| file.as_file().sync_all()).map_err(failed)?;
    file.persist(path).map_err(|e| failed(e.error))?;
    Ok(())
}

/// Removes a file; one that is not there is fine.
///
/// # Errors
/// Anything else.
pub fn remove(path: &Path) -> Result<(), Error> {
    match std::fs::remove_file(path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            Err(Error { path: path.to_owned(), what: "removed", source })
        }
        _ => Ok(()),
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn directories_are_0700_and_files_0600() {
        let home = tempfile::tempdir().unwrap();
        let dir = home.path().join("a/b");
        private_dir(&dir).unwrap();
        assert_eq!(mode(&dir), 0o700);
        let file = dir.join("f");
        replace(&file, b"one").unwrap();
        replace(&file, b"two").unwrap();
        assert_eq!(mode(&file), 0o600);
        assert_eq!(std::fs::read(&file).unwrap(), b"two");
        assert_eq!(std::fs::read_dir(&dir).unwrap().count(), 1);
    }

    #[test]
    fn an_open_directory_is_closed_to_others() {
        let home = tempfile::tempdir().unwrap();
        std::fs::set_permissions(home.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        private_dir(home.path()).unwrap();
        assert_eq!(mode(home.path()), 0o700);
    }

    #[test]
    fn a_directory_that_others_may_use_stays_open_to_them_and_a_new_one_is_private() {
        let home = tempfile::tempdir().unwrap();
        std::fs::set_permissions(home.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        shared_dir(home.path()).unwrap();
        assert_eq!(mode(home.path()), 0o755);
        let new = home.path().join("new");
        shared_dir(&new).unwrap();
        assert_eq!(mode(&new), 0o700);
    }

    #[test]
    fn a_directory_that_can_not_be_made_says_what_to_do() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("file");
        std::fs::write(&file, "").unwrap();
        let error = private_dir(&file.join("dir")).unwrap_err().to_string();
        assert!(error.contains("can not be created"), "{error}");
        assert!(error.contains("set HOME to another directory"), "{error}");
    }

    #[test]
    fn removing_what_is_not_there_is_fine() {
        let home = tempfile::tempdir().unwrap();
        remove(&home.path().join("none")).unwrap();
    }
}
