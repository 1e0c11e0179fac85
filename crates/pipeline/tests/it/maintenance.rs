//! Devices that an operator takes out of work and brings back.

use portrait_pipeline::{Code, DetectOptions, Photo, Pipeline};
use std::time::Duration;

/// Whether somebody is found in a photo.
async fn works(pipeline: &Pipeline) -> Result<usize, Code> {
    let file = portrait_test_support::repository_root().join("examples/photos/grace_hopper.jpg");
    let photo = Photo::decode(std::fs::read(file).unwrap()).unwrap();
    let found = pipeline.detect(&photo, &DetectOptions::default()).await;
    found.map(|found| found.persons.len()).map_err(|error| error.code())
}

#[tokio::test]
async fn a_drained_device_takes_nothing_until_it_is_restored() {
    let pipeline = Pipeline::builder().build().await.unwrap();
    let name = pipeline.snapshot().devices[0].name.clone();
    let error = pipeline.drain_device("cuda:7").await.unwrap_err();
    assert_eq!(error.code(), Code::InvalidOption);
    assert_eq!(error.to_string(), "device = cuda:7: one of cpu");
    let error = pipeline.restore_device("cuda:7").await.unwrap_err();
    assert_eq!(error.code(), Code::InvalidOption);

    assert!(works(&pipeline).await.is_ok());
    pipeline.drain_device(&name).await.unwrap();
    assert_eq!(works(&pipeline).await, Err(Code::DeviceUnavailable));
    pipeline.restore_device(&name).await.unwrap();
    assert!(works(&pipeline).await.is_ok());
    pipeline.close(Duration::MAX).await;
    assert_eq!(pipeline.drain_device(&name).await.unwrap_err().code(), Code::ServiceClosing);
}
