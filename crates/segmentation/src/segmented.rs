//! What follows the network: on a card there, else on processor cores.

use crate::cut_out::{CutOut, finish_cut_out, seen_from};
use crate::error::Error;
use crate::finite::{is_constant, is_finite};
use crate::matting::{Matte, feather_windows, mattes_from_logits};
use crate::person_crop::PersonCrop;
use candle_core::{Device, Tensor};
use image::math::Rect;
use image::{Luma, RgbaImage};
use portrait_kernels::{
    Fusion, Region, box_filter, compose, fuse_foreground, keep_person, matte_of_logits, on_card,
};

/// What a device made of a [`PersonCrop`]; holds nothing on it any more.
#[derive(Debug, Clone)]
pub struct Segmented(Made);

#[derive(Debug, Clone)]
enum Made {
    /// The network's answer, copied from the device.
    Logits(Tensor),
    /// All of it.
    Picture(RgbaImage),
}

impl Segmented {
    /// From the network's answer to the crop's input, `(1, 1, height, width)`, where it lies. On a
    /// card the crop goes there as bytes, and the cut-out comes back as bytes; from elsewhere the
    /// logits come. Returns when the device has done its work.
    ///
    /// Colours and alpha differ between the two by a level of 255 at most: all sums have digits to
    /// spare, but where a value lies between two levels, its last bit decides.
    ///
    /// # Errors
    /// [`Error::NotFinite`] if a logit is infinite or no number, [`Error::Constant`] if all are the
    /// same, as with weights of zeros, [`Error::Run`] for other shapes, or when the device fails.
    pub fn new(logits: &Tensor, crop: &PersonCrop) -> Result<Self, Error> {
        check_logits(logits)?;
        Ok(Self(if on_card(logits.device()) {
            Made::Picture(picture(logits, crop)?)
        } else {
            Made::Logits(logits.to_device(&Device::Cpu)?)
        }))
    }

    /// What is left to do, on processor cores; `crop` is that which it was made of.
    ///
    /// # Errors
    /// [`Error::Size`] for another crop, [`Error::Run`] when candle fails.
    pub fn cut_out(self, crop: &PersonCrop) -> Result<CutOut, Error> {
        let PersonCrop { photo, plan, person, others, options, .. } = crop;
        let image = match self.0 {
            Made::Logits(logits) => {
                let matte = mattes_from_logits(&logits, &[photo.dimensions()])?.swap_remove(0);
                return finish_cut_out(photo, matte, plan, *person, others, options);
            }
            Made::Picture(image) => image,
        };
        let Rect { width, height, .. } = plan.output;
        if image.dimensions() != (width, height) {
            let (expected, found) = ((width, height), image.dimensions());
            return Err(Error::Size { what: "the cut-out", expected, found });
        }
        let alpha = |x, y| Luma([f32::from(image.get_pixel(x, y)[3]) / 255.0]);
        let matte = Matte::from_fn(width, height, alpha);
        Ok(CutOut { image, matte, rect: plan.output })
    }
}

/// Whether these can be the answer of a network that looked at one picture.
pub(crate) fn check_logits(logits: &Tensor) -> Result<(), Error> {
    if !is_finite(logits)? {
        return Err(Error::NotFinite);
    }
    if is_constant(logits)? {
        return Err(Error::Constant);
    }
    Ok(())
}

/// As [`finish_cut_out`], on a card.
fn picture(logits: &Tensor, crop: &PersonCrop) -> Result<RgbaImage, Error> {
    let PersonCrop { photo, plan, person, others, options, .. } = crop;
    let (width, height) = photo.dimensions();
    let logits = logits.squeeze(0)?.squeeze(0)?;
    let mut matte = matte_of_logits(&logits, height as usize, width as usize)?;
    if let Some((person, others)) = seen_from(plan.context, *person, others) {
        let others: Vec<_> = others.into_iter().map(region).collect();
        matte = keep_person(&matte, region(person), &others)?;
    }
    let shown = match feather_windows(options.feather) {
        Some([first, second]) => box_filter(&box_filter(&matte, first)?, second)?,
        None => matte.clone(),
    };
    let shape = (height as usize, width as usize, 3);
    let photo = Tensor::from_slice(photo.as_raw(), shape, logits.device())?;
    let part = region(plan.output_in_context());
    let pixels = match options.refine {
        Some(refine) => {
            let windows = [refine.coarse, refine.fine].map(|size| size as usize);
            fuse_foreground(Fusion { photo: &photo, matte: &matte, shown: &shown, windows, part })?
        }
        None => compose(&photo, &shown, part)?,
    };
    let bytes = pixels.flatten_all()?.to_vec1::<u8>()?;
    RgbaImage::from_raw(plan.output.width, plan.output.height, bytes).ok_or(Error::EmptyImage)
}

fn region(rect: Rect) -> Region {
    let [x, y, width, height] =
        [rect.x, rect.y, rect.width, rect.height].map(|number| number as usize);
    Region { x, y, width, height }
}
