//! Keys, prefixes and revisions.

use std::fmt;
use std::sync::Arc;

/// The name of one entry: path segments joined by `/`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(Arc<str>);

impl Key {
    /// A key from its text.
    pub fn new(text: impl Into<Arc<str>>) -> Key {
        Key(text.into())
    }
    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// All keys that start with a text. End it with `/` to mean "everything below".
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Prefix(Arc<str>);

impl Prefix {
    /// A prefix from its text; the empty text is every key.
    pub fn new(text: impl Into<Arc<str>>) -> Prefix {
        Prefix(text.into())
    }
    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
    /// Whether a key lies below it.
    pub fn covers(&self, key: &Key) -> bool {
        key.as_str().starts_with(&*self.0)
    }
}

/// A point in the history of the store. Fits an SQLite integer (i64).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Revision(pub u64);

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
