//! The crate's errors.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// Shorthand for results of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// What can go wrong between the name of a model and its tensors.
///
/// Every message is one line that says what failed, where, and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No manifest has this id.
    #[error("unknown model `{id}`{}; known models: {}", did_you_mean(.nearest), .known.join(", "))]
    UnknownModel {
        /// The id asked for.
        id: String,
        /// The known id that is spelled most alike, if one is.
        nearest: Option<String>,
        /// Every known id.
        known: Vec<String>,
    },
    /// A manifest is not valid.
    #[error("{place}: invalid manifest: {problem}")]
    Manifest {
        /// The file, or the id where there is no file.
        place: String,
        /// What is wrong, with line and column where they are known.
        problem: String,
    },

    /// The checkpoint is nowhere on this machine and downloading was not allowed or is not possible.
    #[error("no weights for `{id}`: looked at {}; {}", list(.looked_at), how_to_get(.fetch))]
    NotFound {
        /// The model's id.
        id: String,
        /// Every place that was looked at, in order, with the reason it did not serve.
        looked_at: Vec<LookedAt>,
        /// The command that fetches it; `None` where the manifest names no source.
        fetch: Option<String>,
    },
    /// A file that was named does not exist.
    #[error("{}: no such file; check the path", .path.display())]
    MissingFile {
        /// The path as given.
        path: PathBuf,
    },
    /// Reading or writing failed.
    #[error("{}: cannot {action}: {source}", .path.display())]
    Disk {
        /// The file or folder.
        path: PathBuf,
        /// What was being done, as a verb ("read", "write").
        action: &'static str,
        /// The system's error.
        source: io::Error,
    },

    /// The file has no bytes.
    #[error("{}: the file is empty; fetch it again", .path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// The file is of another format.
    #[error("{}: not a safetensors file: {looks_like}", .path.display())]
    NotSafetensors {
        /// The file.
        path: PathBuf,
        /// What it seems to be, and what to do about it.
        looks_like: String,
    },
    /// The file ends before the tensors its header promises.
    #[error("{}: the file is cut short: expected {expected} bytes, found {found}; fetch it again", .path.display())]
    Truncated {
        /// The file.
        path: PathBuf,
        /// Bytes the header promises (at least, where the header itself is cut).
        expected: u64,
        /// Bytes the file has.
        found: u64,
    },
    /// The file goes on after the last tensor its header names.
    #[error("{}: the file is longer than its header says: expected {expected} bytes, found {found}; fetch it again", .path.display())]
    TrailingBytes {
        /// The file.
        path: PathBuf,
        /// Bytes the header promises.
        expected: u64,
        /// Bytes the file has.
        found: u64,
    },
    /// The header of a safetensors file is damaged.
    #[error("{}: damaged safetensors header: {problem}; fetch the file again", .path.display())]
    Header {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// A tensor's element type cannot be used.
    #[error("{}: tensor `{tensor}` has the unsupported type {dtype}; convert the file to F32, F16 or BF16", .path.display())]
    UnsupportedDtype {
        /// The file.
        path: PathBuf,
        /// The tensor's name in the file.
        tensor: String,
        /// The type as the file names it.
        dtype: String,
    },

    /// A file has not the size its manifest states.
    #[error(
        "{file}: wrong size: expected {expected} bytes, found {found}; it is another file or another revision"
    )]
    WrongSize {
        /// Path or address.
        file: String,
        /// Bytes the manifest (or the hub) states.
        expected: u64,
        /// Bytes found.
        found: u64,
    },
    /// A file has not the sha256 its manifest or the hub states.
    #[error(
        "{file}: wrong sha256: expected {expected} ({stated_by}), found {found}; it is another file or a damaged one"
    )]
    WrongSha256 {
        /// Path or address.
        file: String,
        /// The expected digest, lower-case hex.
        expected: String,
        /// The digest of the file, lower-case hex.
        found: String,
        /// Who stated the expected digest.
        stated_by: StatedBy,
    },

    /// A model asked for a tensor that the file does not have.
    #[error("{}: no tensor `{tensor}`{}; is it the file of another model? it holds {count} tensors{}", .path.display(), renamed(.tensor, .in_file), such_as(.example))]
    MissingTensor {
        /// The file.
        path: PathBuf,
        /// The name the model asked for.
        tensor: String,
        /// The name looked up in the file; differs from `tensor` where names are mapped.
        in_file: String,
        /// Number of tensors in the file.
        count: usize,
        /// The name of one tensor of the file.
        example: Option<String>,
    },
    /// A tensor has another shape than the model asks for.
    #[error("{}: tensor `{tensor}`: expected shape {expected:?}, found {found:?}; is it the file of another model or size?", .path.display())]
    WrongShape {
        /// The file.
        path: PathBuf,
        /// The name the model asked for.
        tensor: String,
        /// The shape the model asks for.
        expected: Vec<usize>,
        /// The shape in the file.
        found: Vec<usize>,
    },

    /// The hub does not have this file (HTTP 404).
    #[error("{url}: not found on the hub{}; check repository, revision and file in the manifest", quoted(.message))]
    HubNotFound {
        /// The address asked.
        url: String,
        /// The hub's own words.
        message: Option<String>,
    },
    /// The hub wants a token, or another one, or terms to be accepted (HTTP 401 or 403).
    #[error("{url}: the hub refused with {status}{}; {}", quoted(.message), refused_advice(*.with_token))]
    HubRefused {
        /// The address asked.
        url: String,
        /// 401 or 403.
        status: u16,
        /// The hub's own words.
        message: Option<String>,
        /// Whether a token was sent.
        with_token: bool,
    },
    /// The access token holds characters that no token has; nothing was sent.
    #[error("{url}: the access token holds characters that cannot be sent; give it anew")]
    InvalidToken {
        /// The endpoint it was given for.
        url: String,
    },
    /// The hub asks to come back later (HTTP 429).
    #[error("{url}: the hub limits the rate of requests; try again {}", when(.retry_after))]
    HubRateLimited {
        /// The address asked.
        url: String,
        /// How long to wait, where the hub said so.
        retry_after: Option<Duration>,
    },
    /// The hub is in trouble itself (HTTP 5xx), also after several tries.
    #[error("{url}: the hub failed with {status}; try again later")]
    HubFailed {
        /// The address asked.
        url: String,
        /// The HTTP status.
        status: u16,
    },
    /// The hub answered with a refusal that has no variant of its own, or with something that is not a hub's answer.
    #[error("{url}: unusable answer: {problem}; check the endpoint, or try again later")]
    HubAnswer {
        /// The address asked.
        url: String,
        /// What was wrong with the answer.
        problem: String,
    },
    /// The hub could not be reached, or the connection broke or stalled.
    #[error(
        "{url}: {problem}; check the network and the endpoint, and try again: what has arrived is kept"
    )]
    Network {
        /// The address asked.
        url: String,
        /// What happened.
        problem: String,
        /// The cause, where there is one.
        #[source]
        source: Option<Box<dyn StdError + Send + Sync>>,
    },
}

