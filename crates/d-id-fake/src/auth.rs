//! Which `Authorization` headers D-ID takes.
//!
//! Two official programs differ: the SDK encodes `user:password` in base64, the streaming demo
//! sends it as it is, and both work; so both forms are accepted here, each also with the
//! `~suffix` the SDK appends. Everything else is refused, above all the two common mistakes:
//! a key encoded twice, and base64 of `key:`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The credentials the server accepts.
#[derive(Debug, Clone, Default)]
pub(crate) struct Accepted {
    pub(crate) keys: Vec<String>,
    pub(crate) bearer: Vec<String>,
}

impl Accepted {
    pub(crate) fn admits(&self, header: Option<&str>) -> bool {
        let Some((scheme, credential)) = header.and_then(|value| value.split_once(' ')) else {
            return false;
        };
        let credential = credential.trim();
        if scheme.eq_ignore_ascii_case("bearer") {
            return self.bearer.iter().any(|token| token == credential);
        }
        scheme.eq_ignore_ascii_case("basic")
            && (self.admits_basic(credential)
                || credential.rsplit_once('~').is_some_and(|(before, _)| self.admits_basic(before)))
    }

    fn admits_basic(&self, credential: &str) -> bool {
        if credential.contains(':') {
            return self.keys.iter().any(|key| key == credential);
        }
        STANDARD
            .decode(credential)
            .ok()
            .and_then(|decoded| String::from_utf8(decoded).ok())
            .is_some_and(|decoded| self.keys.contains(&decoded))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepted() -> Accepted {
        Accepted { keys: vec!["user:pass".into()], bearer: vec!["token".into()] }
    }

    #[test]
    fn both_basic_forms_and_their_suffixes_are_admitted() {
        let encoded = STANDARD.encode("user:pass");
        for header in [
            format!("Basic {encoded}"),
            format!("basic {encoded}~connection"),
            "Basic user:pass".to_owned(),
            "Basic user:pass~connection".to_owned(),
            "Bearer token".to_owned(),
        ] {
            assert!(accepted().admits(Some(&header)), "{header}");
        }
    }

    #[test]
    fn wrong_doubled_and_missing_credentials_are_refused() {
        let encoded = STANDARD.encode("user:pass");
        assert!(!accepted().admits(None));
        for header in [
            String::new(),
            "Basic".to_owned(),
            "Basic ".to_owned(),
            "Basic user:wrong".to_owned(),
            format!("Basic {}", STANDARD.encode(&encoded)),
            format!("Basic {}", STANDARD.encode(format!("{encoded}:"))),
            format!("Basic {}", STANDARD.encode("user:pass:")),
            format!("Bearer {encoded}"),
            encoded,
        ] {
            assert!(!accepted().admits(Some(&header)), "{header}");
        }
    }
}
