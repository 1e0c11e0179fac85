//! Addresses in a body, by the patterns of the description.

use super::fields::Rules;

pub(super) fn is_url(url: &str, schemes: &[&str], rules: &Rules<'_>) -> bool {
    !url.contains(char::is_whitespace)
        && (url.starts_with(rules.own)
            || url
                .split_once("://")
                .is_some_and(|(scheme, rest)| schemes.contains(&scheme) && !rest.is_empty()))
}

/// `(https|s3):.*\.(?:jpg|jpeg|png|JPG|JPEG|PNG)`, anywhere in the text.
pub(super) fn is_source(url: &str, rules: &Rules<'_>) -> bool {
    let after_scheme = ["https:", "s3:", rules.own]
        .iter()
        .filter_map(|scheme| url.find(scheme).map(|at| at + scheme.len()))
        .min();
    let extensions = [".jpg", ".jpeg", ".png", ".JPG", ".JPEG", ".PNG"];
    after_scheme.is_some_and(|at| {
        let rest = url[at..].lines().next().unwrap_or_default();
        extensions.iter().any(|extension| rest.contains(extension))
    })
}

/// `^(https|s3)://\S+\.(m4a|flac|mp3|mp4|wav)([?#][\w./=&#%-]+)?$`, in lower or upper case.
pub(super) fn is_sound(url: &str, rules: &Rules<'_>) -> bool {
    let ends = |part: &str| {
        let extension = part.rsplit_once('.').map(|(_, extension)| extension);
        extension.is_some_and(|found| {
            ["m4a", "flac", "mp3", "mp4", "wav"]
                .iter()
                .any(|known| found == *known || found == known.to_ascii_uppercase())
        })
    };
    let plain =
        |tail: &str| tail.chars().all(|c| c.is_ascii_alphanumeric() || "_./=&#%-".contains(c));
    is_url(url, &["https", "s3"], rules)
        && (ends(url)
            || url
                .match_indices(['?', '#'])
                .any(|(at, _)| ends(&url[..at]) && url.len() > at + 1 && plain(&url[at + 1..])))
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: Rules<'_> = Rules { strict: true, own: "http://127.0.0.1:9/" };

    #[test]
    fn audio_urls_follow_the_pattern() {
        for good in [
            "https://host/a.mp3",
            "s3://bucket/a.WAV",
            "https://host/a.wav?Expires=1&Signature=a%2F",
        ] {
            assert!(is_sound(good, &RULES), "{good}");
        }
        for bad in ["http://host/a.mp3", "https://host/a.ogg", "https://host/a.wav?x=~", "a.wav"] {
            assert!(!is_sound(bad, &RULES), "{bad}");
        }
    }
}
