//! What a convolution on a CPU reads, and how.

use super::lines::Lines;
use super::params::Conv2dParams;
use super::part::Part;
use super::patches::{Gathered, Geometry, Patches, Source};
use crate::cpu::matmul::{Dense, Operand};
use crate::cpu::view::{hold, in_rows};
use candle_core::{Result, Shape, bail};

/// Channels below which the values around a pixel are copied side by side first: short pieces would
/// cost more than the copy.
const FEW_CHANNELS: usize = 12;

/// Channels below which a line of taps is better one piece than several.
const SHORT_PIECES: usize = 48;

/// What a convolution reads, and the shape of what it makes of it.
pub(super) struct Input<'a> {
    pub(super) sources: Vec<Source<'a>>,
    pub(super) geometry: Geometry,
    group_in: usize,
    pub(super) zeros: &'a [f32],
    pub(super) out: Shape,
}

impl Input<'_> {
    /// Hands the input of these maps, for a weight of this shape, to `work`. `zeros` are as many as
    /// the weight has input channels.
    ///
    /// # Errors
    /// If the maps do not fit the weight or each other.
    pub(super) fn with<T>(
        parts: &[Part<'_>],
        shape: [usize; 4],
        params: Conv2dParams,
        zeros: &[f32],
        work: impl FnOnce(Input<'_>) -> Result<T>,
    ) -> Result<T> {
        let [batch, height, width, channels] = Part::joined_size(parts)?;
        let [out, group_in, kernel_h, kernel_w] = shape;
        let groups = params.groups;
        if channels != group_in * groups {
            bail!("conv2d: {channels} input channels for a weight of {shape:?}");
        }
        let geometry = Geometry::new(batch, [height, width], [kernel_h, kernel_w], params)?;
        let [out_h, out_w] = geometry.out;
        let out = Shape::from((batch, out_h, out_w, out));
        // Groups would cut through parts.
        let joined = if groups > 1 { Some(Part::join(parts)?) } else { None };
        let joined = joined.as_ref().map(|map| [Part::from(map)]);
        let parts = joined.as_ref().map_or(parts, |joined| joined);
        let maps = parts.iter().map(|part| in_rows(part.map())).collect::<Result<Vec<_>>>()?;
        let held: Vec<_> = maps.iter().map(|map| hold("conv2d", map)).collect();
        let sources = held
            .iter()
            .zip(parts)
            .map(|(held, part)| Ok(Source { view: held.view()?, shift: part.is_doubled().into() }));
        let sources = sources.collect::<Result<_>>()?;
        work(Input { sources, geometry, group_in, zeros, out })
    }

    /// The rows of the product that computes a group of channels.
    pub(super) fn operand(&self, group: usize) -> Box<dyn Operand + '_> {
        let mut sources = self.sources.clone();
        if let [source] = &mut sources[..] {
            source.view = source.view.columns(group * self.group_in, self.group_in);
            if self.geometry.is_pointwise() && source.shift == 0 {
                return Box::new(Dense::new(source.view));
            }
            if self.group_in < SHORT_PIECES
                && let Some(lines) = Lines::new(&self.geometry, *source, self.zeros)
            {
                return Box::new(lines);
            }
        }
        let patches = Patches::new(&self.geometry, sources, self.zeros);
        if self.group_in < FEW_CHANNELS {
            Box::new(Gathered::new(patches))
        } else {
            Box::new(patches)
        }
    }
}
