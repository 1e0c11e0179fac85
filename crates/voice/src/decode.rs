use std::io::ErrorKind;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use symphonia::core::errors::Error as Fault;

use crate::audio::{Audio, MAX_CHANNELS, check_rate};
use crate::container::Format;
use crate::downmix::{Likeness, mix_down};
use crate::error::Error;
use crate::ogg;
use crate::sniff::sniff;
use crate::source::{
    Source, damaged, several_recordings, too_many_channels, translate, unsupported_rate,
};

/// How large and long a sound may be.
#[derive(Debug, Clone, PartialEq)]
pub struct DecodeLimits {
    /// Most bytes of the file.
    pub max_bytes: usize,
    /// Shortest length.
    pub min_duration: Duration,
    /// Greatest length, by the file's own word before decoding and by count while decoding.
    pub max_duration: Duration,
}

impl Default for DecodeLimits {
    /// 64 MiB, half a second, and D-ID's 10 minutes for the sound of a talk
    /// (D-ID's OpenAPI description 4.2.1, `audio_url`).
    fn default() -> DecodeLimits {
        DecodeLimits {
            max_bytes: 64 << 20,
            min_duration: Duration::from_millis(500),
            max_duration: Duration::from_mins(10),
        }
    }
}

/// Share of a sound that may be missing at its end, against what the file says of itself.
const MISSING_SHARE: f64 = 0.02;
/// Seconds that may be missing in any case: encoders count their padding in different ways.
const MISSING_SECONDS: f64 = 0.1;
/// Packets without sound of their own that an encoder may add at both ends.
const MAX_PADDING: usize = 8;

/// Decodes a whole file to one channel, at the file's own rate. The format is told by content:
/// WAV (integers and floats), MP3, FLAC, AAC in MP4 or ADTS, Opus, Vorbis or FLAC in Ogg, Opus or
/// Vorbis in WebM. Of a film the first sound track is taken. Lengths in the head of a WAV that are
/// placeholders, or are off by little, do not matter.
///
/// Of several channels the mean is taken; where that would cancel the voice, since channels are
/// opposed, these are turned over before, or one is taken alone.
///
/// Single packets of a lossy file that cannot be decoded are left out; more than a few, or a
/// missing end as far as the format shows it (not in MP3 and ADTS without an info tag), are
/// [`Error::Damaged`]: half a message is not worth a paid talk.
///
/// Takes four bytes of memory for each sample, whatever the file's size: for ten minutes 115 MB at
/// 48 kHz, and 460 MB at the highest rate of 192 kHz. Rate and channels are checked before, and the
/// length while decoding, so no file takes more than the limits allow.
///
/// # Errors
/// [`Error::TooLarge`], [`Error::Unsupported`], [`Error::Damaged`], [`Error::TooShort`],
/// [`Error::TooLong`].
pub fn decode(bytes: &[u8], limits: &DecodeLimits) -> Result<Audio, Error> {
    decode_until(bytes, limits, None)
}

/// The beginning of a file: so much of it, or all where it is shorter. What comes after is neither
/// decoded nor checked, nor does the greatest length of the limits hold for it.
///
/// # Errors
/// As [`decode`].
pub fn decode_beginning(
    bytes: &[u8],
    limits: &DecodeLimits,
    length: Duration,
) -> Result<Audio, Error> {
    decode_until(bytes, limits, Some(length))
}

fn decode_until(
    bytes: &[u8],
    limits: &DecodeLimits,
    until: Option<Duration>,
) -> Result<Audio, Error> {
    if bytes.len() > limits.max_bytes {
        return Err(Error::TooLarge { bytes: bytes.len(), max: limits.max_bytes });
    }
    let (format, content) = sniff(bytes)?;
    if format == Format::Ogg && until.is_none() {
        ogg::check_end(content)?;
    }
    let audio = unpanicked(format, || {
        let run = |weights| Decoding::open(format, content, weights)?.run(limits, until);
        match run(None)? {
            // Decoded anew rather than kept: all channels would take several times the memory.
            (_, Some(weights)) => Ok(run(Some(weights))?.0),
            (audio, None) => Ok(audio),
        }
    })?;
    let min_seconds = limits.min_duration.as_secs_f64();
    if audio.seconds() < min_seconds || audio.samples().is_empty() {
        return Err(Error::TooShort { seconds: audio.seconds(), min_seconds });
    }
    Ok(audio)
}

/// The readers were written with damaged files in mind, but some sums of theirs overflow on them,
/// which panics where overflows are checked. A stranger's file must not end the caller's thread.
fn unpanicked<T>(format: Format, run: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    // Nothing the closure touched is used after a panic.
    catch_unwind(AssertUnwindSafe(run))
        .unwrap_or_else(|_| Err(damaged(format, "its header contradicts itself")))
}

