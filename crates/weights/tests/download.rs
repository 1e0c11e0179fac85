//! Downloading from a stand-in of the hub: what reaches the cache, and how.

#![allow(clippy::unwrap_used)] // Helpers of tests, like the tests, may fail by a panic.

mod support;

use std::fs;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use portrait_weights::{
    Checkpoint, Download, Error, OnProgress, Origin, SecretString, State, resolve,
};
use support::calls::{fails, manifest, nothing_passes_for_complete, places, quick, tries};
use support::hub::{Accident, Behaviour, COMMIT, FakeHub, PATH};
use support::{files_below, large, sha256, small};

#[tokio::test]
async fn a_download_reaches_its_total_and_is_cached() {
    let hub = FakeHub::start(Behaviour::new(large())).await;
    let cache = tempfile::tempdir().unwrap();
    let told = Arc::new(Mutex::new(Vec::new()));
    let listener = told.clone();
    let download = Download {
        on_progress: OnProgress::new(move |p| {
            assert_eq!(p.file, "owner/name/model.safetensors");
            listener.lock().unwrap().push((p.state, p.done, p.total));
        }),
        ..quick(&hub.endpoint)
    };

    let places = places(&cache, Some(download));
    let found = resolve(&manifest(""), &places).await.unwrap();
    assert_eq!(found.origin, Origin::Downloaded);
    assert_eq!(fs::read(&found.path).unwrap(), large());
    assert_eq!(Checkpoint::open(&found.path).unwrap().shape("w"), Some([300_000].as_slice()));

    let told = told.lock().unwrap().clone();
    let total = large().len() as u64;
    assert_eq!(told[0], (State::Connecting, 0, None));
    assert_eq!(told.last(), Some(&(State::Done, total, Some(total))));
    let bytes: Vec<u64> = told.iter().filter(|t| t.0 == State::Downloading).map(|t| t.1).collect();
    assert!(bytes.len() > 2 && bytes.is_sorted(), "{bytes:?}");
    assert_eq!((bytes[0], bytes[bytes.len() - 1]), (0, total));
    let states: Vec<_> = told.iter().map(|t| t.0).collect();
    let verifying = states.iter().position(|s| *s == State::Verifying).unwrap();
    assert_eq!(verifying, states.len() - 2);

    // The token-less request, the redirect, the bytes; nothing of Xet, and nothing twice.
    assert_eq!(hub.steps(), ["HEAD hub", "GET hub", "GET delivery"]);
    assert!(hub.seen().iter().all(|seen| seen.authorization.is_none()));
    assert_eq!(hub.seen()[0].path, PATH);
    assert_eq!(hub.seen()[1].path, PATH.replace("main", COMMIT));

    let again = resolve(&manifest(""), &places).await.unwrap();
    assert_eq!((again.path, again.origin), (found.path, Origin::Cache));
    assert_eq!(hub.seen().len(), 3);
}

#[tokio::test]
async fn the_cache_has_the_standard_layout() {
    let hub = FakeHub::start(Behaviour::new(small())).await;
    let cache = tempfile::tempdir().unwrap();
    resolve(&manifest(""), &places(&cache, Some(quick(&hub.endpoint)))).await.unwrap();
    let digest = sha256(&small());
    assert_eq!(
        files_below(cache.path()),
        [
            format!(".locks/models--owner--name/{digest}.lock"),
            format!("models--owner--name/blobs/{digest}"),
            "models--owner--name/refs/main".into(),
            format!("models--owner--name/snapshots/{COMMIT}/model.safetensors"),
        ]
    );
    let reference = fs::read_to_string(cache.path().join("models--owner--name/refs/main"));
    assert_eq!(reference.unwrap(), COMMIT);
}

