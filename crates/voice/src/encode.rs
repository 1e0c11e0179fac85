use std::io::Cursor;
use std::time::Duration;

use hound::{SampleFormat, WavSpec, WavWriter};

use crate::audio::Audio;
use crate::error::Error;
use crate::resample::resample;

/// What a sound for upload may be.
#[derive(Debug, Clone, PartialEq)]
pub struct EncodeOptions {
    /// Most bytes of the file.
    pub max_bytes: usize,
    /// Greatest length.
    pub max_duration: Duration,
}

impl Default for EncodeOptions {
    /// D-ID's limits for an uploaded sound and for a talk: 6 MB, read as 6,000,000 bytes, and 10
    /// minutes (D-ID's OpenAPI description 4.2.1, `POST /audios` and `audio_url`).
    fn default() -> EncodeOptions {
        EncodeOptions { max_bytes: 6_000_000, max_duration: Duration::from_mins(10) }
    }
}

/// Rates a sound is encoded at, in Hz, best first. D-ID keeps what is uploaded at 16 kHz, so
/// nothing is lost to it at the last of them, and less would be.
const RATES: [u32; 4] = [48_000, 32_000, 24_000, 16_000];
/// Bytes of a WAV file before its samples.
const HEADER: usize = 44;
/// Bytes of a sample.
const SAMPLE: usize = 2;

impl EncodeOptions {
    /// The rate in Hz at which a sound fits, the best that serves a source of the given rate:
    /// 48, 32, 24 or 16 kHz. With the 6 MB of D-ID's uploads up to 62 s fit at 48 kHz, and up to
    /// 187 s at 16 kHz.
    ///
    /// # Errors
    /// [`Error::TooLong`], also when the bytes allowed do not take the sound at 16 kHz.
    pub fn rate_for(&self, duration: Duration, source_rate: u32) -> Result<u32, Error> {
        let lowest = RATES[RATES.len() - 1];
        let most = self.seconds_at(lowest).min(self.max_duration.as_secs_f64());
        if duration.as_secs_f64() > most {
            return Err(Error::TooLong { max_seconds: most });
        }
        // More than the source has is of no use: the lowest rate that carries all of it.
        let useful = RATES.iter().rev().copied().find(|rate| *rate >= source_rate);
        let useful = useful.unwrap_or(RATES[0]);
        let fits = |rate: &u32| *rate <= useful && self.seconds_at(*rate) >= duration.as_secs_f64();
        Ok(RATES.iter().copied().find(fits).unwrap_or(lowest))
    }

    fn seconds_at(&self, rate: u32) -> f64 {
        let samples = self.max_bytes.saturating_sub(HEADER) / SAMPLE;
        samples as f64 / f64::from(rate)
    }
}

/// A sound as a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Encoded {
    /// The whole file.
    pub bytes: Vec<u8>,
    /// Its media type, `audio/wav`.
    pub media_type: &'static str,
    /// The extension for its name, without a dot: `wav`.
    pub extension: &'static str,
    /// Its rate in Hz.
    pub sample_rate: u32,
    /// Its length.
    pub duration: Duration,
}

/// Encodes a sound as WAV of 16 bits in one channel, at the best rate that fits. Peaks beyond full
/// scale are not cut: the whole sound is turned down until they are within.
///
/// WAV because D-ID turns every upload into it, so nothing is compressed twice.
///
/// # Errors
/// [`Error::TooLong`]; [`Error::TooShort`] for a sound without samples.
pub fn encode(audio: &Audio, options: &EncodeOptions) -> Result<Encoded, Error> {
    if audio.samples().is_empty() {
        return Err(Error::TooShort { seconds: 0.0, min_seconds: 0.0 });
    }
    let rate = options.rate_for(audio.duration(), audio.sample_rate())?;
    let mut audio = resample(audio, rate)?;
    let peak = audio.peak();
    if peak > 1.0 {
        audio = audio.scaled(1.0 / peak);
    }
    let most = options.max_bytes.saturating_sub(HEADER) / SAMPLE;
    let samples = &audio.samples()[..most.min(audio.samples().len())];
    let bytes = wav(rate, samples).map_err(|error| Error::option("encode", error.to_string()))?;
    let duration = Duration::from_secs_f64(samples.len() as f64 / f64::from(rate));
    Ok(Encoded { bytes, media_type: "audio/wav", extension: "wav", sample_rate: rate, duration })
}

fn wav(sample_rate: u32, samples: &[f32]) -> Result<Vec<u8>, hound::Error> {
    let spec =
        WavSpec { channels: 1, sample_rate, bits_per_sample: 16, sample_format: SampleFormat::Int };
    let mut bytes = Cursor::new(Vec::with_capacity(HEADER + samples.len() * SAMPLE));
    let mut writer = WavWriter::new(&mut bytes, spec)?;
    for sample in samples {
        writer.write_sample((sample * f32::from(i16::MAX)).round() as i16)?;
    }
    writer.finalize()?;
    Ok(bytes.into_inner())
}
