use std::sync::Mutex;
use std::time::Duration;

use time::OffsetDateTime;
use tokio::time::Instant;

use crate::sync::locked;

/// The runtime's time (which a test can pause and drive) plus what a test has added, so that a day
/// can pass at once.
#[derive(Debug)]
pub(crate) struct Clock {
    start: Instant,
    began: OffsetDateTime,
    added: Mutex<Duration>,
}

impl Clock {
    pub(crate) fn new() -> Clock {
        Clock {
            start: Instant::now(),
            began: OffsetDateTime::now_utc(),
            added: Mutex::new(Duration::ZERO),
        }
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
        self.began + self.now()
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

/// `Sun, 06 Nov 1994 08:49:37 GMT`, the form of HTTP's `Date` (RFC 9110, section 5.6.7).
pub(crate) fn http_date(at: OffsetDateTime) -> String {
    let at = at.to_offset(time::UtcOffset::UTC);
    let day = at.weekday().to_string();
    let month = at.month().to_string();
    format!(
        "{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT",
        &day[..3],
        at.day(),
        &month[..3],
        at.year(),
        at.hour(),
        at.minute(),
        at.second()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_have_the_forms_of_d_id_and_of_http() {
        let at = OffsetDateTime::from_unix_timestamp(784_111_777).unwrap();
        assert_eq!(http_date(at), "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(stamp(at), "1994-11-06T08:49:37.000Z");
    }
}
