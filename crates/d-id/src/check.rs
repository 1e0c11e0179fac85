//! The patterns of D-ID's OpenAPI description (4.2.1), checked before anything is sent.
//!
//! D-ID takes `https` and `s3` addresses. A local stand-in of the API gives out `http` addresses of
//! its own. These are accepted when the client itself talks to the same server by `http`.

use portrait_http::is_loopback;
use url::Url;

use crate::error::Error;

/// Whether the client talks to a local stand-in, and where.
#[derive(Debug, Clone, Default)]
pub(crate) struct Local {
    /// `http://host:port/` of the stand-in.
    origin: Option<String>,
}

impl Local {
    pub(crate) fn of(base: &Url) -> Local {
        let origin =
            (base.scheme() == "http").then(|| format!("{}/", base.origin().ascii_serialization()));
        Local { origin }
    }

    fn owns(&self, url: &str) -> bool {
        self.origin.as_deref().is_some_and(|origin| url.starts_with(origin))
    }

    fn allows_hook(&self, url: &str) -> bool {
        self.origin.is_some()
            && Url::parse(url).is_ok_and(|url| url.scheme() == "http" && is_loopback(&url))
    }
}

/// `(https|s3):.*\.(?:jpg|jpeg|png|JPG|JPEG|PNG)`; here the scheme must also come first.
pub(crate) fn source_url(url: &str, local: &Local) -> Result<(), Error> {
    let extensions = [".jpg", ".jpeg", ".png", ".JPG", ".JPEG", ".PNG"];
    let named = extensions.iter().any(|extension| url.contains(extension));
    if named && (is_remote(url) || local.owns(url)) {
        return Ok(());
    }
    Err(Error::invalid(
        "source_url",
        "it must be an https or s3 address of a .jpg, .jpeg or .png picture; upload the picture first",
    ))
}

/// An address D-ID can read a picture from; the description has no pattern for it.
pub(crate) fn picture_url(url: &str, local: &Local) -> Result<(), Error> {
    if is_remote(url) || local.owns(url) {
        return Ok(());
    }
    Err(Error::invalid("source_url", "it must be an https or s3 address; upload the picture first"))
}

/// `^(https|s3):\/\/[\S]+\.(?:m4a|flac|mp3|mp4|wav)([?#][\w.\/=&#%-]+)?$`, extensions in lower or
/// upper case.
pub(crate) fn audio_url(url: &str, local: &Local) -> Result<(), Error> {
    let ends_in_audio = |part: &str| {
        part.rsplit_once('.').is_some_and(|(_, extension)| {
            ["m4a", "flac", "mp3", "mp4", "wav"]
                .iter()
                .any(|known| extension == *known || extension == known.to_ascii_uppercase())
        })
    };
    let plain = |tail: &str| {
        !tail.is_empty()
            && tail.chars().all(|c| c.is_ascii_alphanumeric() || "_./=&#%-".contains(c))
    };
    let shaped = ends_in_audio(url)
        || url
            .match_indices(['?', '#'])
            .any(|(at, _)| ends_in_audio(&url[..at]) && plain(&url[at + 1..]));
    if shaped && (is_remote(url) || local.owns(url)) {
        return Ok(());
    }
    Err(Error::invalid(
        "script.audio_url",
        "it must be an https or s3 address of a .m4a, .flac, .mp3, .mp4 or .wav file; upload the sound first",
    ))
}

/// `(https|s3)://.+`
pub(crate) fn remote_url(field: &'static str, url: &str) -> Result<(), Error> {
    if is_remote(url) {
        return Ok(());
    }
    Err(Error::invalid(field, "it must be an https or s3 address"))
}

/// `^https://\S+$`
pub(crate) fn webhook(url: &str, local: &Local) -> Result<(), Error> {
    if url.starts_with("https://") && is_remote(url) || local.allows_hook(url) {
        return Ok(());
    }
    Err(Error::invalid("webhook", "it must be an https address"))
}

fn is_remote(url: &str) -> bool {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("s3://"));
    rest.is_some_and(|rest| !rest.is_empty() && !url.contains(char::is_whitespace))
}

/// A number within its limits.
pub(crate) fn within(
    field: &'static str,
    value: f64,
    limits: std::ops::RangeInclusive<f64>,
) -> Result<(), Error> {
    if limits.contains(&value) {
        return Ok(());
    }
    let (from, to) = limits.into_inner();
    let reason = if to.is_infinite() {
        format!("it is {value}; at least {from} is allowed")
    } else {
        format!("it is {value}; {from} to {to} is allowed")
    };
    Err(Error::invalid(field, reason))
}

/// The names D-ID takes for uploaded files.
pub(crate) fn file_name(name: &str) -> Result<(), Error> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    if (1..=50).contains(&name.len()) && name.chars().all(allowed) {
        return Ok(());
    }
    Err(Error::invalid("file_name", "it must have 1 to 50 characters of a-z A-Z 0-9 . _ -"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn local() -> Local {
        Local::of(&Url::parse("http://127.0.0.1:8080/").unwrap())
    }

    #[test]
    fn pictures_are_https_or_s3_addresses_with_an_extension() {
        let none = Local::of(&Url::parse("https://api.d-id.com").unwrap());
        for good in [
            "https://host/face.png",
            "s3://bucket/user|1/face.jpg",
            "https://host/FACE.JPEG?Expires=1",
        ] {
            assert!(source_url(good, &none).is_ok(), "{good}");
        }
        for bad in [
            "",
            "https://host/face.webp",
            "https://host/face.Png",
            "http://host/face.png",
            "ftp://host/face.png",
            "data:image/png;base64,https://a.png",
            "https://host/a face.png",
            "http://127.0.0.1:8080/face.png",
        ] {
            assert!(source_url(bad, &none).is_err(), "{bad}");
        }
        assert!(source_url("http://127.0.0.1:8080/face.png", &local()).is_ok());
        assert!(source_url("http://127.0.0.1:8081/face.png", &local()).is_err());
    }

    #[test]
    fn sounds_follow_their_pattern_to_the_end() {
        let none = Local::default();
        for good in [
            "https://host/a.mp3",
            "s3://bucket/a.WAV",
            "https://host/a.wav?Expires=1&Signature=a%2F",
            "https://host/a.m4a#t=1",
        ] {
            assert!(audio_url(good, &none).is_ok(), "{good}");
        }
        for bad in [
            "https://host/a.ogg",
            "https://host/a.Mp3",
            "https://host/a.wav?x=~",
            "https://host/a.wav?",
            "https://host/a b.wav",
            "http://host/a.wav",
        ] {
            assert!(audio_url(bad, &none).is_err(), "{bad}");
        }
        assert!(audio_url("http://127.0.0.1:8080/a.wav", &local()).is_ok());
    }

    #[test]
    fn webhooks_are_https_save_for_a_local_stand_in() {
        assert!(webhook("https://host/hook", &Local::default()).is_ok());
        assert!(webhook("http://host/hook", &local()).is_err());
        assert!(webhook("http://127.0.0.1:9/hook", &Local::default()).is_err());
        assert!(webhook("http://127.0.0.1:9/hook", &local()).is_ok());
    }

    #[test]
    fn file_names_have_a_small_alphabet() {
        assert!(file_name("Anna_1.v2-x.png").is_ok());
        assert!(file_name(&"a".repeat(50)).is_ok());
        for bad in ["", "a b.png", "é.png", "../a.png/", &"a".repeat(51)] {
            assert!(file_name(bad).is_err(), "{bad}");
        }
    }
}
