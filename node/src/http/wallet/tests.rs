//! A wallet's pages as a browser without scripts sees them, over real organisations.

mod bounds;
mod checklist;
mod keeping;
mod pages;
mod town;
