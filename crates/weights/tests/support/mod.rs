//! Small safetensors files for the tests.
#![allow(dead_code)] // Each test file uses its part.

pub(crate) mod calls;
pub(crate) mod hub;

use std::fs;
use std::path::{Path, PathBuf};

use safetensors::Dtype;
use safetensors::tensor::TensorView;
use tempfile::TempDir;

/// A tensor to write: name, type, shape, bytes.
pub(crate) type Tensor<'a> = (&'a str, Dtype, Vec<usize>, Vec<u8>);

/// A safetensors file's bytes.
pub(crate) fn safetensors(tensors: &[Tensor<'_>]) -> Vec<u8> {
    let views = tensors.iter().map(|(name, dtype, shape, bytes)| {
        (*name, TensorView::new(*dtype, shape.clone(), bytes).unwrap())
    });
    safetensors::serialize(views, None).unwrap()
}

/// A safetensors file's bytes from a header written by hand, which the library would refuse to write.
pub(crate) fn with_header(header: &str, data: &[u8]) -> Vec<u8> {
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend(header.as_bytes());
    file.extend(data);
    file
}

pub(crate) fn f32s(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_le_bytes()).collect()
}

/// Two F32 tensors: `conv.weight` 2×3 and `conv.bias` 2.
pub(crate) fn small() -> Vec<u8> {
    safetensors(&[
        ("conv.weight", Dtype::F32, vec![2, 3], f32s(&[0., 1., 2., 3., 4., 5.])),
        ("conv.bias", Dtype::F32, vec![2], f32s(&[-1., 1.])),
    ])
}

/// A file that arrives in many pieces: one F32 tensor of 300,000 values.
pub(crate) fn large() -> Vec<u8> {
    let values: Vec<f32> = (0..300_000).map(|i| i as f32).collect();
    safetensors(&[("w", Dtype::F32, vec![300_000], f32s(&values))])
}

/// Writes a file into a new folder, which lives as long as the first value.
pub(crate) fn file(bytes: &[u8]) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    fs::write(&path, bytes).unwrap();
    (folder, path)
}

pub(crate) fn sha256(bytes: &[u8]) -> String {
    use sha2::{Digest, Sha256};
    Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect()
}

/// Every file below a folder, relative to it, sorted.
pub(crate) fn files_below(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(next) = open.pop() {
        let Ok(entries) = fs::read_dir(&next) else { continue };
        for path in entries.map(|entry| entry.unwrap().path()) {
            match path.is_dir() {
                true => open.push(path),
                false => found.push(path.strip_prefix(folder).unwrap().display().to_string()),
            }
        }
    }
    found.sort();
    found
}
