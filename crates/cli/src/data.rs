//! What the command keeps between its runs: orders, so that nothing is paid for twice, and videos.

use crate::args::VideoArgs;
use crate::error::CliError;
use crate::output::Output;
use crate::settings;
use portrait_pipeline::storage::{RetentionPolicy, Sweeper};
use portrait_pipeline::{Error, PhotoId, Storage};
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// A folder of the user's in which one photo is this process's alone.
pub(crate) struct Data {
    storage: Storage,
    /// Locked until it is closed, by the end of the process at the latest.
    _lock: File,
}

impl Data {
    /// Opens the folder, waits while another run works on the photo, and removes what has been
    /// kept long enough.
    pub(crate) async fn open(
        args: &VideoArgs,
        photo: PhotoId,
        output: &Output,
    ) -> Result<Self, CliError> {
        let root = args.data.clone().or_else(|| default_folder(|name| std::env::var_os(name)));
        let Some(root) = root else {
            let hint = "give --data a folder in which orders are kept";
            return Err(CliError::Usage(format!("the user's data folder is unknown: {hint}")));
        };
        let root = root.join(account(args.d_id_url.as_deref())?);
        private_folder(&root)?;
        let lock = lock(&root.join("locks"), photo, output).await?;
        let storage = Storage::local(&root).map_err(Error::from)?;
        let sweeper = Sweeper::new(storage.clone(), RetentionPolicy::default());
        for failure in sweeper.sweep_once(SystemTime::now().into()).await.failures() {
            tracing::warn!(path = failure.path, error = %failure.error, "what has been kept long enough could not be removed");
        }
        Ok(Self { storage, _lock: lock })
    }

    pub(crate) fn storage(&self) -> &Storage {
        &self.storage
    }
}

/// The user's folder for the data of this program, by the conventions of the system.
fn default_folder(variable: impl Fn(&str) -> Option<std::ffi::OsString>) -> Option<PathBuf> {
    let folder = |name| variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let base = if cfg!(windows) {
        folder("LOCALAPPDATA")
    } else if cfg!(target_os = "macos") {
        folder("HOME").map(|home| home.join("Library/Application Support"))
    } else {
        // XDG Base Directory Specification.
        folder("XDG_DATA_HOME").or_else(|| Some(folder("HOME")?.join(".local/share")))
    };
    Some(base?.join("portrait"))
}

/// Orders at one address mean nothing at another: a folder for each.
fn account(address: Option<&str>) -> Result<String, CliError> {
    let Some(address) = address else {
        return Ok("api.d-id.com".into());
    };
    let url = settings::url(address)?;
    let host = url.host_str().unwrap_or_default().replace(':', "_");
    Ok(match url.port() {
        Some(port) => format!("{host}_{port}"),
        None => host,
    })
}

/// Photos of people are nobody else's business.
fn private_folder(path: &Path) -> Result<(), CliError> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(CliError::file(path, "make the folder"))
}

/// One process at a time may work on the orders of a photo. 256 locks serve all photos, so that
/// they need not be removed.
async fn lock(folder: &Path, photo: PhotoId, output: &Output) -> Result<File, CliError> {
    private_folder(folder)?;
    let id = photo.to_string();
    let path = folder.join(&id[id.len() - 2..]);
    let file = File::create(&path).map_err(CliError::file(&path, "open"))?;
    let mut told = false;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) => {
                if !std::mem::replace(&mut told, true) {
                    output.note("waiting for another run of the command to finish with the photo");
                }
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
            Err(TryLockError::Error(error)) => return Err(CliError::file(&path, "lock")(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_address_has_a_folder_of_its_own() {
        assert_eq!(account(None).unwrap(), "api.d-id.com");
        assert_eq!(account(Some("https://api.d-id.com")).unwrap(), "api.d-id.com");
        assert_eq!(account(Some("http://127.0.0.1:8085/")).unwrap(), "127.0.0.1_8085");
        assert_eq!(account(Some("http://[::1]:8085/")).unwrap(), "[__1]_8085");
        assert!(account(Some("nonsense")).is_err());
    }

    #[test]
    fn the_data_folder_is_the_systems() {
        let home = std::env::temp_dir();
        let found = default_folder(|name| {
            matches!(name, "HOME" | "LOCALAPPDATA").then(|| home.clone().into())
        });
        assert!(found.unwrap().starts_with(&home));
        assert_eq!(default_folder(|_| None), None);
        // As the specification says, what is not absolute is ignored.
        assert_eq!(default_folder(|_| Some("relative".into())), None);
    }
}
