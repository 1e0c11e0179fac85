//! Where the test data lies.

use std::io::Write;
use std::path::{Path, PathBuf};

/// The root of this repository.
pub fn repository_root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_path_buf()
}

/// The path of `name` in the test data folder, or `None`, after printing that the test skips.
///
/// The folder is `PORTRAIT_TEST_DATA`, or `../shared` seen from the repository's root. It holds
/// golden tensors and photos that are not part of the repository, so a clone without it passes.
/// When `PORTRAIT_TEST_DATA` is set, a missing file is an error: nothing is skipped unnoticed.
///
/// # Panics
/// If `PORTRAIT_TEST_DATA` is set and holds no `name`.
pub fn test_data(name: &str) -> Option<PathBuf> {
    let asked = std::env::var_os("PORTRAIT_TEST_DATA").map(PathBuf::from);
    let folder = asked.clone().unwrap_or_else(|| repository_root().join("../shared"));
    let path = folder.join(name);
    if path.exists() {
        return Some(path);
    }
    assert!(asked.is_none(), "PORTRAIT_TEST_DATA holds no {name}: {}", path.display());
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    let path = path.display();
    // Not by `eprintln!`: the harness hides what a passing test prints.
    let told = writeln!(
        std::io::stderr(),
        "SKIPPED {test}: no {path}; set PORTRAIT_TEST_DATA to the test data"
    );
    assert!(told.is_ok(), "standard error can be written to");
    None
}
