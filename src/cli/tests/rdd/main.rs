//! The program from outside: no engine, no network, a home directory of its own for each test.

#![cfg(unix)]

mod bad_input;
mod commands;
mod home;
mod service;
