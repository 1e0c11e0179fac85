use std::fmt;

/// What a request is for: D-ID's method and path, or one of the places files are fetched from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Route {
    /// `POST /images`
    UploadImage,
    /// `POST /images/face-detection`
    DetectFaces,
    /// `DELETE /images/{id}`
    DeleteImage,
    /// `POST /audios`
    UploadAudio,
    /// `DELETE /audios/{id}`
    DeleteAudio,
    /// `POST /talks`
    CreateTalk,
    /// `GET /talks`
    ListTalks,
    /// `GET /talks/{id}`
    GetTalk,
    /// `DELETE /talks/{id}`
    DeleteTalk,
    /// `GET /credits`
    Credits,
    /// `GET /tts/voices`
    Voices,
    /// `GET /results/…`: the finished video behind its presigned link, without a key.
    Result,
    /// `GET /uploads/…`: an uploaded picture or sound, without a key.
    Upload,
    /// Anything else.
    Unknown,
}

impl Route {
    /// The route of a request, and what follows its fixed part (an id or the rest of the path).
    pub(crate) fn of(method: &str, path: &str) -> (Route, String) {
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        let route = match (method, parts.as_slice()) {
            ("POST", ["images"]) => Route::UploadImage,
            ("POST", ["images", "face-detection"]) => Route::DetectFaces,
            ("DELETE", ["images", id]) => return (Route::DeleteImage, (*id).to_owned()),
            ("POST", ["audios"]) => Route::UploadAudio,
            ("DELETE", ["audios", id]) => return (Route::DeleteAudio, (*id).to_owned()),
            ("POST", ["talks"]) => Route::CreateTalk,
            ("GET", ["talks"]) => Route::ListTalks,
            ("GET", ["talks", id]) => return (Route::GetTalk, (*id).to_owned()),
            ("DELETE", ["talks", id]) => return (Route::DeleteTalk, (*id).to_owned()),
            ("GET", ["credits"]) => Route::Credits,
            ("GET", ["tts", "voices"]) => Route::Voices,
            ("GET" | "HEAD", ["results", id, ..]) => return (Route::Result, (*id).to_owned()),
            ("GET" | "HEAD", ["uploads", id, ..]) => return (Route::Upload, (*id).to_owned()),
            _ => Route::Unknown,
        };
        (route, String::new())
    }

    /// Whether the route belongs to D-ID's API and needs a key; files are fetched without one.
    #[must_use]
    pub fn needs_key(self) -> bool {
        !matches!(self, Route::Result | Route::Upload)
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Route::UploadImage => "POST /images",
            Route::DetectFaces => "POST /images/face-detection",
            Route::DeleteImage => "DELETE /images/{id}",
            Route::UploadAudio => "POST /audios",
            Route::DeleteAudio => "DELETE /audios/{id}",
            Route::CreateTalk => "POST /talks",
            Route::ListTalks => "GET /talks",
            Route::GetTalk => "GET /talks/{id}",
            Route::DeleteTalk => "DELETE /talks/{id}",
            Route::Credits => "GET /credits",
            Route::Voices => "GET /tts/voices",
            Route::Result => "GET /results/{id}",
            Route::Upload => "GET /uploads/{id}",
            Route::Unknown => "unknown route",
        })
    }
}
