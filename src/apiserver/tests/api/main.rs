//! The API as its clients see it: in-process, on a store in memory, with the clock paused; and over TLS.

mod kit;
mod lifecycle;
mod objects;
mod reading;
mod serving;
mod watches;
