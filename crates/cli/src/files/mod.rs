//! Files that the command reads and writes, so that none is lost.

pub(crate) mod folder;
pub(crate) mod guard;
pub(crate) mod ledger;
pub(crate) mod photos;
pub(crate) mod target;
pub(crate) mod write;
