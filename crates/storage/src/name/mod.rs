//! Names: ids, formats, artifacts and their keys. Values only; reading them from text with an
//! error is in `checked`.

pub(crate) mod artifact;
pub(crate) mod checked;
pub(crate) mod folder;
pub(crate) mod format;
pub(crate) mod id;
pub(crate) mod key;
pub(crate) mod recipe;
pub(crate) mod subject;
