use std::time::SystemTime;

use futures::future::BoxFuture;
use reqwest::Method;

use crate::create;
use crate::error::Error;
use crate::find::{self, Back, Look};
use crate::ids::TalkId;
use crate::operation::Operation;
use crate::request::CreateTalk;
use crate::talk::{ListTalks, Talk, TalkPage};
use crate::transport::Transport;
use crate::wait::{self, WaitOptions};

/// Talking videos; see [`Client::talks`](crate::Client::talks).
#[derive(Clone, Copy)]
pub struct Talks<'a> {
    pub(crate) transport: &'a Transport,
}

impl Talks<'_> {
    /// Orders a talk (`POST /talks`). This takes credits, so it is never sent twice on a guess.
    ///
    /// Refused requests are final, but 429 and failed connections, which cannot have made a
    /// talk, are tried again. After a lost answer (time-out, 5xx, broken connection, unreadable
    /// success) the talks are listed, and one with the same `source_url` is returned as if it had
    /// been the answer; only when it is not there is the request sent again, as
    /// [`CreateRecovery`](crate::CreateRecovery) says. For this, `source_url` must belong to this
    /// talk alone.
    ///
    /// # Errors
    /// [`Error::InvalidRequest`] before anything is sent; [`Error::CreateAmbiguous`] when it
    /// remains unknown whether the talk was made; [`Error::InsufficientCredits`],
    /// [`Error::Permission`], [`Error::Moderation`], [`Error::InvalidImage`],
    /// [`Error::BadRequest`], and what any request may fail with.
    pub async fn create(&self, talk: &CreateTalk) -> Result<Talk, Error> {
        create::create(self.transport, talk, || Box::pin(async { Ok(()) })).await
    }

    /// The same for a program that may be stopped at any moment and must not pay twice then
    /// either: `record` is run to its end before each time the request is sent, and keeps
    /// `source_url` and the time ([`Client::now`](crate::Client::now)) where the next run of the
    /// program finds them, for [`settle`](Self::settle).
    ///
    /// # Errors
    /// [`Error::NotRecorded`] when `record` fails, and then the request was not sent (again);
    /// otherwise as [`Talks::create`].
    pub async fn create_recorded<E>(
        &self,
        talk: &CreateTalk,
        mut record: impl FnMut() -> BoxFuture<'static, Result<(), E>> + Send,
    ) -> Result<Talk, Error>
    where
        E: Into<Box<dyn std::error::Error + Send + Sync>> + 'static,
    {
        let record = || -> create::Recording {
            let recording = record();
            Box::pin(async move { recording.await.map_err(Into::into) })
        };
        create::create(self.transport, talk, record).await
    }

    /// A talk as it stands (`GET /talks/{id}`).
    ///
    /// # Errors
    /// [`Error::NotFound`], and what any request may fail with.
    pub async fn get(&self, id: &TalkId) -> Result<Talk, Error> {
        let make = || self.transport.request(Method::GET, &["talks", id.as_str()]);
        let reply = self.transport.retried(Operation::GetTalk, make).await?;
        reply.json(&self.transport.redactor)
    }

    /// A page of the account's talks (`GET /talks`).
    ///
    /// # Errors
    /// What any request may fail with.
    pub async fn list(&self, list: &ListTalks) -> Result<TalkPage, Error> {
        find::page(self.transport, list).await.map(|(page, _)| page)
    }

    /// The newest talk of a picture, by its `source_url`, as the list shows it now. Reads at most
    /// as many pages as [`CreateRecovery::max_pages`](crate::CreateRecovery::max_pages) says.
    ///
    /// # Errors
    /// [`Error::ListTooLong`] when there are more pages, and what listing may fail with.
    pub async fn find_by_source(&self, source_url: &str) -> Result<Option<Talk>, Error> {
        let matches = |talk: &Talk| find::is_of_source(talk, source_url);
        match find::look(self.transport, &matches, Back::All).await? {
            Look::Found(talk) => Ok(Some(*talk)),
            Look::Absent => Ok(None),
            Look::Unfinished => {
                let pages = self.transport.create_recovery.max_pages;
                Err(Error::ListTooLong { pages })
            }
        }
    }

    /// Whether a `POST /talks` of this picture, sent at `sent`, made a talk: for a program that
    /// was stopped between sending and the answer. Looks at the list at once and then until
    /// [`CreateRecovery::settled_after`](crate::CreateRecovery::settled_after) has passed since the
    /// request must have ended, by the client's time-out after `sent`. `None` means that it made
    /// none, and may be sent again.
    ///
    /// The talk is known by its picture alone. The time only spares pages of the list that are
    /// older by more than a day, and not even those where it lies ahead of the server's clock.
    ///
    /// # Errors
    /// [`Error::ListTooLong`], and what listing may fail with: the question is then still open.
    pub async fn settle(&self, source_url: &str, sent: SystemTime) -> Result<Option<Talk>, Error> {
        create::settle(self.transport, source_url, sent).await
    }

    /// Removes a talk and its video (`DELETE /talks/{id}`); returns it as it was, or `None` when
    /// that was told in an answer that got lost.
    ///
    /// # Errors
    /// [`Error::NotReady`] while it is in process, [`Error::NotFound`], and what any request may
    /// fail with.
    pub async fn delete(&self, id: &TalkId) -> Result<Option<Talk>, Error> {
        let make = || self.transport.request(Method::DELETE, &["talks", id.as_str()]);
        let reply = self.transport.removed(Operation::DeleteTalk, make).await?;
        reply.map(|reply| reply.json(&self.transport.redactor)).transpose()
    }

    /// Waits until a talk is done, by asking again and again with growing pauses. The talk
    /// returned has a `result_url`.
    ///
    /// A poll that fails for the moment does not end the wait: the talk is paid for.
    ///
    /// # Errors
    /// [`Error::TalkFailed`], [`Error::TalkRejected`]; [`Error::Timeout`] with the last known
    /// status at the deadline; any error that trying again cannot mend.
    pub async fn wait(&self, id: &TalkId, options: &WaitOptions) -> Result<Talk, Error> {
        self.wait_with(id, options, |_| {}).await
    }

    /// The same, telling `progress` of the talk after every poll.
    ///
    /// # Errors
    /// As [`Talks::wait`].
    pub async fn wait_with(
        &self,
        id: &TalkId,
        options: &WaitOptions,
        progress: impl FnMut(&Talk) + Send,
    ) -> Result<Talk, Error> {
        wait::until_done(self.transport, id, options, progress).await
    }
}
