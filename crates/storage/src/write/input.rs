//! Reading what is to be stored: length checks, and parts of equal size.

use bytes::Bytes;
use futures::{Stream, StreamExt};
use object_store::PutPayload;

use crate::about::digest::Digest;
use crate::error::Error;
use crate::name::artifact::Artifact;
use crate::name::format::Format;

/// The size of the parts in which a stream is sent: at least 5 MiB are asked for by S3, and all
/// equal by R2.
const PART_LEN: usize = 8 * 1024 * 1024;

/// What [`Storage::put_stream`](crate::Storage::put_stream) checks about the length of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamOptions {
    /// The exact length in bytes, such as of an HTTP `Content-Length`: a download that was cut off
    /// is then told from a complete one. Default: not known.
    pub expected_len: Option<u64>,
    /// The most bytes to accept. Default: 1 GiB.
    pub max_len: u64,
}

impl Default for StreamOptions {
    fn default() -> Self {
        Self { expected_len: None, max_len: 1 << 30 }
    }
}

/// A stream being read, with the checks of its length.
pub(crate) struct Input<S> {
    artifact: Artifact,
    content: S,
    options: StreamOptions,
    /// The bytes read so far.
    pub(crate) total: u64,
    /// Of what was read so far, where one is wanted.
    pub(crate) digest: Option<Digest>,
    /// What was read and not yet taken.
    pub(crate) parts: Parts,
}

impl<S, E> Input<S>
where
    S: Stream<Item = Result<Bytes, E>> + Unpin,
    E: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    pub(crate) fn new(
        artifact: Artifact,
        content: S,
        options: StreamOptions,
        digest: Option<Digest>,
    ) -> Self {
        Self { artifact, content, options, total: 0, digest, parts: Parts::default() }
    }

    /// The first bytes of the content, as many as tell its format.
    pub(crate) async fn head(&mut self) -> Result<Vec<u8>, Error> {
        while self.parts.len < Format::SNIFF_LEN {
            if !self.read().await? {
                // "Cut off" says more than "unknown format" about a body that is nearly empty.
                self.check_end()?;
                break;
            }
        }
        Ok(self.parts.head())
    }

    /// Reads one more piece; false at the end.
    pub(crate) async fn read(&mut self) -> Result<bool, Error> {
        let artifact = self.artifact;
        let Some(piece) = self.content.next().await else {
            return Ok(false);
        };
        let piece = piece.map_err(|error| Error::Input { artifact, source: error.into() })?;
        self.total += piece.len() as u64;
        if let Some(expected) = self.options.expected_len
            && self.total > expected
        {
            return Err(self.length_mismatch(expected));
        }
        if self.total > self.options.max_len {
            return Err(Error::TooLarge { artifact, limit: self.options.max_len });
        }
        if let Some(digest) = &mut self.digest {
            digest.update(&piece).await;
        }
        self.parts.push(piece);
        Ok(true)
    }

    /// Compares the bytes read with the announced length.
    pub(crate) fn check_end(&self) -> Result<(), Error> {
        match self.options.expected_len {
            Some(expected) if expected != self.total => Err(self.length_mismatch(expected)),
            _ => Ok(()),
        }
    }

    fn length_mismatch(&self, expected: u64) -> Error {
        Error::LengthMismatch { artifact: self.artifact, expected, actual: self.total }
    }
}

/// Pieces gathered into parts of equal size.
#[derive(Default)]
pub(crate) struct Parts {
    pieces: Vec<Bytes>,
    len: usize,
}

impl Parts {
    fn push(&mut self, piece: Bytes) {
        self.len += piece.len();
        self.pieces.push(piece);
    }

    /// The first bytes.
    fn head(&self) -> Vec<u8> {
        let bytes = self.pieces.iter().flatten().copied();
        bytes.take(Format::SNIFF_LEN).collect()
    }

    /// A full part, when there is one.
    pub(crate) fn take_full(&mut self) -> Option<PutPayload> {
        if self.len < PART_LEN {
            return None;
        }
        let (mut part, mut len) = (Vec::new(), 0);
        let mut rest = Vec::new();
        for mut piece in self.pieces.drain(..) {
            let missing = (PART_LEN - len).min(piece.len());
            len += missing;
            part.push(piece.split_to(missing));
            if !piece.is_empty() {
                rest.push(piece);
            }
        }
        self.len -= PART_LEN;
        self.pieces = rest;
        part.retain(|piece| !piece.is_empty());
        Some(PutPayload::from_iter(part))
    }

    /// The last part, shorter than the others and possibly empty.
    pub(crate) fn take_rest(&mut self) -> PutPayload {
        self.len = 0;
        PutPayload::from_iter(self.pieces.drain(..))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_equal_and_lose_nothing() {
        let content: Vec<u8> = (0..3 * PART_LEN + 5).map(|i| (i % 251) as u8).collect();
        for piece_len in [1 << 16, PART_LEN - 1, PART_LEN, PART_LEN + 7, content.len()] {
            let mut parts = Parts::default();
            let mut taken = Vec::new();
            for piece in content.chunks(piece_len) {
                parts.push(Bytes::copy_from_slice(piece));
                while let Some(part) = parts.take_full() {
                    assert_eq!(part.content_length(), PART_LEN);
                    taken.push(Bytes::from(part));
                }
            }
            taken.push(parts.take_rest().into());
            assert_eq!(taken.len(), 4, "{piece_len}");
            assert!(taken.concat() == content, "{piece_len}");
            assert_eq!((parts.len, parts.pieces.len()), (0, 0));
        }
    }
}
