//! An MP4 file of a still picture with silence (ISO/IEC 14496-12, -14 and -15).

use crate::h264::{LEVEL, PROFILE, Still};

/// Ticks of a second and of a frame: 25 frames a second.
const VIDEO_SCALE: u32 = 12_800;
const FRAME: u32 = 512;
/// 16 kHz; a frame of AAC is 1024 samples.
const AUDIO_SCALE: u32 = 16_000;
const AUDIO_FRAME: u32 = 1024;
/// A frame of silence in AAC-LC, one channel, and the codec's configuration for it.
const SILENCE: [u8; 4] = [0x01, 0x18, 0x20, 0x07];
const AUDIO_CONFIG: [u8; 2] = [0x14, 0x08];
/// Movies are timed in milliseconds.
const MOVIE_SCALE: u32 = 1000;

/// The file: its index in front of the data, so that it plays while it is being fetched.
pub(crate) fn file(still: &Still, seconds: f64) -> Vec<u8> {
    let frames = ((seconds * 25.0).round() as u32).max(1);
    let mut video = vec![sized(&still.first)];
    video.extend((1..frames).map(|number| sized(&still.repeat(number))));
    let audio_frames = (frames * FRAME / VIDEO_SCALE * AUDIO_SCALE
        + frames * FRAME % VIDEO_SCALE * AUDIO_SCALE / VIDEO_SCALE)
        .div_ceil(AUDIO_FRAME);
    let video_bytes: usize = video.iter().map(Vec::len).sum();

    let brand = boxed(b"ftyp", &[b"isom\0\0\x02\0isomiso2avc1mp41"]);
    let index = |video_at: u32| {
        let audio_at = video_at + video_bytes as u32;
        movie(still, &video, video_at, audio_frames, audio_at)
    };
    // The index's length does not depend on the offsets in it.
    let data_at = brand.len() + index(0).len() + 8;
    let silence = SILENCE.repeat(audio_frames as usize);
    let mut file = brand;
    file.extend(index(data_at as u32));
    file.extend((8 + video_bytes as u32 + silence.len() as u32).to_be_bytes());
    file.extend(b"mdat");
    video.iter().for_each(|sample| file.extend(sample));
    file.extend(silence);
    file
}

/// A NAL unit as it stands in a file: its length, then itself.
fn sized(unit: &[u8]) -> Vec<u8> {
    [&(unit.len() as u32).to_be_bytes(), unit].concat()
}

fn boxed(kind: &[u8; 4], parts: &[&[u8]]) -> Vec<u8> {
    let length = 8 + parts.iter().map(|part| part.len()).sum::<usize>();
    let mut bytes = (length as u32).to_be_bytes().to_vec();
    bytes.extend(kind);
    parts.iter().for_each(|part| bytes.extend(*part));
    bytes
}

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_be_bytes()).collect()
}

/// The matrix that leaves pictures as they are.
const UNITY: [u32; 9] = [0x1_0000, 0, 0, 0, 0x1_0000, 0, 0, 0, 0x4000_0000];

fn movie(
    still: &Still,
    video: &[Vec<u8>],
    video_at: u32,
    audio_frames: u32,
    audio_at: u32,
) -> Vec<u8> {
    let video_ticks = video.len() as u32 * FRAME;
    let milliseconds = (u64::from(video_ticks) * 1000 / u64::from(VIDEO_SCALE)) as u32;
    let mut head = words(&[0, 0, 0, MOVIE_SCALE, milliseconds, 0x1_0000, 0x0100_0000, 0, 0]);
    head.extend(words(&UNITY));
    head.extend(words(&[0, 0, 0, 0, 0, 0, 3]));
    let sizes: Vec<u32> = video.iter().map(|sample| sample.len() as u32).collect();
    let picture = Track {
        id: 1,
        milliseconds,
        scale: VIDEO_SCALE,
        ticks: video_ticks,
        handler: b"vide",
        size: (still.width, still.height),
        media_head: boxed(b"vmhd", &[&words(&[1, 0, 0])]),
        description: picture_description(still),
        sample_ticks: FRAME,
        sizes: [words(&[0, 0, sizes.len() as u32]), words(&sizes)].concat(),
        samples: sizes.len() as u32,
        sync: Some(boxed(b"stss", &[&words(&[0, 1, 1])])),
        at: video_at,
    };
    let sound = Track {
        id: 2,
        milliseconds,
        scale: AUDIO_SCALE,
        ticks: audio_frames * AUDIO_FRAME,
        handler: b"soun",
        size: (0, 0),
        media_head: boxed(b"smhd", &[&words(&[0, 0])]),
        description: sound_description(),
        sample_ticks: AUDIO_FRAME,
        sizes: words(&[0, SILENCE.len() as u32, audio_frames]),
        samples: audio_frames,
        sync: None,
        at: audio_at,
    };
    boxed(b"moov", &[&boxed(b"mvhd", &[&head]), &picture.boxed(), &sound.boxed()])
}

