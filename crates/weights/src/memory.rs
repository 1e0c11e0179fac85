//! What a run of a checkpoint takes of a device's memory.

use serde::Deserialize;

/// The most memory that one run takes, in bytes: one picture at the manifest's input size, the
/// weights included, where it was measured.
///
/// `portrait tensor` measures it (docs/gpu.md): on a CPU it is the most that the process had
/// resident, the program itself included (`peak_resident_bytes`); on a card the most that was in
/// tensors at once (`peak_device_bytes`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct Memory {
    /// On a CPU, which computes in single precision alone.
    pub cpu: Peaks,
    /// On an NVIDIA card.
    pub cuda: Peaks,
}

/// Peaks by the precision that the network is run in, in bytes; `None` where nobody has measured.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct Peaks {
    /// In single precision, with rounded products or not.
    pub f32: Option<u64>,
    /// In IEEE half precision.
    pub f16: Option<u64>,
    /// In bfloat16.
    pub bf16: Option<u64>,
}

/// No network takes less; a smaller number is megabytes by mistake.
const LEAST: u64 = 1_000_000;

impl Memory {
    /// Whether nothing was measured.
    pub fn is_unknown(&self) -> bool {
        *self == Self::default()
    }

    pub(crate) fn check(&self) -> Result<(), String> {
        let all = [self.cpu, self.cuda].map(|peaks| [peaks.f32, peaks.f16, peaks.bf16]);
        match all.into_iter().flatten().flatten().find(|peak| *peak < LEAST) {
            Some(peak) => Err(format!("[memory]: {peak} bytes are too few for a run: give bytes")),
            None => Ok(()),
        }
    }
}
