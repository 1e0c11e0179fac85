use std::time::{Duration, SystemTime};

use portrait_http::Pauses;
use reqwest::header::{HeaderMap, RETRY_AFTER};

/// How often a pause doubles at most.
const DOUBLINGS: u32 = 6;

/// How a request that was certainly not carried out is tried again: when no connection could be
/// made, and after 429 and 503. What may have been carried out (another 5xx, a lost connection, a
/// time-out) is not: a service may charge for each text.
#[derive(Debug, Clone, PartialEq)]
pub struct SpeechRetry {
    /// Tries in all, at least 1; 3 by default.
    pub max_attempts: u32,
    /// The pause before the second try, which doubles with each further one; 500 ms by default.
    pub first_pause: Duration,
    /// The longest `Retry-After` that is waited for; beyond it the error is returned. 30 s by
    /// default.
    pub max_retry_after: Duration,
}

impl Default for SpeechRetry {
    fn default() -> SpeechRetry {
        SpeechRetry {
            max_attempts: 3,
            first_pause: Duration::from_millis(500),
            max_retry_after: Duration::from_secs(30),
        }
    }
}

impl SpeechRetry {
    /// The pause after the `attempt`th try (from 1); `None` when there is to be no other.
    pub(super) fn pause(&self, attempt: u32, asked: Option<Duration>) -> Option<Duration> {
        let pauses = Pauses {
            attempts: self.max_attempts,
            first: self.first_pause,
            factor: 2.0,
            longest: self.first_pause.saturating_mul(1 << DOUBLINGS),
            longest_asked: self.max_retry_after,
        };
        pauses.after(attempt, asked)
    }
}

/// What the answer asks to wait, in its `Retry-After`.
pub(super) fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    portrait_http::retry_after(headers.get(RETRY_AFTER)?.to_str().ok()?, now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_within_their_jitter_and_end() {
        let retry = SpeechRetry::default();
        for (attempt, whole) in [(1, 500), (2, 1000)] {
            let pause = retry.pause(attempt, None).unwrap();
            let whole = Duration::from_millis(whole);
            assert!(pause >= whole / 2 && pause <= whole, "{attempt}: {pause:?}");
        }
        assert_eq!(retry.pause(3, None), None);
        let many = SpeechRetry { max_attempts: u32::MAX, ..retry.clone() };
        assert!(many.pause(5000, None).unwrap() <= Duration::from_secs(32));
        let seconds = Duration::from_secs;
        assert_eq!(retry.pause(1, Some(seconds(30))), Some(seconds(30)));
        assert_eq!(retry.pause(1, Some(seconds(31))), None);
    }
}
