//! Recordings as people have them: offsets, wrong polarity, lengths that were never filled in.

use portrait_voice::{
    Audio, DecodeLimits, Error, PrepareOptions, check_audible, decode, loudest_dbfs, normalise,
    prepare, remove_offset,
};

use crate::decoding::riff;
use crate::support::{amplitude, db, part, silence, sine, wav, words};

fn decoded(bytes: &[u8]) -> Audio {
    decode(bytes, &DecodeLimits::default()).unwrap()
}

/// A WAV of 16 bits from one function of the time for each channel.
fn channels(rate: u32, seconds: f64, parts: &[&dyn Fn(f64) -> f64]) -> Vec<u8> {
    let frames = (seconds * f64::from(rate)) as usize;
    let body: Vec<u8> = (0..frames)
        .flat_map(|at| {
            let time = at as f64 / f64::from(rate);
            parts.iter().flat_map(move |part| ((part(time) * 32_767.0) as i16).to_le_bytes())
        })
        .collect();
    let mut file = riff(1, rate, 16, body.len() as u32, &body);
    let count = parts.len() as u16;
    file[22..24].copy_from_slice(&count.to_le_bytes());
    file[28..32].copy_from_slice(&(rate * 2 * u32::from(count)).to_le_bytes());
    file[32..34].copy_from_slice(&(2 * count).to_le_bytes());
    file
}

fn voice(time: f64) -> f64 {
    let said = if time % 0.5 < 0.35 { 1.0 } else { 0.0 };
    0.3 * said * (std::f64::consts::TAU * 440.0 * time).sin()
}

fn tone(hertz: f64, level: f64, time: f64) -> f64 {
    level * (std::f64::consts::TAU * hertz * time).sin()
}

#[test]
fn opposed_channels_do_not_cancel() {
    let nothing = |_: f64| 0.0;
    let (plain, turned) = (voice, |time: f64| -voice(time));
    let quieter = |time: f64| -0.7 * voice(time);
    let offset = |time: f64| 0.3 + voice(time);
    let turned_offset = |time: f64| 0.2 - voice(time);
    let noisy = |time: f64| voice(time) + tone(3000.0, 0.02, time);
    let turned_noisy = |time: f64| tone(3000.0, 0.02, time) - voice(time);
    // Only the second half is opposed.
    let later = |time: f64| if time < 1.0 { voice(time) } else { -voice(time) };
    type Case<'a> = (&'a str, Vec<&'a dyn Fn(f64) -> f64>, f64);
    let cases: [Case<'_>; 9] = [
        ("opposed", vec![&plain, &turned], 1.0),
        ("the other one quieter", vec![&plain, &quieter], 0.85),
        ("with offsets", vec![&offset, &turned_offset], 1.0),
        ("with the same noise", vec![&noisy, &turned_noisy], 1.0),
        ("later", vec![&plain, &later], 1.0),
        ("two of four", vec![&plain, &turned, &nothing, &nothing], 0.5),
        ("two and two", vec![&plain, &turned, &turned, &plain], 1.0),
        // As before: the mean.
        ("alike", vec![&plain, &plain], 1.0),
        ("one alone", vec![&plain, &nothing], 0.5),
    ];
    let expected = amplitude(&decoded(&channels(16_000, 2.0, &[&plain])), 440.0);
    for (what, parts, share) in cases {
        let audio = decoded(&channels(16_000, 2.0, &parts));
        let level = db(amplitude(&audio, 440.0) / expected / share);
        assert!(level.abs() < 0.2, "{what}: off by {level:.2} dB");
        let late = part(&audio, 1.5, 1.85);
        assert!(loudest_dbfs(&late) > -25.0, "{what}: {:.1} dBFS", loudest_dbfs(&late));
    }
    let noisy = decoded(&channels(16_000, 2.0, &[&noisy, &turned_noisy]));
    assert!(amplitude(&noisy, 3000.0) < 0.001, "what is alike in both is not the voice");
}

#[test]
fn opposed_channels_of_samples_do_not_cancel_either() {
    let sound = sine(16_000, 440.0, 0.3, 1.0);
    let both: Vec<f32> = sound.samples().iter().flat_map(|sample| [*sample, -sample]).collect();
    let mixed = Audio::from_interleaved(16_000, 2, &both).unwrap();
    assert_eq!(mixed.samples(), sound.samples());
    let many = vec![0.0; 33 * 100];
    assert!(matches!(
        Audio::from_interleaved(16_000, 33, &many),
        Err(Error::InvalidOption { option: "channels", .. })
    ));
}

