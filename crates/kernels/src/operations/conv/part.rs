//! Maps whose channels stand beside each other in a convolution's input.

use candle_core::{Result, Tensor, bail};

/// A map `(batch, height, width, channels)` that gives a convolution some of its input channels,
/// see [`Conv2d::forward_parts`](crate::Conv2d::forward_parts).
#[derive(Debug, Clone, Copy)]
pub struct Part<'a> {
    map: &'a Tensor,
    doubled: bool,
}

impl<'a> From<&'a Tensor> for Part<'a> {
    fn from(map: &'a Tensor) -> Self {
        Self { map, doubled: false }
    }
}

impl<'a> Part<'a> {
    /// The map at twice its height and width, each pixel repeated.
    pub fn doubled(map: &'a Tensor) -> Self {
        Self { map, doubled: true }
    }

    pub(super) fn map(&self) -> &'a Tensor {
        self.map
    }

    pub(super) fn is_doubled(&self) -> bool {
        self.doubled
    }

    /// Batch, height, width and channels.
    fn size(&self) -> Result<[usize; 4]> {
        let (batch, height, width, channels) = self.map.dims4()?;
        let scale = if self.doubled { 2 } else { 1 };
        Ok([batch, scale * height, scale * width, channels])
    }

    /// Batch, height, width and channels of all parts together.
    ///
    /// # Errors
    /// If they do not fit each other or there is none.
    pub(super) fn joined_size(parts: &[Self]) -> Result<[usize; 4]> {
        let Some((first, rest)) = parts.split_first() else {
            bail!("conv2d: no map to convolve");
        };
        let mut size = first.size()?;
        for part in rest {
            let other = part.size()?;
            if other[..3] != size[..3] {
                bail!("conv2d: maps of {size:?} and {other:?} do not lie beside each other");
            }
            size[3] += other[3];
        }
        Ok(size)
    }

    /// One map of all channels.
    pub(super) fn join(parts: &[Self]) -> Result<Tensor> {
        let maps = parts.iter().map(Self::whole).collect::<Result<Vec<_>>>()?;
        match &maps[..] {
            [map] => Ok(map.clone()),
            maps => Tensor::cat(maps, 3),
        }
    }

    fn whole(&self) -> Result<Tensor> {
        if !self.doubled {
            return Ok(self.map.clone());
        }
        let (batch, height, width, channels) = self.map.dims4()?;
        self.map
            .reshape((batch, height, 1, width, 1, channels))?
            .broadcast_as((batch, height, 2, width, 2, channels))?
            .reshape((batch, 2 * height, 2 * width, channels))
    }
}
