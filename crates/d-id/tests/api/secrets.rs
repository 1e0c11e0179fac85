//! The key is in no log, no error, no debug output and no journal, whatever servers send back.

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use portrait_d_id::{ApiKey, Client, Error, RetryPolicy, WebhookSecret};
use portrait_d_id_fake::{FakeDid, Fault, Route};
use tracing_subscriber::fmt::MakeWriter;

use crate::support::{builder, fetch, order, run_talk, wait_options};

const KEY: &str = "somebody:a-rather-secret-password";
/// base64 of the key.
const ENCODED: &str = "c29tZWJvZHk6YS1yYXRoZXItc2VjcmV0LXBhc3N3b3Jk";
const HOOK: &str = "Jl7vWq0Zx2h9TnB4cRk8sD";

/// Everything that is logged, at every level, by every crate.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Log;

    fn make_writer(&'a self) -> Log {
        self.clone()
    }
}

#[track_caller]
fn is_clean(text: &str) {
    for secret in ["a-rather-secret", ENCODED, &ENCODED[..20], "YS1yYXRoZXIt", HOOK] {
        assert!(!text.contains(secret), "{secret}: {text}");
    }
}

#[tokio::test]
async fn the_key_is_nowhere() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(log.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let echo = format!("got Basic {ENCODED} of {KEY}, password a-rather-secret-password");
    let failure = |status: &str| {
        let error = serde_json::json!({ "kind": echo, "description": echo });
        serde_json::json!({ "id": "t", "status": status, "error": error })
    };
    let address: url::Url = format!("https://{KEY}@api.d-id.com").parse().unwrap();
    let with_key = Client::builder().key(KEY).base_url(address);
    let mut shown = vec![
        format!("{with_key:?} {:?}", with_key.clone().build().unwrap_err()),
        format!("{:?}", ApiKey::new(KEY)),
        format!("{:?}", Client::builder().key(KEY)),
        format!("{:?}", WebhookSecret::new(HOOK)),
    ];
    // In every form a key may have in the configuration.
    for key in [KEY, ENCODED] {
        let fake = FakeDid::builder().key(KEY).start().await.unwrap();
        let client = builder(&fake)
            .key(key)
            .retry(RetryPolicy { max_attempts: 1, ..RetryPolicy::default() })
            .build()
            .unwrap();
        let talk = run_talk(&client).await.unwrap();
        let order = order(&client).await;
        for route in [
            Route::UploadImage,
            Route::CreateTalk,
            Route::ListTalks,
            Route::GetTalk,
            Route::Credits,
            Route::Voices,
            Route::Result,
        ] {
            for fault in [
                Fault::error(400, &echo, &echo),
                Fault::error(401, "AuthorizationError", &echo),
                Fault::html(502, &echo),
                Fault::html(200, &echo),
                Fault::json(403, serde_json::json!({ "message": echo })),
                Fault::json(200, serde_json::json!({ "talks": echo, "status": echo })),
                Fault::json(200, serde_json::json!({ "id": "t", "status": echo })),
                Fault::json(200, failure("error")),
                Fault::json(200, failure("rejected")),
                Fault::error(404, &echo, &echo).header("x-echo", "nothing"),
                Fault::hang_up(),
            ] {
                fake.fault(route, fault);
                let error: Option<Error> = match route {
                    Route::UploadImage => {
                        let picture = crate::support::png(200, 200);
                        let upload = portrait_d_id::ImageUpload::new(picture);
                        client.images().upload(upload).await.err()
                    }
                    Route::CreateTalk => client.talks().create(&order).await.err(),
                    Route::ListTalks => {
                        client.talks().settle(&order.source_url, SystemTime::UNIX_EPOCH).await.err()
                    }
                    Route::GetTalk => {
                        let deadline = std::time::Duration::from_millis(30);
                        let options = portrait_d_id::WaitOptions { deadline, ..wait_options() };
                        client.talks().wait(&talk.id, &options).await.err()
                    }
                    Route::Credits => client.credits().await.err(),
                    Route::Voices => client.voices().list(&Default::default()).await.err(),
                    _ => fetch(&client, talk.result_url.as_ref().unwrap()).await.err(),
                };
                fake.clear_faults();
                shown.extend(error.iter().map(|error| format!("{error} {error:?}")));
            }
        }
        shown.push(format!("{client:?} {:?} {:?}", fake.journal(), fake.talks()));
    }
    assert!(shown.len() > 80, "{} errors", shown.len());
    shown.iter().for_each(|text| is_clean(text));
    let log = String::from_utf8_lossy(&log.0.lock().unwrap()).into_owned();
    // The log was on, down to the connections.
    assert!(log.contains("looking for the talk") && log.contains("TRACE"), "{}", log.len());
    is_clean(&log);
}
