//! Synthesised sounds, ears, and somebody who hums instead of speaking.

use portrait_pipeline::voice::{
    Audio, EncodeOptions, Error, Speech, SpeechRequest, async_trait, bytes::Bytes, encode,
};
use std::f64::consts::TAU;
use std::sync::{Arc, Mutex};

const RATE: u32 = 16_000;

/// A WAV file of a tone.
pub(crate) fn tone(hertz: f64, amplitude: f64, seconds: f64) -> Vec<u8> {
    file(seconds, |time| amplitude * (TAU * hertz * time).sin())
}

/// A WAV file of somebody who speaks: `on` seconds of a tone, `off` of silence, again and again.
pub(crate) fn bursts(hertz: f64, on: f64, off: f64, seconds: f64) -> Vec<u8> {
    file(seconds, |time| {
        let within = time % (on + off);
        // Ends as soft as of a word.
        let gain = (within.min(on - within) / 0.01).clamp(0.0, 1.0);
        0.3 * gain * (TAU * hertz * time).sin()
    })
}

fn file(seconds: f64, wave: impl Fn(f64) -> f64) -> Vec<u8> {
    let samples = (0..(seconds * f64::from(RATE)) as usize)
        .map(|at| wave(at as f64 / f64::from(RATE)) as f32)
        .collect();
    let audio = Audio::new(RATE, samples).unwrap();
    encode(&audio, &EncodeOptions::default()).unwrap().bytes.to_vec()
}

/// The part from `from` to `to` seconds.
pub(crate) fn part(audio: &Audio, from: f64, to: f64) -> Audio {
    let at = |time: f64| (time * f64::from(audio.sample_rate())) as usize;
    Audio::new(audio.sample_rate(), audio.samples()[at(from)..at(to)].to_vec()).unwrap()
}

/// Amplitude of a tone in a sound, under Hann's window so that other tones do not leak into it.
pub(crate) fn amplitude(audio: &Audio, hertz: f64) -> f64 {
    let length = audio.samples().len() as f64;
    let step = TAU * hertz / f64::from(audio.sample_rate());
    let (mut cosine, mut sine) = (0.0, 0.0);
    for (at, sample) in audio.samples().iter().enumerate() {
        let window = 1.0 - (TAU * (at as f64 + 0.5) / length).cos();
        let value = f64::from(*sample) * window;
        cosine += value * (step * at as f64).cos();
        sine += value * (step * at as f64).sin();
    }
    2.0 * cosine.hypot(sine) / length
}

pub(crate) fn db(amplitude: f64) -> f64 {
    20.0 * amplitude.log10()
}

/// Hums a tone, a tenth of a second for each character, or fails; and remembers what was asked.
#[derive(Debug, Clone)]
pub(crate) struct Hum {
    sound: Result<f64, Error>,
    asked: Arc<Mutex<Vec<SpeechRequest>>>,
}

impl Hum {
    pub(crate) fn new(hertz: f64) -> Self {
        Self { sound: Ok(hertz), asked: Arc::default() }
    }

    pub(crate) fn failing(error: Error) -> Self {
        Self { sound: Err(error), asked: Arc::default() }
    }

    pub(crate) fn asked(&self) -> Vec<SpeechRequest> {
        self.asked.lock().unwrap().clone()
    }
}

#[async_trait]
impl Speech for Hum {
    async fn speak(&self, request: &SpeechRequest) -> Result<Bytes, Error> {
        self.asked.lock().unwrap().push(request.clone());
        let hertz = self.sound.clone()?;
        let seconds = request.text.chars().count() as f64 / 10.0;
        Ok(bursts(hertz, 0.3, 0.1, seconds).into())
    }
}
