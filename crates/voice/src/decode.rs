use std::io::{Cursor, ErrorKind};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use symphonia::core::codecs::audio::{AudioDecoder, AudioDecoderOptions};
use symphonia::core::errors::Error as Fault;
use symphonia::core::formats::{FormatOptions, FormatReader, Track, TrackType};
use symphonia::core::io::{MediaSourceStream, ReadOnlySource};
use symphonia::default::formats::{
    AdtsReader, FlacReader, IsoMp4Reader, MpaReader, OggReader, WavReader,
};

use crate::audio::{Audio, mix_down};
use crate::error::Error;
use crate::ogg;
use crate::sniff::{Format, sniff};

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
/// WAV (integers and floats), MP3, FLAC, AAC in MP4 or ADTS, Vorbis or FLAC in Ogg. Of a film the
/// first sound track is taken.
///
/// Single packets of a lossy file that cannot be decoded are left out; more than a few, or a
/// missing end as far as the format shows it (not in MP3 and ADTS without an info tag), are
/// [`Error::Damaged`]: half a message is not worth a paid talk.
///
/// Takes four bytes of memory for each sample, whatever the file's size: for ten minutes 115 MB at
/// 48 kHz, and 460 MB at the highest rate of 192 kHz.
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
    let audio = unpanicked(format, || Decoding::open(format, content)?.run(limits, until))?;
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
    reader: Box<dyn FormatReader + 'a>,
    decoder: Box<dyn AudioDecoder>,
    track_id: u32,
    /// Length in seconds by the file's word.
    declared: Option<f64>,
}

