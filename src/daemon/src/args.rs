//! `args.json`: the saved arguments of `serve`. Its presence means that the instance was created.

use crate::{Paths, files};
use std::io;

/// Why the arguments can not be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file is there and can not be understood.
    #[error("{path} is damaged ({why}); `rdd svc delete` and `rdd svc create` make a new one")]
    Damaged {
        /// Where it is.
        path: String,
        /// What is wrong.
        why: String,
    },
    /// A directory or file can not be written.
    #[error(transparent)]
    File(#[from] files::Error),
}

/// The saved arguments; `None`: the instance was not created.
///
/// # Errors
/// The file is there and is not a JSON array of strings.
pub fn load(paths: &Paths) -> Result<Option<Vec<String>>, Error> {
    let damaged = |why: String| Error::Damaged { path: paths.args_file.display().to_string(), why };
    match std::fs::read(&paths.args_file) {
        Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|e| damaged(e.to_string())),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(damaged(e.to_string())),
    }
}

/// Whether the instance was created.
pub fn created(paths: &Paths) -> bool {
    paths.args_file.exists()
}

/// Makes the instance's directory and saves the arguments.
///
/// # Errors
/// The directory can not be written.
pub fn save(paths: &Paths, args: &[String]) -> Result<(), Error> {
    files::private_dir(&paths.dir)?;
    let text = serde_json::to_vec(args).unwrap_or_default();
    Ok(files::replace(&paths.args_file, &text)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_paths;

    #[test]
    fn what_was_saved_is_loaded() {
        let (_home, paths) = test_paths();
        assert!(!created(&paths));
        assert_eq!(load(&paths).unwrap(), None);
        let args = vec!["--controllers".to_owned(), "app".to_owned()];
        save(&paths, &args).unwrap();
        assert!(created(&paths));
        assert_eq!(load(&paths).unwrap(), Some(args));
    }

    #[test]
    fn a_damaged_file_says_what_to_do() {
        let (_home, paths) = test_paths();
        save(&paths, &[]).unwrap();
        std::fs::write(&paths.args_file, "{").unwrap();
        let error = load(&paths).unwrap_err().to_string();
        assert!(error.contains("args.json is damaged") && error.contains("rdd svc delete"), "{error}");
    }
}
