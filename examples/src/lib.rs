//! Four small programs; see the files beside this one.
