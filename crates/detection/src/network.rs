//! The whole network: backbone, neck, head.

use crate::blocks::{C2f, Conv, Sppf};
use crate::config::Yolov8Config;
use crate::error::{Error, Result};
use crate::head::Head;
use crate::parameters::Parameters;
use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;
use portrait_kernels::{Part, channels_last};

/// YOLOv8 for detection, as in Ultralytics' `yolov8.yaml`.
///
/// It owns its weights and nothing else: calls may come from several threads at once.
#[derive(Debug)]
pub struct Yolov8 {
    config: Yolov8Config,
    dtype: DType,
    device: Device,
    backbone: Backbone,
    neck: Neck,
    head: Head,
}

impl Yolov8 {
    /// Builds the network from the parameters below `vb`, by Ultralytics' names or those of
    /// candle's example (see [`Naming`](crate::Naming)); files in F16, BF16 and F32 serve alike.
    ///
    /// It runs on the device and in the type of `vb`; on a CPU, F32 is the fast one. The batch
    /// normalisation is folded into the convolutions.
    ///
    /// # Errors
    /// [`Error::InvalidConfig`]; [`Error::Weights`] naming a tensor that is missing, has another
    /// shape, or holds values that are not finite.
    pub fn new(config: &Yolov8Config, vb: &VarBuilder<'_>) -> Result<Self> {
        config.check()?;
        let parameters = Parameters::new(vb.clone());
        Self::build(config, &parameters).map_err(Error::Weights)
    }

    fn build(config: &Yolov8Config, parameters: &Parameters<'_>) -> candle_core::Result<Self> {
        let model = parameters.at("model");
        Ok(Self {
            config: *config,
            dtype: parameters.dtype(),
            device: parameters.device().clone(),
            backbone: Backbone::load(config, &model)?,
            neck: Neck::load(config, &model)?,
            head: Head::load(
                &model.at(22),
                [256, 512, 1024].map(|base| config.channels(base)),
                config.classes,
            )?,
        })
    }

    /// What the network was built from.
    pub fn config(&self) -> &Yolov8Config {
        &self.config
    }

    /// The device it runs on.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// The type it runs in.
    pub fn dtype(&self) -> DType {
        self.dtype
    }

    /// Runs the network on `(batch, 3, height, width)`: RGB in 0 to 1, sides multiples of 32.
    ///
    /// The input is converted to the type of the network and must lie on its device. The output
    /// is `(batch, 4 + classes, anchors)` in f32: centre x, centre y, width and height of a box in
    /// input pixels, then the probability of each class from 0 to 1. There is an anchor for each
    /// 8×8, 16×16 and 32×32 pixels, in this order, row by row.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] for another shape, [`Error::Run`] where the device fails.
    pub fn forward(&self, images: &Tensor) -> Result<Tensor> {
        let fits = |side: usize| side > 0 && side.is_multiple_of(32);
        match *images.dims() {
            [batch, 3, height, width] if batch > 0 && fits(height) && fits(width) => {}
            _ => return Err(Error::InvalidInput { shape: images.dims().to_vec() }),
        }
        let run = || {
            // Channels last from here on.
            let images = channels_last(&images.to_dtype(self.dtype)?)?;
            let features = self.backbone.forward(&images)?;
            self.head.forward(&self.neck.forward(features)?)
        };
        run().map_err(Error::Run)
    }
}

/// Layers 0 to 9.
#[derive(Debug)]
struct Backbone {
    to_2: Conv,
    to_4: Conv,
    at_4: C2f,
    to_8: Conv,
    at_8: C2f,
    to_16: Conv,
    at_16: C2f,
    to_32: Conv,
    at_32: C2f,
    pyramid: Sppf,
}

impl Backbone {
    fn load(config: &Yolov8Config, model: &Parameters<'_>) -> candle_core::Result<Self> {
        let [c2, c4, c8, c16, c32] = [64, 128, 256, 512, 1024].map(|base| config.channels(base));
        let (few, many) = (config.repeats(3), config.repeats(6));
        let halve = |layer: usize, channels| Conv::load(&model.at(layer), channels, 3, 2);
        let stage = |layer: usize, c, repeats| C2f::load(&model.at(layer), [c, c], repeats, true);
        Ok(Self {
            to_2: halve(0, [3, c2])?,
            to_4: halve(1, [c2, c4])?,
            at_4: stage(2, c4, few)?,
            to_8: halve(3, [c4, c8])?,
            at_8: stage(4, c8, many)?,
            to_16: halve(5, [c8, c16])?,
            at_16: stage(6, c16, many)?,
            to_32: halve(7, [c16, c32])?,
            at_32: stage(8, c32, few)?,
            pyramid: Sppf::load(&model.at(9), c32)?,
        })
    }

    /// Feature maps at 1/8, 1/16 and 1/32.
    fn forward(&self, x: &Tensor) -> candle_core::Result<[Tensor; 3]> {
        let x = self.at_4.forward(&[(&self.to_4.forward(&self.to_2.forward(x)?)?).into()])?;
        let at_8 = self.at_8.forward(&[(&self.to_8.forward(&x)?).into()])?;
        let at_16 = self.at_16.forward(&[(&self.to_16.forward(&at_8)?).into()])?;
        let at_32 = self.at_32.forward(&[(&self.to_32.forward(&at_16)?).into()])?;
        Ok([at_8, at_16, self.pyramid.forward(&at_32)?])
    }
}

/// Layers 10 to 21: down the pyramid and up again.
#[derive(Debug)]
struct Neck {
    down_16: C2f,
    down_8: C2f,
    to_16: Conv,
    up_16: C2f,
    to_32: Conv,
    up_32: C2f,
}

impl Neck {
    fn load(config: &Yolov8Config, model: &Parameters<'_>) -> candle_core::Result<Self> {
        let [c8, c16, c32] = [256, 512, 1024].map(|base| config.channels(base));
        let repeats = config.repeats(3);
        let stage = |layer: usize, channels| C2f::load(&model.at(layer), channels, repeats, false);
        Ok(Self {
            down_16: stage(12, [c32 + c16, c16])?,
            down_8: stage(15, [c16 + c8, c8])?,
            to_16: Conv::load(&model.at(16), [c8, c8], 3, 2)?,
            up_16: stage(18, [c8 + c16, c16])?,
            to_32: Conv::load(&model.at(19), [c16, c16], 3, 2)?,
            up_32: stage(21, [c16 + c32, c32])?,
        })
    }

    fn forward(&self, [p8, p16, p32]: [Tensor; 3]) -> candle_core::Result<[Tensor; 3]> {
        let x16 = self.down_16.forward(&[Part::doubled(&p32), (&p16).into()])?;
        let y8 = self.down_8.forward(&[Part::doubled(&x16), (&p8).into()])?;
        let y16 = self.up_16.forward(&[(&self.to_16.forward(&y8)?).into(), (&x16).into()])?;
        let y32 = self.up_32.forward(&[(&self.to_32.forward(&y16)?).into(), (&p32).into()])?;
        Ok([y8, y16, y32])
    }
}