impl<'a> Decoding<'a> {
    fn open(format: Format, content: &'a [u8]) -> Result<Decoding<'a>, Error> {
        let failed = |fault| translate(format, fault);
        let reader = open_reader(format, content).map_err(failed)?;
        let Some(track) = reader.default_track(TrackType::Audio) else {
            return Err(Error::Unsupported { what: format!("the {} has no sound", format.name()) });
        };
        let params = track.codec_params.as_ref().and_then(|params| params.audio());
        let Some(params) = params else {
            return Err(Error::Unsupported { what: "its codec is unknown".to_owned() });
        };
        let options = AudioDecoderOptions::default().verify(true);
        let codecs = symphonia::default::get_codecs();
        let decoder = codecs.make_audio_decoder(params, &options).map_err(|fault| match fault {
            Fault::Unsupported(_) => {
                let what = format!("the codec in this {} file is not decoded", format.name());
                Error::Unsupported { what }
            }
            fault => failed(fault),
        })?;
        let (track_id, declared) = (track.id, declared_seconds(track));
        Ok(Decoding { format, reader, decoder, track_id, declared })
    }

    fn run(mut self, limits: &DecodeLimits, until: Option<Duration>) -> Result<Audio, Error> {
        let max_seconds = limits.max_duration.as_secs_f64();
        let too_long = || Error::TooLong { max_seconds };
        // Samples after which there is enough.
        let enough = |rate: u32| {
            until
                .map_or(usize::MAX, |until| (until.as_secs_f64() * f64::from(rate)).ceil() as usize)
        };
        let mut whole = true;
        if until.is_none()
            && self.declared.is_some_and(|seconds| seconds > max_seconds + MISSING_SECONDS)
        {
            return Err(too_long());
        }
        let (mut packets, mut undecodable, mut left_out) = (0_usize, 0_usize, 0_usize);
        let mut rate = None;
        let (mut interleaved, mut mono): (Vec<f32>, Vec<f32>) = (Vec::new(), Vec::new());
        loop {
            let packet = match self.reader.next_packet() {
                Ok(Some(packet)) => packet,
                Ok(None) => break,
                Err(Fault::IoError(fault)) if fault.kind() == ErrorKind::UnexpectedEof => break,
                Err(fault) => return Err(translate(self.format, fault)),
            };
            if packet.track_id != self.track_id {
                continue;
            }
            packets += 1;
            let buffer = match self.decoder.decode(&packet) {
                Ok(buffer) => buffer,
                Err(Fault::DecodeError(_) | Fault::IoError(_)) if !self.format.is_lossless() => {
                    undecodable += 1;
                    continue;
                }
                Err(fault) => return Err(translate(self.format, fault)),
            };
            let (now, channels) = (buffer.spec().rate(), buffer.spec().channels().count());
            if channels == 0 || *rate.get_or_insert(now) != now {
                return Err(damaged(self.format, "rate or channels change on the way"));
            }
            left_out += usize::from(buffer.is_empty());
            buffer.copy_to_vec_interleaved(&mut interleaved);
            mix_down(channels, &interleaved, &mut mono);
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
        if whole && self.decoder.finalize().verify_ok == Some(false) {
            return Err(damaged(self.format, "the checksum of the sound differs"));
        }
        let Some(rate) = rate else {
            return Err(damaged(self.format, "there is no sound in it"));
        };
        let seconds = mono.len() as f64 / f64::from(rate);
        if let Some(declared) = self.declared
            && whole
            && seconds < declared * (1.0 - MISSING_SHARE) - MISSING_SECONDS
        {
            let reason = format!("it ends after {seconds:.1} of {declared:.1} s");
            return Err(damaged(self.format, reason));
        }
        Audio::new(rate, mono).map_err(|error| match error {
            Error::InvalidOption { option: "sample_rate", reason } => {
                Error::Unsupported { what: format!("its rate of {reason}") }
            }
            _ => damaged(self.format, "it holds samples that are no finite numbers"),
        })
    }
}

fn open_reader(format: Format, content: &[u8]) -> Result<Box<dyn FormatReader + '_>, Fault> {
    let source = Cursor::new(content);
    let stream: MediaSourceStream<'_> = match format {
        // Where it can seek, the reader guesses the length of these two from the first frames;
        // a guess is of no use here.
        Format::Mp3 | Format::Adts => {
            MediaSourceStream::new(Box::new(ReadOnlySource::new(source)), Default::default())
        }
        _ => MediaSourceStream::new(Box::new(source), Default::default()),
    };
    let options = FormatOptions::default();
    Ok(match format {
        Format::Wav => Box::new(WavReader::try_new(stream, options)?),
        Format::Mp3 => Box::new(MpaReader::try_new(stream, options)?),
        Format::Flac => Box::new(FlacReader::try_new(stream, options)?),
        Format::Mp4 => Box::new(IsoMp4Reader::try_new(stream, options)?),
        Format::Adts => Box::new(AdtsReader::try_new(stream, options)?),
        Format::Ogg => Box::new(OggReader::try_new(stream, options)?),
    })
}

fn declared_seconds(track: &Track) -> Option<f64> {
    let (base, duration) = (track.time_base?, track.duration?);
    let (ticks, numerator) = (duration.get() as f64, f64::from(base.numer.get()));
    Some(ticks * numerator / f64::from(base.denom.get()))
}

fn damaged(format: Format, reason: impl Into<String>) -> Error {
    Error::Damaged { format: format.name(), reason: reason.into() }
}

fn several_recordings() -> Error {
    Error::Unsupported { what: "it is several recordings in one file".to_owned() }
}

fn translate(format: Format, fault: Fault) -> Error {
    match fault {
        // So it calls a file, too, that ends before its parts.
        Fault::Unsupported(what) if what.contains("missing") => damaged(format, what),
        Fault::Unsupported(what) => Error::Unsupported {
            what: format!("{} like this is not decoded ({what})", format.name()),
        },
        Fault::ResetRequired => several_recordings(),
        Fault::IoError(fault) if fault.kind() == ErrorKind::UnexpectedEof => {
            damaged(format, "it ends early")
        }
        fault => damaged(format, fault.to_string()),
    }
}
