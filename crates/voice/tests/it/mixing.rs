use std::time::Duration;

use portrait_voice::{Audio, DuckOptions, Error, MixOptions, measure, mix};

use crate::support::{amplitude, db, joined, noise, part, silence, sine, words};

const RATE: u32 = 16_000;
const VOICE: f64 = 300.0;
const MUSIC: f64 = 2000.0;

/// The voice speaks for the first 2.5 s of 6.
fn voice() -> Audio {
    joined(&[sine(RATE, VOICE, 0.2, 2.5), silence(RATE, 3.5)])
}

fn music() -> Audio {
    sine(RATE, MUSIC, 0.4, 8.0)
}

/// No fades, so that levels are those of the volume and the ducking.
fn steady(volume: f64, depth_db: f64) -> MixOptions {
    MixOptions {
        volume,
        fade_in: Duration::ZERO,
        fade_out: Duration::ZERO,
        duck: DuckOptions { depth_db, ..DuckOptions::default() },
        ..MixOptions::default()
    }
}

fn music_level(mixed: &Audio, from: f64, to: f64) -> f64 {
    amplitude(&part(mixed, from, to), MUSIC)
}

#[test]
fn volume_is_the_amplitude_against_the_voices_loudness() {
    let (voice, music) = (voice(), music());
    let level = 10_f64
        .powf((measure(&voice).integrated_lufs - measure(&music).integrated_lufs) / 20.0)
        * 0.4;
    for volume in [0.1, 0.3, 1.0] {
        let mixed = mix(&voice, &music, &steady(volume, 0.0)).unwrap();
        let found = music_level(&mixed, 4.0, 5.5);
        let off = db(found / (level * volume));
        assert!(off.abs() < 0.1, "at volume {volume}: off by {off:.2} dB");
    }
    // A volume means the same for a piece that was mastered quieter.
    let quiet = sine(RATE, MUSIC, 0.04, 8.0);
    let one = mix(&voice, &music, &steady(0.3, 0.0)).unwrap();
    let other = mix(&voice, &quiet, &steady(0.3, 0.0)).unwrap();
    let off = db(music_level(&one, 4.0, 5.5) / music_level(&other, 4.0, 5.5));
    assert!(off.abs() < 0.1, "{off:.2} dB");
}

#[test]
fn the_voice_stays_as_it_was() {
    let voice = voice();
    let mixed = mix(&voice, &music(), &steady(0.3, 10.0)).unwrap();
    let (before, after) = (part(&voice, 0.5, 2.0), part(&mixed, 0.5, 2.0));
    assert!(db(amplitude(&after, VOICE) / amplitude(&before, VOICE)).abs() < 0.05);
    let without = mix(&voice, &music(), &steady(0.0, 10.0)).unwrap();
    assert_eq!(without, voice, "at volume 0 there is no music");
}

#[test]
fn music_makes_way_while_the_voice_speaks_and_comes_back() {
    for depth in [6.0, 10.0, 20.0] {
        let mixed = mix(&voice(), &music(), &steady(0.3, depth)).unwrap();
        let down = db(music_level(&mixed, 1.0, 2.3) / music_level(&mixed, 4.8, 5.9));
        assert!((down + depth).abs() < 0.5, "asked for {depth} dB, found {down:.2}");
    }
}

#[test]
fn ducking_takes_its_attack_hold_and_release() {
    // One second of music alone, two of voice, three of music alone.
    let voice = joined(&[silence(RATE, 1.0), sine(RATE, VOICE, 0.2, 2.0), silence(RATE, 3.0)]);
    let options = steady(0.5, 12.0);
    let mixed = mix(&voice, &music(), &options).unwrap();
    let full = music_level(&mixed, 0.2, 0.6);
    let at = |time: f64| db(music_level(&mixed, time - 0.02, time + 0.02) / full);
    assert!(at(0.8).abs() < 0.3, "not long before the voice: {:.2}", at(0.8));
    assert!(at(1.3) < -11.0, "down soon after it began: {:.2}", at(1.3));
    assert!(at(3.15) < -11.0, "held for a moment: {:.2}", at(3.15));
    let halfway = at(3.6);
    assert!((-11.0..-1.0).contains(&halfway), "coming back: {halfway:.2}");
    assert!(at(5.5).abs() < 0.3, "back: {:.2}", at(5.5));
    // Never back down while it comes back.
    let course: Vec<f64> = (0..20).map(|step| at(3.3 + 0.1 * f64::from(step))).collect();
    assert!(course.windows(2).all(|pair| pair[1] > pair[0] - 0.2), "{course:.1?}");
}

