//! `serving.json`: what clients remember of an instance, so that they survive its restart: the bearer token and the port.

use crate::files;
use base64::Engine as _;
use rand::RngCore;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// How the API is reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Serving {
    /// The bearer token: 256 random bits, new with a new instance.
    pub token: String,
    /// The port last used; tried first at the next start.
    pub port: Option<u16>,
}

impl Serving {
    /// A new token.
    pub fn fresh() -> Serving {
        let mut secret = [0; 32];
        rand::rng().fill_bytes(&mut secret);
        Serving { token: base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(secret), port: None }
    }

    /// What was saved; a missing or damaged file gives a new token (clients then need the new kubeconfig, nothing else is lost).
    pub fn load(path: &Path) -> Serving {
        let saved = std::fs::read(path).ok().and_then(|bytes| serde_json::from_slice::<Serving>(&bytes).ok());
        // A short token would be a guessable one.
        saved.filter(|s| s.token.len() >= 32).unwrap_or_else(Serving::fresh)
    }

    /// Saves it for the next start.
    ///
    /// # Errors
    /// The directory can not be written.
    pub fn save(&self, path: &Path) -> Result<(), files::Error> {
        files::replace(path, &serde_json::to_vec(self).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn token_and_port_are_kept() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("serving.json");
        let serving = Serving { port: Some(1234), ..Serving::load(&path) };
        serving.save(&path).unwrap();
        assert_eq!(Serving::load(&path), serving);
    }

    #[test]
    fn a_damaged_or_weak_file_gives_a_new_token() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("serving.json");
        for bad in ["{", r#"{"token":"","port":1}"#, r#"{"token":"short"}"#] {
            std::fs::write(&path, bad).unwrap();
            assert_eq!(Serving::load(&path).token.len(), 43, "{bad}");
        }
        assert_ne!(Serving::fresh(), Serving::fresh());
    }
}
