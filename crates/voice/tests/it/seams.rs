use std::time::Duration;

use portrait_voice::{Audio, DuckOptions, MixOptions, mix};

use crate::support::{joined, noise, part, silence, sine};

const RATE: u32 = 16_000;

/// Music under a voice far below it in frequency, without ducking and fades.
fn looped(music: &Audio, crossfade: Duration) -> Vec<f32> {
    let voice = sine(RATE, 100.0, 0.2, 6.0);
    let options = MixOptions {
        volume: 1.0,
        fade_in: Duration::ZERO,
        fade_out: Duration::ZERO,
        crossfade,
        duck: DuckOptions { depth_db: 0.0, ..DuckOptions::default() },
        max_peak_dbfs: 0.0,
    };
    let mixed = mix(&voice, music, &options).unwrap();
    let music = mixed.samples().iter().zip(voice.samples()).map(|(both, voice)| both - voice);
    music.collect()
}

fn largest_step(samples: &[f32]) -> f32 {
    samples.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0, f32::max)
}

fn rms(samples: &[f32]) -> f64 {
    let energy: f64 = samples.iter().map(|sample| f64::from(*sample).powi(2)).sum();
    (energy / samples.len() as f64).sqrt()
}

#[test]
fn a_seam_does_not_click() {
    // 1.37 s end in the middle of a wave: put end to end, the sample would jump.
    let music = sine(RATE, 333.3, 0.1, 1.37);
    let steepest = largest_step(&looped(&sine(RATE, 333.3, 0.1, 8.0), Duration::ZERO));
    let seamed = largest_step(&looped(&music, Duration::from_millis(400)));
    assert!(seamed < steepest * 1.5, "a step of {seamed} where the wave itself has {steepest}");
    let hard = largest_step(&looped(&music, Duration::ZERO));
    assert!(hard > steepest * 3.0, "the test would hear a click: {hard}");
}

#[test]
fn a_seam_keeps_the_level_of_the_music() {
    let out = looped(&noise(RATE, 0.1, 2.0), Duration::from_millis(600));
    let all = rms(&out);
    for (index, piece) in out.chunks_exact(RATE as usize / 10).enumerate() {
        let off = 20.0 * (rms(piece) / all).log10();
        assert!(off.abs() < 1.0, "{off:.1} dB after {index} tenths of a second");
    }
}

#[test]
fn the_piece_comes_again_from_its_beginning() {
    let music = noise(RATE, 0.1, 2.0);
    let crossfade = 0.5;
    let out = looped(&music, Duration::from_secs_f64(crossfade));
    let period = ((2.0 - crossfade) * f64::from(RATE)) as usize;
    let clear = (crossfade * f64::from(RATE)) as usize;
    for at in clear..period {
        assert!((out[at] - out[at + period]).abs() < 1e-4, "sample {at}");
    }
}

#[test]
fn pauses_at_the_ends_of_a_piece_make_no_holes() {
    let pause = silence(RATE, 0.8);
    let piece = joined(&[pause.clone(), noise(RATE, 0.1, 1.5), pause]);
    let out = looped(&piece, Duration::from_millis(200));
    let out = Audio::new(RATE, out).unwrap();
    for step in 0..59 {
        let from = f64::from(step) / 10.0;
        let level = rms(part(&out, from, from + 0.1).samples());
        assert!(level > 0.02, "a hole at {from} s");
    }
}

#[test]
fn pieces_shorter_than_their_crossfade_are_repeated_too() {
    let out = looped(&noise(RATE, 0.1, 0.5), Duration::from_secs(5));
    assert!(out.chunks_exact(1600).all(|piece| rms(piece) > 0.01));
}
