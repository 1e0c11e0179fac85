use std::time::Duration;

use portrait_http::{ClientSettings, RetryPolicy};

/// What a service is asked with, beside the text.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub(super) model: String,
    pub(super) voice: Option<String>,
    pub(super) standard: bool,
    pub(super) timeout: Duration,
    pub(super) http: ClientSettings,
    pub(super) max_bytes: usize,
    pub(super) retry: RetryPolicy,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            model: "tts-1".to_owned(),
            voice: None,
            standard: false,
            timeout: Duration::from_secs(120),
            http: ClientSettings::new(concat!("portrait-voice/", env!("CARGO_PKG_VERSION"))),
            max_bytes: 64 << 20,
            retry: default_retry(),
        }
    }
}

/// Fewer tries and shorter waits than for a download: somebody waits for the voice.
fn default_retry() -> RetryPolicy {
    RetryPolicy {
        max_attempts: 3,
        max_retry_after: Duration::from_secs(30),
        ..RetryPolicy::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_within_their_jitter_and_end() {
        let retry = default_retry();
        for (attempt, whole) in [(1, 500), (2, 1000)] {
            let pause = retry.pause(attempt, None).unwrap();
            let whole = Duration::from_millis(whole);
            assert!(pause >= whole / 2 && pause <= whole, "{attempt}: {pause:?}");
        }
        assert_eq!(retry.pause(3, None), None);
        let many = RetryPolicy { max_attempts: u32::MAX, ..retry.clone() };
        assert!(many.pause(5000, None).unwrap() <= Duration::from_secs(32));
        let seconds = Duration::from_secs;
        assert_eq!(retry.pause(1, Some(seconds(30))), Some(seconds(30)));
        assert_eq!(retry.pause(1, Some(seconds(31))), None);
    }
}
