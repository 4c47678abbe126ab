//! The API over a real home, without a socket: who may call, what a call must be like, and what comes of it.

mod bench;
mod calls;
mod described;
mod doors;
mod hooking;
mod secured;
