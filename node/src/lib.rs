//! The program `bevis`: the only crate that touches the world (network, clock, randomness, files, terminal).
//!
//! [`args`] is what was typed, [`config`] what a node is, [`service`] an open home at work, [`control`] the local socket
//! between the two, [`http`] the pages for people, [`admin`] where a machine asks how it fares, [`mailbox`] the machine of whoever runs mailboxes, [`post`] that of whoever uses them, [`ceremony`] what anchors carry from hand to hand, [`network`] the only user of libp2p, [`command`] what each command does and prints.

pub mod admin;
pub mod args;
pub mod bugreport;
pub mod ceremony;
pub mod clock;
pub mod command;
pub mod config;
pub mod control;
pub mod demo;
pub mod disk;
pub mod error;
pub mod home;
pub mod http;
pub mod mailbox;
pub mod network;
pub mod notify;
pub mod output;
pub mod population;
pub mod post;
pub mod reference;
pub mod service;
pub mod telemetry;
pub mod text;
pub mod tokens;
pub mod webhooks;
