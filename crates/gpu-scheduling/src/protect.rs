//! Panics as text.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Calls `f`; a panic becomes its message.
pub(crate) fn protect<T>(f: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(f)).map_err(|payload| {
        let text = payload.downcast_ref::<&str>().map(ToString::to_string);
        text.or_else(|| payload.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "no message".into())
    })
}
