//! Downloads that fail: a typed error of one line, and nothing in the cache that passes for the file.

#![allow(clippy::unwrap_used)] // Helpers of tests, like the tests, may fail by a panic.

mod support;

use std::fs;
use std::time::Duration;

use axum::http::StatusCode;
use portrait_weights::{
    Download, Error, HubPlace, Origin, Places, SecretString, StatedBy, resolve,
};
use support::calls::{fails, manifest, places, quick, tries};
use support::hub::{Accident, Behaviour, COMMIT, FakeHub, nowhere};
use support::{large, sha256, small};

#[tokio::test]
async fn a_gated_repository_asks_for_a_token() {
    let hub = FakeHub::start(Behaviour { token: Some("right"), ..Behaviour::new(small()) }).await;
    let error = fails(&hub, &manifest(""), quick(&hub.endpoint)).await;
    assert!(matches!(&error, Error::HubRefused { status: 401, with_token: false, .. }), "{error}");
    assert!(error.to_string().contains("Access to this model is restricted"), "{error}");
    let wrong = Download { token: Some(SecretString::from("wrong")), ..quick(&hub.endpoint) };
    let error = fails(&hub, &manifest(""), wrong).await;
    assert!(matches!(error, Error::HubRefused { status: 401, with_token: true, .. }), "{error}");
    hub.change(|b| b.refuse = Some((StatusCode::FORBIDDEN, vec![])));
    let error = fails(&hub, &manifest(""), quick(&hub.endpoint)).await;
    assert!(matches!(error, Error::HubRefused { status: 403, .. }), "{error}");
}

#[tokio::test]
async fn a_missing_file_is_not_found() {
    let hub = FakeHub::start(Behaviour::new(small())).await;
    let mut manifest = manifest("");
    manifest.source.as_mut().unwrap().file = "other.safetensors".into();
    let error = fails(&hub, &manifest, quick(&hub.endpoint)).await;
    assert!(
        matches!(&error, Error::HubNotFound { url, .. } if url.ends_with("main/other.safetensors")),
        "{error}"
    );
    assert_eq!(hub.steps(), ["HEAD hub"]);
}

#[tokio::test]
async fn a_rate_limit_says_when_to_come_back() {
    let hub = FakeHub::start(Behaviour::new(small())).await;
    for (headers, expected) in [
        (vec![("retry-after", "17")], Some(17)),
        (vec![("ratelimit", "\"resolvers\";r=0;t=42")], Some(42)),
        (vec![("retry-after", "Wed, 21 Oct 2026 07:28:00 GMT")], None),
        (vec![], None),
    ] {
        hub.change(|b| b.refuse = Some((StatusCode::TOO_MANY_REQUESTS, headers)));
        let before = hub.seen().len();
        let download = Download { retry: tries(6), ..quick(&hub.endpoint) };
        let error = fails(&hub, &manifest(""), download).await;
        let Error::HubRateLimited { retry_after, .. } = error else { panic!("{error}") };
        assert_eq!(retry_after, expected.map(Duration::from_secs));
        assert_eq!(hub.seen().len(), before + 1, "a limit must not be met with more requests");
    }
}

#[tokio::test]
async fn a_server_error_is_tried_again_and_then_told() {
    let hub = FakeHub::start(Behaviour::new(small())).await;
    hub.change(|b| b.refuse = Some((StatusCode::BAD_GATEWAY, vec![])));
    let error =
        fails(&hub, &manifest(""), Download { retry: tries(3), ..quick(&hub.endpoint) }).await;
    assert!(matches!(error, Error::HubFailed { status: 502, .. }), "{error}");
    assert_eq!(hub.steps(), ["HEAD hub"; 3]);
}

#[tokio::test]
async fn an_error_page_in_place_of_the_bytes_is_not_kept() {
    let hub = FakeHub::start(Behaviour::new(small())).await;
    hub.change(|b| b.accidents = vec![Accident::Status(503)]);
    let error = fails(&hub, &manifest(""), quick(&hub.endpoint)).await;
    assert!(matches!(error, Error::HubFailed { status: 503, .. }), "{error}");
    hub.change(|b| b.accidents = vec![Accident::Status(403)]);
    let error = fails(&hub, &manifest(""), quick(&hub.endpoint)).await;
    assert!(matches!(error, Error::HubRefused { status: 403, .. }), "{error}");
}

#[tokio::test]
async fn a_cut_body_is_told_and_never_passes_for_the_file() {
    let hub = FakeHub::start(Behaviour::new(large())).await;
    for accident in [Accident::Break(500_000), Accident::End(500_000)] {
        hub.change(|b| b.accidents = vec![accident]);
        let error = fails(&hub, &manifest(""), quick(&hub.endpoint)).await;
        assert!(matches!(error, Error::Network { .. }), "{error}");
    }
}

#[tokio::test]
async fn a_stalled_body_is_told() {
    let hub = FakeHub::start(Behaviour::new(large())).await;
    hub.change(|b| b.accidents = vec![Accident::Stall(500_000)]);
    let download = Download { stall_timeout: Duration::from_millis(300), ..quick(&hub.endpoint) };
    let error = fails(&hub, &manifest(""), download).await;
    assert!(
        matches!(&error, Error::Network { problem, .. } if problem.contains("timed out")),
        "{error}"
    );
}

