//! Webhooks, and what may become of them.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::Json;
use axum::routing::post;
use portrait_d_id_fake::{Delivery, FakeDid, FakeDidBuilder};
use serde_json::Value;
use tokio::time::{sleep, timeout};

use crate::caller::{Caller, order, png};

/// What arrived at the address given in the talks.
type Inbox = Arc<Mutex<Vec<Value>>>;

async fn inbox() -> (String, Inbox) {
    let inbox = Inbox::default();
    let keep = inbox.clone();
    let receive = move |Json(body): Json<Value>| async move { keep.lock().unwrap().push(body) };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook/secret", listener.local_addr().unwrap());
    let router = Router::new().route("/hook/secret", post(receive));
    tokio::spawn(async move { axum::serve(listener, router).await });
    (url, inbox)
}

async fn talk(caller: &Caller, hook: &str) -> String {
    let uploaded = caller.upload(png(200, 200)).await.1;
    let mut body = order(&uploaded["url"]);
    body["webhook"] = hook.into();
    body["user_data"] = "job 17".into();
    let (status, talk) = caller.post("talks", &body).await;
    assert_eq!(status, 201, "{talk}");
    talk["id"].as_str().unwrap().to_owned()
}

async fn arrived(inbox: &Inbox, count: usize) -> Vec<Value> {
    let wait = async {
        while inbox.lock().unwrap().len() < count {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(Duration::from_secs(10), wait).await.unwrap();
    inbox.lock().unwrap().clone()
}

fn quick() -> FakeDidBuilder {
    FakeDid::builder().talk_duration(Duration::from_millis(20))
}

#[tokio::test]
async fn every_end_is_posted_with_the_talk_as_a_poll_would_show_it() {
    let caller = Caller::to(quick()).await;
    let (hook, inbox) = inbox().await;
    let done = talk(&caller, &hook).await;
    let first = arrived(&inbox, 1).await.remove(0);
    assert_eq!((&first["id"], &first["status"]), (&done.clone().into(), &"done".into()));
    assert_eq!(first["user_data"], "job 17");
    let shown = caller.get(&format!("talks/{done}")).await.1;
    assert_eq!(first["created_at"], shown["created_at"]);
    caller.fake.fail_next_talk("FaceError", "No valid face detected");
    talk(&caller, &hook).await;
    assert_eq!(arrived(&inbox, 2).await[1]["error"]["kind"], "FaceError");
    caller.fake.reject_next();
    talk(&caller, &hook).await;
    assert_eq!(arrived(&inbox, 3).await[2]["status"], "rejected");
    // The records follow the answers.
    sleep(Duration::from_millis(50)).await;
    let sent = caller.fake.webhooks();
    assert!(sent.iter().all(|hook| hook.answer == Some(200)), "{sent:?}");
}

#[tokio::test]
async fn webhooks_come_late_repeated_out_of_order_early_or_not_at_all() {
    let caller = Caller::to(quick()).await;
    let (hook, inbox) = inbox().await;
    for delivery in
        [Delivery::Late(Duration::from_millis(300)), Delivery::Repeated(2), Delivery::Lost]
    {
        caller.fake.next_webhook(delivery);
    }
    let (late, twice) = (talk(&caller, &hook).await, talk(&caller, &hook).await);
    let lost = talk(&caller, &hook).await;
    let ids: Vec<_> = arrived(&inbox, 3).await.iter().map(|body| body["id"].clone()).collect();
    assert_eq!(ids, [twice.clone().into(), twice.into(), Value::from(late)]);
    sleep(Duration::from_millis(100)).await;
    assert!(inbox.lock().unwrap().iter().all(|body| body["id"] != lost.as_str()));

    caller.fake.next_webhook(Delivery::BeforeTheAnswer);
    let early = talk(&caller, &hook).await;
    // It was there when the creation was answered.
    assert_eq!(inbox.lock().unwrap().last().unwrap()["id"], early.as_str());
}

#[tokio::test]
async fn a_webhook_nobody_listens_to_does_no_harm() {
    let caller = Caller::to(quick()).await;
    let id = talk(&caller, "http://127.0.0.1:1/hook").await;
    while caller.fake.webhooks().is_empty() {
        sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(caller.fake.webhooks()[0].answer, None);
    assert_eq!(caller.get(&format!("talks/{id}")).await.1["status"], "done");
}
