//! Whether this thread takes its CPU for a card, for tests.

#[cfg(emulating)]
use std::cell::Cell;

#[cfg(emulating)]
thread_local! {
    static HERE: Cell<bool> = const { Cell::new(false) };
}

/// Whether this thread takes tensors on the CPU for such on a card.
#[cfg(emulating)]
pub(super) fn is_here() -> bool {
    HERE.get()
}

/// See [`emulating_cuda`].
#[cfg(emulating)]
fn here<T>(work: impl FnOnce() -> T) -> T {
    /// Puts it back, also when the work panics.
    struct Before(bool);
    impl Drop for Before {
        fn drop(&mut self) {
            HERE.set(self.0);
        }
    }
    let _before = Before(HERE.replace(true));
    work()
}

/// For tests: does some work, on this thread, as if the CPU were a card. Layers that are made and
/// operations that are called run the CUDA kernels, compiled for the CPU; slowly. `None`, and a
/// line that says so, where they cannot be: on others than 64-bit Linux on x86, and without a C++
/// compiler.
#[cfg(feature = "emulate-cuda")]
#[allow(clippy::print_stdout, reason = "a test says that it skips")]
pub fn emulating_cuda<T>(work: impl FnOnce() -> T) -> Option<T> {
    #[cfg(emulating)]
    return Some(here(work));
    #[cfg(not(emulating))]
    {
        drop(work);
        println!("SKIPPED: the CUDA kernels cannot run on this CPU");
        None
    }
}
