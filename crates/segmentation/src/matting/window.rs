//! Which pixels a box filter covers.

use std::ops::Range;

/// The positions a window covers along one axis.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window {
    length: i64,
    before: i64,
    size: i64,
}

impl Window {
    pub(super) fn new(length: usize, size: usize) -> Self {
        Self { length: length as i64, before: (size / 2) as i64, size: size as i64 }
    }

    pub(super) fn first(&self) -> impl Iterator<Item = usize> + use<> {
        self.at(0)
    }

    pub(super) fn at(&self, position: usize) -> impl Iterator<Item = usize> + use<> {
        let start = position as i64 - self.before;
        let window = *self;
        (start..start + self.size).map(move |index| window.mirror(index))
    }

    /// What leaves and what enters when the window moves on from this position.
    pub(super) fn step(&self, position: usize) -> (usize, usize) {
        let start = position as i64 - self.before;
        (self.mirror(start), self.mirror(start + self.size))
    }

    /// Positions where neither what leaves nor what enters is mirrored.
    pub(super) fn inner(&self) -> Range<usize> {
        let start = self.before.min(self.length);
        let end = (self.length - self.size + self.before).max(start);
        start as usize..end as usize
    }

    /// The border is mirrored without repeating its pixel (`BORDER_REFLECT_101`).
    fn mirror(&self, index: i64) -> usize {
        if self.length == 1 {
            return 0;
        }
        let period = 2 * (self.length - 1);
        let index = index.rem_euclid(period);
        index.min(period - index) as usize
    }
}
