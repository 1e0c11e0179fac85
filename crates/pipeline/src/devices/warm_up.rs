//! Loading the networks before the first request.

use super::engine::Engine;
use super::failure::{from_scheduler, to_scheduler};
use super::replica::Replica;
use crate::error::Error;
use crate::progress::Progress;
use crate::stage::Stage;
use image::RgbImage;
use portrait_detection::{DetectOptions, Detector};
use portrait_segmentation::Segmenter;

impl Engine {
    /// Loads both networks on every device. On a GPU each runs once, so that its kernels are
    /// loaded and its memory is there.
    pub(crate) async fn warm_up(&self, progress: &Progress) -> Result<(), Error> {
        let loads = (self.detection.open(progress).await?, self.segmentation.open(progress).await?);
        let warm = move |replica: &mut Replica| {
            let on_gpu = !replica.device().is_cpu();
            let detector = replica.detector(&loads.0);
            let detected = detector.and_then(|d| if on_gpu { blank_detection(d) } else { Ok(()) });
            let segmenter = detected.and_then(|()| replica.segmenter(&loads.1));
            let warmed = segmenter.and_then(|s| if on_gpu { blank_matte(s) } else { Ok(()) });
            replica.log_memory();
            warmed.map_err(to_scheduler)
        };
        let warmed = self.scheduler.warm_up(warm).await;
        let warmed = warmed.map_err(|error| from_scheduler(Stage::Model, error));
        if matches!(warmed, Err(Error::Weights(_))) {
            self.detection.forget().await;
            self.segmentation.forget().await;
        }
        warmed
    }
}

fn blank_detection(detector: &Detector) -> Result<(), Error> {
    let side = detector.image_size();
    detector.detect(&RgbImage::new(side, side), &DetectOptions::default())?;
    Ok(())
}

fn blank_matte(segmenter: &Segmenter) -> Result<(), Error> {
    let [width, height] = segmenter.input_size();
    segmenter.mattes(&[RgbImage::new(width, height)])?;
    Ok(())
}
