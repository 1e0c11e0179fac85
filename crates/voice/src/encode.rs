use std::time::Duration;

use bytes::Bytes;

use crate::audio::Audio;
use crate::error::Error;
use crate::resample::resample;
use crate::{mp3, wav};

/// What a sound for upload may be.
#[derive(Debug, Clone, PartialEq)]
pub struct EncodeOptions {
    /// Most bytes of the file.
    pub max_bytes: usize,
    /// Greatest length.
    pub max_duration: Duration,
    /// Whether a sound that does not fit as WAV may become MP3.
    pub allow_mp3: bool,
}

impl Default for EncodeOptions {
    /// D-ID's limits for an uploaded sound and for a talk: 6 MB, read as 6,000,000 bytes, and 10
    /// minutes (D-ID's OpenAPI description 4.2.1, `POST /audios` and `audio_url`); MP3 allowed.
    fn default() -> EncodeOptions {
        EncodeOptions {
            max_bytes: 6_000_000,
            max_duration: Duration::from_mins(10),
            allow_mp3: true,
        }
    }
}

/// The format of a sound file for upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SoundFormat {
    /// WAV of 16 bits in one channel.
    Wav,
    /// MP3 in one channel.
    Mp3 {
        /// Bits per second, in thousands.
        kbps: u32,
    },
}

impl SoundFormat {
    /// Its media type: `audio/wav` or `audio/mpeg`.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            SoundFormat::Wav => "audio/wav",
            SoundFormat::Mp3 { .. } => "audio/mpeg",
        }
    }

    /// The extension for its name, without a dot: `wav` or `mp3`.
    #[must_use]
    pub fn extension(self) -> &'static str {
        match self {
            SoundFormat::Wav => "wav",
            SoundFormat::Mp3 { .. } => "mp3",
        }
    }
}

/// How a sound of some length is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Encoding {
    /// The format.
    pub format: SoundFormat,
    /// The rate in Hz.
    pub sample_rate: u32,
}

/// Rates of WAV, in Hz, best first. D-ID keeps what is uploaded as WAV of 16 kHz, so nothing is
/// lost to it at the last of them, and less would be.
const WAV_RATES: [u32; 4] = [48_000, 32_000, 24_000, 16_000];
/// The rate of MP3: the lowest of MPEG-1, whose frames share their bits.
const MP3_RATE: u32 = 32_000;
/// Thousands of bits per second of MP3, best first. Below the last, music and voice suffer.
const MP3_KBPS: [u32; 7] = [128, 112, 96, 80, 64, 56, 48];

impl EncodeOptions {
    /// How a sound is encoded: the best way that fits and serves a source of the given rate.
    ///
    /// WAV at 48, 32, 24 or 16 kHz, since D-ID turns every upload into it and nothing is compressed
    /// without need: with the 6 MB of D-ID's uploads up to 62 s fit at 48 kHz, and up to 187 s at
    /// 16 kHz. Beyond that MP3 at 32 kHz with 128 to 48 kbit/s, of which D-ID's 10 minutes take
    /// 64 kbit/s.
    ///
    /// # Errors
    /// [`Error::TooLong`].
    pub fn plan(&self, duration: Duration, source_rate: u32) -> Result<Encoding, Error> {
        let seconds = duration.as_secs_f64();
        let longest = self.longest();
        if seconds > longest {
            return Err(Error::TooLong { max_seconds: longest });
        }
        // More than the source has is of no use: the lowest rate that carries all of it.
        let useful = WAV_RATES.iter().rev().copied().find(|rate| *rate >= source_rate);
        let useful = useful.unwrap_or(WAV_RATES[0]);
        let fits =
            |rate: &u32| *rate <= useful && wav::seconds_in(self.max_bytes, *rate) >= seconds;
        if let Some(sample_rate) = WAV_RATES.into_iter().find(fits) {
            return Ok(Encoding { format: SoundFormat::Wav, sample_rate });
        }
        let fits = |kbps: &u32| mp3::seconds_in(self.max_bytes, *kbps) >= seconds;
        let kbps = MP3_KBPS.into_iter().find(fits).unwrap_or(MP3_KBPS[MP3_KBPS.len() - 1]);
        Ok(Encoding { format: SoundFormat::Mp3 { kbps }, sample_rate: MP3_RATE })
    }

    /// Seconds of the longest sound that fits in any way.
    fn longest(&self) -> f64 {
        let wav = wav::seconds_in(self.max_bytes, WAV_RATES[WAV_RATES.len() - 1]);
        let mp3 = mp3::seconds_in(self.max_bytes, MP3_KBPS[MP3_KBPS.len() - 1]);
        let fits = if self.allow_mp3 { wav.max(mp3) } else { wav };
        fits.min(self.max_duration.as_secs_f64())
    }
}

/// A sound as a file.
#[derive(Clone, PartialEq)]
pub struct Encoded {
    /// The whole file.
    pub bytes: Bytes,
    /// What it is.
    pub format: SoundFormat,
    /// Its rate in Hz.
    pub sample_rate: u32,
    /// Its length.
    pub duration: Duration,
}

impl std::fmt::Debug for Encoded {
    /// The file by its size: its bytes say nothing to a reader.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Encoded")
            .field("bytes", &self.bytes.len())
            .field("format", &self.format)
            .field("sample_rate", &self.sample_rate)
            .field("duration", &self.duration)
            .finish()
    }
}

/// Encodes a sound as [`EncodeOptions::plan`] has it. Peaks beyond full scale are not cut: the
/// whole sound is turned down until they are within.
///
/// # Errors
/// [`Error::TooLong`]; [`Error::TooShort`] for a sound without samples.
pub fn encode(audio: &Audio, options: &EncodeOptions) -> Result<Encoded, Error> {
    if audio.samples().is_empty() {
        return Err(Error::TooShort { seconds: 0.0, min_seconds: 0.0 });
    }
    let encoding = options.plan(audio.duration(), audio.sample_rate())?;
    encode_as(audio, encoding, options.max_bytes)
}

/// [`encode`] as it was planned.
pub(crate) fn encode_as(
    audio: &Audio,
    Encoding { format, sample_rate }: Encoding,
    max_bytes: usize,
) -> Result<Encoded, Error> {
    let mut audio = resample(audio, sample_rate)?;
    let peak = audio.peak();
    if peak > 1.0 {
        audio = audio.scaled(1.0 / peak);
    }
    let (bytes, samples) = match format {
        SoundFormat::Wav => wav::encode(sample_rate, audio.samples(), max_bytes)?,
        SoundFormat::Mp3 { kbps } => {
            (mp3::encode(sample_rate, audio.samples(), kbps)?, audio.samples().len())
        }
    };
    let duration = Duration::from_secs_f64(samples as f64 / f64::from(sample_rate));
    Ok(Encoded { bytes: bytes.into(), format, sample_rate, duration })
}
