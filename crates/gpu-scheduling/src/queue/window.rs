//! Busy time of a device: in all, and over the last while.

use std::time::Duration;

const BUCKETS: usize = 60;

/// Busy time in buckets that together cover the window.
#[derive(Debug)]
pub(super) struct Window {
    bucket: u64,
    busy: [u64; BUCKETS],
    /// The bucket (counted from the start of time) up to which `busy` is kept.
    latest: u64,
    since: Option<u64>,
    total: u64,
}

impl Window {
    pub(super) fn new(span: Duration) -> Self {
        let bucket = (nanos(span) / BUCKETS as u64).max(1);
        Self { bucket, busy: [0; BUCKETS], latest: 0, since: None, total: 0 }
    }

    pub(super) fn begin(&mut self, now: Duration) {
        self.since = Some(nanos(now));
    }

    pub(super) fn end(&mut self, now: Duration) {
        self.settle(now);
        self.since = None;
    }

    /// Busy time in all until `now`.
    pub(super) fn total(&mut self, now: Duration) -> Duration {
        self.settle(now);
        Duration::from_nanos(self.total)
    }

    /// Busy part of the window that ends now, 0 to 1.
    pub(super) fn fraction(&mut self, now: Duration) -> f64 {
        self.settle(now);
        self.forward(nanos(now) / self.bucket);
        let whole = self.bucket * (BUCKETS as u64 - 1) + nanos(now) % self.bucket;
        let span = whole.min(nanos(now)).max(1);
        (self.busy.iter().sum::<u64>() as f64 / span as f64).min(1.0)
    }

    /// Books the time since the last change.
    fn settle(&mut self, now: Duration) {
        let now = nanos(now);
        let Some(since) = self.since.filter(|s| *s < now) else { return };
        self.total += now - since;
        self.since = Some(now);
        let span = self.bucket * BUCKETS as u64;
        let mut from = since.max(now.saturating_sub(span));
        while from < now {
            let index = from / self.bucket;
            let to = now.min((index + 1) * self.bucket);
            self.forward(index);
            self.busy[(index % BUCKETS as u64) as usize] += to - from;
            from = to;
        }
    }

    /// Clears the buckets that the window has left behind.
    fn forward(&mut self, index: u64) {
        if index > self.latest {
            for i in (self.latest + 1).max((index + 1).saturating_sub(BUCKETS as u64))..=index {
                self.busy[(i % BUCKETS as u64) as usize] = 0;
            }
            self.latest = index;
        }
    }
}

/// Saturates after 584 years.
pub(super) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn s(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    #[test]
    fn busy_time_is_forgotten_after_the_window() {
        let mut window = Window::new(s(60));
        window.begin(s(10));
        assert!((window.fraction(s(20)) - 0.5).abs() < 1e-9, "10 of the 20 s so far");
        window.end(s(40));
        assert!((window.fraction(s(59)) - 30.0 / 59.0).abs() < 1e-9);
        assert_eq!(window.total(s(59)), s(30));
        assert_eq!(window.fraction(s(200)), 0.0);
        assert_eq!(window.total(s(200)), s(30));
    }

    #[test]
    fn a_run_longer_than_the_window_fills_it() {
        let mut window = Window::new(s(60));
        window.begin(s(0));
        assert_eq!(window.fraction(s(1000)), 1.0);
        assert_eq!(window.total(s(1000)), s(1000));
    }
}
