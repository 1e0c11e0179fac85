//! Memory of a thread for rows that are computed.

use std::cell::Cell;

/// A buffer that grows and is used again, and others behind it for what is computed on the way.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    values: Vec<f32>,
    next: Option<Box<Scratch>>,
}

impl Scratch {
    /// Lends this thread's scratch. A job that runs inside another one gets a fresh one.
    pub(crate) fn of_thread<T>(work: impl FnOnce(&mut Self) -> T) -> T {
        thread_local! {
            static SCRATCH: Cell<Option<Scratch>> = const { Cell::new(None) };
        }
        let mut scratch = SCRATCH.take().unwrap_or_default();
        let result = work(&mut scratch);
        SCRATCH.set(Some(scratch));
        result
    }

    /// Room for so many values, which hold anything.
    pub(crate) fn values(&mut self, length: usize) -> &mut [f32] {
        self.split(length).0
    }

    /// As [`values`](Self::values), and another scratch.
    pub(crate) fn split(&mut self, length: usize) -> (&mut [f32], &mut Self) {
        if self.values.len() < length {
            self.values.resize(length, 0.0);
        }
        (&mut self.values[..length], self.next.get_or_insert_default())
    }

    /// What was written.
    pub(crate) fn as_slice(&self) -> &[f32] {
        &self.values
    }
}
