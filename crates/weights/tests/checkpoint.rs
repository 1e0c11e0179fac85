//! Opening files: good ones, other formats, and damaged ones.

#![allow(clippy::unwrap_used)] // Helpers of tests, like the tests, may fail by a panic.

mod support;

use std::fs;
use std::path::Path;

use portrait_weights::{Checkpoint, Dtype, Error, Manifest, StatedBy};
use support::{f32s, file, safetensors, sha256, small, with_header};

fn open(bytes: &[u8]) -> Result<Checkpoint, Error> {
    let (_folder, path) = file(bytes);
    let result = Checkpoint::open(&path);
    if let Err(error) = &result {
        let text = error.to_string();
        assert!(text.contains(&path.display().to_string()), "names no file: {text}");
        assert_eq!(text.lines().count(), 1, "{text}");
    }
    result
}

#[test]
fn an_open_checkpoint_tells_its_tensors() {
    let (_folder, path) = file(&small());
    let checkpoint = Checkpoint::open(&path).unwrap();
    assert_eq!(checkpoint.path(), path);
    assert_eq!((checkpoint.len(), checkpoint.is_empty()), (2, false));
    assert_eq!(checkpoint.names().collect::<Vec<_>>(), ["conv.bias", "conv.weight"]);
    assert_eq!(checkpoint.shape("conv.weight"), Some([2, 3].as_slice()));
    assert_eq!(checkpoint.dtype("conv.bias"), Some(Dtype::F32));
    assert_eq!((checkpoint.shape("no"), checkpoint.dtype("no")), (None, None));
    assert!(checkpoint.contains("conv.bias") && !checkpoint.contains("no"));
}

#[test]
fn prefixes_of_training_are_taken_off() {
    let one = || f32s(&[1.]);
    let names =
        ["module.a", "_orig_mod.b", "module._orig_mod.c", "_orig_mod.module.d", "submodule.e"];
    let tensors: Vec<_> = names.iter().map(|name| (*name, Dtype::F32, vec![1], one())).collect();
    let checkpoint = open(&safetensors(&tensors)).unwrap();
    assert_eq!(checkpoint.names().collect::<Vec<_>>(), ["a", "b", "c", "module.d", "submodule.e"]);

    let twins = [("x", Dtype::F32, vec![1], one()), ("module.x", Dtype::F32, vec![1], one())];
    let error = open(&safetensors(&twins)).unwrap_err();
    assert!(error.to_string().contains("the same tensor"), "{error}");
}

#[test]
fn integers_beside_the_weights_do_no_harm_and_packed_types_are_refused() {
    let tensors = [
        ("bn.num_batches_tracked", Dtype::I64, vec![], 7i64.to_le_bytes().to_vec()),
        ("bn.weight", Dtype::F32, vec![1], f32s(&[1.])),
    ];
    assert_eq!(open(&safetensors(&tensors)).unwrap().len(), 2);

    let error = open(&safetensors(&[("w", Dtype::F8_E4M3, vec![2], vec![0, 0])])).unwrap_err();
    assert!(matches!(&error, Error::UnsupportedDtype { tensor, .. } if tensor == "w"), "{error}");
    let unheard = with_header(r#"{"q":{"dtype":"Q4_K","shape":[2],"data_offsets":[0,1]}}"#, &[0]);
    let error = open(&unheard).unwrap_err();
    assert!(matches!(&error, Error::UnsupportedDtype { dtype, .. } if dtype == "Q4_K"), "{error}");
}

#[test]
fn what_is_no_file_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("no.safetensors");
    assert!(
        matches!(Checkpoint::open(&missing), Err(Error::MissingFile { path }) if path == missing)
    );
    assert!(matches!(Checkpoint::open(folder.path()), Err(Error::Disk { .. })));
    assert!(matches!(open(b""), Err(Error::Empty { .. })));
}

