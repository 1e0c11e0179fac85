use std::f32::consts::FRAC_PI_2;
use std::time::Duration;

use crate::audio::Audio;

/// Music for exactly `length` samples: from its start, repeated as often as needed. At each
/// repetition its end fades into its beginning over `crossfade` (at most a third of the piece), at
/// equal power.
pub(crate) fn looped(music: &Audio, length: usize, crossfade: Duration) -> Vec<f32> {
    let piece = music.samples();
    if piece.len() >= length || piece.is_empty() {
        return piece[..length.min(piece.len())].to_vec();
    }
    let overlap = music.frames(crossfade).min(piece.len() / 3);
    let mut out = Vec::with_capacity(length + piece.len());
    out.extend_from_slice(piece);
    while out.len() < length {
        let seam = out.len() - overlap;
        for (step, sample) in out[seam..].iter_mut().enumerate() {
            let angle = (step as f32 + 0.5) / overlap as f32 * FRAC_PI_2;
            *sample = *sample * angle.cos() + piece[step] * angle.sin();
        }
        out.extend_from_slice(&piece[overlap..]);
    }
    out.truncate(length);
    out
}

/// Fades the start in and the end out, with the gentle ends of a squared sine. Fades longer than
/// half of the sound are shortened to it.
pub(crate) fn fade(samples: &mut [f32], fade_in: usize, fade_out: usize) {
    let half = samples.len() / 2;
    let (fade_in, fade_out) = (fade_in.min(half), fade_out.min(half));
    let gain = |step: usize, length: usize| {
        ((step as f32 + 0.5) / length as f32 * FRAC_PI_2).sin().powi(2)
    };
    for (step, sample) in samples.iter_mut().take(fade_in).enumerate() {
        *sample *= gain(step, fade_in);
    }
    for (step, sample) in samples.iter_mut().rev().take(fade_out).enumerate() {
        *sample *= gain(step, fade_out);
    }
}
