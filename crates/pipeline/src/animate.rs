//! The third step: cut-outs that talk, by D-ID.

use crate::catalogue::Warning;
use crate::cut_out::{PersonCutOut, PersonResult};
use crate::picture::{Background, talk_picture};
use crate::pipeline::Pipeline;
use crate::progress::{Progress, Stage};
use crate::{Error, PhotoId};
use bytes::Bytes;
use futures::{StreamExt, stream};
use portrait_d_id::{AudioUpload, Client, CreateTalk, ImageUpload, Provider, Script, WaitOptions};
use portrait_storage::{Artifact, Key, StreamOptions, VideoId};
use serde::Serialize;

/// Talks of one request that are in work at once.
const AT_ONCE: usize = 4;

/// What the portraits say.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// Text or sound, never both.
    pub speech: Speech,
    /// What the video shows behind the person: D-ID's talks have no transparency.
    pub background: Background,
    /// How long and how often to ask D-ID for the video.
    pub wait: WaitOptions,
}

/// What is heard.
#[derive(Debug, Clone, PartialEq)]
pub enum Speech {
    /// Text, read by a voice.
    Text {
        /// 3 to 40,000 characters.
        text: String,
        /// Who reads it; D-ID's default voice where there is none.
        voice: Option<Provider>,
    },
    /// A recording.
    Audio {
        /// A whole file of at most 6 MB.
        bytes: Bytes,
        /// Its media type, such as `audio/wav`.
        media_type: String,
    },
}

impl Message {
    /// A text read by D-ID's default voice, on white.
    pub fn text(text: impl Into<String>) -> Self {
        Self {
            speech: Speech::Text { text: text.into(), voice: None },
            background: Background::default(),
            wait: WaitOptions::default(),
        }
    }
}

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
    /// [`Error::NotConfigured`] without a D-ID client. What concerns one person is in that
    /// person's result.
    pub async fn animate(
        &self,
        photo: PhotoId,
        cut_outs: &[PersonCutOut],
        message: &Message,
        progress: &Progress,
    ) -> Result<Vec<PersonResult<Video>>, Error> {
        let client = self.inner.d_id.as_ref().ok_or(Error::NotConfigured {
            what: "D-ID",
            advice: "give the builder a D-ID client, or the command a key in D_ID_API_KEY",
        })?;
        let jobs: Vec<_> = cut_outs
            .iter()
            .map(|cut_out| async move {
                let person_id = cut_out.person.person_id;
                let result = self.talk(client, photo, cut_out, message, progress).await;
                PersonResult { person_id, result }
            })
            .collect();
        Ok(stream::iter(jobs).buffered(AT_ONCE).collect().await)
    }

    async fn talk(
        &self,
        client: &Client,
        photo: PhotoId,
        cut_out: &PersonCutOut,
        message: &Message,
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
            let script = script(client, &message.speech).await?;
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

async fn script(client: &Client, speech: &Speech) -> Result<Script, Error> {
    Ok(match speech {
        Speech::Text { text, voice } => {
            let script = Script::text(text.clone());
            match voice {
                Some(voice) => script.spoken_by(voice.clone()),
                None => script,
            }
        }
        Speech::Audio { bytes, media_type } => {
            let upload = AudioUpload::new(bytes.clone(), media_type.clone());
            Script::audio(client.audios().upload(upload).await?.url)
        }
    })
}
