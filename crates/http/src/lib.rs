//! What careful HTTP clients have in common, whatever library sends their requests: how long to
//! pause before another try, which addresses a key may be sent to, and what to tell of an error.
//!
//! Plain functions of values: nothing is sent, and no clock or environment is read.
//!
//! ```
//! use std::time::{Duration, SystemTime};
//! use portrait_http::{AddressFault, Pauses, check_address, one_line, retry_after};
//!
//! // The server asks for 7 s; the client's own first pause is up to half a second.
//! let asked = retry_after("7", SystemTime::now());
//! let pauses = Pauses { attempts: 3, ..Pauses::default() };
//! assert_eq!(pauses.after(1, asked), Some(Duration::from_secs(7)));
//! assert_eq!(pauses.after(3, asked), None);
//!
//! let address = "http://example.com/v1".parse()?;
//! assert_eq!(check_address(&address, true, false), Err(AddressFault::Clear));
//!
//! assert_eq!(one_line("no\n such <key>", ["<key>"], "[key]", 100), "no such [key]");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod address;
mod pauses;
mod words;

pub use address::{AddressFault, check_address, is_loopback};
pub use pauses::{Pauses, backoff, random, retry_after};
pub use words::{last_cause, one_line};
