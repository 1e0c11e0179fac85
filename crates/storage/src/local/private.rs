//! Only the user of this process can read what is stored.

use std::fs;
use std::io;
use std::path::Path;

use crate::name::folder::Folder;

/// Creates the root and its folders, which then exist for good: deletions never remove them, so
/// writing a file and tidying up cannot meet.
pub(crate) fn prepare(root: &Path) -> io::Result<()> {
    for folder in Folder::ALL {
        let path = root.join(folder.name());
        create_private(&path)?;
        // One that exists may be of a version that left it open to others.
        restrict(&path, 0o700);
    }
    Ok(())
}

#[cfg(unix)]
fn create_private(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;

    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

#[cfg(not(unix))]
fn create_private(path: &Path) -> io::Result<()> {
    fs::create_dir_all(path)
}

/// Restricts a file just stored, and the folder of its task where it is in one.
///
/// The file had the mode that the umask gave, but nobody else reached it: its folder is private.
pub(crate) fn make_private(file: &Path) {
    restrict(file, 0o600);
    if let Some(folder) = file.parent() {
        restrict(folder, 0o700);
    }
}

/// Takes away what `mode` does not allow to others. That may fail, on a disk without modes or in a
/// folder of another user; what is stored is stored nevertheless.
#[cfg(unix)]
fn restrict(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;

    let restricted = match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_symlink() || metadata.permissions().mode() & 0o077 == 0 => {
            return;
        }
        Ok(_) => fs::set_permissions(path, fs::Permissions::from_mode(mode)),
        Err(error) => Err(error),
    };
    match restricted {
        // Deleted in the meantime.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => {
            let path = path.display();
            let error: &(dyn std::error::Error + 'static) = &error;
            tracing::warn!(%path, error, "other users may be able to read this");
        }
        Ok(()) => {}
    }
}

#[cfg(not(unix))]
fn restrict(_: &Path, _: u32) {}
