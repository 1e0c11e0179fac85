//! `/images` and `/audios`.

use axum::body::Body;
use axum::extract::{DefaultBodyLimit, FromRequest, Multipart, Request};
use axum::http::header;
use bytes::Bytes;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::envelope::{ApiError, ApiResult, json_response, no_content};
use crate::picture::{self, Sniffed};
use crate::sound;
use crate::state::{Content, Shared, Upload};
use crate::sync::locked;

const PICTURES: [&str; 2] = ["image/jpeg", "image/png"];

/// What a form held: the file's part and whether faces were asked for.
struct Form {
    file: Bytes,
    file_name: Option<String>,
    content_type: Option<String>,
    detect_faces: bool,
}

async fn read_form(request: Request, field: &str, supported: &[&str]) -> Result<Form, ApiError> {
    let declared = request
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
        .to_owned();
    if !declared.starts_with("multipart/form-data") {
        return Err(ApiError::unsupported(&declared, supported));
    }
    let mut request = request;
    DefaultBodyLimit::disable().apply(&mut request);
    let broken = || ApiError::bad_request("invalid multipart body");
    let mut multipart = Multipart::from_request(request, &()).await.map_err(|_| broken())?;
    let mut form = None;
    let mut detect_faces = false;
    while let Some(part) = multipart.next_field().await.map_err(|_| broken())? {
        let name = part.name().unwrap_or_default().to_owned();
        let file_name = part.file_name().map(str::to_owned);
        let content_type = part.content_type().map(str::to_owned);
        let bytes = part.bytes().await.map_err(|_| broken())?;
        if name == field {
            form = Some(Form { file: bytes, file_name, content_type, detect_faces: false });
        } else if name == "detect_faces" {
            detect_faces = bytes.as_ref() == b"true";
        } else if !matches!(name.as_str(), "metadata" | "source_url" | "result_url" | "persist") {
            return Err(ApiError::bad_request(format!("unexpected field \"{name}\"")));
        }
    }
    let mut form = form.ok_or_else(|| ApiError::bad_request(format!("\"{field}\" is required")))?;
    form.detect_faces = detect_faces;
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    match &form.file_name {
        Some(name) if name.chars().count() > 50 || !name.chars().all(allowed) => {
            Err(ApiError::bad_request("invalid filename"))
        }
        _ => Ok(form),
    }
}

/// The file name D-ID keeps, with the extension of what the file is.
fn stored_name(given: Option<&str>, otherwise: &str, extension: &str) -> String {
    let given = given.filter(|name| !name.is_empty()).unwrap_or(otherwise);
    let stem = given.rsplit_once('.').map_or(given, |(stem, _)| stem);
    let stem = if stem.is_empty() { otherwise } else { stem };
    format!("{stem}.{extension}")
}

fn keep(shared: &Shared, prefix: &str, name: &str, upload: Upload) -> (String, String) {
    let id = format!("{prefix}{}", Uuid::now_v7().simple());
    let url = if shared.settings.s3_uploads {
        format!("s3://portrait-fake-uploads/{id}/{name}")
    } else {
        format!("{}uploads/{id}/{name}", shared.base)
    };
    let upload = Upload { url: url.clone(), ..upload };
    locked(&shared.world).uploads.insert(id.clone(), upload);
    (id, url)
}

pub(crate) async fn image(shared: &Shared, request: Request) -> ApiResult {
    let form = read_form(request, "image", &PICTURES).await?;
    if form.file.len() > picture::MAX_BYTES {
        let what = "file size exceeded 10 MB";
        return Err(ApiError::invalid("InvalidFileSizeError", what));
    }
    let (extension, width, height) = match picture::sniff(&form.file) {
        Sniffed::Picture { extension, width, height } => (extension, width, height),
        Sniffed::Unsupported(media) => return Err(ApiError::unsupported(media, &PICTURES)),
        Sniffed::Invalid => return Err(ApiError::bad_request("invalid image")),
    };
    if width.min(height) < picture::MIN_SIDE {
        let what = "image resolution is too low";
        return Err(ApiError::invalid("InvalidImageResolutionError", what));
    }
    let faces =
        if form.detect_faces { faces(shared, &form.file, width, height) } else { Value::Null };
    let upload = Upload {
        url: String::new(),
        bytes: form.file,
        content_type: if extension == "png" { PICTURES[1] } else { PICTURES[0] },
        stored: shared.clock.now(),
        content: Content::Picture { width, height },
    };
    let name = stored_name(form.file_name.as_deref(), "image", extension);
    let (id, url) = keep(shared, "img_", &name, upload);
    Ok(json_response(201, &json!({ "id": id, "url": url, "faces": faces })))
}

