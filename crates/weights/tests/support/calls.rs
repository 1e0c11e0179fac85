//! Calls of `resolve` against the stand-in.

use std::path::Path;
use std::time::Duration;

use portrait_weights::{Download, Error, HubPlace, Manifest, Places, RetryPolicy, Url, resolve};
use tempfile::TempDir;

use super::files_below;
use super::hub::FakeHub;

pub(crate) fn manifest(extra: &str) -> Manifest {
    let text = format!(
        r#"
        id = "fake"
        family = "birefnet"
        summary = "A checkpoint for tests"
        {extra}
        [licence]
        spdx = "MIT"
        notice = "None"
        [source]
        repository = "owner/name"
        file = "model.safetensors"
        [input]
        width = 64
        height = 64
        [architecture]
        "#
    );
    Manifest::parse(&text).unwrap()
}

pub(crate) fn quick(endpoint: &Url) -> Download {
    Download {
        endpoint: endpoint.clone(),
        retry: tries(1),
        stall_timeout: Duration::from_secs(5),
        ..Download::default()
    }
}

/// So many tries in all, with short pauses.
pub(crate) fn tries(max_attempts: u32) -> RetryPolicy {
    RetryPolicy { max_attempts, first_pause: Duration::from_millis(5), ..RetryPolicy::default() }
}

pub(crate) fn places(cache: &TempDir, download: Option<Download>) -> Places {
    let hub = HubPlace { cache: cache.path().into(), download };
    Places { hub: Some(hub), ..Places::default() }
}

/// No name in the cache leads to a file that could pass for the checkpoint.
pub(crate) fn nothing_passes_for_complete(cache: &Path) {
    let names = files_below(cache);
    let bad: Vec<_> = names
        .iter()
        .filter(|name| !name.ends_with(".lock") && !name.ends_with(".incomplete"))
        .collect();
    assert!(bad.is_empty(), "left behind: {bad:?}");
}

pub(crate) async fn fails(hub: &FakeHub, manifest: &Manifest, download: Download) -> Error {
    let cache = tempfile::tempdir().unwrap();
    let error = resolve(manifest, &places(&cache, Some(download))).await.unwrap_err();
    nothing_passes_for_complete(cache.path());
    assert!(!error.to_string().contains('\n'), "{error}");
    assert!(!error.to_string().contains("secret"), "{error}");
    let offline = resolve(manifest, &places(&cache, None)).await.unwrap_err();
    assert!(matches!(offline, Error::NotFound { .. }), "{offline} after {:?}", hub.steps());
    error
}
