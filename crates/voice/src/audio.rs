use std::time::Duration;

use crate::downmix::{Likeness, mix_down};
use crate::error::Error;

/// Sampling rates taken, in Hz.
pub(crate) const RATES: std::ops::RangeInclusive<u32> = 8_000..=192_000;
/// Most channels taken.
pub(crate) const MAX_CHANNELS: usize = 32;

/// Sound in one channel: samples from -1 to 1 (full scale) at a fixed rate. Values beyond full
/// scale may occur between steps; [`encode`](crate::encode) never lets them out.
#[derive(Debug, Clone, PartialEq)]
pub struct Audio {
    sample_rate: u32,
    samples: Vec<f32>,
}

impl Audio {
    /// Sound from samples of one channel.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] when the rate is not 8 to 192 kHz, or a sample is no finite number.
    pub fn new(sample_rate: u32, samples: Vec<f32>) -> Result<Audio, Error> {
        check_rate(sample_rate)?;
        if samples.iter().any(|sample| !sample.is_finite()) {
            return Err(Error::option("samples", "one is no finite number; give -1 to 1"));
        }
        Ok(Audio { sample_rate, samples })
    }

    /// Sound from interleaved samples of several channels, 1 to 32, of which the mean is taken.
    /// Where that would cancel what they carry, since some are opposed to others, these are turned
    /// over before, or one channel is taken alone.
    ///
    /// # Errors
    /// As [`new`](Audio::new), and when the samples are no whole number of frames, or the channels
    /// are too many.
    pub fn from_interleaved(
        sample_rate: u32,
        channels: usize,
        samples: &[f32],
    ) -> Result<Audio, Error> {
        if channels == 0 || !samples.len().is_multiple_of(channels) {
            let reason = format!("{channels} do not divide {} samples", samples.len());
            return Err(Error::option("channels", reason));
        }
        if channels > MAX_CHANNELS {
            let reason = format!("{channels} is more than {MAX_CHANNELS}");
            return Err(Error::option("channels", reason));
        }
        check_rate(sample_rate)?;
        let mut likeness = Likeness::new(channels, sample_rate);
        likeness.add(channels, samples);
        let weights = likeness.weights();
        let mut mono = Vec::with_capacity(samples.len() / channels);
        mix_down(channels, samples, weights.as_deref(), &mut mono);
        Audio::new(sample_rate, mono)
    }

    /// For results computed from sound that was checked.
    pub(crate) fn derived(sample_rate: u32, samples: Vec<f32>) -> Audio {
        Audio { sample_rate, samples }
    }

    /// Samples per second.
    #[must_use]
    pub fn sample_rate(&self) -> u32 {
        self.sample_rate
    }

    /// The samples, in order of time.
    #[must_use]
    pub fn samples(&self) -> &[f32] {
        &self.samples
    }

    pub(crate) fn into_samples(self) -> Vec<f32> {
        self.samples
    }

    /// How long it lasts.
    #[must_use]
    pub fn duration(&self) -> Duration {
        Duration::from_secs_f64(self.seconds())
    }

    pub(crate) fn seconds(&self) -> f64 {
        self.samples.len() as f64 / f64::from(self.sample_rate)
    }

    /// How many samples a time takes, at the nearest.
    pub(crate) fn frames(&self, time: Duration) -> usize {
        (time.as_secs_f64() * f64::from(self.sample_rate)).round() as usize
    }

    /// The largest magnitude of a sample; 0 for no samples.
    #[must_use]
    pub fn peak(&self) -> f32 {
        self.samples.iter().fold(0.0, |peak, sample| peak.max(sample.abs()))
    }

    pub(crate) fn scaled(&self, factor: f32) -> Audio {
        let samples = self.samples.iter().map(|sample| sample * factor).collect();
        Audio::derived(self.sample_rate, samples)
    }
}

pub(crate) fn check_rate(sample_rate: u32) -> Result<(), Error> {
    if RATES.contains(&sample_rate) {
        return Ok(());
    }
    let reason = format!("{sample_rate} Hz is outside {} to {}", RATES.start(), RATES.end());
    Err(Error::option("sample_rate", reason))
}

/// The factor on amplitudes that a number of decibels stands for.
pub(crate) fn from_db(db: f64) -> f64 {
    10f64.powf(db / 20.0)
}

/// Decibels of an amplitude; minus infinity for 0.
pub(crate) fn to_db(amplitude: f64) -> f64 {
    20.0 * amplitude.log10()
}
