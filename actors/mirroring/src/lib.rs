//! (contract to come)
