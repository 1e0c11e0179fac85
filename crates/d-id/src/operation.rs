use std::fmt;

/// What the client was doing: the *where* of an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Operation {
    /// `POST /images`
    UploadImage,
    /// `DELETE /images/{id}`
    DeleteImage,
    /// `POST /images/face-detection`
    DetectFaces,
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
    /// Polling `GET /talks/{id}` until the talk has ended.
    WaitForTalk,
    /// `GET /tts/voices`
    ListVoices,
    /// `GET /credits`
    Credits,
    /// Fetching a finished video from its link.
    Download,
}

impl Operation {
    pub(crate) fn is_audio(self) -> bool {
        matches!(self, Operation::UploadAudio | Operation::DeleteAudio)
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Operation::UploadImage => "POST /images",
            Operation::DeleteImage => "DELETE /images/{id}",
            Operation::DetectFaces => "POST /images/face-detection",
            Operation::UploadAudio => "POST /audios",
            Operation::DeleteAudio => "DELETE /audios/{id}",
            Operation::CreateTalk => "POST /talks",
            Operation::ListTalks => "GET /talks",
            Operation::GetTalk => "GET /talks/{id}",
            Operation::DeleteTalk => "DELETE /talks/{id}",
            Operation::WaitForTalk => "waiting for a talk",
            Operation::ListVoices => "GET /tts/voices",
            Operation::Credits => "GET /credits",
            Operation::Download => "downloading a video",
        })
    }
}