#[tokio::test]
async fn the_reference_client_finds_what_was_downloaded_here() {
    let hub = FakeHub::start(Behaviour::new(small())).await;
    let cache = tempfile::tempdir().unwrap();
    let found = resolve(&manifest(""), &places(&cache, Some(quick(&hub.endpoint)))).await.unwrap();
    let requests = hub.seen().len();
    let reference = hf_hub::Cache::new(cache.path().into()).model("owner/name".into());
    assert_eq!(reference.get("model.safetensors").unwrap(), found.path);
    assert_eq!(hub.seen().len(), requests);
}

#[tokio::test]
async fn what_the_reference_client_downloaded_is_found_here() {
    let hub = FakeHub::start(Behaviour { xet: false, ..Behaviour::new(small()) }).await;
    let cache = tempfile::tempdir().unwrap();
    let endpoint = hub.endpoint.as_str().trim_end_matches('/').to_owned();
    let builder = hf_hub::api::tokio::ApiBuilder::new().with_cache_dir(cache.path().into());
    let client = builder.with_endpoint(endpoint).with_progress(false).build().unwrap();
    let path = client.model("owner/name".into()).download("model.safetensors").await.unwrap();
    let found = resolve(&manifest(""), &places(&cache, None)).await.unwrap();
    assert_eq!((found.path, found.origin), (path, Origin::Cache));
}

#[tokio::test]
async fn a_small_file_comes_from_the_hub_itself() {
    let behaviour = Behaviour {
        delivery: false,
        xet: false,
        etag: Some("9".repeat(40)),
        ..Behaviour::new(small())
    };
    let hub = FakeHub::start(behaviour).await;
    let cache = tempfile::tempdir().unwrap();
    let found = resolve(&manifest(""), &places(&cache, Some(quick(&hub.endpoint)))).await.unwrap();
    assert_eq!(fs::read(found.path).unwrap(), small());
    assert_eq!(hub.steps(), ["HEAD hub", "GET hub"]);
}

#[tokio::test]
async fn a_renamed_repository_is_followed() {
    let hub = FakeHub::start(Behaviour { renamed: true, ..Behaviour::new(small()) }).await;
    let cache = tempfile::tempdir().unwrap();
    resolve(&manifest(""), &places(&cache, Some(quick(&hub.endpoint)))).await.unwrap();
    let steps = ["HEAD hub", "HEAD hub", "GET hub", "GET hub", "GET delivery"];
    assert_eq!(hub.steps(), steps);
}

#[tokio::test]
async fn a_pinned_revision_is_asked_for_and_found_again() {
    let hub = FakeHub::start(Behaviour::new(small())).await;
    let cache = tempfile::tempdir().unwrap();
    let mut manifest = manifest("");
    manifest.source.as_mut().unwrap().revision = Some(COMMIT.into());
    let places = places(&cache, Some(quick(&hub.endpoint)));
    resolve(&manifest, &places).await.unwrap();
    assert_eq!(hub.seen()[0].path, PATH.replace("main", COMMIT));
    assert_eq!(resolve(&manifest, &places).await.unwrap().origin, Origin::Cache);
    assert!(!cache.path().join("models--owner--name/refs").exists());
}

#[tokio::test]
async fn the_token_goes_to_the_endpoint_alone() {
    let hub =
        FakeHub::start(Behaviour { token: Some("hf_secret"), ..Behaviour::new(small()) }).await;
    let cache = tempfile::tempdir().unwrap();
    let download =
        Download { token: Some(SecretString::from("hf_secret")), ..quick(&hub.endpoint) };
    assert!(!format!("{download:?}").contains("hf_secret"));
    resolve(&manifest(""), &places(&cache, Some(download))).await.unwrap();
    let sent: Vec<_> =
        hub.seen().into_iter().map(|seen| (seen.server, seen.authorization)).collect();
    let token = || Some("Bearer hf_secret".to_owned());
    assert_eq!(sent, [("hub", token()), ("hub", token()), ("delivery", None)]);
}

