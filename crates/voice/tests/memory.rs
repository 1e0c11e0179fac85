//! How much memory decoding takes: as much as its limits allow, whatever a file claims.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::alloc::System;
use std::time::Duration;

use portrait_voice::{DecodeLimits, Error, decode, decode_beginning};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static HEAP: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// All that is allocated meanwhile, freed or not, in bytes: at least what lives at a time.
fn allocated<T>(run: impl FnOnce() -> T) -> (T, usize) {
    let region = Region::new(HEAP);
    let result = run();
    (result, region.change().bytes_allocated)
}

fn crc(bytes: &[u8], bits: u32, polynomial: u32) -> u32 {
    bytes.iter().fold(0, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte) << (bits - 8), |sum, _| {
            let carry = (sum >> (bits - 1)) & 1;
            ((sum << 1) ^ (carry * polynomial)) & ((1 << bits) - 1)
        })
    })
}

/// Digital silence as a FLAC file of 8 bits: some bytes for each 65,535 samples. It does not say
/// how long it is.
fn silent_flac(rate: u32, channels: u8, frames: u32) -> Vec<u8> {
    let mut file = b"fLaC\x80\0\0\x22\xff\xff\xff\xff\0\0\0\0\0\0".to_vec();
    let numbers = u64::from(rate) << 44 | u64::from(channels - 1) << 41 | 7 << 36;
    file.extend(numbers.to_be_bytes());
    file.extend([0; 16]);
    for number in 0..frames {
        let mut frame = vec![0xff, 0xf8, 0x70, (channels - 1) << 4];
        frame.extend(char::from_u32(number).unwrap().to_string().as_bytes());
        frame.extend(65_534_u16.to_be_bytes());
        frame.push(crc(&frame, 8, 0x07) as u8);
        frame.extend(vec![0; 2 * usize::from(channels)]);
        let sum = crc(&frame, 16, 0x8005) as u16;
        frame.extend(sum.to_be_bytes());
        file.extend(frame);
    }
    file
}

#[test]
fn decoding_takes_what_its_limits_allow() {
    let limits = |seconds| DecodeLimits {
        max_duration: Duration::from_secs(seconds),
        ..DecodeLimits::default()
    };
    // Rates and channels are refused before anything is decoded.
    let (result, bytes) = allocated(|| decode(&silent_flac(655_350, 1, 100), &limits(600)));
    assert!(matches!(&result, Err(Error::Unsupported { what }) if what.contains("655350 Hz")));
    assert!(bytes < 2 << 20, "{bytes} bytes for a rate that is refused");

    // Ten times as long as allowed: at most the samples allowed, and what one packet takes.
    for channels in [1, 2, 8] {
        let file = silent_flac(48_000, channels, 40);
        let (result, bytes) = allocated(|| decode(&file, &limits(5)));
        assert_eq!(result, Err(Error::TooLong { max_seconds: 5.0 }));
        let packet = 65_535 * usize::from(channels) * 4;
        let most = 48_000 * 6 * 4 + 6 * packet + (1 << 20);
        assert!(bytes < most, "{bytes} bytes for {channels} channels, more than {most}");
        let (result, bytes) =
            allocated(|| decode_beginning(&file, &limits(5), Duration::from_secs(1)));
        assert_eq!(result.unwrap().samples().len(), 48_000);
        assert!(bytes < most, "{bytes} bytes for the beginning");
    }

    // As long as allowed is decoded.
    let (result, bytes) = allocated(|| decode(&silent_flac(48_000, 1, 7), &limits(10)));
    assert_eq!(result.unwrap().samples().len(), 7 * 65_535);
    assert!(bytes < 11 * 48_000 * 4 + (2 << 20), "{bytes} bytes");
}
