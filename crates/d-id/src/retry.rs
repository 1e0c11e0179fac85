use std::time::{Duration, SystemTime};

use portrait_http::Pauses;
use reqwest::header::{HeaderMap, RETRY_AFTER};

/// How requests that change nothing, or only upload, are tried again: after 408, 429, 5xx and
/// lost connections, with growing, jittered pauses and never sooner than `Retry-After` asks.
/// `POST /talks` has rules of its own: [`CreateRecovery`].
#[derive(Debug, Clone, PartialEq)]
pub struct RetryPolicy {
    /// Tries in all, at least 1; 4 by default.
    pub max_attempts: u32,
    /// The pause before the second try; 500 ms by default.
    pub first_pause: Duration,
    /// What each further pause is multiplied by, at least 1; 2 by default.
    pub factor: f64,
    /// The longest pause of its own; 20 s by default.
    pub max_pause: Duration,
    /// The longest `Retry-After` that is waited for; beyond it the error is returned. 60 s by
    /// default.
    pub max_retry_after: Duration,
}

impl Default for RetryPolicy {
    fn default() -> RetryPolicy {
        RetryPolicy {
            max_attempts: 4,
            first_pause: Duration::from_millis(500),
            factor: 2.0,
            max_pause: Duration::from_secs(20),
            max_retry_after: Duration::from_secs(60),
        }
    }
}

impl RetryPolicy {
    /// The pause after the `attempt`th try (from 1); `None` when there is to be no other try.
    pub(crate) fn pause(&self, attempt: u32, asked: Option<Duration>) -> Option<Duration> {
        let pauses = Pauses {
            attempts: self.max_attempts,
            first: self.first_pause,
            factor: self.factor,
            longest: self.max_pause,
            longest_asked: self.max_retry_after,
        };
        pauses.after(attempt, asked)
    }
}

/// How a create whose answer was lost is settled. The talks are listed, several times because a
/// talk may show late, and one with the same `source_url` is the answer.
///
/// A talk that shows after the last look would be paid for twice. The looks therefore go on for
/// [`CreateRecovery::settled_after`], a minute by default: twice the 29 s after which the gateway
/// in front of D-ID gives up on a request. `resend: false` rules a second payment out altogether.
#[derive(Debug, Clone, PartialEq)]
pub struct CreateRecovery {
    /// The pause before each look at the list; 0.25, 1, 3, 6, 15 and 35 s by default.
    pub looks: Vec<Duration>,
    /// Whether to send the request again when no look found the talk; true by default. When
    /// false, or when the tries of [`RetryPolicy`] are used up, the error is returned.
    pub resend: bool,
    /// Pages of 100 talks to read at most for one look; 20 by default. Beyond them the outcome
    /// stays unknown, and the request is not sent again.
    pub max_pages: u32,
}

impl CreateRecovery {
    /// How long after its answer was lost a talk that no list shows counts as never made.
    #[must_use]
    pub fn settled_after(&self) -> Duration {
        self.looks.iter().sum()
    }
}

impl Default for CreateRecovery {
    fn default() -> CreateRecovery {
        CreateRecovery {
            looks: [250, 1000, 3000, 6000, 15_000, 35_000].map(Duration::from_millis).to_vec(),
            resend: true,
            max_pages: 20,
        }
    }
}

/// What the answer asks to wait, in its `Retry-After`.
pub(crate) fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    portrait_http::retry_after(headers.get(RETRY_AFTER)?.to_str().ok()?, now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_within_their_jitter_and_end() {
        let policy = RetryPolicy::default();
        for (attempt, whole) in [(1, 500), (2, 1000), (3, 2000)] {
            let pause = policy.pause(attempt, None).unwrap();
            let whole = Duration::from_millis(whole);
            assert!(pause >= whole / 2 && pause <= whole, "{attempt}: {pause:?}");
        }
        assert_eq!(policy.pause(4, None), None);
        let many = RetryPolicy { max_attempts: u32::MAX, ..policy };
        assert!(many.pause(5000, None).unwrap() <= Duration::from_secs(20));
    }

    #[test]
    fn retry_after_is_a_lower_bound_and_has_a_limit() {
        let policy = RetryPolicy::default();
        let minute = Duration::from_secs(60);
        assert_eq!(policy.pause(1, Some(minute)), Some(minute));
        assert_eq!(policy.pause(1, Some(minute * 2)), None);
    }

    #[test]
    fn retry_after_is_read_from_the_headers() {
        let now = SystemTime::UNIX_EPOCH;
        let mut headers = HeaderMap::new();
        assert_eq!(retry_after(&headers, now), None);
        headers.insert(RETRY_AFTER, "7".parse().unwrap());
        assert_eq!(retry_after(&headers, now), Some(Duration::from_secs(7)));
    }
}
