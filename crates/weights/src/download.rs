//! Downloading one file into the hub cache.

use std::fs;
use std::io::SeekFrom;
use std::path::PathBuf;

use portrait_http::Tries;
use tokio::io::{AsyncSeekExt, AsyncWriteExt};

use crate::cache::{RepositoryCache, disk};
use crate::checkpoint::Checkpoint;
use crate::digest;
use crate::error::{Error, Result, StatedBy};
use crate::hub::{Hub, RemoteFile};
use crate::manifest::{Manifest, Source};
use crate::progress::{Progress, State};
use crate::settings::Download;

/// Downloads the file of a manifest into a hub cache and returns its path there.
///
/// The bytes gather under a name that no reader takes for the file, and what an earlier attempt left is resumed.
/// Only what has the right size and digest and is a whole safetensors file gets its name.
pub(crate) async fn download(
    manifest: &Manifest,
    source: &Source,
    cache: &RepositoryCache,
    settings: &Download,
) -> Result<PathBuf> {
    let transfer = Transfer {
        label: format!("{}/{}", source.repository, source.file),
        hub: Hub::new(settings)?,
        manifest,
        source,
        cache,
        settings,
    };
    transfer.run().await
}

struct Transfer<'a> {
    label: String,
    hub: Hub<'a>,
    manifest: &'a Manifest,
    source: &'a Source,
    cache: &'a RepositoryCache,
    settings: &'a Download,
}

