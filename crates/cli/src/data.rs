//! What the command keeps between its runs: orders, so that nothing is paid for twice, and videos.

use crate::args::VideoArgs;
use crate::error::CliError;
use crate::files::ledger::Ledger;
use crate::output::Output;
use crate::settings;
use portrait_pipeline::storage::{RetentionPolicy, Sweeper};
use portrait_pipeline::{Error, PhotoId, Storage};
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// The address of D-ID's API.
pub(crate) const D_ID: &str = "https://api.d-id.com";

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
        let root = args.data.clone().or_else(users_folder);
        let Some(root) = root else {
            let hint = "give --data a folder in which orders are kept";
            return Err(CliError::Usage(format!("the user's data folder is unknown: {hint}")));
        };
        let root = root.join(account(args.d_id_url.as_deref().unwrap_or(D_ID))?);
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

/// Which files the command wrote: in the folder that the environment names, whatever `--data` says,
/// so that all commands know of each other's.
pub(crate) fn ledger() -> Ledger {
    let named = std::env::var_os("PORTRAIT_DATA").filter(|value| !value.is_empty());
    Ledger::new(named.map(PathBuf::from).or_else(users_folder))
}

fn users_folder() -> Option<PathBuf> {
    default_folder(|name| std::env::var_os(name))
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

/// Orders at one address mean nothing at another: a folder for each, by scheme, host, port and path.
/// An https address without a path is named by host and port alone.
fn account(address: &str) -> Result<String, CliError> {
    let url = settings::url(address)?;
    let host = url.host_str().unwrap_or_default();
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    let scheme = if url.scheme() == "https" { "" } else { &format!("{}:", url.scheme()) };
    let path = url.path().trim_end_matches('/');
    let whole = format!("{scheme}{host}{port}{path}");
    // What no file system minds, and no two addresses share.
    let safe =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-".contains(&byte);
    let name = whole.bytes().map(|byte| match byte {
        _ if safe(byte) => char::from(byte).to_string(),
        b':' => "_".to_owned(),
        _ => format!("_{byte:02x}_"),
    });
    Ok(name.collect())
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
    use std::collections::HashSet;

    #[test]
    fn each_address_has_a_folder_of_its_own() {
        assert_eq!(account(D_ID).unwrap(), "api.d-id.com");
        assert_eq!(account("https://API.d-id.com:443/").unwrap(), "api.d-id.com");
        assert_eq!(account("https://gateway.lan:8443").unwrap(), "gateway.lan_8443");
        assert_eq!(account("http://127.0.0.1:8085/").unwrap(), "http_127.0.0.1_8085");
        assert_eq!(account("http://[::1]:8085/").unwrap(), "http__5b___1_5d__8085");
        assert_eq!(account("https://gateway.lan/d-id/").unwrap(), "gateway.lan_2f_d-id");
        let apart = [
            "https://gateway.lan",
            "http://gateway.lan",
            "https://gateway.lan:80",
            "http://gateway.lan:443",
            "https://gateway.lan/a",
            "https://gateway.lan/A",
            "https://gateway.lan/b",
            "https://gateway.lan/a/b",
            "https://gateway.lan/a_b",
            "https://gateway.lan/a%2Fb",
        ];
        let names: HashSet<_> = apart.iter().map(|address| account(address).unwrap()).collect();
        assert_eq!(names.len(), apart.len(), "{names:?}");
        assert!(account("nonsense").is_err());
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
