use std::time::Duration;

use portrait_voice::{
    Audio, DecodeLimits, EncodeOptions, Error, PrepareOptions, decode, encode, measure, prepare,
};

use crate::support::{amplitude, data, db, joined, part, silence, sine, wav, words};

#[test]
fn the_best_rate_that_fits_is_chosen() {
    let options = EncodeOptions::default();
    let rate = |seconds, source| options.rate_for(Duration::from_secs(seconds), source).unwrap();
    assert_eq!(rate(10, 44_100), 48_000);
    assert_eq!(rate(62, 48_000), 48_000);
    assert_eq!(rate(63, 48_000), 32_000);
    assert_eq!(rate(100, 48_000), 24_000);
    assert_eq!(rate(187, 48_000), 16_000);
    // Nothing is made up that the source does not have.
    assert_eq!(rate(10, 8_000), 16_000);
    assert_eq!(rate(10, 22_050), 24_000);
    assert_eq!(rate(10, 96_000), 48_000);
    let error = options.rate_for(Duration::from_secs(188), 16_000).unwrap_err();
    assert!(
        matches!(error, Error::TooLong { max_seconds } if (187.0..188.0).contains(&max_seconds))
    );
    let own_host = EncodeOptions { max_bytes: 15_000_000, ..EncodeOptions::default() };
    assert!(own_host.rate_for(Duration::from_secs(460), 48_000).is_ok());
    let roomy = EncodeOptions { max_bytes: 1 << 30, ..EncodeOptions::default() };
    let error = roomy.rate_for(Duration::from_secs(601), 48_000).unwrap_err();
    assert_eq!(error, Error::TooLong { max_seconds: 600.0 });
}

#[test]
fn a_file_is_within_its_bytes_and_is_the_sound() {
    let tone = sine(44_100, 440.0, 0.5, 2.0);
    for max_bytes in [200_000, 150_000, 100_000, 64_100] {
        let options = EncodeOptions { max_bytes, ..EncodeOptions::default() };
        let file = encode(&tone, &options).unwrap();
        assert!(file.bytes.len() <= max_bytes, "{} of {max_bytes}", file.bytes.len());
        assert_eq!((file.media_type, file.extension), ("audio/wav", "wav"));
        let back = decode(&file.bytes, &DecodeLimits::default()).unwrap();
        assert_eq!(back.sample_rate(), file.sample_rate);
        assert_eq!(back.duration(), file.duration);
        let level = db(amplitude(&part(&back, 0.2, 1.8), 440.0) / 0.5);
        assert!(level.abs() < 0.05, "{max_bytes}: {level:.3} dB");
    }
    let tight = EncodeOptions { max_bytes: 64_000, ..EncodeOptions::default() };
    assert!(matches!(encode(&tone, &tight), Err(Error::TooLong { .. })));
    let empty = Audio::new(16_000, Vec::new()).unwrap();
    assert!(matches!(encode(&empty, &EncodeOptions::default()), Err(Error::TooShort { .. })));
}

#[test]
fn peaks_beyond_full_scale_are_turned_down_and_not_cut() {
    let tone = sine(16_000, 500.0, 1.5, 1.0);
    let file = encode(&tone, &EncodeOptions::default()).unwrap();
    let back = decode(&file.bytes, &DecodeLimits::default()).unwrap();
    assert!((amplitude(&back, 500.0) - 1.0).abs() < 0.01);
    assert!(amplitude(&back, 1500.0) < 0.001, "a cut wave has harmonics");
}

#[test]
fn a_recording_with_music_is_made_ready() {
    let speech = words(16_000, 300.0, 0.5, 0.3, 4.0);
    let recording = wav(&joined(&[silence(16_000, 1.0), speech, silence(16_000, 1.0)]));
    let music = wav(&sine(24_000, 2000.0, 0.6, 1.5));

    let options = PrepareOptions::default();
    let ready = prepare(&recording, Some(&music), &options).unwrap();
    let back = decode(&ready.file.bytes, &DecodeLimits::default()).unwrap();
    assert_eq!(back.sample_rate(), 24_000, "the music's");
    let seconds = back.duration().as_secs_f64();
    assert!((4.0..4.7).contains(&seconds), "trimmed to {seconds}");
    assert!((ready.loudness.integrated_lufs + 16.0).abs() < 0.5, "{:?}", ready.loudness);
    assert!((measure(&back).integrated_lufs + 16.0).abs() < 0.5);
    assert!(measure(&back).true_peak_dbtp <= -0.9);
    let (voice, music_level) = (amplitude(&back, 300.0), amplitude(&back, 2000.0));
    let below = db(music_level / voice);
    assert!((-35.0..-8.0).contains(&below), "music is {below:.1} dB below the voice");

    let alone = prepare(&recording, None, &options).unwrap();
    let alone = decode(&alone.file.bytes, &DecodeLimits::default()).unwrap();
    assert_eq!(alone.sample_rate(), 16_000);
    assert!(amplitude(&alone, 2000.0) < 1e-3);
}

#[test]
fn every_format_can_be_voice_and_music() {
    let names = ["tone.mp3", "tone.m4a", "tone.flac", "tone.ogg"];
    for (voice, music) in names.iter().zip(names.iter().rev()) {
        let ready = prepare(&data(voice), Some(&data(music)), &PrepareOptions::default()).unwrap();
        assert!((ready.loudness.integrated_lufs + 16.0).abs() < 0.5, "{voice}, {music}");
    }
}

#[test]
fn one_short_word_in_silence_is_kept() {
    let word = sine(16_000, 440.0, 0.3, 0.1);
    let file = wav(&joined(&[silence(16_000, 0.5), word, silence(16_000, 0.5)]));
    let ready = prepare(&file, None, &PrepareOptions::default()).unwrap();
    assert!(ready.file.duration >= Duration::from_millis(500));
}

#[test]
fn a_silent_recording_is_refused_before_anything_is_paid() {
    let file = wav(&silence(16_000, 2.0));
    let error = prepare(&file, None, &PrepareOptions::default()).unwrap_err();
    assert!(matches!(error, Error::Silent { .. }), "{error}");
    assert!(error.to_string().contains("check the microphone"));
}
