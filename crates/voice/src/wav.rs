use std::io::Cursor;

use hound::{SampleFormat, WavSpec, WavWriter};

use crate::error::Error;

/// Bytes of a file before its samples.
const HEADER: usize = 44;
/// Bytes of a sample.
const SAMPLE: usize = 2;

/// Seconds that fit into so many bytes.
pub(crate) fn seconds_in(max_bytes: usize, sample_rate: u32) -> f64 {
    samples_in(max_bytes) as f64 / f64::from(sample_rate)
}

fn samples_in(max_bytes: usize) -> usize {
    max_bytes.saturating_sub(HEADER) / SAMPLE
}

/// A file of 16 bits in one channel, and how many samples it took: resampling may have made one
/// more than fits.
pub(crate) fn encode(
    sample_rate: u32,
    samples: &[f32],
    max_bytes: usize,
) -> Result<(Vec<u8>, usize), Error> {
    let samples = &samples[..samples.len().min(samples_in(max_bytes))];
    let bytes =
        write(sample_rate, samples).map_err(|error| Error::option("encode", error.to_string()))?;
    Ok((bytes, samples.len()))
}

fn write(sample_rate: u32, samples: &[f32]) -> Result<Vec<u8>, hound::Error> {
    let spec =
        WavSpec { channels: 1, sample_rate, bits_per_sample: 16, sample_format: SampleFormat::Int };
    let mut bytes = Cursor::new(Vec::with_capacity(HEADER + samples.len() * SAMPLE));
    let mut writer = WavWriter::new(&mut bytes, spec)?;
    for sample in samples {
        writer.write_sample((sample * f32::from(i16::MAX)).round() as i16)?;
    }
    writer.finalize()?;
    Ok(bytes.into_inner())
}
