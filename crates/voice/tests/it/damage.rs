use std::time::{Duration, Instant};

use portrait_voice::{DecodeLimits, Error, decode, decode_beginning};

use crate::decoding::riff;
use crate::support::{data, sine, wav};

fn files() -> Vec<(&'static str, Vec<u8>)> {
    let names =
        ["tone.mp3", "bare.mp3", "stereo.mp3", "tone.m4a", "tone.aac", "tone.flac", "tone.ogg"];
    let mut files: Vec<_> = names.into_iter().map(|name| (name, data(name))).collect();
    for name in ["opus.ogg", "opus.webm"] {
        files.push((name, data(name)));
    }
    files.push(("tone.wav", wav(&sine(16_000, 440.0, 0.25, 0.6))));
    files
}

/// Longer than any damaged file of a second may take, on a busy machine too.
const PATIENCE: Duration = Duration::from_secs(20);

/// Only what a damaged file may be called, and soon.
fn check(name: &str, what: &str, bytes: &[u8]) -> bool {
    let start = Instant::now();
    let sound = typed(name, what, bytes);
    assert!(start.elapsed() < PATIENCE, "{name} {what}: it took {:?}", start.elapsed());
    sound
}

fn typed(name: &str, what: &str, bytes: &[u8]) -> bool {
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

/// Numbers at random, the same for the same seed (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit.max(1) as u64) as usize
    }
}

/// One wound of a kind that transfers, players and attackers make.
fn wound(file: &mut Vec<u8>, random: &mut Random) -> &'static str {
    let (at, length) = (random.below(file.len()), 1 + random.below(64));
    let end = (at + length).min(file.len());
    match random.below(8) {
        0 => {
            file.truncate(at.max(1));
            "cut"
        }
        1 => {
            file.drain(at..end);
            "a piece missing"
        }
        2 => {
            let piece = file[at..end].to_vec();
            file.splice(at..at, piece);
            "a piece twice"
        }
        3 => {
            file[at..end].fill(0);
            "a piece zeroed"
        }
        4 => {
            file[at..end].iter_mut().for_each(|byte| *byte = random.below(256) as u8);
            "a piece of noise"
        }
        5 => {
            let other = random.below(file.len() - (end - at) + 1);
            let piece = file[at..end].to_vec();
            file[other..other + piece.len()].copy_from_slice(&piece);
            "a piece elsewhere"
        }
        6 => {
            // Lengths and counts of all containers have four bytes, in one order or the other.
            let value = [0, 1, 0x7fff_ffff, 0x8000_0000, 0xffff_fff0, u32::MAX][random.below(6)];
            let bytes =
                if random.below(2) == 0 { value.to_be_bytes() } else { value.to_le_bytes() };
            let at = at.min(file.len().saturating_sub(4));
            let end = (at + 4).min(file.len());
            file[at..end].copy_from_slice(&bytes[..end - at]);
            "a number at its extreme"
        }
        _ => {
            file[at] ^= 1 << random.below(8);
            "a bit flipped"
        }
    }
}

/// For a long campaign: `PORTRAIT_FUZZ_ROUNDS=20000 cargo test --release -p portrait-voice --test
/// it wounds`. Another seed by `PORTRAIT_FUZZ_SEED`.
#[test]
fn seeded_wounds_give_sound_or_typed_errors() {
    let number = |name: &str, otherwise| {
        std::env::var(name).ok().map_or(otherwise, |text| text.parse::<u64>().unwrap())
    };
    let (rounds, seed) = (number("PORTRAIT_FUZZ_ROUNDS", 150), number("PORTRAIT_FUZZ_SEED", 1));
    let limits = DecodeLimits::default();
    let (mut whole, mut refused) = (0, 0);
    for (name, file) in files() {
        for round in 0..rounds {
            let mut random = Random(0x9e37_79b9_7f4a_7c15 ^ (seed << 32) ^ (round + 1));
            let mut broken = file.clone();
            let mut made = Vec::new();
            for _ in 0..=random.below(3) {
                made.push(wound(&mut broken, &mut random));
                if broken.len() < 2 {
                    break;
                }
            }
            let what = format!("in round {round} of seed {seed}: {made:?}");
            if check(name, &what, &broken) {
                whole += 1
            } else {
                refused += 1
            }
            // The way of music, which ends early, must be as safe.
            match decode_beginning(&broken, &limits, Duration::from_millis(600)) {
                Ok(audio) => assert!(audio.duration() <= Duration::from_millis(601), "{what}"),
                Err(error) => assert!(!error.to_string().contains('\n'), "{what}: {error}"),
            }
        }
    }
    assert!(refused > 0 && whole > 0, "{whole} gave sound, {refused} typed errors");
}

/// A count that promises what the file has not must not make room for it.
#[test]
fn numbers_at_their_extremes_at_every_place_give_sound_or_typed_errors() {
    for (name, file) in files() {
        // What is structure: the head, and the tables at the end of an MP4.
        let tail = if name.ends_with("m4a") { file.len().saturating_sub(1200) } else { file.len() };
        for at in (0..160.min(file.len())).chain(tail..file.len()) {
            for value in [u32::MAX, 0x7fff_ffff] {
                for bytes in [value.to_be_bytes(), value.to_le_bytes()] {
                    let mut broken = file.clone();
                    let end = (at + 4).min(file.len());
                    broken[at..end].copy_from_slice(&bytes[..end - at]);
                    check(name, &format!("{value:#x} at {at}"), &broken);
                }
            }
        }
    }
}