struct Decoding<'a> {
    format: Format,
    source: Source<'a>,
    /// How much of each channel is taken, where it is not the mean.
    weights: Option<Vec<f32>>,
}

impl<'a> Decoding<'a> {
    fn open(
        format: Format,
        content: &'a [u8],
        weights: Option<Vec<f32>>,
    ) -> Result<Decoding<'a>, Error> {
        Ok(Decoding { format, source: Source::open(format, content)?, weights })
    }

    /// The sound, and better weights for its channels where there are any.
    fn run(
        mut self,
        limits: &DecodeLimits,
        until: Option<Duration>,
    ) -> Result<(Audio, Option<Vec<f32>>), Error> {
        let max_seconds = limits.max_duration.as_secs_f64();
        let too_long = || Error::TooLong { max_seconds };
        // Samples after which there is enough.
        let enough = |rate: u32| {
            until
                .map_or(usize::MAX, |until| (until.as_secs_f64() * f64::from(rate)).ceil() as usize)
        };
        let mut whole = true;
        if until.is_none()
            && self.source.declared.is_some_and(|seconds| seconds > max_seconds + MISSING_SECONDS)
        {
            return Err(too_long());
        }
        let (mut packets, mut undecodable, mut left_out) = (0_usize, 0_usize, 0_usize);
        let mut rate = None;
        let mut likeness = None;
        let (mut interleaved, mut mono): (Vec<f32>, Vec<f32>) = (Vec::new(), Vec::new());
        loop {
            let packet = match self.source.reader.next_packet() {
                Ok(Some(packet)) => packet,
                Ok(None) => break,
                Err(Fault::IoError(fault)) if fault.kind() == ErrorKind::UnexpectedEof => break,
                Err(fault) => return Err(translate(self.format, fault)),
            };
            if packet.track_id != self.source.track_id {
                continue;
            }
            packets += 1;
            let buffer = match self.source.decoder.decode(&packet) {
                Ok(buffer) => buffer,
                Err(Fault::DecodeError(_) | Fault::IoError(_)) if !self.format.is_lossless() => {
                    undecodable += 1;
                    continue;
                }
                Err(fault) => return Err(translate(self.format, fault)),
            };
            let (now, channels) = (buffer.spec().rate(), buffer.spec().channels().count());
            if rate.is_none() {
                check_rate(now).map_err(unsupported_rate)?;
            }
            if channels > MAX_CHANNELS {
                return Err(too_many_channels(channels));
            }
            if channels == 0 || *rate.get_or_insert(now) != now {
                return Err(damaged(self.format, "rate or channels change on the way"));
            }
            left_out += usize::from(buffer.is_empty());
            buffer.copy_to_vec_interleaved(&mut interleaved);
            if self.weights.is_none() {
                likeness
                    .get_or_insert_with(|| Likeness::new(channels, now))
                    .add(channels, &interleaved);
            }
            let most = enough(now).min((max_seconds * f64::from(now)) as usize + now as usize);
            make_room(&mut mono, interleaved.len() / channels, most);
            mix_down(channels, &interleaved, self.weights.as_deref(), &mut mono);
            if mono.len() >= enough(now) {
                mono.truncate(enough(now));
                whole = false;
                break;
            }
            if until.is_none()
                && mono.len() as f64
                    > max_seconds * f64::from(now) + f64::from(now) * MISSING_SECONDS
            {
                return Err(too_long());
            }
        }
        // What lies beyond the length that an info tag tells is taken for padding.
        if left_out > MAX_PADDING {
            return Err(several_recordings());
        }
        if undecodable > 2 + packets / 50 || (undecodable > 0 && undecodable == packets) {
            let reason = format!("{undecodable} of {packets} packets cannot be decoded");
            return Err(damaged(self.format, reason));
        }
        if whole && self.source.decoder.finalize().verify_ok == Some(false) {
            return Err(damaged(self.format, "the checksum of the sound differs"));
        }
        let Some(rate) = rate else {
            return Err(damaged(self.format, "there is no sound in it"));
        };
        let seconds = mono.len() as f64 / f64::from(rate);
        if let Some(declared) = self.source.declared
            && whole
            && seconds < declared * (1.0 - MISSING_SHARE) - MISSING_SECONDS
        {
            let reason = format!("it ends after {seconds:.1} of {declared:.1} s");
            return Err(damaged(self.format, reason));
        }
        let audio = Audio::new(rate, mono)
            .map_err(|_| damaged(self.format, "it holds samples that are no finite numbers"))?;
        Ok((audio, likeness.and_then(Likeness::weights)))
    }
}

/// Room for more samples: by halves as it is needed, and not beyond the most there can be.
fn make_room(mono: &mut Vec<f32>, more: usize, most: usize) {
    if mono.capacity() - mono.len() < more {
        let step = (mono.capacity() / 2).max(1 << 14).min(most.saturating_sub(mono.len()));
        mono.reserve_exact(step.max(more));
    }
}
