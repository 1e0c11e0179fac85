//! Loading the networks before the first request.

use super::{Engine, Failed};
use crate::Error;
use crate::replica::Replica;
use image::RgbImage;
use portrait_detection::{DetectOptions, Detector};
use portrait_segmentation::Segmenter;

impl Engine {
    /// Loads both networks on every device. On a GPU each runs once, so that its kernels are
    /// loaded and its memory is there.
    pub(crate) async fn warm_up(&self) -> Result<(), Error> {
        let loads = (self.detection.open().await?, self.segmentation.open().await?);
        let failed = Failed::default();
        let report = failed.clone();
        let warm = move |replica: &mut Replica| {
            let on_gpu = !replica.device().is_cpu();
            let detector = replica.detector(&loads.0);
            let detected = detector.and_then(|d| if on_gpu { blank_detection(d) } else { Ok(()) });
            let segmenter = detected.and_then(|()| replica.segmenter(&loads.1));
            let warmed = segmenter.and_then(|s| if on_gpu { blank_matte(s) } else { Ok(()) });
            replica.log_memory();
            warmed.map_err(|error| report.failure(error))
        };
        match self.scheduler.warm_up(warm).await {
            Ok(()) => Ok(()),
            Err(error) => {
                let error = failed.take(error, "warm-up");
                if matches!(error, Error::Weights(_)) {
                    self.detection.forget().await;
                    self.segmentation.forget().await;
                }
                Err(error)
            }
        }
    }
}

fn blank_detection(detector: &Detector) -> Result<(), Error> {
    let side = detector.image_size();
    detector.detect(&RgbImage::new(side, side), &DetectOptions::default())?;
    Ok(())
}

fn blank_matte(segmenter: &Segmenter) -> Result<(), Error> {
    let [width, height] = segmenter.input();
    segmenter.mattes(&[RgbImage::new(width, height)])?;
    Ok(())
}
