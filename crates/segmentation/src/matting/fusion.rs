//! Two passes of blur fusion in one run down the picture: no plane of a pass ever stands in memory.
//!
//! A pass averages seven values of each pixel: alpha, the foreground's three colours times alpha, the
//! background's times what is left of it. Sums of columns move down a row at a time, and a sum of those
//! moves along the row. Sums are `f64`, so nothing drifts.

use super::window::Window;
use std::array::from_fn;

/// Keeps the divisions away from zero, as in the reference.
const EPS: f32 = 1e-5;

/// A row of each value that is averaged: alpha, weighted foreground, weighted background.
type Lines = [Vec<f32>; 7];

/// A row of each colour, 0 to 1.
type Colours = [Vec<f32>; 3];

/// The picture, its matte and the windows of the passes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fusion<'a> {
    /// Red, green and blue of each pixel.
    pub(super) photo: &'a [u8],
    pub(super) alpha: &'a [f32],
    pub(super) width: usize,
    pub(super) height: usize,
    /// Sides of the windows.
    pub(super) coarse: usize,
    pub(super) fine: usize,
}

impl Fusion<'_> {
    /// The colours of the foreground, for some rows from `first` on: `out` holds whole rows.
    #[inline(always)]
    pub(super) fn rows(&self, first: usize, out: &mut [u8]) {
        let Self { width, height, fine, .. } = *self;
        let lines = || -> Lines { from_fn(|_| vec![0.0; width]) };
        let [mut leaves, mut enters, mut means] = [lines(), lines(), lines()];
        let [mut photo, mut foreground, mut background] =
            from_fn(|_| -> Colours { from_fn(|_| vec![0.0; width]) });
        // Rows of the first pass that the second one still needs or already has.
        let room = height.min(2 * fine + 2);
        let mut ring: Vec<Lines> = (0..room).map(|_| lines()).collect();
        let mut ready = first.saturating_sub(fine);
        let mut coarse = Sums::new(self, self.coarse);
        for row in coarse.rows.at(ready) {
            self.read(row, &mut photo);
            weigh(self.alpha(row), &photo, &photo, &mut enters);
            coarse.add(&enters);
        }
        let mut second = Sums::new(self, fine);
        for (y, out) in (first..).zip(out.chunks_exact_mut(3 * width)) {
            while ready < (y + fine + 1).min(height) {
                coarse.means(&mut means);
                self.read(ready, &mut photo);
                let alpha = self.alpha(ready);
                fuse(alpha, &photo, &means, &mut foreground, &mut background);
                weigh(alpha, &foreground, &background, &mut ring[ready % room]);
                let (leaving, entering) = coarse.rows.step(ready);
                self.read(leaving, &mut photo);
                weigh(self.alpha(leaving), &photo, &photo, &mut leaves);
                self.read(entering, &mut photo);
                weigh(self.alpha(entering), &photo, &photo, &mut enters);
                coarse.step(&leaves, &enters);
                ready += 1;
            }
            if y == first {
                second.rows.at(y).for_each(|row| second.add(&ring[row % room]));
            } else {
                let (leaving, entering) = second.rows.step(y - 1);
                second.step(&ring[leaving % room], &ring[entering % room]);
            }
            second.means(&mut means);
            self.read(y, &mut photo);
            fuse(self.alpha(y), &photo, &means, &mut foreground, &mut background);
            let colours: [&[f32]; 3] = from_fn(|colour| &foreground[colour][..width]);
            for x in 0..width {
                for (colour, line) in colours.iter().enumerate() {
                    // The nearest level: the colour lies between 0 and 1.
                    out[3 * x + colour] = (line[x] * 255.0 + 0.5) as u8;
                }
            }
        }
    }

    #[inline(always)]
    fn alpha(&self, row: usize) -> &[f32] {
        &self.alpha[row * self.width..][..self.width]
    }

    #[inline(always)]
    fn read(&self, row: usize, colours: &mut Colours) {
        let photo = &self.photo[3 * row * self.width..][..3 * self.width];
        let mut lines = colours.each_mut().map(|line| &mut line[..self.width]);
        for x in 0..self.width {
            for (colour, line) in lines.iter_mut().enumerate() {
                line[x] = f32::from(photo[3 * x + colour]) * (1.0 / 255.0);
            }
        }
    }
}

