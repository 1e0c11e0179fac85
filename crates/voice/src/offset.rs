use std::collections::VecDeque;
use std::f64::consts::TAU;
use std::time::Duration;

use crate::audio::Audio;

/// Over how long the offset is taken: long enough to leave the lowest voices as they are.
const SPAN: Duration = Duration::from_millis(500);
/// Offsets below this, as a share of full scale, do no harm: it is -60 dBFS.
const HARMLESS: f64 = 0.001;

/// Removes a constant or slowly moving offset (DC), which no ear hears, but which takes room from
/// the sound and looks like sound to a meter: from each sample the mean of the half second around
/// it. A sound without an offset that matters (0.001 of full scale) comes back as it is.
#[must_use]
pub fn remove_offset(audio: Audio) -> Audio {
    let span = audio.frames(SPAN).max(2);
    if !has_offset(audio.samples(), span) {
        return audio;
    }
    let (rate, mut samples) = (audio.sample_rate(), audio.into_samples());
    let half = span / 2;
    // In place, so the old values of those that are changed are kept as long as they count.
    let mut before = VecDeque::with_capacity(half + 2);
    let mut sum: f64 = samples.iter().take(half).map(|sample| f64::from(*sample)).sum();
    let mut count = samples.len().min(half);
    for at in 0..samples.len() {
        if let Some(coming) = samples.get(at + half) {
            sum += f64::from(*coming);
            count += 1;
        }
        before.push_back(samples[at]);
        if before.len() > half + 1
            && let Some(gone) = before.pop_front()
        {
            sum -= f64::from(gone);
            count -= 1;
        }
        samples[at] = (f64::from(samples[at]) - sum / count as f64) as f32;
    }
    Audio::derived(rate, samples)
}

/// Whether any stretch has a mean that matters. Under Hann's window, in which a voice has none,
/// wherever the stretch cuts its waves.
fn has_offset(samples: &[f32], span: usize) -> bool {
    let span = span.min(samples.len()).max(1);
    let window: Vec<f64> =
        (0..span).map(|at| 1.0 - (TAU * (at as f64 + 0.5) / span as f64).cos()).collect();
    let last = samples.len().saturating_sub(span);
    let starts = (0..last).step_by(span.div_ceil(2)).chain([last]);
    starts.into_iter().any(|start| {
        let stretch = samples[start..].iter().zip(&window);
        let sum: f64 = stretch.map(|(sample, weight)| f64::from(*sample) * weight).sum();
        sum.abs() >= HARMLESS * span as f64
    })
}