#[tokio::test]
async fn a_token_from_a_file_is_trimmed_and_an_empty_one_is_none() {
    let hub =
        FakeHub::start(Behaviour { token: Some("hf_secret"), ..Behaviour::new(small()) }).await;
    let with = |token: &str| Download { token: Some(token.into()), ..quick(&hub.endpoint) };
    let cache = tempfile::tempdir().unwrap();
    resolve(&manifest(""), &places(&cache, Some(with(" hf_secret\r\n")))).await.unwrap();

    let error = fails(&hub, &manifest(""), with(" \n")).await;
    assert!(matches!(error, Error::HubRefused { with_token: false, .. }), "{error}");
    let before = hub.seen().len();
    let error = fails(&hub, &manifest(""), with("hf_\nsecret")).await;
    assert!(matches!(error, Error::InvalidToken { .. }), "{error}");
    assert_eq!(hub.seen().len(), before);
}

#[tokio::test]
async fn a_password_of_the_proxy_is_not_shown() {
    let proxy = Some("http://user:s3cret@proxy.invalid/".parse().unwrap());
    let download = Download { proxy, ..Download::default() };
    assert!(!format!("{download:?}").contains("s3cret"), "{download:?}");
}

#[tokio::test]
async fn a_broken_download_goes_on_where_it_broke_off() {
    let hub = FakeHub::start(Behaviour::new(large())).await;
    hub.change(|b| b.accidents = vec![Accident::Break(400_000), Accident::Break(300_000)]);
    let cache = tempfile::tempdir().unwrap();
    let download = Download { retry: tries(2), ..quick(&hub.endpoint) };
    let found = resolve(&manifest(""), &places(&cache, Some(download))).await.unwrap();
    assert_eq!(fs::read(found.path).unwrap(), large());
    let ranges: Vec<_> =
        hub.seen().into_iter().filter(|s| s.server == "delivery").map(|s| s.range).collect();
    assert_eq!(ranges.len(), 3);
    assert_eq!(ranges[0], None);
    assert!(ranges[1].is_some() && ranges[2].is_some() && ranges[1] != ranges[2], "{ranges:?}");
}

#[tokio::test]
async fn the_next_call_goes_on_also_where_ranges_are_not_served() {
    for no_ranges in [false, true] {
        let hub = FakeHub::start(Behaviour { no_ranges, ..Behaviour::new(large()) }).await;
        hub.change(|b| b.accidents = vec![Accident::Break(400_000)]);
        let cache = tempfile::tempdir().unwrap();
        let places = places(&cache, Some(quick(&hub.endpoint)));
        resolve(&manifest(""), &places).await.unwrap_err();
        nothing_passes_for_complete(cache.path());
        let found = resolve(&manifest(""), &places).await.unwrap();
        assert_eq!(fs::read(found.path).unwrap(), large());
        assert!(hub.seen().last().unwrap().range.is_some());
    }
}

#[tokio::test]
async fn a_dropped_download_leaves_nothing_that_passes_for_complete_and_is_gone_on_with() {
    let hub = FakeHub::start(Behaviour::new(large())).await;
    hub.change(|b| b.accidents = vec![Accident::Stall(500_000)]);
    let cache = tempfile::tempdir().unwrap();
    let places = places(&cache, Some(quick(&hub.endpoint)));
    let manifest = manifest("");
    let call = resolve(&manifest, &places);
    assert!(tokio::time::timeout(Duration::from_millis(500), call).await.is_err());
    nothing_passes_for_complete(cache.path());
    let found = resolve(&manifest, &places).await.unwrap();
    assert_eq!(fs::read(found.path).unwrap(), large());
}

#[tokio::test]
async fn two_calls_at_once_download_once() {
    let hub = FakeHub::start(Behaviour::new(large())).await;
    let cache = tempfile::tempdir().unwrap();
    let places = places(&cache, Some(quick(&hub.endpoint)));
    let manifest = manifest("");
    let (a, b) = tokio::join!(resolve(&manifest, &places), resolve(&manifest, &places));
    assert_eq!(a.unwrap().path, b.unwrap().path);
    let bodies = hub.seen().iter().filter(|seen| seen.server == "delivery").count();
    assert_eq!(bodies, 1);
}
