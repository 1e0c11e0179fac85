//! SHA-256 of files.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::error::{Error, Result, StatedBy};

/// The SHA-256 of a file in lower-case hex, read in pieces.
pub(crate) fn sha256(path: &Path) -> Result<String> {
    let failed = |source| Error::Disk { path: path.to_path_buf(), action: "read", source };
    let mut file = File::open(path).map_err(failed)?;
    let mut digest = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        match file.read(&mut buffer).map_err(failed)? {
            0 => break,
            n => digest.update(&buffer[..n]),
        }
    }
    Ok(hex(&digest.finalize()))
}

/// The SHA-256 of bytes in lower-case hex.
pub(crate) fn sha256_of(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Compares a digest with a stated one, if there is one.
pub(crate) fn compare(
    file: &str,
    expected: Option<&str>,
    found: &str,
    stated_by: StatedBy,
) -> Result<()> {
    match expected {
        Some(expected) if expected != found => Err(Error::WrongSha256 {
            file: file.into(),
            expected: expected.into(),
            found: found.into(),
            stated_by,
        }),
        _ => Ok(()),
    }
}

/// Whether a text is a SHA-256 in lower-case hex.
pub(crate) fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}