#[test]
fn a_muted_microphone_is_silent_whatever_its_offset() {
    let options = PrepareOptions::default();
    let constant = |time: f64| 0.2 + tone(300.0, 0.0004, time);
    let negative = |_: f64| -0.5;
    let drifting = |time: f64| 0.05 * time;
    let slow = |time: f64| tone(0.3, 0.1, time);
    let cases: [&dyn Fn(f64) -> f64; 4] = [&constant, &negative, &drifting, &slow];
    for (at, case) in cases.into_iter().enumerate() {
        for parts in [vec![case], vec![case, case]] {
            let error = prepare(&channels(16_000, 2.0, &parts), None, &options).unwrap_err();
            assert!(matches!(error, Error::Silent { .. }), "{at}: {error}");
        }
    }
    let audio = decoded(&channels(16_000, 2.0, &[&negative]));
    assert!(check_audible(&audio, -60.0).is_err());
}

#[test]
fn a_voice_on_an_offset_becomes_as_loud_as_one_without() {
    let options = PrepareOptions::default();
    let expected = prepare(&channels(16_000, 3.0, &[&voice]), None, &options).unwrap();
    let expected_sound = decoded(&expected.file.bytes);
    let constant = |time: f64| voice(time) + 0.4;
    let drifting = |time: f64| voice(time) + 0.1 + 0.1 * time;
    for with in [&constant as &dyn Fn(f64) -> f64, &drifting] {
        let ready = prepare(&channels(16_000, 3.0, &[with]), None, &options).unwrap();
        let difference = ready.loudness.integrated_lufs - expected.loudness.integrated_lufs;
        assert!(difference.abs() < 0.3, "off by {difference:.2} LU");
        let sound = decoded(&ready.file.bytes);
        let mean = sound.samples().iter().sum::<f32>() / sound.samples().len() as f32;
        assert!(mean.abs() < 0.002, "an offset of {mean} is left");
        let seconds = sound.duration().as_secs_f64() - expected_sound.duration().as_secs_f64();
        assert!(seconds.abs() < 0.05, "silence at the ends is cut as without: {seconds}");
    }
}

#[test]
fn what_has_no_offset_is_not_touched() {
    for sound in
        [words(16_000, 120.0, 0.3, 0.2, 2.0), silence(8_000, 1.0), sine(48_000, 70.0, 0.5, 2.0)]
    {
        assert_eq!(remove_offset(sound.clone()), sound);
    }
    let shifted: Vec<f32> =
        sine(16_000, 100.0, 0.2, 2.0).samples().iter().map(|sample| sample + 0.25).collect();
    let straight = remove_offset(Audio::new(16_000, shifted).unwrap());
    let level = db(amplitude(&part(&straight, 0.5, 1.5), 100.0) / 0.2);
    assert!(level.abs() < 0.1, "a low voice stays: {level:.2} dB");
    assert!(normalise(&straight, &Default::default()).is_ok());
}

/// A WAV whose lengths are set as a writer left them.
fn lengths(file: &[u8], whole: u32, data: u32) -> Vec<u8> {
    let mut file = file.to_vec();
    file[4..8].copy_from_slice(&whole.to_le_bytes());
    file[40..44].copy_from_slice(&data.to_le_bytes());
    file
}

