//! What measuring and comparing programs need: networks alone, devices, operations.
//!
//! Applications need none of it.

pub use crate::error::errors_page;
pub use crate::models::{RawNetwork, RawRun, load_detector, load_segmenter};
pub use portrait_kernels::{Device, OPERATIONS, keep_freed_memory, open_device};
