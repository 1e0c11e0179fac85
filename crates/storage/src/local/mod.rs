//! What a folder on disk needs beyond the object-store interface.

pub(crate) mod private;
pub(crate) mod scan;
pub(crate) mod tidy;