impl Transfer<'_> {
    async fn run(&self) -> Result<PathBuf> {
        self.tell(State::Connecting, 0, None);
        let remote = self.ask().await?;
        let _lock =
            self.cache.lock(&remote.etag, || self.tell(State::Waiting, 0, remote.size)).await?;
        if !self.is_there(&remote) {
            self.fill(&remote).await?;
            self.tell(State::Verifying, self.arrived(&remote), remote.size);
            self.check(&remote).await?;
            self.cache.finish_blob(&remote.etag)?;
        }
        let path = self.cache.publish(self.source, &remote.commit, &remote.etag)?;
        let size = fs::metadata(&path).map_err(|e| disk(&path, "read", e))?.len();
        self.tell(State::Done, size, Some(size));
        tracing::info!(file = self.label, size, commit = remote.commit, "checkpoint downloaded");
        Ok(path)
    }

    /// Asks the hub what the file is, and whether it can be the manifest's.
    async fn ask(&self) -> Result<RemoteFile> {
        let url = self.hub.url(self.source, self.source.revision())?;
        let mut tries = self.settings.retry.tries();
        let remote = loop {
            match self.hub.head(&url).await {
                Err(error) => again_after(&mut tries, error).await?,
                Ok(remote) => break remote,
            }
        };
        match (self.manifest.size, remote.size) {
            (Some(expected), Some(found)) if expected != found => {
                Err(Error::WrongSize { file: url.into(), expected, found })
            }
            _ => Ok(remote),
        }
    }

    /// Whether the content is in the cache: somebody else may have finished it meanwhile, or another revision have it too.
    fn is_there(&self, remote: &RemoteFile) -> bool {
        let blob = self.cache.blob(&remote.etag);
        let right_size = |found| remote.size.is_none_or(|size| size == found);
        fs::metadata(&blob).is_ok_and(|m| right_size(m.len())) && Checkpoint::open(&blob).is_ok()
    }

    /// Brings the incomplete file to its full size, with another try where the connection breaks.
    async fn fill(&self, remote: &RemoteFile) -> Result<()> {
        let incomplete = self.cache.incomplete(&remote.etag);
        let folder = incomplete.parent().unwrap_or(&incomplete);
        fs::create_dir_all(folder).map_err(|e| disk(folder, "write", e))?;
        // What is too long is no beginning, and without a size there is no telling.
        let keep = remote.size.is_some_and(|size| self.arrived(remote) <= size);
        fs::OpenOptions::new()
            .create(true)
            .write(true)
            .truncate(!keep)
            .open(&incomplete)
            .map_err(|e| disk(&incomplete, "write", e))?;
        let mut tries = self.settings.retry.tries();
        while remote.size != Some(self.arrived(remote)) {
            let before = self.arrived(remote);
            match self.receive(remote).await {
                Ok(()) if remote.size.is_none() => break,
                Ok(()) => {}
                Err(error) => {
                    if self.arrived(remote) > before {
                        tries.restart();
                    }
                    again_after(&mut tries, error).await?;
                }
            }
        }
        Ok(())
    }

    /// Writes one body to the incomplete file.
    async fn receive(&self, remote: &RemoteFile) -> Result<()> {
        let incomplete = self.cache.incomplete(&remote.etag);
        let failed = |e| disk(&incomplete, "write", e);
        let url = self.hub.url(self.source, &remote.commit)?;
        let mut body = self.hub.get(&url, self.arrived(remote)).await?;
        let mut done = body.from;
        // Not appended: a write that a cancelled attempt left behind then puts the same bytes in the same place.
        let mut file =
            tokio::fs::OpenOptions::new().write(true).open(&incomplete).await.map_err(failed)?;
        file.set_len(done).await.map_err(failed)?;
        file.seek(SeekFrom::Start(done)).await.map_err(failed)?;
        self.tell(State::Downloading, done, remote.size);
        let ended = loop {
            match body.chunk().await {
                Ok(Some(bytes)) => {
                    done += bytes.as_ref().len() as u64;
                    file.write_all(bytes.as_ref()).await.map_err(failed)?;
                    self.tell(State::Downloading, done, remote.size);
                }
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        file.flush().await.map_err(failed)?;
        ended?;
        match remote.size {
            Some(size) if done > size => {
                fs::remove_file(&incomplete).map_err(failed)?;
                Err(Error::WrongSize { file: body.url(), expected: size, found: done })
            }
            Some(size) if done < size => Err(Error::Network {
                url: body.url(),
                problem: format!("the connection ended after {done} of {size} bytes"),
                source: None,
            }),
            _ => Ok(()),
        }
    }

    /// Checks a full download; one that fails is removed, so that the next attempt begins anew.
    async fn check(&self, remote: &RemoteFile) -> Result<()> {
        let incomplete = self.cache.incomplete(&remote.etag);
        let shown = PathBuf::from(self.hub.url(self.source, &remote.commit)?.as_str());
        let (of_manifest, of_hub) = (self.manifest.sha256.clone(), remote.sha256.clone());
        let size = self.manifest.size;
        let checked = tokio::task::spawn_blocking(move || {
            let file = shown.display().to_string();
            let result = Checkpoint::open_as(&incomplete, &shown).and_then(|_| {
                let found =
                    fs::metadata(&incomplete).map_err(|e| disk(&incomplete, "read", e))?.len();
                if let Some(expected) = size.filter(|expected| *expected != found) {
                    return Err(Error::WrongSize { file: file.clone(), expected, found });
                }
                let sha256 = digest::sha256(&incomplete)?;
                digest::compare(&file, of_hub.as_deref(), &sha256, StatedBy::Hub)?;
                digest::compare(&file, of_manifest.as_deref(), &sha256, StatedBy::Manifest)
            });
            if result.is_err() {
                fs::remove_file(&incomplete).map_err(|e| disk(&incomplete, "remove", e))?;
            }
            result
        });
        match checked.await {
            Ok(result) => result,
            Err(panic) => std::panic::resume_unwind(panic.into_panic()),
        }
    }

    /// Bytes of the incomplete file.
    fn arrived(&self, remote: &RemoteFile) -> u64 {
        fs::metadata(self.cache.incomplete(&remote.etag)).map_or(0, |metadata| metadata.len())
    }

    fn tell(&self, state: State, done: u64, total: Option<u64>) {
        self.settings.on_progress.call(&Progress { file: &self.label, done, total, state });
    }
}

/// Waits for another try, where the error may pass and a try is left; gives the error back
/// otherwise. A limited rate is not met with more requests.
async fn again_after(tries: &mut Tries<'_>, error: Error) -> Result<()> {
    let passing = matches!(error, Error::Network { .. } | Error::HubFailed { .. });
    tries.wait_after(error, passing, None).await
}
