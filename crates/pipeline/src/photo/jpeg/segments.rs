//! The segments of a file (ITU-T T.81, annex B).

use super::error::JpegError;

/// A marker with what belongs to it, in the order of the file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Segment<'a> {
    pub(super) marker: u8,
    /// Without the two bytes of length.
    pub(super) content: &'a [u8],
}

/// A place in a file, between segments.
#[derive(Debug, Clone)]
pub(super) struct Segments<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Segments<'a> {
    /// At the beginning of a file.
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// The next segment; `None` where the file ends between segments. What stands between
    /// segments is skipped.
    pub(super) fn next(&mut self) -> Result<Option<Segment<'a>>, JpegError> {
        loop {
            let rest = self.bytes.get(self.at..).unwrap_or_default();
            let Some(found) = rest.iter().position(|&byte| byte == 0xff) else { return Ok(None) };
            self.at += found + 1;
            let Some(&marker) = self.bytes.get(self.at) else { return Ok(None) };
            match marker {
                // Padding, or no marker.
                0xff | 0x00 => {}
                // Markers that stand alone; those of restarts belong to scans.
                0x01 | 0xd0..=0xd8 => self.at += 1,
                0xd9 => {
                    self.at += 1;
                    return Ok(Some(Segment { marker, content: &[] }));
                }
                _ => {
                    let content = self.content().ok_or(JpegError::CutOff)?;
                    return Ok(Some(Segment { marker, content }));
                }
            }
        }
    }

    /// What follows a marker, when [`Self::at`] is at its second byte.
    fn content(&mut self) -> Option<&'a [u8]> {
        let start = self.at + 1;
        let &[high, low] = self.bytes.get(start..start + 2)? else { return None };
        let length = usize::from(u16::from_be_bytes([high, low])).max(2);
        let content = self.bytes.get(start + 2..start + length)?;
        self.at = start + length;
        Some(content)
    }

    /// The data of a scan, when its header was read last: without stuffed bytes, and divided where
    /// a restart is marked.
    pub(super) fn entropy_coded(&mut self) -> Result<EntropyCoded, JpegError> {
        let mut data = EntropyCoded { bytes: Vec::new(), ends: Vec::new() };
        loop {
            let rest = self.bytes.get(self.at..).unwrap_or_default();
            let plain = rest.iter().position(|&byte| byte == 0xff).unwrap_or(rest.len());
            data.bytes.extend_from_slice(&rest[..plain]);
            self.at += plain;
            match rest.get(plain + 1) {
                Some(0x00) => {
                    data.bytes.push(0xff);
                    self.at += 2;
                }
                // Padding before a marker.
                Some(0xff) => self.at += 1,
                Some(&marker @ 0xd0..=0xd7) => {
                    if usize::from(marker & 7) != data.ends.len() % 8 {
                        return Err(JpegError::Damaged("its restart markers are out of order"));
                    }
                    data.ends.push(data.bytes.len());
                    self.at += 2;
                }
                _ => {
                    data.ends.push(data.bytes.len());
                    return Ok(data);
                }
            }
        }
    }
}

/// The data of a scan.
#[derive(Debug)]
pub(super) struct EntropyCoded {
    bytes: Vec<u8>,
    /// Where the parts end, ascending.
    ends: Vec<usize>,
}

impl EntropyCoded {
    /// The part between two restarts, counted from 0.
    pub(super) fn part(&self, index: usize) -> Option<&[u8]> {
        let end = *self.ends.get(index)?;
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        self.bytes.get(start..end)
    }
}
