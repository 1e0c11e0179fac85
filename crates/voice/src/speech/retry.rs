use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::time::{Duration, SystemTime};

use reqwest::header::{HeaderMap, RETRY_AFTER};

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
        if attempt >= self.max_attempts || asked.is_some_and(|asked| asked > self.max_retry_after) {
            return None;
        }
        let own = self.first_pause.saturating_mul(1 << (attempt - 1).min(6));
        // Between half and the whole, so that many callers do not return at the same moment.
        let own = own.mul_f64(0.5 + 0.5 * random());
        Some(asked.map_or(own, |asked| asked.max(own)))
    }
}

/// A number from 0 to 1 for jitter: no secret depends on it, so the standard library's randomly
/// keyed hasher does.
fn random() -> f64 {
    (RandomState::new().build_hasher().finish() >> 11) as f64 / (1_u64 << 53) as f64
}

/// What `Retry-After` asks, in seconds or as a date (RFC 9110, section 10.2.3).
pub(super) fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = value.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let at = httpdate::parse_http_date(value).ok()?;
    Some(at.duration_since(now).unwrap_or_default())
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

    #[test]
    fn retry_after_is_read_as_seconds_and_as_a_date() {
        let now = httpdate::parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT").unwrap();
        let read = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, value.parse().unwrap());
            retry_after(&headers, now)
        };
        assert_eq!(read("7"), Some(Duration::from_secs(7)));
        assert_eq!(read("Sun, 06 Nov 1994 08:50:07 GMT"), Some(Duration::from_secs(30)));
        assert_eq!(read("Sun, 06 Nov 1994 08:00:00 GMT"), Some(Duration::ZERO));
        assert_eq!((read("soon"), read("-5")), (None, None));
    }
}
