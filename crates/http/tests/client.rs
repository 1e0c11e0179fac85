//! Clients as they behave on the wire.

#![allow(clippy::unwrap_used)] // Helpers of tests, like the tests, may fail by a panic.

use std::time::Duration;

use axum::Router;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Redirect;
use axum::routing::get;
use portrait_http::{ClientFault, ClientSettings, Redirects};
use url::Url;

/// A server that tells the user agent at `/`, redirects from `/away`, and never answers at `/slow`.
async fn server() -> Url {
    let agent = |headers: HeaderMap| async move {
        headers[header::USER_AGENT].to_str().unwrap().to_owned()
    };
    let slow = || async {
        tokio::time::sleep(Duration::from_secs(60)).await;
    };
    let app = Router::new()
        .route("/", get(agent))
        .route("/away", get(|| async { Redirect::temporary("/") }))
        .route("/slow", get(slow))
        .fallback(|request: axum::extract::Request| async move { request.uri().to_string() });
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    address.parse().unwrap()
}

#[tokio::test]
async fn the_user_agent_is_sent_and_redirects_follow_the_policy() {
    let server = server().await;
    let away = server.join("away").unwrap();
    let settings = ClientSettings::new("somebody/1");
    let answer = settings.build().unwrap().get(away.clone()).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::TEMPORARY_REDIRECT);

    let settings = ClientSettings { redirects: Redirects::Follow(1), ..settings };
    let answer = settings.build().unwrap().get(away).send().await.unwrap();
    assert_eq!(answer.text().await.unwrap(), "somebody/1");
}

#[tokio::test]
async fn an_answer_that_does_not_come_times_out() {
    let limit = Some(Duration::from_millis(200));
    let settings = ClientSettings { read_timeout: limit, ..ClientSettings::new("somebody/1") };
    let slow = server().await.join("slow").unwrap();
    let error = settings.build().unwrap().get(slow).send().await.unwrap_err();
    assert!(error.is_timeout(), "{error}");
}

#[tokio::test]
async fn all_requests_go_through_the_proxy_which_is_never_shown() {
    let mut proxy = server().await;
    proxy.set_username("user").unwrap();
    proxy.set_password(Some("s3cret")).unwrap();
    let settings =
        ClientSettings { proxy: Some(proxy.into()), ..ClientSettings::new("somebody/1") };
    assert!(!format!("{settings:?}").contains("s3cret"), "{settings:?}");
    let client = settings.build().unwrap();
    let answer = client.get("http://nowhere.invalid/path").send().await.unwrap();
    assert_eq!(answer.text().await.unwrap(), "http://nowhere.invalid/path");
}

#[test]
fn a_proxy_by_socks_is_taken_and_what_cannot_be_used_is_told() {
    let with = |address: &str| {
        let proxy = Some(address.parse::<Url>().unwrap().into());
        ClientSettings { proxy, ..ClientSettings::new("somebody/1") }.build().map(drop)
    };
    assert_eq!(with("socks5h://127.0.0.1:1080"), Ok(()));
    assert_eq!(with("data:nothing"), Err(ClientFault::Proxy));
    let agent = ClientSettings::new("two\nlines").build().map(drop);
    assert!(matches!(agent, Err(ClientFault::Other(_))), "{agent:?}");
}
