//! All steps in one call.

use crate::animate::Video;
use crate::catalogue::Warning;
use crate::cut_out::{PersonCutOut, PersonResult};
use crate::message::Message;
use crate::pipeline::{Detections, Pipeline};
use crate::progress::{Progress, Stage};
use crate::saying::Saying;
use crate::{Error, Photo};
use portrait_detection::DetectOptions;
use portrait_segmentation::CutOutOptions;
use portrait_storage::Artifact;

/// What [`Pipeline::run`] does with a photo.
#[derive(Debug, Clone)]
pub struct Request {
    /// The photo.
    pub photo: Photo,
    /// How persons are looked for.
    pub detect: DetectOptions,
    /// The persons wanted; `None` for all.
    pub persons: Option<Vec<usize>>,
    /// How they are cut out.
    pub cut_out: CutOutOptions,
    /// What they say; `None` stops at the cut-outs.
    pub message: Option<Message>,
    /// Who is told what happens.
    pub progress: Progress,
}

impl Request {
    /// Cuts everybody in the photo out, with default options.
    pub fn new(photo: Photo) -> Self {
        Self {
            photo,
            detect: DetectOptions::default(),
            persons: None,
            cut_out: CutOutOptions::default(),
            message: None,
            progress: Progress::default(),
        }
    }

    /// Lets them say something.
    #[must_use]
    pub fn say(mut self, message: Message) -> Self {
        self.message = Some(message);
        self
    }
}

/// What came of a request.
#[derive(Debug)]
pub struct Outcome {
    /// Who was found.
    pub detections: Detections,
    /// The cut-outs of the persons wanted.
    pub cut_outs: Vec<PersonResult<PersonCutOut>>,
    /// The videos of the persons whose cut-out succeeded; empty without a message.
    pub videos: Vec<PersonResult<Video>>,
}

impl Outcome {
    /// Every warning of every step.
    pub fn warnings(&self) -> impl Iterator<Item = &Warning> {
        let cut_outs = self.cut_outs.iter().filter_map(|person| person.result.as_ref().ok());
        let videos = self.videos.iter().filter_map(|person| person.result.as_ref().ok());
        self.detections
            .warnings
            .iter()
            .chain(cut_outs.flat_map(|cut_out| &cut_out.warnings))
            .chain(videos.flat_map(|video| &video.warnings))
    }
}

impl Pipeline {
    /// Detects, cuts out and, where there is a message, animates; keeps the photo, the cut-outs and
    /// the videos in the storage.
    ///
    /// While it runs the photo is held, so that no sweep of the storage takes it away.
    ///
    /// # Errors
    /// What concerns the whole photo: [`Error::NoPerson`], [`Error::UnknownPerson`],
    /// [`Error::Weights`], [`Error::NotConfigured`] (before anything is computed), and others; and
    /// [`Error::Message`] for what all of them would say, unless some of it was ordered before.
    /// What concerns one person is in that person's result.
    pub async fn run(&self, request: Request) -> Result<Outcome, Error> {
        let this = self.admit()?;
        let Request { photo, detect, persons, cut_out, message, progress } = request;
        let saying = match &message {
            Some(message) => {
                // What can be told before the work.
                this.d_id()?;
                let identified = this.identified(message).await?;
                Some(Saying::new(&this, message, identified, &progress))
            }
            None => None,
        };
        let storage = this.storage();
        let _hold = storage.hold(photo.id()).await;
        storage.put(Artifact::Upload { photo: photo.id() }, photo.bytes().clone()).await?;
        let found = this.detect(&photo, &detect);
        let detections = progress.watch(Stage::Detection, None, found).await?;
        let selection = match &persons {
            Some(ids) => detections.select(ids)?,
            None => detections.select_all(),
        };
        // The message is made ready meanwhile: for somebody, and not before there is somebody, and
        // only if somebody needs it.
        let said = async {
            let Some(saying) = &saying else { return Ok(()) };
            let persons = selection.selected.iter().copied();
            if this.nothing_ordered(photo.id(), persons, &saying.identity).await {
                saying.said().await?;
            }
            Ok(())
        };
        let cut_outs = this.cut_out_watched(&photo, &selection, &cut_out, &progress);
        let (mut cut_outs, ()) = futures::try_join!(cut_outs, said)?;
        for person in &mut cut_outs {
            if let Ok(cut_out) = &person.result {
                let artifact = Artifact::CutOut {
                    photo: photo.id(),
                    person: person.person_id as u32,
                    recipe: None,
                };
                if let Err(error) = storage.put(artifact, cut_out.png.clone()).await {
                    person.result = Err(error.into());
                }
            }
        }
        let videos = match saying {
            Some(saying) => {
                let ready: Vec<_> = cut_outs
                    .iter()
                    .filter_map(|person| person.result.as_ref().ok())
                    .cloned()
                    .collect();
                this.say(photo.id(), &ready, saying, &progress).await?
            }
            None => Vec::new(),
        };
        Ok(Outcome { detections, cut_outs, videos })
    }
}
