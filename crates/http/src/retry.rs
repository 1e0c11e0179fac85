//! How often to try, and how long to wait before another try.

use std::fmt::Display;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::time::{Duration, SystemTime};

use reqwest::header::{HeaderMap, RETRY_AFTER};

/// How often a request is tried, and the pauses in between: growing, with jitter, and never shorter
/// than the server asks.
///
/// Which failures are tried again at all is for the client to say: a paid request that may have
/// been carried out is not repeated, whatever the policy.
#[derive(Debug, Clone, PartialEq)]
pub struct RetryPolicy {
    /// Tries in all, at least 1; 4 by default.
    pub max_attempts: u32,
    /// The pause before the second try, before jitter; 500 ms by default.
    pub first_pause: Duration,
    /// What each further pause is multiplied by; less than 1 counts as 1. 2 by default.
    pub factor: f64,
    /// The longest pause of its own; 20 s by default.
    pub max_pause: Duration,
    /// The longest wait that a server may ask for (`Retry-After`); beyond it there is no other
    /// try. 60 s by default.
    pub max_retry_after: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            max_attempts: 4,
            first_pause: Duration::from_millis(500),
            factor: 2.0,
            max_pause: Duration::from_secs(20),
            max_retry_after: Duration::from_secs(60),
        }
    }
}

impl RetryPolicy {
    /// The pause after the `attempt`th try (from 1), when the server has `asked` for one; `None`
    /// when there is to be no other try.
    ///
    /// Its own part lies between half and the whole of what it has grown to, so that many clients
    /// do not return at the same moment.
    pub fn pause(&self, attempt: u32, asked: Option<Duration>) -> Option<Duration> {
        if attempt >= self.max_attempts || asked.is_some_and(|asked| asked > self.max_retry_after) {
            return None;
        }
        let step = attempt.saturating_sub(1);
        let own = backoff(self.first_pause, self.factor, self.max_pause, step);
        let own = own.mul_f64(0.5 + 0.5 * random());
        Some(asked.map_or(own, |asked| asked.max(own)))
    }

    /// Counts the tries of one request.
    pub fn tries(&self) -> Tries<'_> {
        self.tries_from(1)
    }

    /// The same where the present try is the `attempt`th already (from 1).
    pub fn tries_from(&self, attempt: u32) -> Tries<'_> {
        Tries { policy: self, attempt }
    }
}

/// The tries of one request under a policy; see [`RetryPolicy::tries`].
#[derive(Debug)]
pub struct Tries<'p> {
    policy: &'p RetryPolicy,
    attempt: u32,
}

impl Tries<'_> {
    /// The number of the present try, from 1.
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    /// Counts anew, after a transfer has got on before it broke off.
    pub fn restart(&mut self) {
        self.attempt = 1;
    }

    /// Waits until the next try is due. `may_repeat` says whether this failure may be tried again,
    /// and `asked` how long the server asks to wait. Needs a tokio runtime with a timer.
    ///
    /// # Errors
    /// The error itself, when there is to be no other try.
    pub async fn wait_after<E: Display>(
        &mut self,
        error: E,
        may_repeat: bool,
        asked: Option<Duration>,
    ) -> Result<(), E> {
        let pause = self.policy.pause(self.attempt, asked).filter(|_| may_repeat);
        let Some(pause) = pause else { return Err(error) };
        tracing::debug!(attempt = self.attempt, ?pause, %error, "trying again");
        tokio::time::sleep(pause).await;
        self.attempt = self.attempt.saturating_add(1);
        Ok(())
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

/// What an answer asks to wait in its `Retry-After`; see [`retry_after`].
pub fn retry_after_of(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    retry_after(headers.get(RETRY_AFTER)?.to_str().ok()?, now)
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
    fn what_the_server_asks_is_a_lower_bound_and_has_a_limit() {
        let policy = RetryPolicy::default();
        let minute = Duration::from_secs(60);
        assert_eq!(policy.pause(1, Some(minute)), Some(minute));
        assert_eq!(policy.pause(1, Some(minute * 2)), None);
        let short = policy.pause(1, Some(Duration::from_millis(1))).unwrap();
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
    fn retry_after_is_read_from_the_headers() {
        let now = SystemTime::UNIX_EPOCH;
        let mut headers = HeaderMap::new();
        assert_eq!(retry_after_of(&headers, now), None);
        headers.insert(RETRY_AFTER, "7".parse().unwrap());
        assert_eq!(retry_after_of(&headers, now), Some(Duration::from_secs(7)));
    }

    #[tokio::test(start_paused = true)]
    async fn tries_end_with_the_policy_and_where_a_failure_must_not_be_repeated() {
        let policy = RetryPolicy { max_attempts: 3, ..RetryPolicy::default() };
        let begin = tokio::time::Instant::now();
        let mut tries = policy.tries();
        assert_eq!(tries.wait_after("busy", true, None).await, Ok(()));
        assert_eq!(tries.wait_after("busy", true, Some(Duration::from_secs(9))).await, Ok(()));
        assert!(begin.elapsed() >= Duration::from_secs(9), "{:?}", begin.elapsed());
        assert_eq!(tries.attempt(), 3);
        assert_eq!(tries.wait_after("busy", true, None).await, Err("busy"));
        tries.restart();
        assert_eq!(tries.wait_after("busy", true, None).await, Ok(()));
        let waited = begin.elapsed();
        assert_eq!(tries.wait_after("paid", false, None).await, Err("paid"));
        assert_eq!(begin.elapsed(), waited, "what is not repeated is not waited for");
    }

    #[test]
    fn jitter_varies() {
        let draws: Vec<f64> = (0..100).map(|_| random()).collect();
        assert!(draws.iter().all(|draw| (0.0..=1.0).contains(draw)));
        assert!(draws.iter().any(|draw| *draw < 0.4) && draws.iter().any(|draw| *draw > 0.6));
    }
}
