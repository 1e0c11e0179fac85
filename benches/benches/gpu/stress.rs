//! Eight callers at once, both networks, through the scheduler: all answers are those of one caller.

use crate::Result;
use portrait_kernels::Device;
use portrait_pipeline::{CutOutOptions, DetectOptions, Devices, Photo, Pipeline};
use std::sync::Arc;
use std::time::{Duration, Instant};

const PHOTO: &[u8] = include_bytes!("../../../examples/photos/grace_hopper.jpg");
const CALLERS: usize = 8;
const TIME: Duration = Duration::from_secs(60);

pub(crate) fn run(_: &Device) -> Result<bool> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(stress())
}

async fn stress() -> Result<bool> {
    let pipeline = Pipeline::builder().devices(Devices::Cuda(vec![0])).build().await?;
    pipeline.warm_up().await?;
    let photo = Arc::new(Photo::decode(PHOTO)?);
    let want = answer(&pipeline, &photo).await?;
    let until = Instant::now() + TIME;
    let callers = (0..CALLERS).map(|_| {
        let (pipeline, photo, want) = (pipeline.clone(), photo.clone(), want.clone());
        tokio::spawn(async move {
            let (mut runs, mut wrong) = (0u32, 0u32);
            while Instant::now() < until {
                wrong += u32::from(answer(&pipeline, &photo).await? != want);
                runs += 1;
            }
            Ok::<_, Box<dyn std::error::Error + Send + Sync>>((runs, wrong))
        })
    });
    let (mut runs, mut wrong) = (0, 0);
    for caller in callers.collect::<Vec<_>>() {
        let (more, bad) = caller.await??;
        (runs, wrong) = (runs + more, wrong + bad);
    }
    println!("{runs} photos by {CALLERS} callers in {} s, {wrong} answers differ", TIME.as_secs());
    println!("{:?}", pipeline.snapshot());
    pipeline.close(Duration::MAX).await;
    Ok(wrong == 0 && runs > 0)
}

/// The persons found, and their cut-outs as PNG.
async fn answer(pipeline: &Pipeline, photo: &Photo) -> Result<(String, Vec<Vec<u8>>)> {
    let found = pipeline.detect(photo, &DetectOptions::default()).await?;
    let boxes = format!("{:?}", found.persons);
    let mut pictures = Vec::new();
    let cut_out = pipeline.cut_out(photo, &found.select_all(), &CutOutOptions::default()).await?;
    for person in cut_out {
        pictures.push(person.result?.png.to_vec());
    }
    Ok((boxes, pictures))
}
