use std::time::Duration;

use portrait_voice::{
    Audio, DecodeLimits, Error, check_audible, decode, decode_beginning, loudest_dbfs,
};

use crate::support::{amplitude, data, db, silence, sine, wav};

fn decoded(bytes: &[u8]) -> Audio {
    decode(bytes, &DecodeLimits::default()).unwrap()
}

fn refused(bytes: &[u8]) -> Error {
    decode(bytes, &DecodeLimits::default()).unwrap_err()
}

#[test]
fn every_format_gives_the_tone_it_holds() {
    for name in ["tone.mp3", "bare.mp3", "tone.m4a", "tone.aac", "tone.flac", "tone.ogg"] {
        let audio = decoded(&data(name));
        assert_eq!(audio.sample_rate(), 16_000, "{name}");
        // Some say how much of their ends is padding, some do not.
        assert!((0.99..1.2).contains(&audio.duration().as_secs_f64()), "{name}: {audio:.0?}");
        let middle = crate::support::part(&audio, 0.2, 0.8);
        let level = db(amplitude(&middle, 440.0) / 0.25);
        // LAME turns everything down to 0.95, which is 0.45 dB.
        let made = if name.ends_with("mp3") { -0.45 } else { 0.0 };
        assert!((level - made).abs() < 0.2, "{name}: the tone is off by {level:.2} dB");
        for other in [220.0, 880.0, 1320.0] {
            assert!(amplitude(&middle, other) < 0.002, "{name}: there is something at {other} Hz");
        }
    }
}

#[test]
fn wav_comes_back_as_it_was_to_a_step_of_16_bits() {
    let tone = sine(16_000, 440.0, 0.25, 1.0);
    let back = decoded(&wav(&tone));
    assert_eq!(back.samples().len(), tone.samples().len());
    for (one, other) in tone.samples().iter().zip(back.samples()) {
        assert!((one - other).abs() < 1.5 / 32768.0);
    }
}

#[test]
fn channels_are_averaged() {
    let audio = decoded(&data("stereo.mp3"));
    assert_eq!(audio.sample_rate(), 44_100);
    let level = amplitude(&crate::support::part(&audio, 0.2, 0.8), 440.0);
    assert!((db(level / 0.25) + 0.45).abs() < 0.2, "half of 0.5 on one side alone, found {level}");

    let mixed = Audio::from_interleaved(16_000, 2, &[1.0, 0.0, 0.5, 0.5]).unwrap();
    assert_eq!(mixed.samples(), [0.5, 0.5]);
    assert!(Audio::from_interleaved(16_000, 2, &[1.0]).is_err());
    assert!(Audio::from_interleaved(16_000, 0, &[]).is_err());
}

#[test]
fn wavs_of_other_widths_and_of_floats_are_decoded() {
    let tone = sine(22_050, 440.0, 0.25, 1.0);
    for (bits, float) in [(8, false), (24, false), (32, false), (32, true)] {
        let format = if float { 3_u16 } else { 1 };
        let body: Vec<u8> = tone
            .samples()
            .iter()
            .flat_map(|sample| match (bits, float) {
                (8, _) => vec![(sample * 127.0 + 128.0) as u8],
                (24, _) => ((sample * 8_388_607.0) as i32).to_le_bytes()[..3].to_vec(),
                (_, false) => ((sample * 2_147_483_000.0) as i32).to_le_bytes().to_vec(),
                _ => sample.to_le_bytes().to_vec(),
            })
            .collect();
        let audio = decoded(&riff(format, 22_050, bits, body.len() as u32, &body));
        let level = db(amplitude(&audio, 440.0) / 0.25);
        assert!(level.abs() < 0.2, "{bits} bits, float {float}: off by {level:.2} dB");
    }
}

