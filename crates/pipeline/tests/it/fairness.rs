//! A caller that asks for much does not delay another one by more than what is in work.

use portrait_pipeline::{Code, Context, DetectOptions, Photo, Pipeline};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What may be in work of others when a request comes: two runs on the device and two that are
/// prepared for it, and as many being finished on the cores.
const IN_WORK: usize = 8;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_requests_of_one_flow_delay_anothers_first_by_what_is_in_work() {
    let file = portrait_test_support::repository_root().join("examples/photos/grace_hopper.jpg");
    let photo = Photo::decode(std::fs::read(file).unwrap()).unwrap();
    let pipeline = Pipeline::builder().build().await.unwrap();
    pipeline.warm_up().await.unwrap();
    let flow =
        |name: &str| pipeline.with(Context { flow: Some(name.into()), ..Context::default() });
    let done = Arc::new(AtomicUsize::new(0));
    let mut crowd = Vec::new();
    for _ in 0..1000 {
        let (pipeline, photo, done) = (flow("crowd"), photo.clone(), done.clone());
        crowd.push(tokio::spawn(async move {
            let found = pipeline.detect(&photo, &DetectOptions::default()).await;
            if found.is_ok() {
                done.fetch_add(1, Ordering::SeqCst);
            }
            found.map(drop).map_err(|error| error.code())
        }));
    }
    while done.load(Ordering::SeqCst) < 4 {
        tokio::task::yield_now().await;
    }
    let before = done.load(Ordering::SeqCst);
    flow("single").detect(&photo, &DetectOptions::default()).await.unwrap();
    let meanwhile = done.load(Ordering::SeqCst) - before;
    assert!(meanwhile <= IN_WORK, "{meanwhile} of the crowd came first");
    let mut refused = 0;
    for request in crowd {
        match request.await.unwrap() {
            Ok(()) => {}
            Err(code) => {
                assert_eq!(code, Code::ServiceBusy);
                refused += 1;
            }
        }
    }
    assert!(refused > 0, "the queue has a bound for each flow");
}
