//! The frame: what a picture measures and what it consists of.

use super::error::JpegError;

/// A colour of the picture and how finely it is sampled.
#[derive(Debug, Clone)]
pub(super) struct Component {
    pub(super) id: u8,
    /// Sampling factors, 1 to 4.
    pub(super) h: usize,
    pub(super) v: usize,
    /// Number of its quantisation table.
    pub(super) table: usize,
    /// Samples that belong to the picture.
    pub(super) width: usize,
    pub(super) height: usize,
    /// Blocks that belong to the picture.
    pub(super) blocks_wide: usize,
    pub(super) blocks_high: usize,
    /// Blocks with those that fill up the last units.
    pub(super) stride: usize,
    pub(super) rows: usize,
}

/// A frame header.
#[derive(Debug, Clone)]
pub(super) struct Frame {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) progressive: bool,
    pub(super) components: Vec<Component>,
    pub(super) max_h: usize,
    pub(super) max_v: usize,
    /// Units of all components, across and down.
    pub(super) units_wide: usize,
    pub(super) units_high: usize,
}

impl Frame {
    /// Reads a frame header (T.81, B.2.2).
    pub(super) fn new(marker: u8, content: &[u8]) -> Result<Self, JpegError> {
        let progressive = match marker {
            0xc0 | 0xc1 => false,
            0xc2 => true,
            0xc3 => return Err(JpegError::NotRead("a lossless JPEG")),
            0xc5..=0xc7 => return Err(JpegError::NotRead("a hierarchical JPEG")),
            _ => return Err(JpegError::NotRead("a JPEG with arithmetic coding")),
        };
        let impossible = JpegError::Damaged("its header is impossible");
        let &[precision, y1, y2, x1, x2, count, ref rest @ ..] = content else {
            return Err(impossible);
        };
        match precision {
            8 => {}
            12 => return Err(JpegError::NotRead("a JPEG of 12 bits")),
            _ => return Err(impossible),
        }
        let height = usize::from(u16::from_be_bytes([y1, y2]));
        let width = usize::from(u16::from_be_bytes([x1, x2]));
        if height == 0 {
            return Err(JpegError::NotRead("a JPEG that tells its height behind its pixels"));
        }
        let count = usize::from(count);
        if width == 0 || rest.len() < 3 * count {
            return Err(impossible);
        }
        if !matches!(count, 1 | 3 | 4) {
            return Err(JpegError::NotRead("a JPEG that has neither 1, 3 nor 4 colours"));
        }
        let parts = || rest.chunks_exact(3).take(count);
        let factors = |part: &[u8]| (usize::from(part[1] >> 4), usize::from(part[1] & 15));
        if parts().any(|part| {
            let (h, v) = factors(part);
            !(1..=4).contains(&h) || !(1..=4).contains(&v) || part[2] > 3
        }) {
            return Err(impossible);
        }
        let max_h = parts().map(|part| factors(part).0).max().unwrap_or(1);
        let max_v = parts().map(|part| factors(part).1).max().unwrap_or(1);
        let units_wide = width.div_ceil(8 * max_h);
        let units_high = height.div_ceil(8 * max_v);
        let components: Vec<_> = parts()
            .map(|part| {
                let (h, v) = factors(part);
                let (width, height) = ((width * h).div_ceil(max_h), (height * v).div_ceil(max_v));
                Component {
                    id: part[0],
                    h,
                    v,
                    table: usize::from(part[2]),
                    width,
                    height,
                    blocks_wide: width.div_ceil(8),
                    blocks_high: height.div_ceil(8),
                    stride: units_wide * h,
                    rows: units_high * v,
                }
            })
            .collect();
        // libjpeg does not read these either.
        if components.iter().any(|part| max_h % part.h != 0 || max_v % part.v != 0) {
            return Err(JpegError::NotRead("a JPEG whose colours are sampled at uneven steps"));
        }
        Ok(Self { width, height, progressive, components, max_h, max_v, units_wide, units_high })
    }
}
