//! Guessing what a file is that is no safetensors file, so that the error can say so.

/// What the first bytes of a file look like, and what to do about it.
pub(crate) fn looks_like(start: &[u8]) -> String {
    let text = || {
        let start = &start[..start.len().min(512)];
        String::from_utf8_lossy(start).trim_start().to_ascii_lowercase()
    };
    let guess = if start.starts_with(b"PK\x03\x04") {
        "it seems to be a zip archive, as PyTorch's .pt and .pth are; convert it to safetensors first"
    } else if start.len() >= 2 && start[0] == 0x80 && (2..=5).contains(&start[1]) {
        "it seems to be a Python pickle (an old PyTorch file); convert it to safetensors first"
    } else if start.starts_with(b"version https://git-lfs") {
        "it is a Git LFS pointer, not the file itself; run `git lfs pull`, or fetch it again"
    } else if is_html(&text()) {
        "it is an HTML page, probably an error or a login page saved in its place; fetch it again"
    } else if start.starts_with(b"GGUF") {
        "it seems to be a GGUF file; a safetensors file is needed"
    } else if start.starts_with(b"\x89HDF\r\n\x1a\n") {
        "it seems to be an HDF5 file; a safetensors file is needed"
    } else if start.starts_with(b"\x93NUMPY") {
        "it seems to be a NumPy array; a safetensors file is needed"
    } else if start.starts_with(b"\x1f\x8b") || start.starts_with(b"\x28\xb5\x2f\xfd") {
        "it seems to be compressed; unpack it first"
    } else if is_onnx(start) {
        "it seems to be an ONNX model; a safetensors file is needed"
    } else if start.first() == Some(&b'{') {
        "it seems to be JSON, probably an error message saved in its place; fetch it again"
    } else if start.len() < 8 {
        return format!("it has only {} bytes; fetch it again", start.len());
    } else if std::str::from_utf8(&start[..start.len().min(64)])
        .is_ok_and(|text| !text.contains('\0'))
    {
        "it seems to be text; fetch it again"
    } else {
        "its format is unknown; fetch it again, or check that it is the file you meant"
    };
    guess.into()
}

fn is_html(text: &str) -> bool {
    ["<!doctype", "<html", "<head", "<body", "<?xml"].iter().any(|tag| text.starts_with(tag))
}

/// An ONNX file is a protobuf message that opens with its IR version (field 1, a small number) and a string (field 2, the
/// producer) or another low field.
fn is_onnx(start: &[u8]) -> bool {
    matches!(start, [0x08, 1..=20, 0x12 | 0x1a | 0x22 | 0x3a, ..])
}
