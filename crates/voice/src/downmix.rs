//! One channel of several. The mean is taken, but where that cancels the voice: a balanced cable in
//! a stereo socket, or a plug of the wrong polarity, gives channels that are opposed.

/// Length of the stretches that are judged, in seconds.
const STRETCH: f64 = 0.25;
/// Samples per second that suffice to compare channels: voices are below half of it, about.
const ENOUGH: u32 = 24_000;
/// A way of mixing loses a stretch where less than this is left, as a share of the energy that the
/// mean would have were the loudest channel alone.
const LEAST: f64 = 0.5;
/// Share of the whole energy that the mean may lose.
const MAY_BE_LOST: f64 = 0.1;

/// What is known of how channels go together: the covariances of each stretch. They tell nothing of
/// constant offsets, which are no sound.
#[derive(Debug)]
pub(crate) struct Likeness {
    channels: usize,
    stride: usize,
    per_stretch: usize,
    frames: usize,
    sums: Vec<f64>,
    products: Vec<f64>,
    /// Square matrices, one after the other.
    covariances: Vec<f64>,
}

impl Likeness {
    pub(crate) fn new(channels: usize, sample_rate: u32) -> Likeness {
        let stride = (sample_rate / ENOUGH).max(1) as usize;
        let per_stretch = (f64::from(sample_rate) * STRETCH / stride as f64).ceil().max(1.0);
        Likeness {
            channels,
            stride,
            per_stretch: per_stretch as usize,
            frames: 0,
            sums: vec![0.0; channels],
            products: vec![0.0; channels * channels],
            covariances: Vec::new(),
        }
    }

    /// Takes note of interleaved samples. Where the number of channels changes on the way, as it may
    /// in MP3, nothing can be said of them all.
    pub(crate) fn add(&mut self, channels: usize, samples: &[f32]) {
        if channels != self.channels {
            self.channels = 0;
        }
        if self.channels < 2 {
            return;
        }
        for frame in samples.chunks_exact(self.channels).step_by(self.stride) {
            for (one, sample) in frame.iter().enumerate() {
                let sample = f64::from(*sample);
                self.sums[one] += sample;
                let row = &mut self.products[one * self.channels..][..=one];
                for (product, other) in row.iter_mut().zip(frame) {
                    *product += sample * f64::from(*other);
                }
            }
            self.frames += 1;
            if self.frames == self.per_stretch {
                self.close();
            }
        }
    }

    /// Ends a stretch.
    fn close(&mut self) {
        if self.frames == 0 {
            return;
        }
        let (count, channels) = (self.frames as f64, self.channels);
        for one in 0..channels {
            for other in 0..channels {
                let product = self.products[one.max(other) * channels + one.min(other)];
                self.covariances.push(product - self.sums[one] * self.sums[other] / count);
            }
        }
        self.frames = 0;
        self.sums.fill(0.0);
        self.products.fill(0.0);
    }

    /// The weight of each channel, where another way than the mean carries the voice.
    pub(crate) fn weights(mut self) -> Option<Vec<f32>> {
        // Less than a stretch is too little to judge by.
        if self.channels < 2 || self.covariances.is_empty() {
            return None;
        }
        self.close();
        let count = self.channels;
        let total: f64 = self.stretches().map(|stretch| loudest(stretch, count).1).sum();
        let mean = vec![1.0 / count as f64; count];
        let by_mean = self.lost(&mean);
        if by_mean <= MAY_BE_LOST * total {
            return None;
        }
        // Those that are opposed to the loudest one turned over; else one channel alone.
        let alone = (0..count).map(|channel| {
            (0..count).map(|other| if other == channel { 1.0 } else { 0.0 }).collect::<Vec<f64>>()
        });
        let mut best: Option<(f64, Vec<f64>)> = None;
        for weights in std::iter::once(self.turned(&mean)).chain(alone) {
            let lost = self.lost(&weights);
            if lost < best.as_ref().map_or(by_mean, |(least, _)| *least) {
                best = Some((lost, weights));
            }
        }
        best.map(|(_, weights)| weights.into_iter().map(|weight| weight as f32).collect())
    }

    fn stretches(&self) -> std::slice::ChunksExact<'_, f64> {
        self.covariances.chunks_exact(self.channels * self.channels)
    }

    /// Energy of the stretches that weights cancel.
    fn lost(&self, weights: &[f64]) -> f64 {
        let count = self.channels;
        let share = LEAST / (count * count) as f64;
        let lost = self.stretches().map(|stretch| {
            let most = loudest(stretch, count).1;
            let rows = stretch.chunks_exact(count).zip(weights);
            let left: f64 = rows
                .map(|(row, one)| {
                    one * row.iter().zip(weights).map(|(value, other)| value * other).sum::<f64>()
                })
                .sum();
            if left < share * most { most } else { 0.0 }
        });
        lost.sum()
    }

    /// The mean, with the sign that each channel has against the loudest one where it cancels.
    fn turned(&self, mean: &[f64]) -> Vec<f64> {
        let count = self.channels;
        let mut all = vec![0.0; count * count];
        for stretch in self.stretches() {
            all.iter_mut().zip(stretch).for_each(|(sum, value)| *sum += value);
        }
        let row = loudest(&all, count).0 * count;
        let signs = all[row..row + count].iter().map(|value| if *value < 0.0 { -1.0 } else { 1.0 });
        mean.iter().zip(signs).map(|(weight, sign)| weight * sign).collect()
    }
}

/// The loudest channel and its energy.
fn loudest(covariance: &[f64], channels: usize) -> (usize, f64) {
    let energies = covariance.iter().step_by(channels + 1).copied().enumerate();
    energies.fold((0, 0.0), |best, (at, energy)| if energy > best.1 { (at, energy) } else { best })
}

/// Appends each frame in one channel, by weights or else as the mean; samples after the last whole
/// frame are left out.
pub(crate) fn mix_down(
    channels: usize,
    samples: &[f32],
    weights: Option<&[f32]>,
    mono: &mut Vec<f32>,
) {
    let frames = samples.chunks_exact(channels);
    match weights {
        _ if channels == 1 => mono.extend_from_slice(samples),
        Some(weights) => mono.extend(frames.map(|frame| {
            frame.iter().zip(weights).map(|(sample, weight)| sample * weight).sum::<f32>()
        })),
        None => {
            let share = 1.0 / channels as f32;
            mono.extend(frames.map(|frame| frame.iter().sum::<f32>() * share));
        }
    }
}
