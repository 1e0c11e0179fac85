//! Reproducible mattes and boxes; `tests/reference/make.py` makes the same.
#![allow(dead_code, reason = "each test program uses a part")]

use portrait_evaluation::BoundingBox;

/// Value of a field where it is 1.
const TOP: i64 = 65535;

/// Numerical Recipes' generator; the upper bits are used.
pub(crate) struct Noise(pub(crate) u32);

impl Noise {
    /// 24 bits.
    pub(crate) fn next(&mut self) -> u32 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        self.0 >> 8
    }

    pub(crate) fn below(&mut self, n: u32) -> u32 {
        self.next() % n
    }
}

/// A size, and integer fields of that size from 0 to `TOP`.
#[derive(Clone, Copy)]
pub(crate) struct Fields {
    pub(crate) width: usize,
    pub(crate) height: usize,
}

impl Fields {
    fn each(self, value: impl FnMut((i64, i64)) -> i64) -> Vec<i64> {
        let (width, height) = (self.width as i64, self.height as i64);
        (0..height).flat_map(|y| (0..width).map(move |x| (x, y))).map(value).collect()
    }

    /// Middle, radius and half width of the edge in half pixels.
    pub(crate) fn disc(self, cx: i64, cy: i64, r: i64, soft: i64) -> Vec<i64> {
        self.each(|(x, y)| {
            let d = (2 * x + 1 - cx).pow(2) + (2 * y + 1 - cy).pow(2);
            let edge = 4 * r * soft;
            match edge {
                0 => TOP * i64::from(d <= r * r),
                _ => (r * r - d + edge / 2).clamp(0, edge) * TOP / edge,
            }
        })
    }

    pub(crate) fn ramp(self) -> Vec<i64> {
        self.each(|(x, _)| TOP * x / (self.width as i64 - 1))
    }

    pub(crate) fn noise(self, seed: u32) -> Vec<i64> {
        let mut noise = Noise(seed);
        self.each(|_| i64::from(noise.next() >> 8))
    }

    pub(crate) fn flat(self, value: i64) -> Vec<i64> {
        self.each(|_| value)
    }
}

/// Numbers from 0 to 1; none is one half.
pub(crate) fn values(field: &[i64]) -> Vec<f32> {
    field.iter().map(|&value| value as f32 / TOP as f32).collect()
}

fn mixed(a: &[i64], b: &[i64]) -> Vec<i64> {
    a.iter().zip(b).map(|(a, b)| (3 * a + b) / 4).collect()
}

/// A matte and its truth.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) matte: Vec<f32>,
    pub(crate) truth: Vec<f32>,
}

pub(crate) fn matte_cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let mut add = |name, f: Fields, matte: Vec<i64>, truth: Vec<i64>| {
        let (matte, truth) = (values(&matte), values(&truth));
        cases.push(Case { name, width: f.width, height: f.height, matte, truth });
    };
    let f = Fields { width: 64, height: 64 };
    add("soft edge", f, f.disc(64, 64, 40, 6), f.disc(64, 64, 40, 0));
    let f = Fields { width: 63, height: 47 };
    add("shifted", f, f.disc(70, 44, 32, 3), f.disc(60, 50, 30, 0));
    let f = Fields { width: 97, height: 40 };
    add("ramp, wide", f, f.ramp(), f.disc(120, 40, 30, 0));
    let f = Fields { width: 33, height: 90 };
    let noisy = mixed(&f.disc(33, 90, 28, 4), &f.noise(1));
    add("disc and noise, tall", f, noisy, f.disc(30, 96, 26, 0));
    let f = Fields { width: 50, height: 50 };
    add("noise", f, f.noise(2), f.disc(50, 50, 30, 0));
    let f = Fields { width: 31, height: 29 };
    add("noise on noise", f, f.noise(3), f.noise(4));
    let f = Fields { width: 24, height: 18 };
    add("empty truth", f, f.noise(5), f.flat(0));
    add("empty both", f, f.flat(0), f.flat(0));
    add("full truth", f, f.ramp(), f.flat(TOP));
    add("full both", f, f.flat(TOP), f.flat(TOP));
    add("empty matte", f, f.flat(0), f.disc(24, 18, 12, 0));
    let f = Fields { width: 51, height: 38 };
    let disc = f.disc(50, 40, 30, 0);
    add("inverse", f, disc.iter().map(|value| TOP - value).collect(), disc);
    let f = Fields { width: 80, height: 60 };
    let (one, other) = (f.disc(40, 60, 28, 0), f.disc(120, 60, 24, 0));
    let two = one.iter().zip(&other).map(|(a, b)| *a.max(b)).collect();
    add("one of two", f, f.disc(40, 60, 28, 2), two);
    add("soft truth", f, f.disc(84, 58, 50, 10), f.disc(80, 60, 44, 8));
    let f = Fields { width: 45, height: 70 };
    let noisy = mixed(&f.disc(10, 130, 60, 5), &f.noise(6));
    add("at the edge", f, noisy, f.disc(0, 140, 70, 0));
    add("faint", f, f.flat(TOP / 4), f.disc(44, 70, 30, 0));
    add("one pixel", f, f.disc(41, 61, 9, 2), f.disc(41, 61, 1, 0));
    let f = Fields { width: 256, height: 192 };
    let noisy = mixed(&f.disc(270, 200, 150, 20), &f.noise(7));
    add("large", f, noisy, f.disc(256, 192, 160, 0));
    cases
}

/// Found boxes with their confidences, and true ones.
pub(crate) type Picture = (Vec<(BoundingBox, f32)>, Vec<BoundingBox>);

/// 24 pictures; found boxes lie up to half of `jitter` pixels beside the true ones.
pub(crate) fn pictures(seed: u32, jitter: u32) -> Vec<Picture> {
    let mut noise = Noise(seed);
    let bounds = |[x1, y1, x2, y2]: [f32; 4]| BoundingBox { x1, y1, x2, y2 };
    let any = |noise: &mut Noise| {
        let (x, y) = (noise.below(200), noise.below(200));
        [x, y, x + 40 + noise.below(60), y + 40 + noise.below(60)].map(|edge| edge as f32)
    };
    let picture = |_| {
        let truths: Vec<[f32; 4]> = (0..noise.below(5)).map(|_| any(&mut noise)).collect();
        let mut found = Vec::new();
        for truth in &truths {
            for _ in 0..noise.below(3) {
                let moved =
                    truth.map(|edge| edge + noise.below(jitter) as f32 - (jitter / 2) as f32);
                found.push((bounds(moved), noise.next() as f32 / (1 << 24) as f32));
            }
        }
        for _ in 0..noise.below(3) {
            let wrong = bounds(any(&mut noise));
            found.push((wrong, noise.next() as f32 / (1 << 25) as f32));
        }
        (found, truths.into_iter().map(bounds).collect())
    };
    (0..24).map(picture).collect()
}