/// One face in the middle of the picture, or none by the server's rule.
fn faces(shared: &Shared, bytes: &[u8], width: u32, height: u32) -> Value {
    if !(shared.settings.has_face)(bytes) {
        return json!([]);
    }
    let size = width.min(height) / 2;
    let (left, top) = ((width - size) / 2, (height - size) / 2);
    json!([{
        "face_id": Uuid::now_v7().simple().to_string(),
        "size": size,
        "top_left": [left, top],
        "overlap": "NO",
        "detect_confidence": 0.99,
        "detection": { "left": left, "top": top, "right": left + size, "bottom": top + size },
    }])
}

/// `POST /images/face-detection`: the face's box in parts of the picture's sides.
pub(crate) fn detect_faces(shared: &Shared, body: &Value) -> ApiResult {
    let Some(url) = body.get("source_url").and_then(Value::as_str) else {
        return Err(ApiError::bad_request("\"source_url\" is required"));
    };
    let world = locked(&shared.world);
    let upload = world
        .upload_at(url, shared.clock.now(), shared.settings.upload_lifetime)
        .ok_or_else(|| ApiError::not_found("image not found"))?;
    let Content::Picture { width, height } = upload.content else {
        return Err(ApiError::unsupported(upload.content_type, &PICTURES));
    };
    let skipped = body.get("should_skip_detection") == Some(&Value::Bool(true));
    let crops = if !skipped && (shared.settings.has_face)(&upload.bytes) {
        json!([{ "left": 0.25, "top": 0.25, "right": 0.75, "bottom": 0.75 }])
    } else {
        json!([])
    };
    let metadata = json!({ "width": width, "height": height, "length": upload.bytes.len() });
    Ok(json_response(200, &json!({ "faceCrops": crops, "metadata": metadata })))
}

pub(crate) async fn audio(shared: &Shared, request: Request) -> ApiResult {
    let supported = ["audio/*", "video/*"];
    let form = read_form(request, "audio", &supported).await?;
    let declared = form.content_type.as_deref().unwrap_or_default();
    if !declared.starts_with("audio/") && !declared.starts_with("video/") {
        return Err(ApiError::unsupported(declared, &supported));
    }
    if form.file.is_empty() {
        return Err(ApiError::bad_request("invalid audio"));
    }
    if form.file.len() > sound::MAX_BYTES {
        let what = "file size exceeded 6 MB";
        return Err(ApiError::invalid("InvalidFileSizeError", what));
    }
    let seconds = sound::seconds(&form.file);
    if seconds > sound::MAX_SECONDS {
        let what = "audio is too long";
        return Err(ApiError::invalid("InvalidAudioDurationError", what));
    }
    let upload = Upload {
        url: String::new(),
        bytes: form.file,
        content_type: "audio/wav",
        stored: shared.clock.now(),
        content: Content::Sound { seconds },
    };
    let name = stored_name(form.file_name.as_deref(), "audio", "wav");
    let (id, url) = keep(shared, "aud_", &name, upload);
    Ok(json_response(201, &json!({ "id": id, "url": url, "duration": seconds })))
}

pub(crate) fn delete(shared: &Shared, id: &str, pictures: bool) -> ApiResult {
    let mut world = locked(&shared.world);
    let found = world
        .uploads
        .get(id)
        .is_some_and(|upload| matches!(upload.content, Content::Picture { .. }) == pictures);
    if !found {
        let what = if pictures { "image not found" } else { "audio not found" };
        return Err(ApiError::not_found(what));
    }
    world.uploads.remove(id);
    Ok(no_content())
}

/// A request rebuilt from its parts, for the form reader.
pub(crate) fn rebuilt(parts: axum::http::request::Parts, body: Bytes) -> Request {
    Request::from_parts(parts, Body::from(body))
}

#[cfg(test)]
mod tests {
    use super::stored_name;

    #[test]
    fn names_end_in_what_the_file_is() {
        assert_eq!(stored_name(None, "image", "png"), "image.png");
        assert_eq!(stored_name(Some("anna.v2.jpeg"), "image", "jpg"), "anna.v2.jpg");
        assert_eq!(stored_name(Some(".png"), "image", "png"), "image.png");
    }
}
