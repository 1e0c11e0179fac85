use std::convert::Infallible;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::task::JoinHandle;
use url::Url;

use crate::delivery::{Delivery, WebhookRecord};
use crate::fault::Fault;
use crate::journal::Entry;
use crate::route::Route;
use crate::state::Shared;
use crate::sync::locked;
use crate::talk::{Ending, Outcome, TalkRecord};

/// The key accepted where the builder names none.
pub(crate) const KEY: &str = "portrait-user:portrait-password";

/// A running server. It stops, and closes every connection, when it is dropped.
pub struct FakeDid {
    shared: Arc<Shared>,
    base: Url,
    server: JoinHandle<Infallible>,
}

impl FakeDid {
    /// The key accepted where the builder names none.
    pub const KEY: &'static str = KEY;

    pub(crate) fn new(
        shared: Arc<Shared>,
        address: SocketAddr,
        server: JoinHandle<Infallible>,
    ) -> FakeDid {
        let base = Url::parse(&format!("http://{address}/"));
        #[expect(clippy::expect_used, reason = "a socket address is a valid host and port")]
        let base = base.expect("a socket address makes a valid URL");
        FakeDid { shared, base, server }
    }

    /// The address to give a client instead of `https://api.d-id.com`.
    #[must_use]
    pub fn base_url(&self) -> Url {
        self.base.clone()
    }

    /// A key the server accepts, in the form `user:password`.
    #[must_use]
    pub fn key(&self) -> &str {
        self.shared.settings.accepted.keys.first().map_or(KEY, String::as_str)
    }

    /// Credits left, as `GET /credits` would say.
    #[must_use]
    pub fn credits(&self) -> f64 {
        let mut world = locked(&self.shared.world);
        world.settle(self.shared.settings.pace, self.shared.clock.now());
        world.remaining
    }

    /// Forgets every fault that has not struck yet.
    pub fn clear_faults(&self) {
        locked(&self.shared.world).clear_faults();
    }

    /// How many requests each fault has struck, in the order the faults were given.
    #[must_use]
    pub fn faults_struck(&self) -> Vec<u32> {
        locked(&self.shared.world).struck.clone()
    }

    /// Sets the credits left.
    pub fn set_credits(&self, credits: u32) {
        locked(&self.shared.world).remaining = f64::from(credits);
    }

    /// Every talk ever created, oldest first.
    #[must_use]
    pub fn talks(&self) -> Vec<TalkRecord> {
        let now = self.shared.clock.now();
        let pace = self.shared.settings.pace;
        let mut world = locked(&self.shared.world);
        world.settle(pace, now);
        world.records(pace, now)
    }

    /// An upload's bytes by the address D-ID gave for it; `None` once it is deleted or expired.
    #[must_use]
    pub fn uploaded(&self, url: &str) -> Option<Bytes> {
        let now = self.shared.clock.now();
        let lifetime = self.shared.settings.upload_lifetime;
        locked(&self.shared.world).upload_at(url, now, lifetime).map(|upload| upload.bytes.clone())
    }

    /// Scripts what becomes of the next talk that is created; several calls queue up.
    pub fn next_talk(&self, outcome: Outcome) {
        locked(&self.shared.world).outcomes.push_back(outcome);
    }

    /// The next talk ends in `error` of this kind, such as `FaceError`.
    pub fn fail_next_talk(&self, kind: &str, description: &str) {
        self.next_talk(Outcome::error(kind, description));
    }

    /// The next talk ends `rejected`.
    pub fn reject_next(&self) {
        self.next_talk(Outcome { ending: Ending::Rejected, ..Outcome::default() });
    }

    /// How the webhook of the next talk that has one is delivered; several calls queue up.
    pub fn next_webhook(&self, delivery: Delivery) {
        locked(&self.shared.world).deliveries.push_back(delivery);
    }

    /// Every webhook sent, in order.
    #[must_use]
    pub fn webhooks(&self) -> Vec<WebhookRecord> {
        locked(&self.shared.world).webhooks.clone()
    }

    /// Lets something go wrong with the next request to a route; several calls queue up.
    pub fn fault(&self, route: Route, fault: Fault) {
        locked(&self.shared.world).add_fault(route, fault);
    }

    /// Lets time pass at once: for talks, uploads and links.
    pub fn advance(&self, by: Duration) {
        self.shared.clock.advance(by);
    }

    /// Every request since the start, in order of arrival.
    #[must_use]
    pub fn journal(&self) -> Vec<Entry> {
        self.shared.journal.entries()
    }

    /// The requests to one route.
    #[must_use]
    pub fn requests(&self, route: Route) -> Vec<Entry> {
        let mut entries = self.journal();
        entries.retain(|entry| entry.route == route);
        entries
    }

    /// How often anything has happened to a request so far. While it stands still, the server
    /// waits: for requests, or for time to pass.
    #[must_use]
    pub fn events(&self) -> u64 {
        self.shared.journal.events()
    }

    /// The most requests to the API that were under way at once; file downloads do not count.
    #[must_use]
    pub fn max_in_flight(&self) -> usize {
        self.shared.journal.max_in_flight()
    }

    /// Requests to the API under way now.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.shared.journal.in_flight()
    }
}

impl Drop for FakeDid {
    fn drop(&mut self) {
        self.server.abort();
        locked(&self.shared.tasks).abort_all();
    }
}

impl fmt::Debug for FakeDid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FakeDid").field("base_url", &self.base.as_str()).finish_non_exhaustive()
    }
}
