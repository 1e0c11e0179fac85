//! Finds the sound in a WAV file, however wrong its lengths are: recorders that were switched off,
//! and programs that write to a pipe, leave lengths of 0, of 0x7fffffff or of 0xffffffff behind.

use crate::error::Error;

/// Lengths from here on are placeholders: so many bytes are never in a file that is taken.
const PLACEHOLDER: u32 = 0x7f00_0000;
/// Bytes of a chunk's name and length.
const HEAD: usize = 8;
/// Fewest bytes of a chunk that describes the format.
const LEAST_FORMAT: usize = 16;
/// Most bytes of it that mean something: 18, and 22 of `WAVE_FORMAT_EXTENSIBLE`.
const MOST_FORMAT: usize = 40;

/// A WAV file's parts that count.
#[derive(Debug)]
pub(crate) struct Riff<'a> {
    format: &'a [u8],
    data: &'a [u8],
    /// Bytes of sound by the file's own word; `None` where it does not say.
    declared: Option<u64>,
}

impl<'a> Riff<'a> {
    /// # Errors
    /// [`Error::Damaged`] where the format or the sound is missing.
    pub(crate) fn find(file: &'a [u8]) -> Result<Riff<'a>, Error> {
        let damaged = |reason: &str| Error::Damaged { format: "WAV", reason: reason.to_owned() };
        let (mut format, mut sound, mut wide) = (None, None, None);
        let mut at = 12;
        while let Some(chunk) = Chunk::at(file, at) {
            match chunk.name {
                b"fmt " if format.is_none() => format = Some(chunk.body(file)),
                b"ds64" => wide = chunk.body(file).get(8..16).and_then(|size| size.try_into().ok()),
                b"data" if sound.is_none() => sound = Some(chunk),
                _ => {}
            }
            if format.is_some() && sound.is_some() {
                break;
            }
            match chunk.next(file) {
                Some(next) => at = next,
                None => break,
            }
        }
        // A chunk that claims more than there is hides what comes after its head.
        let format = format.or_else(|| search(file, b"fmt ").map(|chunk| chunk.body(file)));
        let sound = sound.or_else(|| search(file, b"data"));
        let format: &[u8] = format.ok_or_else(|| damaged("it does not say its format"))?;
        if format.len() < LEAST_FORMAT {
            return Err(damaged("it does not say its format"));
        }
        let sound = sound.ok_or_else(|| damaged("there is no sound in it"))?;
        let there = &file[sound.start..];
        let declared = match (sound.length, wide.map(u64::from_le_bytes)) {
            (u32::MAX, Some(size)) if size != 0 => Some(size),
            (0, _) if is_chunks(there) => Some(0),
            (0 | PLACEHOLDER.., _) => None,
            (length, _) => Some(u64::from(length)),
        };
        let take = declared.map_or(there.len(), |declared| {
            usize::try_from(declared).map_or(there.len(), |declared| declared.min(there.len()))
        });
        let format = &format[..format.len().min(MOST_FORMAT)];
        Ok(Riff { format, data: &there[..take], declared })
    }

    /// The file as it should be: one chunk for the format and one for the sound, with right lengths.
    /// Its head, and what follows it.
    pub(crate) fn repaired(&self) -> (Vec<u8>, &'a [u8]) {
        let block = usize::from(self.number(12)).max(1);
        let data = &self.data[..self.data.len() - self.data.len() % block];
        // Lengths fit: they are of parts of a file far below 4 GiB, or are cut to it.
        let length = |bytes: usize| u32::try_from(bytes).unwrap_or(u32::MAX - 1).to_le_bytes();
        let mut head = b"RIFF".to_vec();
        head.extend(length(4 + HEAD + self.format.len() + HEAD + data.len()));
        head.extend(b"WAVEfmt ");
        head.extend(length(self.format.len()));
        head.extend(self.format);
        head.extend(b"data");
        head.extend(length(data.len()));
        (head, data)
    }

    /// How long the sound should be, in seconds, where the file says it and is uncompressed.
    pub(crate) fn declared_seconds(&self) -> Option<f64> {
        let rate = self.format.get(4..8).and_then(|rate| rate.try_into().ok());
        let rate = f64::from(u32::from_le_bytes(rate?));
        let width = u32::from(self.number(2)) * u32::from(self.number(14)).div_ceil(8);
        (rate > 0.0 && width > 0)
            .then(|| self.declared.map(|n| n as f64 / f64::from(width) / rate))?
    }

    /// Whether the sound is of plain samples: integers, floats, A-law, mu-law, or what the longer
    /// form of the format says.
    pub(crate) fn is_plain(&self) -> bool {
        matches!(self.number(0), 0x0001 | 0x0003 | 0x0006 | 0x0007 | 0xfffe)
    }

    /// The codec, for a message, where it is none of the plain ones.
    pub(crate) fn codec(&self) -> String {
        match self.number(0) {
            0x0002 => "WAV with Microsoft ADPCM".to_owned(),
            0x0011 => "WAV with IMA ADPCM".to_owned(),
            0x0031 => "WAV with GSM".to_owned(),
            0x0050 => "WAV with MPEG audio".to_owned(),
            0x0055 => "WAV with MP3".to_owned(),
            0x0160..=0x0163 => "WAV with Windows Media".to_owned(),
            0x2000 => "WAV with AC-3".to_owned(),
            tag => format!("WAV with codec {tag:#06x}"),
        }
    }

    fn number(&self, at: usize) -> u16 {
        u16::from_le_bytes([self.format[at], self.format[at + 1]])
    }
}

#[derive(Clone, Copy)]
struct Chunk<'a> {
    name: &'a [u8],
    length: u32,
    /// Where its content starts.
    start: usize,
}

