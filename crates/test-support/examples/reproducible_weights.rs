//! Writes a checkpoint with the reproducible weights of a list of parameters, for trying a network
//! out at full size without a trained checkpoint:
//!
//! `cargo run -p portrait-test-support --example reproducible_weights -- NAMES OUT.safetensors
//! [f16]`
//!
//! `NAMES` has a line per parameter: name, shape (`96x3x4x4`), type.

use candle_core::DType;
use portrait_test_support::reproducible;

fn main() -> candle_core::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (names, file, dtype) = match &arguments[..] {
        [names, file] => (names, file, DType::F32),
        [names, file, dtype] if dtype == "f16" => (names, file, DType::F16),
        _ => candle_core::bail!("usage: reproducible_weights NAMES OUT.safetensors [f16]"),
    };
    reproducible::write_checkpoint(&reproducible::read_names(names), dtype, file)
}
