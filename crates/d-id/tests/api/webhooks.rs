//! Webhooks as a program receives them: a secret in the path, and nothing believed but the id.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::routing::post;
use portrait_d_id::{Error, TalkStatus, WebhookEvent, WebhookSecret};
use portrait_d_id_fake::{Delivery, FakeDid};

use crate::support::{client, order};

const SECRET: &str = "Jl7vWq0Zx2h9TnB4cRk8sD";

#[tokio::test]
async fn a_webhook_leads_to_the_talk() {
    let fake = FakeDid::builder().talk_duration(Duration::from_millis(20)).start().await.unwrap();
    let client = client(&fake);
    let secret = WebhookSecret::new(SECRET).unwrap();
    let events = Arc::new(Mutex::new(Vec::new()));
    let (keep, door) = (events.clone(), secret.clone());
    let receive = move |Path(given): Path<String>, body: Bytes| async move {
        if !door.admits(&given) {
            return StatusCode::NOT_FOUND;
        }
        match WebhookEvent::parse(&body) {
            Ok(event) => keep.lock().unwrap().push(event),
            Err(_) => return StatusCode::BAD_REQUEST,
        }
        StatusCode::OK
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}/hooks/d-id/", listener.local_addr().unwrap());
    let router = Router::new().route("/hooks/d-id/{secret}", post(receive));
    let server = tokio::spawn(async move { axum::serve(listener, router).await });

    let mut order = order(&client).await;
    order.webhook = Some(secret.address(&base.parse().unwrap()).unwrap().into());
    order.user_data = Some("job 17".into());
    fake.next_webhook(Delivery::Repeated(2));
    let talk = client.talks().create(&order).await.unwrap();
    // Somebody else tries, without the secret and with nonsense.
    let http = reqwest::Client::new();
    let forged = serde_json::json!({ "id": talk.id, "status": "done", "result_url": "x" });
    let forge = |secret: &str| http.post(format!("{base}{secret}")).json(&forged).send();
    assert_eq!(forge("Jl7vWq0Zx2h9TnB4cRk8sE").await.unwrap().status(), 404);
    let odd = http.post(format!("{base}{SECRET}")).body("[]").send().await.unwrap();
    assert_eq!(odd.status(), 400);

    while events.lock().unwrap().len() < 2 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let events = events.lock().unwrap().clone();
    assert_eq!(events[0], events[1]);
    assert_eq!((&events[0].id, &events[0].status), (&talk.id, &Some(TalkStatus::Done)));
    assert_eq!(events[0].user_data.as_deref(), Some("job 17"));
    let fetched = events[0].fetch(&client).await.unwrap();
    assert!(fetched.result_url.is_some());
    let unknown = WebhookEvent::parse(br#"{"id":"tlk_other","status":"done"}"#).unwrap();
    assert!(matches!(unknown.fetch(&client).await, Err(Error::NotFound { .. })));
    server.abort();
}
