//! What the operations of this folder ask of their tensors.

use super::region::Region;
use crate::cuda::on_card;
use candle_core::{DType, Result, Tensor, bail};

/// Height and width of an image on a card.
pub(super) fn image(op: &str, x: &Tensor) -> Result<[usize; 2]> {
    let (height, width) = x.dims2()?;
    if !on_card(x.device()) {
        bail!("{op}: works on an NVIDIA card, not on {:?}", x.device().location());
    }
    if height * width == 0 {
        bail!("{op}: an image of {height}x{width}");
    }
    Ok([height, width])
}

/// The same of a matte, in single precision.
pub(super) fn matte_size(op: &str, x: &Tensor) -> Result<[usize; 2]> {
    if x.dtype() != DType::F32 {
        bail!("{op}: a matte of {:?}, not F32", x.dtype());
    }
    image(op, x)
}

/// The size of a photo and its mattes, which have the part.
pub(super) fn check_part(
    op: &str,
    photo: &Tensor,
    mattes: &[&Tensor],
    part: Region,
) -> Result<[usize; 2]> {
    let (height, width, channels) = photo.dims3()?;
    if channels != 3 {
        bail!("{op}: a photo of {channels} channels, not 3");
    }
    for matte in mattes {
        let found = matte_size(op, matte)?;
        if found != [height, width] {
            bail!("{op}: a matte of {found:?} for a photo of {:?}", [height, width]);
        }
    }
    if part != part.within([height, width]) || part.width * part.height == 0 {
        bail!("{op}: {part:?} of a photo of {:?}", [height, width]);
    }
    Ok([height, width])
}

/// The largest window that the kernels count in.
const MOST: usize = 1 << 24;

pub(super) fn check_window(size: usize) -> Result<()> {
    if (1..=MOST).contains(&size) {
        return Ok(());
    }
    bail!("a window of {size} pixels: on a card, windows have 1 to {MOST}")
}
