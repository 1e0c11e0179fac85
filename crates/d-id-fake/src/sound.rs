//! How long an uploaded sound is.

/// More bytes than this are refused by `/audios`.
pub(crate) const MAX_BYTES: usize = 6 * 1024 * 1024;
/// Longer sounds are refused (10 minutes for talks).
pub(crate) const MAX_SECONDS: f64 = 600.0;

/// Seconds: exact for WAV, otherwise estimated at 128 kbit/s.
pub(crate) fn seconds(bytes: &[u8]) -> f64 {
    wav_seconds(bytes).unwrap_or(bytes.len() as f64 / 16_000.0)
}

fn wav_seconds(bytes: &[u8]) -> Option<f64> {
    let chunks = bytes.strip_prefix(b"RIFF")?.get(4..)?;
    let mut rest = chunks.strip_prefix(b"WAVE")?;
    let mut bytes_per_second = None;
    loop {
        let (id, size) = (rest.get(..4)?, u32_at(rest, 4)? as usize);
        let body = rest.get(8..)?;
        match id {
            b"fmt " => bytes_per_second = Some(u32_at(body, 8)?).filter(|rate| *rate > 0),
            b"data" => return Some(size.min(body.len()) as f64 / f64::from(bytes_per_second?)),
            _ => {}
        }
        // Chunks are padded to an even length.
        rest = body.get(size.checked_add(size % 2)?..)?;
    }
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let four = bytes.get(at..at + 4)?.try_into().ok()?;
    Some(u32::from_le_bytes(four))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wav_file_states_its_length() {
        let data = vec![0_u8; 16_000];
        let mut wav = Vec::new();
        wav.extend(b"RIFF\0\0\0\0WAVELIST\x03\0\0\0abc\0fmt \x10\0\0\0\x01\0\x01\0");
        wav.extend(16_000_u32.to_le_bytes());
        wav.extend(32_000_u32.to_le_bytes());
        wav.extend([2, 0, 16, 0]);
        wav.extend(b"data");
        wav.extend(16_000_u32.to_le_bytes());
        wav.extend(&data);
        assert_eq!(wav_seconds(&wav), Some(0.5));
        assert_eq!(wav_seconds(b"RIFF"), None);
        assert_eq!(seconds(&[0; 32_000]), 2.0);
    }
}
