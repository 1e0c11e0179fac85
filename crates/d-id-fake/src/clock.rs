use std::sync::Mutex;
use std::time::{Duration, Instant};

use time::OffsetDateTime;

use crate::sync::locked;

/// Real time plus what a test has added, so that a day can pass at once.
#[derive(Debug)]
pub(crate) struct Clock {
    start: Instant,
    added: Mutex<Duration>,
}

impl Clock {
    pub(crate) fn new() -> Clock {
        Clock { start: Instant::now(), added: Mutex::new(Duration::ZERO) }
    }

    /// Time since the server started.
    pub(crate) fn now(&self) -> Duration {
        self.start.elapsed() + *locked(&self.added)
    }

    pub(crate) fn advance(&self, by: Duration) {
        *locked(&self.added) += by;
    }

    /// The calendar time, ahead of the machine's by what was added.
    pub(crate) fn calendar(&self) -> OffsetDateTime {
        OffsetDateTime::now_utc() + *locked(&self.added)
    }
}

/// `2020-09-03T13:56:54.995Z`, the form of D-ID's time stamps.
pub(crate) fn stamp(at: OffsetDateTime) -> String {
    let at = at.to_offset(time::UtcOffset::UTC);
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z",
        at.year(),
        u8::from(at.month()),
        at.day(),
        at.hour(),
        at.minute(),
        at.second(),
        at.millisecond()
    )
}
