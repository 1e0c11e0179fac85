//! A local server that behaves as D-ID's API does, for tests and demonstrations without an
//! account, a network or a bill.
//!
//! It listens on a free port of 127.0.0.1 and stops when its handle is dropped. Uploads, talks,
//! credits, links and errors behave as D-ID's OpenAPI description (4.2.1), its guides and users'
//! measurements say; what no source says is a setting of [`FakeDidBuilder`]. Finished talks yield
//! a video that plays anywhere and shows the talk's picture.
//!
//! A test scripts what goes wrong ([`FakeDid::fault`], [`FakeDid::next_talk`]) and asks afterwards
//! what was done ([`FakeDid::journal`], [`FakeDid::talks`], [`FakeDid::credits`]).
//!
//! ```
//! use portrait_d_id_fake::{Fault, FakeDid, Route};
//!
//! # async fn run() -> Result<(), portrait_d_id_fake::Error> {
//! let fake = FakeDid::builder().credits(5).start().await?;
//! fake.fail_next_talk("FaceError", "No valid face detected");
//! fake.fault(Route::UploadImage, Fault::error(429, "TooManyRequests", "slow down").retry_after(1));
//!
//! println!("point the client at {} with the key {}", fake.base_url(), fake.key());
//! // … the client does its work …
//! assert_eq!(fake.credits(), 5.0);
//! assert!(fake.journal().is_empty());
//! # Ok(())
//! # }
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(run()).unwrap();
//! ```
//!
//! Time is the tokio runtime's: a test that pauses and advances it drives the server too, and
//! [`FakeDid::advance`] lets a day pass for the server alone.
//!
//! As a program: `cargo run -p portrait-d-id-fake -- --port 8085`.

mod account;
mod answer;
mod auth;
mod body;
mod builder;
mod clip;
mod clock;
mod delivery;
mod envelope;
mod error;
mod fake;
mod fault;
mod files;
mod h264;
mod journal;
mod mp4;
mod picture;
mod route;
mod server;
mod sound;
mod state;
mod sync;
mod talk;
mod talks;
mod uploads;
mod webhook;

pub use builder::FakeDidBuilder;
pub use clip::TALK_MP4;
pub use delivery::{Delivery, WebhookRecord};
pub use error::Error;
pub use fake::FakeDid;
pub use fault::Fault;
pub use journal::Entry;
pub use route::Route;
pub use state::{ListOrder, MissingSource};
pub use talk::{Ending, Outcome, Pace, TalkRecord};