/// A WAV of several channels, of which one alone has the tone.
fn of_channels(rate: u32, channels: u16, seconds: f64) -> Vec<u8> {
    let tone = sine(rate, 440.0, 0.4, seconds);
    let frame = |sample: &f32| {
        let first = ((sample * 32_767.0) as i16).to_le_bytes();
        let others = std::iter::repeat_n([0; 2], usize::from(channels) - 1);
        std::iter::once(first).chain(others).flatten().collect::<Vec<u8>>()
    };
    let body: Vec<u8> = tone.samples().iter().flat_map(frame).collect();
    let mut file = riff(1, rate, 16, body.len() as u32, &body);
    file[22..24].copy_from_slice(&channels.to_le_bytes());
    let width = 2 * u32::from(channels);
    file[28..32].copy_from_slice(&(rate * width).to_le_bytes());
    file[32..34].copy_from_slice(&(width as u16).to_le_bytes());
    file
}

#[test]
fn rates_and_channels_from_telephone_to_studio_are_decoded() {
    for rate in [8_000, 11_025, 16_000, 22_050, 44_100, 48_000, 96_000, 192_000] {
        for channels in [1, 2, 6] {
            let audio = decoded(&of_channels(rate, channels, 1.0));
            assert_eq!((audio.sample_rate(), audio.samples().len()), (rate, rate as usize));
            let level = amplitude(&audio, 440.0) * f64::from(channels) / 0.4;
            assert!(db(level).abs() < 0.1, "{rate} Hz, {channels} channels: {:.2} dB", db(level));
        }
    }
    for rate in [4_000, 384_000] {
        let mut file = of_channels(16_000, 1, 1.0);
        file[24..28].copy_from_slice(&u32::to_le_bytes(rate));
        let error = refused(&file);
        assert!(matches!(error, Error::Unsupported { .. }), "{rate} Hz: {error}");
    }
}

#[test]
fn of_a_long_piece_the_beginning_is_enough() {
    let limits = DecodeLimits { max_duration: Duration::from_millis(700), ..Default::default() };
    for name in ["tone.mp3", "bare.mp3", "tone.m4a", "tone.aac", "tone.flac", "tone.ogg"] {
        let (file, whole) = (data(name), decoded(&data(name)));
        assert!(matches!(decode(&file, &limits), Err(Error::TooLong { .. })), "{name}");
        let some = decode_beginning(&file, &limits, Duration::from_millis(600)).unwrap();
        assert_eq!(some.samples(), &whole.samples()[..9_600], "{name}");
        let all = decode_beginning(&file, &limits, Duration::from_secs(9)).unwrap();
        assert_eq!(all, whole, "{name}");
        // What is not needed may be missing, but for the tables at the end of an MP4; and so short
        // an Ogg file is a single page.
        if matches!(name, "tone.m4a" | "tone.ogg") {
            continue;
        }
        let cut = &file[..file.len() * 9 / 10];
        let some = decode_beginning(cut, &limits, Duration::from_millis(600)).unwrap();
        assert_eq!(some.samples(), &whole.samples()[..9_600], "{name}");
    }
}

#[test]
fn a_wav_written_to_a_pipe_has_no_length_and_is_decoded() {
    let body: Vec<u8> = (0..16_000_i16).flat_map(|at| (at % 1000).to_le_bytes()).collect();
    let audio = decoded(&riff(1, 16_000, 16, u32::MAX, &body));
    assert_eq!(audio.samples().len(), 16_000);
}

#[test]
fn a_name_on_the_outside_does_not_matter_and_tags_before_the_sound_are_skipped() {
    let tag = |size: u8| {
        [b"ID3\x04\x00\x00\x00\x00\x00".as_slice(), &[size], &vec![0; usize::from(size)]].concat()
    };
    for name in ["tone.flac", "tone.mp3", "tone.aac", "bare.mp3"] {
        let tagged = [tag(100), tag(7), data(name)].concat();
        assert_eq!(decoded(&tagged).samples(), decoded(&data(name)).samples(), "{name}");
    }
}

