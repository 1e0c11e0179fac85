//! Rows of a component at the picture's full size, as libjpeg makes them (`jdsample.c`, "fancy"
//! upsampling).

use super::frame::{Component, Frame};

/// Samples of one component.
#[derive(Debug)]
pub(super) struct Plane {
    pub(super) samples: Vec<u8>,
    /// Samples of a row, with those that fill up the last unit.
    pub(super) stride: usize,
    width: usize,
    height: usize,
    /// How often a sample stands for one of the picture, across and down.
    across: usize,
    down: usize,
}

impl Plane {
    pub(super) fn new(frame: &Frame, component: &Component) -> Self {
        let stride = component.stride * 8;
        Self {
            samples: vec![0; stride * component.rows * 8],
            stride,
            width: component.width,
            height: component.height,
            across: frame.max_h / component.h,
            down: frame.max_v / component.v,
        }
    }

    fn line(&self, y: usize) -> &[u8] {
        &self.samples[y * self.stride..][..self.width]
    }

    /// Row `y` of the picture. `room` has space for it: twice the samples of a row and more.
    #[inline(always)]
    pub(super) fn row<'a>(&'a self, y: usize, room: &'a mut Vec<u8>) -> &'a [u8] {
        let line = self.line(y / self.down);
        // The row that is next to this one on the side of `y`.
        let beside = || {
            let at = y / 2;
            let at = if y.is_multiple_of(2) {
                at.saturating_sub(1)
            } else {
                (at + 1).min(self.height - 1)
            };
            self.line(at)
        };
        room.resize(self.width * self.across, 0);
        match (self.across, self.down) {
            (1, 1) => return line,
            (2, 1) if self.width > 2 => twice_across(line, room),
            (1, 2) => {
                let bias = 1 + (y % 2) as u16;
                for ((out, &near), &far) in room.iter_mut().zip(line).zip(beside()) {
                    *out = ((u16::from(near) * 3 + u16::from(far) + bias) >> 2) as u8;
                }
            }
            (2, 2) if self.width > 2 => twice_each(line, beside(), room),
            (across, _) => {
                for (out, &value) in room.chunks_exact_mut(across).zip(line) {
                    out.fill(value);
                }
            }
        }
        room
    }
}

#[inline(always)]
fn twice_across(line: &[u8], out: &mut [u8]) {
    let last = line.len() - 1;
    let three = |at: usize| u16::from(line[at]) * 3;
    out[0] = line[0];
    out[1] = ((three(0) + u16::from(line[1]) + 2) >> 2) as u8;
    let count = last - 1;
    let (pairs, _) = out[2..2 * last].as_chunks_mut::<2>();
    let (pairs, before) = (&mut pairs[..count], &line[..count]);
    let (here, after) = (&line[1..][..count], &line[2..][..count]);
    for at in 0..count {
        let here = u16::from(here[at]) * 3;
        let first = here + u16::from(before[at]) + 1;
        let second = here + u16::from(after[at]) + 2;
        pairs[at] = [(first >> 2) as u8, (second >> 2) as u8];
    }
    out[2 * last] = ((three(last) + u16::from(line[last - 1]) + 1) >> 2) as u8;
    out[2 * last + 1] = line[last];
}

#[inline(always)]
fn twice_each(line: &[u8], beside: &[u8], out: &mut [u8]) {
    let last = line.len() - 1;
    let sum = |at: usize| u16::from(line[at]) * 3 + u16::from(beside[at]);
    out[0] = ((sum(0) * 4 + 8) >> 4) as u8;
    out[1] = ((sum(0) * 3 + sum(1) + 7) >> 4) as u8;
    let (pairs, _) = out[2..2 * last].as_chunks_mut::<2>();
    // The sums of three neighbours move on by one each time.
    let (mut before, mut here) = (sum(0), sum(1));
    let next = line[2..].iter().zip(&beside[2..]);
    for (pair, (&near, &far)) in pairs.iter_mut().zip(next) {
        let after = u16::from(near) * 3 + u16::from(far);
        *pair = [((here * 3 + before + 8) >> 4) as u8, ((here * 3 + after + 7) >> 4) as u8];
        (before, here) = (here, after);
    }
    out[2 * last] = ((sum(last) * 3 + sum(last - 1) + 8) >> 4) as u8;
    out[2 * last + 1] = ((sum(last) * 4 + 7) >> 4) as u8;
}
