//! One file per verb: its arguments, and what it does.

pub(crate) mod completion;
pub(crate) mod container;
pub(crate) mod ctl;
pub(crate) mod debug;
pub(crate) mod kubectl;
pub(crate) mod run;
pub(crate) mod service;
pub(crate) mod set;
pub(crate) mod start;
pub(crate) mod stop;
pub(crate) mod version;
pub(crate) mod wait_condition;
