//! Synthesised sounds, and ears.

use std::f64::consts::TAU;
use std::fs;
use std::path::Path;

use portrait_voice::{Audio, EncodeOptions, encode};

/// A file of `tests/data`.
pub(crate) fn data(name: &str) -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)).unwrap()
}

pub(crate) fn sine(rate: u32, hertz: f64, amplitude: f64, seconds: f64) -> Audio {
    let wave = |at: usize| (amplitude * (TAU * hertz * at as f64 / f64::from(rate)).sin()) as f32;
    Audio::new(rate, (0..(seconds * f64::from(rate)).round() as usize).map(wave).collect()).unwrap()
}

/// Bursts of a tone as of somebody who speaks: `on` seconds of sound, `off` of silence, again and
/// again.
pub(crate) fn words(rate: u32, hertz: f64, on: f64, off: f64, seconds: f64) -> Audio {
    let tone = sine(rate, hertz, 0.3, seconds);
    let period = on + off;
    let gated = tone.samples().iter().enumerate().map(|(at, sample)| {
        let time = at as f64 / f64::from(rate) % period;
        // Ends as soft as of a word.
        let gain = (time.min(on - time) / 0.01).clamp(0.0, 1.0);
        sample * gain as f32
    });
    Audio::new(rate, gated.collect()).unwrap()
}

/// Noise from -`amplitude` to `amplitude`, the same each time.
pub(crate) fn noise(rate: u32, amplitude: f32, seconds: f64) -> Audio {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let samples = (0..(seconds * f64::from(rate)) as usize).map(|_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        amplitude * ((state >> 40) as f32 / (1 << 23) as f32 - 1.0)
    });
    Audio::new(rate, samples.collect()).unwrap()
}

pub(crate) fn silence(rate: u32, seconds: f64) -> Audio {
    Audio::new(rate, vec![0.0; (seconds * f64::from(rate)) as usize]).unwrap()
}

/// One sound after the other, all of the first one's rate.
pub(crate) fn joined(pieces: &[Audio]) -> Audio {
    let all = pieces.iter().flat_map(|piece| piece.samples().to_vec()).collect();
    Audio::new(pieces[0].sample_rate(), all).unwrap()
}

/// The part from `from` to `to` seconds.
pub(crate) fn part(audio: &Audio, from: f64, to: f64) -> Audio {
    let at = |time: f64| (time * f64::from(audio.sample_rate())) as usize;
    Audio::new(audio.sample_rate(), audio.samples()[at(from)..at(to)].to_vec()).unwrap()
}

/// Amplitude of a tone in a sound: Goertzel's algorithm under Hann's window, so that other tones
/// do not leak into it.
pub(crate) fn amplitude(audio: &Audio, hertz: f64) -> f64 {
    let length = audio.samples().len();
    let step = TAU * hertz / f64::from(audio.sample_rate());
    let (mut one, mut two, mut weight) = (0.0, 0.0, 0.0);
    for (at, sample) in audio.samples().iter().enumerate() {
        let window = 0.5 - 0.5 * (TAU * (at as f64 + 0.5) / length as f64).cos();
        weight += window;
        let now = f64::from(*sample) * window + 2.0 * step.cos() * one - two;
        (two, one) = (one, now);
    }
    let power = one * one + two * two - 2.0 * step.cos() * one * two;
    2.0 * power.max(0.0).sqrt() / weight
}

pub(crate) fn db(ratio: f64) -> f64 {
    20.0 * ratio.log10()
}

/// As a file of WAV at the sound's own rate of 16, 24, 32 or 48 kHz.
pub(crate) fn wav(audio: &Audio) -> Vec<u8> {
    let options = EncodeOptions { max_bytes: 64 << 20, ..EncodeOptions::default() };
    encode(audio, &options).unwrap().bytes.to_vec()
}
