use std::time::Duration;

use crate::audio::Audio;
use crate::decode::{DecodeLimits, decode, decode_beginning};
use crate::encode::{EncodeOptions, Encoded, encode_as};
use crate::error::Error;
use crate::loudness::{Loudness, NormaliseOptions, normalise};
use crate::mix::{MixOptions, mix};
use crate::offset::remove_offset;
use crate::resample::resample;
use crate::silence::{TrimOptions, check_audible, trim_silence};

/// How much longer than the voice the music is decoded: a pause at its beginning is cut off.
const MUSIC_MORE: Duration = Duration::from_secs(10);

/// How a recording is made ready for upload.
#[derive(Debug, Clone, PartialEq)]
pub struct PrepareOptions {
    /// What a recording, or a piece of music, may be.
    pub limits: DecodeLimits,
    /// A recording whose loudest 20 ms are below this is silent, in dB below full scale.
    pub silence_dbfs: f64,
    /// Which silence is cut off the ends of the recording; it would cost credits.
    pub trim: Option<TrimOptions>,
    /// How loud the result is.
    pub normalise: NormaliseOptions,
    /// How music is laid under it.
    pub mix: MixOptions,
    /// What the file may be.
    pub encode: EncodeOptions,
}

impl Default for PrepareOptions {
    /// Everything by its own default; below -60 dBFS is silence.
    fn default() -> PrepareOptions {
        PrepareOptions {
            limits: DecodeLimits::default(),
            silence_dbfs: -60.0,
            trim: Some(TrimOptions::default()),
            normalise: NormaliseOptions::default(),
            mix: MixOptions::default(),
            encode: EncodeOptions::default(),
        }
    }
}

/// A recording made ready for upload.
#[derive(Debug, Clone, PartialEq)]
pub struct Prepared {
    /// The file.
    pub file: Encoded,
    /// How loud it is.
    pub loudness: Loudness,
}

/// All steps from the given files to the file to upload: decodes the recording and the music,
/// removes their offsets, checks and trims the recording, mixes, brings the result to its loudness,
/// and encodes it. Of the
/// music only as much is decoded as the recording lasts.
///
/// Takes some milliseconds of one core for a second of sound; call it where blocking is allowed.
///
/// # Errors
/// Those of the steps; what is wrong with the music is in [`Error::Music`].
pub fn prepare(
    recording: &[u8],
    music: Option<&[u8]>,
    options: &PrepareOptions,
) -> Result<Prepared, Error> {
    let mut voice = remove_offset(decode(recording, &options.limits)?);
    check_audible(&voice, options.silence_dbfs)?;
    if let Some(trim) = &options.trim {
        let trimmed = trim_silence(&voice, trim);
        // A very short sound keeps its silence: without it, it would be too short to be measured.
        if trimmed.duration() >= options.limits.min_duration {
            voice = trimmed;
        }
    }
    let length = voice.duration() + MUSIC_MORE;
    let music = music.map(|music| decode_beginning(music, &options.limits, length));
    let music = music.transpose().map_err(of_music)?.map(remove_offset);
    // Everything at the rate of the file, so that no later resampling changes levels and peaks.
    let source_rate = music.as_ref().map_or(0, Audio::sample_rate).max(voice.sample_rate());
    let encoding = options.encode.plan(voice.duration(), source_rate)?;
    voice = resample(&voice, encoding.sample_rate)?;
    if let Some(music) = &music {
        check_audible(music, options.silence_dbfs).map_err(of_music)?;
        voice = mix(&voice, music, &options.mix)?;
    }
    let normalised = normalise(&voice, &options.normalise)?;
    let file = encode_as(&normalised.audio, encoding, options.encode.max_bytes)?;
    Ok(Prepared { file, loudness: normalised.loudness })
}

fn of_music(error: Error) -> Error {
    Error::Music(Box::new(error))
}
