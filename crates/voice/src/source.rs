//! The containers: what reads packets out of a file, and what decodes them.

use std::io::{Cursor, ErrorKind, Read};

use symphonia::core::codecs::audio::well_known::CODEC_ID_OPUS;
use symphonia::core::codecs::audio::{AudioCodecParameters, AudioDecoder, AudioDecoderOptions};
use symphonia::core::errors::Error as Fault;
use symphonia::core::formats::{FormatOptions, FormatReader, Track, TrackType};
use symphonia::core::io::{MediaSourceStream, ReadOnlySource};
use symphonia::default::formats::{
    AdtsReader, FlacReader, IsoMp4Reader, MkvReader, MpaReader, OggReader, WavReader,
};

use crate::audio::{MAX_CHANNELS, check_rate};
use crate::container::Format;
use crate::error::Error;
use crate::opus::Opus;
use crate::riff::Riff;
use crate::unread;

/// A file that is open, and the first sound track of it.
pub(crate) struct Source<'a> {
    pub(crate) reader: Box<dyn FormatReader + 'a>,
    pub(crate) decoder: Box<dyn AudioDecoder>,
    pub(crate) track_id: u32,
    /// Length in seconds by the file's word.
    pub(crate) declared: Option<f64>,
}

impl<'a> Source<'a> {
    /// Opens a file, and refuses what its header says of rate and channels before anything of the
    /// sound is decoded.
    pub(crate) fn open(format: Format, content: &'a [u8]) -> Result<Source<'a>, Error> {
        let failed = |fault| translate(format, fault);
        let riff = (format == Format::Wav).then(|| Riff::find(content)).transpose()?;
        let codec = || match &riff {
            Some(riff) => riff.codec(),
            None => unread::codec_in(format, content),
        };
        let not_decoded = || Error::Unsupported { what: format!("{} is not decoded", codec()) };
        if riff.as_ref().is_some_and(|riff| !riff.is_plain()) {
            return Err(not_decoded());
        }
        let reader = match &riff {
            Some(riff) => {
                let (head, data) = riff.repaired();
                let source = ReadOnlySource::new(Cursor::new(head).chain(data));
                let stream = MediaSourceStream::new(Box::new(source), Default::default());
                WavReader::try_new(stream, FormatOptions::default())
                    .map(|reader| Box::new(reader) as Box<dyn FormatReader>)
            }
            None => open_reader(format, content),
        };
        let reader = reader.map_err(|fault| match fault {
            Fault::Unsupported(what) if riff.is_some() && !what.contains("missing") => {
                not_decoded()
            }
            fault => failed(fault),
        })?;
        let Some(track) = reader.default_track(TrackType::Audio) else {
            return Err(Error::Unsupported { what: unread::without_sound(format, content) });
        };
        let params = track.codec_params.as_ref().and_then(|params| params.audio());
        let params = params.ok_or_else(not_decoded)?;
        check(params)?;
        let decoder = open_decoder(params).map_err(|fault| match fault {
            Fault::Unsupported(_) => not_decoded(),
            fault => failed(fault),
        })?;
        let declared = match &riff {
            Some(riff) => riff.declared_seconds(),
            None => declared_seconds(track),
        };
        let track_id = track.id;
        Ok(Source { reader, decoder, track_id, declared })
    }
}

/// Rate and channels by the file's word. A word below the range is no reason yet: some containers
/// have no room for a rate, and leave it to the codec.
fn check(params: &AudioCodecParameters) -> Result<(), Error> {
    if let Some(rate) = params.sample_rate.filter(|rate| *rate > 0) {
        check_rate(rate.max(*crate::audio::RATES.start())).map_err(unsupported_rate)?;
    }
    let channels = params.channels.as_ref().map_or(0, |channels| channels.count());
    if channels > MAX_CHANNELS { Err(too_many_channels(channels)) } else { Ok(()) }
}

pub(crate) fn unsupported_rate(error: Error) -> Error {
    match error {
        Error::InvalidOption { reason, .. } => {
            Error::Unsupported { what: format!("its rate of {reason}") }
        }
        other => other,
    }
}

pub(crate) fn too_many_channels(channels: usize) -> Error {
    let what = format!("its {channels} channels are more than {MAX_CHANNELS}");
    Error::Unsupported { what }
}

fn open_decoder(params: &AudioCodecParameters) -> Result<Box<dyn AudioDecoder>, Fault> {
    if params.codec == CODEC_ID_OPUS {
        return Ok(Box::new(Opus::new(params)?));
    }
    let options = AudioDecoderOptions::default().verify(true);
    symphonia::default::get_codecs().make_audio_decoder(params, &options)
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
        Format::Webm => Box::new(MkvReader::try_new(stream, options)?),
    })
}

fn declared_seconds(track: &Track) -> Option<f64> {
    let (base, duration) = (track.time_base?, track.duration?);
    let (ticks, numerator) = (duration.get() as f64, f64::from(base.numer.get()));
    Some(ticks * numerator / f64::from(base.denom.get()))
}

pub(crate) fn damaged(format: Format, reason: impl Into<String>) -> Error {
    Error::Damaged { format: format.name(), reason: reason.into() }
}

pub(crate) fn several_recordings() -> Error {
    Error::Unsupported { what: "it is several recordings in one file".to_owned() }
}

/// In our words: those of the readers are for their authors.
pub(crate) fn translate(format: Format, fault: Fault) -> Error {
    match fault {
        // So it calls a file, too, that ends before its parts.
        Fault::Unsupported(what) if what.contains("missing") => {
            damaged(format, "a part is missing that every such file has")
        }
        Fault::Unsupported(_) => {
            Error::Unsupported { what: format!("{} of this kind is not decoded", format.name()) }
        }
        Fault::ResetRequired => several_recordings(),
        Fault::IoError(fault) if fault.kind() == ErrorKind::UnexpectedEof => {
            damaged(format, "it ends early")
        }
        Fault::LimitError(_) => damaged(format, "a part of it claims to be larger than it may be"),
        _ => damaged(format, "its parts contradict each other"),
    }
}
