use portrait_d_id::{Client, Error};
use portrait_d_id_fake::{FakeDid, Fault, Route};

use crate::support::{builder, client, fake, fetch, run_talk};

/// `user:pass`
const ENCODED: &str = "dXNlcjpwYXNz";

#[tokio::test]
async fn a_key_works_plain_and_encoded() {
    let fake = FakeDid::builder().key("user:pass").start().await.unwrap();
    for key in ["user:pass", ENCODED] {
        let client = builder(&fake).key(key).build().unwrap();
        assert_eq!(client.credits().await.unwrap().remaining, 100.0);
    }
    assert!(fake.journal().iter().all(|entry| entry.authorised));
}

#[tokio::test]
async fn a_wrong_key_is_refused_once_and_typed() {
    let fake = fake().await;
    let client = builder(&fake).key("someone:else").build().unwrap();
    let error = client.credits().await.unwrap_err();
    assert!(matches!(error, Error::Unauthorised { .. }), "{error}");
    assert!(!error.is_retryable());
    assert_eq!(
        error.to_string(),
        "D-ID refused the key (GET /credits: 401 AuthorizationError: user unauthenticated); check the API key"
    );
    assert_eq!(fake.journal().len(), 1);
}

#[tokio::test]
async fn the_key_is_never_shown() {
    let key = "someone:topsecret";
    let encoded = "c29tZW9uZTp0b3BzZWNyZXQ=";
    let fake = FakeDid::builder().key(key).start().await.unwrap();
    let client = client(&fake);
    run_talk(&client).await.unwrap();
    // Servers that echo the header, in each of the forms an answer can have.
    let echo = format!("you sent Basic {encoded}, that is {key}");
    let mut shown = vec![
        format!("{client:?}"),
        format!(
            "{:?}",
            builder(&fake).proxy("http://proxy:topsecret@127.0.0.1:1/".parse().unwrap())
        ),
        format!("{:?}", fake.journal()),
    ];
    for fault in [
        Fault::error(401, "AuthorizationError", &echo),
        Fault::error(400, &echo, &echo),
        Fault::json(403, serde_json::json!({ "message": echo })),
        Fault::html(409, &echo),
        Fault::html(200, &echo),
        Fault::json(200, serde_json::json!({ "remaining": echo })),
        Fault::html(302, &echo),
    ] {
        fake.fault(Route::Credits, fault);
        let error = client.credits().await.unwrap_err();
        shown.push(format!("{error} {error:?}"));
    }
    let gone = Client::builder()
        .base_url("http://127.0.0.1:1/".parse().unwrap())
        .key(key)
        .retry(portrait_d_id::RetryPolicy { max_attempts: 1, ..Default::default() })
        .build()
        .unwrap();
    let error = gone.credits().await.unwrap_err();
    assert!(matches!(error, Error::Network { connected: false, .. }), "{error}");
    shown.push(format!("{error} {error:?}"));
    for text in shown {
        for secret in ["topsecret", encoded, "c29tZW9uZ"] {
            assert!(!text.contains(secret), "{text}");
        }
    }
}

#[tokio::test]
async fn videos_are_fetched_without_the_key() {
    let fake = fake().await;
    let client = client(&fake);
    let talk = run_talk(&client).await.unwrap();
    fetch(&client, &talk.result_url.unwrap()).await.unwrap();
    let downloads = fake.requests(Route::Result);
    assert_eq!(downloads.len(), 1);
    assert!(!downloads[0].has_authorization);
}

#[tokio::test]
async fn the_key_does_not_follow_redirects() {
    let fake = fake().await;
    let elsewhere = fake_elsewhere().await;
    let target = elsewhere.base_url().join("credits").unwrap();
    let redirect = Fault::html(307, "moved").header("location", target.as_str());
    fake.fault(Route::Credits, redirect);
    let error = client(&fake).credits().await.unwrap_err();
    assert!(matches!(error, Error::Protocol { status: 307, .. }), "{error}");
    assert!(elsewhere.journal().is_empty());
}

async fn fake_elsewhere() -> FakeDid {
    fake().await
}

#[test]
fn the_key_does_not_travel_in_the_clear() {
    let at = |url: &str| Client::builder().base_url(url.parse().unwrap()).key("user:pass");
    for good in
        ["https://api.d-id.com", "http://127.0.0.1:9/", "http://localhost:9/", "http://[::1]:9/"]
    {
        assert!(at(good).build().is_ok(), "{good}");
    }
    let error = at("http://api.d-id.com").build().unwrap_err();
    assert!(matches!(error, Error::InvalidRequest { field: "base_url", .. }), "{error}");
    assert!(at("http://d-id-stand-in:9/").allow_http().build().is_ok());
    assert!(Client::builder().build().is_err());
}