#[test]
fn what_is_no_sound_or_not_decoded_is_told() {
    let cases: [(&[u8], &str); 7] = [
        (b"", "no content"),
        (b"hello, this is a letter", "no known format"),
        (b"\x1a\x45\xdf\xa3webm", "WebM"),
        (b"FORM\0\0\0\0AIFF", "AIFF"),
        (b"#!AMR\n", "AMR"),
        (b"\xff\xd8\xff\xe0 JFIF", "picture"),
        (b"RIFF\0\0\0\0AVI ", "no known format"),
    ];
    for (bytes, words) in cases {
        let error = refused(bytes);
        assert!(matches!(&error, Error::Unsupported { what } if what.contains(words)), "{error}");
        assert!(error.to_string().contains("send WAV, MP3"), "{error}");
    }
    // Opus, which was refused here, is decoded now.
    assert_eq!(decoded(&data("opus.ogg")).sample_rate(), 48_000);
}

#[test]
fn too_large_too_long_and_too_short_are_told() {
    let limits = |max_bytes, min, max| DecodeLimits {
        max_bytes,
        min_duration: Duration::from_millis(min),
        max_duration: Duration::from_millis(max),
    };
    let file = data("tone.mp3");
    let size = file.len();
    let refused = |bytes: &[u8], limits: &DecodeLimits| decode(bytes, limits).unwrap_err();
    let error = refused(&file, &limits(size - 1, 0, 9000));
    assert_eq!(error, Error::TooLarge { bytes: size, max: size - 1 });
    assert!(decode(&file, &limits(size, 0, 9000)).is_ok());
    // By its own word, and, where it has none, while it is decoded.
    let piped = riff(1, 16_000, 16, u32::MAX, &[0; 32_000]);
    for file in [&file, &data("bare.mp3"), &data("tone.flac"), &data("tone.m4a"), &piped] {
        let error = refused(file, &limits(1 << 20, 0, 500));
        assert_eq!(error, Error::TooLong { max_seconds: 0.5 });
        let error = refused(file, &limits(1 << 20, 2000, 9000));
        assert!(matches!(error, Error::TooShort { min_seconds: 2.0, .. }), "{error}");
    }
    let error = refused(&riff(1, 16_000, 16, 0, &[]), &limits(1 << 20, 0, 9000));
    assert!(matches!(error, Error::TooShort { .. } | Error::Damaged { .. }), "{error}");
}

#[test]
fn silence_is_told_from_a_quiet_voice() {
    let quiet = sine(16_000, 300.0, 0.003, 1.0);
    assert!((loudest_dbfs(&quiet) + 53.5).abs() < 0.5);
    check_audible(&quiet, -60.0).unwrap();
    let hum = sine(16_000, 50.0, 0.0003, 1.0);
    assert!(
        matches!(check_audible(&hum, -60.0), Err(Error::Silent { loudest_dbfs }) if loudest_dbfs < -70.0)
    );
    let nothing = silence(16_000, 1.0);
    assert_eq!(
        check_audible(&nothing, -60.0),
        Err(Error::Silent { loudest_dbfs: f64::NEG_INFINITY })
    );
}

#[test]
fn of_several_recordings_in_one_file_none_is_lost_unsaid() {
    for name in ["tone.ogg", "tone.mp3", "tone.flac"] {
        let error = refused(&[data(name), data(name)].concat());
        assert!(matches!(error, Error::Unsupported { .. } | Error::Damaged { .. }), "{error}");
    }
    // These are streams of frames, so two after each other are one.
    for name in ["bare.mp3", "tone.aac"] {
        let (once, twice) = (data(name), [data(name), data(name)].concat());
        assert_eq!(decoded(&twice).samples().len(), 2 * decoded(&once).samples().len(), "{name}");
    }
}

/// A WAV file of one channel, with what its header says of the length.
pub(crate) fn riff(format: u16, rate: u32, bits: u16, length: u32, body: &[u8]) -> Vec<u8> {
    let width = u32::from(bits / 8);
    let mut file = b"RIFF".to_vec();
    file.extend(length.saturating_add(36).to_le_bytes());
    file.extend(b"WAVEfmt ");
    file.extend(16_u32.to_le_bytes());
    file.extend(format.to_le_bytes());
    file.extend(1_u16.to_le_bytes());
    file.extend(rate.to_le_bytes());
    file.extend((rate * width).to_le_bytes());
    file.extend((width as u16).to_le_bytes());
    file.extend(bits.to_le_bytes());
    file.extend(b"data");
    file.extend(length.to_le_bytes());
    file.extend(body);
    file
}
