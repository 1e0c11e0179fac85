//! Runnable examples: see the files in `examples/`.
