//! What the pipeline is told about queues.

use super::batching::Batching;
use portrait_gpu_scheduling::{BIREFNET, Policy, YOLO};
use portrait_kernels::Precision;
use portrait_weights::{Manifest, Memory};

/// Requests that wait for a device, or are prepared for it, at once by default; each keeps its photo
/// in memory.
const WAITING: usize = 256;
/// Those of one flow, so that no flow can fill the queue.
const WAITING_PER_FLOW: usize = 64;

/// The seed's table with the pipeline's bounds: detection two at a time, segmentation alone on its
/// device, 256 waiting, 64 of one flow.
pub(crate) fn default_policy() -> Policy {
    Policy { waiting: WAITING, waiting_per_flow: WAITING_PER_FLOW, ..Policy::standard() }
}

/// The policy with the peaks that the models' manifests tell for this kind of device and precision,
/// where its own are only assumed. So many inputs as go together are taken to need so many times as
/// much.
pub(crate) fn with_measured_peaks(
    policy: Policy,
    batching: Batching,
    on_cpu: bool,
    precision: Precision,
    [detection, segmentation]: [&Manifest; 2],
) -> Policy {
    let steps = [(YOLO, detection, batching.detection), (BIREFNET, segmentation, batching.persons)];
    steps.into_iter().fold(policy, |policy, (class, manifest, together)| {
        let Some(bytes) = peak(&manifest.memory, on_cpu, precision) else { return policy };
        policy.with_measured_peak(class, bytes.saturating_mul(together.max(1) as u64))
    })
}

fn peak(memory: &Memory, on_cpu: bool, precision: Precision) -> Option<u64> {
    let peaks = if on_cpu { memory.cpu } else { memory.cuda };
    match precision {
        // The same values in memory.
        Precision::F32 | Precision::Tf32 | Precision::Int8 => peaks.f32,
        Precision::F16 => peaks.f16,
        Precision::Bf16 => peaks.bf16,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Manifests with these tables of memory.
    fn manifests(detection: &str, segmentation: &str) -> [Manifest; 2] {
        let manifest = |family: &str, memory: &str| {
            let text = format!(
                "id = \"a\"\nfamily = \"{family}\"\nsummary = \"\"\nfile = \"f\"\n\
                 licence = {{ spdx = \"MIT\", notice = \"\" }}\n\
                 input = {{ width = 32, height = 32 }}\narchitecture = {{}}\n[memory]\n{memory}"
            );
            Manifest::parse(&text).unwrap()
        };
        [manifest("yolov8", detection), manifest("birefnet", segmentation)]
    }

    fn memory(policy: &Policy) -> Vec<u64> {
        policy.classes.iter().map(|class| class.memory).collect()
    }

    #[test]
    fn manifests_peaks_replace_what_a_policy_assumes() {
        let [detection, segmentation] =
            manifests("cuda.f16 = 100_000_000", "cpu.f32 = 2_000_000\ncuda.f16 = 900_000_000");
        let measured = |policy, batching, on_cpu, precision| {
            let models = [&detection, &segmentation];
            memory(&with_measured_peaks(policy, batching, on_cpu, precision, models))
        };
        let (alone, mib) = (Batching::default(), 1 << 20);
        let by_memory = Policy::by_memory;
        let f16 = measured(by_memory(), alone, false, Precision::F16);
        assert_eq!(f16, [100_000_000, 900_000_000]);
        let persons = Batching { persons: 4, ..alone };
        let f16 = measured(by_memory(), persons, false, Precision::F16);
        assert_eq!(f16, [100_000_000, 3_600_000_000], "four persons together");
        let cpu = measured(by_memory(), alone, true, Precision::F32);
        assert_eq!(cpu, [512 * mib, 2_000_000], "where there is none the assumption stays");
        let f32 = measured(by_memory(), alone, false, Precision::F32);
        assert_eq!(f32, [512 * mib, 4096 * mib]);
        let own = by_memory().with_peak(BIREFNET, 7);
        assert_eq!(measured(own, alone, false, Precision::F16), [100_000_000, 7]);
        assert_eq!(measured(default_policy(), alone, false, Precision::F16), [0, 0]);
    }
}
