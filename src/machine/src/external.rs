//! An engine that somebody else runs.
/// (to come)
pub struct External;