#[test]
fn other_formats_are_named() {
    let zip = b"PK\x03\x04\x00\x00\x08\x08\x00\x00\x00\x00archive/data.pkl";
    let pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 444\n";
    let onnx = b"\x08\x07\x12\x07pytorch\x1a\x052.1.0:\xa0\x01some graph";
    for (bytes, named) in [
        (zip.as_slice(), "zip archive"),
        (b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M", "pickle"),
        (pointer, "Git LFS pointer"),
        (b"<!DOCTYPE html>\n<html><body>404</body></html>", "HTML page"),
        (b"\n  <HTML lang=en>login", "HTML page"),
        (onnx, "ONNX"),
        (b"GGUF\x03\x00\x00\x00\x01\x00\x00\x00", "GGUF"),
        (b"\x89HDF\r\n\x1a\n\x00\x00\x00\x00", "HDF5"),
        (b"\x93NUMPY\x01\x00v\x00{'descr'", "NumPy"),
        (b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03", "compressed"),
        (b"{\"error\":\"Repository not found\"}", "JSON"),
        (b"Entry not found in the repository", "text"),
        (b"abc", "only 3 bytes"),
        (&[0xff; 64], "unknown"),
        (&[0; 64], "unknown"),
    ] {
        let error = open(bytes).unwrap_err();
        assert!(matches!(error, Error::NotSafetensors { .. }), "{named}: {error}");
        assert!(error.to_string().contains(named), "{named} is not in: {error}");
    }
}

#[test]
fn a_file_cut_anywhere_is_an_error_that_says_so() {
    let whole = small();
    let header = 8 + u64::from_le_bytes(whole[..8].try_into().unwrap());
    for length in 0..whole.len() {
        let error = open(&whole[..length]).unwrap_err();
        let length = length as u64;
        match error {
            Error::Empty { .. } => assert_eq!(length, 0),
            Error::NotSafetensors { .. } => assert!((1..8).contains(&length)),
            Error::Truncated { expected, found, .. } => {
                let promised = if length < header { header } else { whole.len() as u64 };
                assert_eq!((expected, found), (promised, length));
            }
            other => panic!("{length}: {other}"),
        }
    }
    let mut longer = whole.clone();
    longer.extend([0; 5]);
    let expected = whole.len() as u64;
    let error = open(&longer).unwrap_err();
    assert!(
        matches!(error, Error::TrailingBytes { expected: e, found, .. } if (e, found) == (expected, expected + 5))
    );
}

/// Every header byte set to every one of several values: never a panic, and what opens stays within the file.
#[test]
fn a_flipped_header_byte_is_an_error_or_a_sound_file() {
    let whole = small();
    let header = 8 + u64::from_le_bytes(whole[..8].try_into().unwrap()) as usize;
    let (_folder, path) = file(&whole);
    let (mut refused, mut opened) = (0, 0);
    for at in 0..header {
        let flips = (0..8)
            .map(|bit| whole[at] ^ (1 << bit))
            .chain([0, 0xff, b'"', b'{', b'}', b'9', b' ', b'\n']);
        for value in flips.filter(|value| *value != whole[at]) {
            let mut damaged = whole.clone();
            damaged[at] = value;
            replace(&path, &damaged);
            match Checkpoint::open(&path) {
                Ok(checkpoint) => {
                    opened += 1;
                    for name in checkpoint.names().map(str::to_owned).collect::<Vec<_>>() {
                        read(&checkpoint, &name);
                    }
                }
                Err(error) => {
                    refused += 1;
                    assert_eq!(error.to_string().lines().count(), 1, "{error}");
                }
            }
        }
    }
    // A letter of a name may change unnoticed; the structure may not.
    assert!(refused > opened, "{refused} refused, {opened} opened");
}

#[test]
fn a_header_that_lies_is_refused() {
    let lies = [
        // Overlap, gap, reversed, beyond the end, overflow, wrong size for the shape.
        r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#,
        r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#,
        r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}"#,
        r#"{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}"#,
        r#"{"a":{"dtype":"F32","shape":[4611686018427387905],"data_offsets":[0,4]}}"#,
        r#"{"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,8]}}"#,
        r#"{"a":{"dtype":"F32","shape":[],"data_offsets":[0,18446744073709551615]}}"#,
        r#"{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}"#,
        r#"{"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}"#,
        r#"{"a":{"dtype":"F32","data_offsets":[0,8]}}"#,
        r#"{"a":3}"#,
        r#"{"a""#,
    ];
    for header in lies {
        let error = open(&with_header(header, &[0; 8])).unwrap_err();
        assert!(
            matches!(error, Error::Header { .. } | Error::Truncated { .. }),
            "{header}: {error}"
        );
    }
    let deep = format!("{{\"a\":{}", "[".repeat(100_000));
    assert!(matches!(open(&with_header(&deep, &[])), Err(Error::Header { .. })));
    // No tensors at all is a file, if an odd one.
    assert!(open(&with_header("{}", &[])).unwrap().is_empty());
}

/// A header of so many tensors without a byte of data.
fn many(count: usize) -> Vec<u8> {
    let tensor = |i| format!(r#""t{i}":{{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}"#);
    let tensors: Vec<String> = (0..count).map(tensor).collect();
    with_header(&format!("{{{}}}", tensors.join(",")), &[])
}

#[test]
fn a_header_of_a_million_tensors_is_refused_at_once() {
    let (_folder, path) = file(&many(1_000_000));
    let begin = std::time::Instant::now();
    let error = Checkpoint::open(path).unwrap_err();
    assert!(begin.elapsed() < std::time::Duration::from_secs(1), "{:?}", begin.elapsed());
    assert!(matches!(&error, Error::Header { problem, .. } if problem.contains("more than the")));
    assert_eq!(open(&many(20_000)).unwrap().len(), 20_000);
}

fn manifest(extra: &str) -> Manifest {
    let text = format!(
        "id = \"x\"\nfamily = \"birefnet\"\nsummary = \"x\"\nfile = \"x\"\n{extra}\n[licence]\nspdx = \"MIT\"\nnotice = \"\"\n\
         [input]\nwidth = 32\nheight = 32\n[architecture]\n"
    );
    Manifest::parse(&text).unwrap()
}

#[test]
fn verifying_compares_size_and_digest() {
    let checkpoint = open_kept(&small());
    let (size, digest) = (small().len() as u64, sha256(&small()));
    let found = checkpoint.1.verify(&manifest("")).unwrap();
    assert_eq!((found.size, found.sha256.as_str(), found.pinned), (size, digest.as_str(), false));
    let pinned = manifest(&format!("size = {size}\nsha256 = \"{digest}\""));
    assert!(checkpoint.1.verify(&pinned).unwrap().pinned);

    let error = checkpoint.1.verify(&manifest("size = 1")).unwrap_err();
    assert!(
        matches!(error, Error::WrongSize { expected: 1, found, .. } if found == size),
        "{error}"
    );
    let other = "e".repeat(64);
    let error = checkpoint.1.verify(&manifest(&format!("sha256 = \"{other}\""))).unwrap_err();
    let Error::WrongSha256 { expected, found, stated_by, .. } = &error else { panic!("{error}") };
    assert_eq!((expected, found, *stated_by), (&other, &digest, StatedBy::Manifest));
    assert!(error.to_string().contains(&other) && error.to_string().contains(&digest), "{error}");
}

#[test]
fn the_digest_is_that_of_the_whole_file_and_is_computed_once() {
    let (_folder, path) = file(&small());
    let checkpoint = Checkpoint::open(&path).unwrap();
    let clone = checkpoint.clone();
    assert_eq!(checkpoint.sha256(), sha256(&small()));
    // The clones share what was computed: it is the same text in the same place.
    assert_eq!(clone.sha256().as_ptr(), checkpoint.sha256().as_ptr());
    assert_eq!(clone.verify(&manifest("")).unwrap().sha256, checkpoint.sha256());

    // It is of what is open, also after the name has been given to another file.
    let mut other = small();
    *other.last_mut().unwrap() ^= 1;
    replace(&path, &other);
    assert_eq!(checkpoint.sha256(), sha256(&small()));
    assert_eq!(Checkpoint::open(&path).unwrap().sha256(), sha256(&other));
}

fn open_kept(bytes: &[u8]) -> (tempfile::TempDir, Checkpoint) {
    let (folder, path) = file(bytes);
    let checkpoint = Checkpoint::open(path).unwrap();
    (folder, checkpoint)
}

/// Gives the path new content as a download does: a mapped file must not be written to.
fn replace(path: &Path, bytes: &[u8]) {
    let temporary = path.with_extension("new");
    fs::write(&temporary, bytes).unwrap();
    fs::rename(temporary, path).unwrap();
}

fn read(checkpoint: &Checkpoint, name: &str) {
    use candle_core::{DType, Device};
    let weights = checkpoint.var_builder(DType::F32, &Device::Cpu);
    let shape = checkpoint.shape(name).unwrap();
    // A damaged type may be one that cannot be converted; that is an error, not a panic.
    if let Ok(tensor) = weights.get(shape, name) {
        assert_eq!(tensor.dims(), shape);
    }
}
