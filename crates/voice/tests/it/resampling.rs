use portrait_voice::{Audio, Error, resample};

use crate::support::{amplitude, db, part, sine};

#[test]
fn a_tone_keeps_frequency_level_length_and_phase() {
    for (from, to) in
        [(44_100, 48_000), (48_000, 16_000), (16_000, 48_000), (22_050, 24_000), (8_000, 16_000)]
    {
        let tone = sine(from, 1000.0, 0.5, 1.0);
        let other = resample(&tone, to).unwrap();
        assert_eq!(other.sample_rate(), to);
        assert!(other.samples().len().abs_diff(to as usize) <= 1, "{from} to {to}");
        let middle = part(&other, 0.1, 0.9);
        let level = db(amplitude(&middle, 1000.0) / 0.5);
        assert!(level.abs() < 0.05, "{from} to {to}: level off by {level:.3} dB");
        // Its neighbours are empty, so the frequency is right.
        for beside in [990.0, 1010.0, 2000.0, 3000.0] {
            assert!(amplitude(&middle, beside) < 0.0002, "{from} to {to}: {beside} Hz");
        }
        // Without delay: the same wave as if it had been made at the new rate.
        let made = sine(to, 1000.0, 0.5, 1.0);
        let length = made.samples().len();
        for at in length / 10..length * 9 / 10 {
            let difference = (made.samples()[at] - other.samples()[at]).abs();
            assert!(difference < 0.005, "{from} to {to}: {difference} at {at}");
        }
    }
}

#[test]
fn what_the_new_rate_cannot_carry_is_filtered_out_and_not_folded_back() {
    let tone = sine(48_000, 11_000.0, 0.5, 1.0);
    let other = resample(&tone, 16_000).unwrap();
    // 11 kHz would come back as 5 kHz.
    let folded = amplitude(&part(&other, 0.1, 0.9), 5_000.0);
    assert!(db(folded / 0.5) < -80.0, "folded back at {:.1} dB", db(folded / 0.5));
}

#[test]
fn rates_outside_the_limits_are_refused_and_the_same_rate_changes_nothing() {
    let tone = sine(16_000, 440.0, 0.5, 0.1);
    assert_eq!(resample(&tone, 16_000).unwrap(), tone);
    for rate in [0, 7_999, 192_001] {
        let error = resample(&tone, rate).unwrap_err();
        assert!(matches!(error, Error::InvalidOption { option: "sample_rate", .. }), "{error}");
    }
}

#[test]
fn odd_rates_and_very_short_sounds_work() {
    let short = sine(44_099, 440.0, 0.5, 0.01);
    let other = resample(&short, 16_000).unwrap();
    assert!(other.samples().len().abs_diff(160) <= 1);
}

#[test]
fn no_sound_gets_longer() {
    for (from, to) in [(44_100, 48_000), (48_000, 32_000), (11_025, 16_000), (192_000, 8_000)] {
        for samples in [1, 2, 3, 4409, 44_101] {
            let audio = Audio::new(from, vec![0.1; samples]).unwrap();
            let other = resample(&audio, to).unwrap();
            let exact = samples as f64 * f64::from(to) / f64::from(from);
            assert_eq!(other.samples().len(), (exact as usize).max(1), "{samples}: {from} to {to}");
        }
    }
}
