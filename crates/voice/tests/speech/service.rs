//! A speech service that answers as it is told, and remembers what it was asked.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Response, StatusCode};
use futures::StreamExt;
use portrait_voice::{Audio, EncodeOptions, HttpSpeech, HttpSpeechBuilder, RetryPolicy, encode};
use serde_json::Value;

/// One answer.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    /// A second of a tone.
    Sound,
    /// This status with these headers and this body.
    Plain(u16, Vec<(&'static str, String)>, String),
    /// Silence for so long, then a second of a tone.
    Late(Duration),
    /// So many bytes of a sound, then the connection is lost.
    Cut(usize),
    /// So many bytes of a sound without a length, piece by piece.
    Endless,
}

#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
    pub(crate) at: Instant,
}

#[derive(Default)]
struct World {
    answers: VecDeque<Answer>,
    asked: Vec<Asked>,
}

/// Stops when it is dropped.
pub(crate) struct Service {
    world: Arc<Mutex<World>>,
    pub(crate) address: String,
    server: tokio::task::JoinHandle<()>,
}

impl Service {
    /// Gives these answers, then sounds.
    pub(crate) async fn start(answers: impl IntoIterator<Item = Answer>) -> Service {
        let world = World { answers: answers.into_iter().collect(), asked: Vec::new() };
        let world = Arc::new(Mutex::new(world));
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = format!("http://{}/v1", listener.local_addr().unwrap());
        let app = Router::new().fallback(answer).with_state(Arc::clone(&world));
        let server = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Service { world, address, server }
    }

    pub(crate) fn builder(&self) -> HttpSpeechBuilder {
        let retry = RetryPolicy {
            max_attempts: 3,
            first_pause: Duration::from_millis(20),
            ..RetryPolicy::default()
        };
        HttpSpeech::builder(self.address.parse().unwrap()).retry(retry)
    }

    pub(crate) fn speech(&self) -> HttpSpeech {
        self.builder().build().unwrap()
    }

    /// What was asked since the last call.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut self.world.lock().unwrap().asked)
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn answer(State(world): State<Arc<Mutex<World>>>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    let asked = Asked {
        path: format!("{} {}", parts.method, parts.uri),
        headers: parts.headers,
        body: serde_json::from_slice(&body).unwrap_or_default(),
        at: Instant::now(),
    };
    let answer = {
        let mut world = world.lock().unwrap();
        world.asked.push(asked);
        world.answers.pop_front().unwrap_or(Answer::Sound)
    };
    let sound = |body| Response::builder().header("content-type", "audio/wav").body(body).unwrap();
    match answer {
        Answer::Sound => sound(tone().into()),
        Answer::Plain(status, headers, body) => {
            let mut response = Response::builder().status(StatusCode::from_u16(status).unwrap());
            for (name, value) in headers {
                response = response.header(name, value);
            }
            response.body(body.into()).unwrap()
        }
        Answer::Late(pause) => {
            tokio::time::sleep(pause).await;
            sound(tone().into())
        }
        Answer::Cut(length) => {
            let begun = futures::stream::iter([Ok(Bytes::from(tone()[..length].to_vec()))]);
            // Late enough that what came before is sent.
            let lost = futures::stream::once(async {
                tokio::time::sleep(Duration::from_millis(50)).await;
                Err(std::io::Error::other("the cable was pulled"))
            });
            sound(Body::from_stream(begun.chain(lost)))
        }
        Answer::Endless => {
            let piece = Bytes::from(vec![0; 64 << 10]);
            let begin = futures::stream::iter([Bytes::from(tone())]);
            let pieces = begin.chain(futures::stream::repeat(piece)).map(Ok::<_, std::io::Error>);
            sound(Body::from_stream(pieces))
        }
    }
}

/// A second of 440 Hz as a WAV file.
pub(crate) fn tone() -> Vec<u8> {
    let wave = |at: i32| 0.3 * (at as f32 / 16_000.0 * 440.0 * std::f32::consts::TAU).sin();
    let audio = Audio::new(16_000, (0..16_000).map(wave).collect()).unwrap();
    encode(&audio, &EncodeOptions::default()).unwrap().bytes.to_vec()
}
