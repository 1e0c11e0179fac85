use std::collections::VecDeque;
use std::time::Duration;

use crate::audio::Audio;

/// The look-ahead: the gain goes down this long before a peak.
const LOOK_AHEAD: Duration = Duration::from_millis(5);
/// Time constant with which the gain comes back.
const RELEASE: Duration = Duration::from_millis(80);

/// Keeps every sample within `ceiling` (an amplitude above 0) by turning the gain down around
/// peaks, smoothly, without delay. Sound that is already within the ceiling is not changed.
///
/// The gain each sample needs is held over the look-ahead by a moving minimum and smoothed by a
/// moving mean of the same length. Every minimum in that mean includes the peak, so the mean is
/// never above the gain that the peak needs.
pub(crate) fn limit(audio: Audio, ceiling: f32) -> Audio {
    if audio.peak() <= ceiling {
        return audio;
    }
    let rate = f64::from(audio.sample_rate());
    let ahead = audio.frames(LOOK_AHEAD).max(1);
    let release = (1.0 - (-1.0 / (RELEASE.as_secs_f64() * rate)).exp()) as f32;
    let samples = audio.samples();
    let needed = |sample: f32| if sample.abs() > ceiling { ceiling / sample.abs() } else { 1.0 };

    // Held: the least gain needed from now to the end of the look-ahead, coming back slowly.
    let mut held = Vec::with_capacity(samples.len());
    let mut window: VecDeque<(usize, f32)> = VecDeque::new();
    let (mut seen, mut last) = (0, 1.0_f32);
    for now in 0..samples.len() {
        let horizon = (now + ahead + 1).min(samples.len());
        for (at, sample) in samples.iter().enumerate().take(horizon).skip(seen) {
            let gain = needed(*sample);
            while window.back().is_some_and(|(_, other)| *other >= gain) {
                window.pop_back();
            }
            window.push_back((at, gain));
        }
        seen = horizon;
        while window.front().is_some_and(|(at, _)| *at < now) {
            window.pop_front();
        }
        let least = window.front().map_or(1.0, |(_, gain)| *gain);
        last = if least < last { least } else { last + (least - last) * release };
        held.push(last);
    }

    // Smoothed: the mean over the look-ahead before now; before the start the first value holds.
    let first = f64::from(held.first().copied().unwrap_or(1.0));
    let mut sum = first * ahead as f64;
    let limited = samples.iter().enumerate().map(|(now, sample)| {
        sum += f64::from(held[now]);
        let mean = sum / (ahead + 1) as f64;
        sum -= now.checked_sub(ahead).map_or(first, |old| f64::from(held[old]));
        (sample * mean as f32).clamp(-ceiling, ceiling)
    });
    let limited = limited.collect();
    Audio::derived(audio.sample_rate(), limited)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    const RATE: u32 = 16_000;

    /// Steady at 0.4 with one sample of 1.6, and the gain that each sample got.
    fn gains_around_a_peak(at: usize) -> Vec<f32> {
        let mut samples = vec![0.4_f32; 8000];
        samples[at] = 1.6;
        let limited = limit(Audio::new(RATE, samples.clone()).unwrap(), 0.5);
        limited.samples().iter().zip(&samples).map(|(new, old)| new / old).collect()
    }

    #[test]
    fn the_gain_is_down_at_the_peak_and_moves_smoothly_to_it_and_back() {
        for at in [0, 1, 40, 4000, 7999] {
            let gains = gains_around_a_peak(at);
            assert!(gains[at] <= 0.5 / 1.6 + 1e-6, "{at}");
            // From 1 to 0.3 over 5 ms, which are 80 samples: by the mean, not by cutting.
            let steps = gains.windows(2).map(|pair| (pair[1] - pair[0]).abs());
            let largest = steps.fold(0.0, f32::max);
            assert!(largest < 0.7 / 80.0 * 1.1, "a peak at {at}: a step of {largest}");
        }
        let gains = gains_around_a_peak(2000);
        assert_eq!(gains[..1900], vec![1.0; 1900], "nothing before the look-ahead");
        assert!(gains[7999] > 0.98, "back at last: {}", gains[7999]);
    }

    #[test]
    fn sound_within_the_ceiling_is_not_touched() {
        let audio = Audio::new(RATE, vec![0.5, -0.5, 0.1]).unwrap();
        assert_eq!(limit(audio.clone(), 0.5), audio);
    }
}
