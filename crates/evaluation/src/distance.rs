//! The nearest foreground pixel of every pixel, exactly.

/// Marks a column without foreground on this side.
const NONE: usize = usize::MAX;

/// The foreground pixel that is nearest to some pixel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Nearest {
    /// Its index, row by row.
    pub(crate) pixel: usize,
    /// Square of the Euclidean distance between the two pixels' centres, in pixels.
    pub(crate) squared_distance: i64,
}

/// The nearest foreground pixel of every pixel, which for foreground is itself; `None` when there
/// is no foreground.
///
/// Of several equally near ones it is the leftmost, of these the topmost. That is the choice of
/// SciPy's `distance_transform_edt`, and metrics depend on it.
///
/// Linear in the number of pixels: first the nearest along each column, then along each row the
/// lower envelope of the parabolas over these (Maurer et al., "A Linear Time Algorithm for
/// Computing Exact Euclidean Distance Transforms", PAMI 2003).
pub(crate) fn nearest_foreground(
    mask: &[bool],
    width: usize,
    height: usize,
) -> Option<Vec<Nearest>> {
    if !mask.contains(&true) {
        return None;
    }
    let below = next_below(mask, width, height);
    let mut above = vec![NONE; width];
    let mut sites: Vec<Site> = Vec::with_capacity(width);
    let mut nearest = Vec::with_capacity(mask.len());
    for y in 0..height {
        sites.clear();
        for x in 0..width {
            if mask[y * width + x] {
                above[x] = y;
            }
            if let Some(site) = Site::new(x, y, above[x], below[y * width + x]) {
                while let [.., a, b] = sites[..]
                    && b.is_hidden(&a, &site)
                {
                    sites.pop();
                }
                sites.push(site);
            }
        }
        let mut current = 0;
        for x in 0..width {
            // A foreground pixel somewhere gives every row at least one site.
            let mut squared_distance = sites[current].squared_distance(x);
            while let Some(next) = sites.get(current + 1)
                && next.squared_distance(x) < squared_distance
            {
                squared_distance = next.squared_distance(x);
                current += 1;
            }
            let site = sites[current];
            nearest.push(Nearest { pixel: site.row * width + site.column, squared_distance });
        }
    }
    Some(nearest)
}

/// For every pixel the row of the next foreground pixel in its column, itself or below.
fn next_below(mask: &[bool], width: usize, height: usize) -> Vec<usize> {
    let mut rows = vec![NONE; mask.len()];
    let mut next = vec![NONE; width];
    for y in (0..height).rev() {
        for x in 0..width {
            if mask[y * width + x] {
                next[x] = y;
            }
            rows[y * width + x] = next[x];
        }
    }
    rows
}

/// The foreground pixel of one column that is nearest to the row in work.
#[derive(Debug, Clone, Copy)]
struct Site {
    column: usize,
    row: usize,
    /// Square of its distance to the row.
    height: i64,
}

impl Site {
    fn new(column: usize, y: usize, above: usize, below: usize) -> Option<Self> {
        let row = match (above, below) {
            (NONE, NONE) => return None,
            (NONE, below) => below,
            (above, NONE) => above,
            (above, below) if y - above <= below - y => above,
            (_, below) => below,
        };
        let offset = y.abs_diff(row) as i64;
        Some(Self { column, row, height: offset * offset })
    }

    fn squared_distance(&self, x: usize) -> i64 {
        let offset = self.column.abs_diff(x) as i64;
        offset * offset + self.height
    }

    /// Whether at every point of the row `before` or `after` is nearer.
    fn is_hidden(&self, before: &Self, after: &Self) -> bool {
        let a = (self.column - before.column) as i64;
        let b = (after.column - self.column) as i64;
        let c = a + b;
        c * self.height - b * before.height - a * after.height > a * b * c
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By trying all, leftmost column first.
    fn by_brute_force(mask: &[bool], width: usize, height: usize) -> Option<Vec<Nearest>> {
        let nearest = |at: usize| {
            (0..width)
                .flat_map(|x| (0..height).map(move |y| (x, y)))
                .filter(|(x, y)| mask[y * width + x])
                .map(|(x, y)| {
                    let (dx, dy) = (x.abs_diff(at % width) as i64, y.abs_diff(at / width) as i64);
                    Nearest { pixel: y * width + x, squared_distance: dx * dx + dy * dy }
                })
                .min_by_key(|nearest| nearest.squared_distance)
        };
        (0..width * height).map(nearest).collect()
    }

    #[test]
    fn equals_brute_force_on_random_masks() {
        let mut state = 1_u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state >> 16
        };
        let mut masks = 0;
        for (width, height) in [(1, 1), (1, 17), (19, 1), (8, 8), (13, 6), (7, 21), (24, 16)] {
            for one_in in [1, 2, 5, 20, 150] {
                for _ in 0..12 {
                    let mask: Vec<bool> =
                        (0..width * height).map(|_| next() % one_in == 0).collect();
                    let expected = by_brute_force(&mask, width, height);
                    assert_eq!(nearest_foreground(&mask, width, height), expected, "{mask:?}");
                    masks += usize::from(expected.is_some());
                }
            }
        }
        assert!(masks > 250, "only {masks} masks had foreground");
    }

    #[test]
    fn of_equally_near_pixels_the_leftmost_and_topmost_counts() {
        // Foreground in the four corners of 3 x 3 pixels.
        let mask = [true, false, true, false, false, false, true, false, true];
        let nearest = nearest_foreground(&mask, 3, 3).unwrap();
        let pixels: Vec<usize> = nearest.iter().map(|nearest| nearest.pixel).collect();
        assert_eq!(pixels, [0, 0, 2, 0, 0, 2, 6, 6, 8]);
        assert_eq!(nearest[4].squared_distance, 2);
        assert_eq!(nearest_foreground(&[false; 9], 3, 3), None);
    }
}
