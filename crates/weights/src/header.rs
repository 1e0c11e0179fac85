//! The header of a safetensors file: 8 bytes of length (little endian), then JSON, then the tensors' bytes without a gap.
//!
//! Format: <https://huggingface.co/docs/safetensors>, "Format".

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use safetensors::Dtype;
use safetensors::tensor::Metadata;

use crate::error::{Error, Result};
use crate::sniff::looks_like;

/// The format's own limit on a header's length.
const LONGEST_HEADER: u64 = 100_000_000;

/// What is read of it: room for some 40,000 tensors, and published checkpoints have under 5,000. Longer
/// headers, which the format allows, would take seconds and a gigabyte.
const LONGEST_READ: u64 = 4 << 20;

/// Where and what one tensor is.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) name_in_file: String,
    pub(crate) dtype: Dtype,
    pub(crate) shape: Vec<usize>,
    /// Bytes of the file; within it, as `parse` has checked.
    pub(crate) bytes: Range<usize>,
}

/// Tensors by their names without training prefixes.
pub(crate) type Entries = BTreeMap<String, Entry>;

/// Parses and checks the header of a whole file.
pub(crate) fn parse(file: &[u8], path: &Path) -> Result<Entries> {
    let path = || path.to_path_buf();
    if file.is_empty() {
        return Err(Error::Empty { path: path() });
    }
    let other = || Error::NotSafetensors { path: path(), looks_like: looks_like(file) };
    let Some((length, rest)) = file.split_first_chunk::<8>() else {
        return Err(other());
    };
    let length = u64::from_le_bytes(*length);
    // A zip or a pickle gives a length beyond the limit, or no brace where the JSON must begin.
    if length > LONGEST_HEADER || rest.first().is_some_and(|first| *first != b'{') {
        return Err(other());
    }
    let found = file.len() as u64;
    let truncated = |expected| Error::Truncated { path: path(), expected, found };
    let Some(json) = usize::try_from(length).ok().and_then(|length| rest.get(..length)) else {
        return Err(truncated(8 + length));
    };

    let damaged = |problem: String| Error::Header { path: path(), problem };
    if length > LONGEST_READ {
        return Err(damaged(format!(
            "it has {length} bytes, more than the {LONGEST_READ} allowed"
        )));
    }
    let metadata: Metadata =
        serde_json::from_slice(json).map_err(|e| match unknown_dtype(json) {
            Some((tensor, dtype)) => Error::UnsupportedDtype { path: path(), tensor, dtype },
            None => damaged(e.to_string().replace('\n', " ")),
        })?;
    let start = 8 + json.len();
    let expected = (start as u64)
        .checked_add(metadata.data_len() as u64)
        .ok_or_else(|| damaged("the offsets overflow".into()))?;
    if found < expected {
        return Err(truncated(expected));
    }
    if found > expected {
        return Err(Error::TrailingBytes { path: path(), expected, found });
    }

    let mut entries = Entries::new();
    for name in metadata.offset_keys() {
        let Some(info) = metadata.info(&name) else { continue };
        if !is_known(info.dtype) {
            let dtype = info.dtype.to_string();
            return Err(Error::UnsupportedDtype { path: path(), tensor: name, dtype });
        }
        let (from, to) = info.data_offsets;
        let entry = Entry {
            name_in_file: name.clone(),
            dtype: info.dtype,
            shape: info.shape.clone(),
            bytes: start + from..start + to,
        };
        if let Some(twin) = entries.insert(plain_name(&name).into(), entry) {
            return Err(damaged(format!(
                "`{}` and `{name}` are the same tensor",
                twin.name_in_file
            )));
        }
    }
    Ok(entries)
}

/// Types that checkpoints of ours may hold: weights, and the integers that training leaves beside them.
fn is_known(dtype: Dtype) -> bool {
    use Dtype::*;
    matches!(dtype, F16 | BF16 | F32 | F64 | BOOL | U8 | I8 | U16 | I16 | U32 | I32 | U64 | I64)
}

/// The first tensor of a header whose type this version of the format does not know.
fn unknown_dtype(json: &[u8]) -> Option<(String, String)> {
    let header: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(json).ok()?;
    header.into_iter().find_map(|(tensor, info)| {
        let dtype = info.get("dtype")?.as_str()?;
        serde_json::from_value::<Dtype>(dtype.into()).is_err().then(|| (tensor, dtype.into()))
    })
}

/// The name without what data-parallel training and then compilation have put before it.
fn plain_name(name: &str) -> &str {
    let name = name.strip_prefix("module.").unwrap_or(name);
    name.strip_prefix("_orig_mod.").unwrap_or(name)
}