#[test]
fn wavs_with_wrong_lengths_are_read_as_far_as_they_go() {
    let plain = riff(1, 16_000, 16, 48_000, &wav(&sine(16_000, 440.0, 0.25, 1.5))[44..]);
    let expected = decoded(&plain);
    assert_eq!(expected.samples().len(), 24_000);
    let (whole, data) = (48_036, 48_000);
    let placeholders = [0, 0x7fff_ffff, 0x7fff_f000, 0x8000_0000, u32::MAX, u32::MAX - 36];
    let mut cases: Vec<(u32, u32)> = placeholders.into_iter().map(|at| (whole, at)).collect();
    cases.extend(placeholders.into_iter().map(|at| (at, data)));
    cases.extend(placeholders.into_iter().map(|at| (at, at)));
    cases.extend([(whole - 8, data), (whole + 8, data), (36, 0), (whole, data + 2)]);
    cases.extend([(whole, data + 8), (whole, data + 36), (3, data), (whole, data + 1)]);
    for (whole, data) in cases {
        let audio = decoded(&lengths(&plain, whole, data));
        assert_eq!(audio, expected, "{whole:#x} {data:#x}");
    }
    // A few bytes less than there is: what the file says counts.
    assert_eq!(decoded(&lengths(&plain, whole, data - 8)).samples(), &expected.samples()[..23_996]);
    // Half a frame too many at the end.
    assert_eq!(decoded(&[&plain[..], &[7]].concat()), expected);
    // Really cut.
    for share in [3, 7, 9] {
        let cut = &plain[..plain.len() * share / 10];
        for whole in [0, whole, u32::MAX] {
            let error = decode(&lengths(cut, whole, data), &DecodeLimits::default()).unwrap_err();
            assert!(matches!(error, Error::Damaged { .. }), "{error}");
        }
    }
    // Nothing but other chunks is no sound.
    let nothing = [&lengths(&plain[..44], 44, 0)[..], b"LIST\x04\0\0\0INFO"].concat();
    assert!(decode(&nothing, &DecodeLimits::default()).is_err());
}

fn with_chunk(file: &[u8], name: &[u8; 4], length: u32, body: &[u8]) -> Vec<u8> {
    [&file[..36], name, &length.to_le_bytes(), body, &file[36..]].concat()
}

#[test]
fn chunks_that_cannot_be_read_are_skipped() {
    let plain = wav(&sine(16_000, 440.0, 0.25, 1.5));
    let expected = decoded(&plain);
    for (what, length, body) in [
        ("no form", 0, vec![]),
        ("half a form", 2, b"IN".to_vec()),
        ("an entry that is longer than its list", 16, b"INFOINAM\xff\xff\xff\x7fabcd".to_vec()),
        ("an entry without a length", 10, b"INFOINAMab".to_vec()),
        ("an odd length and a byte of padding", 5, b"INFOx\0".to_vec()),
        ("an odd length and no padding", 5, b"INFOx".to_vec()),
        ("a length beyond the file", 0x7000_0000, b"INFO".to_vec()),
        ("a length beyond what is there", 40, b"INFOINAM".to_vec()),
    ] {
        for name in [b"LIST", b"junk", b"bext"] {
            let audio = decoded(&with_chunk(&plain, name, length, &body));
            assert_eq!(audio, expected, "{what}");
        }
    }
    let wide = [&b"RF64\xff\xff\xff\xff"[..], &plain[8..12], b"ds64\x1c\0\0\0", &[0; 8]].concat();
    let wide =
        [&wide[..], &48_000_u64.to_le_bytes(), &[0; 12], &plain[12..40], &[0xff; 4]].concat();
    assert_eq!(decoded(&[&wide[..], &plain[44..]].concat()), expected, "RF64");
}

/// The files of the test data, where they are there.
#[test]
#[allow(clippy::print_stdout, reason = "says what is skipped")]
fn cases_from_the_field_come_right() {
    let Some(folder) = std::env::var_os("PORTRAIT_TEST_DATA") else {
        println!("skipped: PORTRAIT_TEST_DATA is not set");
        return;
    };
    let folder = std::path::Path::new(&folder).join("cases");
    if !folder.exists() {
        println!("skipped: {} is missing", folder.display());
        return;
    }
    let read = |name: &str| std::fs::read(folder.join(name)).unwrap();
    let plain = decoded(&read("sound_plain.wav"));
    assert_eq!(decoded(&read("sound_lengths_zero.wav")), plain);
    assert_eq!(decoded(&read("sound_riff_8_short.wav")), plain);
    let options = PrepareOptions::default();
    let muted = prepare(&read("sound_muted_with_offset.wav"), None, &options).unwrap_err();
    assert!(matches!(muted, Error::Silent { .. }), "{muted}");
    for name in ["sound_channels_opposed.wav", "sound_voice_note.opus"] {
        let ready = prepare(&read(name), None, &options).unwrap();
        let loudness = ready.loudness.integrated_lufs;
        assert!((loudness + 16.0).abs() < 1.0, "{name}: {loudness:.1} LUFS");
    }
}
