//! What the workspace's HTTP clients have in common: how a client is set up, how often and after
//! which pause a request is tried again, which addresses a key may be sent to, and what an error
//! message may quote.
//!
//! This crate sends no request itself and reads no environment. Each client keeps its own typed
//! errors, and its own rules about what may be sent twice.
//!
//! ```
//! use std::time::{Duration, SystemTime};
//! use portrait_http::{AddressFault, RetryPolicy, check_address, one_line, retry_after};
//!
//! // The server asks for 7 s; the client's own first pause is up to half a second.
//! let asked = retry_after("7", SystemTime::now());
//! let policy = RetryPolicy { max_attempts: 3, ..RetryPolicy::default() };
//! assert_eq!(policy.pause(1, asked), Some(Duration::from_secs(7)));
//! assert_eq!(policy.pause(3, asked), None);
//!
//! let address = "http://example.com/v1".parse()?;
//! assert_eq!(check_address(&address, true, false), Err(AddressFault::Clear));
//!
//! assert_eq!(one_line("no\n such <key>", ["<key>"], "[key]", 100), "no such [key]");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod address;
mod client;
mod retry;
mod words;

pub use address::{AddressFault, check_address, is_loopback};
pub use client::{ClientFault, ClientSettings, ProxyAddress, Redirects};
pub use retry::{RetryPolicy, Tries, backoff, random, retry_after, retry_after_of};
pub use words::{last_cause, one_line};
