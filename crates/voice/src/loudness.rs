use ebur128::{Channel, EbuR128, Mode};

use crate::audio::{Audio, from_db, to_db};
use crate::error::{Error, within};
use crate::limiter::limit;

/// How loud a sound is, by EBU R 128 (ITU-R BS.1770-4). Its one channel counts as played by both
/// loudspeakers, which is 3 LU more than by one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Loudness {
    /// Integrated loudness in LUFS; minus infinity when nothing is above the gate of -70 LUFS, or
    /// the sound is shorter than 0.4 s.
    pub integrated_lufs: f64,
    /// The true peak, which counts the signal between samples too, in dB below full scale.
    pub true_peak_dbtp: f64,
    /// The largest sample, in dB below full scale.
    pub sample_peak_dbfs: f64,
}

/// Measures the loudness of a whole sound.
#[must_use]
pub fn measure(audio: &Audio) -> Loudness {
    let mode = Mode::I | Mode::TRUE_PEAK;
    let measured = EbuR128::new(1, audio.sample_rate(), mode).and_then(|mut meter| {
        meter.set_channel(0, Channel::DualMono)?;
        meter.add_frames_f32(audio.samples())?;
        Ok((meter.loudness_global()?, meter.true_peak(0)?))
    });
    // Only rates and channel counts that `Audio` does not have are refused.
    let (integrated_lufs, true_peak) = measured.unwrap_or((f64::NEG_INFINITY, 0.0));
    let peak = f64::from(audio.peak());
    Loudness {
        integrated_lufs,
        true_peak_dbtp: to_db(true_peak.max(peak)),
        sample_peak_dbfs: to_db(peak),
    }
}

/// What loudness a sound is brought to.
#[derive(Debug, Clone, PartialEq)]
pub struct NormaliseOptions {
    /// Integrated loudness aimed at in LUFS, -40 to -6.
    pub target_lufs: f64,
    /// Highest true peak in dB below full scale, -20 to 0. Peaks beyond it are limited.
    pub max_true_peak_dbtp: f64,
    /// Most decibels a quiet sound is raised by, 0 to 60; beyond, mostly noise would be raised,
    /// and the sound stays below the target.
    pub max_gain_db: f64,
}

impl Default for NormaliseOptions {
    /// -16 LUFS, the usual loudness of speech for headphones and telephones
    /// (AES TD1004.1.15-10), with peaks to -1 dBTP as EBU R 128 has them; at most 30 dB more.
    fn default() -> NormaliseOptions {
        NormaliseOptions { target_lufs: -16.0, max_true_peak_dbtp: -1.0, max_gain_db: 30.0 }
    }
}

impl NormaliseOptions {
    pub(crate) fn check(&self) -> Result<(), Error> {
        within("target_lufs", self.target_lufs, -40.0, -6.0)?;
        within("max_true_peak_dbtp", self.max_true_peak_dbtp, -20.0, 0.0)?;
        within("max_gain_db", self.max_gain_db, 0.0, 60.0)
    }
}

/// A sound brought to a loudness.
#[derive(Debug, Clone, PartialEq)]
pub struct Normalised {
    /// The sound.
    pub audio: Audio,
    /// How loud it is now.
    pub loudness: Loudness,
}

/// Most rounds of limiting and measuring again; speech needs two or three.
const ROUNDS: usize = 8;
/// The difference from the target that is accepted, in LU.
const NEAR: f64 = 0.1;

/// Brings a sound to a loudness by one gain, and by a limiter where peaks would go beyond the
/// ceiling. A sound whose peaks cannot be limited enough stays below the target, never above the
/// ceiling.
///
/// # Errors
/// [`Error::InvalidOption`]; [`Error::Silent`] when nothing is loud enough to be measured.
pub fn normalise(audio: &Audio, options: &NormaliseOptions) -> Result<Normalised, Error> {
    options.check()?;
    let before = measure(audio);
    if !before.integrated_lufs.is_finite() {
        return Err(Error::Silent { loudest_dbfs: before.sample_peak_dbfs });
    }
    let wanted = (options.target_lufs - before.integrated_lufs).min(options.max_gain_db);
    let goal = before.integrated_lufs + wanted;
    let (mut gain, mut ceiling) = (wanted, options.max_true_peak_dbtp);
    let mut best: Option<Normalised> = None;
    for _ in 0..ROUNDS {
        let louder = audio.scaled(from_db(gain) as f32);
        let limited = limit(louder, from_db(ceiling) as f32);
        let loudness = measure(&limited);
        let over = loudness.true_peak_dbtp - options.max_true_peak_dbtp;
        let miss = goal - loudness.integrated_lufs;
        let nearer =
            |other: &Normalised| miss.abs() < (goal - other.loudness.integrated_lufs).abs();
        if over <= 0.0 && best.as_ref().is_none_or(nearer) {
            best = Some(Normalised { audio: limited, loudness });
        }
        if over <= 0.0 && miss.abs() < NEAR {
            break;
        }
        // The limiter works on samples; the signal between them can be some decibels higher.
        if over > 0.0 {
            ceiling -= over + 0.01;
        }
        gain = (gain + miss).min(wanted + 12.0);
    }
    if let Some(best) = best {
        return Ok(best);
    }
    // No round kept within the ceiling, so one gain for the whole sound does it.
    let room = options.max_true_peak_dbtp - before.true_peak_dbtp;
    let audio = audio.scaled(from_db(wanted.min(room - 0.01)) as f32);
    let loudness = measure(&audio);
    Ok(Normalised { audio, loudness })
}
