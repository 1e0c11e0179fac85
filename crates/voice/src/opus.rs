//! Opus behind symphonia's trait for decoders: symphonia reads the containers, but has no decoder
//! of its own.

use opus_pure::OpusDecoder;
use symphonia::core::audio::{
    AsGenericAudioBufferRef, AudioBuffer, AudioMut, AudioSpec, GenericAudioBufferRef, layouts,
};
use symphonia::core::codecs::CodecInfo;
use symphonia::core::codecs::audio::{AudioCodecParameters, AudioDecoder, FinalizeResult};
use symphonia::core::errors::{Error as Fault, Result as Outcome};
use symphonia::core::packet::PacketRef;

/// The rate at which all of Opus is decoded, in Hz.
const RATE: u32 = 48_000;
/// Most frames of a packet: 120 ms (RFC 6716, section 3.2.5).
const MOST_FRAMES: usize = 5_760;
/// Fewest bytes of an identification header (RFC 7845, section 5.1).
const HEADER: usize = 19;
const INFO: CodecInfo = CodecInfo { short_name: "opus", long_name: "Opus", profiles: &[] };

/// One stream of one or two channels.
pub(crate) struct Opus {
    params: AudioCodecParameters,
    decoder: OpusDecoder,
    channels: usize,
    /// Frames at the start that are the encoder's delay, as far as they are still to come.
    delay: usize,
    gain: f32,
    pcm: Vec<f32>,
    decoded: AudioBuffer<f32>,
}

impl Opus {
    /// # Errors
    /// [`Fault::Unsupported`] for more than two channels; [`Fault::DecodeError`] for a header that
    /// is none.
    pub(crate) fn new(params: &AudioCodecParameters) -> Outcome<Opus> {
        let header = params.extra_data.as_deref().unwrap_or_default();
        if header.len() < HEADER || !header.starts_with(b"OpusHead") {
            return Err(Fault::DecodeError("no header of Opus"));
        }
        // MP4 keeps the header's numbers big-endian, and says version 0.
        let number = |at: usize| {
            let bytes = [header[at], header[at + 1]];
            if header[8] == 0 { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) }
        };
        let channels = usize::from(header[9]);
        let layout = match (channels, header[18]) {
            (1, 0 | 1) => layouts::CHANNEL_LAYOUT_MONO,
            (2, 0 | 1) => layouts::CHANNEL_LAYOUT_STEREO,
            _ => return Err(Fault::Unsupported("Opus of more than two channels")),
        };
        let decoder = OpusDecoder::new(RATE as i32, channels)
            .map_err(|_| Fault::Unsupported("Opus of this kind"))?;
        Ok(Opus {
            params: params.clone(),
            decoder,
            channels,
            delay: usize::from(number(10)),
            // A fixed-point number of decibels with eight bits after the point.
            gain: 10_f32.powf(f32::from(number(16).cast_signed()) / (20.0 * 256.0)),
            pcm: vec![0.0; MOST_FRAMES * channels],
            decoded: AudioBuffer::new(AudioSpec::new(RATE, layout), MOST_FRAMES),
        })
    }
}

impl AudioDecoder for Opus {
    fn reset(&mut self) {
        // Only seeking needs it, which nobody does; a decoder that cannot be reset goes on.
        let _ = self.decoder.reset_state();
    }

    fn codec_info(&self) -> &CodecInfo {
        &INFO
    }

    fn codec_params(&self) -> &AudioCodecParameters {
        &self.params
    }

    fn decode_ref(&mut self, packet: &PacketRef<'_>) -> Outcome<GenericAudioBufferRef<'_>> {
        self.decoded.clear();
        // Nothing stands for a lost packet, which the decoder would make up.
        if packet.data.is_empty() {
            return Err(Fault::DecodeError("an empty packet"));
        }
        let frames = self
            .decoder
            .decode(packet.data, MOST_FRAMES, &mut self.pcm)
            .map_err(|_| Fault::DecodeError("a packet that is not Opus"))?;
        let pcm = &mut self.pcm[..frames * self.channels];
        if self.gain != 1.0 {
            pcm.iter_mut().for_each(|sample| *sample *= self.gain);
        }
        self.decoded.render_uninit(Some(frames));
        self.decoded.copy_from_slice_interleaved(&pcm);
        let delay = self.delay.min(frames);
        self.delay -= delay;
        let end = usize::try_from(packet.trim_end.get()).unwrap_or(frames);
        self.decoded.trim(delay, end.min(frames - delay));
        Ok(self.decoded.as_generic_audio_buffer_ref())
    }

    fn finalize(&mut self) -> FinalizeResult {
        FinalizeResult::default()
    }

    fn last_decoded(&self) -> GenericAudioBufferRef<'_> {
        self.decoded.as_generic_audio_buffer_ref()
    }
}
