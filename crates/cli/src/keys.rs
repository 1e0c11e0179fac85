//! Secrets: keys of services, and the token of the model hub.

use crate::error::CliError;
use crate::shown::shown;
use portrait_pipeline::weights::SecretString;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The key that was given as an argument, in a file, or in an environment variable, in this order.
pub(crate) fn key(
    argument: Option<&str>,
    file: Option<&Path>,
    variable: &str,
) -> Result<Option<String>, CliError> {
    if let Some(key) = argument {
        return Ok(Some(key.trim().to_owned()));
    }
    let Some(path) = file else {
        return Ok(std::env::var(variable).ok().and_then(trimmed));
    };
    let text = std::fs::read_to_string(path).map_err(CliError::file(path, "read"))?;
    let none = || CliError::Usage(format!("{}: no key is in this file", shown(path)));
    trimmed(text).ok_or_else(none).map(Some)
}

/// What to do instead of giving a key as an argument.
pub(crate) fn visible(option: &str, variable: &str) -> String {
    format!(
        "other users of this machine can see the arguments of a command, so the key of {option} too: better use {option}-file, or the environment variable {variable}"
    )
}

/// The hub's token, found as `huggingface_hub` finds it: in `HF_TOKEN`, else in the file that
/// `hf auth login` writes: `HF_TOKEN_PATH`, or `token` in `HF_HOME`.
/// `HF_HUB_DISABLE_IMPLICIT_TOKEN` forbids the file.
pub(crate) fn hub_token(variable: impl Fn(&str) -> Option<OsString>) -> Option<SecretString> {
    token(variable).map(Into::into)
}

fn token(variable: impl Fn(&str) -> Option<OsString>) -> Option<String> {
    let text = |name| variable(name).and_then(|value| trimmed(value.into_string().ok()?));
    let folder = |name| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let kept = || {
        if is_true(variable("HF_HUB_DISABLE_IMPLICIT_TOKEN")) {
            return None;
        }
        let home = || {
            let home = || folder("HOME").or_else(|| folder("USERPROFILE"));
            folder("HF_HOME")
                .or_else(|| Some(folder("XDG_CACHE_HOME")?.join("huggingface")))
                .or_else(|| Some(home()?.join(".cache/huggingface")))
        };
        let path = folder("HF_TOKEN_PATH").or_else(|| Some(home()?.join("token")))?;
        trimmed(std::fs::read_to_string(path).ok()?)
    };
    text("HF_TOKEN").or_else(|| text("HUGGING_FACE_HUB_TOKEN")).or_else(kept)
}

/// Whether the environment forbids to ask the hub.
pub(crate) fn hub_is_offline(variable: impl Fn(&str) -> Option<OsString>) -> bool {
    ["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"].into_iter().any(|name| is_true(variable(name)))
}

/// As `huggingface_hub` reads its variables.
fn is_true(value: Option<OsString>) -> bool {
    let value = value.and_then(|value| value.into_string().ok()).unwrap_or_default();
    ["1", "on", "yes", "true"].iter().any(|word| value.trim().eq_ignore_ascii_case(word))
}

/// Without the spaces and ends of lines that come with copying; `None` where nothing is left.
fn trimmed(text: String) -> Option<String> {
    let text: String = text.trim().chars().filter(|&c| c != '\r' && c != '\n').collect();
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use super::*;

    fn of(variables: &[(&str, &str)]) -> Option<String> {
        let find = |name: &str| variables.iter().find(|(known, _)| *known == name);
        token(|name| Some(find(name)?.1.into()))
    }

    #[test]
    fn the_token_is_found_as_the_hubs_own_programs_find_it() {
        let home = tempfile::tempdir().unwrap();
        let put = |name: &str, text: &str| {
            let path = home.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, text).unwrap();
            path.to_str().unwrap().to_owned()
        };
        let other = put("other", "hf_path\r\n");
        put("hf/token", " hf_home\n");
        put(".cache/huggingface/token", "hf_user");
        let (root, hf) = (home.path().to_str().unwrap(), home.path().join("hf"));
        let hf = hf.to_str().unwrap();
        assert_eq!(of(&[("HF_TOKEN", " hf_own\n"), ("HF_HOME", hf)]).unwrap(), "hf_own");
        assert_eq!(of(&[("HF_TOKEN_PATH", &other), ("HF_HOME", hf)]).unwrap(), "hf_path");
        assert_eq!(of(&[("HF_TOKEN", " \n"), ("HF_HOME", hf)]).unwrap(), "hf_home");
        assert_eq!(of(&[("HOME", root)]).unwrap(), "hf_user");
        assert_eq!(of(&[("HOME", root), ("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1")]), None);
        assert_eq!(of(&[("HF_HOME", root)]), None);
        assert_eq!(of(&[]), None);
    }

    #[test]
    fn offline_is_said_as_the_hubs_own_programs_read_it() {
        let offline =
            |value: &str| hub_is_offline(|name| (name == "HF_HUB_OFFLINE").then(|| value.into()));
        assert!(["1", "true", "YES", "On"].into_iter().all(offline));
        assert!(!["0", "false", "", "no"].into_iter().any(offline));
    }

    #[test]
    fn a_key_in_a_file_is_trimmed_and_not_empty() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        std::fs::write(&path, "user:pass\n").unwrap();
        assert_eq!(key(None, Some(&path), "NONE").unwrap().unwrap(), "user:pass");
        std::fs::write(&path, " \n").unwrap();
        assert!(matches!(key(None, Some(&path), "NONE"), Err(CliError::Usage(_))));
        assert!(matches!(key(None, Some(folder.path()), "NONE"), Err(CliError::File { .. })));
    }
}
