//! What becomes of memory that a network has freed.

#![allow(unsafe_code)]

/// Lets the process keep so much freed memory instead of giving it back to the system at once.
///
/// A network frees maps of many megabytes that the next layer asks for again. By default the C
/// library returns such blocks to the system, which then clears every page anew: 4 to 7 % of the
/// time of a forward pass. For programs that own their process, at the beginning of `main`, before
/// there are other threads. Does something with glibc on Linux alone, elsewhere nothing; a program
/// with an allocator of its own does not need it.
pub fn keep_freed_memory(bytes: usize) {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        let bytes = bytes.try_into().unwrap_or(libc::c_int::MAX);
        // SAFETY: `mallopt` takes two numbers, and refuses those that it does not like. It is meant
        // to be called before other threads are started, but holds the lock of the arena it
        // changes.
        unsafe {
            libc::mallopt(libc::M_MMAP_THRESHOLD, bytes);
            libc::mallopt(libc::M_TRIM_THRESHOLD, bytes);
        }
    }
    #[cfg(not(all(target_os = "linux", target_env = "gnu")))]
    let _ = bytes;
}
