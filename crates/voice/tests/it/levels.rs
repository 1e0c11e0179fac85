use portrait_voice::{
    Audio, Error, NormaliseOptions, TrimOptions, measure, normalise, trim_silence,
};

use crate::support::{amplitude, joined, noise, silence, sine, words};

/// EBU Tech 3341, case 1: a sine of 1 kHz at -23 dBFS from both loudspeakers has -23 LUFS.
#[test]
fn loudness_is_that_of_the_standard() {
    let tone = sine(48_000, 1000.0, 10_f64.powf(-23.0 / 20.0), 4.0);
    let loudness = measure(&tone);
    assert!((loudness.integrated_lufs + 23.0).abs() < 0.1, "{loudness:?}");
    assert!((loudness.sample_peak_dbfs + 23.0).abs() < 0.05, "{loudness:?}");
    assert!((loudness.true_peak_dbtp + 23.0).abs() < 0.3, "{loudness:?}");
    let nothing = measure(&silence(48_000, 1.0));
    assert_eq!(nothing.integrated_lufs, f64::NEG_INFINITY);
}

#[test]
fn loudness_reaches_the_target_and_no_peak_the_ceiling() {
    // Quiet, loud, and of a high crest: each peak is twelve times the level between.
    let peaky = {
        let mut samples = noise(16_000, 0.04, 3.0).samples().to_vec();
        for at in (500..samples.len()).step_by(1600) {
            samples[at] = 0.5;
        }
        Audio::new(16_000, samples).unwrap()
    };
    let cases = [
        ("a quiet tone", sine(16_000, 440.0, 0.01, 2.0)),
        ("a loud tone", sine(16_000, 440.0, 0.95, 2.0)),
        ("words", words(16_000, 300.0, 0.5, 0.4, 3.0)),
        ("noise", noise(16_000, 0.2, 2.0)),
        ("peaks", peaky),
    ];
    for (name, audio) in cases {
        for target_lufs in [-23.0, -16.0] {
            let options = NormaliseOptions { target_lufs, ..NormaliseOptions::default() };
            let done = normalise(&audio, &options).unwrap();
            assert_eq!(done.loudness, measure(&done.audio));
            let miss = done.loudness.integrated_lufs - target_lufs;
            assert!(miss.abs() < 0.5, "{name} misses {target_lufs} by {miss:.2} LU");
            assert!(done.loudness.true_peak_dbtp <= -1.0, "{name}: {:?}", done.loudness);
            assert!(done.audio.peak() < 1.0);
            assert_eq!(done.audio.samples().len(), audio.samples().len());
        }
    }
}

#[test]
fn a_sound_that_needs_no_limiting_is_only_scaled() {
    let tone = sine(16_000, 440.0, 0.02, 1.0);
    let done = normalise(&tone, &NormaliseOptions::default()).unwrap();
    let factor = done.audio.samples()[10] / tone.samples()[10];
    for (new, old) in done.audio.samples().iter().zip(tone.samples()) {
        assert!((new - old * factor).abs() < 1e-6);
    }
}

#[test]
fn limiting_adds_no_audible_distortion() {
    // Loud bursts over a steady tone: the tone's harmonics would show a cut wave.
    let burst = words(16_000, 500.0, 0.1, 0.9, 3.0);
    let samples = burst.samples().iter().map(|sample| sample * 3.0).collect();
    let burst = Audio::new(16_000, samples).unwrap();
    let options = NormaliseOptions { target_lufs: -10.0, ..NormaliseOptions::default() };
    let done = normalise(&burst, &options).unwrap();
    let tone = amplitude(&done.audio, 500.0);
    for harmonic in [1500.0, 2500.0] {
        let share = amplitude(&done.audio, harmonic) / tone;
        assert!(share < 0.01, "{harmonic} Hz at {:.1} % of the tone", share * 100.0);
    }
}

#[test]
fn what_is_too_quiet_is_not_raised_to_noise() {
    let quiet = sine(16_000, 440.0, 0.001, 1.0);
    let before = measure(&quiet).integrated_lufs;
    let options = NormaliseOptions { max_gain_db: 12.0, ..NormaliseOptions::default() };
    let after = normalise(&quiet, &options).unwrap().loudness.integrated_lufs;
    assert!((after - before - 12.0).abs() < 0.1, "{before} to {after}");
}

#[test]
fn silence_has_no_loudness_to_bring_anywhere() {
    for audio in [silence(16_000, 1.0), sine(16_000, 440.0, 0.5, 0.1)] {
        let error = normalise(&audio, &NormaliseOptions::default()).unwrap_err();
        assert!(matches!(error, Error::Silent { .. }), "{error}");
    }
}

#[test]
fn options_outside_their_range_are_refused_by_name() {
    let tone = sine(16_000, 440.0, 0.1, 1.0);
    let cases = [
        (NormaliseOptions { target_lufs: 0.0, ..Default::default() }, "target_lufs"),
        (NormaliseOptions { target_lufs: f64::NAN, ..Default::default() }, "target_lufs"),
        (NormaliseOptions { max_true_peak_dbtp: 1.0, ..Default::default() }, "max_true_peak_dbtp"),
        (NormaliseOptions { max_gain_db: -1.0, ..Default::default() }, "max_gain_db"),
    ];
    for (options, name) in cases {
        let error = normalise(&tone, &options).unwrap_err();
        assert!(matches!(error, Error::InvalidOption { option, .. } if option == name), "{error}");
    }
}

#[test]
fn silence_is_cut_off_the_ends_alone() {
    let audio = joined(&[
        silence(16_000, 1.0),
        sine(16_000, 440.0, 0.2, 0.5),
        silence(16_000, 0.7),
        sine(16_000, 440.0, 0.2, 0.5),
        silence(16_000, 2.0),
    ]);
    let trimmed = trim_silence(&audio, &TrimOptions::default());
    let seconds = trimmed.duration().as_secs_f64();
    assert!((seconds - (0.25 + 1.7 + 0.25)).abs() < 0.03, "{seconds}");
    assert_eq!(trim_silence(&trimmed, &TrimOptions::default()), trimmed);
    let nothing = silence(16_000, 1.0);
    assert_eq!(trim_silence(&nothing, &TrimOptions::default()), nothing);
}
