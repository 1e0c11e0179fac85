use std::time::Duration;

use portrait_voice::{
    Audio, DecodeLimits, EncodeOptions, Encoding, Error, PrepareOptions, SoundFormat, decode,
    encode, measure, prepare,
};

use crate::support::{amplitude, data, db, joined, noise, part, silence, sine, wav, words};

#[test]
fn the_best_way_that_fits_is_chosen() {
    let options = EncodeOptions::default();
    let plan = |seconds, source| options.plan(Duration::from_secs(seconds), source).unwrap();
    let wav = |seconds, source| {
        let Encoding { format, sample_rate } = plan(seconds, source);
        assert_eq!(format, SoundFormat::Wav, "{seconds} s");
        sample_rate
    };
    assert_eq!(wav(10, 44_100), 48_000);
    assert_eq!(wav(62, 48_000), 48_000);
    assert_eq!(wav(63, 48_000), 32_000);
    assert_eq!(wav(100, 48_000), 24_000);
    assert_eq!(wav(187, 48_000), 16_000);
    // Nothing is made up that the source does not have.
    assert_eq!(wav(10, 8_000), 16_000);
    assert_eq!(wav(10, 22_050), 24_000);
    assert_eq!(wav(10, 96_000), 48_000);
    let mp3 = |seconds| match plan(seconds, 16_000) {
        Encoding { format: SoundFormat::Mp3 { kbps }, sample_rate: 32_000 } => kbps,
        other => panic!("{seconds} s: {other:?}"),
    };
    let found = [188, 375, 400, 450, 500, 599, 600].map(mp3);
    assert_eq!(found, [128, 112, 112, 96, 80, 80, 64]);

    let too_long = |options: &EncodeOptions, seconds| match options
        .plan(Duration::from_secs(seconds), 16_000)
        .unwrap_err()
    {
        Error::TooLong { max_seconds } => max_seconds,
        other => panic!("{other}"),
    };
    assert_eq!(too_long(&options, 601), 600.0);
    let only_wav = EncodeOptions { allow_mp3: false, ..EncodeOptions::default() };
    assert!((187.0..188.0).contains(&too_long(&only_wav, 188)));
    let tight = EncodeOptions { max_bytes: 600_000, ..EncodeOptions::default() };
    assert!((99.0..100.0).contains(&too_long(&tight, 100)));
    let own_host = EncodeOptions { max_bytes: 15_000_000, ..EncodeOptions::default() };
    let plan = own_host.plan(Duration::from_secs(460), 48_000).unwrap();
    assert_eq!(plan, Encoding { format: SoundFormat::Wav, sample_rate: 16_000 });
}

/// Speech in its spectrum and course: bursts of a low voice with its overtones, and hiss.
fn speech(rate: u32, seconds: f64) -> Audio {
    let voice = words(rate, 180.0, 0.4, 0.25, seconds);
    let overtones = [(2.0, 0.5), (5.0, 0.25), (11.0, 0.12)];
    let hiss = noise(rate, 0.01, seconds);
    let samples =
        voice.samples().iter().zip(hiss.samples()).enumerate().map(|(at, (low, hiss))| {
            let phase = std::f64::consts::TAU * 180.0 * at as f64 / f64::from(rate);
            let over: f64 = overtones.iter().map(|(of, share)| share * (phase * of).sin()).sum();
            low + low.abs() * over as f32 * 0.5 + hiss
        });
    Audio::new(rate, samples.collect()).unwrap()
}

#[test]
fn a_long_sound_becomes_mp3_of_the_same_sound() {
    let audio = speech(32_000, 5.0);
    for max_bytes in [32_000, 40_000, 60_000, 84_000] {
        let options = EncodeOptions { max_bytes, ..EncodeOptions::default() };
        let file = encode(&audio, &options).unwrap();
        assert!(matches!(file.format, SoundFormat::Mp3 { .. }), "{file:?}");
        assert_eq!((file.format.media_type(), file.format.extension()), ("audio/mpeg", "mp3"));
        assert!(file.bytes.len() <= max_bytes, "{} of {max_bytes}", file.bytes.len());
        let back = decode(&file.bytes, &DecodeLimits::default()).unwrap();
        // The tag takes the padding off, so that lips and sound go together.
        assert_eq!(back.samples().len(), audio.samples().len(), "{file:?}");
        let (mut error, mut power) = (0.0, 0.0);
        for (one, other) in audio.samples().iter().zip(back.samples()) {
            error += f64::from(one - other).powi(2);
            power += f64::from(*one).powi(2);
        }
        let ratio = 10.0 * (power / error).log10();
        assert!(ratio > 20.0, "{file:?}: the sound is {ratio:.1} dB above what was lost");
    }
}

#[test]
fn ten_minutes_fit() {
    // Not speech: ten minutes of it would take long to make and to encode here.
    let audio = sine(16_000, 300.0, 0.2, 600.0);
    let file = encode(&audio, &EncodeOptions::default()).unwrap();
    assert_eq!(file.format, SoundFormat::Mp3 { kbps: 64 });
    assert!((4_500_000..=6_000_000).contains(&file.bytes.len()), "{file:?}");
    assert_eq!(file.duration, Duration::from_mins(10));
    let back = decode(&file.bytes, &DecodeLimits::default()).unwrap();
    assert_eq!(back.duration(), Duration::from_mins(10));
    let level = db(amplitude(&part(&back, 300.0, 301.0), 300.0) / 0.2);
    assert!(level.abs() < 0.1, "{level:.2} dB");
}

#[test]
fn a_file_is_within_its_bytes_and_is_the_sound() {
    let tone = sine(44_100, 440.0, 0.5, 2.0);
    for max_bytes in [200_000, 150_000, 100_000, 64_100] {
        let options = EncodeOptions { max_bytes, ..EncodeOptions::default() };
        let file = encode(&tone, &options).unwrap();
        assert!(file.bytes.len() <= max_bytes, "{} of {max_bytes}", file.bytes.len());
        assert_eq!((file.format.media_type(), file.format.extension()), ("audio/wav", "wav"));
        let back = decode(&file.bytes, &DecodeLimits::default()).unwrap();
        assert_eq!(back.sample_rate(), file.sample_rate);
        assert_eq!(back.duration(), file.duration);
        let level = db(amplitude(&part(&back, 0.2, 1.8), 440.0) / 0.5);
        assert!(level.abs() < 0.05, "{max_bytes}: {level:.3} dB");
    }
    let tight = EncodeOptions { max_bytes: 64_000, allow_mp3: false, ..EncodeOptions::default() };
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

#[test]
fn a_recording_of_just_the_greatest_length_is_taken() {
    // 48,001.09 samples at the file's rate.
    let recording = Audio::new(44_100, sine(44_100, 300.0, 0.3, 2.0).samples()[..44_101].to_vec());
    let recording = recording.unwrap();
    let mut options = PrepareOptions { trim: None, ..PrepareOptions::default() };
    options.encode.max_duration = recording.duration();
    let ready = prepare(&wav(&recording), None, &options).unwrap();
    assert_eq!(ready.file.sample_rate, 48_000);
    assert!(ready.file.duration <= recording.duration(), "{:?}", ready.file.duration);
}
