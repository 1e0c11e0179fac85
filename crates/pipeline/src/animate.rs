//! The third step: cut-outs that talk, by D-ID.

use crate::catalogue::Warning;
use crate::cut_out::{PersonCutOut, PersonResult};
use crate::message::{Message, PreparedMessage};
use crate::picture::talk_picture;
use crate::pipeline::Pipeline;
use crate::progress::{Progress, Stage};
use crate::script::Scripts;
use crate::{Error, PhotoId};
use futures::{StreamExt, stream};
use portrait_d_id::{Client, CreateTalk, ImageUpload};
use portrait_storage::{Artifact, Key, StreamOptions, VideoId};
use serde::Serialize;

/// Talks of one request that are in work at once.
const AT_ONCE: usize = 4;

/// A finished talk.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Video {
    /// D-ID's id of the talk.
    pub talk_id: String,
    /// Where the video is kept in the pipeline's storage.
    #[serde(serialize_with = "as_text")]
    pub key: Key,
    /// Its size.
    pub bytes: u64,
    /// Its length in seconds, where D-ID says so.
    pub seconds: Option<f64>,
    /// What to look at.
    pub warnings: Vec<Warning>,
}

fn as_text<S: serde::Serializer>(key: &Key, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(key)
}

impl Pipeline {
    /// Makes a talking video of each cut-out. Costs D-ID credits for each.
    ///
    /// Nothing is ordered twice blindly: each picture has a name of its own, and a talk whose order
    /// got no answer is looked for by it before it is ordered again. Videos are downloaded into the
    /// storage at once, since D-ID's links expire.
    ///
    /// # Errors
    /// [`Error::NotConfigured`] without a D-ID client; those of
    /// [`prepare_message`](Self::prepare_message). What concerns one person is in that person's
    /// result.
    pub async fn animate(
        &self,
        photo: PhotoId,
        cut_outs: &[PersonCutOut],
        message: &Message,
        progress: &Progress,
    ) -> Result<Vec<PersonResult<Video>>, Error> {
        self.client()?;
        let message = self.prepare_message(message, progress).await?;
        self.animate_prepared(photo, cut_outs, &message, progress).await
    }

    /// The same with a message that is ready: once made, it can be said by many.
    ///
    /// # Errors
    /// [`Error::NotConfigured`] without a D-ID client. What concerns one person is in that
    /// person's result.
    pub async fn animate_prepared(
        &self,
        photo: PhotoId,
        cut_outs: &[PersonCutOut],
        message: &PreparedMessage,
        progress: &Progress,
    ) -> Result<Vec<PersonResult<Video>>, Error> {
        let client = self.client()?;
        let scripts = &Scripts::new(message);
        let jobs: Vec<_> = cut_outs
            .iter()
            .map(|cut_out| async move {
                let person_id = cut_out.person.person_id;
                let result = self.talk(client, photo, cut_out, message, scripts, progress).await;
                PersonResult { person_id, result }
            })
            .collect();
        Ok(stream::iter(jobs).buffered(AT_ONCE).collect().await)
    }

    pub(crate) fn client(&self) -> Result<&Client, Error> {
        self.inner.d_id.as_ref().ok_or(Error::NotConfigured {
            what: "D-ID",
            advice: "give the builder a D-ID client, or the command a key in D_ID_API_KEY",
        })
    }

    async fn talk(
        &self,
        client: &Client,
        photo: PhotoId,
        cut_out: &PersonCutOut,
        message: &PreparedMessage,
        scripts: &Scripts<'_>,
        progress: &Progress,
    ) -> Result<Video, Error> {
        let person_id = Some(cut_out.person.person_id);
        let video = VideoId::generate();
        let (picture, background) = (cut_out.cut_out.image.clone(), message.background.clone());
        let order = async {
            let flatten = move || talk_picture(&picture, &background);
            let picture = self.inner.cores.run("talk", flatten).await??;
            let mut upload = ImageUpload::new(picture.bytes);
            upload.file_name = Some(format!("{video}.jpg"));
            let uploaded = client.images().upload(upload).await?;
            let script = scripts.script(client).await?;
            let talk = client.talks().create(&CreateTalk::new(uploaded.url, script)).await?;
            Ok((talk, picture.warning))
        };
        let (talk, warning) = progress.watch(Stage::Talk, person_id, order).await?;
        let finished = async { Ok(client.talks().wait(&talk.id, &message.wait).await?) };
        let finished = progress.watch(Stage::Video, person_id, finished).await?;
        let download = async {
            let link = finished.result_url.as_deref().ok_or(Error::NotConfigured {
                what: "the link of the finished video",
                advice: "D-ID gave none; look at the talk in its Studio",
            })?;
            let person = cut_out.person.person_id as u32;
            let artifact = Artifact::Video { photo, person, video };
            let content = client.download(link);
            let options = StreamOptions::default();
            Ok(self.inner.storage.put_stream(artifact, content, options).await?)
        };
        let stored = progress.watch(Stage::Download, person_id, download).await?;
        Ok(Video {
            talk_id: talk.id.to_string(),
            key: stored.key,
            bytes: stored.size,
            seconds: finished.duration,
            warnings: warning.map(|warning| Warning { person_id, ..warning }).into_iter().collect(),
        })
    }
}
