//! Something that did not stop a step.

use super::code::Code;
use serde::{Deserialize, Serialize};

/// Something that did not stop a step but that its caller should know.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Warning {
    /// The code; its tier is medium or low.
    pub code: Code,
    /// What was noticed, in one line.
    pub message: String,
    /// Whom it concerns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person_id: Option<usize>,
}
