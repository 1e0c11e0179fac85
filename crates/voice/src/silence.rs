use std::time::Duration;

use crate::audio::{Audio, to_db};
use crate::error::Error;

/// Length of the pieces whose level is taken.
const WINDOW: Duration = Duration::from_millis(20);

/// Level (RMS) of the loudest 20 ms in dB below full scale; minus infinity for digital silence. An
/// offset (DC), which is no sound, does not count.
#[must_use]
pub fn loudest_dbfs(audio: &Audio) -> f64 {
    windows(audio).map(level).fold(f64::NEG_INFINITY, f64::max)
}

/// Checks that the sound is not silent.
///
/// # Errors
/// [`Error::Silent`] when no 20 ms of the sound reach the threshold, in dB below full scale.
pub fn check_audible(audio: &Audio, threshold_dbfs: f64) -> Result<(), Error> {
    let loudest_dbfs = loudest_dbfs(audio);
    if loudest_dbfs >= threshold_dbfs { Ok(()) } else { Err(Error::Silent { loudest_dbfs }) }
}

/// Which silence at the ends is cut off.
#[derive(Debug, Clone, PartialEq)]
pub struct TrimOptions {
    /// Pieces of 20 ms below this level are silence, in dB below full scale.
    pub threshold_dbfs: f64,
    /// How much of the silence stays at each end.
    pub keep: Duration,
}

impl Default for TrimOptions {
    /// Below -50 dBFS is silence; a quarter of a second of it stays.
    fn default() -> TrimOptions {
        TrimOptions { threshold_dbfs: -50.0, keep: Duration::from_millis(250) }
    }
}

/// Cuts silence off both ends. A sound with nothing above the threshold comes back as it is.
#[must_use]
pub fn trim_silence(audio: &Audio, options: &TrimOptions) -> Audio {
    let loud = |window: &[f32]| level(window) >= options.threshold_dbfs;
    let first = windows(audio).position(loud);
    let last = windows(audio).rposition(loud);
    let (Some(first), Some(last)) = (first, last) else {
        return audio.clone();
    };
    let (window, keep) = (audio.frames(WINDOW).max(1), audio.frames(options.keep));
    let from = (first * window).saturating_sub(keep);
    let to = ((last + 1) * window).saturating_add(keep).min(audio.samples().len());
    Audio::derived(audio.sample_rate(), audio.samples()[from..to].to_vec())
}

fn windows(audio: &Audio) -> std::slice::Chunks<'_, f32> {
    audio.samples().chunks(audio.frames(WINDOW).max(1))
}

/// About the window's own mean: an offset is not heard.
fn level(window: &[f32]) -> f64 {
    let count = window.len() as f64;
    let mean = window.iter().map(|sample| f64::from(*sample)).sum::<f64>() / count;
    let energy: f64 = window.iter().map(|sample| (f64::from(*sample) - mean).powi(2)).sum();
    to_db((energy / count).sqrt())
}
