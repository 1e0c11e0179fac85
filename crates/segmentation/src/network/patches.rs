//! The image as channels: what each decoder level sees of the input.

use super::layers::conv;
use crate::config::{BirefnetConfig, PatchOrder};
use candle_core::{Result, Tensor};
use candle_nn::VarBuilder;
use portrait_kernels::Conv2d;

/// Cuts `(batch, height, width, 3)` into tiles of `h × w` pixels and makes them channels,
/// `(batch, h, w, tiles · 3)`.
///
/// The sides must be multiples of `h` and `w`.
pub(super) fn image_to_patches(
    image: &Tensor,
    [h, w]: [usize; 2],
    order: PatchOrder,
) -> Result<Tensor> {
    let (batch, height, width, colours) = image.dims4()?;
    let (rows, columns) = (height / h, width / w);
    let axes = match order {
        PatchOrder::ColourSlowest => vec![0, 2, 4, 5, 1, 3],
        PatchOrder::ColourFastest => vec![0, 2, 4, 3, 1, 5],
    };
    image.reshape(&[batch, rows, h, columns, w, colours][..])?.permute(axes)?.reshape((
        batch,
        h,
        w,
        colours * rows * columns,
    ))
}

/// Two convolutions with nothing between them (`SimpleConvs`).
#[derive(Debug)]
pub(super) struct PatchBlock {
    conv1: Conv2d,
    conv_out: Conv2d,
    order: PatchOrder,
}

impl PatchBlock {
    /// A block for tiles of a `grid × grid` cut.
    pub(super) fn new(
        config: &BirefnetConfig,
        grid: usize,
        output: usize,
        vb: &VarBuilder<'_>,
    ) -> Result<Self> {
        let inter = config.patch_inter_channels;
        Ok(Self {
            conv1: conv(&vb.pp("conv1"), [3 * grid * grid, inter], 3)?,
            conv_out: conv(&vb.pp("conv_out"), [inter, output], 3)?,
            order: config.patch_order,
        })
    }

    /// What the level with maps of this size gets from the image.
    pub(super) fn forward(&self, image: &Tensor, size: [usize; 2]) -> Result<Tensor> {
        let patches = image_to_patches(image, size, self.order)?;
        self.conv_out.forward(&self.conv1.forward(&patches)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    /// Each value tells its colour, row and column: 100·colour + 10·row + column.
    #[test]
    fn the_order_of_the_channels() {
        let image: Vec<f32> =
            (0..4 * 6 * 3).map(|i| (100 * (i % 3) + 10 * (i / 18) + i / 3 % 6) as f32).collect();
        let image = Tensor::from_vec(image, (1, 4, 6, 3), &Device::Cpu).unwrap();
        // Tiles of 2×2: two rows and three columns of tiles. The corner names the tile.
        let corners = |order| {
            let patches = image_to_patches(&image, [2, 2], order).unwrap();
            assert_eq!(patches.dims(), [1, 2, 2, 18]);
            let values: Vec<f32> = patches.flatten_all().unwrap().to_vec1().unwrap();
            values[..18].to_vec()
        };
        let slowest = corners(PatchOrder::ColourSlowest);
        assert_eq!(slowest[..7], [0.0, 2.0, 4.0, 20.0, 22.0, 24.0, 100.0]);
        let fastest = corners(PatchOrder::ColourFastest);
        assert_eq!(fastest[..7], [0.0, 100.0, 200.0, 20.0, 120.0, 220.0, 2.0]);
    }
}
