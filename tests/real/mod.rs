//! The flow on real hosts. README.md tells what a laboratory is.

#![allow(clippy::unwrap_used)]

mod auth;
mod beside;
mod binaries;
mod check;
mod config;
mod deploy;
mod escalate;
mod example;
mod guard;
mod key;
mod lab;
mod linear;
mod lock;
mod login;
mod luck;
mod member;
mod monitor;
mod overview;
mod package;
mod patroni;
mod pigsty;
mod place;
mod plan;
mod primitive;
mod race;
mod restart;
mod row;
mod see;
mod several;
mod survivor;
mod sweep;
mod touch;
mod upgrade;
mod versions;
