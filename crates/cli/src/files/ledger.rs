//! Which files this command wrote, so that it may write them again.
//!
//! For each folder of results a text file in the user's data folder: a line for each file that was
//! written, with digests of its name, of its content, and of what it was made from. A file that was
//! changed since, or made from something else, is not the command's any more.

use super::write::folder_of;
use sha2::{Digest, Sha256};
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// A page longer than this is written anew with the last line of each file.
const LONG: usize = 1 << 20;

/// The record; without a folder nothing is known.
pub(crate) struct Ledger {
    folder: Option<PathBuf>,
}

impl Ledger {
    /// Below this data folder.
    pub(crate) fn new(data: Option<PathBuf>) -> Self {
        // No name that the orders of an address have.
        Self { folder: data.map(|data| data.join("_written")) }
    }

    /// Whether the file is as this command once wrote it, from this source unless that is empty.
    pub(crate) fn is_own(&self, file: &Path, source: &str) -> bool {
        let lines = self.lines(file);
        if lines.is_empty() {
            return false;
        }
        let source = (!source.is_empty()).then(|| digest(source.as_bytes()));
        let Ok(now) = File::open(file).and_then(digest_of_file) else { return false };
        lines.iter().any(|(content, from)| {
            *content == now && source.as_ref().is_none_or(|source| source == from)
        })
    }

    /// The digests of content and source that were noted of a file.
    fn lines(&self, file: &Path) -> Vec<(String, String)> {
        let Some((page, name)) = self.page(file) else { return Vec::new() };
        let text = std::fs::read_to_string(page).unwrap_or_default();
        let of_file = text.lines().filter_map(|line| line.strip_prefix(&name)?.strip_prefix(' '));
        let parts = of_file.filter_map(|line| line.split_once(' '));
        parts.map(|(content, from)| (content.to_owned(), from.to_owned())).collect()
    }

    /// Notes what is about to be written. Where that fails, the file will need `--force`.
    pub(crate) fn writes(&self, file: &Path, content: &str, source: &str) {
        let Some((page, name)) = self.page(file) else { return };
        let line = format!("{name} {content} {}\n", digest(source.as_bytes()));
        if let Err(error) = note(&page, &line) {
            tracing::warn!(path = %page.display(), %error, "what was written could not be noted");
        }
    }

    /// The page of the file's folder, and what the file is called there.
    fn page(&self, file: &Path) -> Option<(PathBuf, String)> {
        let folder = folder_of(file).canonicalize().ok()?;
        let page = self.folder.as_ref()?.join(digest(folder.as_os_str().as_encoded_bytes()));
        Some((page, digest(file.file_name()?.as_encoded_bytes())))
    }
}

fn note(page: &Path, line: &str) -> io::Result<()> {
    let mut folder = std::fs::DirBuilder::new();
    let mut options = OpenOptions::new();
    folder.recursive(true);
    options.create(true).append(true);
    #[cfg(unix)]
    {
        std::os::unix::fs::DirBuilderExt::mode(&mut folder, 0o700);
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    }
    folder.create(folder_of(page))?;
    options.open(page)?.write_all(line.as_bytes())?;
    if page.metadata()?.len() > LONG as u64 { shorten(page) } else { Ok(()) }
}

/// Keeps the last line of each file.
fn shorten(page: &Path) -> io::Result<()> {
    let text = std::fs::read_to_string(page)?;
    let mut known = std::collections::HashSet::new();
    let mut lines: Vec<&str> = text.lines().rev().filter(|line| known.insert(name(line))).collect();
    // Half of the room at most, so that this is seldom done.
    lines.truncate(LONG / 2 / 100);
    lines.reverse();
    let mut short = tempfile::NamedTempFile::new_in(folder_of(page))?;
    short.write_all((lines.join("\n") + "\n").as_bytes())?;
    short.persist(page)?;
    Ok(())
}

fn name(line: &str) -> &str {
    line.split(' ').next().unwrap_or_default()
}

/// Half of a SHA-256 in hexadecimal digits: enough that nobody meets two alike.
pub(crate) fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes)[..16].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// [`digest`] of a file's content, without holding it in memory.
pub(crate) fn digest_of_file(mut file: File) -> io::Result<String> {
    let mut hash = Sha256::new();
    let mut part = vec![0; 1 << 16];
    loop {
        match io::Read::read(&mut file, &mut part)? {
            0 => break,
            read => hash.update(&part[..read]),
        }
    }
    Ok(hash.finalize()[..16].iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use super::*;

    #[test]
    fn a_file_is_the_commands_until_it_is_changed() {
        let (data, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let ledger = Ledger::new(Some(data.path().join("new")));
        let file = out.path().join("a_person_0.png");
        assert!(!ledger.is_own(&file, ""));
        std::fs::write(&file, "first").unwrap();
        assert!(!ledger.is_own(&file, ""));
        ledger.writes(&file, &digest(b"first"), "photo a");
        assert!(ledger.is_own(&file, "photo a") && ledger.is_own(&file, ""));
        assert!(!ledger.is_own(&file, "photo b"));
        std::fs::write(&file, "second").unwrap();
        assert!(!ledger.is_own(&file, "photo a"));
        ledger.writes(&file, &digest(b"second"), "photo b");
        assert!(ledger.is_own(&file, "photo b") && !ledger.is_own(&file, "photo a"));
        assert!(!Ledger::new(None).is_own(&file, ""));
    }

    #[test]
    fn a_long_page_is_shortened_and_knows_the_latest() {
        let (data, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let ledger = Ledger::new(Some(data.path().to_path_buf()));
        let file = out.path().join("x.png");
        std::fs::write(&file, "old").unwrap();
        let (page, _) = ledger.page(&file).unwrap();
        std::fs::create_dir_all(folder_of(&page)).unwrap();
        let other = format!("{} {} {}\n", digest(b"n"), digest(b"c"), digest(b"s"));
        std::fs::write(&page, other.repeat(LONG / other.len() + 1)).unwrap();
        ledger.writes(&file, &digest(b"old"), "s");
        assert!(ledger.is_own(&file, "s"));
        assert!(page.metadata().unwrap().len() < 1000);
    }
}
