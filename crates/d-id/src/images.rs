use bytes::Bytes;
use reqwest::{Body, Method, multipart};
use serde::Deserialize;

use crate::check;
use crate::error::Error;
use crate::ids::ImageId;
use crate::lenient;
use crate::operation::Operation;
use crate::picture::{self, ImageType};
use crate::transport::Transport;

/// Pictures in D-ID's temporary store; see [`Client::images`](crate::Client::images).
#[derive(Clone, Copy)]
pub struct Images<'a> {
    pub(crate) transport: &'a Transport,
}

/// A picture to upload.
#[derive(Debug, Clone, PartialEq)]
pub struct ImageUpload {
    /// A whole JPEG or PNG file: at most 10 MB and 10,485,760 pixels, at least 160 pixels a side.
    /// D-ID knows no transparency in talks: flatten the picture first.
    pub bytes: Bytes,
    /// A name of 1 to 50 characters of `a-z A-Z 0-9 . _ -`; `image.jpg` or `image.png` where
    /// there is none.
    pub file_name: Option<String>,
    /// Whether D-ID should say where faces are.
    pub detect_faces: bool,
}

impl ImageUpload {
    /// A picture with everything optional left to D-ID.
    #[must_use]
    pub fn new(bytes: impl Into<Bytes>) -> ImageUpload {
        ImageUpload { bytes: bytes.into(), file_name: None, detect_faces: false }
    }

    /// Checks the documented limits by the file's header, as [`Images::upload`] does before it
    /// sends anything.
    ///
    /// # Errors
    /// [`Error::InvalidRequest`] naming what breaks one.
    pub fn check(&self) -> Result<ImageType, Error> {
        let invalid = |reason: String| Err(Error::invalid("image", reason));
        let Some(kind) = ImageType::of(&self.bytes) else {
            return invalid("it is neither JPEG nor PNG; convert it".to_owned());
        };
        if self.bytes.len() > picture::MAX_PICTURE_BYTES {
            let size = self.bytes.len();
            return invalid(format!("it has {size} bytes; at most 10 MB are allowed"));
        }
        if let Some((width, height)) = kind.dimensions(&self.bytes) {
            if width.min(height) < picture::MIN_PICTURE_SIDE {
                return invalid(format!(
                    "it is {width}x{height}; at least 160 pixels a side are needed"
                ));
            }
            if u64::from(width) * u64::from(height) > picture::MAX_PICTURE_PIXELS {
                return invalid(format!(
                    "it is {width}x{height}; at most 10,485,760 pixels are allowed: scale it down"
                ));
            }
        }
        match &self.file_name {
            Some(name) => check::file_name(name).map(|()| kind),
            None => Ok(kind),
        }
    }
}

/// Where an uploaded picture is kept, for 24 to 48 hours.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct UploadedImage {
    /// The id to delete it by; D-ID documents it as optional.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub id: Option<ImageId>,
    /// The address to make a talk of, `https` or `s3`.
    pub url: String,
    /// The faces, where they were asked for.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub faces: Option<Vec<Face>>,
}

/// A face in a picture; positions in pixels.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct Face {
    /// Side of the square around the face.
    pub size: f64,
    /// The square's corner, from the left and from the top; may be negative.
    pub top_left: [f64; 2],
    /// Whether it overlaps another face: `NO`, `PARTIAL`, `YES`, `UNKNOWN`.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub overlap: Option<String>,
    /// The face's id.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub face_id: Option<String>,
    /// How sure the detector is, 0 to 1.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub detect_confidence: Option<f64>,
    /// Whether something covers it.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub face_occluded: Option<bool>,
    /// The face itself.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub detection: Option<FaceBox>,
}

/// A face's box in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
pub struct FaceBox {
    /// Upper edge.
    pub top: f64,
    /// Left edge.
    pub left: f64,
    /// Lower edge.
    pub bottom: f64,
    /// Right edge.
    pub right: f64,
}

/// Where faces are in a picture, by [`Images::detect_faces`].
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct DetectedFaces {
    /// The faces. D-ID's description allows any numbers up to 8000 and its example gives parts of
    /// the sides, 0 to 1; compare with [`DetectedFaces::metadata`] before you use them as pixels.
    #[serde(rename = "faceCrops")]
    pub faces: Vec<FaceBox>,
    /// The picture's measures.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub metadata: Option<ImageMeasures>,
}

/// A picture's measures, as D-ID states them.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct ImageMeasures {
    /// Pixels across.
    pub width: f64,
    /// Pixels down.
    pub height: f64,
    /// D-ID's `length`, which its description does not explain.
    pub length: f64,
}

impl Images<'_> {
    /// Uploads a picture (`POST /images`). It is kept for 24 to 48 hours.
    ///
    /// # Errors
    /// [`Error::InvalidRequest`] before anything is sent; [`Error::InvalidImage`],
    /// [`Error::Moderation`], [`Error::UnsupportedMediaType`], and what any request may fail with.
    pub async fn upload(&self, image: ImageUpload) -> Result<UploadedImage, Error> {
        let kind = image.check()?;
        let name = image.file_name.unwrap_or_else(|| kind.default_name().to_owned());
        let reply = self
            .transport
            .retried(Operation::UploadImage, || {
                let part = file_part(&image.bytes, &name, "image", kind.media_type())?;
                let mut form = multipart::Form::new().part("image", part);
                if image.detect_faces {
                    form = form.text("detect_faces", "true");
                }
                let request = self.transport.request(Method::POST, &["images"])?;
                Ok(request.multipart(form))
            })
            .await?;
        reply.json(&self.transport.redactor)
    }

    /// Looks for faces in a picture that was uploaded or lies elsewhere
    /// (`POST /images/face-detection`). Costs nothing, so it may be tried again.
    ///
    /// # Errors
    /// [`Error::InvalidRequest`] for an address that is neither `https` nor `s3`;
    /// [`Error::NotFound`], [`Error::UnsupportedMediaType`], and what any request may fail with.
    pub async fn detect_faces(&self, source_url: &str) -> Result<DetectedFaces, Error> {
        check::picture_url(source_url, &self.transport.local)?;
        let body = serde_json::json!({ "source_url": source_url });
        let make = || {
            let request = self.transport.request(Method::POST, &["images", "face-detection"])?;
            Ok(request.json(&body))
        };
        let reply = self.transport.retried(Operation::DetectFaces, make).await?;
        reply.json(&self.transport.redactor)
    }

    /// Removes a picture (`DELETE /images/{id}`).
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is none (any more), and what any request may fail with.
    pub async fn delete(&self, id: &ImageId) -> Result<(), Error> {
        let make = || self.transport.request(Method::DELETE, &["images", id.as_str()]);
        self.transport.removed(Operation::DeleteImage, make).await.map(drop)
    }
}

/// A file in a form, sharing its bytes.
pub(crate) fn file_part(
    bytes: &Bytes,
    name: &str,
    field: &'static str,
    media_type: &str,
) -> Result<multipart::Part, Error> {
    multipart::Part::stream_with_length(Body::from(bytes.clone()), bytes.len() as u64)
        .file_name(name.to_owned())
        .mime_str(media_type)
        .map_err(|_| Error::invalid(field, format!("{media_type:?} is no media type")))
}
