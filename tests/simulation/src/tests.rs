//! Seeds by the thousand, one seed by name, and bugs that are planted to be found.

mod bugs;
mod durability;
mod notices;
mod planted;
mod seeds;
