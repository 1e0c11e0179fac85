//! All steps in one call.

use crate::cut_out::{PersonCutOut, PersonResult};
use crate::detection::{Detections, Selection};
use crate::error::{Error, Warning};
use crate::photo::Photo;
use crate::pipeline::Pipeline;
use crate::progress::Step;
use crate::stage::Stage;
use crate::video::{Message, Portrait, SharedMessage, Video};
use portrait_detection::DetectOptions;
use portrait_segmentation::CutOutOptions;

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
    /// Whether the background is removed. Where it is not, the persons talk before the photo, cut
    /// as wide as [`CutOutOptions::padding`] says, and there are no cut-outs.
    pub remove_background: bool,
    /// What they say; `None` stops at the cut-outs.
    pub message: Option<Message>,
}

impl Request {
    /// Cuts everybody in the photo out, with default options.
    pub fn new(photo: Photo) -> Self {
        Self {
            photo,
            detect: DetectOptions::default(),
            persons: None,
            cut_out: CutOutOptions::default(),
            remove_background: true,
            message: None,
        }
    }

    /// Lets them say something.
    #[must_use]
    pub fn say(mut self, message: Message) -> Self {
        self.message = Some(message);
        self
    }

    /// The stages that the request goes through, and how many persons go through each.
    fn stages(&self, persons: usize) -> Vec<(Stage, usize)> {
        let mut stages = vec![(Stage::Detection, 1)];
        if self.remove_background {
            stages.push((Stage::Segmentation, persons));
        }
        if self.message.is_some() {
            let talk = [Stage::Talk, Stage::Video, Stage::Download];
            stages.extend(talk.map(|stage| (stage, persons)));
        }
        stages
    }
}

/// What came of a request.
#[derive(Debug, Clone)]
#[non_exhaustive]
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
    /// Detects, cuts out and, where there is a message, animates; keeps the photo, who was found,
    /// the cut-outs and the videos in the storage.
    ///
    /// While it runs the photo is held, so that no sweep of the storage takes it away.
    ///
    /// # Errors
    /// What concerns the whole photo: [`Error::NoPerson`], [`Error::UnknownPerson`],
    /// [`Error::Weights`], [`Error::NotConfigured`] (before anything is computed),
    /// [`Error::Deleted`], and others; and [`Error::Message`] for what all of them would say, unless
    /// some of it was ordered before. What concerns one person is in that person's result.
    pub async fn run(&self, request: Request) -> Result<Outcome, Error> {
        let this = self.admit()?;
        this.while_wanted(request.photo.id(), this.run_admitted(&request)).await
    }

    async fn run_admitted(&self, request: &Request) -> Result<Outcome, Error> {
        let Request { photo, detect, persons, cut_out, remove_background, message } = request;
        self.context.progress.plan(&request.stages(persons.as_ref().map_or(1, Vec::len)));
        let message = match message {
            Some(message) => {
                // What can be told before the work.
                self.d_id()?;
                let identified = self.identified(message).await?;
                Some(SharedMessage::new(self, photo.id(), message, identified))
            }
            None => None,
        };
        let _hold = self.storage().hold(photo.id()).await;
        self.keep(photo).await?;
        let detections = self.detect(photo, detect).await?;
        self.keep_detections(photo, &detections).await?;
        let selection = match persons {
            Some(ids) => detections.select(ids)?,
            None => detections.select_all(),
        };
        self.context.progress.plan(&request.stages(selection.wanted().count()));
        let (cut_outs, portraits) = if *remove_background {
            // The message is made ready meanwhile: for somebody, and not before there is somebody,
            // and only if somebody needs it.
            let said = self.said_early(photo, &selection, cut_out, message.as_ref());
            let cut_outs = self.cut_out(photo, &selection, cut_out);
            let (mut cut_outs, ()) = futures::try_join!(cut_outs, said)?;
            for person in &mut cut_outs {
                let Ok(cut_out) = &mut person.result else { continue };
                if let Err(error) = self.keep_cut_out(photo.id(), cut_out).await {
                    let failed = Step::Failed { code: error.code() };
                    let person_id = Some(person.person_id);
                    self.context.progress.tell(Stage::Segmentation, person_id, failed);
                    person.result = Err(error);
                }
            }
            let ready = cut_outs.iter().filter_map(|person| person.result.as_ref().ok());
            let portraits: Vec<Portrait> = ready.map(Portrait::from).collect();
            (cut_outs, portraits)
        } else {
            (Vec::new(), self.crop(photo, &selection, cut_out.padding).await?)
        };
        let videos = match message {
            Some(message) => self.say(photo.id(), &portraits, message).await?,
            None => Vec::new(),
        };
        Ok(Outcome { detections, cut_outs, videos })
    }

    /// Makes the message ready if none of these persons has an order of it.
    async fn said_early(
        &self,
        photo: &Photo,
        selection: &Selection,
        options: &CutOutOptions,
        message: Option<&SharedMessage<'_>>,
    ) -> Result<(), Error> {
        let Some(message) = message else { return Ok(()) };
        let recipes = self.cut_out_recipes(selection, options).await?;
        if self.nothing_ordered(photo.id(), recipes.into_iter(), &message.identities).await {
            message.said().await?;
        }
        Ok(())
    }
}
