use rusty_mp3::{Error as Mp3Error, Mp3Encoder, Mp3EncoderConfig};

use crate::error::Error;

/// Seconds of frames beside those of the sound itself: the tag with its length, the encoder's
/// delay, and the last frame's rest.
const AROUND: f64 = 0.25;

/// Seconds that fit into so many bytes.
pub(crate) fn seconds_in(max_bytes: usize, kbps: u32) -> f64 {
    max_bytes as f64 / (f64::from(kbps) * 125.0) - AROUND
}

/// A file of one channel at a constant rate of bits, with a tag that tells players how much of its
/// ends is padding.
pub(crate) fn encode(sample_rate: u32, samples: &[f32], kbps: u32) -> Result<Vec<u8>, Error> {
    let failed = |error: Mp3Error| Error::option("encode", error.to_string());
    let mut encoder = Mp3Encoder::new(Mp3EncoderConfig { bitrate_kbps: kbps, vbr_quality: None });
    encoder.push_pcm_f32(samples, 1, sample_rate).map_err(failed)?;
    encoder.finish();
    let mut file = Vec::new();
    loop {
        match encoder.next_packet() {
            Ok(packet) => file.extend_from_slice(&packet),
            Err(Mp3Error::Eof) => return Ok(file),
            Err(error) => return Err(failed(error)),
        }
    }
}
