//! Opus, in what messengers and browsers put it into; and words for what is not read.

use portrait_voice::{Audio, DecodeLimits, Error, decode};

use crate::support::{amplitude, data, db, part};

fn decoded(bytes: &[u8]) -> Audio {
    decode(bytes, &DecodeLimits::default()).unwrap()
}

#[test]
fn opus_gives_the_tone_it_holds_in_each_container() {
    for name in [
        "opus.ogg",
        "opus.webm",
        "live.webm",
        "film.webm",
        "opus.mp4",
        "short_frames.opus",
        "stereo.opus",
    ] {
        let audio = decoded(&data(name));
        assert_eq!(audio.sample_rate(), 48_000, "{name}");
        // Ogg says where the sound ends; the others end with a whole packet.
        let seconds = audio.duration().as_secs_f64();
        let most = if name.ends_with("ogg") || name.ends_with("opus") { 1.0001 } else { 1.03 };
        assert!((0.9999..most).contains(&seconds), "{name}: {seconds} s");
        let middle = part(&audio, 0.2, 0.8);
        let share = if name == "stereo.opus" { 0.125 } else { 0.25 };
        let level = db(amplitude(&middle, 440.0) / share);
        assert!(level.abs() < 0.3, "{name}: the tone is off by {level:.2} dB");
        for other in [220.0, 880.0, 1320.0] {
            assert!(amplitude(&middle, other) < 0.003, "{name}: there is something at {other} Hz");
        }
    }
}

/// What libopus 1.5 makes of the same file, at places across it: the delay is cut where it should be.
#[test]
fn opus_in_ogg_starts_where_the_sound_starts() {
    let audio = decoded(&data("short_frames.opus"));
    let wave = |at: usize| 0.25 * (std::f64::consts::TAU * 440.0 * at as f64 / 48_000.0).sin();
    let (mut signal, mut error) = (0.0, 0.0);
    for at in 4_800..43_200 {
        signal += wave(at).powi(2);
        error += (f64::from(audio.samples()[at]) - wave(at)).powi(2);
    }
    let ratio = 10.0 * (signal / error).log10();
    assert!(ratio > 20.0, "only {ratio:.1} dB: it is shifted");
}

#[test]
fn opus_that_lacks_its_end_is_damaged() {
    for name in ["opus.ogg", "stereo.opus", "opus.webm", "opus.mp4"] {
        let file = data(name);
        let error = decode(&file[..file.len() * 6 / 10], &DecodeLimits::default()).unwrap_err();
        assert!(matches!(error, Error::Damaged { .. }), "{name}: {error}");
    }
}

#[test]
fn what_is_not_read_is_named_without_a_decoders_words() {
    let cases: [(&[u8], &str); 13] = [
        (b"#!AMR-WB\n", "AMR"),
        (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "Windows Media"),
        (b"caff\0\x01\0\0desc", "CAF"),
        (b"MThd\0\0\0\x06", "MIDI"),
        (b"RIFF\x10\0\0\0RMIDdata", "MIDI"),
        (b"RIFF\x10\0\0\0AVI LIST", "AVI"),
        (b"RIFF\x10\0\0\0WEBPVP8 ", "picture"),
        (b"\0\0\0\x18ftypheic\0\0\0\0", "picture"),
        (b"FLV\x01\x05", "Flash"),
        (b"wvpkabcd", "WavPack"),
        (b"PK\x03\x04abcd", "ZIP"),
        (b"<!DOCTYPE html>", "web page"),
        (b".snd\0\0\0\x18", "AU"),
    ];
    let mut files: Vec<(Vec<u8>, &str)> =
        cases.into_iter().map(|(bytes, words)| (bytes.to_vec(), words)).collect();
    files.push((data("amr.3gp"), "AMR"));
    files.push((data("adpcm.wav"), "Microsoft ADPCM"));
    files.push((data("mute.mp4"), "film without sound"));
    files.push((data("mute.webm"), "film without sound"));
    for (bytes, words) in files {
        let error = decode(&bytes, &DecodeLimits::default()).unwrap_err();
        assert!(matches!(&error, Error::Unsupported { what } if what.contains(words)), "{error}");
        let message = error.to_string();
        assert!(message.contains("send WAV, MP3"), "{message}");
        for inside in ["isomp4", "wav:", "riff", "mkv", "symphonia", "ogg ("] {
            assert!(!message.contains(inside), "{message}");
        }
    }
}
