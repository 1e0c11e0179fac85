//! What ends the command.

use crate::flags::{NOBODY, flag};
use crate::shown::{escaped, shown};
use portrait_pipeline::{Code, Error, PhotoError, Tier};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// The exit code of an interrupt: 128 and the number of the signal.
pub(crate) const INTERRUPTED: u8 = 130;

#[derive(Debug, thiserror::Error)]
pub(crate) enum CliError {
    #[error("{0}")]
    Pipeline(Box<Error>),
    #[error("{}: {source}", shown(photo))]
    Photo { photo: PathBuf, source: Box<Error> },
    #[error("{}: {source}", shown(path))]
    InFile { path: PathBuf, source: Box<Error> },
    #[error("{}: cannot {action}: {source}", shown(path))]
    File { path: PathBuf, action: &'static str, source: std::io::Error },
    #[error(
        "{}: not replaced: a file is there that this command did not make of the same input",
        shown(path)
    )]
    Exists { path: PathBuf },
    #[error(
        "{}: not replaced: the command reads it, and never writes over what it reads",
        shown(path)
    )]
    IsInput { path: PathBuf },
    #[error("{0}")]
    Usage(String),
    #[error("{0}")]
    FakeDId(#[from] portrait_d_id_fake::Error),
    #[error("the command crashed: {0}")]
    Crashed(String),
    #[error("interrupted")]
    Interrupted,
}

/// What an error of the command's own is called; `docs/errors.md` lists these too.
struct Own {
    code: &'static str,
    tier: Tier,
    user_action: &'static str,
    exit_code: u8,
}

impl CliError {
    pub(crate) fn file(path: &Path, action: &'static str) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::File { path, action, source }
    }

    pub(crate) fn in_file(path: &Path, source: Error) -> Self {
        Self::InFile { path: path.to_path_buf(), source: Box::new(source) }
    }

    /// What concerns the picture is told with its path.
    pub(crate) fn of_photo(photo: &Path) -> impl Fn(Error) -> Self {
        let photo = photo.to_path_buf();
        move |error| match error {
            error @ (Error::Photo(_) | Error::NoPerson { .. }) => {
                Self::Photo { photo: photo.clone(), source: Box::new(error) }
            }
            error => error.into(),
        }
    }

    fn pipeline(&self) -> Option<&Error> {
        match self {
            Self::Pipeline(error)
            | Self::Photo { source: error, .. }
            | Self::InFile { source: error, .. } => Some(error),
            _ => None,
        }
    }

    /// The tier of an error of the pipeline, 2 for wrong usage, 130 for an interrupt.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Pipeline(error)
            | Self::Photo { source: error, .. }
            | Self::InFile { source: error, .. } => error.tier().exit_code(),
            _ => self.own().exit_code,
        }
    }

    /// What it is where it is none of the pipeline's.
    fn own(&self) -> Own {
        let high =
            |code, user_action, exit_code| Own { code, tier: Tier::High, user_action, exit_code };
        match self {
            Self::File { .. } => high(
                "FILE_ERROR",
                "Check the path, who may read or write there, and the free space",
                Tier::High.exit_code(),
            ),
            Self::Exists { .. } => high(
                "FILE_EXISTS",
                "Choose another place with -o, or replace the file with --force",
                Tier::High.exit_code(),
            ),
            Self::IsInput { .. } => {
                high("FILE_IS_INPUT", "Choose another place with -o", Tier::High.exit_code())
            }
            Self::Usage(_) => high("USAGE", "Correct the command; --help tells its options", 2),
            Self::Interrupted => {
                high("INTERRUPTED", "Give the command again when you want to", INTERRUPTED)
            }
            _ => {
                let code = Code::ServiceCrash;
                Own {
                    code: code.as_str(),
                    tier: code.tier(),
                    user_action: code.user_action(),
                    exit_code: code.tier().exit_code(),
                }
            }
        }
    }

    /// Whether it would end the work on any other photo too.
    pub(crate) fn concerns_all(&self) -> bool {
        match self {
            Self::Pipeline(error) => {
                matches!(
                    **error,
                    Error::Weights(_)
                        | Error::Device(_)
                        | Error::DeviceLost { .. }
                        | Error::Option { .. }
                        | Error::NotConfigured { .. }
                        | Error::Closing
                ) || flag(error).is_some()
            }
            Self::Usage(_) | Self::Interrupted => true,
            _ => false,
        }
    }

    /// One line for people: what happened, the code, and what to do.
    pub(crate) fn line(&self) -> String {
        let text = self.message();
        let text = escaped(text.lines().next().unwrap_or_default());
        match self.pipeline() {
            Some(error @ Error::NoPerson { .. }) => {
                format!("{text} [{}: {}; {NOBODY}]", error.code(), error.operator_action())
            }
            Some(error) => format!("{text} [{}: {}]", error.code(), error.operator_action()),
            None => match self {
                Self::Exists { .. } | Self::IsInput { .. } => {
                    let own = self.own();
                    format!("{text} [{}: {}]", own.code, own.user_action)
                }
                _ => text,
            },
        }
    }

    /// What happened, with the command's option where it is about one.
    fn message(&self) -> String {
        match self.pipeline().and_then(flag) {
            Some(flag) => format!("{self} ({flag})"),
            None => self.to_string(),
        }
    }

    /// The envelope for programs.
    pub(crate) fn to_json(&self) -> Value {
        match self.pipeline() {
            Some(error) => {
                let mut envelope = error.to_json();
                let told = &mut envelope["error"];
                if let Some(flag) = flag(error) {
                    told["message"] = format!("{error} ({flag})").into();
                }
                if let Some(tips) = told["details"]["tips"].as_array_mut() {
                    tips.push(NOBODY.into());
                }
                envelope
            }
            None => {
                let own = self.own();
                let details = match self {
                    Self::File { path, action, .. } => {
                        json!({ "path": path.to_string_lossy(), "action": action })
                    }
                    Self::Exists { path } | Self::IsInput { path } => {
                        json!({ "path": path.to_string_lossy() })
                    }
                    _ => json!({}),
                };
                json!({
                    "success": false,
                    "error": {
                        "code": own.code,
                        "message": self.to_string(),
                        "tier": own.tier as u8,
                        "user_action": own.user_action,
                        "retry_after": null,
                        "details": details,
                    },
                })
            }
        }
    }
}

impl From<Error> for CliError {
    fn from(error: Error) -> Self {
        Self::Pipeline(Box::new(error))
    }
}

impl From<portrait_pipeline::weights::Error> for CliError {
    fn from(error: portrait_pipeline::weights::Error) -> Self {
        Error::from(error).into()
    }
}

impl From<PhotoError> for CliError {
    fn from(error: PhotoError) -> Self {
        Error::from(error).into()
    }
}