/// What a pass averages.
#[inline(always)]
fn weigh(alpha: &[f32], foreground: &Colours, background: &Colours, to: &mut Lines) {
    to[0].copy_from_slice(alpha);
    for colour in 0..3 {
        for ((to, value), alpha) in to[1 + colour].iter_mut().zip(&foreground[colour]).zip(alpha) {
            *to = value * alpha;
        }
        for ((to, value), alpha) in to[4 + colour].iter_mut().zip(&background[colour]).zip(alpha) {
            *to = value * (1.0 - alpha);
        }
    }
}

/// Foreground and background of a row, from the means of a pass.
#[inline(always)]
fn fuse(
    alpha: &[f32],
    photo: &Colours,
    means: &Lines,
    foreground: &mut Colours,
    background: &mut Colours,
) {
    let (width, share) = (alpha.len(), &means[0]);
    for colour in 0..3 {
        let lines = [&photo[colour], share, &means[1 + colour], &means[4 + colour]];
        let [photo, share, inside, outside] = lines.map(|line| &line[..width]);
        let foreground = &mut foreground[colour][..width];
        let background = &mut background[colour][..width];
        for x in 0..width {
            let inside = inside[x] / (share[x] + EPS);
            let outside = outside[x] / (1.0 - share[x] + EPS);
            let residual = photo[x] - alpha[x] * inside - (1.0 - alpha[x]) * outside;
            foreground[x] = (inside + alpha[x] * residual).clamp(0.0, 1.0);
            background[x] = outside;
        }
    }
}

/// Sums under a window, a row at a time.
struct Sums {
    rows: Window,
    columns: Window,
    /// Of each column, for each plane.
    sums: [Vec<f64>; 7],
    /// How the windows' sums change behind each pixel.
    changes: [Vec<f64>; 7],
    share: f64,
}

impl Sums {
    #[inline(always)]
    fn new(fusion: &Fusion<'_>, size: usize) -> Self {
        Self {
            rows: Window::new(fusion.height, size),
            columns: Window::new(fusion.width, size),
            sums: from_fn(|_| vec![0.0; fusion.width]),
            changes: from_fn(|_| vec![0.0; fusion.width]),
            share: 1.0 / (size * size) as f64,
        }
    }

    #[inline(always)]
    fn add(&mut self, row: &Lines) {
        for (sums, row) in self.sums.iter_mut().zip(row) {
            sums.iter_mut().zip(row).for_each(|(sum, &value)| *sum += f64::from(value));
        }
    }

    /// Moves down by a row.
    #[inline(always)]
    fn step(&mut self, leaves: &Lines, enters: &Lines) {
        for ((sums, leaves), enters) in self.sums.iter_mut().zip(leaves).zip(enters) {
            for ((sum, &leaves), &enters) in sums.iter_mut().zip(leaves).zip(enters) {
                *sum += f64::from(enters) - f64::from(leaves);
            }
        }
    }

    /// The mean around each pixel of the row.
    #[inline(always)]
    fn means(&mut self, to: &mut Lines) {
        let Self { columns, sums, changes, share, .. } = self;
        let (width, inner) = (sums[0].len(), columns.inner());
        for (sums, changes) in sums.iter().zip(changes.iter_mut()) {
            for x in (0..inner.start).chain(inner.end..width) {
                let (leaves, enters) = columns.step(x);
                changes[x] = sums[enters] - sums[leaves];
            }
            if !inner.is_empty() {
                let (leaves, enters) = columns.step(inner.start);
                let pairs = sums[leaves..].iter().zip(&sums[enters..]);
                for (change, (leaves, enters)) in changes[inner.clone()].iter_mut().zip(pairs) {
                    *change = enters - leaves;
                }
            }
        }
        // All planes at once: each sum waits for the one before it.
        let mut window: [f64; 7] = from_fn(|i| columns.at(0).map(|column| sums[i][column]).sum());
        let changes: [&[f64]; 7] = from_fn(|i| &changes[i][..width]);
        let to = to.each_mut().map(|line| &mut line[..width]);
        for x in 0..width {
            for i in 0..7 {
                to[i][x] = (window[i] * *share) as f32;
                window[i] += changes[i][x];
            }
        }
    }
}
