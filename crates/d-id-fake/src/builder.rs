use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::auth::Accepted;
use crate::clock::Clock;
use crate::error::Error;
use crate::fake::{FakeDid, KEY};
use crate::journal::Journal;
use crate::server;
use crate::state::{ListOrder, MissingSource, Settings, Shared, World};
use crate::talk::Pace;

/// Settings of a server to start; see [`FakeDid::builder`].
#[must_use]
pub struct FakeDidBuilder {
    settings: Settings,
    port: u16,
}

impl FakeDid {
    /// Settings of a server to start.
    pub fn builder() -> FakeDidBuilder {
        let day = Duration::from_secs(24 * 60 * 60);
        FakeDidBuilder {
            settings: Settings {
                accepted: Accepted::default(),
                credits: 100.0,
                seconds_per_credit: 15.0,
                pace: Pace::default(),
                strict_bodies: true,
                upload_lifetime: day,
                result_lifetime: day,
                allow_stitch: true,
                allow_subtitles: true,
                s3_uploads: false,
                s3_results: false,
                missing_source: MissingSource::default(),
                list_order: ListOrder::default(),
                has_face: Arc::new(|_| true),
                video: None,
                ranges: true,
            },
            port: 0,
        }
    }
}

impl FakeDidBuilder {
    /// Accepts a key of the form `user:password`; the first call replaces the default
    /// [`FakeDid::KEY`].
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.settings.accepted.keys.push(key.into());
        self
    }

    /// Accepts `Authorization: Bearer` with this token too.
    pub fn bearer(mut self, token: impl Into<String>) -> Self {
        self.settings.accepted.bearer.push(token.into());
        self
    }

    /// Credits on the account; 100 by default.
    pub fn credits(mut self, credits: u32) -> Self {
        self.settings.credits = f64::from(credits);
        self
    }

    /// Seconds of speech one credit pays for, more than 0; 15 by default. Every talk takes at
    /// least one credit.
    pub fn seconds_per_credit(mut self, seconds: f64) -> Self {
        if seconds > 0.0 {
            self.settings.seconds_per_credit = seconds;
        }
        self
    }

    /// How talks move on; after 50 ms by default.
    pub fn pace(mut self, pace: Pace) -> Self {
        self.settings.pace = pace;
        self
    }

    /// Talks end this long after their creation: [`Pace::Time`].
    pub fn talk_duration(self, duration: Duration) -> Self {
        self.pace(Pace::Time(duration))
    }

    /// Whether a body of `POST /talks` with fields the OpenAPI description does not list is
    /// refused (400) or the fields are ignored; refused by default.
    pub fn strict_bodies(mut self, strict: bool) -> Self {
        self.settings.strict_bodies = strict;
        self
    }

    /// How long uploads can be used; 24 hours by default.
    pub fn upload_lifetime(mut self, lifetime: Duration) -> Self {
        self.settings.upload_lifetime = lifetime;
        self
    }

    /// How long the link to a finished video works; 24 hours by default.
    pub fn result_lifetime(mut self, lifetime: Duration) -> Self {
        self.settings.result_lifetime = lifetime;
        self
    }

    /// Whether the plan allows `config.stitch`; otherwise 403.
    pub fn allow_stitch(mut self, allow: bool) -> Self {
        self.settings.allow_stitch = allow;
        self
    }

    /// Whether the plan allows `script.subtitles`; otherwise 403.
    pub fn allow_subtitles(mut self, allow: bool) -> Self {
        self.settings.allow_subtitles = allow;
        self
    }

    /// Answers uploads with `s3://` addresses instead of the server's own `http` ones. D-ID uses
    /// both forms, `s3` and `https`.
    pub fn s3_uploads(mut self, s3: bool) -> Self {
        self.settings.s3_uploads = s3;
        self
    }

    /// Answers finished talks with `s3://` addresses, which cannot be fetched.
    pub fn s3_results(mut self, s3: bool) -> Self {
        self.settings.s3_results = s3;
        self
    }

    /// What becomes of a talk whose picture has expired or was deleted.
    pub fn missing_source(mut self, missing: MissingSource) -> Self {
        self.settings.missing_source = missing;
        self
    }

    /// The order of `GET /talks`; newest first by default.
    pub fn list_order(mut self, order: ListOrder) -> Self {
        self.settings.list_order = order;
        self
    }

    /// Which uploaded pictures have a face, by their bytes; all by default. A talk of one without
    /// ends in `FaceError`.
    pub fn has_face(mut self, rule: impl Fn(&[u8]) -> bool + Send + Sync + 'static) -> Self {
        self.settings.has_face = Arc::new(rule);
        self
    }

    /// The file every finished talk yields. By default it is a video of the talk's own picture.
    pub fn video(mut self, file: impl Into<Bytes>) -> Self {
        self.settings.video = Some(file.into());
        self
    }

    /// Whether parts of videos can be asked for, as S3 allows; otherwise the whole comes always.
    pub fn ranges(mut self, ranges: bool) -> Self {
        self.settings.ranges = ranges;
        self
    }

    /// The port to listen on; a free one by default.
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// Starts the server on 127.0.0.1. It runs on the current tokio runtime.
    ///
    /// # Errors
    /// [`Error::Key`] for a key that is not `user:password`, [`Error::Listen`] when no port can be
    /// opened.
    pub async fn start(mut self) -> Result<FakeDid, Error> {
        let accepted = &mut self.settings.accepted;
        if accepted.keys.is_empty() {
            accepted.keys.push(KEY.to_owned());
        }
        let well_formed = |key: &String| {
            key.split_once(':')
                .is_some_and(|(user, password)| !user.is_empty() && !password.is_empty())
        };
        if !accepted.keys.iter().all(well_formed) {
            return Err(Error::Key);
        }
        let listener = TcpListener::bind(("127.0.0.1", self.port))
            .await
            .map_err(|source| Error::Listen { source })?;
        let address = listener.local_addr().map_err(|source| Error::Listen { source })?;
        let shared = Arc::new(Shared {
            base: format!("http://{address}/"),
            clock: Clock::new(),
            journal: Journal::new(),
            world: Mutex::new(World::new(self.settings.credits)),
            tasks: Mutex::new(JoinSet::new()),
            settings: self.settings,
        });
        let server = tokio::spawn(server::run(listener, Arc::clone(&shared)));
        Ok(FakeDid::new(shared, address, server))
    }
}
