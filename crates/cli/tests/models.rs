//! `portrait models` against a stand-in of the hub on this machine.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use axum::Router;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri};
use axum::response::IntoResponse;
use sha2::{Digest, Sha256};
use std::path::Path;
use support::{Portrait, tiny_birefnet};

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// Serves this file as the one of `yolov8n`, and nothing else; stops with the runtime.
async fn hub(content: Vec<u8>) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let digest: String = Sha256::digest(&content).iter().map(|b| format!("{b:02x}")).collect();
    let serve = move |uri: Uri, asked: HeaderMap| async move {
        if asked.contains_key("authorization") {
            return StatusCode::UNAUTHORIZED.into_response();
        }
        let served = ["main", COMMIT]
            .map(|revision| format!("/lmz/candle-yolo-v8/resolve/{revision}/yolov8n.safetensors"));
        if !served.iter().any(|path| path == uri.path()) {
            return StatusCode::NOT_FOUND.into_response();
        }
        let mut headers = HeaderMap::new();
        headers.insert("ETag", HeaderValue::from_str(&format!("\"{digest}\"")).unwrap());
        headers.insert("X-Repo-Commit", HeaderValue::from_static(COMMIT));
        (headers, content).into_response()
    };
    let app = Router::new().fallback(serve);
    tokio::spawn(async move { axum::serve(listener, app).await });
    format!("http://{address}")
}

fn models(command: &str, cache: &Path) -> Portrait {
    Portrait::new(&format!("models {command}")).option("--hub-cache", cache)
}

#[tokio::test(flavor = "multi_thread")]
async fn fetch_list_and_verify() {
    let folder = tempfile::tempdir().unwrap();
    let content = std::fs::read(tiny_birefnet(folder.path()).join("model.safetensors")).unwrap();
    let hub = hub(content.clone()).await;
    let cache = folder.path().join("cache");

    let list = models("list --json", &cache).run().json();
    let entry = |list: &serde_json::Value, id: &str| {
        list.as_array().unwrap().iter().find(|model| model["id"] == id).unwrap().clone()
    };
    assert!(list.as_array().unwrap().len() >= 15);
    assert_eq!(entry(&list, "yolov8n")["licence"], "AGPL-3.0-only");
    assert!(entry(&list, "yolov8n")["file"].is_null());

    // An empty token is none.
    let fetch = |ids: &str| {
        models(&format!("fetch {ids}"), &cache).option("--hub", &hub).env("HF_TOKEN", "").run()
    };
    let text = fetch("yolov8n").text();
    assert!(text.contains("(downloaded)") && text.contains("AGPL-3.0-only"), "{text}");
    assert!(fetch("yolov8n").text().contains("(hub cache)"), "a second time it is there");
    let found = entry(&models("list --json", &cache).run().json(), "yolov8n");
    let file = found["file"].as_str().unwrap();
    assert_eq!(std::fs::read(file).unwrap(), content);

    let text = models("verify", &cache).run().text();
    assert!(text.contains("\nyolov8n: ") && text.lines().count() == 3, "two are bundled: {text}");
    let verified = models("verify yolov8n --json", &cache).run().json();
    assert_eq!(verified[0]["bytes"], content.len());
    assert_eq!(verified[0]["pinned"], false);

    fetch("birefnet").fails(12, &["WEIGHTS_DOWNLOAD_FAILED", "ZhengPeng7/BiRefNet", "not found"]);
    fetch("yolov9n").fails(12, &["UNKNOWN_MODEL", "yolov9n"]);
    models("verify birefnet", &cache).run().fails(12, &["WEIGHTS_MISSING", "birefnet"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_downloaded_unless_it_is_allowed() {
    let folder = tempfile::tempdir().unwrap();
    let content = std::fs::read(tiny_birefnet(folder.path()).join("model.safetensors")).unwrap();
    let hub = hub(content).await;
    let cache = folder.path().join("cache");
    let photo = folder.path().join("photo.png");
    image::RgbImage::new(200, 200).save(&photo).unwrap();
    let detect = |options: &str| {
        Portrait::new(&format!("detect --model yolov8n{options}"))
            .arg(&photo)
            .option("--hub", &hub)
            .option("--hub-cache", &cache)
            .run()
    };
    detect("").fails(12, &["WEIGHTS_MISSING", "portrait models fetch yolov8n"]);
    assert!(!cache.exists());
    // Allowed, it is; the stand-in's file is of another model, which is told next.
    detect(" --download").fails(12, &["WEIGHTS_INVALID", "model.0.conv.weight"]);
    assert!(cache.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn downloads_go_by_the_proxy_of_the_environment() {
    let folder = tempfile::tempdir().unwrap();
    let content = std::fs::read(tiny_birefnet(folder.path()).join("model.safetensors")).unwrap();
    // It answers requests for any host, as a proxy does.
    let proxy = hub(content).await;
    let fetch = |cache: &str| {
        models("fetch yolov8n", &folder.path().join(cache)).option("--hub", "http://hub.invalid")
    };
    let run = fetch("one").env("http_proxy", &proxy).run();
    assert!(run.text().contains("(downloaded)"));
    let run = fetch("two").env("ALL_PROXY", &proxy).env("NO_PROXY", "hub.invalid").run();
    run.fails(12, &["WEIGHTS_DOWNLOAD_FAILED", "hub.invalid"]);
    let run = fetch("two").env("HTTP_PROXY", "socks5h://user:secret@127.0.0.1:9").run();
    run.fails(12, &["WEIGHTS_DOWNLOAD_FAILED", "hub.invalid"]);
    assert!(!run.stderr().contains("secret"));
    let run = fetch("two").env("HTTP_PROXY", "ftp://user:secret@proxy").run();
    run.fails(2, &["environment variable HTTP_PROXY", "http://proxy:8080"]);
    assert!(!run.stderr().contains("secret"));
}