struct Track {
    id: u32,
    milliseconds: u32,
    scale: u32,
    ticks: u32,
    handler: &'static [u8; 4],
    size: (u32, u32),
    media_head: Vec<u8>,
    description: Vec<u8>,
    sample_ticks: u32,
    /// The content of `stsz`.
    sizes: Vec<u8>,
    samples: u32,
    sync: Option<Vec<u8>>,
    /// Where the one chunk begins.
    at: u32,
}

impl Track {
    fn boxed(&self) -> Vec<u8> {
        // Enabled, in the movie, in previews.
        let mut head = words(&[7, 0, 0, self.id, 0, self.milliseconds, 0, 0, 0]);
        head.extend(if self.handler == b"soun" { [1, 0, 0, 0] } else { [0; 4] });
        head.extend(words(&UNITY));
        head.extend(words(&[self.size.0 << 16, self.size.1 << 16]));
        // Language: undetermined.
        let mut media = words(&[0, 0, 0, self.scale, self.ticks]);
        media.extend([0x55, 0xC4, 0, 0]);
        let handler = [&words(&[0, 0])[..], self.handler, &[0; 13]].concat();
        let here = boxed(b"url ", &[&words(&[1])]);
        let data = boxed(b"dinf", &[&boxed(b"dref", &[&words(&[0, 1]), &here])]);
        let table = boxed(
            b"stbl",
            &[
                &boxed(b"stsd", &[&words(&[0, 1]), &self.description]),
                &boxed(b"stts", &[&words(&[0, 1, self.samples, self.sample_ticks])]),
                self.sync.as_deref().unwrap_or_default(),
                &boxed(b"stsc", &[&words(&[0, 1, 1, self.samples, 1])]),
                &boxed(b"stsz", &[&self.sizes]),
                &boxed(b"stco", &[&words(&[0, 1, self.at])]),
            ],
        );
        let content = boxed(b"minf", &[&self.media_head, &data, &table]);
        let media =
            boxed(b"mdia", &[&boxed(b"mdhd", &[&media]), &boxed(b"hdlr", &[&handler]), &content]);
        boxed(b"trak", &[&boxed(b"tkhd", &[&head]), &media])
    }
}

fn picture_description(still: &Still) -> Vec<u8> {
    let mut config = vec![1, PROFILE[0], PROFILE[1], LEVEL, 0xFF, 0xE1];
    config.extend((still.sps.len() as u16).to_be_bytes());
    config.extend(&still.sps);
    config.push(1);
    config.extend((still.pps.len() as u16).to_be_bytes());
    config.extend(&still.pps);
    let mut entry = vec![0, 0, 0, 0, 0, 0, 0, 1];
    entry.extend([0; 16]);
    entry.extend((still.width as u16).to_be_bytes());
    entry.extend((still.height as u16).to_be_bytes());
    // 72 pixels an inch, one frame a sample, no name, 24 bits, no colour table.
    entry.extend(words(&[0x48_0000, 0x48_0000, 0]));
    entry.extend([0, 1]);
    entry.extend([0; 32]);
    entry.extend([0, 24, 0xFF, 0xFF]);
    boxed(b"avc1", &[&entry, &boxed(b"avcC", &[&config])])
}

fn sound_description() -> Vec<u8> {
    let mut entry = vec![0, 0, 0, 0, 0, 0, 0, 1];
    entry.extend([0; 8]);
    // One channel of 16 bits.
    entry.extend([0, 1, 0, 16, 0, 0, 0, 0]);
    entry.extend(words(&[AUDIO_SCALE << 16]));
    // Descriptors of ISO/IEC 14496-1, section 7.2.6: stream, decoder (AAC), configuration, sync.
    let config = [&[5, AUDIO_CONFIG.len() as u8], &AUDIO_CONFIG[..]].concat();
    let mut decoder = vec![4, 13 + config.len() as u8, 0x40, 0x15, 0, 0, 0];
    decoder.extend(words(&[2000, 500]));
    decoder.extend(config);
    let mut stream = vec![3, 3 + decoder.len() as u8 + 3, 0, 2, 0];
    stream.extend(decoder);
    stream.extend([6, 1, 2]);
    boxed(b"mp4a", &[&entry, &boxed(b"esds", &[&words(&[0]), &stream])])
}
