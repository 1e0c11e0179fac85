use std::time::Duration;

use crate::audio::{Audio, from_db};
use crate::duck::DuckOptions;
use crate::error::{Error, within};
use crate::limiter::limit;
use crate::loudness::measure;
use crate::music::{fade, looped};
use crate::resample::resample;
use crate::silence::{TrimOptions, loudest_dbfs, trim_silence};

/// How music is laid under a voice.
#[derive(Debug, Clone, PartialEq)]
pub struct MixOptions {
    /// Amplitude of the music against the voice's loudness, 0 (none) to 1 (as loud as the voice,
    /// where nobody speaks).
    pub volume: f64,
    /// How long the music fades in.
    pub fade_in: Duration,
    /// How long it fades out.
    pub fade_out: Duration,
    /// Length of the crossfade from the end of the music to its beginning, where it is repeated.
    pub crossfade: Duration,
    /// How it is turned down while the voice speaks.
    pub duck: DuckOptions,
    /// No sample goes beyond this, in dB below full scale, -20 to 0.
    pub max_peak_dbfs: f64,
}

impl Default for MixOptions {
    /// A volume of 0.3, which is about 10 dB below the voice, and 20 dB while it speaks; fades of
    /// one second in and two out; a crossfade of two seconds; peaks to -1 dBFS.
    fn default() -> MixOptions {
        MixOptions {
            volume: 0.3,
            fade_in: Duration::from_secs(1),
            fade_out: Duration::from_secs(2),
            crossfade: Duration::from_secs(2),
            duck: DuckOptions::default(),
            max_peak_dbfs: -1.0,
        }
    }
}

/// Lays music under a voice. The result has the voice's rate and length; the music is brought to
/// the voice's rate and loudness, so that a volume means the same for every piece, repeated where
/// it is too short, faded in and out, and turned down while the voice speaks. The voice stays as
/// it is, but where the sum of both would go beyond the peak allowed.
///
/// # Errors
/// [`Error::InvalidOption`]; [`Error::Silent`] when the voice is too quiet or short to be measured,
/// and the same in [`Error::Music`] for the music.
pub fn mix(voice: &Audio, music: &Audio, options: &MixOptions) -> Result<Audio, Error> {
    within("volume", options.volume, 0.0, 1.0)?;
    within("max_peak_dbfs", options.max_peak_dbfs, -20.0, 0.0)?;
    options.duck.check()?;
    let ceiling = from_db(options.max_peak_dbfs) as f32;
    if options.volume == 0.0 {
        return Ok(limit(voice.clone(), ceiling));
    }

    // A pause at the ends of a piece would be a gap at each repetition.
    let trim = TrimOptions { keep: Duration::ZERO, ..TrimOptions::default() };
    let music = trim_silence(&resample(music, voice.sample_rate())?, &trim);
    let of_voice = loudness(voice)?;
    let of_music = loudness(&music).map_err(|error| Error::Music(Box::new(error)))?;
    let level = from_db(of_voice - of_music) * options.volume;

    let mut under = looped(&music, voice.samples().len(), options.crossfade);
    fade(&mut under, voice.frames(options.fade_in), voice.frames(options.fade_out));
    let gains = options.duck.gains(voice, of_voice);
    let sum = voice
        .samples()
        .iter()
        .zip(under.iter().zip(&gains))
        .map(|(voice, (music, gain))| voice + music * gain * level as f32)
        .collect();
    Ok(limit(Audio::derived(voice.sample_rate(), sum), ceiling))
}

fn loudness(audio: &Audio) -> Result<f64, Error> {
    let lufs = measure(audio).integrated_lufs;
    if lufs.is_finite() {
        Ok(lufs)
    } else {
        Err(Error::Silent { loudest_dbfs: loudest_dbfs(audio) })
    }
}