#[tokio::test]
async fn a_wrong_digest_is_told_with_both_values() {
    let hub = FakeHub::start(Behaviour::new(small())).await;
    let expected = "a".repeat(64);
    let pinned = manifest(&format!("sha256 = \"{expected}\""));
    let error = fails(&hub, &pinned, quick(&hub.endpoint)).await;
    let Error::WrongSha256 { expected: told, found, stated_by, .. } = &error else {
        panic!("{error}")
    };
    assert_eq!((told, found, *stated_by), (&expected, &sha256(&small()), StatedBy::Manifest));

    // What the hub itself states is checked too.
    hub.change(|b| b.etag = Some("b".repeat(64)));
    let error = fails(&hub, &manifest(""), quick(&hub.endpoint)).await;
    assert!(matches!(error, Error::WrongSha256 { stated_by: StatedBy::Hub, .. }), "{error}");
    // Nor does a wrong digest stand in the way of the right file.
    hub.change(|b| b.etag = None);
    let cache = tempfile::tempdir().unwrap();
    let right = manifest(&format!("sha256 = \"{}\"\nsize = {}", sha256(&small()), small().len()));
    resolve(&right, &places(&cache, Some(quick(&hub.endpoint)))).await.unwrap();
}

#[tokio::test]
async fn a_wrong_size_is_told_before_a_byte_is_downloaded() {
    let hub = FakeHub::start(Behaviour::new(small())).await;
    let error = fails(&hub, &manifest("size = 7"), quick(&hub.endpoint)).await;
    let found = small().len() as u64;
    assert!(
        matches!(error, Error::WrongSize { expected: 7, found: f, .. } if f == found),
        "{error}"
    );
    assert_eq!(hub.steps(), ["HEAD hub"]);
}

#[tokio::test]
async fn a_file_of_unknown_length_is_judged_by_its_own_header() {
    let no_length = |content| Behaviour { no_length: true, ..Behaviour::new(content) };
    let hub = FakeHub::start(no_length(small())).await;
    let cache = tempfile::tempdir().unwrap();
    resolve(&manifest(""), &places(&cache, Some(quick(&hub.endpoint)))).await.unwrap();

    let hub = FakeHub::start(no_length(small()[..90].to_vec())).await;
    let error = fails(&hub, &manifest(""), quick(&hub.endpoint)).await;
    assert!(matches!(error, Error::Truncated { found: 90, .. }), "{error}");
    let hub = FakeHub::start(no_length(b"<html>Sign in</html>".to_vec())).await;
    let error = fails(&hub, &manifest(""), quick(&hub.endpoint)).await;
    assert!(
        matches!(&error, Error::NotSafetensors { looks_like, .. } if looks_like.contains("HTML")),
        "{error}"
    );
}

#[tokio::test]
async fn an_endpoint_that_is_no_hub_is_told() {
    let hub = FakeHub::start(Behaviour::new(small())).await;
    hub.change(|b| b.refuse = Some((StatusCode::OK, vec![])));
    let error = fails(&hub, &manifest(""), quick(&hub.endpoint)).await;
    assert!(
        matches!(&error, Error::HubAnswer { problem, .. } if problem.contains("ETag")),
        "{error}"
    );
    // Names from the network must not lead out of the cache.
    hub.change(|b| {
        b.refuse =
            Some((StatusCode::OK, vec![("etag", "\"../../evil\""), ("x-repo-commit", COMMIT)]))
    });
    let error = fails(&hub, &manifest(""), quick(&hub.endpoint)).await;
    assert!(matches!(error, Error::HubAnswer { .. }), "{error}");
}

#[tokio::test]
async fn a_hub_that_is_gone_is_a_network_error() {
    let hub = FakeHub::start(Behaviour::new(small())).await;
    let error = fails(&hub, &manifest(""), quick(&nowhere().await)).await;
    assert!(matches!(error, Error::Network { .. }), "{error}");
    // With the file in the cache nobody notices.
    let cache = tempfile::tempdir().unwrap();
    resolve(&manifest(""), &places(&cache, Some(quick(&hub.endpoint)))).await.unwrap();
    drop(hub);
    resolve(&manifest(""), &places(&cache, Some(quick(&nowhere().await)))).await.unwrap();
}

#[tokio::test]
async fn a_disk_that_cannot_be_written_is_told() {
    let hub = FakeHub::start(Behaviour::new(small())).await;
    let folder = tempfile::tempdir().unwrap();
    let blocked = folder.path().join("a-file");
    fs::write(&blocked, b"in the way").unwrap();
    let place = HubPlace { cache: blocked, download: Some(quick(&hub.endpoint)) };
    let places = Places { hub: Some(place), ..Places::default() };
    let error = resolve(&manifest(""), &places).await.unwrap_err();
    assert!(matches!(error, Error::Disk { .. }), "{error}");
}

#[tokio::test]
async fn an_unfinished_file_of_another_program_is_fetched_anew() {
    let hub = FakeHub::start(Behaviour::new(small())).await;
    let cache = tempfile::tempdir().unwrap();
    let online = places(&cache, Some(quick(&hub.endpoint)));
    let found = resolve(&manifest(""), &online).await.unwrap();
    let blob = fs::canonicalize(&found.path).unwrap();
    fs::write(&blob, &small()[..50]).unwrap();

    let error = resolve(&manifest(""), &places(&cache, None)).await.unwrap_err();
    let Error::NotFound { looked_at, .. } = &error else { panic!("{error}") };
    assert!(looked_at[0].reason.contains("cut short"), "{error}");
    assert_eq!(resolve(&manifest(""), &online).await.unwrap().origin, Origin::Downloaded);
    assert_eq!(fs::read(&blob).unwrap(), small());
}
