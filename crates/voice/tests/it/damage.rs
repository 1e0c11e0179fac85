use portrait_voice::{DecodeLimits, Error, decode};

use crate::decoding::riff;
use crate::support::{data, sine, wav};

fn files() -> Vec<(&'static str, Vec<u8>)> {
    let names =
        ["tone.mp3", "bare.mp3", "stereo.mp3", "tone.m4a", "tone.aac", "tone.flac", "tone.ogg"];
    let mut files: Vec<_> = names.into_iter().map(|name| (name, data(name))).collect();
    files.push(("tone.wav", wav(&sine(16_000, 440.0, 0.25, 0.6))));
    files
}

/// Only what a damaged file may be called.
fn check(name: &str, what: &str, bytes: &[u8]) -> bool {
    match decode(bytes, &DecodeLimits::default()) {
        Ok(audio) => {
            assert!(audio.samples().iter().all(|sample| sample.is_finite()), "{name} {what}");
            true
        }
        Err(
            Error::Damaged { .. }
            | Error::Unsupported { .. }
            | Error::TooShort { .. }
            | Error::TooLong { .. },
        ) => false,
        Err(error) => panic!("{name} {what}: {error}"),
    }
}

#[test]
fn files_cut_anywhere_give_typed_errors() {
    for (name, file) in files() {
        let step = (file.len() / 150).max(1);
        for length in (0..file.len()).step_by(step) {
            check(name, &format!("cut at {length}"), &file[..length]);
        }
    }
}

/// What says how long it is must not pass as a shorter message.
#[test]
fn files_that_lack_their_end_are_damaged() {
    for (name, file) in files() {
        if matches!(name, "bare.mp3" | "tone.aac") {
            continue;
        }
        let cut = &file[..file.len() * 7 / 10];
        let error = decode(cut, &DecodeLimits::default()).unwrap_err();
        assert!(matches!(error, Error::Damaged { .. }), "{name}: {error}");
        assert!(error.to_string().contains("record or export it again"), "{error}");
    }
}

#[test]
fn files_with_flipped_bytes_give_sound_or_typed_errors() {
    let mut state = 88_172_645_463_325_252_u64;
    let mut random = move |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below as u64) as usize
    };
    for (name, file) in files() {
        for round in 0..120 {
            let mut broken = file.clone();
            // Half of the rounds in the headers, where the structure is.
            let reach = if round % 2 == 0 { 200.min(file.len()) } else { file.len() };
            for _ in 0..1 + round % 8 {
                broken[random(reach)] ^= 1 << random(8);
            }
            check(name, &format!("flipped in round {round}"), &broken);
        }
    }
}

#[test]
fn each_header_byte_at_its_extremes_gives_sound_or_typed_errors() {
    for (name, file) in files() {
        for at in 0..file.len().min(120) {
            for value in [0, 0x7f, 0x80, 0xff] {
                let mut broken = file.clone();
                broken[at] = value;
                check(name, &format!("byte {at} set to {value}"), &broken);
            }
        }
    }
}

#[test]
fn flac_with_one_flipped_bit_of_sound_is_damaged() {
    let mut file = data("tone.flac");
    let within = file.len() * 3 / 4;
    file[within] ^= 0x10;
    let error = decode(&file, &DecodeLimits::default()).unwrap_err();
    assert!(matches!(error, Error::Damaged { format: "FLAC", .. }), "{error}");
}

#[test]
fn floats_that_are_no_numbers_are_damage() {
    let mut body: Vec<u8> = (0..16_000).flat_map(|_| 0.1_f32.to_le_bytes()).collect();
    body[4000..4004].copy_from_slice(&f32::NAN.to_le_bytes());
    let file = riff(3, 16_000, 32, body.len() as u32, &body);
    let error = decode(&file, &DecodeLimits::default()).unwrap_err();
    assert!(matches!(error, Error::Damaged { format: "WAV", .. }), "{error}");
}

#[test]
fn noise_after_every_magic_number_gives_typed_errors() {
    let magics: [&[u8]; 7] = [
        b"RIFF\xff\xff\xff\xffWAVEfmt ",
        b"fLaC\0\0\0\x22",
        b"OggS\0\x02",
        b"\0\0\0\x20ftypM4A \0\0\0\0",
        b"\xff\xf1\x60\x40",
        b"\xff\xfb\x90\x64",
        b"ID3\x04\0\0\0\0\0\0",
    ];
    let mut state = 1_u32;
    for magic in magics {
        for _ in 0..40 {
            let mut file = magic.to_vec();
            file.extend((0..2000).map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 24) as u8
            }));
            check("noise", &format!("after {magic:?}"), &file);
        }
    }
}
