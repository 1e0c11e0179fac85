//! JPEG files of all kinds have the pixels that libjpeg gives.
//!
//! `jpegs.sums` holds, for each file that is made here, the check sum of the pixels by libjpeg.
//! It is made by `jpegs.py` from the files that this test writes where a sum is missing.

use crate::jpeg_files::{File, Kind};
use portrait_pipeline::{Code, Photo, PhotoLimits};
use std::collections::BTreeMap;
use std::path::Path;

const LIMITS: PhotoLimits = PhotoLimits { max_bytes: 1 << 20, min_side: 1, max_side: 512 };

/// Sampling factors of the components, scans, restarts and sizes, each with the others.
fn matrix() -> Vec<File> {
    let factors: [&[(usize, usize)]; 22] = [
        &[(1, 1)],
        &[(2, 2)],
        &[(1, 1), (1, 1), (1, 1)],
        &[(2, 1), (1, 1), (1, 1)],
        &[(1, 2), (1, 1), (1, 1)],
        &[(2, 2), (1, 1), (1, 1)],
        &[(2, 2), (2, 1), (2, 1)],
        &[(2, 2), (1, 2), (1, 2)],
        &[(2, 2), (1, 2), (2, 1)],
        &[(4, 1), (1, 1), (1, 1)],
        &[(4, 2), (1, 1), (1, 1)],
        &[(1, 4), (1, 1), (1, 1)],
        &[(2, 4), (1, 1), (1, 1)],
        &[(4, 1), (2, 1), (2, 1)],
        &[(3, 1), (1, 1), (1, 1)],
        &[(3, 3), (1, 1), (1, 1)],
        &[(1, 1), (2, 2), (2, 2)],
        &[(1, 1), (2, 1), (1, 2)],
        &[(1, 2), (2, 1), (1, 1)],
        &[(1, 3), (1, 1), (1, 3)],
        &[(1, 1), (1, 1), (1, 1), (1, 1)],
        &[(2, 2), (1, 1), (1, 1), (2, 2)],
    ];
    let mut files = Vec::new();
    for factors in factors {
        for kind in [Kind::Sequential, Kind::ScanPerColour, Kind::Progressive] {
            // The blocks of one unit are too many for one scan (T.81, B.2.3).
            let units: usize = factors.iter().map(|(h, v)| h * v).sum();
            if units > 10 && kind != Kind::ScanPerColour {
                continue;
            }
            for restart in [0, 3] {
                for (width, height) in [(61, 45), (5, 3), (32, 64)] {
                    files.push(File { width, height, factors: factors.to_vec(), kind, restart });
                }
            }
        }
    }
    files
}

#[test]
fn pixels_are_those_of_libjpeg() {
    let sums: BTreeMap<&str, &str> =
        include_str!("jpegs.sums").lines().filter_map(|line| line.split_once(' ')).collect();
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("jpegs");
    std::fs::create_dir_all(&folder).unwrap();
    let mut wrong = Vec::new();
    for file in matrix() {
        let (name, bytes) = (file.name(), file.bytes());
        let photo = Photo::decode_within(bytes.clone(), &LIMITS);
        let photo = photo.unwrap_or_else(|error| panic!("{name}: {error}"));
        let mut sum = flate2::Crc::new();
        sum.update(photo.image().as_raw());
        if sums.get(name.as_str()) != Some(&format!("{:08x}", sum.sum()).as_str()) {
            std::fs::write(folder.join(&name), bytes).unwrap();
            wrong.push(name);
        }
    }
    assert!(wrong.is_empty(), "{} files, see {}: {wrong:?}", wrong.len(), folder.display());
}

#[test]
fn a_file_that_ends_within_its_pixels_is_damaged() {
    for kind in [Kind::Sequential, Kind::ScanPerColour, Kind::Progressive] {
        let factors = vec![(2, 2), (1, 1), (1, 1)];
        let file = File { width: 61, height: 45, factors, kind, restart: 0 }.bytes();
        assert!(Photo::decode_within(file[..file.len() - 2].to_vec(), &LIMITS).is_ok(), "{kind:?}");
        for length in (3..file.len() - 2).rev().step_by(7) {
            let mut cut = file[..length].to_vec();
            // With an end marker, as some programs add it to half a file.
            cut.extend([0xff, 0xd9]);
            let error = Photo::decode_within(cut, &LIMITS).unwrap_err();
            assert_eq!(error.code(), Code::ImageDamaged, "{kind:?}, {length} bytes: {error}");
        }
    }
}

#[test]
fn kinds_that_are_not_read_are_named() {
    let factors = vec![(1, 1), (1, 1), (1, 1)];
    let file = File { width: 61, height: 45, factors, kind: Kind::Sequential, restart: 0 }.bytes();
    let frame = file.windows(2).position(|pair| pair == [0xff, 0xc0]).unwrap();
    let kinds = [
        (1, 0xc3, "lossless"),
        (1, 0xc5, "hierarchical"),
        (1, 0xc9, "arithmetic coding"),
        (1, 0xca, "arithmetic coding"),
        (4, 12, "12 bits"),
        (11, 0x31, "uneven steps"),
    ];
    for (at, value, name) in kinds {
        let mut other = file.clone();
        other[frame + at] = value;
        if name == "uneven steps" {
            // Three samples to two.
            other[frame + 14] = 0x21;
        }
        let error = Photo::decode_within(other, &LIMITS).unwrap_err();
        assert_eq!(error.code(), Code::ImageFormatUnsupported, "{name}: {error}");
        assert!(error.to_string().contains(name), "{name}: {error}");
        assert!(error.to_string().contains("save it as"), "{name}: {error}");
    }
}

#[test]
fn scans_that_come_twice_are_refused() {
    let factors = vec![(1, 1)];
    for kind in [Kind::Sequential, Kind::Progressive] {
        let file =
            File { width: 61, height: 45, factors: factors.clone(), kind, restart: 0 }.bytes();
        let scan = file.windows(2).position(|pair| pair == [0xff, 0xda]).unwrap();
        let end = file.len() - 2;
        let twice = [&file[..end], &file[scan..]].concat();
        let result = Photo::decode_within(twice, &LIMITS);
        // Behind the last block of a sequential file nothing is read.
        assert_eq!(result.is_ok(), kind == Kind::Sequential, "{kind:?}");
    }
}