impl<'a> Chunk<'a> {
    fn at(file: &'a [u8], at: usize) -> Option<Chunk<'a>> {
        let head = file.get(at..at + HEAD)?;
        let length = u32::from_le_bytes(head[4..].try_into().ok()?);
        Some(Chunk { name: &head[..4], length, start: at + HEAD })
    }

    fn body(&self, file: &'a [u8]) -> &'a [u8] {
        &file[self.start..self.end().min(file.len())]
    }

    fn end(&self) -> usize {
        self.start.saturating_add(self.length as usize)
    }

    /// Where the next chunk starts; `None` where this one ends beyond the file or with it, or what
    /// follows it is no chunk. An odd length is padded by a byte, which some writers forget.
    fn next(&self, file: &[u8]) -> Option<usize> {
        let end = self.end();
        let padded = end.saturating_add(self.length as usize % 2);
        [padded, end].into_iter().find(|at| is_name(file, *at))
    }
}

/// Whether a chunk may start here: four printable characters and a length after them.
fn is_name(file: &[u8], at: usize) -> bool {
    let head = at.checked_add(HEAD).and_then(|end| file.get(at..end));
    head.is_some_and(|head| head[..4].iter().all(|byte| (0x20..0x7f).contains(byte)))
}

/// The first chunk of a name, wherever it is; one of a length that fits before others.
fn search<'a>(file: &'a [u8], name: &[u8; 4]) -> Option<Chunk<'a>> {
    let places = file.windows(4).enumerate().skip(12).filter(|(_, window)| *window == name);
    let found: Vec<Chunk<'a>> = places.take(64).filter_map(|(at, _)| Chunk::at(file, at)).collect();
    let fits =
        |chunk: &Chunk<'_>| matches!(chunk.length, 0 | PLACEHOLDER..) || chunk.end() <= file.len();
    let best = found.iter().position(fits).unwrap_or(0);
    found.into_iter().nth(best)
}

/// Whether bytes are nothing but chunks, to the end; so is nothing at all.
fn is_chunks(bytes: &[u8]) -> bool {
    let mut at = 0;
    while at < bytes.len() {
        let Some(chunk) = Chunk::at(bytes, at).filter(|_| is_name(bytes, at)) else {
            return false;
        };
        let padded = chunk.end().saturating_add(chunk.length as usize % 2);
        if chunk.end() > bytes.len() {
            return false;
        }
        at = padded;
    }
    true
}
