//! Parts of images.

/// Some pixels of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Region {
    /// The first column.
    pub x: usize,
    /// The first row.
    pub y: usize,
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
}

impl Region {
    /// All that is inside an image of this size.
    pub(super) fn within(self, [height, width]: [usize; 2]) -> Self {
        let side = |start: usize, length: usize, limit: usize| {
            let start = start.min(limit);
            (start, length.min(limit - start))
        };
        let (x, width) = side(self.x, self.width, width);
        let (y, height) = side(self.y, self.height, height);
        Self { x, y, width, height }
    }

    /// Whether all pixels of the other one are in this one.
    pub(super) fn covers(self, other: Self) -> bool {
        let side = |start: usize, length: usize, from: usize, count: usize| {
            start <= from && from + count <= start.saturating_add(length)
        };
        other.width * other.height == 0
            || side(self.x, self.width, other.x, other.width)
                && side(self.y, self.height, other.y, other.height)
    }

    /// As the kernels read it.
    pub(super) fn numbers(self) -> [usize; 4] {
        [self.x, self.y, self.width, self.height]
    }
}
