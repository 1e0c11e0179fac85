use std::time::Duration;

use crate::audio::{Audio, from_db, to_db};
use crate::error::{Error, within};

/// How music is turned down while somebody speaks.
#[derive(Debug, Clone, PartialEq)]
pub struct DuckOptions {
    /// By how many decibels, 0 (not at all) to 60.
    pub depth_db: f64,
    /// The voice counts as speaking when its level is no more than this many decibels below its
    /// own loudness, 0 to 60.
    pub threshold_db: f64,
    /// Time constant of turning down. Turning down begins this much before the voice.
    pub attack: Duration,
    /// How long the music stays down after a word, so that it does not pump between words.
    pub hold: Duration,
    /// Time constant of coming back.
    pub release: Duration,
}

impl Default for DuckOptions {
    /// 10 dB down when the voice is within 20 dB of its loudness; 60 ms attack, 250 ms hold,
    /// 350 ms release.
    fn default() -> DuckOptions {
        DuckOptions {
            depth_db: 10.0,
            threshold_db: 20.0,
            attack: Duration::from_millis(60),
            hold: Duration::from_millis(250),
            release: Duration::from_millis(350),
        }
    }
}

/// Decibels above the threshold over which the full depth is reached.
const KNEE_DB: f64 = 6.0;
/// How much higher loudness is than the level of one channel, because two loudspeakers play it.
const BOTH_DB: f64 = 3.01;
/// How often the level of the voice is taken.
const STEP: Duration = Duration::from_millis(5);
/// Half of the length over which it is taken.
const REACH: Duration = Duration::from_millis(10);

impl DuckOptions {
    pub(crate) fn check(&self) -> Result<(), Error> {
        within("duck.depth_db", self.depth_db, 0.0, 60.0)?;
        within("duck.threshold_db", self.threshold_db, 0.0, 60.0)
    }

    /// The factor for each sample of music under this voice, of the loudness given in LUFS.
    ///
    /// An envelope follower: the level of the voice every 5 ms, held, gives the wanted gain of the
    /// music; the gain in decibels follows it with the attack and the release.
    pub(crate) fn gains(&self, voice: &Audio, loudness_lufs: f64) -> Vec<f32> {
        let length = voice.samples().len();
        let (step, reach) = (voice.frames(STEP).max(1), voice.frames(REACH));
        let threshold = loudness_lufs - BOTH_DB - self.threshold_db;
        let speaking: Vec<f64> = (0..length.div_ceil(step))
            .map(|at| {
                let middle = at * step;
                let window = middle.saturating_sub(reach)..(middle + reach + 1).min(length);
                let level = rms_dbfs(&voice.samples()[window]);
                ((level - threshold) / KNEE_DB).clamp(0.0, 1.0)
            })
            .collect();

        let steps = |time: Duration| (time.as_secs_f64() / STEP.as_secs_f64()).round() as usize;
        let (ahead, hold) = (steps(self.attack), steps(self.hold));
        let pace = |time: Duration| {
            let time = time.as_secs_f64().max(1e-4);
            1.0 - (-STEP.as_secs_f64() / time).exp()
        };
        let (attack, release) = (pace(self.attack), pace(self.release));
        let mut down = 0.0;
        let held = (0..speaking.len()).map(|at| {
            let window = at.saturating_sub(hold)..(at + ahead + 1).min(speaking.len());
            let wanted = speaking[window].iter().copied().fold(0.0, f64::max);
            down += (wanted - down) * if wanted > down { attack } else { release };
            from_db(-self.depth_db * down) as f32
        });
        let gains: Vec<f32> = held.collect();

        // Linear between the steps: jumps of the gain would be audible as noise.
        let between = |at: usize| {
            let (index, part) = (at / step, (at % step) as f32 / step as f32);
            let now = gains[index];
            now + (gains.get(index + 1).copied().unwrap_or(now) - now) * part
        };
        (0..length).map(between).collect()
    }
}

fn rms_dbfs(window: &[f32]) -> f64 {
    let energy: f64 = window.iter().map(|sample| f64::from(*sample).powi(2)).sum();
    to_db((energy / window.len() as f64).sqrt())
}
