//! Which tokens of a map stand in a window.

/// The map that one call works on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Map {
    pub(super) size: [usize; 2],
    pub(super) padded: [usize; 2],
    pub(super) shift: usize,
}

/// Regions of a map whose tokens do not see each other.
pub(super) const REGIONS: usize = 9;

/// A token of a window.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    /// Its place in the map; `None` for padding.
    pub(super) token: Option<usize>,
    /// Below [`REGIONS`].
    pub(super) region: u8,
}

impl Map {
    /// The tokens of a window of the padded and shifted map.
    pub(super) fn places(&self, window: usize, at: [usize; 2]) -> Vec<Place> {
        let position = |axis: usize, i: usize| {
            let shifted = at[axis] * window + i;
            ((shifted + self.shift) % self.padded[axis], self.region(axis, window, shifted))
        };
        let mut places = Vec::with_capacity(window * window);
        for i in 0..window {
            let (y, row) = position(0, i);
            for j in 0..window {
                let (x, column) = position(1, j);
                let [height, width] = self.size;
                let token = (y < height && x < width).then_some(y * width + x);
                places.push(Place { token, region: 3 * row + column });
            }
        }
        places
    }

    /// After the shift, tokens from opposite ends of the map share a window: the padded map falls
    /// into regions `[0, −window)`, `[−window, −shift)` and `[−shift, end)` along both axes. A
    /// window that is the whole map is divided too, as in the official code.
    fn region(&self, axis: usize, window: usize, shifted: usize) -> u8 {
        let side = self.padded[axis];
        match shifted {
            _ if self.shift == 0 || shifted < side - window => 0,
            _ if shifted < side - self.shift => 1,
            _ => 2,
        }
    }
}
