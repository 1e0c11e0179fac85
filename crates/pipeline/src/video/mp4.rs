//! Whether a video is whole: a file that was cut off before it was sent has a proper length and
//! still does not play.

use bytes::Bytes;
use futures::{Stream, StreamExt, stream};
use portrait_d_id::{Error, Operation};

/// Follows the boxes at the top of an MP4 or QuickTime file (ISO/IEC 14496-12, section 4.2).
#[derive(Debug, Default)]
struct Boxes {
    /// The header of the next box, as far as it has come.
    header: Vec<u8>,
    /// Bytes of the present box still to come.
    left: u64,
    /// The present box has no length: it goes to the end of the file.
    open: bool,
    index: bool,
    data: bool,
    /// The first box is none that such files begin with: a page in place of the video.
    foreign: bool,
    begun: bool,
    seen: u64,
}

/// What MP4 and QuickTime files begin with.
const FIRST: [&[u8; 4]; 6] = [b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"];

impl Boxes {
    fn push(&mut self, mut piece: &[u8]) {
        self.seen += piece.len() as u64;
        while !piece.is_empty() && !self.open {
            let skip = self.left.min(piece.len() as u64);
            self.left -= skip;
            piece = &piece[skip as usize..];
            if piece.is_empty() {
                return;
            }
            let wanted = if self.header.get(..4) == Some(&[0, 0, 0, 1]) { 16 } else { 8 };
            let take = (wanted - self.header.len()).min(piece.len());
            self.header.extend(&piece[..take]);
            piece = &piece[take..];
            self.begin();
        }
    }

    /// Begins a box when its header is there.
    fn begin(&mut self) {
        let Some((short, rest)) = self.header.split_first_chunk::<4>() else { return };
        let Some((kind, long)) = rest.split_first_chunk::<4>() else { return };
        let (length, header) = match (u32::from_be_bytes(*short), long.first_chunk::<8>()) {
            (1, None) => return,
            (1, Some(long)) => (u64::from_be_bytes(*long), 16),
            (short, _) => (u64::from(short), 8),
        };
        self.foreign |= !self.begun && !FIRST.contains(&kind);
        self.begun = true;
        self.index |= kind == b"moov";
        self.data |= kind == b"mdat";
        self.open = length == 0;
        // A length that is none leaves a file that can only be cut off.
        self.left = length.checked_sub(header).unwrap_or(u64::MAX);
        self.header.clear();
    }

    /// What is missing at the end.
    fn end(&self) -> Result<(), Error> {
        let complete = self.left == 0 && self.header.is_empty() || self.open;
        if complete && self.index && self.data {
            return Ok(());
        }
        let missing = if self.open { 1 } else { self.left.max(1) };
        let expected = self.seen.saturating_add(missing);
        Err(Error::Truncated { expected, received: self.seen })
    }
}

fn no_video() -> Error {
    Error::Protocol {
        operation: Operation::Download,
        status: 200,
        reason: "neither MP4 nor QuickTime".to_owned(),
        body: String::new(),
    }
}

/// The same stream, which ends in [`Error::Truncated`] where the file it carried is not whole, and
/// in [`Error::Protocol`], within its first bytes, where it is no video.
pub(crate) fn whole(
    video: impl Stream<Item = Result<Bytes, Error>> + Send + Unpin,
) -> impl Stream<Item = Result<Bytes, Error>> + Send + Unpin {
    let state = Some((video, Boxes::default()));
    Box::pin(stream::unfold(state, |state| async move {
        let (mut video, mut boxes) = state?;
        match video.next().await {
            Some(Ok(piece)) => {
                boxes.push(&piece);
                if boxes.foreign {
                    return Some((Err(no_video()), None));
                }
                Some((Ok(piece), Some((video, boxes))))
            }
            Some(Err(error)) => Some((Err(error), None)),
            None => boxes.end().err().map(|error| (Err(error), None)),
        }
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use portrait_d_id_fake::TALK_MP4;

    async fn check(file: &[u8], piece: usize) -> Result<usize, Error> {
        let pieces: Vec<_> = file.chunks(piece).map(|p| Ok(Bytes::copy_from_slice(p))).collect();
        let mut video = whole(stream::iter(pieces));
        let mut length = 0;
        while let Some(piece) = video.next().await {
            length += piece?.len();
        }
        Ok(length)
    }

    #[tokio::test]
    async fn whole_files_pass_and_cut_ones_do_not() {
        for piece in [1, 7, 1000, TALK_MP4.len()] {
            assert_eq!(check(TALK_MP4, piece).await.unwrap(), TALK_MP4.len());
            for end in [0, 1, 4, 31, 32, 40, 2000, TALK_MP4.len() - 1] {
                let error = check(&TALK_MP4[..end], piece).await.unwrap_err();
                assert!(matches!(error, Error::Truncated { .. }), "{end}: {error}");
            }
        }
        let page = b"<html><body>Bad gateway</body></html>";
        for piece in [3, 10, 100] {
            let error = check(page, piece).await.unwrap_err();
            assert!(matches!(error, Error::Protocol { .. }), "{error}");
        }
        // Long lengths, and a last box without one.
        let long = [&[0, 0, 0, 1][..], b"moov", &20u64.to_be_bytes(), &[9; 4]].concat();
        let open = [&long[..], &[0, 0, 0, 0], b"mdat and whatever follows"].concat();
        assert_eq!(check(&open, 3).await.unwrap(), open.len());
        assert!(check(&long, 3).await.is_err());
    }
}