/// A place that was looked at in vain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LookedAt {
    /// The file or folder.
    pub path: PathBuf,
    /// Why it did not serve, for instance "missing".
    pub reason: String,
}

/// Who stated the digest a file was compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatedBy {
    /// The model's manifest.
    Manifest,
    /// The hub, in its answer's headers.
    Hub,
}

impl fmt::Display for StatedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Manifest => "by the manifest",
            Self::Hub => "by the hub",
        })
    }
}

fn did_you_mean(nearest: &Option<String>) -> String {
    nearest.as_ref().map(|id| format!(", did you mean `{id}`?")).unwrap_or_default()
}

fn list(places: &[LookedAt]) -> String {
    if places.is_empty() {
        return "no place, as none was given".into();
    }
    let places: Vec<_> =
        places.iter().map(|p| format!("{} ({})", p.path.display(), p.reason)).collect();
    places.join(", ")
}

fn how_to_get(fetch: &Option<String>) -> String {
    match fetch {
        Some(command) => format!("fetch it with `{command}`"),
        None => "its manifest names no source, so put the file there".into(),
    }
}

fn renamed(tensor: &str, in_file: &str) -> String {
    if tensor == in_file { String::new() } else { format!(" (in the file: `{in_file}`)") }
}

fn such_as(example: &Option<String>) -> String {
    example.as_ref().map(|name| format!(", such as `{name}`")).unwrap_or_default()
}

fn quoted(message: &Option<String>) -> String {
    message.as_ref().map(|text| format!(" (\"{text}\")")).unwrap_or_default()
}

fn refused_advice(with_token: bool) -> &'static str {
    if with_token {
        "the repository may be gated or private: accept its terms on the hub, or use a token that may read it"
    } else {
        "the repository may be gated, private or misspelt: give an access token that may read it"
    }
}

fn when(retry_after: &Option<Duration>) -> String {
    match retry_after {
        Some(delay) => format!("in {} s", delay.as_secs()),
        None => "later".into(),
    }
}
