use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{Fft, FixedSync, Resampler};

use crate::audio::Audio;
use crate::error::Error;

/// Input frames of one step, and of the filter's transform within it: a long filter keeps the
/// band that is lost below the new limit small.
const CHUNK: usize = 4096;

/// The same sound at another rate, in Hz (8,000 to 192,000), without delay, as long to within one
/// sample and never longer. By rubato's synchronous FFT resampler; what the new rate cannot carry is filtered out.
///
/// # Errors
/// [`Error::InvalidOption`] for a rate outside the limits.
pub fn resample(audio: &Audio, sample_rate: u32) -> Result<Audio, Error> {
    Audio::new(sample_rate, Vec::new())?;
    if sample_rate == audio.sample_rate() || audio.samples().is_empty() {
        return Ok(Audio::derived(sample_rate, audio.samples().to_vec()));
    }
    let refused = |reason: String| Error::option("sample_rate", reason);
    let (from, to) = (audio.sample_rate() as usize, sample_rate as usize);
    let mut resampler = Fft::<f32>::new(from, to, CHUNK, 1, FixedSync::Both)
        .map_err(|error| refused(error.to_string()))?;
    let length = audio.samples().len();
    let input = InterleavedSlice::new(audio.samples(), 1, length)
        .map_err(|error| refused(error.to_string()))?;
    let mut output = resampler
        .process_all(&input, length, None)
        .map_err(|error| refused(error.to_string()))?
        .take_data();
    // The resampler rounds up; a sound of just the length that is allowed must stay within it.
    output.truncate((length * to / from).max(1));
    Ok(Audio::derived(sample_rate, output))
}
