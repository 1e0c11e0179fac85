use std::sync::{Arc, Mutex};
use std::time::Duration;

use portrait_d_id::{Call, Client, Operation, Outcome};
use portrait_d_id_fake::{Fault, Route};

use crate::support::{builder, client, fake, fetch, order, run_talk, wait_options};

/// Calls as they are told, and who notes them.
#[derive(Clone, Default)]
struct Notes(Arc<Mutex<Vec<Call>>>);

impl Notes {
    fn observer(&self) -> impl Fn(&Call) + Send + Sync + use<> {
        let calls = Arc::clone(&self.0);
        move |call| calls.lock().unwrap().push(call.clone())
    }

    fn take(&self) -> Vec<Call> {
        std::mem::take(&mut self.0.lock().unwrap())
    }

    /// Operation, attempt, status and outcome of what was told since the last call.
    fn told(&self) -> Vec<(Operation, u32, Option<u16>, Outcome)> {
        let told = |call: Call| (call.operation, call.attempt, call.status, call.outcome);
        self.take().into_iter().map(told).collect()
    }
}

#[tokio::test]
async fn each_request_of_a_talk_is_told_with_its_status_and_duration() {
    let fake = fake().await;
    let notes = Notes::default();
    let client = builder(&fake).on_call(notes.observer()).build().unwrap();
    let talk = run_talk(&client).await.unwrap();
    fetch(&client, &talk.result_url.unwrap()).await.unwrap();

    let calls = notes.take();
    let operations: Vec<_> = calls.iter().map(|call| call.operation).collect();
    assert_eq!(operations[..2], [Operation::UploadImage, Operation::CreateTalk]);
    assert_eq!(operations.last(), Some(&Operation::Download));
    assert!(operations[2..operations.len() - 1].iter().all(|o| *o == Operation::GetTalk));
    let polls = fake.requests(Route::GetTalk).len();
    assert_eq!(operations.len(), 3 + polls);
    for call in &calls {
        assert_eq!((call.attempt, call.outcome), (1, Outcome::Success), "{call:?}");
        assert!(call.status.is_some_and(|status| (200..300).contains(&status)), "{call:?}");
        assert!(call.duration < Duration::from_secs(5), "{call:?}");
    }
}

#[tokio::test]
async fn failures_are_told_by_kind_and_tries_are_numbered() {
    let fake = fake().await;
    let notes = Notes::default();
    let timeout = Duration::from_millis(400);
    let client = builder(&fake).timeout(timeout).on_call(notes.observer()).build().unwrap();
    for (fault, status, outcome) in [
        (Fault::error(429, "TooManyRequestsError", "slow down"), Some(429), Outcome::RateLimited),
        (Fault::html(502, "<html>Bad gateway</html>"), Some(502), Outcome::ServerFailed),
        (Fault::hang_up(), None, Outcome::Network),
        (Fault::delay(Duration::from_secs(2)), None, Outcome::TimedOut),
    ] {
        fake.fault(Route::Credits, fault.clone());
        client.credits().await.unwrap();
        let first = (Operation::Credits, 1, status, outcome);
        let second = (Operation::Credits, 2, Some(200), Outcome::Success);
        assert_eq!(notes.told(), [first, second], "{fault:?}");
    }
    fake.fault(Route::Credits, Fault::error(401, "AuthorizationError", "no"));
    client.credits().await.unwrap_err();
    assert_eq!(notes.told(), [(Operation::Credits, 1, Some(401), Outcome::Refused)]);
}

#[tokio::test]
async fn a_call_that_is_dropped_is_told_too() {
    let fake = fake().await;
    let notes = Notes::default();
    let client = builder(&fake).on_call(notes.observer()).build().unwrap();
    fake.fault(Route::Credits, Fault::delay(Duration::from_secs(3)));
    let limit = Duration::from_millis(200);
    assert!(tokio::time::timeout(limit, client.credits()).await.is_err());
    assert_eq!(notes.told(), [(Operation::Credits, 1, None, Outcome::Dropped)]);
}

#[tokio::test]
async fn an_observer_that_panics_does_not_break_a_paid_call() {
    let fake = fake().await;
    let notes = Notes::default();
    let broken = |_: &Call| panic!("a counter failed, on purpose");
    let client = builder(&fake).on_call(broken).on_call(notes.observer()).build().unwrap();
    let order = order(&client).await;
    let talk = client.talks().create(&order).await.unwrap();
    client.talks().wait(&talk.id, &wait_options()).await.unwrap();
    assert_eq!(fake.requests(Route::CreateTalk).len(), 1);
    assert!(notes.told().len() >= 3, "those behind it are told");
}

#[tokio::test]
async fn an_observed_clone_tells_both_and_leaves_the_first_client_alone() {
    let fake = fake().await;
    let (of_builder, of_clone) = (Notes::default(), Notes::default());
    let first: Client = builder(&fake).on_call(of_builder.observer()).build().unwrap();
    let clone = first.observed(of_clone.observer());
    clone.credits().await.unwrap();
    assert_eq!((of_builder.told().len(), of_clone.told().len()), (1, 1));
    first.credits().await.unwrap();
    assert_eq!((of_builder.told().len(), of_clone.told().len()), (1, 0));

    let unobserved = client(&fake);
    unobserved.credits().await.unwrap();
    assert_eq!(of_builder.told().len(), 0);
}

#[tokio::test]
async fn an_observed_clone_shares_the_bound_on_requests_under_way() {
    let fake = fake().await;
    let client = builder(&fake).max_in_flight(1).build().unwrap();
    let clone = client.observed(|_| {});
    fake.fault(Route::Credits, Fault::delay(Duration::from_millis(300)));
    let begin = std::time::Instant::now();
    let slow = client.credits();
    let after = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        clone.voices().list(&Default::default()).await
    };
    let (slow, after) = tokio::join!(slow, after);
    slow.unwrap();
    after.unwrap();
    assert!(begin.elapsed() >= Duration::from_millis(300), "{:?}", begin.elapsed());
}
