//! What the workspace's own tests share: reproducible weights, golden tensors and test data.
//!
//! A published checkpoint cannot travel with the tests, so the networks are checked with
//! *reproducible* weights: every parameter is a pure function of its name, shape and element
//! index ([`reproducible`]). The official implementations were run with the same values, and what
//! they computed is kept as golden tensors ([`golden`]) in a data folder ([`test_data`]).
//!
//! ```
//! let gamma = portrait_test_support::reproducible::tensor("bb.norm0.weight", &[96]).unwrap();
//! assert_eq!(gamma.len(), 96);
//! assert!(gamma.iter().all(|g| (0.9..1.1).contains(g)));
//! ```

mod data;
pub mod golden;
pub mod reproducible;

pub use data::{repository_root, test_data};