#[test]
fn music_does_not_pump_between_words() {
    let voice = words(RATE, VOICE, 0.3, 0.2, 4.0);
    let mixed = mix(&voice, &music(), &steady(0.3, 12.0)).unwrap();
    let levels: Vec<f64> = (0..40)
        .map(|step| 1.0 + 0.06 * f64::from(step))
        .map(|at| music_level(&mixed, at, at + 0.05))
        .collect();
    let (least, most) = levels.iter().fold((f64::MAX, 0.0_f64), |(a, b), l| (a.min(*l), b.max(*l)));
    assert!(db(most / least) < 1.5, "it moves by {:.1} dB", db(most / least));
}

#[test]
fn nothing_goes_beyond_the_peak_allowed() {
    let loud = sine(RATE, VOICE, 0.95, 4.0);
    for (name, music) in [("a tone", sine(RATE, MUSIC, 0.9, 4.0)), ("noise", noise(RATE, 0.9, 4.0))]
    {
        let mixed = mix(&loud, &music, &steady(1.0, 0.0)).unwrap();
        assert!(db(f64::from(mixed.peak())) <= -1.0 + 1e-4, "{name}: {}", mixed.peak());
        assert!(measure(&mixed).integrated_lufs > -12.0, "{name}: it is still loud");
    }
}

#[test]
fn music_comes_in_and_goes_out_gently() {
    let voice = voice();
    let options = MixOptions {
        fade_in: Duration::from_secs(1),
        fade_out: Duration::from_secs(2),
        ..steady(0.5, 0.0)
    };
    let mixed = mix(&voice, &music(), &options).unwrap();
    let full = music_level(&mixed, 2.0, 3.5);
    let at = |time: f64| music_level(&mixed, time - 0.02, time + 0.02) / full;
    assert!(at(0.021) < 0.02, "{}", at(0.021));
    assert!((at(0.5) - 0.5).abs() < 0.05, "{}", at(0.5));
    assert!((at(1.2) - 1.0).abs() < 0.03, "{}", at(1.2));
    assert!((at(3.9) - 1.0).abs() < 0.03, "{}", at(3.9));
    assert!((at(5.0) - 0.5).abs() < 0.05, "{}", at(5.0));
    assert!(at(5.979) < 0.02, "{}", at(5.979));
    assert!(mixed.samples().first().unwrap().abs() < 1e-3);
    assert!(mixed.samples().last().unwrap().abs() < 1e-3);
}

#[test]
fn the_result_has_the_voices_rate_and_length_whatever_the_music_has() {
    let voice = sine(24_000, VOICE, 0.2, 2.0);
    for (rate, seconds) in [(48_000, 0.7), (44_100, 5.0), (8_000, 1.99)] {
        let music = sine(rate, MUSIC, 0.4, seconds);
        let mixed = mix(&voice, &music, &steady(0.5, 0.0)).unwrap();
        assert_eq!(mixed.sample_rate(), 24_000);
        assert_eq!(mixed.samples().len(), voice.samples().len());
        assert!(amplitude(&part(&mixed, 1.5, 2.0), MUSIC) > 0.01, "{rate}: there is music");
    }
}

#[test]
fn silence_and_options_outside_their_range_are_told() {
    let silent = silence(RATE, 2.0);
    let error = mix(&voice(), &silent, &steady(0.3, 0.0)).unwrap_err();
    assert!(matches!(&error, Error::Music(of) if matches!(**of, Error::Silent { .. })), "{error}");
    assert!(error.to_string().starts_with("background music: "), "{error}");
    assert!(matches!(mix(&silent, &music(), &steady(0.3, 0.0)), Err(Error::Silent { .. })));
    let refused = |options: MixOptions| match mix(&voice(), &music(), &options) {
        Err(Error::InvalidOption { option, .. }) => option,
        other => panic!("{other:?}"),
    };
    for volume in [-0.1, 1.1, f64::NAN] {
        assert_eq!(refused(steady(volume, 0.0)), "volume");
    }
    assert_eq!(refused(steady(0.3, -1.0)), "duck.depth_db");
    assert_eq!(refused(MixOptions { max_peak_dbfs: 3.0, ..steady(0.3, 0.0) }), "max_peak_dbfs");
}
