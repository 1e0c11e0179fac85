//! How long to wait before another try.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::time::{Duration, SystemTime};

/// How often to try, and how long to pause in between: growing, jittered, and never less than the
/// server asks.
#[derive(Debug, Clone, PartialEq)]
pub struct Pauses {
    /// Tries in all; 4 by default.
    pub attempts: u32,
    /// The pause before the second try, before jitter; 500 ms by default.
    pub first: Duration,
    /// What each further pause is multiplied by; less than 1 counts as 1. 2 by default.
    pub factor: f64,
    /// The longest pause of its own; 20 s by default.
    pub longest: Duration,
    /// The longest wait that a server may ask for; beyond it there is no other try. 60 s by default.
    pub longest_asked: Duration,
}

impl Default for Pauses {
    fn default() -> Self {
        Self {
            attempts: 4,
            first: Duration::from_millis(500),
            factor: 2.0,
            longest: Duration::from_secs(20),
            longest_asked: Duration::from_secs(60),
        }
    }
}

impl Pauses {
    /// The pause after the `attempt`th try (from 1), when the server has `asked` for one; `None`
    /// when there is to be no other try.
    ///
    /// Its own part lies between half and the whole of what it has grown to, so that many clients
    /// do not return at the same moment.
    pub fn after(&self, attempt: u32, asked: Option<Duration>) -> Option<Duration> {
        if attempt >= self.attempts || asked.is_some_and(|asked| asked > self.longest_asked) {
            return None;
        }
        let step = attempt.saturating_sub(1);
        let own = backoff(self.first, self.factor, self.longest, step);
        let own = own.mul_f64(0.5 + 0.5 * random());
        Some(asked.map_or(own, |asked| asked.max(own)))
    }
}

/// `first`, growing by `factor` (at least 1) with each step from 0, up to `longest`.
pub fn backoff(first: Duration, factor: f64, longest: Duration, step: u32) -> Duration {
    let grown = first.as_secs_f64() * factor.max(1.0).powi(i32::try_from(step).unwrap_or(i32::MAX));
    Duration::try_from_secs_f64(grown).map_or(longest, |grown| grown.min(longest))
}

/// A number from 0 to 1 for jitter: no secret depends on it, so the standard library's randomly
/// keyed hasher does.
pub fn random() -> f64 {
    let bits = RandomState::new().build_hasher().finish();
    (bits >> 11) as f64 / (1_u64 << 53) as f64
}

/// What the header `Retry-After` asks, in seconds or as a date (RFC 9110, section 10.2.3); `None`
/// where it is neither. A date that has passed asks for no wait.
pub fn retry_after(value: &str, now: SystemTime) -> Option<Duration> {
    let value = value.trim();
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
    fn pauses_grow_within_their_jitter_and_end() {
        let pauses = Pauses::default();
        for (attempt, whole) in [(1, 500), (2, 1000), (3, 2000)] {
            let pause = pauses.after(attempt, None).unwrap();
            let whole = Duration::from_millis(whole);
            assert!(pause >= whole / 2 && pause <= whole, "{attempt}: {pause:?}");
        }
        assert_eq!(pauses.after(4, None), None);
        let many = Pauses { attempts: u32::MAX, ..pauses };
        assert!(many.after(5000, None).unwrap() <= Duration::from_secs(20));
    }

    #[test]
    fn what_the_server_asks_is_a_lower_bound_and_has_a_limit() {
        let pauses = Pauses::default();
        let minute = Duration::from_secs(60);
        assert_eq!(pauses.after(1, Some(minute)), Some(minute));
        assert_eq!(pauses.after(1, Some(minute * 2)), None);
        let short = pauses.after(1, Some(Duration::from_millis(1))).unwrap();
        assert!(short >= Duration::from_millis(250), "{short:?}");
    }

    #[test]
    fn a_backoff_grows_up_to_its_end() {
        let second = Duration::from_secs(1);
        let grown = |factor, step| backoff(second, factor, 100 * second, step);
        assert_eq!([grown(2.0, 0), grown(2.0, 3)], [second, 8 * second]);
        assert_eq!([grown(0.1, 5), grown(3.0, u32::MAX)], [second, 100 * second]);
    }

    #[test]
    fn retry_after_is_read_as_seconds_and_as_a_date() {
        let now = httpdate::parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT").unwrap();
        let read = |value: &str| retry_after(value, now);
        assert_eq!(read("7"), Some(Duration::from_secs(7)));
        assert_eq!(read(" 1.5 "), Some(Duration::from_millis(1500)));
        assert_eq!(read("Sun, 06 Nov 1994 08:50:07 GMT"), Some(Duration::from_secs(30)));
        assert_eq!(read("Sun, 06 Nov 1994 08:00:00 GMT"), Some(Duration::ZERO));
        assert_eq!([read("soon"), read("-5"), read(""), read("inf"), read("nan")], [None; 5]);
    }

    #[test]
    fn jitter_varies() {
        let draws: Vec<f64> = (0..100).map(|_| random()).collect();
        assert!(draws.iter().all(|draw| (0.0..=1.0).contains(draw)));
        assert!(draws.iter().any(|draw| *draw < 0.4) && draws.iter().any(|draw| *draw > 0.6));
    }
}
