//! The photos a command is given: files, folders, standard input.

use super::ledger::Ledger;
use crate::error::CliError;
use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};

/// Extensions of the files that are taken from a folder.
const PHOTOS: [&str; 5] = ["jpg", "jpeg", "jfif", "png", "webp"];

/// The name that stands for standard input.
pub(crate) fn is_stdin(path: &Path) -> bool {
    path == Path::new("-")
}

/// A photo, and what its results are called.
#[derive(Debug, Clone)]
pub(crate) struct PhotoFile {
    pub(crate) path: PathBuf,
    /// Below the folder for results: the stem, in the folders in which the photo lay below the one
    /// that was given. No other photo of the command has the same.
    pub(crate) name: PathBuf,
}

/// The photos of one command.
#[derive(Debug)]
pub(crate) struct PhotoFiles {
    pub(crate) files: Vec<PhotoFile>,
    /// Whether results are told photo by photo: where several photos or a folder were given.
    pub(crate) several: bool,
}

impl PhotoFiles {
    /// What the results of a photo are called where it is the only one.
    pub(crate) fn name(photo: &Path) -> PathBuf {
        free_name(photo, Path::new(""), &mut HashSet::new()).into()
    }

    /// Files as they are given; of folders the photos in the order of their names, with the folders
    /// in them if `recursive`. Each file once. What this command wrote is not taken from folders.
    pub(crate) fn find(
        given: &[PathBuf],
        recursive: bool,
        ledger: &Ledger,
    ) -> Result<Self, CliError> {
        let mut found = Vec::new();
        let mut several = given.len() > 1;
        for path in given {
            if is_stdin(path) || !path.is_dir() {
                found.push((path.clone(), PathBuf::new()));
                continue;
            }
            several = true;
            let mut inside = Vec::new();
            let walked = walk(path, Path::new(""), recursive, &mut inside);
            walked.map_err(CliError::file(path, "read"))?;
            inside.retain(|(photo, _)| !ledger.is_own(photo, ""));
            if inside.is_empty() {
                let hint = if recursive { "" } else { "; --recursive looks into its folders too" };
                let none = format!("no JPEG, PNG or WebP file is in this folder{hint}");
                return Err(CliError::file(path, "read")(io::Error::other(none)));
            }
            found.extend(inside);
        }
        if given.iter().filter(|path| is_stdin(path)).count() > 1 {
            return Err(CliError::Usage("standard input (-) can be read only once".into()));
        }
        let mut known = HashSet::new();
        found.retain(|(path, _)| known.insert(path.canonicalize().unwrap_or(path.clone())));
        let mut names = HashSet::new();
        let file = |(path, below): (PathBuf, PathBuf)| {
            let name = below.join(free_name(&path, &below, &mut names));
            PhotoFile { path, name }
        };
        Ok(Self { files: found.into_iter().map(file).collect(), several })
    }
}

/// The stem, with a number where another photo has the same name. Capitals make no difference to
/// some disks.
fn free_name(path: &Path, below: &Path, names: &mut HashSet<String>) -> OsString {
    let stem =
        if is_stdin(path) { OsStr::new("stdin") } else { path.file_stem().unwrap_or_default() };
    let mut name = stem.to_owned();
    let mut number = 1;
    while !names.insert(below.join(&name).to_string_lossy().to_lowercase()) {
        number += 1;
        name = stem.to_owned();
        name.push(format!("-{number}"));
    }
    name
}

fn walk(
    folder: &Path,
    below: &Path,
    recursive: bool,
    found: &mut Vec<(PathBuf, PathBuf)>,
) -> io::Result<()> {
    let mut entries = std::fs::read_dir(folder)?.collect::<io::Result<Vec<_>>>()?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let (path, name) = (entry.path(), entry.file_name());
        // Hidden files are other programs': thumbnails, rubbish bins, drafts.
        if name.as_encoded_bytes().starts_with(b".") {
            continue;
        }
        // A link to a folder may lead in a circle.
        if entry.file_type()?.is_dir() {
            if recursive {
                walk(&path, &below.join(&name), recursive, found)?;
            }
        } else if is_photo(&path) && path.is_file() {
            found.push((path, below.to_path_buf()));
        }
    }
    Ok(())
}

fn is_photo(path: &Path) -> bool {
    let extension = path.extension().unwrap_or_default();
    PHOTOS.iter().any(|known| extension.eq_ignore_ascii_case(known))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use super::*;

    #[test]
    fn folders_are_walked_and_every_name_is_another() {
        let root = tempfile::tempdir().unwrap();
        let put = |name: &str| {
            let path = root.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, name).unwrap();
            path
        };
        let (a, b) = (put("in/a.jpg"), put("in/A.PNG"));
        put("in/notes.txt");
        put("in/.hidden.jpg");
        let deep = put("in/trip/a.webp");
        let ledger = Ledger::new(None);
        let names = |given: &[PathBuf], recursive| {
            let found = PhotoFiles::find(given, recursive, &ledger).unwrap();
            assert!(found.several);
            found.files.into_iter().map(|file| (file.path, file.name)).collect::<Vec<_>>()
        };
        let folder = root.path().join("in");
        let flat = [(b.clone(), PathBuf::from("A")), (a.clone(), PathBuf::from("a-2"))];
        assert_eq!(names(std::slice::from_ref(&folder), false), flat);
        let all = names(&[folder.clone(), a.clone()], true);
        assert_eq!(all.len(), 3, "{all:?}");
        assert_eq!(all[2], (deep, PathBuf::from("trip/a")));
        let one = PhotoFiles::find(std::slice::from_ref(&a), false, &ledger).unwrap();
        assert!(!one.several && one.files[0].name == Path::new("a"));
        let stdin = PathBuf::from("-");
        assert_eq!(
            PhotoFiles::find(std::slice::from_ref(&stdin), false, &ledger).unwrap().files[0].name,
            Path::new("stdin")
        );
        assert!(PhotoFiles::find(&[stdin.clone(), stdin], false, &ledger).is_err());
        assert!(PhotoFiles::find(&[root.path().to_path_buf()], false, &ledger).is_err());
    }

    #[test]
    fn what_the_command_wrote_is_not_taken_from_a_folder() {
        let (data, root) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let ledger = Ledger::new(Some(data.path().to_path_buf()));
        let (photo, result) = (root.path().join("a.png"), root.path().join("a_person_0.png"));
        std::fs::write(&photo, "photo").unwrap();
        std::fs::write(&result, "result").unwrap();
        ledger.writes(&result, &crate::files::ledger::digest(b"result"), "a");
        let found = PhotoFiles::find(&[root.path().to_path_buf()], false, &ledger).unwrap();
        assert_eq!(found.files.len(), 1);
        assert_eq!(found.files[0].path, photo);
        let named = PhotoFiles::find(&[result], false, &ledger).unwrap();
        assert_eq!(named.files.len(), 1);
    }
}
