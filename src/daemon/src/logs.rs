//! Log files: one fresh pair per start, five old ones kept.

use crate::{Paths, files};
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// How many old files of each name are kept.
pub const KEPT: usize = 5;

/// One of the daemon's log files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Name {
    /// What it prints.
    Stdout,
    /// What it logs.
    Stderr,
}

/// What the environment says about logs.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// `RDD_LOG_TITLE`: first line of each new file, as `=== TITLE ===`.
    pub title: Option<String>,
    /// `RDD_KEEP_LOGS`: old files are not pruned, and deleting the instance leaves them.
    pub keep: bool,
}

impl Name {
    fn stem(self) -> &'static str {
        match self {
            Name::Stdout => "rdd.stdout",
            Name::Stderr => "rdd.stderr",
        }
    }

    /// Where it is.
    pub fn path(self, paths: &Paths) -> PathBuf {
        paths.log_dir.join(format!("{}.log", self.stem()))
    }
}

impl Settings {
    /// Those of this process.
    pub fn current() -> Settings {
        let set = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        Settings {
            title: set("RDD_LOG_TITLE"),
            keep: set("RDD_KEEP_LOGS").is_some_and(|v| v != "0" && v != "false"),
        }
    }
}

/// Sets the last file aside as `<name>.<N>.log`, prunes, and opens a new one for appending.
///
/// # Errors
/// The log directory can not be written.
pub fn rotate(paths: &Paths, name: Name, settings: &Settings) -> Result<File, files::Error> {
    files::shared_dir(&paths.log_dir)?;
    let path = name.path(paths);
    let failed = |source| files::Error { path: path.clone(), what: "written", source };
    let old = numbered(&paths.log_dir, name.stem()).map_err(failed)?;
    if path.exists() {
        let next = old.last().map_or(1, |(n, _)| n + 1);
        std::fs::rename(&path, paths.log_dir.join(format!("{}.{next}.log", name.stem()))).map_err(failed)?;
    }
    if !settings.keep {
        let old = numbered(&paths.log_dir, name.stem()).map_err(failed)?;
        for (_, path) in old.iter().rev().skip(KEPT) {
            files::remove(path)?;
        }
    }
    let mut file = open(&path).map_err(failed)?;
    if let Some(title) = &settings.title {
        writeln!(file, "=== {title} ===").map_err(failed)?;
    }
    Ok(file)
}

/// Removes the log files that are ours, and the directory if nothing else is in it: it may be one that the user named.
///
/// # Errors
/// A file can not be removed.
pub fn delete(paths: &Paths) -> Result<(), files::Error> {
    let Ok(entries) = std::fs::read_dir(&paths.log_dir) else { return Ok(()) };
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let ours = ["rdd.stdout.", "rdd.stderr.", "dockerd."].iter().any(|stem| name.starts_with(stem));
        if ours && name.ends_with(".log") {
            files::remove(&entry.path())?;
        }
    }
    // Fails when something else is in it, which is meant.
    let _ = std::fs::remove_dir(&paths.log_dir);
    Ok(())
}

/// The old files of a stem, oldest first.
fn numbered(dir: &Path, stem: &str) -> io::Result<Vec<(u64, PathBuf)>> {
    let number = |name: &str| -> Option<u64> {
        name.strip_prefix(stem)?.strip_prefix('.')?.strip_suffix(".log")?.parse().ok()
    };
    let mut found: Vec<_> = std::fs::read_dir(dir)?
        .flatten()
        .filter_map(|entry| Some((number(&entry.file_name().to_string_lossy())?, entry.path())))
        .collect();
    found.sort();
    Ok(found)
}

fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options.open(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_paths;

    fn names(paths: &Paths) -> Vec<String> {
        let mut names: Vec<_> = std::fs::read_dir(&paths.log_dir)
            .unwrap()
            .map(|e| e.unwrap().file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn the_old_file_gets_the_next_number_and_five_are_kept() {
        let (_home, paths) = test_paths();
        for n in 1..=8 {
            let mut file = rotate(&paths, Name::Stderr, &Settings::default()).unwrap();
            writeln!(file, "start {n}").unwrap();
        }
        let expected = ["3", "4", "5", "6", "7"].map(|n| format!("rdd.stderr.{n}.log"));
        assert_eq!(names(&paths)[..5], expected);
        assert_eq!(names(&paths)[5], "rdd.stderr.log");
        assert_eq!(std::fs::read_to_string(paths.log_dir.join("rdd.stderr.7.log")).unwrap(), "start 7\n");
    }

    #[test]
    fn numbers_are_compared_as_numbers() {
        let (_home, paths) = test_paths();
        for _ in 1..=12 {
            rotate(&paths, Name::Stdout, &Settings::default()).unwrap();
        }
        assert!(names(&paths).contains(&"rdd.stdout.11.log".to_owned()));
        assert!(!names(&paths).contains(&"rdd.stdout.6.log".to_owned()));
    }

    #[test]
    fn nothing_is_pruned_when_logs_are_kept_and_each_file_has_its_title() {
        let (_home, paths) = test_paths();
        let settings = Settings { title: Some("a test".to_owned()), keep: true };
        for _ in 1..=8 {
            rotate(&paths, Name::Stderr, &settings).unwrap();
        }
        assert_eq!(names(&paths).len(), 8);
        assert_eq!(std::fs::read_to_string(Name::Stderr.path(&paths)).unwrap(), "=== a test ===\n");
    }

    #[cfg(unix)]
    #[test]
    fn a_log_directory_that_the_user_named_keeps_its_mode() {
        use std::os::unix::fs::PermissionsExt;
        let (home, mut paths) = test_paths();
        paths.log_dir = home.path().to_owned();
        std::fs::set_permissions(home.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
        rotate(&paths, Name::Stderr, &Settings::default()).unwrap();
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(home.path()), mode(&Name::Stderr.path(&paths))), (0o777, 0o600));
    }

    #[test]
    fn deleting_leaves_what_is_not_ours() {
        let (_home, paths) = test_paths();
        rotate(&paths, Name::Stderr, &Settings::default()).unwrap();
        let other = paths.log_dir.join("syslog");
        std::fs::write(&other, "").unwrap();
        delete(&paths).unwrap();
        assert_eq!(names(&paths), ["syslog"]);
        files::remove(&other).unwrap();
        delete(&paths).unwrap();
        assert!(!paths.log_dir.exists());
    }
}
