//! What objects are called.

use std::fmt;

/// The three kinds of objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A container.
    Container,
    /// An image, by tag or dangling.
    Image,
    /// A volume.
    Volume,
}

/// A full container id: 64 lower-case hex digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContainerId(String);

impl ContainerId {
    /// Parses 64 hex digits of either case; anything else is `None`.
    pub fn parse(text: &str) -> Option<ContainerId> {
        let good = text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit());
        good.then(|| ContainerId(text.to_ascii_lowercase()))
    }
    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// An image id, with its algorithm: `sha256:…`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ImageId(pub String);

/// One object of an engine.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// A container.
    Container(ContainerId),
    /// An image: all its tags.
    Image(ImageId),
    /// A volume, by name.
    Volume(String),
}

impl Key {
    /// Its kind.
    pub fn kind(&self) -> Kind {
        match self {
            Key::Container(_) => Kind::Container,
            Key::Image(_) => Kind::Image,
            Key::Volume(_) => Kind::Volume,
        }
    }
}

impl fmt::Display for ContainerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Key::Container(id) => write!(f, "container/{id}"),
            Key::Image(id) => write!(f, "image/{}", id.0),
            Key::Volume(name) => write!(f, "volume/{name}"),
        }
    }
}
