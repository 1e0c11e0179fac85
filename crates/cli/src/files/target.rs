//! Where results go: what `-o` means.

use crate::error::CliError;
use crate::shown::shown;
use std::ffi::OsStr;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};

/// Extensions that name a file rather than a folder.
const OF_FILES: [&str; 6] = ["png", "jpg", "jpeg", "webp", "mp4", "gif"];

/// Where results go.
#[derive(Debug, PartialEq)]
pub(crate) enum Target {
    /// Standard output: the one result.
    Stdout,
    /// This file: the one result.
    File(PathBuf),
    /// A folder: a file for each result.
    Folder(PathBuf),
}

impl Target {
    /// `-` is standard output; a name that ends as these results do (`.png`) is a file, unless a
    /// folder of that name is there; all else is a folder. Only one photo's result fits into the
    /// first two.
    pub(crate) fn of(
        path: &Path,
        extensions: &[&str],
        several: bool,
        json: bool,
    ) -> Result<Self, CliError> {
        let usage = |text: String| Err(CliError::Usage(text));
        let ends = |known: &&str| {
            path.extension()
                .is_some_and(|extension| extension.eq_ignore_ascii_case(OsStr::new(known)))
        };
        let is_folder = path.is_dir() || path.as_os_str().as_encoded_bytes().ends_with(b"/");
        if path == Path::new("-") {
            if json {
                return usage("--json and a picture cannot both go to standard output".into());
            }
            if std::io::stdout().is_terminal() {
                return usage(
                    "a terminal shows no pictures: send standard output elsewhere".into(),
                );
            }
            return if several { usage(one_photo(path)) } else { Ok(Self::Stdout) };
        }
        if is_folder || !OF_FILES.iter().any(&ends) {
            return Ok(Self::Folder(path.to_path_buf()));
        }
        if !extensions.iter().any(ends) {
            let wanted = extensions.join(" or .");
            return usage(format!("{}: the results are of the kind .{wanted}", shown(path)));
        }
        if several { usage(one_photo(path)) } else { Ok(Self::File(path.to_path_buf())) }
    }

    /// Whether there is room for one result only.
    pub(crate) fn is_single(&self) -> bool {
        !matches!(self, Self::Folder(_))
    }

    /// The folder that results come into.
    pub(crate) fn folder(&self) -> Option<&Path> {
        match self {
            Self::Stdout => None,
            Self::File(path) => path.parent(),
            Self::Folder(path) => Some(path),
        }
    }
}

fn one_photo(path: &Path) -> String {
    format!("{}: several photos need a folder for their results", shown(path))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use super::*;

    #[test]
    fn a_name_with_an_extension_is_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let of = |path: &str, several| Target::of(Path::new(path), &["png"], several, false);
        assert_eq!(of("a/b.PNG", false).unwrap(), Target::File("a/b.PNG".into()));
        assert_eq!(of("out", true).unwrap(), Target::Folder("out".into()));
        assert_eq!(of("v1.2", true).unwrap(), Target::Folder("v1.2".into()));
        assert_eq!(of("x.png/", true).unwrap(), Target::Folder("x.png/".into()));
        let made = folder.path().join("y.png");
        std::fs::create_dir(&made).unwrap();
        assert_eq!(Target::of(&made, &["png"], true, false).unwrap(), Target::Folder(made));
        for (path, several, says) in [
            ("x.png", true, "several photos"),
            ("x.jpg", false, "of the kind .png"),
            ("-", true, "s"),
        ] {
            let error = of(path, several).unwrap_err();
            assert!(matches!(&error, CliError::Usage(text) if text.contains(says)), "{error}");
        }
        assert!(Target::of(Path::new("-"), &["png"], false, true).is_err());
    }
}
