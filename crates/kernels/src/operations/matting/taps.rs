//! Which values an image's side is resized from.

/// The cubic of Catmull and Rom reaches this far.
const SUPPORT: f64 = 2.0;

/// For each new position: the first old one it takes, and the weights of `count` from there on, as
/// fast_image_resize and Pillow compute them. Where there are fewer, the last weights are 0.
#[derive(Debug)]
pub(super) struct Taps {
    pub(super) first: Vec<u32>,
    pub(super) weights: Vec<f32>,
    pub(super) count: usize,
}

impl Taps {
    /// From one length to another. A side that gets smaller is averaged over what a new pixel
    /// covers.
    pub(super) fn catmull_rom(from: usize, to: usize) -> Self {
        let scale = from as f64 / to as f64;
        let stretch = scale.max(1.0);
        let radius = SUPPORT * stretch;
        let count = (2.0 * radius).ceil() as usize + 1;
        let (mut first, mut weights) = (Vec::with_capacity(to), Vec::with_capacity(to * count));
        for position in 0..to {
            let centre = (position as f64 + 0.5) * scale;
            let start = (centre - radius).floor().max(0.0) as usize;
            let end = ((centre + radius).ceil() as usize).min(from);
            let values = (start..end).map(|at| catmull_rom((at as f64 + 0.5 - centre) / stretch));
            let values: Vec<f64> = values.collect();
            let sum: f64 = values.iter().sum();
            first.push(start as u32);
            weights.extend(values.iter().map(|value| (value / sum) as f32));
            weights.resize(first.len() * count, 0.0);
        }
        Self { first, weights, count }
    }
}

fn catmull_rom(x: f64) -> f64 {
    let x = x.abs();
    if x < 1.0 {
        (1.5 * x - 2.5) * x * x + 1.0
    } else if x < 2.0 {
        ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_add_up_and_the_same_size_is_the_identity() {
        for (from, to) in [(10, 10), (7, 30), (64, 9), (1, 5), (5, 1)] {
            let taps = Taps::catmull_rom(from, to);
            assert_eq!((taps.first.len(), taps.weights.len()), (to, to * taps.count));
            for (position, weights) in taps.weights.chunks(taps.count).enumerate() {
                assert!((weights.iter().sum::<f32>() - 1.0).abs() < 1e-6, "{from} to {to}");
                let last = weights.iter().rposition(|&weight| weight != 0.0).unwrap();
                assert!(taps.first[position] as usize + last < from);
                if from == to {
                    let own = position - taps.first[position] as usize;
                    assert_eq!(weights[own], 1.0);
                    assert_eq!(weights.iter().filter(|&&weight| weight != 0.0).count(), 1);
                }
            }
        }
    }
}
